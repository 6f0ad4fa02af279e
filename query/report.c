/* SPDX-License-Identifier: BSD-2-Clause */
/* What an answer is worth. */
#include <string.h>

#include "query/query_internal.h"

/* Gaps are known once every unindexed segment was scanned, and counted then once. */
static void finish_missing(pkv_query *query)
{
    pkv__missing_drop_gaps(&query->missing);
    pkv__coverage_gaps(&query->coverage, query->gaps_since_ns, query->request.until_ns,
                       &query->missing);
    pkv__missing_sort(&query->missing);
}

static void report_missing(const struct pkv__missing_list *missing, pkv_query_report *report)
{
    report->missing = missing->items;
    report->missing_count = missing->count;
    memcpy(report->missing_more_of, missing->more, sizeof(missing->more));
    for (unsigned cause = 0; cause < PKV_MISSING_CAUSES; cause++)
        report->missing_more += missing->more[cause];
}

int pkv_query_report_get(const pkv_query *query, pkv_query_report *report)
{
    /* The list is kept in order here, which changes nothing that a caller can see. */
    finish_missing((pkv_query *)(uintptr_t)query);
    *report = query->report;
    report->flows = query->flows.count;
    report->flows_more = query->flows.more;
    report->covered_ns = pkv__coverage_within((struct pkv__coverage *)(uintptr_t)&query->coverage,
                                              query->request.since_ns, query->request.until_ns);
    report->segments = query->segments.all;
    report->segments_in_range = query->segments.in_range;
    report->segments_skipped = query->segments.skipped;
    report->covered_from_ns = query->coverage.from_ns;
    report->covered_until_ns = query->coverage.until_ns;
    report_missing(&query->missing, report);
    return PKV_OK;
}
