/* SPDX-License-Identifier: BSD-2-Clause */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pktvault/indexer.h>
#include <pktvault/time.h>
#include <pktvault/writer.h>

#include "cli/archives.h"
#include "cli/command.h"
#include "cli/complain.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/range.h"
#include "cli/search.h"
#include "cli/text.h"
#include "cli/worth.h"

static const char HELP[] =
    "usage: pktvault import [-a DIR] [OPTION]… FILE…\n"
    "Archives existing captures and indexes them: pcap and pcapng, plain or in gzip, LZ4 or\n"
    "zstd; -: standard input. Makes the archive if it is not there.\n\n"
    "  -a DIR         archive\n"
    "  -j N           so many files at a time (1)\n"
    "  --again        also files that the archive has already\n"
    "  -o KEY=VALUE   a setting of pktvault.conf(5), such as -o 'vni=100-149 web'\n"
    "  --utc          print times in UTC\n"
    "  --config FILE  instead of /etc/pktvault/pktvault.conf\n"
    "  -v             say more\n\n"
    "Exit status: 0 done, 1 a file could not be imported, 3 a file is broken; what stands\n"
    "before the break is in the archive.\n";

enum { AGAIN = 256, UTC, CONFIG, THREADS_MAX = 64, SETTINGS_MAX = 256 };

struct import {
    struct cli_archives archives;
    struct cli_range range; /* for its utc */
    unsigned flags;
    uint64_t threads;
    const char *settings[SETTINGS_MAX]; /* of -o: they win over the configuration */
    size_t setting_count;
    char **files;
    size_t count;

    pthread_mutex_t lock; /* what stands below, and the output */
    pkv_indexer *indexer; /* that takes what is imported from memory; NULL: not yet */
    bool no_indexer;      /* there is another one */
    size_t next;
    int status;
};

static int keep_setting(struct import *import, const char *assignment)
{
    if (!strchr(assignment, '='))
        return cli_usage("-o takes KEY=VALUE, not '%s'", assignment);
    if (import->setting_count == SETTINGS_MAX)
        return cli_usage("more than %d settings", SETTINGS_MAX);
    import->settings[import->setting_count++] = assignment;
    return CLI_DONE;
}

static int apply_settings(struct import *import)
{
    pkv_error error;
    char key[64];
    for (size_t i = 0; i < import->setting_count; i++) {
        const char *equals = strchr(import->settings[i], '=');
        (void)snprintf(key, sizeof key, "%.*s", (int)(equals - import->settings[i]),
                       import->settings[i]);
        if (pkv_options_set(import->archives.options, key, equals + 1, &error) < 0) {
            (void)cli_fail(&error, NULL);
            return CLI_USAGE;
        }
    }
    return CLI_DONE;
}

static int take_option(struct import *import, int option, char **argv)
{
    switch (option) {
    case 'a':
        return cli_archives_add(&import->archives, optarg);
    case 'j':
        if (!cli_option_number(&import->threads, "-j", optarg))
            return CLI_USAGE;
        return import->threads <= THREADS_MAX ? CLI_DONE
                                              : cli_usage("-j goes up to %d", THREADS_MAX);
    case 'o':
        return keep_setting(import, optarg);
    case 'v':
        import->archives.verbose++;
        return CLI_DONE;
    case AGAIN:
        import->flags |= PKV_IMPORT_AGAIN;
        return CLI_DONE;
    case UTC:
        import->range.utc = 1;
        return CLI_DONE;
    case CONFIG:
        import->archives.config = optarg;
        return CLI_DONE;
    default:
        return cli_option_bad(option, argv);
    }
}

static int settle(struct import *import, int argc, char **argv)
{
    import->files = argv + optind;
    import->count = (size_t)(argc - optind);
    if (import->count == 0)
        return cli_usage("which file?");
    int status = cli_range_settle(&import->range);
    if (status == CLI_DONE)
        status = cli_archives_settle(&import->archives, true);
    if (status == CLI_DONE)
        status = cli_archives_become_owner(&import->archives);
    return status == CLI_DONE ? apply_settings(import) : status;
}

