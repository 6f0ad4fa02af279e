/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/pool.h"

#include <pthread.h>

#include "archive/lz4_block.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

/* Invariants, under the mutex:
 * 1. taken_bytes is the sum of `room` over the blocks that are out.
 * 2. Every block of the free list has the usual size; larger ones are freed when they come back.
 * 3. The list is last in, first out, so that memory which a burst needed is not touched again.
 * 4. What is out and what is free is within the limit, together (but for a block that is alone). */
struct pkv__pool {
    pthread_mutex_t mutex;
    pthread_cond_t given;
    struct pkv__block *free;
    unsigned free_count;
    uint64_t limit_bytes, taken_bytes;
};

int pkv__pool_new(struct pkv__pool **pool, uint64_t limit_bytes, pkv_error *error)
{
    struct pkv__pool *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    (void)pthread_mutex_init(&made->mutex, NULL);
    (void)pthread_cond_init(&made->given, NULL);
    made->limit_bytes = limit_bytes;
    *pool = made;
    return 0;
}

static void free_block(struct pkv__block *block)
{
    pkv__free(block->data);
    pkv__free(block->other);
    pkv__free(block);
}

static void free_blocks(struct pkv__block *first)
{
    while (first) {
        struct pkv__block *block = first;
        first = block->next;
        free_block(block);
    }
}

struct pkv__pool *pkv__pool_free(struct pkv__pool *pool)
{
    if (!pool)
        return NULL;
    free_blocks(pool->free);
    (void)pthread_cond_destroy(&pool->given);
    (void)pthread_mutex_destroy(&pool->mutex);
    pkv__free(pool);
    return NULL;
}

static struct pkv__block *new_block(uint32_t room)
{
    struct pkv__block *block = pkv__alloc_zero(1, sizeof *block);
    uint8_t *data = block ? pkv__alloc(pkv__lz4_bound(room)) : NULL;
    if (!data) {
        pkv__free(block);
        return NULL;
    }
    block->data = data;
    block->room = room;
    return block;
}

static void reset(struct pkv__block *block)
{
    block->next = block->next_in_lane = NULL;
    block->ready = block->keep_raw = false;
    block->order = NULL;
    block->length = block->raw_bytes = block->packets = 0;
    block->first_ns = INT64_MAX;
    block->last_ns = INT64_MIN;
}

/* Under the mutex: whether the bytes may go out, which are then counted. */
static bool grant(struct pkv__pool *pool, uint32_t room, bool wait)
{
    while (pool->taken_bytes && pool->taken_bytes + room > pool->limit_bytes) {
        if (!wait)
            return false;
        (void)pthread_cond_wait(&pool->given, &pool->mutex);
    }
    pool->taken_bytes += room;
    return true;
}

/* Under the mutex: the free blocks that must make way for a new one. */
static struct pkv__block *take_surplus(struct pkv__pool *pool)
{
    struct pkv__block *surplus = NULL;
    while (pool->free && pool->taken_bytes + pool->free_count * (uint64_t)PKV__BLOCK_TARGET_BYTES >
                             pool->limit_bytes) {
        struct pkv__block *block = pool->free;
        pool->free = block->next;
        pool->free_count--;
        block->next = surplus;
        surplus = block;
    }
    return surplus;
}

struct pkv__block *pkv__pool_take(struct pkv__pool *pool, uint32_t bytes, bool wait)
{
    uint32_t room = bytes > PKV__BLOCK_TARGET_BYTES ? bytes : PKV__BLOCK_TARGET_BYTES;
    struct pkv__block *block = NULL, *surplus = NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    bool granted = grant(pool, room, wait);
    if (granted && room == PKV__BLOCK_TARGET_BYTES && pool->free) {
        block = pool->free;
        pool->free = block->next;
        pool->free_count--;
    } else if (granted) {
        surplus = take_surplus(pool);
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    free_blocks(surplus);
    if (!granted)
        return NULL;
    if (!block)
        block = new_block(room);
    if (block) {
        reset(block);
        return block;
    }
    (void)pthread_mutex_lock(&pool->mutex);
    pool->taken_bytes -= room;
    (void)pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

void pkv__pool_give(struct pkv__pool *pool, struct pkv__block *block)
{
    if (!block)
        return;
    (void)pthread_mutex_lock(&pool->mutex);
    pool->taken_bytes -= block->room;
    bool keep = block->room == PKV__BLOCK_TARGET_BYTES && pool->free_count < PKV__POOL_KEPT_BLOCKS;
    if (keep) {
        block->next = pool->free;
        pool->free = block;
        pool->free_count++;
    }
    /* Not for every block: who waits then has a stretch of work to do. */
    if (pool->taken_bytes <= pool->limit_bytes / 2)
        (void)pthread_cond_broadcast(&pool->given);
    (void)pthread_mutex_unlock(&pool->mutex);
    if (!keep)
        free_block(block);
}

uint64_t pkv__pool_taken_bytes(struct pkv__pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    uint64_t bytes = pool->taken_bytes;
    (void)pthread_mutex_unlock(&pool->mutex);
    return bytes;
}
