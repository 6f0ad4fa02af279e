/* SPDX-License-Identifier: BSD-2-Clause */
/* The segments of one lane on the disk: what the lane's writer thread, and only it, works on. A
 * disk that refuses costs packets, never the lane: what could not be written is counted, and every
 * second is tried again. */
#ifndef PKV_SERVER_LANE_OUTPUT_H
#define PKV_SERVER_LANE_OUTPUT_H

#include <stdatomic.h>

#include "archive/directory.h"
#include "archive/segment_writer.h"
#include "base/options.h"
#include "server/untold.h"

struct pkv__lane_output_config {
    const char *directory;
    const struct pkv_options *options;
    /* Live: the interface of the lane, which every segment starts with, and losses are told. NULL:
     * the blocks bring interfaces and statistics, and a disk that refuses ends everything. */
    const pkv_interface *interface_;
    const char *origin; /* NULL: none */
};

/* Read by any thread. */
struct pkv__lane_counts {
    _Atomic uint64_t stored_bytes, lost_disk, segments;
    _Atomic bool storing;
    _Atomic bool failed; /* not live: for good */
};

struct pkv__packet_run {
    uint64_t packets;
    int64_t first_ns, last_ns;
};

struct pkv__lane_output {
    struct pkv__lane_output_config config;
    struct pkv__lane_lock *lock;
    char uuid[37];
    struct pkv__segment_writer *segment; /* NULL: none is open */
    struct pkv__segment_name name;       /* of the segment that is or should be open */
    bool wanted;                         /* one should be open */
    bool numbered;                       /* name.sequence was given for it */
    bool handed;                         /* a block of it was handed over */
    uint64_t first_packet;               /* in the file that is imported */
    int64_t retry_ns, synced_ns;         /* monotonic: not before; last */
    bool dirty;                          /* written since synced_ns */
    bool complained;                     /* of what costs no packet */
    struct pkv__packet_run unsynced;     /* which the disk may not hold yet */
    struct pkv__loss_log log;
    struct pkv__untold untold;      /* live */
    struct pkv__loss_counts latest; /* with what earlier processes left untold */
    struct pkv__buffer raw;         /* of the writer's own small blocks */
    uint8_t *stored;
    size_t stored_capacity;
    void *lz4_state;
    struct pkv__lane_counts *counts;
    pkv_error error; /* the first one; code 0: none */
};

/* Takes the lock over, also when it fails. */
int pkv__lane_output_init(struct pkv__lane_output *output,
                          const struct pkv__lane_output_config *config, struct pkv__lane_lock *lock,
                          struct pkv__lane_counts *counts, pkv_error *error);
void pkv__lane_output_deinit(struct pkv__lane_output *output);

/* Seals the segment at hand and starts another. reading: as of the end of the one at hand (live).
 */
void pkv__lane_output_begin(struct pkv__lane_output *output, int64_t start_ns,
                            uint64_t first_packet, const struct pkv__loss_reading *reading);

struct pkv__block;
/* Compressed blocks, at most PKV__LANE_OUTPUT_BLOCKS: each is written, or counted as lost. */
#define PKV__LANE_OUTPUT_BLOCKS 8u
void pkv__lane_output_blocks(struct pkv__lane_output *output, struct pkv__block *const *blocks,
                             unsigned count);

/* What the disk cost is filled in here. */
void pkv__lane_output_sample(struct pkv__lane_output *output,
                             const struct pkv__loss_reading *reading);

/* Syncs where it is time. A sync that fails ends the segment where the one before left it. */
void pkv__lane_output_sync(struct pkv__lane_output *output, int64_t monotonic_ns);

void pkv__lane_output_end(struct pkv__lane_output *output, const struct pkv__loss_reading *reading);

#endif
