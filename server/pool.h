/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory in which packets wait for a worker and for the disk: raw blocks out of a bounded pool.
 */
#ifndef PKV_SERVER_POOL_H
#define PKV_SERVER_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/error.h>

/* A raw block while it is filled; after compression the stored form of it, in the same memory. */
struct pkv__block {
    struct pkv__block *next; /* of the free list, or of the workers' queue */
    uint8_t *data;
    uint8_t *other; /* NULL, or as much memory */
    bool keep_raw;  /* `other` shall have the raw form when it is compressed, if there is memory */
    uint32_t length;
    uint32_t room;      /* raw bytes at which it is full; the memory is pkv__lz4_bound(room) */
    uint32_t raw_bytes; /* kept when length becomes that of the stored form */
    uint32_t packets;
    int64_t first_ns, last_ns; /* of its packets: lowest and highest */
    /* Called by the worker with blocks of one owner that are done. */
    void (*compressed)(struct pkv__block *const *blocks, unsigned count);
    void *owner;

    /* Of the lane's queue, under its mutex. */
    struct pkv__block *next_in_lane;
    bool ready;  /* compressed */
    void *order; /* not NULL: no packets, but something for the lane's writer to do */
};

struct pkv__pool;

/* limit_bytes: of raw blocks out at a time. Errors: PKV_E_MEMORY. */
int pkv__pool_new(struct pkv__pool **pool, uint64_t limit_bytes, pkv_error *error);
struct pkv__pool *pkv__pool_free(struct pkv__pool *pool); /* all blocks are back */

/* An empty block with room for at least `bytes`. NULL: the limit is reached (a single block is
 * always granted), or no memory. With `wait`, only without memory. Any thread. */
struct pkv__block *pkv__pool_take(struct pkv__pool *pool, uint32_t bytes, bool wait);
void pkv__pool_give(struct pkv__pool *pool, struct pkv__block *block); /* NULL is fine */

uint64_t pkv__pool_taken_bytes(struct pkv__pool *pool);

#endif
