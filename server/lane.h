/* SPDX-License-Identifier: BSD-2-Clause */
/* The front of a live lane: packets of one interface into blocks, segments by size and time. One
 * thread; never waits. */
#ifndef PKV_SERVER_LANE_H
#define PKV_SERVER_LANE_H

#include "server/lane_writer.h"

struct pkv__lane;

struct pkv__lane_config {
    const pkv_interface *interface_;        /* copied */
    uint64_t (*lost_kernel)(void *context); /* the kernel's drops so far */
    void *context;
    void (*ended)(
        void *context); /* on the lane's writer thread, as its last act after pkv__lane_end */
};

/* Takes a free live lane and begins a segment. */
int pkv__lane_new(struct pkv__lane **lane, struct pkv__pipeline *pipeline,
                  const struct pkv__lane_config *config, pkv_error *error);

/* Where the Enhanced Packet Block of a packet goes: `bytes`, all of which the caller writes. NULL:
 * no memory is free; the packet is counted. */
uint8_t *pkv__lane_reserve(struct pkv__lane *lane, uint32_t bytes, uint32_t captured_bytes,
                           int64_t time_ns);

/* Copies a packet. false: as above. */
bool pkv__lane_add(struct pkv__lane *lane, const pkv_packet *packet);

/* Counts a packet of a sender that may not send. */
void pkv__lane_refuse(struct pkv__lane *lane, int64_t time_ns);
void pkv__lane_flush(struct pkv__lane *lane,
                     int64_t monotonic_ns); /* the block at hand, if it is old enough */
void pkv__lane_tick(struct pkv__lane *lane,
                    int64_t monotonic_ns); /* each second: losses, rotation by time */
void pkv__lane_rotate(struct pkv__lane *lane);

/* Its source hears nothing from now on: coverage ends, and with it the segment, once what the
 * kernel took before has come. Then nothing is open until it is resumed at the time of a packet, or
 * now; or a packet comes all the same. */
void pkv__lane_pause(struct pkv__lane *lane);
void pkv__lane_resume(struct pkv__lane *lane, int64_t time_ns);

/* Its source has been shut: coverage ends here, and what is added from here on came before. */
void pkv__lane_shut(struct pkv__lane *lane);

/* Hands over what there is and the end. Then `ended` comes, and then pkv__lane_free may be called.
 */
void pkv__lane_end(struct pkv__lane *lane);
void pkv__lane_free(struct pkv__lane *lane);

struct pkv__lane_totals {
    uint64_t packets, bytes, stored_bytes, segments;
    struct pkv__loss_counts losses;
    int64_t last_packet_ns;
    bool storing, paused;
};
void pkv__lane_get_totals(const struct pkv__lane *lane, struct pkv__lane_totals *totals);

#endif
