/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/status_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <pktvault/status.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/text.h"
#include "cli/worth.h"

enum { LISTED_MAX = 10 }; /* so that it fits a screen; -T json has them all */

struct missing_list {
    int utc;
    bool has_begun; /* something is lacking already */
    uint64_t count, unreadable;
};

static void put_name(const char *name)
{
    printf("%s%-9s%s ", cli_colour(stdout, CLI_BOLD), name, cli_colour(stdout, CLI_PLAIN));
}

static void put_segments(const pkv_status *status)
{
    char number[CLI_NUMBER_TEXT];
    put_name("segments");
    printf("%s sealed", cli_number(number, status->sealed_segments));
    printf(", %s being written", cli_number(number, status->open_segments - status->dead_segments));
    if (status->dead_segments > 0)
        printf(", %s%s left by a dead writer%s", cli_colour(stdout, CLI_YELLOW),
               cli_number(number, status->dead_segments), cli_colour(stdout, CLI_PLAIN));
    (void)fputc('\n', stdout);
}

static void put_lag(const pkv_status *status)
{
    char number[CLI_NUMBER_TEXT];
    /* The files were counted first: the indexer may be ahead of them. */
    uint64_t waiting = status->sealed_segments > status->indexed_segments
                           ? status->sealed_segments - status->indexed_segments
                           : 0;
    put_name("indexed");
    if (waiting > 0)
        printf("%s%s segment%s to go%s", cli_colour(stdout, CLI_YELLOW),
               cli_number(number, waiting), waiting == 1 ? "" : "s", cli_colour(stdout, CLI_PLAIN));
    else
        (void)fputs("all", stdout);
    if (status->unchained_segments > 0 && !status->chain_fault[0])
        printf("; %s not in the chain yet", cli_number(number, status->unchained_segments));
    printf("; %s\n", status->indexer_runs ? "an indexer runs" : "no indexer runs");
}

static void put_fault(const char *name, const char *fault)
{
    char safe[CLI_SAFE_TEXT];
    if (!*fault)
        return;
    put_name(name);
    printf("%sunreadable: %s%s\n", cli_colour(stdout, CLI_RED),
           cli_safe_text(safe, fault, strlen(fault)), cli_colour(stdout, CLI_PLAIN));
}

static void put_faults(const pkv_status *status)
{
    put_fault("segments", status->segments_fault);
    put_fault("catalog", status->catalog_fault);
    put_fault("chain", status->chain_fault);
}

static void put_sizes(const pkv_status *status)
{
    char raw[CLI_NUMBER_TEXT], stored[CLI_NUMBER_TEXT], index[CLI_NUMBER_TEXT];
    char free_text[CLI_NUMBER_TEXT], disk[CLI_NUMBER_TEXT];
    put_name("stored");
    printf("%s", cli_size(stored, status->stored_bytes));
    if (status->raw_bytes > 0)
        printf(" of %s recorded (%.0f %%), index and catalog %s", cli_size(raw, status->raw_bytes),
               100.0 * (double)status->stored_bytes / (double)status->raw_bytes,
               cli_size(index, status->index_bytes));
    (void)fputc('\n', stdout);
    put_name("disk");
    printf("%s free of %s\n", cli_size(free_text, status->free_bytes),
           cli_size(disk, status->disk_bytes));
}

static void put_times(const pkv_status *status, int utc)
{
    char stretch[CLI_STRETCH_TEXT], packets[CLI_NUMBER_TEXT], flows[CLI_NUMBER_TEXT];
    put_name("holds");
    printf("%s packets, %s flows", cli_number(packets, status->packets),
           cli_number(flows, status->flows));
    if (status->packets > 0)
        printf(", %s", cli_stretch(stretch, status->first_ns, status->last_ns, PKV_TIME_MIN, utc));
    (void)fputc('\n', stdout);
    if (status->covered_until_ns <= status->covered_from_ns)
        return;
    put_name("covers");
    puts(
        cli_stretch(stretch, status->covered_from_ns, status->covered_until_ns, PKV_TIME_MIN, utc));
}

