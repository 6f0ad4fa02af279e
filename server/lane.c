/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lane.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/packet_block.h"

#define FILLS_FAST_NS (5 * 1000000) /* a block that does may rest until more have come */
/* How well the time of a reading is known, even where the process was stopped meanwhile. */
#define READING_NS (100 * 1000000)
#define READING_TRIES 3
/* How long packets may still come that the kernel took before the source was interrupted. */
#define SETTLE_NS (500 * 1000000)

struct pkv__lane {
    struct pkv__pipeline *pipeline;
    struct pkv__lane_config config;
    struct pkv__interface interface_;
    struct pkv__lane_writer *writer;
    struct pkv__block *block; /* at hand; NULL: none */
    int64_t block_ns;         /* monotonic: its first packet */
    int64_t segment_ns;       /* monotonic: start of the segment */
    /* Real less monotonic: at the last reading, and the largest in the segment. */
    int64_t offset_ns, largest_offset_ns;
    bool stepped; /* the clock, since then */
    /* Packets of other times show that it may have been. */
    int64_t usual_from_ns, usual_until_ns;
    uint64_t segment_bytes, segment_packets;
    bool rotate_pending;              /* it could not be said yet */
    bool shut;                        /* its last reading is there */
    bool paused;                      /* the reading is that of the interruption */
    bool sealed;                      /* and the segment has its end */
    int64_t paused_ns;                /* monotonic */
    struct pkv__loss_reading reading; /* but what the disk cost, which the writer counts */
    struct pkv__loss_counts given;    /* that the writer knows */
    int64_t read_ns, told_ns;         /* monotonic: when it was made, when one was told of last */
    uint64_t packets, bytes;
    int64_t last_packet_ns;
};

/* A reading has the time of the clock by which the segment was begun: where the clock was set since
 * the last one, that of the monotonic clock goes on from there. */
static int64_t time_of_reading(struct pkv__lane *lane)
{
    int64_t offset_ns = pkv__clock_ns() - lane->read_ns;
    lane->usual_from_ns = lane->read_ns + offset_ns - PKV__CLOCK_STEP_NS;
    lane->usual_until_ns = lane->read_ns + offset_ns + 2 * PKV__CLOCK_STEP_NS;
    lane->stepped = offset_ns - lane->offset_ns > PKV__CLOCK_STEP_NS ||
                    lane->offset_ns - offset_ns > PKV__CLOCK_STEP_NS;
    if (lane->stepped)
        return lane->read_ns + lane->offset_ns;
    if (offset_ns > lane->largest_offset_ns)
        lane->largest_offset_ns = offset_ns;
    lane->offset_ns = offset_ns;
    /* Small steps add up: no packet may be older than its segment's name by more than the limit. */
    lane->stepped = lane->largest_offset_ns - offset_ns > PKV__CLOCK_STEP_NS;
    return lane->read_ns + offset_ns;
}

static void read_losses(struct pkv__lane *lane)
{
    struct pkv__loss_counts *at = &lane->reading.at;
    for (int i = 0; i < READING_TRIES; i++) {
        int64_t before_ns = pkv__monotonic_ns();
        at->kernel = lane->config.lost_kernel(lane->config.context);
        lane->read_ns = pkv__monotonic_ns();
        if (lane->read_ns - before_ns < READING_NS)
            break;
    }
    at->time_ns = time_of_reading(lane);
}

/* The next reading begins anew. */
static void reading_is_given(struct pkv__lane *lane)
{
    lane->given = lane->reading.at;
    lane->reading.own_from_ns = INT64_MAX;
    lane->reading.own_until_ns = INT64_MIN;
}

static void note_own_loss(struct pkv__lane *lane, int64_t time_ns)
{
    struct pkv__loss_reading *reading = &lane->reading;
    if (time_ns < reading->own_from_ns)
        reading->own_from_ns = time_ns;
    if (time_ns > reading->own_until_ns)
        reading->own_until_ns = time_ns;
}

/* One that is not taken is told by the next, with more. */
static void sample(struct pkv__lane *lane)
{
    if (pkv__lane_writer_sample(lane->writer, &lane->reading) == 0)
        reading_is_given(lane);
}

/* Right behind the packets, so that who kills the process does not take along what was lost between
 * them. */
