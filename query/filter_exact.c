/* SPDX-License-Identifier: BSD-2-Clause */
/* tcpdump's meaning: libpcap compiles the whole expression, in which our own terms are replaced by
 * their values for the packet. So a "vlan" moves the offsets behind it as it does there, and a
 * field that is cut off rejects the packet. */
#include <pthread.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/filter_node.h"
#include "query/frame.h"

struct combination {
    uint64_t own;
    struct pkv__bpf *bpf;
};

struct pkv__exact {
    const struct pkv__node *root;
    pthread_mutex_t mutex; /* of adding; `count` is published last */
    unsigned count;
    struct combination combinations[PKV__FILTER_COMBINATIONS_MAX];
};

/* `as_written`: NULL where the expression has terms of ours. libpcap's optimizer makes other
 * programs of other words for the same, which differ in what they make of a packet that was cut. */
static int compile(struct combination *combination, const struct pkv__node *root,
                   const char *as_written, uint64_t own, pkv_error *error)
{
    combination->own = own;
    if (as_written)
        return pkv__bpf_new(&combination->bpf, as_written, error);
    struct pkv__buffer text = {0};
    pkv__node_print(root, own, &text);
    pkv__buffer_u8(&text, 0);
    int rc = text.failed ? pkv__error_memory(error)
                         : pkv__bpf_new(&combination->bpf, (const char *)text.data, error);
    pkv__buffer_deinit(&text);
    return rc;
}

int pkv__exact_new(struct pkv__exact **exact, const struct pkv__filter *filter, const char *text,
                   pkv_error *error)
{
    struct pkv__exact *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    made->root = filter->root;
    (void)pthread_mutex_init(&made->mutex, NULL);
    int rc =
        compile(&made->combinations[0], filter->root, filter->own_count ? NULL : text, 0, error);
    if (rc) {
        (void)pkv__exact_free(made);
        return rc;
    }
    made->count = 1;
    *exact = made;
    return PKV_OK;
}

static struct pkv__bpf *find(struct pkv__exact *exact, uint64_t own)
{
    unsigned count = __atomic_load_n(&exact->count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++)
        if (exact->combinations[i].own == own)
            return exact->combinations[i].bpf;
    return NULL;
}

static struct pkv__bpf *add(struct pkv__exact *exact, uint64_t own)
{
    (void)pthread_mutex_lock(&exact->mutex);
    struct pkv__bpf *bpf = find(exact, own);
    if (!bpf && exact->count < PKV__FILTER_COMBINATIONS_MAX &&
        !compile(&exact->combinations[exact->count], exact->root, NULL, own, NULL)) {
        bpf = exact->combinations[exact->count].bpf;
        __atomic_store_n(&exact->count, exact->count + 1, __ATOMIC_RELEASE);
    }
    (void)pthread_mutex_unlock(&exact->mutex);
    return bpf;
}

bool pkv__exact_match(struct pkv__exact *exact, const struct pkv__subject *subject)
{
    uint64_t own = pkv__node_own(exact->root, subject);
    struct combination passing = {.bpf = NULL};
    struct pkv__bpf *bpf = find(exact, own);
    if (!bpf)
        bpf = add(exact, own);
    if (!bpf && !compile(&passing, exact->root, NULL, own, NULL))
        bpf = passing.bpf;
    struct pkv__frame frame;
    pkv__frame_inner(&frame, subject->facts, subject->packet, subject->link_type, subject->scratch);
    bool matches = bpf && pkv__bpf_match(bpf, frame.link_type, frame.data, frame.captured_bytes,
                                         frame.original_bytes);
    (void)pkv__bpf_free(passing.bpf);
    return matches;
}

struct pkv__exact *pkv__exact_free(struct pkv__exact *exact)
{
    if (!exact)
        return NULL;
    for (unsigned i = 0; i < exact->count; i++)
        (void)pkv__bpf_free(exact->combinations[i].bpf);
    (void)pthread_mutex_destroy(&exact->mutex);
    pkv__free(exact);
    return NULL;
}
