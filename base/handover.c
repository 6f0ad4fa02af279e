/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/handover.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"

/* A call holds the lock to read; who attaches or detaches, to write. */
struct pkv__handover {
    atomic_uint references;
    pthread_rwlock_t lock;
    pkv__receive_fn *receive; /* NULL: nobody */
    void *context;
};

int pkv__handover_new(struct pkv__handover **handover)
{
    struct pkv__handover *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    (void)pthread_rwlock_init(&made->lock, NULL);
    atomic_init(&made->references, 1);
    *handover = made;
    return 0;
}

struct pkv__handover *pkv__handover_share(struct pkv__handover *handover)
{
    atomic_fetch_add(&handover->references, 1);
    return handover;
}

struct pkv__handover *pkv__handover_free(struct pkv__handover *handover)
{
    if (!handover || atomic_fetch_sub(&handover->references, 1) > 1)
        return NULL;
    (void)pthread_rwlock_destroy(&handover->lock);
    pkv__free(handover);
    return NULL;
}

bool pkv__handover_attach(struct pkv__handover *handover, pkv__receive_fn *receive, void *context)
{
    (void)pthread_rwlock_wrlock(&handover->lock);
    bool alone = !handover->receive;
    if (alone) {
        handover->receive = receive;
        handover->context = context;
    }
    (void)pthread_rwlock_unlock(&handover->lock);
    return alone;
}

void pkv__handover_detach(struct pkv__handover *handover)
{
    (void)pthread_rwlock_wrlock(&handover->lock);
    handover->receive = NULL;
    (void)pthread_rwlock_unlock(&handover->lock);
}

bool pkv__handover_is_wanted(struct pkv__handover *handover)
{
    (void)pthread_rwlock_rdlock(&handover->lock);
    bool wanted = handover->receive != NULL;
    (void)pthread_rwlock_unlock(&handover->lock);
    return wanted;
}

void pkv__handover_give(struct pkv__handover *handover, const struct pkv__handed_block *block)
{
    (void)pthread_rwlock_rdlock(&handover->lock);
    if (handover->receive)
        handover->receive(handover->context, block);
    (void)pthread_rwlock_unlock(&handover->lock);
}
