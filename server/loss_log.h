/* SPDX-License-Identifier: BSD-2-Clause */
/* What interface statistics a live segment must tell, and when. Pure: no I/O, no clock. */
#ifndef PKV_SERVER_LOSS_LOG_H
#define PKV_SERVER_LOSS_LOG_H

#include "archive/pcapng.h"

/* Counters of a lane since it was opened, as read at a time. */
struct pkv__losses {
    int64_t time_ns;
    uint64_t kernel, buffer, disk, refused;
};

/* Invariants:
 * 1. `told` is what the last statistics block that reached the file says: what could not be written
 * counts as not told and is told by a later block, if need be in the next segment.
 * 2. `still` is the latest sample that says the same as `told`.
 * 3. In a segment everything is told relative to `base`: counters start at zero in each. */
struct pkv__loss_log {
    struct pkv__losses base, told, still;
    int64_t start_ns;      /* of the segment */
    uint64_t stored;       /* packets written to the segment */
    uint64_t still_stored; /* when `still` was read */
    int64_t disk_from_ns; /* earliest packet that the disk cost and that is not told yet; INT64_MAX:
                             none */
};

/* Before the first segment: nothing lost, nothing told. */
void pkv__loss_log_init(struct pkv__loss_log *log);

/* A segment starts. Appends its first statistics block: all zero. */
void pkv__loss_log_begin(struct pkv__loss_log *log, int64_t start_ns, struct pkv__buffer *b);

/* A sample. Appends the blocks that it calls for, if any: two when a counter moved (the last
 * unchanged sample, then this one), one when the last is a minute old or with `final`. */
void pkv__loss_log_sample(struct pkv__loss_log *log, const struct pkv__losses *now, bool final,
                          struct pkv__buffer *b);

/* What sample() appended for `now` has reached the file. */
void pkv__loss_log_told(struct pkv__loss_log *log, const struct pkv__losses *now);

#endif
