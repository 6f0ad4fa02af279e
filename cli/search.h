/* SPDX-License-Identifier: BSD-2-Clause */
/* What query and flows share: archives, range, expression and the flags of a search. */
#ifndef PKV_CLI_SEARCH_H
#define PKV_CLI_SEARCH_H

#include <getopt.h>
#include <stdbool.h>

#include <pktvault/query.h>

#include "cli/archives.h"
#include "cli/range.h"
#include "cli/worth.h"

struct cli_search {
    struct cli_archives archives;
    struct cli_range range;
    char *expression; /* the words behind the options, joined; owned */
    unsigned flags;   /* PKV_QUERY_… */
    uint64_t limit;   /* -c; 0: none */
    bool strict;
    int64_t began_ns;
    pkv_query *query;
    int worst; /* exit status by what the answers were worth, of searches that follow each other */
};

/* For getopt_long, beside a command's own; the long ones stand at the end of its table. */
#define CLI_SEARCH_SHORT "a:S:U:c:nvh"
enum { CLI_AT = 256, CLI_UTC, CLI_CONFIG, CLI_NO_INDEX, CLI_EXACT, CLI_STRICT, CLI_SEARCH_END };
/* clang-format off */
#define CLI_SEARCH_LONG                                                                            \
    {"archive", required_argument, NULL, 'a'}, {"since", required_argument, NULL, 'S'},            \
    {"until", required_argument, NULL, 'U'}, {"at", required_argument, NULL, CLI_AT},              \
    {"utc", no_argument, NULL, CLI_UTC}, {"config", required_argument, NULL, CLI_CONFIG},          \
    {"no-index", no_argument, NULL, CLI_NO_INDEX}, {"exact", no_argument, NULL, CLI_EXACT},        \
    {"strict", no_argument, NULL, CLI_STRICT}, {"verbose", no_argument, NULL, 'v'},                \
    {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}
/* clang-format on */

int cli_search_init(struct cli_search *search);
void cli_search_deinit(struct cli_search *search);

/* Takes an option that getopt_long gave; '?' and ':' are complained about. Exit status. */
int cli_search_option(struct cli_search *search, int option, char **argv);

/* Joins the words from argv[optind] on, settles archives and range. Exit status. */
int cli_search_settle(struct cli_search *search, int argc, char **argv);
int cli_search_open(struct cli_search *search);   /* Exit status. */
int cli_search_next(struct cli_search *search);   /* goes on from the one that is open */
void cli_search_close(struct cli_search *search); /* so that it can be opened again */

/* The last line and the exit status, after pkv_query_next or pkv_query_flows gave `result`. */
int cli_search_finish(struct cli_search *search, int result, const pkv_error *error,
                      uint64_t stopped_at);

/* Complaint for what getopt_long did not like. */
int cli_option_bad(int option, char **argv);

/* A number of -c and -j: false and complained where it is none, or 0. */
bool cli_option_number(uint64_t *number, const char *option, const char *text);

#endif
