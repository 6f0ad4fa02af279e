/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/loader.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/thread.h"

enum state { QUEUED, RUNNING, DONE };

/* A block that is read ahead. */
struct job {
    struct job *next; /* in the order in which they were asked for */
    struct pkv__plan *plan;
    size_t block;
    const struct pkv__plan_request *request;
    enum state state;
    int rc;
    struct pkv__run *run;
    uint64_t checked;
    pkv_error error;
};

/* What a thread keeps between blocks: the segment it read last. */
struct hand {
    struct pkv__segment_reader *reader; /* NULL: none is open */
    uint32_t segment;
    uint64_t generation;
    struct pkv__run_scratch scratch;
};

struct pkv__loader {
    pkv__loader_path_fn *path;
    void *context;
    struct hand own; /* the caller's */
    uint64_t taken;

    pthread_t threads[PKV__QUERY_THREADS_MAX];
    unsigned thread_count;
    bool started;

    /* Shared with the threads. */
    pthread_mutex_t mutex;
    pthread_cond_t wanted, done;
    struct job *first, **last; /* not taken yet */
    unsigned job_count;
    uint64_t generation; /* of the numbers of segments */
    bool waiting;        /* the caller, for a job to be done */
    bool stopping;
};

int pkv__loader_new(struct pkv__loader **loader, pkv__loader_path_fn *path, void *context)
{
    struct pkv__loader *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return PKV_E_MEMORY;
    made->path = path;
    made->context = context;
    made->last = &made->first;
    (void)pthread_mutex_init(&made->mutex, NULL);
    (void)pthread_cond_init(&made->wanted, NULL);
    (void)pthread_cond_init(&made->done, NULL);
    *loader = made;
    return PKV_OK;
}

static int open_by_name(struct pkv__loader *l, struct hand *hand, const struct pkv__plan *plan,
                        pkv_error *error)
{
    PKV__AUTO_FREE char *path = l->path(l->context, plan);
    return path ? pkv__segment_reader_open(&hand->reader, path, error) : pkv__error_memory(error);
}

/* A segment may be sealed between the look for its name and its opening: once. */
static int open_segment(struct pkv__loader *l, struct hand *hand, uint64_t generation,
                        const struct pkv__plan *plan, pkv_error *error)
{
    if (hand->reader && hand->segment == plan->segment && hand->generation == generation)
        return PKV_OK;
    hand->reader = pkv__segment_reader_free(hand->reader);
    hand->segment = plan->segment;
    hand->generation = generation;
    int rc = open_by_name(l, hand, plan, error);
    return rc == PKV_E_NOT_FOUND ? open_by_name(l, hand, plan, error) : rc;
}

static int load(struct pkv__loader *l, struct hand *hand, uint64_t generation, struct job *job)
{
    int rc = open_segment(l, hand, generation, job->plan, &job->error);
    if (rc) {
        hand->reader = NULL;
        return rc;
    }
    return pkv__run_load(&job->run, job->plan, job->block, job->request, hand->reader,
                         &hand->scratch, &job->checked, &job->error);
}

static void hand_deinit(struct hand *hand)
{
    (void)pkv__segment_reader_free(hand->reader);
    pkv__buffer_deinit(&hand->scratch.frame);
}

static struct job *next_queued(const struct pkv__loader *l)
{
    struct job *job = l->first;
    while (job && job->state != QUEUED)
        job = job->next;
    return job;
}

static void *run_thread(void *context)
{
    struct pkv__loader *l = context;
    struct hand hand = {.reader = NULL};
    (void)pthread_mutex_lock(&l->mutex);
    while (!l->stopping) {
        struct job *job = next_queued(l);
        if (!job) {
            (void)pthread_cond_wait(&l->wanted, &l->mutex);
            continue;
        }
        uint64_t generation = l->generation;
        job->state = RUNNING;
        (void)pthread_mutex_unlock(&l->mutex);
        int rc = load(l, &hand, generation, job);
        (void)pthread_mutex_lock(&l->mutex);
        job->rc = rc;
        job->state = DONE;
        if (l->waiting)
            (void)pthread_cond_signal(&l->done);
    }
    (void)pthread_mutex_unlock(&l->mutex);
    hand_deinit(&hand);
    return NULL;
}

/* The caller reads, too, what is not begun when its turn comes. A thread that cannot be started is
 * one less. */
static void start(struct pkv__loader *l)
{
    unsigned wanted = pkv__thread_processors();
    l->started = true;
    for (unsigned i = 1; i < wanted && i <= PKV__QUERY_THREADS_MAX; i++)
        if (pkv__thread_start(&l->threads[l->thread_count], "pkv-query", run_thread, l, NULL) == 0)
            l->thread_count++;
}

