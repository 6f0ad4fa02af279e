/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void pkv__plan_facts(const struct pkv__plan *plan, const struct pkv__plan_entry *entry,
                     const pkv_packet *packet, struct pkv__facts *facts)
{
    const struct pkv__plan_flow *flow = &plan->flows[entry->flow / 4];
    pkv__decode(facts, plan->interfaces[packet->interface_id].view.link_type, packet->data,
                packet->captured_bytes, packet->original_bytes);
    if (facts->inner.fragment && !facts->inner.first_fragment)
        pkv__flow_complete_facts(facts, &flow->key, flow->has_ports, entry->flow & 1);
}

struct load {
    struct pkv__run *run;
    struct pkv__plan *plan;
    const struct pkv__plan_request *request;
    struct pkv__run_scratch *scratch;
    uint64_t *checked;
    int64_t since_ns; /* of this block */
};

static bool matches(const struct load *l, const struct pkv__plan_entry *entry,
                    const pkv_packet *packet)
{
    struct pkv__facts facts;
    const struct pkv__plan_flow *flow = &l->plan->flows[entry->flow / 4];
    ++*l->checked;
    pkv__plan_facts(l->plan, entry, packet, &facts);
    struct pkv__subject subject = {.facts = &facts,
                                   .packet = packet,
                                   .link_type =
                                       l->plan->interfaces[packet->interface_id].view.link_type,
                                   .flow = &flow->key,
                                   .initiator = flow->initiator,
                                   .icmp = flow->icmp,
                                   .scratch = &l->scratch->frame};
    return pkv__filter_match(l->request->filter, &subject);
}

static int take(struct load *l, const struct pkv__pcapng_block *block, uint32_t entry_number)
{
    const struct pkv__plan_entry *entry = &l->plan->entries[entry_number];
    struct pkv__run *run = l->run;
    pkv_packet packet;
    if (pkv__pcapng_get_packet(block, &packet) || packet.interface_id >= l->plan->interface_count)
        return PKV_E_FORMAT;
    if (packet.time_ns < l->since_ns || packet.time_ns >= l->request->until_ns)
        return PKV_OK;
    if ((entry->flow & 2) && !matches(l, entry, &packet))
        return PKV_OK;
    if (pkv__grow(&run->items, &run->capacity, run->count + 1, sizeof(*run->items)))
        return PKV_E_MEMORY;
    run->items[run->count++] =
        (struct pkv__run_item){packet.time_ns, run->data.length, block->length, entry_number};
    pkv__buffer_bytes(&run->data, block->body - 8, block->length);
    return run->data.failed ? PKV_E_MEMORY : PKV_OK;
}

static int walk(struct load *l, const struct pkv__plan_block *wanted,
                const struct pkv__raw_block *raw)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    uint32_t ordinal = wanted->first_ordinal, entry = wanted->entry,
             end = wanted->entry + wanted->entries;
    int rc = PKV_OK;
    while (entry < end && (rc = pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block)) == 1) {
        if (block.type != PKV__PCAPNG_PACKET)
            continue;
        if (l->plan->entries[entry].ordinal == ordinal++) {
            rc = take(l, &block, entry++);
            if (rc)
                return rc;
        }
    }
    return entry < end ? PKV_E_FORMAT : PKV_OK;
}

static int compare_items(const void *a, const void *b)
{
    const struct pkv__run_item *x = a, *y = b;
    if (x->time_ns != y->time_ns)
        return x->time_ns < y->time_ns ? -1 : 1;
    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static void sort_items(struct pkv__run *run)
{
    for (size_t i = 1; i < run->count; i++)
        if (run->items[i].time_ns < run->items[i - 1].time_ns) {
            qsort(run->items, run->count, sizeof(*run->items), compare_items);
            return;
        }
}

static int read_block(struct load *l, const struct pkv__plan_block *block,
                      struct pkv__segment_reader *reader, pkv_error *error)
{
    struct pkv__raw_block raw;
    int rc = pkv__segment_reader_at(reader, block->offset, block->stored_bytes, &raw, error);
    if (rc)
        return rc;
    /* Most of a block: room for all of it at once. */
    if (block->entries > block->packets / 2 && !pkv__buffer_reserve(&l->run->data, raw.raw_bytes))
        return pkv__error_memory(error);
    rc = walk(l, block, &raw);
    if (rc == PKV_E_FORMAT)
        return pkv__error(error, rc, block->offset,
                          "%s: the block at byte %lld does not hold the packets it should",
                          l->plan->path, (long long)block->offset);
    return rc ? pkv__error_memory(error) : PKV_OK;
}

int pkv__run_load(struct pkv__run **run, struct pkv__plan *plan, size_t block,
                  const struct pkv__plan_request *request, struct pkv__segment_reader *reader,
                  struct pkv__run_scratch *scratch, uint64_t *checked, pkv_error *error)
{
    const struct pkv__plan_block *wanted = &plan->blocks[block];
    struct pkv__run *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    made->plan = plan;
    struct load load = {made,    plan,    request,
                        scratch, checked, pkv__plan_since(plan, request, wanted->offset)};
    int rc = read_block(&load, wanted, reader, error);
    if (rc) {
        (void)pkv__run_free(made);
        return rc;
    }
    sort_items(made);
    made->held_bytes = made->data.capacity;
    *run = made;
    return PKV_OK;
}

int pkv__run_spill(struct pkv__run *run, struct pkv__spill *spill, pkv_error *error)
{
    uint64_t offset = 0;
    int rc = pkv__spill_write(spill, run->data.data, run->data.length, &offset, error);
    if (rc)
        return rc;
    for (size_t i = 0; i < run->count; i++)
        run->items[i].offset += offset;
    pkv__buffer_deinit(&run->data);
    run->data = (struct pkv__buffer){0};
    run->held_bytes = 0;
    run->spill = spill;
    return PKV_OK;
}

static int fetch(struct pkv__run *run, const struct pkv__run_item *item, const uint8_t **data,
                 pkv_error *error)
{
    if (!run->spill) {
        *data = run->data.data + item->offset;
        return PKV_OK;
    }
    pkv__buffer_clear(&run->data);
    if (!pkv__buffer_reserve(&run->data, item->length))
        return pkv__error_memory(error);
    *data = run->data.data;
    return pkv__spill_read(run->spill, run->data.data, item->length, item->offset, error);
}

int pkv__run_packet(struct pkv__run *run, pkv_packet *packet, pkv_error *error)
{
    const struct pkv__run_item *item = &run->items[run->at];
    struct pkv__pcapng_block block;
    const uint8_t *data = NULL;
    size_t offset = 0;
    int rc = fetch(run, item, &data, error);
    if (rc)
        return rc;
    if (pkv__pcapng_next(data, item->length, &offset, &block) != 1 ||
        pkv__pcapng_get_packet(&block, packet))
        return pkv__error(error, PKV_E_FORMAT, -1, "%s: a packet changed while it was read",
                          run->plan->path);
    return PKV_OK;
}

struct pkv__run *pkv__run_free(struct pkv__run *run)
{
    if (!run)
        return NULL;
    pkv__free(run->items);
    pkv__buffer_deinit(&run->data);
    pkv__free(run);
    return NULL;
}
