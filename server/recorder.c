/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/recorder_internal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

#define TICK_MS 1000

static void free_recorder(pkv_recorder *recorder)
{
    while (recorder->sources) {
        struct pkv_source *source = recorder->sources;
        recorder->sources = source->next;
        if (source->kind)
            source->kind->free(source->impl);
        pkv__free(source);
    }
    for (unsigned i = 0; i < recorder->guards_count; i++)
        pkv__port_guard_close(&recorder->guards[i]);
    pkv__pipeline_deinit(&recorder->pipeline);
    pkv__networks_deinit(&recorder->allow);
    (void)pkv_options_free(recorder->options);
    pkv__free(recorder->directory);
    (void)pthread_mutex_destroy(&recorder->log_mutex);
    pkv__free(recorder);
}

void pkv__recorder_handle_closed(uv_handle_t *handle)
{
    pkv_recorder *recorder = handle->data;
    if (--recorder->handles > 0)
        return;
    if (recorder->closed)
        recorder->closed(recorder->closed_context);
    free_recorder(recorder);
}

static void lane_has_ended(uv_async_t *async)
{
    pkv_recorder *recorder = async->data;
    bool all = pkv__recorder_reap(recorder);
    if (all && recorder->closing && !recorder->async_closing) {
        recorder->async_closing = true;
        uv_close((uv_handle_t *)&recorder->ended, pkv__recorder_handle_closed);
    }
}

static void tick(uv_timer_t *timer)
{
    pkv_recorder *recorder = timer->data;
    int64_t now_ns = pkv__monotonic_ns();
    uint64_t lost_buffer = 0;
    for (struct pkv_source *source = recorder->sources; source; source = source->next) {
        struct pkv__lane_totals totals;
        pkv__source_look(source);
        if (!source->ending)
            pkv__lane_tick(source->lane, now_ns);
        pkv__source_totals(source, &totals);
        lost_buffer += totals.losses.buffer;
    }
    recorder->starved = lost_buffer != recorder->lost_buffer;
    recorder->lost_buffer = lost_buffer;
}

static void flush(uv_timer_t *timer)
{
    pkv_recorder *recorder = timer->data;
    int64_t now_ns = pkv__monotonic_ns();
    for (struct pkv_source *source = recorder->sources; source; source = source->next)
        if (!source->ending)
            pkv__lane_flush(source->lane, now_ns);
}

static void locked_log(void *context, int level, const char *text)
{
    pkv_recorder *recorder = context;
    (void)pthread_mutex_lock(&recorder->log_mutex);
    recorder->log(recorder->log_context, level, text);
    (void)pthread_mutex_unlock(&recorder->log_mutex);
}

/* Often enough that a block waits for flush_interval and a tenth of it. */
static uint64_t flush_every_ms(const struct pkv_options *options)
{
    int64_t ms = options->flush_interval_ns / 10 / 1000000;
    return ms < 1 ? 1 : (uint64_t)ms;
}

static int start_handles(pkv_recorder *recorder, pkv_error *error)
{
    int rc = uv_async_init(recorder->loop, &recorder->ended, lane_has_ended);
    if (rc < 0)
        return pkv__error(error, PKV_E_SYSTEM, -1, "cannot use the event loop: %s",
                          uv_strerror(rc));
    uint64_t every_ms = flush_every_ms(recorder->options);
    (void)uv_timer_init(recorder->loop, &recorder->tick);
    (void)uv_timer_init(recorder->loop, &recorder->flush);
    (void)uv_timer_start(&recorder->tick, tick, TICK_MS, TICK_MS);
    (void)uv_timer_start(&recorder->flush, flush, every_ms, every_ms);
    recorder->ended.data = recorder->tick.data = recorder->flush.data = recorder;
    recorder->handles = 3;
    return 0;
}

