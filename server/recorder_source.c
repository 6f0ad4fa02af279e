/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/recorder_internal.h"

#include <poll.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/capture_source.h"
#include "server/udp_source.h"

#define WINDOW_MS 10
#define PACE_PACKETS 100u /* in a window: 10,000 a second */

#define container_of(member_pointer, type, member)                                                 \
    ((type *)(void *)((char *)(member_pointer)-offsetof(type, member)))

static const uint16_t tunnel_ports[PKV__GUARDS] = {4789, 6081};

static uint64_t lost_kernel(void *context)
{
    struct pkv_source *source = context;
    return source->kind ? source->kind->lost(source->impl) : source->pushed_lost;
}

static void lane_ended(void *context)
{
    struct pkv_source *source = context;
    atomic_store(&source->ended, true);
    (void)uv_async_send(&source->recorder->ended);
}

/* What the kernel took before still comes, once it thinks that a block of it is ready. */
static void broken(struct pkv_source *source, const pkv_error *error)
{
    if (source->broken_ns)
        return;
    pkv__log(source->recorder->options, PKV_LOG_ERROR, "%s; nothing more is recorded from it",
             error->text);
    source->broken_ns = pkv__monotonic_ns();
    pkv__lane_shut(source->lane);
    (void)uv_poll_stop(&source->poll);
}

static void end_broken(struct pkv_source *source)
{
    int count;
    do
        count = source->kind->receive(source->impl, source->lane, NULL);
    while (count > 0);
    pkv__source_end(source);
}

static void receive(struct pkv_source *source)
{
    pkv_error error;
    int count = source->kind->receive(source->impl, source->lane, &error);
    if (count < 0)
        broken(source, &error);
    else
        source->window_packets += (unsigned)count;
}

static void readable(uv_poll_t *poll, int status, int events);

/* Waking for a few packets at a time costs more than the packets: above the rate they are fetched
 * each millisecond. */
static void set_pace(struct pkv_source *source, void (*ask)(uv_timer_t *))
{
    uint64_t now_ms = uv_now(source->recorder->loop);
    if (source->ending || !source->kind->paced || now_ms - source->window_ms < WINDOW_MS)
        return;
    bool paced = source->window_packets >= (source->paced ? PACE_PACKETS / 2 : PACE_PACKETS);
    if (paced && !source->paced) {
        (void)uv_poll_stop(&source->poll);
        (void)uv_timer_start(&source->pace, ask, 1, 1);
    } else if (!paced && source->paced) {
        (void)uv_timer_stop(&source->pace);
        (void)uv_poll_start(&source->poll, UV_READABLE, readable);
    }
    source->paced = paced;
    source->window_packets = 0;
    source->window_ms = now_ms;
}

static void ask(uv_timer_t *timer)
{
    struct pkv_source *source = container_of(timer, struct pkv_source, pace);
    receive(source);
    set_pace(source, ask);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct pkv_source *source = container_of(poll, struct pkv_source, poll);
    (void)events;
    receive(source);
    if (status < 0 && !source->broken_ns) /* shows behind the packets that were there */
        receive(source);
    set_pace(source, ask);
}

static int start_polling(struct pkv_source *source, int fd, pkv_error *error)
{
    pkv_recorder *recorder = source->recorder;
    int rc = uv_poll_init(recorder->loop, &source->poll, fd);
    if (rc == 0) {
        (void)uv_timer_init(recorder->loop, &source->pace);
        source->poll.data = source->pace.data = recorder;
        source->polled = true;
        recorder->handles += 2;
        rc = uv_poll_start(&source->poll, UV_READABLE, readable);
    }
    return rc < 0 ? pkv__error(error, PKV_E_SYSTEM, -1, "%s: cannot wait for packets: %s",
                               source->name, uv_strerror(rc))
                  : 0;
}

/* libuv polls no more once there was an error, as there is on an interface that goes down; and
 * whether it has come back, or has gone for good, a source finds out only when it is asked. */
void pkv__source_look(struct pkv_source *source)
{
    if (source->ending || !source->polled)
        return;
    if (source->broken_ns) {
        if (pkv__monotonic_ns() - source->broken_ns >= PKV__SOURCE_DRAIN_NS)
            end_broken(source);
        return;
    }
    receive(source);
    if (!source->ending && !source->paced && !uv_is_active((uv_handle_t *)&source->poll))
        (void)uv_poll_start(&source->poll, UV_READABLE, readable);
}

