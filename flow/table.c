/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/flow.h"

#include <string.h>

#include <pktvault/error.h>

#include "base/hash.h"
#include "base/memory.h"
#include "flow/flow_internal.h"

enum { SLAB_FLOWS = 1024, SLOTS_FIRST = 4096, NOTHING = 0 };
enum { TCP_SYN = 0x02, TCP_ACK = 0x10 };

/* A place of the hash table: most of the hash, so that a wrong flow is hardly ever fetched, and id
 * + 1. */
struct slot {
    uint32_t tag;
    uint32_t id_plus_one; /* NOTHING: free */
};

/* Open addressing, at most half full. Flows stand in slabs, so that they never move. */
struct pkv__flow_table {
    struct slot *slots;
    uint32_t slot_mask;
    uint32_t count;
    struct pkv__flow **slabs;
    size_t slab_count, slab_capacity;
    struct pkv__flow *last;           /* packets come in bursts */
    struct pkv__fragments *fragments; /* NULL until the first fragment */
};

int pkv__flow_table_new(struct pkv__flow_table **table)
{
    struct pkv__flow_table *t = pkv__alloc_zero(1, sizeof *t);
    struct slot *slots = pkv__alloc_zero(SLOTS_FIRST, sizeof *slots);
    if (!t || !slots) {
        pkv__free(t);
        pkv__free(slots);
        return PKV_E_MEMORY;
    }
    t->slots = slots;
    t->slot_mask = SLOTS_FIRST - 1;
    *table = t;
    return 0;
}

struct pkv__flow_table *pkv__flow_table_free(struct pkv__flow_table *table)
{
    if (!table)
        return NULL;
    for (size_t n = 0; n < table->slab_count; n++)
        pkv__free(table->slabs[n]);
    pkv__free(table->slabs);
    pkv__free(table->slots);
    (void)pkv__fragments_free(table->fragments);
    pkv__free(table);
    return NULL;
}

void pkv__flow_table_clear(struct pkv__flow_table *table)
{
    memset(table->slots, 0, ((size_t)table->slot_mask + 1) * sizeof *table->slots);
    table->count = 0;
    table->last = NULL;
    if (table->fragments)
        pkv__fragments_clear(table->fragments);
}

static struct pkv__flow *flow_at(const struct pkv__flow_table *table, uint32_t id)
{
    return &table->slabs[id / SLAB_FLOWS][id % SLAB_FLOWS];
}

struct pkv__flow *pkv__flow_table_at(const struct pkv__flow_table *table, uint32_t id)
{
    return id < table->count ? flow_at(table, id) : NULL;
}

uint32_t pkv__flow_table_count(const struct pkv__flow_table *table)
{
    return table->count;
}

uint64_t pkv__flow_table_bytes(const struct pkv__flow_table *table)
{
    return sizeof *table + ((uint64_t)table->slot_mask + 1) * sizeof *table->slots +
           (uint64_t)table->slab_count * SLAB_FLOWS * sizeof(struct pkv__flow) +
           (uint64_t)table->slab_capacity * sizeof(struct pkv__flow *) +
           pkv__fragments_bytes(table->fragments);
}

static bool is_key(const struct pkv__flow *flow, const struct pkv__flow_key *key)
{
    return memcmp(&flow->key, key, sizeof *key) == 0;
}

/* The slot of the key, or the free one where it belongs. */
static struct slot *find_slot(const struct pkv__flow_table *table, const struct pkv__flow_key *key,
                              uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (uint32_t at = (uint32_t)hash;; at++) {
        struct slot *slot = &table->slots[at & table->slot_mask];
        if (slot->id_plus_one == NOTHING)
            return slot;
        if (slot->tag == tag && is_key(flow_at(table, slot->id_plus_one - 1), key))
            return slot;
    }
}

static int grow_slots(struct pkv__flow_table *table)
{
    size_t wanted = ((size_t)table->slot_mask + 1) * 2;
    struct slot *slots = pkv__alloc_zero(wanted, sizeof *slots);
    if (!slots)
        return PKV_E_MEMORY;
    uint32_t mask = (uint32_t)(wanted - 1);
    for (uint32_t id = 0; id < table->count; id++) {
        uint64_t hash = pkv__hash_key(&flow_at(table, id)->key, sizeof(struct pkv__flow_key));
        uint32_t at = (uint32_t)hash & mask;
        while (slots[at].id_plus_one != NOTHING)
            at = (at + 1) & mask;
        slots[at] = (struct slot){(uint32_t)(hash >> 32), id + 1};
    }
    pkv__free(table->slots);
    table->slots = slots;
    table->slot_mask = mask;
    return 0;
}

