/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/summary.h"

#include <string.h>

#include <pktvault/error.h>

#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"

#define MIN_BYTES 64u
#define MAX_BYTES 16384u
#define BITS_PER_KEY 10u /* with six bits a key: 0.9 % false answers */

/* An open-addressing set of key hashes; zero stands for a free slot and is remapped. */
struct pkv__filter_builder {
    uint64_t *slots;
    size_t capacity, count; /* capacity: a power of two, at most half full */
    bool failed;
    bool saturated; /* more keys than any filter is of use for: they are not collected */
};

int pkv__filter_builder_new(struct pkv__filter_builder **builder)
{
    struct pkv__filter_builder *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    *builder = made;
    return 0;
}

static bool insert(uint64_t *slots, size_t capacity, uint64_t key)
{
    for (size_t i = (size_t)key & (capacity - 1);; i = (i + 1) & (capacity - 1)) {
        if (slots[i] == key)
            return false;
        if (!slots[i]) {
            slots[i] = key;
            return true;
        }
    }
}

static bool grow(struct pkv__filter_builder *builder)
{
    size_t capacity = builder->capacity ? builder->capacity * 2 : 64;
    uint64_t *slots = pkv__alloc_zero(capacity, sizeof *slots);
    if (!slots) {
        builder->failed = true;
        return false;
    }
    for (size_t i = 0; i < builder->capacity; i++)
        if (builder->slots[i])
            (void)insert(slots, capacity, builder->slots[i]);
    pkv__free(builder->slots);
    builder->slots = slots;
    builder->capacity = capacity;
    return true;
}

void pkv__filter_builder_add(struct pkv__filter_builder *builder, uint64_t key_hash)
{
    if (builder->failed || builder->saturated)
        return;
    if ((builder->count + 1) * 2 > builder->capacity && !grow(builder))
        return;
    builder->count += insert(builder->slots, builder->capacity, key_hash ? key_hash : 1);
    builder->saturated = builder->count > PKV__FILTER_KEYS_MAX;
}

/* Bit number `at` of a key: double hashing over the halves of its hash. */
static size_t bit_of(uint64_t key, unsigned at, size_t bytes)
{
    return (size_t)((key + at * (key >> 32 | 1)) & (bytes * 8 - 1));
}

static void set_bits(uint8_t *filter, size_t bytes, uint64_t key)
{
    for (unsigned i = 0; i < PKV__FILTER_BITS; i++) {
        size_t bit = bit_of(key, i, bytes);
        filter[bit / 8] = (uint8_t)(filter[bit / 8] | 1u << bit % 8);
    }
}

static size_t filter_bytes(size_t keys)
{
    size_t bytes = MIN_BYTES;
    while (bytes < MAX_BYTES && bytes * 8 < keys * BITS_PER_KEY)
        bytes *= 2;
    return bytes;
}

int pkv__filter_builder_finish(const struct pkv__filter_builder *builder,
                               struct pkv__buffer *filter)
{
    if (builder->failed)
        return PKV_E_MEMORY;
    if (builder->saturated)
        return 0;
    size_t start = filter->length, bytes = filter_bytes(builder->count);
    pkv__buffer_zeros(filter, bytes);
    if (filter->failed)
        return PKV_E_MEMORY;
    for (size_t i = 0; i < builder->capacity; i++)
        if (builder->slots[i])
            set_bits(filter->data + start, bytes, builder->slots[i]);
    return 0;
}

void pkv__filter_builder_clear(struct pkv__filter_builder *builder)
{
    if (builder->slots)
        memset(builder->slots, 0, builder->capacity * sizeof *builder->slots);
    builder->count = 0;
    builder->failed = builder->saturated = false;
}

struct pkv__filter_builder *pkv__filter_builder_free(struct pkv__filter_builder *builder)
{
    if (builder)
        pkv__free(builder->slots);
    pkv__free(builder);
    return NULL;
}

bool pkv__filter_may_have(const uint8_t *filter, size_t length, uint64_t key_hash)
{
    if (length < MIN_BYTES || length > MAX_BYTES || (length & (length - 1)))
        return true;
    uint64_t key = key_hash ? key_hash : 1;
    for (unsigned i = 0; i < PKV__FILTER_BITS; i++) {
        size_t bit = bit_of(key, i, length);
        if (!(filter[bit / 8] >> bit % 8 & 1))
            return false;
    }
    return true;
}

uint64_t pkv__summary_address(const uint8_t *address, uint8_t length, unsigned bits)
{
    uint8_t key[18] = {length, (uint8_t)bits};
    if (length > 16 || bits > length * 8u)
        return 0;
    memcpy(key + 2, address, (bits + 7) / 8);
    if (bits % 8)
        key[2 + bits / 8] = (uint8_t)(key[2 + bits / 8] & 0xff00u >> bits % 8);
    return pkv__hash64(key, sizeof key);
}

uint64_t pkv__summary_port(uint16_t port)
{
    uint8_t key[2] = {(uint8_t)(port >> 8), (uint8_t)port};
    return pkv__hash64(key, sizeof key);
}

unsigned pkv__summary_prefix(uint8_t length, unsigned bits)
{
    if (bits >= length * 8u)
        return length * 8u;
    if (length == 4)
        return bits >= 24 ? 24 : bits >= 16 ? 16 : 0;
    if (length == 16)
        return bits >= 64 ? 64 : bits >= 48 ? 48 : 0;
    return 0;
}
