/* SPDX-License-Identifier: BSD-2-Clause */
/* The subcommands of pktvault: each takes its own words (argv[0] is its name) and answers an exit
 * status. */
#ifndef PKV_CLI_COMMAND_H
#define PKV_CLI_COMMAND_H

enum {
    CLI_DONE = 0, /* also without a match, and when the reader of our output went away */
    CLI_FAILED = 1,
    CLI_USAGE = 2,     /* wrong words: option, expression, time, configuration */
    CLI_UNREADABLE = 3 /* stored data could not be read; with --strict also losses and gaps */
};

int cli_import(int argc, char **argv);
int cli_query(int argc, char **argv);
int cli_flows(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_index(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_extcap(int argc, char **argv);

#endif
