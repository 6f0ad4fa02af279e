/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/worth.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

enum kind { LOSSES, GAPS, DELETED, INCOMPLETE, KIND_COUNT };
enum { LISTED_MAX = 3 }; /* stretches of a kind on the line */

static enum kind kind_of(int cause)
{
    switch (cause) {
    case PKV_MISSING_GAP:
        return GAPS;
    case PKV_MISSING_DELETED:
        return DELETED;
    case PKV_MISSING_UNREADABLE:
        return INCOMPLETE;
    default:
        return LOSSES;
    }
}

static void counted(const char *separator, uint64_t count, const char *one, const char *many)
{
    char number[CLI_NUMBER_TEXT];
    (void)fprintf(stderr, "%s%s %s", separator, cli_number(number, count), count == 1 ? one : many);
}

static void put_counts(const pkv_query_report *report, int64_t elapsed_ns)
{
    char number[CLI_NUMBER_TEXT];
    counted("", report->packets, "packet", "packets");
    counted(report->flows_more ? ", at least " : ", ", report->flows, "flow", "flows");
    (void)fprintf(stderr, ", %s of", cli_number(number, report->segments_read));
    counted(" ", report->segments, "segment", "segments");
    counted(", ", report->blocks_read, "block", "blocks");
    (void)fprintf(stderr, ", %s", cli_elapsed(number, elapsed_ns));
}

static void put_missing(const pkv_missing *missing, const struct cli_range *range)
{
    char stretch[CLI_STRETCH_TEXT], safe[CLI_SAFE_TEXT];
    if (missing->cause == PKV_MISSING_UNREADABLE) {
        (void)fputs(cli_safe_text(safe, missing->text, sizeof missing->text), stderr);
        return;
    }
    if (kind_of(missing->cause) == LOSSES) {
        counted("", missing->packets, "packet", "packets");
        (void)fprintf(stderr, " (%s) ", cli_missing_cause(missing->cause));
    }
    (void)fputs(
        cli_stretch(stretch, missing->from_ns, missing->until_ns, range->since_ns, range->utc),
        stderr);
}

static void count_kinds(const pkv_query_report *report, uint64_t counts[KIND_COUNT])
{
    for (size_t i = 0; i < report->missing_count; i++)
        counts[kind_of(report->missing[i].cause)]++;
    for (int cause = 0; cause < PKV_MISSING_CAUSES; cause++)
        counts[kind_of(cause)] += report->missing_more_of[cause];
}

static void put_kind(const pkv_query_report *report, enum kind kind, uint64_t count,
                     const struct cli_range *range)
{
    static const char *const NAMES[KIND_COUNT] = {"LOSSES", "GAPS", "DELETED", "INCOMPLETE"};
    char number[CLI_NUMBER_TEXT];
    uint64_t listed = 0;
    if (count == 0)
        return;
    (void)fprintf(stderr, "; %s%s:%s ", cli_colour(stderr, CLI_RED), NAMES[kind],
                  cli_colour(stderr, CLI_PLAIN));
    for (size_t i = 0; i < report->missing_count && listed < LISTED_MAX; i++) {
        if (kind_of(report->missing[i].cause) != kind)
            continue;
        if (listed++ > 0)
            (void)fputs(", ", stderr);
        put_missing(&report->missing[i], range);
    }
    if (count > listed)
        (void)fprintf(stderr, "%s%s more", listed > 0 ? " and " : "",
                      cli_number(number, count - listed));
}

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Where the range that the user named reaches out of all that was ever recorded. */
static void look_outside(const pkv_query_report *report, const struct cli_range *range,
                         bool *before, bool *behind)
{
    int64_t until_ns = range->until_ns < now_ns() ? range->until_ns : PKV_TIME_MIN;
    *before = range->since_ns != PKV_TIME_MIN && range->since_ns < report->covered_from_ns;
    *behind = until_ns != PKV_TIME_MIN && until_ns > report->covered_until_ns;
}

bool cli_worth_is_whole(const pkv_query *query, const struct cli_range *range)
{
    pkv_query_report report;
    bool before, behind;
    if (pkv_query_report_get(query, &report) != 0)
        return false;
    look_outside(&report, range, &before, &behind);
    return report.packets > 0 && report.missing_count == 0 && report.missing_more == 0 && !before &&
           !behind;
}

/* Nothing was found between the beginning and the end of what was recorded. */
static bool put_covered(const pkv_query_report *report, const struct cli_range *range)
{
    char covered[CLI_NUMBER_TEXT], all[CLI_NUMBER_TEXT];
    uint64_t range_ns = (uint64_t)range->until_ns - (uint64_t)range->since_ns;
    if (report->covered_ns <= 0) {
        (void)fputs("; nothing was recorded in this range", stderr);
        return false;
    }
    if ((uint64_t)report->covered_ns < range_ns - range_ns / 1000) {
        (void)fprintf(stderr, "; no match in the %s of %s that were recorded",
                      cli_lasted(covered, report->covered_ns), cli_lasted(all, (int64_t)range_ns));
        return false;
    }
    (void)fputs("; no match, and all of this range was recorded", stderr);
    return true;
}

static bool put_coverage(const pkv_query_report *report, bool is_readable,
                         const struct cli_range *range)
{
    char stretch[CLI_STRETCH_TEXT];
    bool before, behind;
    look_outside(report, range, &before, &behind);
    if (report->segments == 0) {
        (void)fputs("; the archive holds nothing", stderr);
        return false;
    }
    if (!before && !behind && report->packets > 0)
        return true;
    if (!before && !behind && !is_readable) {
        (void)fputs("; no match in what could be read", stderr);
        return false;
    }
    if (!before && !behind && range->until_ns != PKV_TIME_MAX && range->since_ns != PKV_TIME_MIN)
        return put_covered(report, range);
    (void)cli_stretch(stretch, report->covered_from_ns, report->covered_until_ns, PKV_TIME_MIN,
                      range->utc);
    (void)fprintf(stderr, before || behind ? "; only %s was recorded" : "; no match in %s",
                  stretch);
    return !before && !behind;
}

static int status_of(const uint64_t counts[KIND_COUNT], bool strict)
{
    bool lacks = counts[LOSSES] + counts[GAPS] + counts[DELETED] > 0;
    return counts[INCOMPLETE] > 0 || (strict && lacks) ? CLI_UNREADABLE : CLI_DONE;
}

int cli_worth(const pkv_query *query, const struct cli_worth *worth)
{
    pkv_query_report report = {.packets = 0};
    uint64_t counts[KIND_COUNT] = {0};
    (void)cli_output_flush();
    cli_progress_clear();
    (void)pkv_query_report_get(query, &report);
    put_counts(&report, worth->elapsed_ns);
    count_kinds(&report, counts);
    bool is_whole = put_coverage(&report, counts[INCOMPLETE] == 0, worth->range) &&
                    report.missing_count == 0 && report.missing_more == 0;
    for (enum kind kind = LOSSES; kind < KIND_COUNT; kind++)
        put_kind(&report, kind, counts[kind], worth->range);
    if (worth->interrupted)
        (void)fputs("; interrupted", stderr);
    else if (worth->stopped_at > 0)
        counted("; stopped after ", worth->stopped_at, "packet (-c)", "packets (-c)");
    else if (is_whole)
        (void)fputs("; complete as recorded", stderr);
    (void)fputc('\n', stderr);
    return status_of(counts, worth->strict);
}
