/* SPDX-License-Identifier: BSD-2-Clause */
/* A plan by the segment's index: flows that can match, their packets, the blocks that hold them. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "query/index_file.h"

struct work {
    struct pkv__plan *plan;
    const struct pkv__plan_request *request;
    struct pkv__plan_counts *counts;
    struct pkv__index_file file;
    bool trial;           /* no row is given */
    uint64_t packets_max; /* a packet is in one flow only */
    uint32_t flow;        /* number in the plan, and what an entry keeps of it */
    unsigned initiator;
    uint32_t check;
    /* While blocks are walked: behind the last. */
    size_t next_entry;
    uint64_t next_ordinal;
    int64_t next_offset;
    pkv_error *error;
};

/* Past so many hosts of a net, reading every flow is cheaper than their lists. */
static bool too_many(const struct work *w, int64_t hosts)
{
    return hosts > 64 && hosts > w->file.host_count / 8;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void make_unique(struct pkv__id_set *set)
{
    size_t kept = 0;
    if (set->count)
        qsort(set->ids, set->count, sizeof(*set->ids), compare_ids);
    for (size_t i = 0; i < set->count; i++)
        if (!kept || set->ids[kept - 1] != set->ids[i])
            set->ids[kept++] = set->ids[i];
    set->count = kept;
}

/* A mask with holes gives the range of its leading ones; the flows are judged by the whole mask
 * later. */
static int flows_of(void *context, const struct pkv__address *address, const uint8_t *mask,
                    struct pkv__id_set *set, pkv_error *error)
{
    struct work *w = context;
    uint8_t low[16], high[16];
    int64_t first = 0, last = 0;
    (void)error;
    for (unsigned i = 0; i < address->length; i++) {
        low[i] = address->bytes[i];
        high[i] = (uint8_t)(address->bytes[i] | (uint8_t)~mask[i]);
    }
    int rc = pkv__index_file_hosts(&w->file, low, high, address->length, &first, &last);
    if (rc)
        return rc;
    set->all = too_many(w, last - first);
    for (int64_t host = first; host < last && !set->all && !rc; host++)
        rc = pkv__index_file_flows_of(&w->file, host, set);
    if (!rc && last - first > 1)
        make_unique(set);
    return rc;
}

static int whole_candidates(struct work *w, struct pkv__id_set *set)
{
    const struct pkv__flow_set *whole = w->request->whole;
    if (whole->count > 256) {
        set->all = true;
        return PKV_OK;
    }
    int rc = PKV_OK;
    for (size_t i = 0; i < whole->count && !rc && !set->all; i++) {
        struct pkv__address address = {.length = whole->keys[i].address_length};
        int64_t first = 0, last = 0;
        memcpy(address.bytes, whole->keys[i].address[0], 16);
        if (!address.length)
            set->all = true;
        else
            rc = pkv__index_file_hosts(&w->file, address.bytes, address.bytes, address.length,
                                       &first, &last);
        if (!rc && first < last)
            rc = pkv__index_file_flows_of(&w->file, first, set);
    }
    make_unique(set);
    return rc;
}

static int take_packet(void *context, uint32_t ordinal, bool by_responder)
{
    struct work *w = context;
    uint32_t side = by_responder ? !w->initiator : w->initiator;
    if (w->plan->entry_count >= w->packets_max)
        return pkv__error(w->error, PKV_E_FORMAT, -1,
                          "%s: flows have more packets than the segment", w->plan->path);
    int rc = pkv__plan_add_entry(w->plan, ordinal, w->flow * 4 + w->check + side);
    return rc ? pkv__error_memory(w->error) : PKV_OK;
}

static enum pkv__truth judge(const struct pkv__plan_request *r, const struct pkv__plan_flow *flow)
{
    if (r->whole)
        return pkv__flow_set_has(r->whole, &flow->key) ? PKV__YES : PKV__NO;
    return pkv__filter_flow(r->filter, &flow->key, flow->has_ports, flow->initiator, flow->icmp);
}

static int give_row(struct work *w, const struct pkv__flow_row *row)
{
    if (w->trial)
        return PKV_OK;
    w->counts->rows++;
    return w->request->row(w->request->context, w->plan, row);
}

static int take_flow(void *context, uint32_t id, const struct pkv__flow_row *row)
{
    struct work *w = context;
    const struct pkv__plan_request *r = w->request;
    struct pkv__plan_flow *kept;
    w->counts->flows_seen++;
    if (row->last_ns < w->plan->late_ns || row->flow.first_ns >= r->until_ns)
        return PKV_OK;
    enum pkv__truth truth = judge(r, &row->flow);
    if (truth == PKV__NO)
        return PKV_OK;
    w->counts->flows_matched++;
    if (r->row && truth == PKV__YES && row->flow.first_ns >= r->since_ns &&
        row->last_ns < r->until_ns)
        return give_row(w, row);
    int rc = pkv__plan_add_flow(w->plan, &kept);
    if (rc)
        return pkv__error(w->error, rc, -1, "too many flows in a segment");
    *kept = row->flow;
    w->flow = (uint32_t)w->plan->flow_count - 1;
    w->initiator = row->flow.initiator;
    w->check = truth == PKV__MAYBE ? 2 : 0;
    return pkv__index_file_posting(&w->file, id, take_packet, w);
}

/* Blocks come in the order of the file, so that none is read twice. */
static int step_over(struct work *w, const struct pkv__plan_block *block)
{
    if (block->first_ordinal < w->next_ordinal || block->offset < w->next_offset ||
        __builtin_add_overflow(block->offset, (int64_t)block->stored_bytes, &w->next_offset))
        return pkv__error(w->error, PKV_E_FORMAT, -1, "%s: blocks of the index are not in order",
                          w->plan->path);
    w->next_ordinal = (uint64_t)block->first_ordinal + block->packets;
    return PKV_OK;
}

/* Gives the block its entries and keeps it, if it has any in the range. */
static int take_block(struct work *w, struct pkv__plan_block *block)
{
    struct pkv__plan *plan = w->plan;
    uint64_t end = (uint64_t)block->first_ordinal + block->packets;
    int rc = step_over(w, block);
    if (rc)
        return rc;
    while (w->next_entry < plan->entry_count &&
           plan->entries[w->next_entry].ordinal < block->first_ordinal)
        w->next_entry++;
    block->entry = (uint32_t)w->next_entry;
    while (w->next_entry < plan->entry_count && plan->entries[w->next_entry].ordinal < end)
        w->next_entry++;
    block->entries = (uint32_t)w->next_entry - block->entry;
    if (!block->entries || block->last_ns < pkv__plan_since(plan, w->request, block->offset) ||
        block->first_ns >= w->request->until_ns)
        return PKV_OK;
    return pkv__plan_add_block(plan, block) ? pkv__error_memory(w->error) : PKV_OK;
}

static int walk_block(void *context, const struct pkv__plan_block *block)
{
    struct pkv__plan_block copy = *block;
    return take_block(context, &copy);
}

/* The block that holds an ordinal, by halving. */
static int find_block(struct work *w, uint32_t ordinal, struct pkv__plan_block *block)
{
    int64_t low = 0, high = w->file.block_count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        int rc = pkv__index_file_block(&w->file, middle, block);
        if (rc)
            return rc;
        if (ordinal < block->first_ordinal)
            high = middle;
        else if (ordinal >= (uint64_t)block->first_ordinal + block->packets)
            low = middle + 1;
        else
            return PKV_OK;
    }
    return pkv__error(w->error, PKV_E_FORMAT, -1,
                      "%s: the index names packet %u, which no block has", w->plan->path,
                      (unsigned)ordinal);
}

