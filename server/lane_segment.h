/* SPDX-License-Identifier: BSD-2-Clause */
/* The segment that a lane's output is at: making it, writing, syncing, giving it up. For
 * server/lane_output.c alone. */
#ifndef PKV_SERVER_LANE_SEGMENT_H
#define PKV_SERVER_LANE_SEGMENT_H

#include "server/lane_output.h"

/* There is one that can be written, perhaps just made. */
bool pkv__lane_segment_is_ready(struct pkv__lane_output *output);

/* A block, as it is to stand in the file; output->raw as one. False: packets are lost from here on,
 * as after any failed(). */
bool pkv__lane_segment_write(struct pkv__lane_output *output, const uint8_t *block, size_t length);
bool pkv__lane_segment_write_raw(struct pkv__lane_output *output);

/* Says once that storing stopped. */
void pkv__lane_segment_failed(struct pkv__lane_output *output, const pkv_error *error);
/* So many bytes have been written. */
void pkv__lane_segment_works(struct pkv__lane_output *output, size_t bytes);

void pkv__lane_segment_count_lost(struct pkv__lane_output *output, uint64_t packets,
                                  int64_t first_ns, int64_t last_ns);

/* The segment at hand is the one that tells what is not told yet, or the next as soon as it has its
 * number. The journal says so before the segment does: of what both have, recovery sees that it is
 * told. */
void pkv__lane_segment_keep_untold(struct pkv__lane_output *output);

/* Where the disk cannot keep it, there is none any more. A directory that cannot be synced costs no
 * packet. */
void pkv__lane_segment_sync(struct pkv__lane_output *output);
/* None is wanted any more, either. */
void pkv__lane_segment_seal(struct pkv__lane_output *output);

#endif