static int read_options(struct import *import, int argc, char **argv, bool *helped)
{
    static const struct option LONG[] = {{"archive", required_argument, NULL, 'a'},
                                         {"again", no_argument, NULL, AGAIN},
                                         {"utc", no_argument, NULL, UTC},
                                         {"config", required_argument, NULL, CONFIG},
                                         {"verbose", no_argument, NULL, 'v'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    int option, status = CLI_DONE;
    while (status == CLI_DONE &&
           (option = getopt_long(argc, argv, ":a:j:o:vh", LONG, NULL)) != -1) {
        *helped = option == 'h';
        if (*helped)
            return CLI_DONE;
        status = take_option(import, option, argv);
    }
    return status == CLI_DONE ? settle(import, argc, argv) : status;
}

static void put_count(const char *separator, uint64_t count, const char *one, const char *many)
{
    char number[CLI_NUMBER_TEXT];
    printf("%s%s %s", separator, cli_number(number, count), count == 1 ? one : many);
}

static void put_report(const char *path, const pkv_import_report *report, int utc)
{
    char size[CLI_NUMBER_TEXT], stretch[CLI_STRETCH_TEXT];
    cli_put_safe(stdout, path);
    put_count(": ", report->packets, "packet", "packets");
    printf(", %s bytes", cli_number(size, report->bytes));
    if (report->packets > 0)
        printf(", %s", cli_stretch(stretch, report->first_ns, report->last_ns, PKV_TIME_MIN, utc));
    put_count(", ", report->segments, "segment", "segments");
    if (report->without_time > 0)
        put_count("; ", report->without_time, "packet without a time", "packets without a time");
    if (report->skipped_blocks > 0)
        put_count("; skipped ", report->skipped_blocks, "block without packets",
                  "blocks without packets");
    (void)fputc('\n', stdout);
    (void)cli_output_flush();
}

static void note(struct import *import, int status)
{
    if (import->status != CLI_FAILED)
        import->status = status;
}

/* Once packets are taken: a file that cannot be imported makes no archive, and what an interrupted
 * import left is compared before it is recovered. */
static void start_indexer(struct import *import)
{
    if (import->indexer || import->no_indexer)
        return;
    int result = pkv_indexer_start(&import->indexer, import->archives.directories[0],
                                   import->archives.options, NULL);
    import->no_indexer = result < 0 && result != PKV_E_NOT_FOUND;
}

static int progress(void *context, uint64_t done, uint64_t all)
{
    struct import *import = context;
    (void)pthread_mutex_lock(&import->lock);
    if (done)
        start_indexer(import);
    int stop = cli_progress(import, done, all);
    (void)pthread_mutex_unlock(&import->lock);
    return stop;
}

/* The reason alone: file and place are said here. */
static const char *reason_of(const char *path, const pkv_import_report *report)
{
    char prefix[64];
    const char *text = report->broken;
    size_t length = strlen(path);
    if (strncmp(text, path, length) == 0 && strncmp(text + length, ": ", 2) == 0)
        text += length + 2;
    (void)snprintf(prefix, sizeof prefix, "byte %lld: ", (long long)report->broken_at);
    if (strncmp(text, prefix, strlen(prefix)) == 0)
        text += strlen(prefix);
    return text;
}

static void say(struct import *import, const char *path, int result,
                const pkv_import_report *report, const pkv_error *error)
{
    cli_progress_clear();
    if (result < 0) {
        cli_complain("%s", error->text[0] ? error->text : pkv_code_name(error->code));
        note(import, CLI_FAILED);
        return;
    }
    put_report(path, report, import->range.utc);
    if (report->broken_at < 0)
        return;
    cli_complain("%s: broken at byte %lld: %s; everything before is in the archive", path,
                 (long long)report->broken_at, reason_of(path, report));
    note(import, CLI_UNREADABLE);
}

static void import_file(struct import *import, const char *path)
{
    pkv_import_report report = {.packets = 0};
    pkv_error error = {.code = 0};
    int result = pkv_import_file(import->archives.directories[0], path, import->flags,
                                 import->archives.options, progress, import, &report, &error);
    (void)pthread_mutex_lock(&import->lock);
    say(import, path, result, &report, &error);
    (void)pthread_mutex_unlock(&import->lock);
}

static void *work(void *context)
{
    struct import *import = context;
    for (;;) {
        (void)pthread_mutex_lock(&import->lock);
        size_t mine = cli_interrupted ? import->count : import->next++;
        (void)pthread_mutex_unlock(&import->lock);
        if (mine >= import->count)
            return NULL;
        import_file(import, import->files[mine]);
    }
}

static void import_all(struct import *import)
{
    pthread_t threads[THREADS_MAX];
    size_t started = 0;
    cli_progress_begin(import->threads > 1 || import->count > 1 ? "importing" : import->files[0]);
    while (started + 1 < import->threads && started + 1 < import->count &&
           pthread_create(&threads[started], NULL, work, import) == 0)
        started++;
    (void)work(import);
    for (size_t i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
}

static int run(struct import *import)
{
    pkv_error error = {.code = 0};
    cli_interrupt_catch(NULL);
    import_all(import);
    cli_progress_begin("indexing");
    pkv_indexer_stop(import->indexer);
    if (cli_interrupted) {
        cli_progress_clear();
        return CLI_FAILED;
    }
    int result = pkv_index_wait(import->archives.directories[0], import->archives.options,
                                cli_progress, NULL, &error);
    cli_progress_clear();
    /* Nothing was imported, so nothing was made that could be indexed. */
    if (result == PKV_E_NOT_FOUND && import->status == CLI_FAILED)
        return CLI_FAILED;
    if (result < 0)
        note(import, cli_fail(&error, NULL));
    return import->status;
}

int cli_import(int argc, char **argv)
{
    struct import import = {.threads = 1, .lock = PTHREAD_MUTEX_INITIALIZER};
    bool helped = false;
    int status = cli_archives_init(&import.archives);
    if (status != CLI_DONE)
        return status;
    status = read_options(&import, argc, argv, &helped);
    if (helped)
        (void)fputs(HELP, stdout);
    else if (status == CLI_DONE)
        status = run(&import);
    cli_archives_deinit(&import.archives);
    return cli_output_end(status);
}
