/* SPDX-License-Identifier: BSD-2-Clause */
/* From segments to packets in order. */
#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/catalog.h"
#include "query/query_internal.h"

int pkv__query_check_canceled(const struct pkv_query *query, pkv_error *error)
{
    if (!__atomic_load_n(&query->canceled, __ATOMIC_RELAXED))
        return PKV_OK;
    return pkv__error(error, PKV_E_CANCELED, -1, "the query was canceled");
}

/* A segment that was open when it was planned has another name once it is sealed. */
static char *path_of(void *context, const struct pkv__plan *plan)
{
    struct pkv_query *query = context;
    return pkv__query_segment_path(query, &query->segments.items[plan->segment]);
}

int pkv__query_load(struct pkv_query *query, struct pkv__plan *plan, size_t block,
                    const struct pkv__plan_request *request, struct pkv__run **run,
                    pkv_error *error)
{
    struct pkv__run *made = NULL;
    pkv_error inner = {0};
    *run = NULL;
    if (!query->loader && pkv__loader_new(&query->loader, path_of, query))
        return pkv__error_memory(error);
    int rc = pkv__loader_take(query->loader, plan, block, request, &made,
                              &query->report.packets_checked, &inner);
    query->report.blocks_read++;
    if (pkv__query_is_fatal(rc))
        return pkv__error(error, rc, inner.offset, "%s", inner.text);
    if (rc) {
        pkv__query_add_unreadable(query, plan->blocks[block].first_ns, plan->blocks[block].last_ns,
                                  inner.text);
        return PKV_OK;
    }
    *run = made->count ? made : pkv__run_free(made);
    return PKV_OK;
}

void pkv__query_drop_plan(struct pkv_query *query, struct pkv__plan *plan)
{
    if (query->loader)
        pkv__loader_drop(query->loader, plan);
    (void)pkv__plan_free(plan);
}

static int push(struct pkv_query *query, int64_t time_ns, uint32_t segment, uint32_t ordinal,
                enum pkv__heap_kind kind, void *object, pkv_error *error)
{
    struct pkv__heap_item item = {time_ns, segment, ordinal, kind, object};
    return pkv__heap_push(&query->heap, &item) ? pkv__error_memory(error) : PKV_OK;
}

/* Nothing of it is new. */
static bool is_given(const struct pkv_query *query, const struct pkv__candidate *candidate)
{
    return candidate->known_bytes == INT64_MAX && candidate->last_ns < query->request.since_ns;
}

static int64_t earliest(const struct pkv_query *query, const struct pkv__candidate *candidate)
{
    int64_t late_ns = pkv__query_late_ns(candidate, &query->request);
    return candidate->first_ns > late_ns ? candidate->first_ns : late_ns;
}

static int push_segments(struct pkv_query *query, pkv_error *error)
{
    int rc = PKV_OK;
    for (size_t i = 0; i < query->segments.count && !rc; i++) {
        const struct pkv__candidate *candidate = &query->segments.items[i];
        if (!is_given(query, candidate))
            rc = push(query, earliest(query, candidate), (uint32_t)i, 0, PKV__HEAP_SEGMENT, NULL,
                      error);
    }
    return rc;
}

/* A plan lives as long as it has blocks to be read or runs that wait. */
static void release_plan(struct pkv__plan *plan)
{
    if (!plan->runs && plan->next_block >= plan->block_count)
        (void)pkv__plan_free(plan);
}

/* The plan's next block takes the place of what is at the top. */
static void show_block(struct pkv_query *query, struct pkv__plan *plan)
{
    struct pkv__heap_item *top = pkv__heap_top(&query->heap);
    const struct pkv__plan_block *block = &plan->blocks[plan->next_block];
    *top = (struct pkv__heap_item){block->first_ns, plan->segment, block->first_ordinal,
                                   PKV__HEAP_BLOCK, plan};
    pkv__heap_top_changed(&query->heap);
}

