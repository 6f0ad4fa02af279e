/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/feed.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

struct fed {
    struct pkv__segment_name name;
    struct pkv__intake *intake; /* NULL: something went wrong */
    bool used;
};

/* The mutex is held to find a place, not to use it: a segment has one writer, and is taken when it
 * has none any more. */
struct pkv__feed {
    pthread_mutex_t mutex;
    char *directory;
    struct fed fed[PKV__FED_MAX];
};

int pkv__feed_new(struct pkv__feed **feed, const char *directory)
{
    struct pkv__feed *made = pkv__alloc_zero(1, sizeof *made);
    if (!made || !(made->directory = pkv__strdup(directory))) {
        pkv__free(made);
        return PKV_E_MEMORY;
    }
    (void)pthread_mutex_init(&made->mutex, NULL);
    *feed = made;
    return 0;
}

struct pkv__feed *pkv__feed_free(struct pkv__feed *feed)
{
    if (!feed)
        return NULL;
    for (unsigned i = 0; i < PKV__FED_MAX; i++)
        (void)pkv__intake_free(feed->fed[i].intake);
    (void)pthread_mutex_destroy(&feed->mutex);
    pkv__free(feed->directory);
    pkv__free(feed);
    return NULL;
}

static struct fed *find(struct pkv__feed *feed, const struct pkv__segment_name *name)
{
    for (unsigned i = 0; i < PKV__FED_MAX; i++)
        if (feed->fed[i].used && pkv__segment_name_compare(&feed->fed[i].name, name) == 0)
            return &feed->fed[i];
    return NULL;
}

/* A free place, for a segment whose first packets these are. */
static struct fed *begin(struct pkv__feed *feed, const struct pkv__segment_name *name)
{
    for (unsigned i = 0; i < PKV__FED_MAX; i++) {
        struct fed *fed = &feed->fed[i];
        if (fed->used)
            continue;
        *fed = (struct fed){.name = *name, .used = true};
        if (pkv__intake_open(&fed->intake, feed->directory, name, true, NULL) < 0)
            fed->intake = NULL;
        return fed;
    }
    return NULL;
}

void pkv__feed_give(struct pkv__feed *feed, const struct pkv__handed_block *block)
{
    struct pkv__segment_name name = {block->start_ns, block->lane, block->sequence};
    if (strcmp(block->directory, feed->directory) != 0)
        return;
    (void)pthread_mutex_lock(&feed->mutex);
    struct fed *fed = find(feed, &name);
    if (!fed && block->first)
        fed = begin(feed, &name);
    (void)pthread_mutex_unlock(&feed->mutex);
    if (!fed || !fed->intake)
        return;
    struct pkv__raw_block raw = {block->offset, block->stored_bytes, block->raw_bytes, block->raw,
                                 block->stored};
    if (pkv__intake_give(fed->intake, &raw, NULL) < 0 ||
        pkv__segment_index_bytes(pkv__intake_index(fed->intake)) > PKV__FED_BYTES)
        fed->intake = pkv__intake_free(fed->intake);
}

struct pkv__intake *pkv__feed_take(struct pkv__feed *feed, const struct pkv__segment_name *name)
{
    struct pkv__intake *intake = NULL;
    (void)pthread_mutex_lock(&feed->mutex);
    struct fed *fed = find(feed, name);
    if (fed) {
        intake = fed->intake;
        *fed = (struct fed){.used = false};
    }
    (void)pthread_mutex_unlock(&feed->mutex);
    return intake;
}
