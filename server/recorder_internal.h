/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_SERVER_RECORDER_INTERNAL_H
#define PKV_SERVER_RECORDER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <pktvault/recorder.h>

#include "server/port_guard.h"
#include "server/source.h"

#define PKV__GUARDS 2u /* the ports of VXLAN and GENEVE */

/* Life of a source: open (packets come) → ending (its lane's writer thread seals) → ended (the lane
 * is freed, its totals are kept). */
struct pkv_source {
    pkv_recorder *recorder;
    struct pkv_source *next;
    const struct pkv__source_kind *kind; /* NULL: packets are pushed */
    void *impl;
    char name[80];
    struct pkv__lane *lane;         /* NULL once it has ended */
    struct pkv__lane_totals totals; /* then */
    uv_poll_t poll;
    bool polled;
    uv_timer_t pace; /* asks in place of `poll` while much comes */
    bool paced;
    uint64_t window_ms; /* start of the window in which packets are counted */
    unsigned window_packets;
    int64_t broken_ns; /* monotonic: when it broke for good; 0: it has not */
    bool shut;         /* nothing more comes in */
    bool ending;
    _Atomic bool ended; /* set by the lane's writer thread */
    uint64_t pushed_lost;
};

struct pkv_recorder {
    uv_loop_t *loop;
    char *directory;
    struct pkv_options *options;
    pkv_log_fn *log; /* the caller's, one call at a time */
    void *log_context;
    pthread_mutex_t log_mutex;
    struct pkv__pipeline pipeline;
    struct pkv__networks allow;
    struct pkv__port_guard guards[PKV__GUARDS];
    unsigned guards_count;
    struct pkv_source *sources;
    unsigned sources_count;
    uv_timer_t tick, flush;
    uv_async_t ended;
    unsigned handles; /* that are not closed yet */
    bool closing, async_closing;
    int64_t drained_ns;   /* monotonic: then nobody waits any more for what the kernel holds */
    uint64_t lost_buffer; /* at the last tick */
    bool starved;         /* packets found no memory in the last second */
    pkv_close_cb *closed;
    void *closed_context;
};

/* recorder_source.c: opening, reading and ending of sources. */
int pkv__recorder_add(pkv_recorder *recorder, pkv_source **source, const char *name,
                      const struct pkv__source_kind *kind, void *impl, int fd,
                      const pkv_interface *interface_,
                      pkv_error *error);   /* takes impl over, also when it fails */
void pkv__source_shut(pkv_source *source); /* before its end, where there is more to come */
void pkv__source_end(pkv_source *source);
void pkv__source_look(pkv_source *source); /* each second, whether or not packets come */
/* Frees lanes whose writer thread has ended; whether every lane has. */
bool pkv__recorder_reap(pkv_recorder *recorder);
void pkv__source_totals(const pkv_source *source, struct pkv__lane_totals *totals);
void pkv__recorder_handle_closed(uv_handle_t *handle);

#endif