static void tell_losses(struct pkv__lane *lane)
{
    const struct pkv__loss_counts *at = &lane->reading.at, *given = &lane->given;
    int64_t now_ns = pkv__monotonic_ns();
    if (lane->paused || lane->shut || now_ns - lane->told_ns < PKV__LOSS_TELL_NS)
        return;
    lane->told_ns = now_ns;
    read_losses(lane);
    if (at->kernel != given->kernel || at->buffer != given->buffer || at->refused != given->refused)
        sample(lane);
}

static void submit(struct pkv__lane *lane, bool at_once)
{
    if (lane->block)
        pkv__lane_writer_block(lane->writer, PKV__STEAL(lane->block), at_once);
}

/* The reading is that of the end of the segment at hand. */
static void begin(struct pkv__lane *lane, int64_t start_ns)
{
    lane->paused = lane->sealed = lane->stepped = false;
    lane->rotate_pending =
        pkv__lane_writer_begin(lane->writer, start_ns > 0 ? start_ns : 0, 0, &lane->reading) < 0;
    if (!lane->rotate_pending)
        reading_is_given(lane);
    lane->segment_ns = pkv__monotonic_ns();
    lane->offset_ns = lane->largest_offset_ns = pkv__clock_ns() - lane->segment_ns;
    lane->segment_bytes = lane->segment_packets = 0;
}

/* The next segment starts where this one ends, by the clock as it is now. */
static void rotate(struct pkv__lane *lane)
{
    submit(lane, true);
    begin(lane, lane->stepped ? pkv__clock_ns() : lane->reading.at.time_ns);
}

/* What a source that is shut still holds goes into the segment at hand, whatever its size. */
void pkv__lane_rotate(struct pkv__lane *lane)
{
    if (lane->paused || lane->shut)
        return;
    read_losses(lane);
    rotate(lane);
}

void pkv__lane_pause(struct pkv__lane *lane)
{
    if (lane->paused || lane->shut)
        return;
    read_losses(lane);
    lane->paused = true;
    lane->paused_ns = pkv__monotonic_ns();
}

void pkv__lane_resume(struct pkv__lane *lane, int64_t time_ns)
{
    int64_t now_ns = pkv__clock_ns();
    if (!lane->paused)
        return;
    submit(lane, true);
    begin(lane, time_ns < now_ns ? time_ns : now_ns);
}

static void end_segment(struct pkv__lane *lane)
{
    submit(lane, true);
    lane->sealed = pkv__lane_writer_seal(lane->writer, &lane->reading) == 0;
    if (lane->sealed)
        reading_is_given(lane);
}

/* A block is at hand with room for so many bytes, or there is no memory. A full one may rest while
 * there is another at hand, which takes it along when it is flushed. */
static bool make_room(struct pkv__lane *lane, uint32_t bytes)
{
    int64_t now_ns = pkv__monotonic_ns();
    struct pkv__block *next = pkv__pool_take(lane->pipeline->pool, bytes, false);
    submit(lane, !next || now_ns - lane->block_ns > FILLS_FAST_NS);
    if (lane->sealed)
        pkv__lane_resume(lane, pkv__clock_ns());
    else if (lane->rotate_pending ||
             lane->segment_bytes >= (uint64_t)lane->pipeline->options->rotate_bytes)
        pkv__lane_rotate(lane);
    else
        tell_losses(lane);
    lane->block = next;
    lane->block_ns = now_ns;
    return next != NULL;
}

/* No packet stands in a segment that was begun by another clock. Who pushes packets may give them
 * any time. */
static void look_at_clock(struct pkv__lane *lane, int64_t time_ns)
{
    if (lane->paused || lane->shut)
        return;
    read_losses(lane);
    if (lane->stepped)
        rotate(lane);
    lane->usual_from_ns = time_ns < lane->usual_from_ns ? time_ns : lane->usual_from_ns;
    lane->usual_until_ns = time_ns > lane->usual_until_ns ? time_ns : lane->usual_until_ns;
}

uint8_t *pkv__lane_reserve(struct pkv__lane *lane, uint32_t bytes, uint32_t captured_bytes,
                           int64_t time_ns)
{
    if (time_ns < lane->usual_from_ns || time_ns > lane->usual_until_ns)
        look_at_clock(lane, time_ns);
    struct pkv__block *block = lane->block;
    if (!block || block->length + bytes > block->room) {
        if (!make_room(lane, bytes)) {
            lane->reading.at.buffer++;
            note_own_loss(lane, time_ns);
            return NULL;
        }
        block = lane->block;
    }
    uint8_t *place = block->data + block->length;
    block->length += bytes;
    block->packets++;
    if (time_ns < block->first_ns)
        block->first_ns = time_ns;
    if (time_ns > block->last_ns)
        block->last_ns = time_ns;
    lane->segment_bytes += bytes;
    lane->segment_packets++;
    lane->packets++;
    lane->bytes += captured_bytes;
    lane->last_packet_ns = time_ns;
    return place;
}

