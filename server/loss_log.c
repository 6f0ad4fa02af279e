/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/loss_log.h"

#include <pktvault/time.h>

#include "base/limits.h"

void pkv__loss_log_init(struct pkv__loss_log *log)
{
    *log = (struct pkv__loss_log){.disk_from_ns = INT64_MAX};
}

static void put(const struct pkv__loss_log *log, const struct pkv__losses *at, uint64_t stored,
                bool final, struct pkv__buffer *b)
{
    struct pkv__statistics statistics = {
        .time_ns = at->time_ns,
        .start_ns = log->start_ns,
        .end_ns = final ? at->time_ns : PKV_TIME_MIN,
        .lost_kernel = at->kernel - log->base.kernel,
        .lost_buffer = at->buffer - log->base.buffer,
        .lost_disk = at->disk - log->base.disk,
        .refused = at->refused - log->base.refused,
    };
    statistics.received =
        stored + statistics.lost_kernel + statistics.lost_buffer + statistics.lost_disk;
    pkv__pcapng_put_statistics(b, 0, &statistics, NULL);
}

void pkv__loss_log_begin(struct pkv__loss_log *log, int64_t start_ns, struct pkv__buffer *b)
{
    log->told.time_ns = start_ns;
    log->base = log->still = log->told;
    log->start_ns = start_ns;
    log->stored = log->still_stored = 0;
    put(log, &log->told, 0, false, b);
}

static bool same(const struct pkv__losses *a, const struct pkv__losses *b)
{
    return a->kernel == b->kernel && a->buffer == b->buffer && a->disk == b->disk &&
           a->refused == b->refused;
}

/* The disk's losses become known when a write fails, but the packets are older. */
static void put_still(const struct pkv__loss_log *log, const struct pkv__losses *now,
                      struct pkv__buffer *b)
{
    struct pkv__losses still = log->still;
    if (now->disk != log->told.disk && log->disk_from_ns < still.time_ns)
        still.time_ns = log->disk_from_ns;
    if (still.time_ns != log->told.time_ns)
        put(log, &still, log->still_stored, false, b);
}

void pkv__loss_log_sample(struct pkv__loss_log *log, const struct pkv__losses *now, bool final,
                          struct pkv__buffer *b)
{
    bool moved = !same(now, &log->told);
    if (moved)
        put_still(log, now, b);
    if (moved || final || now->time_ns - log->told.time_ns >= PKV__STATISTICS_NS)
        put(log, now, log->stored, final, b);
    if (!moved) {
        log->still = *now;
        log->still_stored = log->stored;
    }
}

void pkv__loss_log_told(struct pkv__loss_log *log, const struct pkv__losses *now)
{
    log->told = log->still = *now;
    log->still_stored = log->stored;
    log->disk_from_ns = INT64_MAX;
}
