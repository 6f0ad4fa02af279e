/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/loss_log.h"

#include <string.h>

#include <pktvault/time.h>

#include "base/limits.h"

void pkv__loss_log_init(struct pkv__loss_log *log)
{
    memset(log, 0, sizeof *log);
}

void pkv__loss_counts_increase(struct pkv__loss_counts *losses, const struct pkv__loss_counts *by)
{
    losses->kernel += by->kernel;
    losses->buffer += by->buffer;
    losses->disk += by->disk;
    losses->refused += by->refused;
}

static void put(const struct pkv__loss_log *log, int64_t time_ns, const struct pkv__loss_counts *at,
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

static bool same(const struct pkv__loss_counts *a, const struct pkv__loss_counts *b)
{
    return a->kernel == b->kernel && a->buffer == b->buffer && a->disk == b->disk &&
           a->refused == b->refused;
}

/* The counters behind all that is told and all that is to be told. */
static const struct pkv__loss_counts *known(const struct pkv__loss_log *log)
{
    return log->count ? &log->stretches[log->count - 1].until : &log->told;
}

const struct pkv__loss_stretch *pkv__loss_log_get_untold(const struct pkv__loss_log *log,
                                                         unsigned *count)
{
    *count = log->count - log->told_count;
    return log->stretches + log->told_count;
}

static void put_untold(const struct pkv__loss_log *log, struct pkv__buffer *b)
{
    const struct pkv__loss_counts *before = &log->told;
    for (unsigned i = log->told_count; i < log->count; i++) {
        const struct pkv__loss_stretch *stretch = &log->stretches[i];
        put(log, stretch->from_ns, before, log->stored, false, b);
        put(log, stretch->until.time_ns, &stretch->until, log->stored, false, b);
        before = &stretch->until;
    }
}

void pkv__loss_log_begin(struct pkv__loss_log *log, int64_t start_ns, struct pkv__buffer *b)
{
    log->told.time_ns = start_ns;
    log->base = log->told;
    log->start_ns = start_ns;
    if (log->still_ns < start_ns) /* else it begins with time in which there was no segment */
        log->still_ns = start_ns;
    log->stored = log->still_stored = 0;
    put(log, start_ns, &log->told, 0, false, b);
    put_untold(log, b);
    if (log->count > log->told_count) /* whatever is lost next was lost behind the start */
        put(log, start_ns, known(log), 0, false, b);
}

void pkv__loss_log_begun(struct pkv__loss_log *log)
{
    log->told = *known(log);
    log->told.time_ns = log->start_ns;
    log->told_count = log->count;
    pkv__loss_log_synced(log);
}

void pkv__loss_log_sample(struct pkv__loss_log *log, const struct pkv__loss_counts *now, bool final,
                          struct pkv__buffer *b)
{
    const struct pkv__loss_counts *before = known(log);
    bool moved = !same(now, before), untold = log->count > log->told_count;
    put_untold(log, b);
    if (moved && (log->still_ns != log->told.time_ns || untold))
        put(log, log->still_ns, before, log->still_stored, false, b);
    if (moved || final || untold || now->time_ns - log->told.time_ns >= PKV__STATISTICS_NS)
        put(log, now->time_ns, now, log->stored, final, b);
    if (!moved) {
        log->still_ns = now->time_ns;
        log->still_stored = log->stored;
    }
}

void pkv__loss_log_told(struct pkv__loss_log *log, const struct pkv__loss_counts *now)
{
    pkv__loss_log_missed(log, log->still_ns, now);
    log->told = *now;
    log->told_count = log->count;
    log->still_ns = now->time_ns;
    log->still_stored = log->stored;
}

void pkv__loss_log_untold(struct pkv__loss_log *log, const struct pkv__loss_counts *now)
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
    for (unsigned i = 1; i < log->count; i++) {
        int64_t pause_ns = log->stretches[i].from_ns - log->stretches[i - 1].until.time_ns;
        if (pause_ns < least_ns) {
            least_ns = pause_ns;
            best = i;
        }
    }
    log->stretches[best - 1].until = log->stretches[best].until;
    log->count--;
    memmove(&log->stretches[best], &log->stretches[best + 1],
            (log->count - best) * sizeof *log->stretches);
    if (best <= log->told_count) /* one that is told in part is told again as a whole */
        log->told_count--;
}

static void append(struct pkv__loss_log *log, int64_t from_ns, const struct pkv__loss_counts *until)
{
    if (log->count == PKV__LOSS_RECORDS)
        make_room(log);
    log->stretches[log->count++] = (struct pkv__loss_stretch){from_ns, *until};
}

void pkv__loss_log_missed(struct pkv__loss_log *log, int64_t from_ns,
                          const struct pkv__loss_counts *until)
{
    if (same(until, known(log)))
        return;
    struct pkv__loss_stretch *last =
        log->count > log->told_count ? &log->stretches[log->count - 1] : NULL;
    if (last && from_ns - last->until.time_ns <= PKV__LOSS_JOIN_NS) {
        int64_t end_ns = last->until.time_ns;
        last->from_ns = from_ns < last->from_ns ? from_ns : last->from_ns;
        last->until = *until;
        last->until.time_ns = until->time_ns > end_ns ? until->time_ns : end_ns;
        return;
    }
    append(log, from_ns, until);
}

void pkv__loss_log_carry(struct pkv__loss_log *log, int64_t from_ns,
                         const struct pkv__loss_counts *lost)
{
    struct pkv__loss_counts until = *known(log);
    pkv__loss_counts_increase(&until, lost);
    until.time_ns = lost->time_ns;
    if (!same(&until, known(log)))
        append(log, from_ns, &until);
}

void pkv__loss_log_synced(struct pkv__loss_log *log)
{
    log->count -= log->told_count;
    memmove(log->stretches, log->stretches + log->told_count, log->count * sizeof *log->stretches);
    log->told_count = 0;
    log->synced = log->told;
}

void pkv__loss_log_cut(struct pkv__loss_log *log)
{
    log->told_count = 0;
    log->told = log->synced;
}