bool pkv__lane_add(struct pkv__lane *lane, const pkv_packet *packet)
{
    uint32_t bytes = (uint32_t)pkv__pcapng_packet_bytes(packet);
    uint8_t *place = pkv__lane_reserve(lane, bytes, packet->captured_bytes, packet->time_ns);
    if (place)
        pkv__epb_put(place, bytes, 0, packet);
    return place != NULL;
}

void pkv__lane_refuse(struct pkv__lane *lane, int64_t time_ns)
{
    lane->reading.at.refused++;
    note_own_loss(lane, time_ns);
}

void pkv__lane_flush(struct pkv__lane *lane, int64_t monotonic_ns)
{
    if (!lane->block || monotonic_ns - lane->block_ns < lane->pipeline->options->flush_interval_ns)
        return;
    submit(lane, true);
    tell_losses(lane);
}

static bool is_old(const struct pkv__lane *lane, int64_t monotonic_ns)
{
    int64_t interval_ns = lane->pipeline->options->rotate_interval_ns;
    if (!lane->segment_packets && interval_ns < PKV__ROTATE_IDLE_NS)
        interval_ns = PKV__ROTATE_IDLE_NS;
    return monotonic_ns - lane->segment_ns >= interval_ns;
}

void pkv__lane_tick(struct pkv__lane *lane, int64_t monotonic_ns)
{
    if (lane->paused) {
        if (!lane->sealed && monotonic_ns - lane->paused_ns >= SETTLE_NS)
            end_segment(lane);
        return;
    }
    if (lane->shut)
        return;
    read_losses(lane);
    if (lane->stepped || is_old(lane, monotonic_ns) || lane->rotate_pending)
        rotate(lane);
    else
        sample(lane);
}

void pkv__lane_shut(struct pkv__lane *lane)
{
    if (!lane->paused && !lane->shut)
        read_losses(lane);
    lane->shut = true;
}

void pkv__lane_end(struct pkv__lane *lane)
{
    submit(lane, true);
    if (!lane->shut && !lane->paused)
        read_losses(lane);
    pkv__lane_writer_end(lane->writer, &lane->reading);
}

void pkv__lane_free(struct pkv__lane *lane)
{
    (void)pkv__lane_writer_free(lane->writer, NULL);
    pkv__interface_deinit(&lane->interface_);
    pkv__free(lane);
}

int pkv__lane_new(struct pkv__lane **lane, struct pkv__pipeline *pipeline,
                  const struct pkv__lane_config *config, pkv_error *error)
{
    struct pkv__lane *made = pkv__alloc_zero(1, sizeof *made);
    if (!made || pkv__interface_init(&made->interface_, config->interface_) < 0) {
        pkv__free(made);
        return pkv__error_memory(error);
    }
    made->pipeline = pipeline;
    made->config = *config;
    made->config.interface_ = &made->interface_.view;
    made->offset_ns = made->largest_offset_ns = pkv__clock_ns() - pkv__monotonic_ns();
    reading_is_given(made);
    int rc =
        pkv__lane_writer_new(&made->writer, pipeline, 0, PKV__LIVE_LANE_LAST,
                             &made->interface_.view, NULL, config->ended, config->context, error);
    if (rc < 0) {
        pkv__interface_deinit(&made->interface_);
        pkv__free(made);
        return rc;
    }
    pkv__lane_rotate(made);
    *lane = made;
    return 0;
}

void pkv__lane_get_totals(const struct pkv__lane *lane, struct pkv__lane_totals *totals)
{
    const struct pkv__lane_counts *counts = pkv__lane_writer_counts(lane->writer);
    *totals = (struct pkv__lane_totals){
        .packets = lane->packets,
        .bytes = lane->bytes,
        .stored_bytes = atomic_load(&counts->stored_bytes),
        .segments = atomic_load(&counts->segments),
        .losses = lane->reading.at,
        .last_packet_ns = lane->last_packet_ns,
        .storing = atomic_load(&counts->storing),
        .paused = lane->paused,
    };
    totals->losses.disk = atomic_load(&counts->lost_disk);
}
