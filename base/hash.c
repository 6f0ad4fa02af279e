/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/hash.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"
#include "base/memory.h"

/* Not a seed: it is added to one half of a secret that everybody knows and subtracted from the
 * other, so that keys with their halves exchanged in the right way collide under one in 2^18. */
static uint8_t key_secret[XXH3_SECRET_DEFAULT_SIZE];
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void draw_key_secret(void)
{
    if (getrandom(key_secret, sizeof key_secret, GRND_NONBLOCK) == (ssize_t)sizeof key_secret)
        return;
    XXH3_generateSecret_fromSeed(key_secret,
                                 (uint64_t)pkv__clock_ns() ^ (uint64_t)(uintptr_t)&key_secret);
}

uint32_t pkv__hash32(const void *data, size_t length)
{
    return XXH32(data, length, 0);
}

uint64_t pkv__hash_key(const void *data, size_t length)
{
    (void)pthread_once(&key_once, draw_key_secret);
    return XXH3_64bits_withSecret(data, length, key_secret, sizeof key_secret);
}

uint64_t pkv__hash64(const void *data, size_t length)
{
    return XXH3_64bits(data, length);
}

uint64_t pkv__hash64_seeded(const void *data, size_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, length, seed);
}

/* xxHash wants its state on a boundary of 64 bytes. */
struct pkv__hash128 {
    uint8_t memory[sizeof(XXH3_state_t) + 63];
};

static XXH3_state_t *state_of(const struct pkv__hash128 *h)
{
    return (XXH3_state_t *)(((uintptr_t)h->memory + 63) & ~(uintptr_t)63);
}

struct pkv__hash128 *pkv__hash128_new(void)
{
    struct pkv__hash128 *h = pkv__alloc_zero(1, sizeof *h);
    if (h)
        (void)XXH3_128bits_reset(state_of(h));
    return h;
}

void pkv__hash128_add(struct pkv__hash128 *h, const void *data, size_t length)
{
    (void)XXH3_128bits_update(state_of(h), data, length);
}

void pkv__hash128_hex(const struct pkv__hash128 *h, char hex[33])
{
    XXH128_hash_t hash = XXH3_128bits_digest(state_of(h));
    (void)snprintf(hex, 33, "%016llx%016llx", (unsigned long long)hash.high64,
                   (unsigned long long)hash.low64);
}

struct pkv__hash128 *pkv__hash128_free(struct pkv__hash128 *h)
{
    pkv__free(h);
    return NULL;
}
