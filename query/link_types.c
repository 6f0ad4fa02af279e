/* SPDX-License-Identifier: BSD-2-Clause */
/* Which link types the packets of a query will have. */
#include <string.h>

#include "base/limits.h"
#include "query/frame.h"
#include "query/query_internal.h"

#define SNAP_LENGTH 262144u /* the largest that libpcap takes */

struct types {
    unsigned count;
    uint16_t first;
};

static void add(struct types *types, uint16_t link_type)
{
    if (!types->count)
        types->first = link_type;
    if (!types->count || (types->count == 1 && types->first != link_type))
        types->count++;
}

/* False: the catalog does not know of some segment. */
static bool from_catalog(const pkv_query *query, struct types *types)
{
    for (size_t i = 0; i < query->segments.count; i++) {
        const struct pkv__candidate *candidate = &query->segments.items[i];
        if (!candidate->indexed || candidate->link_types != 1)
            return false;
        add(types, candidate->link_type);
    }
    return true;
}

static uint16_t type_of_last(const pkv_query *query)
{
    struct pkv__facts facts;
    const struct pkv__plan *plan = query->current->plan;
    if (query->flags & PKV_QUERY_DECAP) {
        pkv__plan_facts(plan, pkv__query_entry(query), &query->packet, &facts);
        if (!pkv__frame_is_whole_packet(&facts))
            return PKV__LINK_ETHERNET;
    }
    return plan->interfaces[query->packet.interface_id].view.link_type;
}

/* Reads until a second type shows, and starts anew. What it found missing it will find again. */
static int from_packets(pkv_query *query, struct types *types, pkv_error *error)
{
    pkv_query_report kept = query->report;
    struct pkv__missing_list missing = query->missing;
    size_t stretches = query->coverage.count;
    int rc = PKV_OK;
    while (types->count < 2 && (rc = pkv__query_step(query, error)) == 1)
        add(types, type_of_last(query));
    pkv__query_rewind(query);
    query->report = kept;
    pkv__missing_go_back(&query->missing, &missing);
    query->coverage.count = stretches;
    return rc < 0 ? rc : PKV_OK;
}

int pkv_query_link_types(pkv_query *query, unsigned *count, uint16_t *link_type,
                         uint32_t *snap_length, pkv_error *error)
{
    struct types types = {0};
    bool sure = from_catalog(query, &types) && types.count < 2;
    /* Decapsulated packets are Ethernet; those without a tunnel have the type of their capture. */
    if (sure && query->flags & PKV_QUERY_DECAP && types.count == 1)
        sure = types.first == PKV__LINK_ETHERNET;
    if (!sure) {
        types = (struct types){0};
        int rc = from_packets(query, &types, error);
        if (rc)
            return rc;
    }
    *count = types.count;
    *link_type = types.count ? types.first : PKV__LINK_ETHERNET;
    *snap_length = SNAP_LENGTH;
    return PKV_OK;
}
