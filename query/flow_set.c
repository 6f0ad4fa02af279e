/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/flow_set.h"

#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

/* The slot that holds the key, or the free one where it belongs. */
static size_t slot_of(const struct pkv__flow_set *set, const struct pkv__flow_key *key)
{
    size_t mask = set->slot_count - 1, at = (size_t)pkv__hash_key(key, sizeof(*key)) & mask;
    while (set->slots[at] && memcmp(&set->keys[set->slots[at] - 1], key, sizeof(*key)) != 0)
        at = (at + 1) & mask;
    return at;
}

static int grow_slots(struct pkv__flow_set *set, pkv_error *error)
{
    size_t wanted = set->slot_count ? set->slot_count * 2 : 64;
    uint32_t *slots = pkv__alloc_zero(wanted, sizeof(*slots));
    if (!slots)
        return pkv__error_memory(error);
    pkv__free(set->slots);
    set->slots = slots;
    set->slot_count = wanted;
    for (size_t i = 0; i < set->count; i++)
        set->slots[slot_of(set, &set->keys[i])] = (uint32_t)i + 1;
    return PKV_OK;
}

int pkv__flow_set_add(struct pkv__flow_set *set, const struct pkv__flow_key *key, pkv_error *error)
{
    if (set->count * 2 >= set->slot_count) {
        int rc = grow_slots(set, error);
        if (rc)
            return rc;
    }
    size_t at = slot_of(set, key);
    if (set->slots[at])
        return 0;
    if (pkv__grow(&set->keys, &set->capacity, set->count + 1, sizeof(*set->keys)))
        return pkv__error_memory(error);
    set->keys[set->count++] = *key;
    set->slots[at] = (uint32_t)set->count;
    return 1;
}

size_t pkv__flow_set_find(const struct pkv__flow_set *set, const struct pkv__flow_key *key)
{
    if (!set->slot_count)
        return SIZE_MAX;
    uint32_t number = set->slots[slot_of(set, key)];
    return number ? number - 1u : SIZE_MAX;
}

bool pkv__flow_set_has(const struct pkv__flow_set *set, const struct pkv__flow_key *key)
{
    return pkv__flow_set_find(set, key) != SIZE_MAX;
}

void pkv__flow_set_deinit(struct pkv__flow_set *set)
{
    pkv__free(set->keys);
    pkv__free(set->slots);
    *set = (struct pkv__flow_set){0};
}
