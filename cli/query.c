/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pktvault/slice.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/explain.h"
#include "cli/follow.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/packet_text.h"
#include "cli/progress.h"
#include "cli/search.h"
#include "cli/text.h"

static const char HELP[] =
    "usage: pktvault query [-a DIR]… [RANGE] [OPTION]… [EXPRESSION]\n"
    "Finds packets. The expression is that of pcap-filter(7) on the inner packet, and\n"
    "`vni N|N-M|NAME|any`, `outer host A`, `truncated`, `malformed`.\n\n"
    "  -a DIR            archive; several are merged\n"
    "  -S TIME -U TIME   from and until (not included): 14:03, 2026-11-17 14:03:22, -2h,\n"
    "                    yesterday, @EPOCH, RFC 3339; without a zone: local\n"
    "  --at TIME[/DURATION]  30 s, or the duration, before and after\n"
    "  --utc             read and print times in UTC\n"
    "  -w FILE           write packets (-: standard output)     -F pcapng|pcap  as\n"
    "  -T text|json      print packets as                       -v   with outer addresses\n"
    "  --decap           without the tunnel                     -c N only the first N\n"
    "  --dedup           one of what was mirrored twice         --count    only how many\n"
    "  --whole           all packets of the flows that match    --explain  only what it took\n"
    "  --exact           mean what tcpdump means                --no-index read everything\n"
    "  --follow          stay and print what arrives\n"
    "  --strict          exit 3 also for losses and gaps\n"
    "  --config FILE     instead of /etc/pktvault/pktvault.conf\n";

enum { DECAP = CLI_SEARCH_END, DEDUP, WHOLE, COUNT, EXPLAIN, FOLLOW };

struct settings {
    struct cli_search search;
    const char *path;   /* -w */
    const char *format; /* -F */
    const char *text;   /* -T */
    bool count, explain, follow;
};