static int set_up(pkv_recorder *recorder, const char *directory, const pkv_options *options,
                  pkv_error *error)
{
    recorder->directory = pkv__strdup(directory);
    int rc = recorder->directory ? pkv__options_copy(&recorder->options, options) : PKV_E_MEMORY;
    if (rc < 0)
        return pkv__error_memory(error);
    recorder->log = recorder->options->log;
    recorder->log_context = recorder->options->log_context;
    if (recorder->log)
        pkv_options_set_log(recorder->options, locked_log, recorder);
    rc = pkv__networks_init(&recorder->allow, &recorder->options->allow, error);
    if (rc == 0)
        rc = pkv__archive_create(directory, error);
    if (rc == 0)
        rc = pkv__pipeline_init(&recorder->pipeline, recorder->directory, recorder->options, error);
    return rc < 0 ? rc : start_handles(recorder, error);
}

int pkv_recorder_new(pkv_recorder **recorder, uv_loop_t *loop, const char *directory,
                     const pkv_options *options, pkv_error *error)
{
    pkv_recorder *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->loop = loop;
    (void)pthread_mutex_init(&made->log_mutex, NULL);
    int rc = set_up(made, directory, options, error);
    if (rc < 0)
        free_recorder(made);
    else
        *recorder = made;
    return rc;
}

int pkv_recorder_add_interface(pkv_recorder *recorder, pkv_source **source,
                               const pkv_interface *description, pkv_error *error)
{
    const char *name = description->name ? description->name : "pushed";
    return pkv__recorder_add(recorder, source, name, NULL, NULL, -1, description, error);
}

int pkv_recorder_push(pkv_source *source, const pkv_packet *packet)
{
    if (packet->captured_bytes > PKV_PACKET_BYTES_MAX ||
        packet->options_bytes > PKV__PACKET_OPTIONS_MAX_BYTES)
        return PKV_E_LIMIT;
    if (source->ending || !pkv__lane_add(source->lane, packet))
        return PKV_DROPPED;
    return 0;
}

void pkv_recorder_count_lost(pkv_source *source, uint64_t packets)
{
    source->pushed_lost += packets;
}

void pkv_recorder_rotate(pkv_recorder *recorder)
{
    for (struct pkv_source *source = recorder->sources; source; source = source->next)
        if (!source->ending)
            pkv__lane_rotate(source->lane);
}

void pkv_recorder_get_counts(const pkv_recorder *recorder, pkv_recorder_counts *counts)
{
    pkv_recorder_counts sum = {.storing = !recorder->starved};
    for (const struct pkv_source *source = recorder->sources; source; source = source->next) {
        struct pkv__lane_totals totals;
        pkv__source_totals(source, &totals);
        sum.packets += totals.packets;
        sum.bytes += totals.bytes;
        sum.stored_bytes += totals.stored_bytes;
        sum.lost_kernel += totals.losses.kernel;
        sum.lost_buffer += totals.losses.buffer;
        sum.lost_disk += totals.losses.disk;
        sum.refused += totals.losses.refused;
        sum.segments += totals.segments;
        if (totals.last_packet_ns > sum.last_packet_ns)
            sum.last_packet_ns = totals.last_packet_ns;
        sum.storing = sum.storing && totals.storing;
        sum.sources += !source->ending;
        sum.down += !source->ending && totals.paused;
    }
    sum.buffered_bytes = pkv__pool_taken_bytes(recorder->pipeline.pool);
    *counts = sum;
}

void pkv_recorder_close(pkv_recorder *recorder, pkv_close_cb *callback, void *context)
{
    recorder->closing = true;
    recorder->closed = callback;
    recorder->closed_context = context;
    for (struct pkv_source *source = recorder->sources; source; source = source->next)
        pkv__source_shut(source);
    recorder->drained_ns = pkv__monotonic_ns() + PKV__SOURCE_DRAIN_NS;
    for (struct pkv_source *source = recorder->sources; source; source = source->next)
        pkv__source_end(source);
    uv_close((uv_handle_t *)&recorder->tick, pkv__recorder_handle_closed);
    uv_close((uv_handle_t *)&recorder->flush, pkv__recorder_handle_closed);
    (void)uv_async_send(&recorder->ended);
}