static int find_blocks(struct work *w)
{
    struct pkv__plan *plan = w->plan;
    int rc = PKV_OK;
    while (w->next_entry < plan->entry_count && !rc) {
        struct pkv__plan_block block;
        rc = find_block(w, plan->entries[w->next_entry].ordinal, &block);
        if (!rc)
            rc = take_block(w, &block);
    }
    return rc;
}

static int take_all(struct work *w, const struct pkv__id_set *set)
{
    struct pkv__plan *plan = w->plan;
    w->next_entry = 0;
    w->next_ordinal = 0;
    w->next_offset = 0;
    int rc = pkv__index_file_flows(&w->file, set, take_flow, w);
    if (!rc && plan->entry_count)
        rc = pkv__index_file_interfaces(&w->file, plan);
    if (!rc && pkv__plan_sort_entries(plan))
        rc = pkv__error_memory(w->error);
    if (rc)
        return rc;
    bool few = (int64_t)plan->entry_count < w->file.block_count / 16;
    rc = !plan->entry_count ? PKV_OK
         : few              ? find_blocks(w)
                            : pkv__index_file_blocks(&w->file, walk_block, w);
    pkv__plan_sort_blocks(plan);
    return rc;
}

/* What the blocks say; and in a list of ordinals each takes a byte. */
static int set_packets_max(struct work *w)
{
    struct pkv__plan_block last = {.offset = 0};
    int rc = w->file.block_count ? pkv__index_file_block(&w->file, w->file.block_count - 1, &last)
                                 : PKV_OK;
    uint64_t said = (uint64_t)last.first_ordinal + last.packets;
    uint64_t possible = (uint64_t)w->file.work.bytes;
    w->packets_max = said < possible ? said : possible;
    return rc;
}

static int make(struct work *w)
{
    struct pkv__id_set set = {0};
    int rc = set_packets_max(w);
    if (!rc)
        rc = w->request->whole
                 ? whole_candidates(w, &set)
                 : pkv__filter_candidates(w->request->filter, flows_of, w, &set, w->error);
    if (!rc && w->request->twice) {
        const struct pkv__plan_counts counts = *w->counts;
        w->trial = true;
        rc = take_all(w, &set);
        w->trial = false;
        pkv__plan_clear(w->plan);
        *w->counts = counts;
    }
    if (!rc)
        rc = take_all(w, &set);
    pkv__id_set_deinit(&set);
    return rc;
}

int pkv__plan_from_index(struct pkv__plan *plan, const char *index_path,
                         const struct pkv__plan_request *request, struct pkv__plan_counts *counts,
                         pkv_error *error)
{
    struct work w = {.plan = plan, .request = request, .counts = counts, .error = error};
    int rc = pkv__index_file_open(&w.file, index_path, error);
    if (rc)
        return rc;
    counts->blocks += (uint64_t)w.file.block_count;
    rc = make(&w);
    pkv__index_file_close(&w.file);
    return rc;
}
