/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/flow_count.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"

static size_t slot_of(const struct pkv__flow_count *c, uint64_t hash)
{
    size_t at = (size_t)(hash >> 8) & (c->slot_count - 1);
    while (c->slots[at] && c->slots[at] != hash)
        at = (at + 1) & (c->slot_count - 1);
    return at;
}

static bool grow(struct pkv__flow_count *c)
{
    struct pkv__flow_count larger = {.slot_count = c->slot_count ? c->slot_count * 2 : 64,
                                     .count = c->count};
    larger.slots = pkv__alloc_zero(larger.slot_count, sizeof(*larger.slots));
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < c->slot_count; i++)
        if (c->slots[i])
            larger.slots[slot_of(&larger, c->slots[i])] = c->slots[i];
    pkv__free(c->slots);
    *c = larger;
    return true;
}

void pkv__flow_count_add(struct pkv__flow_count *count, const struct pkv__flow_key *key)
{
    uint64_t hash = pkv__hash_key(key, sizeof(*key)) | 1;
    if (count->more)
        return;
    bool full = count->count * 2 >= count->slot_count;
    if (full && (count->count >= PKV__QUERY_FLOWS_COUNTED_MAX || !grow(count))) {
        count->more = true;
        return;
    }
    size_t at = slot_of(count, hash);
    count->count += !count->slots[at];
    count->slots[at] = hash;
}

void pkv__flow_count_deinit(struct pkv__flow_count *count)
{
    pkv__free(count->slots);
    *count = (struct pkv__flow_count){.slots = NULL};
}
