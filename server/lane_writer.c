/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lane_writer.h"

#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/thread.h"

enum kind { BEGIN, SAMPLE, SEAL, END };

struct order {
    struct pkv__block block; /* its place in the queue */
    enum kind kind;
    int64_t start_ns;
    uint64_t first_packet;
    bool has_reading;
    struct pkv__loss_reading reading;
};

/* The queue holds blocks in the order in which they were given. Only the one in front is waited
 * for: whatever a worker finishes behind it just becomes ready. */
struct pkv__lane_writer {
    struct pkv__pipeline *pipeline;
    struct pkv__lane_output output; /* the thread's own */
    struct pkv__lane_counts counts;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t ready;
    struct pkv__block *first, **last;
    unsigned orders; /* that are not obeyed yet */
    struct order end;
    void (*ended)(void *context);
    void *context;
};

static struct timespec deadline(int64_t monotonic_ns)
{
    return (struct timespec){monotonic_ns / PKV__NS_PER_S, monotonic_ns % PKV__NS_PER_S};
}

/* Under the mutex: takes what is ready in front, an order for itself alone. */
static unsigned take_ready(struct pkv__lane_writer *writer, struct pkv__block **blocks)
{
    unsigned count = 0;
    while (count < PKV__LANE_OUTPUT_BLOCKS && writer->first && writer->first->ready &&
           !(count && writer->first->order)) {
        blocks[count++] = writer->first;
        writer->first = writer->first->next_in_lane;
        if (blocks[count - 1]->order) {
            writer->orders--;
            break;
        }
    }
    if (!writer->first)
        writer->last = &writer->first;
    return count;
}

/* The next blocks that are ready; 0 when something must be synced first. */
static unsigned next(struct pkv__lane_writer *writer, struct pkv__block **blocks)
{
    const struct pkv__lane_output *output = &writer->output;
    int64_t sync_ns = output->synced_ns + output->config.options->sync_interval_ns;
    struct timespec until = deadline(sync_ns);
    int late = output->dirty && pkv__monotonic_ns() >= sync_ns;
    (void)pthread_mutex_lock(&writer->mutex);
    while (!late && !(writer->first && writer->first->ready)) {
        if (output->dirty)
            late = pthread_cond_timedwait(&writer->ready, &writer->mutex, &until);
        else
            (void)pthread_cond_wait(&writer->ready, &writer->mutex);
    }
    unsigned count = late ? 0 : take_ready(writer, blocks);
    (void)pthread_mutex_unlock(&writer->mutex);
    return count;
}

static void obey(struct pkv__lane_writer *writer, struct order *order)
{
    const struct pkv__loss_reading *reading = order->has_reading ? &order->reading : NULL;
    switch (order->kind) {
    case BEGIN:
        pkv__lane_output_begin(&writer->output, order->start_ns, order->first_packet, reading);
        break;
    case SAMPLE:
        pkv__lane_output_sample(&writer->output, reading);
        break;
    case SEAL:
        pkv__lane_output_end(&writer->output, reading);
        break;
    case END:
        pkv__lane_output_end(&writer->output, reading);
        return;
    }
    pkv__free(order);
}

static void *run(void *context)
{
    struct pkv__lane_writer *writer = context;
    pkv__workers_drop_capabilities();
    for (;;) {
        struct pkv__block *blocks[PKV__LANE_OUTPUT_BLOCKS];
        unsigned count = next(writer, blocks);
        if (!count) {
            pkv__lane_output_sync(&writer->output, pkv__monotonic_ns());
        } else if (blocks[0]->order) {
            struct order *order = blocks[0]->order;
            bool last = order->kind == END;
            obey(writer, order);
            if (last)
                break;
        } else {
            pkv__lane_output_blocks(&writer->output, blocks, count);
            for (unsigned i = 0; i < count; i++)
                pkv__pool_give(writer->pipeline->pool, blocks[i]);
        }
    }
    if (writer->ended)
        writer->ended(writer->context);
    return NULL;
}

static void free_writer(struct pkv__lane_writer *writer)
{
    pkv__lane_output_deinit(&writer->output);
    (void)pthread_cond_destroy(&writer->ready);
    (void)pthread_mutex_destroy(&writer->mutex);
    pkv__free(writer);
}

static void init_queue(struct pkv__lane_writer *writer)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&writer->ready, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    (void)pthread_mutex_init(&writer->mutex, NULL);
    writer->last = &writer->first;
    writer->end = (struct order){.kind = END};
}

