/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/workers.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "archive/lz4_block.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/thread.h"

#define BATCH 8u /* blocks that a worker takes at a time: to wake a thread costs 5 to 10 us */

struct pkv__workers {
    pthread_mutex_t mutex;
    pthread_cond_t submitted;
    struct pkv__block *first, **last;
    unsigned queued; /* since somebody was woken */
    bool ending;
    unsigned count; /* of threads that run */
    pthread_t threads[PKV__WORKERS_MAX];
};

/* What a worker has for itself: LZ4's state and room for a usual block, which it exchanges with the
 * raw one. */
struct desk {
    void *state;
    uint8_t *spare;
    uint32_t spare_capacity;
};

void pkv__workers_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    const uint32_t network = 1u << CAP_NET_RAW | 1u << CAP_NET_ADMIN | 1u << CAP_NET_BIND_SERVICE;
    if (syscall(SYS_capget, &header, data) != 0)
        return;
    data[0].effective &= ~network;
    data[0].permitted &= ~network;
    data[0].inheritable &= ~network;
    (void)syscall(SYS_capset, &header, data);
}

/* Waits for blocks and takes the first of them; 0: it is over. */
static unsigned next_blocks(struct pkv__workers *workers, struct pkv__block *blocks[BATCH])
{
    unsigned count = 0;
    (void)pthread_mutex_lock(&workers->mutex);
    while (!workers->first && !workers->ending)
        (void)pthread_cond_wait(&workers->submitted, &workers->mutex);
    while (workers->first && count < BATCH) {
        blocks[count++] = workers->first;
        workers->first = workers->first->next;
    }
    if (!workers->first)
        workers->last = &workers->first;
    (void)pthread_mutex_unlock(&workers->mutex);
    return count;
}

/* Room for what a block becomes, of the size that this block's own memory must have. */
static bool make_room(struct desk *desk, const struct pkv__block *block)
{
    uint32_t bound = pkv__lz4_bound(block->room);
    if (desk->spare_capacity != bound) {
        pkv__free(desk->spare);
        desk->spare = pkv__alloc(bound);
        desk->spare_capacity = desk->spare ? bound : 0;
    }
    if (!desk->state)
        desk->state = pkv__alloc(pkv__lz4_state_bytes());
    return desk->spare && desk->state;
}

/* A block that cannot be compressed for want of memory gets the length 0, and is counted as lost by
 * whoever writes it. */
static void compress(struct desk *desk, struct pkv__block *block)
{
    block->raw_bytes = block->length;
    if (!make_room(desk, block)) {
        block->length = 0;
        return;
    }
    if (block->keep_raw && !block->other)
        block->other = pkv__alloc(pkv__lz4_bound(block->room));
    block->keep_raw = block->keep_raw && block->other;
    uint8_t **to = block->keep_raw ? &block->other : &desk->spare, *raw = block->data;
    block->length = pkv__lz4_encode(desk->state, *to, raw, block->length);
    block->data = *to;
    *to = raw;
}

/* Those of one owner together. They are its own again from the call on. */
static void tell_owners(struct pkv__block *const *blocks, unsigned count)
{
    unsigned same;
    for (unsigned i = 0; i < count; i += same) {
        for (same = 1; i + same < count && blocks[i + same]->owner == blocks[i]->owner;)
            same++;
        blocks[i]->compressed(blocks + i, same);
    }
}

static void *run(void *context)
{
    struct pkv__workers *workers = context;
    struct desk desk = {NULL, NULL, 0};
    struct pkv__block *blocks[BATCH];
    unsigned count;
    pkv__workers_drop_capabilities();
    while ((count = next_blocks(workers, blocks)) > 0) {
        for (unsigned i = 0; i < count; i++)
            compress(&desk, blocks[i]);
        tell_owners(blocks, count);
    }
    pkv__free(desk.state);
    pkv__free(desk.spare);
    return NULL;
}

struct pkv__workers *pkv__workers_free(struct pkv__workers *workers)
{
    if (!workers)
        return NULL;
    (void)pthread_mutex_lock(&workers->mutex);
    workers->ending = true;
    (void)pthread_cond_broadcast(&workers->submitted);
    (void)pthread_mutex_unlock(&workers->mutex);
    for (unsigned i = 0; i < workers->count; i++)
        (void)pthread_join(workers->threads[i], NULL);
    (void)pthread_cond_destroy(&workers->submitted);
    (void)pthread_mutex_destroy(&workers->mutex);
    pkv__free(workers);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__workers, pkv__workers_free);

int pkv__workers_new(struct pkv__workers **workers, unsigned count, pkv_error *error)
{
    struct pkv__workers *made PKV__AUTO(pkv__workers_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    (void)pthread_mutex_init(&made->mutex, NULL);
    (void)pthread_cond_init(&made->submitted, NULL);
    made->last = &made->first;
    for (; made->count < count && made->count < PKV__WORKERS_MAX; made->count++) {
        int rc = pkv__thread_start(&made->threads[made->count], "pkv-compress", run, made, error);
        if (rc < 0)
            return rc;
    }
    *workers = PKV__STEAL(made);
    return 0;
}

void pkv__workers_submit(struct pkv__workers *workers, struct pkv__block *block, bool at_once)
{
    block->next = NULL;
    (void)pthread_mutex_lock(&workers->mutex);
    *workers->last = block;
    workers->last = &block->next;
    if (++workers->queued >= BATCH || at_once) {
        workers->queued = 0;
        (void)pthread_cond_signal(&workers->submitted);
    }
    (void)pthread_mutex_unlock(&workers->mutex);
}