static int open_segment(struct pkv_query *query, pkv_error *error)
{
    struct pkv__plan *plan = NULL;
    int rc =
        pkv__query_plan(query, pkv__heap_top(&query->heap)->segment, &query->request, &plan, error);
    if (rc)
        return rc;
    if (plan->block_count) {
        show_block(query, plan);
    } else {
        pkv__heap_pop(&query->heap);
        release_plan(plan);
    }
    return PKV_OK;
}

static int limit_memory(struct pkv_query *query, struct pkv__run *run, pkv_error *error)
{
    if (query->held_bytes + run->held_bytes > PKV__QUERY_HELD_BYTES) {
        int rc = query->spill ? PKV_OK : pkv__spill_new(&query->spill, error);
        if (!rc)
            rc = pkv__run_spill(run, query->spill, error);
        if (rc)
            return rc;
    }
    query->held_bytes += run->held_bytes;
    return PKV_OK;
}

static int read_block(struct pkv_query *query, pkv_error *error)
{
    struct pkv__plan *plan = pkv__heap_top(&query->heap)->object;
    struct pkv__run *run = NULL;
    int rc = pkv__query_load(query, plan, plan->next_block, &query->request, &run, error);
    if (!rc && run)
        rc = limit_memory(query, run, error);
    if (rc) {
        (void)pkv__run_free(run);
        return rc;
    }
    plan->next_block++;
    plan->runs += run ? 1 : 0;
    if (plan->next_block < plan->block_count)
        show_block(query, plan);
    else
        pkv__heap_pop(&query->heap);
    if (!run) {
        release_plan(plan);
        return PKV_OK;
    }
    return push(query, run->items[0].time_ns, plan->segment,
                plan->entries[run->items[0].entry].ordinal, PKV__HEAP_RUN, run, error);
}

/* The run that gave the last packet goes on to its next, or away. */
static void advance(struct pkv_query *query)
{
    struct pkv__run *run = query->current;
    query->current = NULL;
    if (!run)
        return;
    if (++run->at < run->count) {
        struct pkv__heap_item *top = pkv__heap_top(&query->heap);
        top->time_ns = run->items[run->at].time_ns;
        top->ordinal = run->plan->entries[run->items[run->at].entry].ordinal;
        pkv__heap_top_changed(&query->heap);
        return;
    }
    pkv__heap_pop(&query->heap);
    query->held_bytes -= run->held_bytes;
    run->plan->runs--;
    release_plan(run->plan);
    (void)pkv__run_free(run);
}

int pkv__query_step(struct pkv_query *query, pkv_error *error)
{
    int rc = PKV_OK;
    if (!query->started) {
        query->started = true;
        rc = push_segments(query, error);
    }
    advance(query);
    while (!rc) {
        struct pkv__heap_item *top = pkv__heap_top(&query->heap);
        rc = pkv__query_check_canceled(query, error);
        if (rc || !top)
            return rc;
        if (top->kind == PKV__HEAP_SEGMENT) {
            rc = open_segment(query, error);
        } else if (top->kind == PKV__HEAP_BLOCK) {
            rc = read_block(query, error);
        } else {
            query->current = top->object;
            rc = pkv__run_packet(query->current, &query->packet, error);
            return rc ? rc : 1;
        }
    }
    return rc;
}

static void release(struct pkv_query *query, struct pkv__heap_item *item)
{
    if (item->kind == PKV__HEAP_BLOCK) {
        struct pkv__plan *plan = item->object;
        plan->next_block = plan->block_count;
        release_plan(plan);
    } else if (item->kind == PKV__HEAP_RUN) {
        struct pkv__run *run = item->object;
        run->plan->runs--;
        query->held_bytes -= run->held_bytes;
        release_plan(run->plan);
        (void)pkv__run_free(run);
    }
}

void pkv__query_rewind(struct pkv_query *query)
{
    query->current = NULL;
    query->started = false;
    if (query->loader)
        pkv__loader_drop(query->loader, NULL);
    for (size_t i = 0; i < query->heap.count; i++)
        release(query, &query->heap.items[i]);
    query->heap.count = 0;
}

const struct pkv__plan_entry *pkv__query_entry(const struct pkv_query *query)
{
    const struct pkv__run *run = query->current;
    return &run->plan->entries[run->items[run->at].entry];
}
