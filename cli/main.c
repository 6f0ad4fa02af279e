/* SPDX-License-Identifier: BSD-2-Clause */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pktvault/error.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/output.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} COMMANDS[] = {
    {"import", cli_import, "archive existing captures"},
    {"query", cli_query, "find packets: as text, JSON, pcapng or pcap"},
    {"flows", cli_flows, "who talked to whom, how long and how much"},
    {"status", cli_status, "what an archive holds, and what it lacks"},
    {"index", cli_index, "index what was recorded; recover; rebuild"},
    {"verify", cli_verify, "whether an archive still is what was recorded"},
    {"extcap", cli_extcap, "an archive as a capture interface of Wireshark"},
};
enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

static int help(void)
{
    puts("usage: pktvault COMMAND [OPTION]… [ARGUMENT]…\n"
         "Archives captured traffic and gives any slice of it back.\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    puts("\nEvery command takes --help and -a DIR (the archive; else $PKTVAULT_ARCHIVE, else the\n"
         "configuration). pktvaultd(8) records.\n\n"
         "  pktvault import -a ARCHIVE capture.pcap\n"
         "  pktvault query -a ARCHIVE vni 100 and icmp and host 10.0.0.10\n"
         "  pktvault query -a ARCHIVE --at 14:03 -w - host 10.0.0.10 | tcpdump -nr -");
    return cli_output_end(CLI_DONE);
}

static int version(void)
{
    printf("pktvault %s\n", pkv_version());
    return cli_output_end(CLI_DONE);
}

static int run(int argc, char **argv)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[0], COMMANDS[i].name) != 0)
            continue;
        cli_complain_as(COMMANDS[i].name);
        return COMMANDS[i].run(argc, argv);
    }
    return cli_usage("there is no command '%s'", argv[0]);
}

/* Wireshark runs what lies in its folder without a word of ours in front. */
static bool is_extcap(const char *program)
{
    const char *slash = program ? strrchr(program, '/') : NULL;
    return program && strcmp(slash ? slash + 1 : program, "pktvault-extcap") == 0;
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file past its limit is an error like another */
    tzset();
    if (is_extcap(argv[0])) {
        cli_complain_as("extcap");
        return cli_extcap(argc, argv);
    }
    if (argc < 2)
        return cli_usage("a command is missing");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return help();
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return version();
    return run(argc - 1, argv + 1);
}
