/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/stem_set.h"

#include <string.h>

#include <pktvault/error.h>

#include "base/hash.h"
#include "base/memory.h"

static size_t slot_of(const struct pkv__stem_set *set, uint64_t hash)
{
    size_t at = (size_t)(hash >> 8) & (set->slot_count - 1);
    while (set->slots[at] && set->slots[at] != hash)
        at = (at + 1) & (set->slot_count - 1);
    return at;
}

static int grow(struct pkv__stem_set *set)
{
    struct pkv__stem_set larger = {.slot_count = set->slot_count ? set->slot_count * 2 : 64};
    larger.slots = pkv__alloc_zero(larger.slot_count, sizeof(*larger.slots));
    if (!larger.slots)
        return PKV_E_MEMORY;
    for (size_t i = 0; i < set->slot_count; i++)
        if (set->slots[i])
            larger.slots[slot_of(&larger, set->slots[i])] = set->slots[i];
    pkv__free(set->slots);
    larger.count = set->count;
    *set = larger;
    return PKV_OK;
}

static uint64_t hash_of(const char *stem)
{
    return pkv__hash_key(stem, strlen(stem)) | 1;
}

int pkv__stem_set_add(struct pkv__stem_set *set, const char *stem)
{
    if (set->count * 2 >= set->slot_count && grow(set))
        return PKV_E_MEMORY;
    set->slots[slot_of(set, hash_of(stem))] = hash_of(stem);
    set->count++;
    return PKV_OK;
}

bool pkv__stem_set_has(const struct pkv__stem_set *set, const char *stem)
{
    return set->slot_count && set->slots[slot_of(set, hash_of(stem))];
}

void pkv__stem_set_deinit(struct pkv__stem_set *set)
{
    pkv__free(set->slots);
    *set = (struct pkv__stem_set){0};
}
