/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/indexer.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "archive/directory.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/handover.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/thread.h"
#include "indexer/feed.h"
#include "indexer/follower.h"

struct pkv_indexer {
    int lock; /* negative: not held */
    char *directory;
    pkv_options *options;
    struct pkv__follower *follower;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct pkv__feed *feed;
    bool attached; /* to the hand-over of `options` */
    atomic_bool stopping;
    int64_t deadline_ns; /* monotonic; set before `stopping` is */
};

static pkv_indexer *indexer_free(pkv_indexer *indexer)
{
    if (!indexer)
        return NULL;
    if (indexer->attached)
        pkv__handover_detach(indexer->options->handover);
    (void)pkv__follower_free(indexer->follower);
    (void)pkv__feed_free(indexer->feed);
    pkv__file_close(indexer->lock);
    pkv__free(indexer->directory);
    (void)pkv_options_free(indexer->options);
    (void)pthread_cond_destroy(&indexer->wake);
    (void)pthread_mutex_destroy(&indexer->mutex);
    pkv__free(indexer);
    return NULL;
}
PKV__DEFINE_CLEANUP(pkv_indexer, indexer_free);

static void make_wake(pkv_indexer *indexer)
{
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&indexer->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&indexer->mutex, NULL);
}

static int is_overdue(void *context, uint64_t done, uint64_t all)
{
    pkv_indexer *indexer = context;
    (void)done;
    (void)all;
    return atomic_load(&indexer->stopping) && pkv__monotonic_ns() >= indexer->deadline_ns;
}

static void pause_for(pkv_indexer *indexer, int64_t ns)
{
    int64_t at_ns = pkv__monotonic_ns() + ns;
    struct timespec at = {at_ns / PKV__NS_PER_S, at_ns % PKV__NS_PER_S};
    (void)pthread_mutex_lock(&indexer->mutex);
    if (!atomic_load(&indexer->stopping))
        (void)pthread_cond_timedwait(&indexer->wake, &indexer->mutex, &at);
    (void)pthread_mutex_unlock(&indexer->mutex);
}

static void receive(void *context, const struct pkv__handed_block *block)
{
    pkv__feed_give(context, block);
}

static int take_over(pkv_indexer *indexer, pkv_error *error)
{
    if (pkv__feed_new(&indexer->feed, indexer->directory) < 0)
        return pkv__error_memory(error);
    pkv__follower_use(indexer->follower, indexer->feed);
    indexer->attached = pkv__handover_attach(indexer->options->handover, receive, indexer->feed);
    return 0;
}

/* What a failure leaves is made use of by the next try. */
static int open_archive(pkv_indexer *indexer, pkv_error *error)
{
    if (indexer->lock < 0)
        indexer->lock = pkv__indexer_lock(indexer->directory, error);
    if (indexer->lock < 0)
        return indexer->lock;
    int rc = 0;
    if (!indexer->follower)
        rc = pkv__follower_new(&indexer->follower, indexer->directory, indexer->options, error);
    return rc == 0 ? take_over(indexer, error) : rc;
}

/* A new reason is told, the same one not again. */
static bool open_patiently(pkv_indexer *indexer)
{
    pkv_error error, told = {.text = ""};
    int rc;
    while ((rc = open_archive(indexer, &error)) < 0 && !atomic_load(&indexer->stopping)) {
        if (strcmp(error.text, told.text) != 0)
            pkv__log(indexer->options, rc == PKV_E_BUSY ? PKV_LOG_WARNING : PKV_LOG_ERROR,
                     "nothing is indexed yet: %s", error.text);
        told = error;
        pause_for(indexer, PKV__INDEXER_RETRY_NS);
    }
    if (rc == 0 && *told.text)
        pkv__log(indexer->options, PKV_LOG_INFO, "%s is indexed now", indexer->directory);
    return rc == 0;
}

/* What fails is in the log, and tried again. The last look begins after the request to stop: what a
 * recorder sealed before it is then indexed and chained. */
