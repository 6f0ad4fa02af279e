/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/loss_log.h"

#include <string.h>

#include <pktvault/time.h>

#include "base/limits.h"

void pkv__loss_log_init(struct pkv__loss_log *log)
{
    memset(log, 0, sizeof *log);
}

static void put(const struct pkv__loss_log *log, int64_t time_ns, const struct pkv__losses *at,
                uint64_t stored, bool final, struct pkv__buffer *b)
{
    struct pkv__statistics statistics = {
        .time_ns = time_ns,
        .start_ns = log->start_ns,
        .end_ns = final ? time_ns : PKV_TIME_MIN,
        .lost_kernel = at->kernel - log->base.kernel,
        .lost_buffer = at->buffer - log->base.buffer,
        .lost_disk = at->disk - log->base.disk,
        .refused = at->refused - log->base.refused,
    };
    statistics.received =
        stored + statistics.lost_kernel + statistics.lost_buffer + statistics.lost_disk;
    pkv__pcapng_put_statistics(b, 0, &statistics, NULL);
}

static bool same(const struct pkv__losses *a, const struct pkv__losses *b)
{
    return a->kernel == b->kernel && a->buffer == b->buffer && a->disk == b->disk &&
           a->refused == b->refused;
}

/* The counters behind all that is told and all that is to be told. */
static const struct pkv__losses *known(const struct pkv__loss_log *log)
{
    return log->untold_count ? &log->untold[log->untold_count - 1].until : &log->told;
}

static void put_untold(const struct pkv__loss_log *log, struct pkv__buffer *b)
{
    const struct pkv__losses *before = &log->told;
    for (unsigned i = 0; i < log->untold_count; i++) {
        const struct pkv__loss_stretch *stretch = &log->untold[i];
        put(log, stretch->from_ns, before, log->stored, false, b);
        put(log, stretch->until.time_ns, &stretch->until, log->stored, false, b);
        before = &stretch->until;
    }
}

void pkv__loss_log_begin(struct pkv__loss_log *log, int64_t start_ns, struct pkv__buffer *b)
{
    log->told.time_ns = start_ns;
    log->base = log->told;
    log->start_ns = log->still_ns = start_ns;
    log->stored = log->still_stored = 0;
    put(log, start_ns, &log->told, 0, false, b);
    put_untold(log, b);
}

void pkv__loss_log_begun(struct pkv__loss_log *log)
{
    log->told = *known(log);
    log->told.time_ns = log->start_ns;
    log->untold_count = 0;
}

void pkv__loss_log_sample(struct pkv__loss_log *log, const struct pkv__losses *now, bool final,
                          struct pkv__buffer *b)
{
    const struct pkv__losses *before = known(log);
    bool moved = !same(now, before);
    put_untold(log, b);
    if (moved && (log->still_ns != log->told.time_ns || log->untold_count))
        put(log, log->still_ns, before, log->still_stored, false, b);
    if (moved || final || log->untold_count ||
        now->time_ns - log->told.time_ns >= PKV__STATISTICS_NS)
        put(log, now->time_ns, now, log->stored, final, b);
    if (!moved) {
        log->still_ns = now->time_ns;
        log->still_stored = log->stored;
    }
}

void pkv__loss_log_told(struct pkv__loss_log *log, const struct pkv__losses *now)
{
    log->told = *now;
    log->untold_count = 0;
    log->still_ns = now->time_ns;
    log->still_stored = log->stored;
}

void pkv__loss_log_untold(struct pkv__loss_log *log, const struct pkv__losses *now)
{
    pkv__loss_log_missed(log, log->still_ns, now);
    log->still_ns = now->time_ns;
    log->still_stored = log->stored;
}

/* Joins the two neighbours between which the least time passed. */
static void make_room(struct pkv__loss_log *log)
{
    unsigned best = 1;
    int64_t least_ns = INT64_MAX;
    for (unsigned i = 1; i < log->untold_count; i++) {
        int64_t pause_ns = log->untold[i].from_ns - log->untold[i - 1].until.time_ns;
        if (pause_ns < least_ns) {
            least_ns = pause_ns;
            best = i;
        }
    }
    log->untold[best - 1].until = log->untold[best].until;
    log->untold_count--;
    memmove(&log->untold[best], &log->untold[best + 1],
            (log->untold_count - best) * sizeof *log->untold);
}

void pkv__loss_log_missed(struct pkv__loss_log *log, int64_t from_ns,
                          const struct pkv__losses *until)
{
    if (same(until, known(log)))
        return;
    struct pkv__loss_stretch *last = log->untold_count ? &log->untold[log->untold_count - 1] : NULL;
    if (last && from_ns - last->until.time_ns <= PKV__LOSS_JOIN_NS) {
        int64_t end_ns = last->until.time_ns;
        last->from_ns = from_ns < last->from_ns ? from_ns : last->from_ns;
        last->until = *until;
        last->until.time_ns = until->time_ns > end_ns ? until->time_ns : end_ns;
        return;
    }
    if (log->untold_count == PKV__LOSS_RECORDS)
        make_room(log);
    log->untold[log->untold_count++] = (struct pkv__loss_stretch){from_ns, *until};
}
