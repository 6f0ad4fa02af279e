/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pktvault/verify.h>

#include "cli/archives.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/search.h"
#include "cli/text.h"

static const char HELP[] =
    "usage: pktvault verify [-a DIR] [-T text|json] [--quick] [OPTION]…\n"
    "Reads a whole archive and says whether it still is what was recorded. Changes nothing.\n\n"
    "  -a DIR         archive\n"
    "  -T text|json   print as (text)\n"
    "  --quick        hashes, chain and which files are there; not what is in them\n"
    "  --config FILE  instead of /etc/pktvault/pktvault.conf\n\n"
    "A line a finding: damage and missing count, a note does not. Exit status: 0 as recorded,\n"
    "1 failed, 3 something is damaged or missing.\n";

enum { QUICK = 256, CONFIG };

struct settings {
    struct cli_archives archives;
    unsigned flags; /* PKV_VERIFY_… */
    bool json;
};

static int take_option(struct settings *s, int option, char **argv)
{
    switch (option) {
    case 'a':
        return cli_archives_add(&s->archives, optarg);
    case 'T':
        s->json = strcmp(optarg, "json") == 0;
        if (!s->json && strcmp(optarg, "text") != 0)
            return cli_usage("-T takes text or json, not '%s'", optarg);
        return CLI_DONE;
    case QUICK:
        s->flags |= PKV_VERIFY_QUICK;
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
                                         {"quick", no_argument, NULL, QUICK},
                                         {"config", required_argument, NULL, CONFIG},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    int option, status = CLI_DONE;
    while (status == CLI_DONE && (option = getopt_long(argc, argv, ":a:T:h", LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(s, option, argv);
    }
    if (status != CLI_DONE)
        return status;
    if (optind < argc)
        return cli_usage("'%s' is one word too many", argv[optind]);
    return cli_archives_settle(&s->archives, true);
}

static const char *severity_name(int severity)
{
    return severity == PKV_FINDING_DAMAGE    ? "damage"
           : severity == PKV_FINDING_MISSING ? "missing"
                                             : "note";
}

static void note_finding(bool *found, const pkv_finding *finding)
{
    *found = *found || finding->severity != PKV_FINDING_NOTE;
}

/* What is read from files may hold any bytes. */
static int print_finding(void *found, const pkv_finding *finding)
{
    char path[CLI_SAFE_TEXT], text[CLI_SAFE_TEXT];
    enum cli_colour colour = finding->severity == PKV_FINDING_NOTE ? CLI_DIM : CLI_RED;
    note_finding(found, finding);
    cli_progress_clear();
    printf("%s%s%s: %s", cli_colour(stdout, colour), severity_name(finding->severity),
           cli_colour(stdout, CLI_PLAIN),
           cli_safe_text(path, finding->path, strlen(finding->path)));
    if (finding->offset >= 0)
        printf(": byte %" PRId64, finding->offset);
    printf(": %s; %s\n", cli_safe_text(text, finding->text, strlen(finding->text)),
           finding->advice);
    return cli_output_failed();
}

static int put_finding(void *found, const pkv_finding *finding)
{
    struct cli_json json = {.stream = stdout};
    note_finding(found, finding);
    cli_progress_clear();
    cli_json_begin(&json, NULL, '{');
    cli_json_string(&json, "finding", severity_name(finding->severity));
    cli_json_string(&json, "path", finding->path);
    if (finding->offset >= 0)
        cli_json_number(&json, "offset", (uint64_t)finding->offset);
    else
        cli_json_null(&json, "offset");
    cli_json_string(&json, "text", finding->text);
    cli_json_string(&json, "advice", finding->advice);
    cli_json_end(&json, '}');
    cli_json_line(&json);
    return cli_output_failed();
}

static void put_report(const struct settings *s, const pkv_verify_report *report, bool content)
{
    const struct {
        const char *key;
        uint64_t value;
    } NUMBERS[] = {{"segments", report->segments},
                   {"open_segments", report->open_segments},
                   {"blocks", report->blocks},
                   {"packets", report->packets},
                   {"stored_bytes", report->stored_bytes},
                   {"chained", report->chained},
                   {"indexes", report->indexes},
                   {"damages", report->damages},
                   {"missing", report->missing},
                   {"notes", report->notes}};
    struct cli_json json = {.stream = stdout};
    cli_json_begin(&json, NULL, '{');
    cli_json_string(&json, "archive", s->archives.directories[0]);
    cli_json_bool(&json, "quick", s->flags & PKV_VERIFY_QUICK);
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        cli_json_number(&json, NUMBERS[i].key, NUMBERS[i].value);
    cli_json_bool(&json, "as_recorded", content);
    cli_json_end(&json, '}');
    cli_json_line(&json);
}

static void print_count(uint64_t count, const char *one, const char *many)
{
    char number[CLI_NUMBER_TEXT];
    printf("%s %s", cli_number(number, count), count == 1 ? one : many);
}

static void print_report(const struct settings *s, const pkv_verify_report *report, bool content)
{
    print_count(report->segments, "segment", "segments");
    if (report->open_segments > 0) {
        (void)fputs(", ", stdout);
        print_count(report->open_segments, "open", "open");
    }
    if (!(s->flags & PKV_VERIFY_QUICK)) {
        (void)fputs(", ", stdout);
        print_count(report->blocks, "block", "blocks");
        (void)fputs(", ", stdout);
        print_count(report->packets, "packet", "packets");
    }
    if (content) {
        (void)puts(s->flags & PKV_VERIFY_QUICK ? ": hashes and chain as recorded"
                                               : ": as recorded");
        return;
    }
    printf(": %sNOT as recorded%s: ", cli_colour(stdout, CLI_RED), cli_colour(stdout, CLI_PLAIN));
    print_count(report->damages, "damage", "damages");
    (void)fputs(", ", stdout);
    print_count(report->missing, "thing missing", "things missing");
    (void)fputc('\n', stdout);
}

static int verify(const struct settings *s)
{
    pkv_verify_report report = {.segments = 0};
    pkv_error error = {.code = 0};
    static const char bytes;
    bool found = false;
    cli_interrupt_catch(NULL);
    cli_progress_begin("verified");
    int result =
        pkv_verify(s->archives.directories[0], s->flags, s->archives.options, cli_progress,
                   (void *)&bytes, s->json ? put_finding : print_finding, &found, &report, &error);
    cli_progress_clear();
    if (result == PKV_E_CANCELED && cli_output_failed())
        return found ? CLI_UNREADABLE : CLI_FAILED;
    if (result < 0)
        return cli_fail(&error, NULL);
    if (s->json)
        put_report(s, &report, result == 0);
    else
        print_report(s, &report, result == 0);
    return result == PKV_VERIFY_FOUND ? CLI_UNREADABLE : CLI_DONE;
}

int cli_verify(int argc, char **argv)
{
    struct settings s = {.json = false};
    bool helped = false;
    int status = cli_archives_init(&s.archives);
    if (status != CLI_DONE)
        return status;
    status = read_options(&s, argc, argv, &helped);
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE)
        status = verify(&s);
    cli_archives_deinit(&s.archives);
    /* A reader that goes away does not make an archive as recorded. */
    int end = cli_output_end(status);
    return end == CLI_DONE ? status : end;
}
