/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/intern.h"

#include <string.h>

#include <pktvault/error.h>

#include "base/hash.h"
#include "base/memory.h"

#define FIRST_SLOTS 256u

struct pkv__intern {
    size_t key_bytes;
    uint8_t *keys; /* by number */
    size_t keys_capacity;
    uint32_t count;
    uint32_t *slots;    /* number + 1; 0: free */
    size_t slots_count; /* a power of two, at most half of it in use */
};

int pkv__intern_new(struct pkv__intern **intern, size_t key_bytes)
{
    struct pkv__intern *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    made->key_bytes = key_bytes;
    *intern = made;
    return 0;
}

struct pkv__intern *pkv__intern_free(struct pkv__intern *intern)
{
    if (intern) {
        pkv__free(intern->keys);
        pkv__free(intern->slots);
    }
    pkv__free(intern);
    return NULL;
}

void pkv__intern_clear(struct pkv__intern *intern)
{
    if (intern->slots)
        memset(intern->slots, 0, intern->slots_count * sizeof *intern->slots);
    intern->count = 0;
}

const void *pkv__intern_at(const struct pkv__intern *intern, uint32_t number)
{
    return intern->keys + number * intern->key_bytes;
}

/* The slot that has the key, or the free one where it belongs. */
static uint32_t *find(uint32_t *slots, size_t slots_count, const struct pkv__intern *intern,
                      const void *key)
{
    size_t at = (size_t)pkv__hash_key(key, intern->key_bytes) & (slots_count - 1);
    while (slots[at] && memcmp(pkv__intern_at(intern, slots[at] - 1), key, intern->key_bytes) != 0)
        at = (at + 1) & (slots_count - 1);
    return &slots[at];
}

static int grow(struct pkv__intern *intern)
{
    size_t wanted = intern->slots_count ? intern->slots_count * 2 : FIRST_SLOTS;
    uint32_t *slots = pkv__alloc_zero(wanted, sizeof *slots);
    if (!slots)
        return PKV_E_MEMORY;
    for (uint32_t i = 0; i < intern->count; i++)
        *find(slots, wanted, intern, pkv__intern_at(intern, i)) = i + 1;
    pkv__free(intern->slots);
    intern->slots = slots;
    intern->slots_count = wanted;
    return 0;
}

int pkv__intern_add(struct pkv__intern *intern, const void *key, uint32_t *number)
{
    if ((size_t)intern->count * 2 >= intern->slots_count && grow(intern) < 0)
        return PKV_E_MEMORY;
    uint32_t *slot = find(intern->slots, intern->slots_count, intern, key);
    if (!*slot) {
        if (pkv__grow(&intern->keys, &intern->keys_capacity, intern->count + (size_t)1,
                      intern->key_bytes) < 0)
            return PKV_E_MEMORY;
        memcpy(intern->keys + intern->count * intern->key_bytes, key, intern->key_bytes);
        *slot = ++intern->count;
    }
    *number = *slot - 1;
    return 0;
}

bool pkv__intern_has(const struct pkv__intern *intern, const void *key)
{
    return intern->count && *find(intern->slots, intern->slots_count, intern, key);
}

uint32_t pkv__intern_count(const struct pkv__intern *intern)
{
    return intern->count;
}

uint64_t pkv__intern_bytes(const struct pkv__intern *intern)
{
    return intern->keys_capacity * intern->key_bytes + intern->slots_count * sizeof *intern->slots;
}
