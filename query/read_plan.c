/* SPDX-License-Identifier: BSD-2-Clause */
/* Plans of segments for a query, and what is learned beside them. */
#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "query/query_internal.h"
#include "query/untold.h"

void pkv__query_add_unreadable(struct pkv_query *query, int64_t from_ns, int64_t until_ns,
                               const char *text)
{
    pkv__missing_add_unreadable(&query->missing, from_ns, until_ns, text);
}

struct scan_context {
    struct pkv_query *query;
    const struct pkv__candidate *candidate;
    const struct pkv__plan *plan;
    struct pkv__losses *losses;
    size_t known_losses; /* told in blocks that the search before this one read */
    int64_t end_ns;      /* of the coverage, as the statistics say */
    int rc;
    bool is_live; /* its writer is at work */
};

static void on_statistics(void *context, uint32_t interface_id,
                          const struct pkv__statistics *statistics)
{
    struct scan_context *c = context;
    int64_t end_ns = statistics->end_ns != PKV_TIME_MIN ? statistics->end_ns : statistics->time_ns;
    if (end_ns > c->end_ns)
        c->end_ns = end_ns;
    if (pkv__losses_add(c->losses, interface_id, statistics))
        c->rc = PKV_E_MEMORY;
    if (c->plan->scanned_bytes <= c->plan->known_bytes)
        (void)pkv__losses_all(c->losses, &c->known_losses);
}

/* Whether the catalog told of this block already: it had been broken when it was indexed. */
static bool is_known_damage(const struct scan_context *c, int64_t offset)
{
    char stem[PKV__SEGMENT_STEM_TEXT], place[32];
    pkv__segment_stem(stem, &c->candidate->name);
    (void)snprintf(place, sizeof(place), "at byte %lld:", (long long)offset);
    for (size_t i = 0; i < c->query->missing.count; i++) {
        const pkv_missing *missing = &c->query->missing.items[i];
        if (missing->cause == PKV_MISSING_UNREADABLE && strstr(missing->text, stem) &&
            strstr(missing->text, place))
            return true;
    }
    return false;
}

static void on_damage(void *context, const char *path, const pkv_error *error)
{
    struct scan_context *c = context;
    (void)path;
    if (!is_known_damage(c, error->offset))
        pkv__query_add_unreadable(c->query, c->candidate->name.start_ns,
                                  c->candidate->name.start_ns, error->text);
}

static void on_coverage(void *context, int64_t first_ns, int64_t last_ns, bool import)
{
    struct scan_context *c = context;
    int64_t start_ns = c->candidate->name.start_ns,
            end_ns = last_ns > start_ns ? last_ns : start_ns;
    if (c->candidate->indexed)
        return;
    if (import)
        start_ns = first_ns;
    if (c->end_ns > end_ns)
        end_ns = c->end_ns;
    if (c->is_live)
        end_ns = pkv__clock_ns();
    if (pkv__coverage_add(&c->query->coverage, start_ns, end_ns, !import))
        c->query->missing.more[PKV_MISSING_UNREADABLE]++;
}

/* It was sealed between the look for its name and its opening. */
static int take_new_path(struct pkv_query *query, const struct pkv__candidate *candidate,
                         struct pkv__plan *plan, pkv_error *error)
{
    char *path = pkv__query_segment_path(query, candidate);
    if (!path)
        return pkv__error_memory(error);
    pkv__free(plan->path);
    plan->path = path;
    return PKV_OK;
}

static int scan(struct pkv_query *query, const struct pkv__candidate *candidate,
                const struct pkv__plan_request *request, struct pkv__plan *plan,
                struct pkv__plan_counts *counts, pkv_error *error)
{
    struct scan_context context = {.query = query,
                                   .candidate = candidate,
                                   .plan = plan,
                                   .end_ns = INT64_MIN,
                                   .is_live = candidate->open && pkv__file_is_locked(plan->path)};
    struct pkv__scan_events events = {&context, on_statistics, on_damage, on_coverage};
    if (pkv__losses_new(&context.losses, candidate->name.start_ns))
        return pkv__error_memory(error);
    int rc = pkv__plan_from_scan(plan, request, &events, counts, error);
    if (rc == PKV_E_NOT_FOUND && candidate->open) {
        rc = take_new_path(query, candidate, plan, error);
        rc = rc ? rc : pkv__plan_from_scan(plan, request, &events, counts, error);
    }
    size_t told;
    (void)pkv__losses_all(context.losses, &told);
    if (!candidate->indexed)
        pkv__missing_add_late(&query->missing, context.losses, context.known_losses, told,
                              plan->late_ns, query->since_ns);
    if (!rc && candidate->open)
        rc = pkv__untold_of_segment(query->directories[candidate->archive], &candidate->name,
                                    context.losses, error);
    if (!candidate->indexed)
        pkv__missing_add_losses(&query->missing, context.losses, query->since_ns, query->until_ns);
    context.losses = pkv__losses_free(context.losses);
    query->report.segments_scanned++;
    return rc ? rc : context.rc ? pkv__error_memory(error) : PKV_OK;
}