int pkv__lane_writer_new(struct pkv__lane_writer **writer, struct pkv__pipeline *pipeline,
                         uint32_t first, uint32_t last, const pkv_interface *interface_,
                         const char *origin, void (*ended)(void *), void *context, pkv_error *error)
{
    struct pkv__lane_output_config config = {pipeline->directory, pipeline->options, interface_,
                                             origin};
    struct pkv__lane_lock *lock = NULL;
    int rc = pkv__lane_lock_any(&lock, pipeline->directory, first, last, error);
    if (rc < 0)
        return rc;
    struct pkv__lane_writer *made = pkv__alloc_zero(1, sizeof *made);
    if (!made) {
        (void)pkv__lane_unlock(lock);
        return pkv__error_memory(error);
    }
    made->pipeline = pipeline;
    made->ended = ended;
    made->context = context;
    init_queue(made);
    rc = pkv__lane_output_init(&made->output, &config, lock, &made->counts, error);
    if (rc == 0)
        rc = pkv__thread_start(&made->thread, "pkv-write", run, made, error);
    if (rc < 0)
        free_writer(made);
    else
        *writer = made;
    return rc;
}

static void enqueue(struct pkv__lane_writer *writer, struct pkv__block *block)
{
    block->next_in_lane = NULL;
    (void)pthread_mutex_lock(&writer->mutex);
    *writer->last = block;
    writer->last = &block->next_in_lane;
    writer->orders += block->order != NULL;
    if (block->ready && writer->first == block)
        (void)pthread_cond_signal(&writer->ready);
    (void)pthread_mutex_unlock(&writer->mutex);
}

/* The thread is woken once for what is ready together. */
static void compressed(struct pkv__block *const *blocks, unsigned count)
{
    struct pkv__lane_writer *writer = blocks[0]->owner;
    (void)pthread_mutex_lock(&writer->mutex);
    for (unsigned i = 0; i < count; i++)
        blocks[i]->ready = true;
    if (writer->first && writer->first->ready)
        (void)pthread_cond_signal(&writer->ready);
    (void)pthread_mutex_unlock(&writer->mutex);
}

void pkv__lane_writer_block(struct pkv__lane_writer *writer, struct pkv__block *block, bool at_once)
{
    block->owner = writer;
    block->compressed = compressed;
    enqueue(writer, block);
    pkv__workers_submit(writer->pipeline->workers, block, at_once);
}

/* NULL: *rc says why not. */
static struct order *new_order(struct pkv__lane_writer *writer, enum kind kind, int *rc)
{
    (void)pthread_mutex_lock(&writer->mutex);
    bool full = writer->orders >= PKV__LANE_ORDERS_MAX;
    (void)pthread_mutex_unlock(&writer->mutex);
    struct order *order = full ? NULL : pkv__alloc_zero(1, sizeof *order);
    if (order)
        order->kind = kind;
    *rc = full ? PKV_E_LIMIT : order ? 0 : PKV_E_MEMORY;
    return order;
}

static void give_order(struct pkv__lane_writer *writer, struct order *order,
                       const struct pkv__loss_reading *reading)
{
    order->block.order = order;
    order->block.ready = true;
    order->has_reading = reading != NULL;
    if (reading)
        order->reading = *reading;
    enqueue(writer, &order->block);
}

int pkv__lane_writer_begin(struct pkv__lane_writer *writer, int64_t start_ns, uint64_t first_packet,
                           const struct pkv__loss_reading *reading)
{
    int rc;
    struct order *order = new_order(writer, BEGIN, &rc);
    if (!order)
        return rc;
    order->start_ns = start_ns;
    order->first_packet = first_packet;
    give_order(writer, order, reading);
    return 0;
}

static int give_reading(struct pkv__lane_writer *writer, enum kind kind,
                        const struct pkv__loss_reading *reading)
{
    int rc;
    struct order *order = new_order(writer, kind, &rc);
    if (order)
        give_order(writer, order, reading);
    return rc;
}

int pkv__lane_writer_sample(struct pkv__lane_writer *writer,
                            const struct pkv__loss_reading *reading)
{
    return give_reading(writer, SAMPLE, reading);
}

int pkv__lane_writer_seal(struct pkv__lane_writer *writer, const struct pkv__loss_reading *reading)
{
    return give_reading(writer, SEAL, reading);
}

void pkv__lane_writer_end(struct pkv__lane_writer *writer, const struct pkv__loss_reading *reading)
{
    give_order(writer, &writer->end, reading);
}

int pkv__lane_writer_error(const struct pkv__lane_writer *writer, pkv_error *error)
{
    if (writer->output.error.code && error)
        *error = writer->output.error;
    return writer->output.error.code;
}

int pkv__lane_writer_free(struct pkv__lane_writer *writer, pkv_error *error)
{
    (void)pthread_join(writer->thread, NULL);
    int rc = pkv__lane_writer_error(writer, error);
    free_writer(writer);
    return rc;
}

const struct pkv__lane_counts *pkv__lane_writer_counts(const struct pkv__lane_writer *writer)
{
    return &writer->counts;
}