int pkv__recorder_add(pkv_recorder *recorder, pkv_source **source, const char *name,
                      const struct pkv__source_kind *kind, void *impl, int fd,
                      const pkv_interface *interface_, pkv_error *error)
{
    struct pkv_source *made = NULL;
    int rc = 0;
    if (recorder->sources_count >= PKV__LANES_MAX)
        rc = pkv__error(error, PKV_E_LIMIT, -1, "%s: a recorder has at most %u sources", name,
                        PKV__LANES_MAX);
    else if (!(made = pkv__alloc_zero(1, sizeof *made)))
        rc = pkv__error_memory(error);
    if (rc == 0) {
        made->recorder = recorder;
        made->kind = kind;
        made->impl = impl;
        (void)snprintf(made->name, sizeof made->name, "%s", name);
        struct pkv__lane_config config = {interface_, lost_kernel, made, lane_ended};
        rc = pkv__lane_new(&made->lane, &recorder->pipeline, &config, error);
    }
    if (rc < 0) {
        if (kind)
            kind->free(impl);
        pkv__free(made);
        return rc;
    }
    made->next = recorder->sources;
    recorder->sources = made;
    recorder->sources_count++;
    if (kind && (rc = start_polling(made, fd, error)) < 0) {
        pkv__source_end(made);
        return rc;
    }
    if (source)
        *source = made;
    return 0;
}

void pkv__source_shut(pkv_source *source)
{
    if (!source->kind || source->ending)
        return;
    source->shut = source->kind->shut(source->impl);
    if (source->shut)
        pkv__lane_shut(source->lane);
}

/* Whether there is more, which the kernel has held back until now. */
static bool wait_for_more(struct pkv_source *source)
{
    struct pollfd asked = {.fd = -1, .events = POLLIN};
    if (!source->kind->holds || !source->kind->holds(source->impl))
        return false;
    int64_t left_ms = (source->recorder->drained_ns - pkv__monotonic_ns()) / 1000000;
    (void)uv_fileno((uv_handle_t *)&source->poll, &asked.fd);
    return left_ms > 0 && poll(&asked, 1, (int)left_ms) > 0;
}

/* What the kernel has taken already belongs to the archive. Of a source that is shut this is no
 * more than its buffer holds. */
static void drain(struct pkv_source *source)
{
    int count;
    pkv_error error;
    do
        count = source->kind->receive(source->impl, source->lane, &error);
    while ((count > 0 && (source->shut || pkv__monotonic_ns() < source->recorder->drained_ns)) ||
           (count == 0 && wait_for_more(source)));
}

void pkv__source_end(pkv_source *source)
{
    if (source->ending)
        return;
    source->ending = true;
    if (source->kind && source->recorder->closing)
        drain(source);
    if (source->polled) {
        uv_close((uv_handle_t *)&source->poll, pkv__recorder_handle_closed);
        uv_close((uv_handle_t *)&source->pace, pkv__recorder_handle_closed);
    }
    pkv__lane_end(source->lane);
}

bool pkv__recorder_reap(pkv_recorder *recorder)
{
    bool all = true;
    for (struct pkv_source *source = recorder->sources; source; source = source->next) {
        if (source->lane && atomic_load(&source->ended)) {
            struct pkv__lane *lane = PKV__STEAL(source->lane);
            pkv__lane_get_totals(lane, &source->totals);
            pkv__lane_free(lane);
        }
        all = all && !source->lane;
    }
    return all;
}

void pkv__source_totals(const pkv_source *source, struct pkv__lane_totals *totals)
{
    if (source->lane)
        pkv__lane_get_totals(source->lane, totals);
    else
        *totals = source->totals;
}

static void release_guards(pkv_recorder *recorder, const char *address)
{
    struct pkv__endpoint endpoint;
    if (pkv__endpoint_parse(&endpoint, address, NULL) < 0)
        return;
    for (unsigned i = 0; i < recorder->guards_count; i++)
        if (recorder->guards[i].port == endpoint.port)
            pkv__port_guard_close(&recorder->guards[i]);
}

int pkv_recorder_listen(pkv_recorder *recorder, const char *address, pkv_error *error)
{
    struct pkv__udp_source *udp;
    pkv_interface interface_;
    release_guards(recorder, address);
    int rc = pkv__udp_source_open(&udp, address, recorder->options, &recorder->allow, error);
    if (rc < 0)
        return rc;
    pkv__udp_source_interface(udp, &interface_);
    return pkv__recorder_add(recorder, NULL, interface_.name, &pkv__udp_source_kind, udp,
                             pkv__udp_source_fd(udp), &interface_, error);
}

int pkv_recorder_capture(pkv_recorder *recorder, const char *interface_name, const char *filter,
                         pkv_error *error)
{
    struct pkv__capture_source *capture;
    pkv_interface interface_;
    int rc = pkv__capture_source_open(&capture, interface_name, filter, recorder->options,
                                      &recorder->allow, error);
    if (rc < 0)
        return rc;
    for (; recorder->guards_count < PKV__GUARDS; recorder->guards_count++)
        pkv__port_guard_open(&recorder->guards[recorder->guards_count],
                             tunnel_ports[recorder->guards_count]);
    pkv__capture_source_interface(capture, &interface_);
    return pkv__recorder_add(recorder, NULL, interface_name, &pkv__capture_source_kind, capture,
                             pkv__capture_source_fd(capture), &interface_, error);
}