static char *path_of(struct pkv_query *query, const struct pkv__candidate *candidate, bool open)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, &candidate->name, open);
    return pkv__archive_join(query->directories[candidate->archive], relative);
}

char *pkv__query_segment_path(struct pkv_query *query, const struct pkv__candidate *candidate)
{
    char *path = path_of(query, candidate, candidate->open);
    if (path && candidate->open && pkv__file_is_gone(path)) {
        pkv__free(path);
        path = path_of(query, candidate, false);
    }
    return path;
}

static int by_index(struct pkv_query *query, const struct pkv__candidate *candidate,
                    const struct pkv__plan_request *request, struct pkv__plan *plan,
                    struct pkv__plan_counts *counts, pkv_error *error)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__index_path(relative, &candidate->name);
    PKV__AUTO_FREE char *path = pkv__archive_join(query->directories[candidate->archive], relative);
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__plan_from_index(plan, path, request, counts, error);
    query->report.indexes_opened++;
    return rc;
}

void pkv__query_read_names(struct pkv_query *query, struct pkv__plan *plan)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    const struct pkv__candidate *candidate = &query->segments.items[plan->segment];
    if (plan->named)
        return;
    plan->named = true;
    struct pkv__catalog *catalog = pkv__query_catalog(query, candidate->archive);
    pkv__segment_stem(stem, &candidate->name);
    if (catalog)
        (void)pkv__catalog_vni_names(catalog, stem, &plan->names, NULL);
}

bool pkv__query_is_fatal(int rc)
{
    return rc == PKV_E_MEMORY || rc == PKV_E_CANCELED;
}

static int make_plan(struct pkv_query *query, const struct pkv__candidate *candidate,
                     const struct pkv__plan_request *request, struct pkv__plan *plan,
                     pkv_error *error)
{
    struct pkv__plan_counts counts = {0};
    pkv_error inner = {0};
    int rc = PKV_E_NOT_FOUND;
    if (candidate->indexed && !(query->flags & PKV_QUERY_NO_INDEX))
        rc = by_index(query, candidate, request, plan, &counts, &inner);
    if (rc && counts.rows && !pkv__query_is_fatal(rc))
        return request->twice ? pkv__error(error, rc, inner.offset, "%s", inner.text)
                              : PKV__PLAN_SPOILED;
    if (rc && !pkv__query_is_fatal(rc)) {
        pkv__plan_clear(plan);
        counts = (struct pkv__plan_counts){0};
        rc = scan(query, candidate, request, plan, &counts, &inner);
    }
    query->report.blocks += counts.blocks;
    query->report.flows_seen += counts.flows_seen;
    query->report.flows_matched += counts.flows_matched;
    query->report.packets_checked += counts.packets_checked;
    if (!rc && !request->whole) /* which flows, an earlier pass has read */
        query->segments.items[plan->segment].read_bytes =
            candidate->open ? plan->scanned_bytes : INT64_MAX;
    if (rc == PKV_E_MEMORY) /* whoever takes rows has no part in `inner` */
        return pkv__error_memory(error);
    if (pkv__query_is_fatal(rc))
        return pkv__error(error, rc, inner.offset, "%s", inner.text);
    if (rc) {
        pkv__plan_clear(plan);
        pkv__query_add_unreadable(query, candidate->first_ns, candidate->last_ns, inner.text);
    }
    if (plan->flow_count)
        pkv__query_read_names(query, plan);
    return PKV_OK;
}

int64_t pkv__query_late_ns(const struct pkv__candidate *candidate,
                           const struct pkv__plan_request *request)
{
    return candidate->known_bytes ? request->begin_ns : request->late_ns;
}

int pkv__query_plan(struct pkv_query *query, uint32_t segment,
                    const struct pkv__plan_request *request, struct pkv__plan **plan,
                    pkv_error *error)
{
    const struct pkv__candidate *candidate = &query->segments.items[segment];
    PKV__AUTO_FREE char *path = pkv__query_segment_path(query, candidate);
    struct pkv__plan *made = NULL;
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__plan_new(&made, path, segment, error);
    if (!rc) {
        made->known_bytes = candidate->known_bytes;
        made->late_ns = pkv__query_late_ns(candidate, request);
        rc = make_plan(query, candidate, request, made, error);
    }
    if (rc) {
        (void)pkv__plan_free(made);
        return rc;
    }
    if (made->block_count)
        query->report.segments_read++;
    *plan = made;
    return PKV_OK;
}
