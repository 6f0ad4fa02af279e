/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/flow_text.h"
#include "cli/output.h"
#include "cli/search.h"

static const char HELP[] =
    "usage: pktvault flows [-a DIR]… [RANGE] [OPTION]… [EXPRESSION]\n"
    "Lists who talked to whom, one row a flow over the whole range; only packets in the range\n"
    "count.\n\n"
    "  -a DIR            archive; several are merged\n"
    "  -S TIME -U TIME   from and until (not included), as in `pktvault query --help`\n"
    "  --at TIME[/DURATION]  30 s, or the duration, before and after\n"
    "  --utc             read and print times in UTC (csv and json: always)\n"
    "  -T text|csv|json  print as (text)\n"
    "  --by flow|pair|host|port|vni   one row for each (flow)\n"
    "  --sort time|bytes|packets      in this order (time)\n"
    "  -c N              the first N rows\n"
    "  --exact           mean what tcpdump means\n"
    "  --no-index        read everything\n"
    "  --strict          exit 3 also for losses and gaps\n"
    "  --config FILE     instead of /etc/pktvault/pktvault.conf\n";

enum { BY = CLI_SEARCH_END, SORT };
enum form { TEXT, CSV, JSON };

struct settings {
    struct cli_search search;
    struct cli_flow_table table;
    int form, by, sort;
};

/* The place of a word in a list of names, or -1 with a complaint. */
static int choose(const char *option, const char *word, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(word, names[i]) == 0)
            return i;
    (void)cli_usage("%s does not take '%s'", option, word);
    return -1;
}

static int take_option(struct settings *s, int option, char **argv)
{
    static const char *const FORMS[] = {"text", "csv", "json", NULL};
    static const char *const BYS[] = {"flow", "pair", "host", "port", "vni", NULL};
    static const char *const SORTS[] = {"time", "bytes", "packets", NULL};
    switch (option) {
    case 'T':
        s->form = choose("-T", optarg, FORMS);
        return s->form < 0 ? CLI_USAGE : CLI_DONE;
    case BY:
        s->by = choose("--by", optarg, BYS);
        return s->by < 0 ? CLI_USAGE : CLI_DONE;
    case SORT:
        s->sort = choose("--sort", optarg, SORTS);
        return s->sort < 0 ? CLI_USAGE : CLI_DONE;
    default:
        return cli_search_option(&s->search, option, argv);
    }
}

static int read_options(struct settings *s, int argc, char **argv, bool *helped)
{
    static const struct option LONG[] = {{"by", required_argument, NULL, BY},
                                         {"sort", required_argument, NULL, SORT},
                                         CLI_SEARCH_LONG};
    int option, status = CLI_DONE;
    while (status == CLI_DONE &&
           (option = getopt_long(argc, argv, ":T:" CLI_SEARCH_SHORT, LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(s, option, argv);
    }
    return status == CLI_DONE ? cli_search_settle(&s->search, argc, argv) : status;
}

static int put_row(void *context, const pkv_flow *flow)
{
    struct settings *s = context;
    if (s->form == CSV)
        cli_flow_csv(flow);
    else if (s->form == JSON)
        cli_flow_json(flow);
    else
        cli_flow_text(&s->table, flow);
    return cli_output_failed();
}

static int run(struct settings *s)
{
    pkv_error error = {.code = 0};
    s->table = (struct cli_flow_table){.by = s->by, .utc = s->search.range.utc};
    if (s->form == CSV)
        cli_flow_csv_head();
    int result =
        pkv_query_flows(s->search.query, s->by, s->sort, s->search.limit, put_row, s, &error);
    if (!cli_output_flush())
        return CLI_FAILED; /* the end of the command says why */
    return cli_search_finish(&s->search, result, &error, 0);
}

int cli_flows(int argc, char **argv)
{
    struct settings s = {.form = TEXT, .by = PKV_BY_FLOW, .sort = PKV_SORT_TIME};
    bool helped = false;
    int status = cli_search_init(&s.search);
    if (status != CLI_DONE)
        return status;
    status = read_options(&s, argc, argv, &helped);
    cli_output_begin();
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE && (status = cli_search_open(&s.search)) == CLI_DONE)
        status = run(&s);
    cli_search_deinit(&s.search);
    return cli_output_end(status);
}
