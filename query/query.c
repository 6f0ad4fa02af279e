/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/query.h>

#include <string.h>

#include <pktvault/time.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/frame.h"
#include "query/query_internal.h"

static bool has_directory(const struct pkv_query *query, const char *directory)
{
    for (size_t i = 0; i < query->directory_count; i++)
        if (pkv__file_is_same(query->directories[i], directory))
            return true;
    return false;
}

static int copy_directories(struct pkv_query *query, const char *const *directories, size_t count,
                            pkv_error *error)
{
    query->directories = pkv__alloc_zero(count ? count : 1, sizeof(*query->directories));
    query->catalogs = pkv__alloc_zero(count ? count : 1, sizeof(*query->catalogs));
    if (!query->directories || !query->catalogs)
        return pkv__error_memory(error);
    for (size_t i = 0; i < count; i++) {
        int rc = pkv__archive_check(directories[i], error);
        if (rc)
            return rc;
        if (has_directory(query, directories[i]))
            continue;
        char *copy = pkv__strdup(directories[i]);
        if (!copy)
            return pkv__error_memory(error);
        query->directories[query->directory_count++] = copy;
    }
    return PKV_OK;
}

struct pkv__catalog *pkv__query_catalog(struct pkv_query *query, size_t directory)
{
    struct pkv__catalog **catalog = &query->catalogs[directory];
    if (!*catalog)
        (void)pkv__catalog_reader_open(catalog, query->directories[directory], NULL);
    return *catalog;
}

int pkv__query_find_segments(struct pkv_query *query, pkv_error *error)
{
    struct pkv__segments_request request = {.filter = query->request.whole ? NULL : query->filter,
                                            .since_ns = query->request.since_ns,
                                            .late_ns = query->request.late_ns,
                                            .until_ns = query->request.until_ns,
                                            .no_index = query->flags & PKV_QUERY_NO_INDEX};
    struct pkv__segments before = query->segments;
    int rc = PKV_OK;
    query->segments = (struct pkv__segments){0};
    pkv__missing_deinit(&query->missing);
    pkv__coverage_deinit(&query->coverage);
    for (size_t i = 0; i < query->directory_count && !rc; i++)
        rc = pkv__segments_add(&query->segments, query->directories[i], (uint32_t)i,
                               pkv__query_catalog(query, i), &request, &query->missing,
                               &query->coverage, error);
    pkv__segments_sort(&query->segments);
    pkv__segments_go_on(&query->segments, &before);
    pkv__segments_deinit(&before);
    return rc;
}

static int64_t late_ns(const struct pkv_query *query)
{
    int64_t late_ns;
    if (__builtin_sub_overflow(query->since_ns, PKV__QUERY_LATE_NS, &late_ns) ||
        late_ns < query->begin_ns)
        return query->begin_ns;
    return late_ns;
}

static int init(struct pkv_query *query, const char *const *directories, size_t count,
                const char *expression, pkv_error *error)
{
    query->expression = pkv__strdup(expression ? expression : "");
    if (!query->expression)
        return pkv__error_memory(error);
    int rc = copy_directories(query, directories, count, error);
    if (!rc)
        rc = pkv__filter_new(&query->filter, query->expression, query->flags & PKV_QUERY_EXACT,
                             pkv__query_expression_names, query, error);
    query->request = (struct pkv__plan_request){.filter = query->filter,
                                                .since_ns = query->since_ns,
                                                .until_ns = query->until_ns,
                                                .late_ns = late_ns(query),
                                                .begin_ns = query->begin_ns,
                                                .cancel = &query->canceled};
    return rc ? rc : pkv__query_find_segments(query, error);
}

/* Has its range and flags, and is freed where that fails. */
static int open_made(pkv_query **query, pkv_query *made, const char *const *directories,
                     size_t count, const char *expression, pkv_error *error)
{
    int rc = init(made, directories, count, expression, error);
    if (rc)
        (void)pkv_query_free(made);
    else
        *query = made;
    return rc;
}