static int take_option(struct settings *s, int option, char **argv)
{
    switch (option) {
    case 'w':
        s->path = optarg;
        return CLI_DONE;
    case 'F':
        s->format = optarg;
        return CLI_DONE;
    case 'T':
        s->text = optarg;
        return CLI_DONE;
    case DECAP:
        s->search.flags |= PKV_QUERY_DECAP;
        return CLI_DONE;
    case DEDUP:
        s->search.flags |= PKV_QUERY_DEDUP;
        return CLI_DONE;
    case WHOLE:
        s->search.flags |= PKV_QUERY_WHOLE;
        return CLI_DONE;
    case COUNT:
        s->count = true;
        return CLI_DONE;
    case EXPLAIN:
        s->explain = true;
        return CLI_DONE;
    case FOLLOW:
        s->follow = true;
        return CLI_DONE;
    default:
        return cli_search_option(&s->search, option, argv);
    }
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return !word || strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

static int check(const struct settings *s)
{
    if (!is_one_of(s->format, "pcapng", "pcap"))
        return cli_usage("-F takes pcapng or pcap, not '%s'", s->format);
    if (!is_one_of(s->text, "text", "json"))
        return cli_usage("-T takes text or json, not '%s'", s->text);
    if (s->format && !s->path)
        return cli_usage("-F says how -w writes, and there is no -w");
    if (s->path && (s->text || s->count || s->explain))
        return cli_usage("-w goes without -T, --count and --explain");
    if (s->follow &&
        (s->path || s->count || s->explain || s->search.range.until || s->search.range.at))
        return cli_usage("--follow goes without -w, -U, --at, --count and --explain");
    if (s->path && strcmp(s->path, "-") == 0 && isatty(STDOUT_FILENO))
        return cli_usage(
            "-w - writes packets, and standard output is a terminal: pipe it, or name a file");
    return CLI_DONE;
}

/* CLI_DONE and *helped where --help was all. */
static int read_options(struct settings *s, int argc, char **argv, bool *helped)
{
    static const struct option LONG[] = {{"decap", no_argument, NULL, DECAP},
                                         {"dedup", no_argument, NULL, DEDUP},
                                         {"whole", no_argument, NULL, WHOLE},
                                         {"count", no_argument, NULL, COUNT},
                                         {"explain", no_argument, NULL, EXPLAIN},
                                         {"follow", no_argument, NULL, FOLLOW},
                                         CLI_SEARCH_LONG};
    int option, status = CLI_DONE;
    while (status == CLI_DONE &&
           (option = getopt_long(argc, argv, ":w:F:T:" CLI_SEARCH_SHORT, LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(s, option, argv);
    }
    if (status == CLI_DONE)
        status = check(s);
    return status == CLI_DONE ? cli_search_settle(&s->search, argc, argv) : status;
}

static void show_progress(const pkv_query *query)
{
    pkv_query_report report;
    if (pkv_query_report_get(query, &report) == 0)
        (void)cli_progress(NULL, report.packets, 0);
}

enum { PROGRESS_PACKETS = 4096 };

static int write_packets(struct settings *s, pkv_slice *slice, uint64_t *given, pkv_error *error)
{
    pkv_packet packet;
    int result = 0;
    while (!s->search.limit || *given < s->search.limit) {
        result = pkv_query_next(s->search.query, &packet, error);
        if (result != PKV_PACKET)
            break;
        result = pkv_slice_add(slice, &packet, error);
        if (result < 0)
            break;
        if (++*given % PROGRESS_PACKETS == 0)
            show_progress(s->search.query);
    }
    if (result >= 0)
        result = pkv_slice_finish(slice, error);
    return result;
}

static uint64_t stopped_at(const struct settings *s, uint64_t given)
{
    return s->search.limit && given == s->search.limit ? given : 0;
}

/* A pipe's reader may be a program that cannot take two link types. */
static int write_slice(struct settings *s, struct cli_file *file, uint64_t *given, pkv_error *error)
{
    pkv_slice *slice;
    int format = s->format && strcmp(s->format, "pcap") == 0 ? PKV_FORMAT_PCAP : PKV_FORMAT_PCAPNG;
    int result = pkv_slice_new(&slice, s->search.query, format, !file->is_regular, cli_file_write,
                               file, error);
    if (result < 0)
        return result;
    result = write_packets(s, slice, given, error);
    (void)pkv_slice_free(slice);
    return result;
}

static int to_file(struct settings *s)
{
    struct cli_file file;
    pkv_error error = {.code = 0};
    uint64_t given = 0;
    if (!cli_file_open(&file, s->path))
        return CLI_FAILED;
    if (file.is_regular)
        cli_progress_begin("packets");
    int result = write_slice(s, &file, &given, &error);
    bool reader_left = cli_file_reader_left(&file);
    bool written = cli_file_close(&file, result >= 0);
    if (reader_left)
        return CLI_DONE;
    if (!written)
        return CLI_FAILED;
    return cli_search_finish(&s->search, result, &error, stopped_at(s, given));
}

static void print_packet(void *context, const pkv_packet *packet)
{
    const struct settings *s = context;
    pkv_summary summary;
    pkv_query_summary(s->search.query, &summary);
    if (s->text && strcmp(s->text, "json") == 0)
        cli_packet_json(packet, &summary);
    else
        cli_packet_text(packet, &summary, s->search.range.utc, s->search.archives.verbose > 0);
}

static void print_count(const struct settings *s)
{
    pkv_query_report report = {.packets = 0};
    struct cli_json json = {.stream = stdout};
    (void)pkv_query_report_get(s->search.query, &report);
    if (!s->text || strcmp(s->text, "json") != 0) {
        printf("%llu\n", (unsigned long long)report.packets);
        return;
    }
    cli_json_begin(&json, NULL, '{');
    cli_json_number(&json, "packets", report.packets);
    cli_json_number(&json, "bytes", report.bytes);
    cli_json_number(&json, "flows", report.flows);
    cli_json_end(&json, '}');
    cli_json_line(&json);
}

static int to_text(struct settings *s)
{
    pkv_error error = {.code = 0};
    pkv_packet packet;
    uint64_t given = 0;
    int result = 0;
    bool quiet = s->count || s->explain;
    while ((!s->search.limit || given < s->search.limit) && !cli_output_failed()) {
        result = pkv_query_next(s->search.query, &packet, &error);
        if (result != PKV_PACKET)
            break;
        given++;
        if (!quiet)
            print_packet(s, &packet);
    }
    if (s->count && result >= 0)
        print_count(s);
    if (s->explain && result >= 0)
        cli_explain(&s->search);
    if (!cli_output_flush())
        return CLI_FAILED; /* the end of the command says why */
    return cli_search_finish(&s->search, result, &error, stopped_at(s, given));
}

static int print_followed(void *context, const pkv_packet *packet)
{
    if (packet)
        print_packet(context, packet);
    return packet ? cli_output_failed() : !cli_output_flush();
}

static int follow(struct settings *s)
{
    char number[CLI_NUMBER_TEXT];
    uint64_t given;
    int status = cli_follow(&s->search, print_followed, s, &given);
    if (cli_output_failed())
        return CLI_FAILED; /* the end of the command says why */
    if (status != CLI_DONE)
        return status;
    (void)fprintf(stderr, "%s %s; followed until %s\n", cli_number(number, given),
                  given == 1 ? "packet" : "packets", cli_interrupted ? "interrupted" : "-c");
    return s->search.worst;
}

static int run(struct settings *s)
{
    if (s->follow)
        return follow(s);
    int status = cli_search_open(&s->search);
    if (status != CLI_DONE)
        return status;
    return s->path ? to_file(s) : to_text(s);
}

int cli_query(int argc, char **argv)
{
    struct settings s = {.path = NULL};
    bool helped = false;
    int status = cli_search_init(&s.search);
    if (status != CLI_DONE)
        return status;
    status = read_options(&s, argc, argv, &helped);
    cli_output_begin();
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE)
        status = run(&s);
    cli_search_deinit(&s.search);
    return cli_output_end(status);
}
