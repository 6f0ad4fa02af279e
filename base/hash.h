/* SPDX-License-Identifier: BSD-2-Clause */
/* xxHash's home. */
#ifndef PKV_BASE_HASH_H
#define PKV_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH32 with seed 0: the checksum of LZ4 frames. */
uint32_t pkv__hash32(const void *data, size_t length);

/* XXH3 of a table key, under a secret drawn once a process, so that nobody can choose colliding
 * keys. Never stored. */
uint64_t pkv__hash_key(const void *data, size_t length);

/* XXH3 with seed 0: the same on every machine, for what is stored. */
uint64_t pkv__hash64(const void *data, size_t length);

/* The same with a seed. */
uint64_t pkv__hash64_seeded(const void *data, size_t length, uint64_t seed);

/* XXH3-128 over a stream: recognises a file that was imported before. hex: 32 digits and a zero. */
struct pkv__hash128;
struct pkv__hash128 *pkv__hash128_new(void);
void pkv__hash128_add(struct pkv__hash128 *h, const void *data, size_t length);
void pkv__hash128_hex(const struct pkv__hash128 *h, char hex[33]);
struct pkv__hash128 *pkv__hash128_free(struct pkv__hash128 *h);

#endif