int pkv_query_open(pkv_query **query, const char *const *directories, size_t count,
                   const char *expression, int64_t since_ns, int64_t until_ns, unsigned flags,
                   const pkv_options *options, pkv_error *error)
{
    const unsigned known =
        PKV_QUERY_NO_INDEX | PKV_QUERY_EXACT | PKV_QUERY_DECAP | PKV_QUERY_DEDUP | PKV_QUERY_WHOLE;
    (void)options;
    if (flags & ~known)
        return pkv__error(error, PKV_E_UNSUPPORTED, -1, "a flag of the query is not known: 0x%x",
                          flags & ~known);
    struct pkv_query *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    made->since_ns = made->begin_ns = made->gaps_since_ns = since_ns;
    made->until_ns = until_ns;
    made->flags = flags;
    return open_made(query, made, directories, count, expression, error);
}

/* The end of what it knows to be covered, within all ranges so far. */
static int64_t last_covered(const struct pkv_query *query)
{
    const struct pkv__coverage *coverage = &query->coverage;
    if (!coverage->any || coverage->until_ns >= query->until_ns)
        return query->until_ns;
    return coverage->until_ns > query->begin_ns ? coverage->until_ns : query->begin_ns;
}

int pkv_query_open_next(pkv_query **query, pkv_query *before, int64_t until_ns, pkv_error *error)
{
    struct pkv_query *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    made->begin_ns = before->begin_ns;
    made->since_ns = before->until_ns;
    made->gaps_since_ns = last_covered(before);
    made->until_ns = until_ns > made->since_ns ? until_ns : made->since_ns;
    made->flags = before->flags;
    made->segments = before->segments;
    made->dedup = before->dedup;
    before->segments = (struct pkv__segments){0};
    before->dedup = (struct pkv__dedup){0};
    return open_made(query, made, (const char *const *)before->directories, before->directory_count,
                     before->expression, error);
}

/* All packets of the flows that match: one pass finds the flows, the next reads them. */
static int find_whole_flows(struct pkv_query *query, pkv_error *error)
{
    int rc;
    while ((rc = pkv__query_step(query, error)) == 1) {
        struct pkv__plan_flow *flow =
            &query->current->plan->flows[pkv__query_entry(query)->flow / 4];
        if (!flow->given && (rc = pkv__flow_set_add(&query->whole, &flow->key, error)) < 0)
            return rc;
        flow->given = 1;
    }
    if (rc)
        return rc;
    pkv__query_rewind(query);
    query->report = (pkv_query_report){0};
    query->request.whole = &query->whole;
    query->request.since_ns = query->request.late_ns = query->request.begin_ns = PKV_TIME_MIN;
    query->request.until_ns = PKV_TIME_MAX;
    query->gaps_since_ns = PKV_TIME_MIN;
    return pkv__query_find_segments(query, error);
}

static void count_flow(struct pkv_query *query)
{
    struct pkv__plan_flow *flow = &query->current->plan->flows[pkv__query_entry(query)->flow / 4];
    if (!flow->given)
        pkv__flow_count_add(&query->flows, &flow->key);
    flow->given = 1;
}

static void facts_of_last(const struct pkv_query *query, struct pkv__facts *facts)
{
    pkv__plan_facts(query->current->plan, pkv__query_entry(query), &query->packet, facts);
}

static uint16_t link_type_of_last(const struct pkv_query *query)
{
    return query->current->plan->interfaces[query->packet.interface_id].view.link_type;
}

static int is_duplicate(struct pkv_query *query, pkv_error *error)
{
    struct pkv__facts facts;
    struct pkv__frame frame;
    facts_of_last(query, &facts);
    pkv__frame_inner(&frame, &facts, &query->packet, link_type_of_last(query), &query->frame);
    if (!frame.captured_bytes)
        return 0;
    struct {
        uint32_t archive, lane, interface_id, vni;
        uint8_t outer[2][16];
    } source = {.vni = facts.vni};
    const struct pkv__candidate *candidate = &query->segments.items[query->current->plan->segment];
    memcpy(source.outer[0], facts.outer.src.bytes, 16);
    memcpy(source.outer[1], facts.outer.dst.bytes, 16);
    source.archive = candidate->archive;
    source.lane = candidate->name.lane;
    source.interface_id = query->packet.interface_id;
    int rc = pkv__dedup_check(&query->dedup, query->packet.time_ns,
                              pkv__hash_key(frame.data, frame.captured_bytes),
                              pkv__hash_key(&source, sizeof(source)));
    return rc < 0 ? pkv__error_memory(error) : rc;
}

