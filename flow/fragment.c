/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/flow_internal.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* Identity of a train: RFC 791, RFC 8200 section 4.5, in the tunnel that holds it. Padding-free. An
 * IPv6 fragment need not tell the protocol, so there it is 0. */
struct train_key {
    uint8_t tunnel, length, protocol, outer_length;
    uint32_t vni, id;
    uint8_t outer[2][16], src[16], dst[16];
};
_Static_assert(sizeof(struct train_key) == 76, "keys are compared as bytes: no padding");

enum { CHAINS = PKV__FRAGMENTS_MAX * 2 };

struct train {
    struct train_key key;
    uint32_t next; /* in its chain: place + 1; 0: none */
    uint32_t chain;
    uint32_t side;
    int64_t time_ns;
    struct pkv__flow *flow; /* NULL: the place is free */
};

/* `trains` is a ring: `newest` is where the next one goes, and with that the oldest if the ring is
 * full. All zeros is empty, so that memory which was never needed is never touched. */
struct pkv__fragments {
    uint32_t newest, used;
    uint32_t chains[CHAINS]; /* place + 1; 0: none */
    struct train trains[PKV__FRAGMENTS_MAX];
};

struct pkv__fragments *pkv__fragments_new(void)
{
    return pkv__alloc_zero(1, sizeof(struct pkv__fragments));
}

struct pkv__fragments *pkv__fragments_free(struct pkv__fragments *fragments)
{
    pkv__free(fragments);
    return NULL;
}

void pkv__fragments_clear(struct pkv__fragments *fragments)
{
    for (uint32_t n = 0; n < fragments->used; n++) {
        fragments->chains[fragments->trains[n].chain] = 0;
        fragments->trains[n].flow = NULL;
    }
    fragments->newest = fragments->used = 0;
}

uint64_t pkv__fragments_bytes(const struct pkv__fragments *fragments)
{
    return fragments ? sizeof *fragments : 0;
}

static void make_key(struct train_key *key, const struct pkv__layer *layer)
{
    memset(key, 0, sizeof *key);
    key->length = layer->src.length;
    key->protocol = layer->src.length == 4 ? layer->protocol : 0;
    key->id = layer->fragment_id;
    memcpy(key->src, layer->src.bytes, sizeof key->src);
    memcpy(key->dst, layer->dst.bytes, sizeof key->dst);
}

/* The train of an inner packet is in its tunnel. */
static void make_inner_key(struct train_key *key, const struct pkv__facts *facts)
{
    make_key(key, &facts->inner);
    struct pkv__flow_key tunnel = {0};
    pkv__key_set_tunnel(&tunnel, facts);
    key->tunnel = tunnel.tunnel;
    key->vni = tunnel.vni;
    key->outer_length = tunnel.outer_length;
    memcpy(key->outer, tunnel.outer, sizeof key->outer);
}

static uint32_t chain_of(const struct train_key *key)
{
    return (uint32_t)(pkv__hash_key(key, sizeof *key) % CHAINS);
}

/* The place of the train + 1, or 0. */
static uint32_t find(const struct pkv__fragments *fragments, const struct train_key *key,
                     uint32_t chain)
{
    uint32_t at = fragments->chains[chain];
    while (at && memcmp(&fragments->trains[at - 1].key, key, sizeof *key) != 0)
        at = fragments->trains[at - 1].next;
    return at;
}

static void forget(struct pkv__fragments *fragments, uint32_t place)
{
    struct train *train = &fragments->trains[place];
    if (!train->flow)
        return;
    uint32_t *link = &fragments->chains[train->chain];
    while (*link != place + 1)
        link = &fragments->trains[*link - 1].next;
    *link = train->next;
    train->flow = NULL;
}

static uint32_t take_place(struct pkv__fragments *fragments)
{
    uint32_t place = fragments->newest;
    fragments->newest = (place + 1) % PKV__FRAGMENTS_MAX;
    if (place == fragments->used)
        fragments->used++;
    forget(fragments, place);
    return place;
}

/* An id that is used again: nobody finds its older train any more, which would only make the chain
 * longer that everybody walks. */
static void remember(struct pkv__fragments *fragments, const struct train_key *key, int64_t time_ns,
                     struct pkv__flow *flow, unsigned side)
{
    uint32_t chain = chain_of(key), older = find(fragments, key, chain);
    if (older)
        forget(fragments, older - 1);
    uint32_t place = take_place(fragments);
    fragments->trains[place] = (struct train){.key = *key,
                                              .next = fragments->chains[chain],
                                              .chain = chain,
                                              .side = side,
                                              .time_ns = time_ns,
                                              .flow = flow};
    fragments->chains[chain] = place + 1;
}

void pkv__fragments_remember(struct pkv__fragments *fragments, const struct pkv__facts *facts,
                             int64_t time_ns, struct pkv__flow *flow, unsigned side)
{
    struct train_key key;
    if (facts->inner.first_fragment) {
        make_inner_key(&key, facts);
        remember(fragments, &key, time_ns, flow, side);
    }
    if (facts->outer.first_fragment) {
        make_key(&key, &facts->outer);
        remember(fragments, &key, time_ns, flow, side);
    }
}

static struct pkv__flow *look_up(const struct pkv__fragments *fragments,
                                 const struct train_key *key, int64_t time_ns, unsigned *side)
{
    uint32_t at = find(fragments, key, chain_of(key));
    if (!at)
        return NULL;
    const struct train *train = &fragments->trains[at - 1];
    int64_t age_ns = time_ns > train->time_ns ? time_ns - train->time_ns : train->time_ns - time_ns;
    if (age_ns > PKV__FRAGMENTS_NS)
        return NULL;
    *side = train->side;
    return train->flow;
}

/* The packet that carries a VXLAN inside GENEVE is remembered without a scope, since its own tunnel
 * is not told. */
struct pkv__flow *pkv__fragments_find(const struct pkv__fragments *fragments,
                                      const struct pkv__facts *facts, int64_t time_ns,
                                      unsigned *side)
{
    struct train_key key;
    make_inner_key(&key, facts);
    struct pkv__flow *flow = look_up(fragments, &key, time_ns, side);
    if (!flow && facts->tunnel == PKV__TUNNEL_GENEVE) {
        make_key(&key, &facts->inner);
        flow = look_up(fragments, &key, time_ns, side);
    }
    return flow;
}