/* With the mutex held. False: out of memory. */
static bool queue(struct pkv__loader *l, struct pkv__plan *plan,
                  const struct pkv__plan_request *request)
{
    struct job *job = pkv__alloc_zero(1, sizeof(*job));
    if (!job)
        return false;
    job->plan = plan;
    job->block = plan->next_ahead++;
    job->request = request;
    *l->last = job;
    l->last = &job->next;
    l->job_count++;
    return true;
}

/* Many at a time, since waking a thread costs as much as a block. What memory or the limit does not
 * let be read ahead is read when its turn comes. */
static void look_ahead(struct pkv__loader *l, struct pkv__plan *plan, size_t block,
                       const struct pkv__plan_request *request)
{
    size_t end = plan->block_count;
    if (!l->started && (end - block >= PKV__QUERY_AHEAD_MIN || l->taken >= PKV__QUERY_AHEAD_MIN))
        start(l);
    if (!l->thread_count)
        return;
    if (plan->next_ahead <= block)
        plan->next_ahead = block + 1;
    (void)pthread_mutex_lock(&l->mutex);
    unsigned before = l->job_count;
    while (before <= PKV__QUERY_AHEAD_MAX / 2 && l->job_count < PKV__QUERY_AHEAD_MAX &&
           plan->next_ahead < end && queue(l, plan, request))
        continue;
    if (l->job_count != before)
        (void)pthread_cond_broadcast(&l->wanted);
    (void)pthread_mutex_unlock(&l->mutex);
}

/* With the mutex held. */
static void unlink_job(struct pkv__loader *l, struct job *job)
{
    struct job **link = &l->first;
    while (*link != job)
        link = &(*link)->next;
    *link = job->next;
    if (l->last == &job->next)
        l->last = link;
    l->job_count--;
}

/* With the mutex held. */
static void wait_for(struct pkv__loader *l, const struct job *job)
{
    l->waiting = true;
    while (job->state == RUNNING)
        (void)pthread_cond_wait(&l->done, &l->mutex);
    l->waiting = false;
}

/* The job of a block, done or not begun and now the caller's; NULL: nobody was asked. */
static struct job *claim(struct pkv__loader *l, const struct pkv__plan *plan, size_t block)
{
    (void)pthread_mutex_lock(&l->mutex);
    struct job *job = l->first;
    while (job && (job->plan != plan || job->block != block))
        job = job->next;
    if (job) {
        wait_for(l, job);
        unlink_job(l, job);
    }
    (void)pthread_mutex_unlock(&l->mutex);
    return job;
}

int pkv__loader_take(struct pkv__loader *loader, struct pkv__plan *plan, size_t block,
                     const struct pkv__plan_request *request, struct pkv__run **run,
                     uint64_t *checked, pkv_error *error)
{
    struct job own = {.plan = plan, .block = block, .request = request};
    struct job *asked = loader->thread_count ? claim(loader, plan, block) : NULL;
    struct job *job = asked ? asked : &own;
    look_ahead(loader, plan, block, request);
    loader->taken++;
    if (job->state != DONE)
        job->rc = load(loader, &loader->own, loader->generation, job);
    int rc = job->rc;
    if (rc && error)
        *error = job->error;
    *run = rc ? NULL : job->run;
    *checked += job->checked;
    pkv__free(asked);
    return rc;
}

/* With the mutex held: a job that can be dropped, waiting for one that is being read. */
static struct job *next_to_drop(struct pkv__loader *l, const struct pkv__plan *plan)
{
    struct job *job = l->first;
    while (job && plan && job->plan != plan)
        job = job->next;
    if (job)
        wait_for(l, job);
    return job;
}

void pkv__loader_drop(struct pkv__loader *loader, struct pkv__plan *plan)
{
    struct job *job;
    (void)pthread_mutex_lock(&loader->mutex);
    while ((job = next_to_drop(loader, plan)) != NULL) {
        unlink_job(loader, job);
        (void)pkv__run_free(job->run);
        pkv__free(job);
    }
    if (!plan)
        loader->generation++;
    (void)pthread_mutex_unlock(&loader->mutex);
}

struct pkv__loader *pkv__loader_free(struct pkv__loader *loader)
{
    if (!loader)
        return NULL;
    pkv__loader_drop(loader, NULL);
    (void)pthread_mutex_lock(&loader->mutex);
    loader->stopping = true;
    (void)pthread_cond_broadcast(&loader->wanted);
    (void)pthread_mutex_unlock(&loader->mutex);
    for (unsigned i = 0; i < loader->thread_count; i++)
        (void)pthread_join(loader->threads[i], NULL);
    hand_deinit(&loader->own);
    (void)pthread_cond_destroy(&loader->done);
    (void)pthread_cond_destroy(&loader->wanted);
    (void)pthread_mutex_destroy(&loader->mutex);
    pkv__free(loader);
    return NULL;
}