static int make_room(struct pkv__flow_table *table)
{
    if (table->count > table->slot_mask / 2 && grow_slots(table) < 0)
        return PKV_E_MEMORY;
    if (table->count < table->slab_count * SLAB_FLOWS)
        return 0;
    if (pkv__grow(&table->slabs, &table->slab_capacity, table->slab_count + 1, sizeof(void *)) < 0)
        return PKV_E_MEMORY;
    struct pkv__flow *slab = pkv__alloc(SLAB_FLOWS * sizeof *slab);
    if (!slab)
        return PKV_E_MEMORY;
    table->slabs[table->slab_count++] = slab;
    return 0;
}

static int find_or_insert(struct pkv__flow_table *table, const struct pkv__flow_key *key,
                          struct pkv__flow **flow)
{
    if (table->last && is_key(table->last, key)) {
        *flow = table->last;
        return 0;
    }
    uint64_t hash = pkv__hash_key(key, sizeof *key);
    struct slot *slot = find_slot(table, key, hash);
    if (slot->id_plus_one == NOTHING) {
        if (make_room(table) < 0)
            return PKV_E_MEMORY;
        slot = find_slot(table, key, hash);
        struct pkv__flow *added = flow_at(table, table->count);
        *added = (struct pkv__flow){.key = *key, .id = table->count};
        *slot = (struct slot){(uint32_t)(hash >> 32), ++table->count};
    }
    *flow = table->last = flow_at(table, slot->id_plus_one - 1);
    return 0;
}

static bool is_decided(const struct pkv__flow *flow)
{
    return (flow->tcp_flags[0] | flow->tcp_flags[1]) & TCP_SYN;
}

static void count_flags(struct pkv__flow *flow, uint8_t flags, unsigned side)
{
    if ((flags & TCP_SYN) && !is_decided(flow))
        flow->initiator = (uint8_t)(flags & TCP_ACK ? !side : side);
    flow->tcp_flags[side] |= flags;
}

static void begin(struct pkv__flow *flow, int64_t time_ns, unsigned side)
{
    flow->initiator = (uint8_t)side;
    flow->has_ports = pkv__key_protocol_has_ports(flow->key.protocol) && !flow->key.orphan;
    flow->first_ns = flow->last_ns = time_ns;
}

static void count(struct pkv__flow *flow, const struct pkv__facts *facts, int64_t time_ns,
                  unsigned side)
{
    if (flow->packets[0] + flow->packets[1] == 0)
        begin(flow, time_ns, side);
    if (facts->inner.has_tcp_flags)
        count_flags(flow, facts->inner.tcp_flags, side);
    if (facts->inner.has_icmp && !flow->has_icmp && side == flow->initiator) {
        flow->has_icmp = true;
        flow->icmp_type = facts->inner.icmp_type;
        flow->icmp_code = facts->inner.icmp_code;
    }
    flow->first_ns = time_ns < flow->first_ns ? time_ns : flow->first_ns;
    flow->last_ns = time_ns > flow->last_ns ? time_ns : flow->last_ns;
    flow->packets[side]++;
    flow->bytes[side] += facts->inner_original_bytes;
}

static bool has_fragments(const struct pkv__facts *facts)
{
    return facts->inner.fragment || facts->outer.fragment;
}

/* The flow of a packet that has to do with fragments, which are rare. */
static int attribute_fragment(struct pkv__flow_table *table, struct pkv__facts *facts,
                              int64_t time_ns, struct pkv__flow **flow, unsigned *side)
{
    if (!table->fragments && !(table->fragments = pkv__fragments_new()))
        return PKV_E_MEMORY;
    struct pkv__flow *found = NULL;
    if (pkv__key_is_later_fragment(&facts->inner))
        found = pkv__fragments_find(table->fragments, facts, time_ns, side);
    if (found) {
        struct pkv__facts own = *facts;
        pkv__flow_complete_facts(facts, &found->key, found->has_ports, *side);
        pkv__fragments_remember(table->fragments, &own, time_ns, found, *side);
        *flow = found;
        return 0;
    }
    struct pkv__flow_key key;
    pkv__key_make(&key, facts, side);
    int result = find_or_insert(table, &key, flow);
    if (result == 0)
        pkv__fragments_remember(table->fragments, facts, time_ns, *flow, *side);
    return result;
}

static int attribute(struct pkv__flow_table *table, const struct pkv__facts *facts,
                     struct pkv__flow **flow, unsigned *side)
{
    struct pkv__flow_key key;
    pkv__key_make(&key, facts, side);
    return find_or_insert(table, &key, flow);
}

int pkv__flow_table_add(struct pkv__flow_table *table, struct pkv__facts *facts, int64_t time_ns,
                        struct pkv__flow **flow, unsigned *side)
{
    struct pkv__flow *found;
    unsigned sender;
    int result = has_fragments(facts) ? attribute_fragment(table, facts, time_ns, &found, &sender)
                                      : attribute(table, facts, &found, &sender);
    if (result < 0)
        return result;
    count(found, facts, time_ns, sender);
    *flow = found;
    *side = sender;
    return 0;
}
