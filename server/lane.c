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
    int64_t clock_offset_ns;  /* real less monotonic, the largest in the segment */
    uint64_t segment_bytes, segment_packets;
    bool rotate_pending;              /* it could not be said yet */
    bool shut;                        /* its last reading is there */
    bool paused;                      /* the reading is that of the interruption */
    bool sealed;                      /* and the segment has its end */
    int64_t paused_ns;                /* monotonic */
    struct pkv__loss_reading reading; /* but what the disk cost, which the writer counts */
    uint64_t packets, bytes;
    int64_t last_packet_ns;
};

static void read_losses(struct pkv__lane *lane)
{
    struct pkv__losses *at = &lane->reading.at;
    int64_t before_ns = pkv__clock_ns();
    for (int i = 0; i < READING_TRIES; i++) {
        at->kernel = lane->config.lost_kernel(lane->config.context);
        at->time_ns = pkv__clock_ns();
        if (at->time_ns - before_ns < READING_NS)
            break;
        before_ns = at->time_ns;
    }
}

/* The next reading begins anew. */
static void reading_is_given(struct pkv__lane *lane)
{
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

static void submit(struct pkv__lane *lane, bool at_once)
{
    if (lane->block)
        pkv__lane_writer_block(lane->writer, PKV__STEAL(lane->block), at_once);
}

/* The reading is that of the end of the segment at hand. */
static void begin(struct pkv__lane *lane, int64_t start_ns)
{
    lane->paused = lane->sealed = false;
    lane->rotate_pending =
        pkv__lane_writer_begin(lane->writer, start_ns > 0 ? start_ns : 0, 0, &lane->reading) < 0;
    if (!lane->rotate_pending)
        reading_is_given(lane);
    lane->segment_ns = pkv__monotonic_ns();
    lane->clock_offset_ns = pkv__clock_ns() - lane->segment_ns;
    lane->segment_bytes = lane->segment_packets = 0;
}

void pkv__lane_rotate(struct pkv__lane *lane)
{
    if (lane->paused)
        return;
    submit(lane, true);
    read_losses(lane);
    begin(lane, lane->reading.at.time_ns);
}

void pkv__lane_pause(struct pkv__lane *lane)
{
    if (lane->paused)
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
    lane->block = next;
    lane->block_ns = now_ns;
    return next != NULL;
}

uint8_t *pkv__lane_reserve(struct pkv__lane *lane, uint32_t bytes, uint32_t captured_bytes,
                           int64_t time_ns)
{
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
    if (lane->block && monotonic_ns - lane->block_ns >= lane->pipeline->options->flush_interval_ns)
        submit(lane, true);
}

static bool is_old(const struct pkv__lane *lane, int64_t monotonic_ns)
{
    int64_t interval_ns = lane->pipeline->options->rotate_interval_ns;
    if (!lane->segment_packets && interval_ns < PKV__ROTATE_IDLE_NS)
        interval_ns = PKV__ROTATE_IDLE_NS;
    return monotonic_ns - lane->segment_ns >= interval_ns;
}

/* Small steps add up: no packet of a segment may be older than its name by more than the limit. */
static bool clock_stepped_back(struct pkv__lane *lane, int64_t monotonic_ns)
{
    int64_t offset_ns = pkv__clock_ns() - monotonic_ns;
    if (offset_ns > lane->clock_offset_ns)
        lane->clock_offset_ns = offset_ns;
    return lane->clock_offset_ns - offset_ns > PKV__CLOCK_STEP_NS;
}

void pkv__lane_tick(struct pkv__lane *lane, int64_t monotonic_ns)
{
    if (lane->paused) {
        if (!lane->sealed && monotonic_ns - lane->paused_ns >= SETTLE_NS)
            end_segment(lane);
        return;
    }
    bool stepped = clock_stepped_back(lane, monotonic_ns);
    if (stepped || is_old(lane, monotonic_ns) || lane->rotate_pending) {
        pkv__lane_rotate(lane);
        return;
    }
    read_losses(lane);
    /* One that is not taken is told by the next, with more. */
    if (pkv__lane_writer_sample(lane->writer, &lane->reading) == 0)
        reading_is_given(lane);
}

void pkv__lane_shut(struct pkv__lane *lane)
{
    if (!lane->paused)
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