static void *run(void *context)
{
    pkv_indexer *indexer = context;
    bool last;
    if (!indexer->feed && !open_patiently(indexer))
        return NULL;
    do {
        last = atomic_load(&indexer->stopping);
        if (last)
            pkv__follower_try_again(indexer->follower);
        (void)pkv__follower_step(indexer->follower, !last, is_overdue, indexer, NULL);
        pause_for(indexer, PKV__FOLLOW_NS);
    } while (!last);
    return NULL;
}

static int start(pkv_indexer **indexer, const char *directory, const pkv_options *options,
                 bool patiently, pkv_error *error)
{
    pkv_indexer *made PKV__AUTO(indexer_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->lock = -1;
    make_wake(made);
    made->directory = pkv__strdup(directory);
    if (!made->directory || pkv__options_copy(&made->options, options) < 0)
        return pkv__error_memory(error);
    int rc = patiently ? 0 : open_archive(made, error);
    if (rc == 0)
        rc = pkv__thread_start(&made->thread, "pkv-indexer", run, made, error);
    if (rc < 0)
        return rc;
    *indexer = PKV__STEAL(made);
    return 0;
}

/* An archive that can be indexed: what was restored from a backup may lack locks/. */
static int find_archive(const char *directory, pkv_error *error)
{
    PKV__AUTO_FREE char *locks = pkv__archive_join(directory, "locks");
    if (!locks)
        return pkv__error_memory(error);
    int rc = pkv__archive_check(directory, error);
    return rc < 0 ? rc : pkv__file_make_directories(locks, error);
}

int pkv_indexer_start(pkv_indexer **indexer, const char *directory, const pkv_options *options,
                      pkv_error *error)
{
    int rc = find_archive(directory, error);
    return rc < 0 ? rc : start(indexer, directory, options, false, error);
}

int pkv_indexer_start_patiently(pkv_indexer **indexer, const char *directory,
                                const pkv_options *options, pkv_error *error)
{
    return start(indexer, directory, options, true, error);
}

void pkv_indexer_stop(pkv_indexer *indexer)
{
    if (!indexer)
        return;
    (void)pthread_mutex_lock(&indexer->mutex);
    indexer->deadline_ns = pkv__monotonic_ns() + PKV__INDEXER_STOP_NS;
    atomic_store(&indexer->stopping, true);
    (void)pthread_cond_signal(&indexer->wake);
    (void)pthread_mutex_unlock(&indexer->mutex);
    (void)pthread_join(indexer->thread, NULL);
    (void)indexer_free(indexer);
}

PKV__DEFINE_CLEANUP(struct pkv__follower, pkv__follower_free);

/* Until a look finds nothing more to do: what made it necessary to look again is bounded by what
 * fails for good. */
static int index_all(const char *directory, const pkv_options *options, pkv_progress_fn *progress,
                     void *context, pkv_index_report *report, pkv_error *error)
{
    struct pkv__follower *follower PKV__AUTO(pkv__follower_free) = NULL;
    int rc = pkv__follower_new(&follower, directory, options, error);
    pkv_index_report before, after = {.segments = 0};
    if (rc < 0)
        return rc;
    do {
        before = after;
        rc = pkv__follower_step(follower, false, progress, context, error);
        pkv__follower_report(follower, &after);
    } while (rc == 0 && after.segments + after.failed != before.segments + before.failed);
    if (report)
        *report = after;
    return rc;
}

int pkv_index_run(const char *directory, unsigned flags, const pkv_options *options,
                  pkv_progress_fn *progress, void *context, pkv_index_report *report,
                  pkv_error *error)
{
    int rc = find_archive(directory, error);
    if (rc < 0)
        return rc;
    PKV__AUTO_CLOSE int lock = pkv__indexer_lock(directory, error);
    if (lock < 0)
        return lock;
    if (flags & PKV_INDEX_REBUILD && (rc = pkv__follower_forget(directory, error)) < 0)
        return rc;
    return index_all(directory, options, progress, context, report, error);
}
