/* SPDX-License-Identifier: BSD-2-Clause */
/* Which archive, and with which settings: -a DIR, else PKTVAULT_ARCHIVE, else the configuration. */
#ifndef PKV_CLI_ARCHIVES_H
#define PKV_CLI_ARCHIVES_H

#include <stdbool.h>
#include <stddef.h>

#include <pktvault/options.h>

enum { CLI_ARCHIVES_MAX = 64 };

struct cli_archives {
    const char *directories[CLI_ARCHIVES_MAX];
    size_t count;
    const char *config; /* --config FILE; NULL: the usual place, if it is there */
    pkv_options *options;
    int verbose;
};

int cli_archives_init(struct cli_archives *archives); /* exit status; settings at their defaults */
void cli_archives_deinit(struct cli_archives *archives);
int cli_archives_add(struct cli_archives *archives, const char *directory);

/* The archive where no -a is given: of the environment, else of the configuration, which is read.
 * *directory may be NULL. Exit status. */
int cli_archives_default(struct cli_archives *archives, const char **directory);

/* Reads the configuration and settles the directories; `single`: there may be one only. Exit
 * status. */
int cli_archives_settle(struct cli_archives *archives, bool single);

/* For commands that write, once settled: run by root in somebody else's archive, they become that
 * one, so that whoever records into it can go on with what they made. */
int cli_archives_become_owner(const struct cli_archives *archives);

#endif
