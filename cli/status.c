/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/output.h"
#include "cli/search.h"
#include "cli/status_text.h"

static const char HELP[] =
    "usage: pktvault status [-a DIR]… [RANGE] [OPTION]…\n"
    "Shows what an archive holds and what it lacks: losses, gaps, what cannot be read.\n\n"
    "  -a DIR             archive; several are shown one after the other\n"
    "  -S TIME  -U TIME   what it lacks from and until; --at TIME[/DURATION]\n"
    "  --utc              read and print times in UTC (json: always)\n"
    "  -T text|json       print as (text)\n"
    "  --config FILE      instead of /etc/pktvault/pktvault.conf\n";

struct settings {
    struct cli_search search;
    bool json;
};

static int take_option(struct settings *s, int option, char **argv)
{
    if (option != 'T')
        return cli_search_option(&s->search, option, argv);
    s->json = strcmp(optarg, "json") == 0;
    if (!s->json && strcmp(optarg, "text") != 0)
        return cli_usage("-T takes text or json, not '%s'", optarg);
    return CLI_DONE;
}

static int read_options(struct settings *s, int argc, char **argv, bool *helped)
{
    static const struct option LONG[] = {
        {"archive", required_argument, NULL, 'a'}, {"since", required_argument, NULL, 'S'},
        {"until", required_argument, NULL, 'U'},   {"at", required_argument, NULL, CLI_AT},
        {"utc", no_argument, NULL, CLI_UTC},       {"config", required_argument, NULL, CLI_CONFIG},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option, status = CLI_DONE;
    while (status == CLI_DONE &&
           (option = getopt_long(argc, argv, ":a:S:U:T:h", LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(s, option, argv);
    }
    if (status == CLI_DONE && optind < argc)
        return cli_usage("'%s' is one word too many", argv[optind]);
    return status == CLI_DONE ? cli_search_settle(&s->search, argc, argv) : status;
}

static int show_all(const struct settings *s)
{
    int worst = CLI_DONE;
    for (size_t i = 0; i < s->search.archives.count; i++) {
        const char *directory = s->search.archives.directories[i];
        if (i > 0 && !s->json)
            (void)fputc('\n', stdout);
        int status = s->json ? cli_status_json(directory, &s->search.range)
                             : cli_status_text(directory, &s->search.range);
        if (status != CLI_DONE)
            worst = status;
    }
    return worst;
}

int cli_status(int argc, char **argv)
{
    struct settings s = {.json = false};
    bool helped = false;
    int status = cli_search_init(&s.search);
    if (status != CLI_DONE)
        return status;
    status = read_options(&s, argc, argv, &helped);
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE)
        status = show_all(&s);
    cli_search_deinit(&s.search);
    return cli_output_end(status);
}