/* The inner frame in the place of the packet; what has none stays as it is. */
static int decapsulate(struct pkv_query *query, pkv_packet *packet, pkv_error *error)
{
    struct pkv__facts facts;
    struct pkv__frame frame;
    struct pkv__plan *plan = query->current->plan;
    facts_of_last(query, &facts);
    if (pkv__frame_is_whole_packet(&facts))
        return pkv__interfaces_of_plan(&query->interfaces, plan, packet->interface_id,
                                       &packet->interface_id, error);
    pkv__frame_inner(&frame, &facts, packet, link_type_of_last(query), &query->frame);
    if (query->frame.failed)
        return pkv__error_memory(error);
    packet->data = frame.data;
    packet->captured_bytes = frame.captured_bytes;
    packet->original_bytes = frame.original_bytes;
    return pkv__interfaces_of_tunnel(
        &query->interfaces, &plan->flows[pkv__query_entry(query)->flow / 4].key, &facts,
        pkv__vni_names_find(&plan->names, facts.vni), &packet->interface_id, error);
}

static int give(struct pkv_query *query, pkv_packet *packet, pkv_error *error)
{
    *packet = query->packet;
    int rc;
    count_flow(query);
    if (query->flags & PKV_QUERY_DECAP)
        rc = decapsulate(query, packet, error);
    else
        rc = pkv__interfaces_of_plan(&query->interfaces, query->current->plan, packet->interface_id,
                                     &packet->interface_id, error);
    if (rc)
        return rc;
    pkv_query_report *report = &query->report;
    if (!report->packets++)
        report->first_ns = packet->time_ns;
    report->last_ns = packet->time_ns;
    report->bytes += packet->captured_bytes;
    return PKV_PACKET;
}

int pkv_query_next(pkv_query *query, pkv_packet *packet, pkv_error *error)
{
    int rc = PKV_OK;
    if (query->flags & PKV_QUERY_WHOLE && !query->request.whole)
        rc = find_whole_flows(query, error);
    while (!rc && (rc = pkv__query_step(query, error)) == 1) {
        if (!(query->flags & PKV_QUERY_DEDUP))
            return give(query, packet, error);
        rc = is_duplicate(query, error);
        if (!rc)
            return give(query, packet, error);
        query->report.duplicates += rc == 1 ? 1 : 0;
        rc = rc < 0 ? rc : PKV_OK;
    }
    return rc;
}

int pkv_query_interface(const pkv_query *query, uint32_t interface_id, pkv_interface *description)
{
    if (interface_id >= query->interfaces.count)
        return PKV_E_NOT_FOUND;
    *description = query->interfaces.items[interface_id].view;
    return PKV_OK;
}

void pkv_query_cancel(pkv_query *query)
{
    __atomic_store_n(&query->canceled, 1, __ATOMIC_RELAXED);
}

pkv_query *pkv_query_free(pkv_query *query)
{
    if (!query)
        return NULL;
    pkv__query_rewind(query);
    pkv__heap_deinit(&query->heap);
    for (size_t i = 0; i < query->directory_count; i++) {
        (void)pkv__catalog_reader_close(query->catalogs[i]);
        pkv__free(query->directories[i]);
    }
    pkv__free(query->catalogs);
    pkv__free(query->directories);
    pkv__segments_deinit(&query->segments);
    pkv__vni_names_deinit(&query->names);
    pkv__flow_set_deinit(&query->whole);
    pkv__flow_count_deinit(&query->flows);
    pkv__interfaces_deinit(&query->interfaces);
    pkv__dedup_deinit(&query->dedup);
    pkv__buffer_deinit(&query->frame);
    (void)pkv__loader_free(query->loader);
    pkv__missing_deinit(&query->missing);
    pkv__coverage_deinit(&query->coverage);
    (void)pkv__spill_free(query->spill);
    (void)pkv__filter_free(query->filter);
    pkv__free(query->expression);
    pkv__free(query);
    return NULL;
}