static int put_missing(void *context, const pkv_missing *missing)
{
    struct missing_list *list = context;
    char stretch[CLI_STRETCH_TEXT], number[CLI_NUMBER_TEXT], safe[CLI_SAFE_TEXT];
    list->unreadable += missing->cause == PKV_MISSING_UNREADABLE && list->count >= LISTED_MAX;
    if (list->count++ >= LISTED_MAX)
        return 0;
    put_name(list->count == 1 && !list->has_begun ? "lacks" : "");
    (void)fputs(cli_colour(stdout, CLI_RED), stdout);
    if (missing->cause == PKV_MISSING_UNREADABLE)
        printf("unreadable: %s", cli_safe_text(safe, missing->text, sizeof missing->text));
    else if (missing->cause == PKV_MISSING_GAP || missing->cause == PKV_MISSING_DELETED)
        (void)fputs(missing->cause == PKV_MISSING_GAP ? "gap" : "deleted", stdout);
    else
        printf("%s packets lost (%s)", cli_number(number, missing->packets),
               cli_missing_cause(missing->cause));
    (void)fputs(cli_colour(stdout, CLI_PLAIN), stdout);
    if (missing->cause != PKV_MISSING_UNREADABLE)
        printf(" %s",
               cli_stretch(stretch, missing->from_ns, missing->until_ns, PKV_TIME_MIN, list->utc));
    (void)fputc('\n', stdout);
    return 0;
}

static void put_gone(uint64_t gone)
{
    char number[CLI_NUMBER_TEXT];
    put_name("lacks");
    printf("%s%s %s not there: deleted or moved; pktvault verify names %s%s\n",
           cli_colour(stdout, CLI_RED), cli_number(number, gone),
           gone == 1 ? "indexed segment is" : "indexed segments are", gone == 1 ? "it" : "them",
           cli_colour(stdout, CLI_PLAIN));
}

/* What cannot be read is worth a word even where losses fill the screen. */
static void put_more(const struct missing_list *list, bool is_cut)
{
    char more[CLI_NUMBER_TEXT], unreadable[CLI_NUMBER_TEXT];
    put_name("");
    printf("and %s%s more", is_cut ? "at least " : "", cli_number(more, list->count - LISTED_MAX));
    if (list->unreadable > 0)
        printf(", %s%s of them unreadable%s", cli_colour(stdout, CLI_RED),
               cli_number(unreadable, list->unreadable), cli_colour(stdout, CLI_PLAIN));
    printf(": -T json lists %s\n", is_cut ? "1,000 of each cause" : "them all");
}

static int put_all_missing(const char *directory, const struct cli_range *range, uint64_t gone)
{
    pkv_error error = {.code = 0};
    struct missing_list list = {.utc = range->utc, .has_begun = gone > 0};
    if (gone > 0)
        put_gone(gone);
    int result =
        pkv_status_missing(directory, range->since_ns, range->until_ns, put_missing, &list, &error);
    if (result < 0)
        return cli_fail(&error, NULL);
    if (list.count > LISTED_MAX)
        put_more(&list, result == PKV_STATUS_MORE);
    if (list.count == 0 && gone == 0) {
        put_name("lacks");
        printf("%snothing that it knows of%s\n", cli_colour(stdout, CLI_GREEN),
               cli_colour(stdout, CLI_PLAIN));
    }
    return CLI_DONE;
}

int cli_status_text(const char *directory, const struct cli_range *range)
{
    char uuid[CLI_SAFE_TEXT];
    pkv_status status;
    pkv_error error = {.code = 0};
    if (pkv_status_get(&status, directory, &error) < 0)
        return cli_fail(&error, NULL);
    put_name("archive");
    cli_put_safe(stdout, directory);
    printf("  %s%s%s\n", cli_colour(stdout, CLI_DIM),
           cli_safe_text(uuid, status.uuid, sizeof status.uuid), cli_colour(stdout, CLI_PLAIN));
    put_name("recorder");
    if (status.lanes_active > 0)
        printf("%swrites %u lane%s%s\n", cli_colour(stdout, CLI_GREEN), status.lanes_active,
               status.lanes_active == 1 ? "" : "s", cli_colour(stdout, CLI_PLAIN));
    else
        puts("nobody is recording");
    put_times(&status, range->utc);
    put_segments(&status);
    put_lag(&status);
    put_faults(&status);
    put_sizes(&status);
    return put_all_missing(directory, range, status.gone_segments);
}
