/* SPDX-License-Identifier: BSD-2-Clause */
/* Recognises the second copy of a packet that two mirrors saw: inner bytes alike, another source, a
 * short time later. */
#ifndef PKV_QUERY_DEDUP_H
#define PKV_QUERY_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pkv__dedup_seen;

struct pkv__dedup {
    struct pkv__dedup_seen *seen; /* a ring, made with the first packet */
    uint32_t *slots;              /* of a hash: the first of its contents */
    uint64_t count;               /* packets that were given */
};

/* 1: the second copy of one that was given; 0: not; or PKV_E_MEMORY. content and source: hashes of
 * the inner frame and of where it was mirrored. */
int pkv__dedup_check(struct pkv__dedup *dedup, int64_t time_ns, uint64_t content, uint64_t source);
void pkv__dedup_deinit(struct pkv__dedup *dedup);

#endif
