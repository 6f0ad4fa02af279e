/* SPDX-License-Identifier: BSD-2-Clause */
/* What interface statistics a live segment must tell, and when. Pure: no I/O, no clock. */
#ifndef PKV_SERVER_LOSS_LOG_H
#define PKV_SERVER_LOSS_LOG_H

#include "archive/pcapng.h"
#include "base/limits.h"

/* Counters of a lane since it was opened, as read at a time. */
struct pkv__loss_counts {
    int64_t time_ns;
    uint64_t kernel, buffer, disk, refused;
};

/* The times stay. */
void pkv__loss_counts_increase(struct pkv__loss_counts *losses, const struct pkv__loss_counts *by);

/* A reading of them. When the kernel drops lies between two readings; of what the lane itself
 * dropped or refused since the one before, the packets say when: from own_from_ns to own_until_ns,
 * which is the smaller where there is nothing. */
struct pkv__loss_reading {
    struct pkv__loss_counts at;
    int64_t own_from_ns, own_until_ns;
};

/* Losses of a stretch of time. */
struct pkv__loss_stretch {
    int64_t from_ns;
    struct pkv__loss_counts until; /* the counters at its end */
};

/* Invariants:
 * 1. `told` is what the last statistics block that reached the file says, `synced` the last that
 * the disk is known to hold.
 * 2. `stretches` lead from `synced` to all that is known, in order: each goes from the counters of
 * the one before to its own. The first `told_count` lead to `told`, the others are not told yet.
 * 3. `still_ns` is the time of the latest sample that says the same as the end of all that.
 * 4. In a segment everything is told relative to `base`: counters start at zero in each. */
struct pkv__loss_log {
    struct pkv__loss_counts base, told, synced;
    struct pkv__loss_stretch stretches[PKV__LOSS_RECORDS];
    unsigned count, told_count;
    int64_t still_ns;
    int64_t start_ns;      /* of the segment */
    uint64_t stored;       /* packets written to the segment */
    uint64_t still_stored; /* at still_ns */
};

/* Before the first segment: nothing lost, nothing told. */
void pkv__loss_log_init(struct pkv__loss_log *log);

/* A segment starts. Appends its first statistics block, all zero, and where stretches are not told
 * yet, two for each, and one that leads back to the start. */
void pkv__loss_log_begin(struct pkv__loss_log *log, int64_t start_ns, struct pkv__buffer *b);

/* What begin() appended has reached the disk. */
void pkv__loss_log_begun(struct pkv__loss_log *log);

/* A sample. Appends the blocks that it calls for, if any: two for each stretch that is not told,
 * two when a counter moved (the last unchanged sample, then this one), one behind such stretches,
 * when the last is a minute old, or with `final`. */
void pkv__loss_log_sample(struct pkv__loss_log *log, const struct pkv__loss_counts *now, bool final,
                          struct pkv__buffer *b);

/* What sample() appended for `now` has reached the file, or there was nothing to append. */
void pkv__loss_log_told(struct pkv__loss_log *log, const struct pkv__loss_counts *now);

/* The sample cannot be told: what moved becomes a stretch. */
void pkv__loss_log_untold(struct pkv__loss_log *log, const struct pkv__loss_counts *now);

/* Losses of a time that is known: a stretch from from_ns to until->time_ns. */
void pkv__loss_log_missed(struct pkv__loss_log *log, int64_t from_ns,
                          const struct pkv__loss_counts *until);

/* Losses from before the lane was opened, from from_ns to lost->time_ns: a stretch of their own,
 * which all counters include from here on. */
void pkv__loss_log_carry(struct pkv__loss_log *log, int64_t from_ns,
                         const struct pkv__loss_counts *lost);

/* The disk holds all that was told. */
void pkv__loss_log_synced(struct pkv__loss_log *log);

/* The segment ends with what was synced: what was told since is to be told again. */
void pkv__loss_log_cut(struct pkv__loss_log *log);

/* What is not told yet. */
const struct pkv__loss_stretch *pkv__loss_log_get_untold(const struct pkv__loss_log *log,
                                                         unsigned *count);

#endif
