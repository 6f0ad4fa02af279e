/* SPDX-License-Identifier: BSD-2-Clause */
/* Summaries of segments in the catalog: Bloom filters that answer "certainly not" or "maybe", and
 * lists of integers. A filter is a power of two of bytes, 64 to 16384; an element sets
 * PKV__FILTER_BITS bits, taken from XXH3 (seed 0) of its key. */
#ifndef PKV_SCHEMA_SUMMARY_H
#define PKV_SCHEMA_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

#define PKV__FILTER_BITS 6

/* Collects keys (a set), then writes the smallest filter with at most about 1 % false answers (or
 * the largest allowed; none at all, of no bytes, past PKV__FILTER_KEYS_MAX keys). */
struct pkv__filter_builder;
int pkv__filter_builder_new(struct pkv__filter_builder **builder);
void pkv__filter_builder_add(struct pkv__filter_builder *builder,
                             uint64_t key_hash); /* out of memory: sticky */
int pkv__filter_builder_finish(const struct pkv__filter_builder *builder,
                               struct pkv__buffer *filter);
void pkv__filter_builder_clear(struct pkv__filter_builder *builder);
struct pkv__filter_builder *pkv__filter_builder_free(struct pkv__filter_builder *builder);

/* Whether the key may be in. A filter of a wrong size answers true: never a wrong no. */
bool pkv__filter_may_have(const uint8_t *filter, size_t length, uint64_t key_hash);

/* Hashes of keys. An address of `length` 4, 6 or 16 bytes cut to its first `bits` (whole address:
 * length * 8). */
uint64_t pkv__summary_address(const uint8_t *address, uint8_t length, unsigned bits);
uint64_t pkv__summary_port(uint16_t port);

/* The prefix lengths that are in the filter beside the whole address: IPv4 24 and 16, IPv6 64
 * and 48. For a net of `bits`, the longest of them that is not longer, or 0: this net cannot be
 * ruled out. */
unsigned pkv__summary_prefix(uint8_t length, unsigned bits);

#endif
