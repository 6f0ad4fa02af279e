/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/explain.h"

#include <stdio.h>

#include "cli/text.h"

static void row(const char *name, uint64_t value, const char *meaning)
{
    char number[CLI_NUMBER_TEXT];
    printf("%-10s %15s  %s\n", name, cli_number(number, value), meaning);
}

static void put_question(const struct cli_search *search)
{
    char stretch[CLI_STRETCH_TEXT];
    printf("expression %s\n", *search->expression ? search->expression : "(everything)");
    printf("range      %s\n", cli_stretch(stretch, search->range.since_ns, search->range.until_ns,
                                          PKV_TIME_MIN, search->range.utc));
}

void cli_explain(const struct cli_search *search)
{
    pkv_query_report report = {.packets = 0};
    (void)pkv_query_report_get(search->query, &report);
    put_question(search);
    row("segments", report.segments, "in the archive");
    row("", report.segments_in_range, "in the range");
    row("", report.segments_skipped, "ruled out by the catalog");
    row("", report.segments_scanned, "read whole: not indexed, or --no-index");
    row("", report.segments_read, "read at all");
    row("indexes", report.indexes_opened, "opened");
    row("flows", report.flows_seen, "looked at");
    row("", report.flows_matched, "that match, or may");
    row("blocks", report.blocks, "in the segments read");
    row("", report.blocks_read, "read");
    row("packets", report.packets_checked, "checked one by one");
    row("", report.packets, "given");
    if (search->flags & PKV_QUERY_DEDUP)
        row("", report.duplicates, "left out as second copies");
}
