/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include <pktvault/indexer.h>

#include "cli/archives.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/search.h"
#include "cli/text.h"

static const char HELP[] =
    "usage: pktvault index [-a DIR] [--follow | --rebuild] [OPTION]…\n"
    "Indexes what is recorded and not indexed yet, and seals what a recorder that died left\n"
    "open. pktvaultd and `pktvault import` do this by themselves.\n\n"
    "  -a DIR         archive\n"
    "  --follow       stay and index what comes, until SIGTERM or SIGINT\n"
    "  --rebuild      forget index/ and catalog.sqlite and make them anew from the segments\n"
    "  --config FILE  instead of /etc/pktvault/pktvault.conf\n"
    "  -v             say more\n\n"
    "Exit status: 0 done, 1 failed (also: another indexer runs), 3 a segment could not be\n"
    "read.\n";

enum { FOLLOW = 256, REBUILD, CONFIG };

struct settings {
    struct cli_archives archives;
    bool follow, rebuild;
};

static int take_option(struct settings *s, int option, char **argv)
{
    switch (option) {
    case 'a':
        return cli_archives_add(&s->archives, optarg);
    case 'v':
        s->archives.verbose++;
        return CLI_DONE;
    case FOLLOW:
        s->follow = true;
        return CLI_DONE;
    case REBUILD:
        s->rebuild = true;
        return CLI_DONE;
    case CONFIG:
        s->archives.config = optarg;
        return CLI_DONE;
    default:
        return cli_option_bad(option, argv);
    }
}

static int read_options(struct settings *s, int argc, char **argv, bool *helped)
{
    static const struct option LONG[] = {{"archive", required_argument, NULL, 'a'},
                                         {"follow", no_argument, NULL, FOLLOW},
                                         {"rebuild", no_argument, NULL, REBUILD},
                                         {"config", required_argument, NULL, CONFIG},
                                         {"verbose", no_argument, NULL, 'v'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    int option, status = CLI_DONE;
    while (status == CLI_DONE && (option = getopt_long(argc, argv, ":a:vh", LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(s, option, argv);
    }
    if (status != CLI_DONE)
        return status;
    if (optind < argc)
        return cli_usage("'%s' is one word too many", argv[optind]);
    if (s->follow && s->rebuild)
        return cli_usage("--rebuild ends; --follow does not: one after the other");
    status = cli_archives_settle(&s->archives, true);
    return status == CLI_DONE ? cli_archives_become_owner(&s->archives) : status;
}

static int run_once(struct settings *s)
{
    pkv_index_report report = {.segments = 0};
    pkv_error error = {.code = 0};
    char packets[CLI_NUMBER_TEXT], flows[CLI_NUMBER_TEXT];
    cli_interrupt_catch(NULL);
    cli_progress_begin("segments");
    int result = pkv_index_run(s->archives.directories[0], s->rebuild ? PKV_INDEX_REBUILD : 0,
                               s->archives.options, cli_progress, NULL, &report, &error);
    cli_progress_clear();
    if (result < 0)
        return cli_fail(&error, NULL);
    printf("%" PRIu64 " segment%s indexed: %s packets, %s flows", report.segments,
           report.segments == 1 ? "" : "s", cli_number(packets, report.packets),
           cli_number(flows, report.flows));
    if (report.recovered > 0)
        printf("; %" PRIu64 " recovered", report.recovered);
    if (report.failed > 0)
        printf("; %" PRIu64 " not readable to the end", report.failed);
    (void)fputc('\n', stdout);
    return report.failed > 0 ? CLI_UNREADABLE : CLI_DONE;
}

static int follow(struct settings *s)
{
    pkv_indexer *indexer;
    pkv_error error = {.code = 0};
    sigset_t ends;
    int number;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ends, NULL);
    if (pkv_indexer_start(&indexer, s->archives.directories[0], s->archives.options, &error) < 0)
        return cli_fail(&error, NULL);
    (void)sigwait(&ends, &number);
    pkv_indexer_stop(indexer);
    return CLI_DONE;
}

int cli_index(int argc, char **argv)
{
    struct settings s = {.follow = false};
    bool helped = false;
    int status = cli_archives_init(&s.archives);
    if (status != CLI_DONE)
        return status;
    status = read_options(&s, argc, argv, &helped);
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE)
        status = s.follow ? follow(&s) : run_once(&s);
    cli_archives_deinit(&s.archives);
    return cli_output_end(status);
}
