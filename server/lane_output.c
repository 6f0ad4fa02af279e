/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lane_output.h"

#include "archive/lz4_block.h"
#include "base/error.h"
#include "base/handover.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/lane_segment.h"
#include "server/pool.h"

int pkv__lane_output_init(struct pkv__lane_output *output,
                          const struct pkv__lane_output_config *config, struct pkv__lane_lock *lock,
                          struct pkv__lane_counts *counts, pkv_error *error)
{
    *output = (struct pkv__lane_output){.config = *config, .lock = lock, .counts = counts};
    pkv__loss_log_init(&output->log);
    atomic_store(&counts->storing, true);
    output->name.lane = pkv__lane_lock_number(lock);
    output->lz4_state = pkv__alloc(pkv__lz4_state_bytes());
    int rc = output->lz4_state ? pkv__archive_uuid(config->directory, output->uuid, error)
                               : pkv__error_memory(error);
    if (rc < 0) {
        pkv__lane_output_deinit(output);
        return rc;
    }
    if (config->interface_) {
        pkv__untold_init(&output->untold, config->directory, output->name.lane, config->options);
        pkv__untold_take(&output->untold, &output->log, &output->latest);
    }
    return 0;
}

void pkv__lane_output_deinit(struct pkv__lane_output *output)
{
    output->segment = pkv__segment_writer_free(output->segment);
    pkv__untold_deinit(&output->untold);
    output->lock = pkv__lane_unlock(output->lock);
    pkv__buffer_deinit(&output->raw);
    pkv__free(output->stored);
    pkv__free(output->lz4_state);
    output->stored = NULL;
    output->lz4_state = NULL;
}

static void count_stored(struct pkv__lane_output *output, const struct pkv__block *block)
{
    struct pkv__packet_run *run = &output->unsynced;
    if (!run->packets || block->first_ns < run->first_ns)
        run->first_ns = block->first_ns;
    if (!run->packets || block->last_ns > run->last_ns)
        run->last_ns = block->last_ns;
    run->packets += block->packets;
    output->log.stored += block->packets;
}

/* To an indexer in this process, if there is one. */
static void hand_over(struct pkv__lane_output *output, const struct pkv__block *block,
                      int64_t offset)
{
    if (!block->keep_raw)
        return;
    struct pkv__handed_block handed = {
        .directory = output->config.directory,
        .start_ns = output->name.start_ns,
        .lane = output->name.lane,
        .sequence = output->name.sequence,
        .offset = offset,
        .first = !output->handed,
        .stored_bytes = block->length,
        .raw_bytes = block->raw_bytes,
        .raw = block->other,
        .stored = block->data,
    };
    output->handed = true;
    pkv__handover_give(output->config.options->handover, &handed);
}

static void put_block(struct pkv__lane_output *output, const struct pkv__block *block)
{
    if (block->length && pkv__lane_segment_is_ready(output) &&
        pkv__lane_segment_write(output, block->data, block->length)) {
        count_stored(output, block);
        hand_over(output, block, pkv__segment_writer_bytes(output->segment) - block->length);
        return;
    }
    pkv__lane_segment_count_lost(output, block->packets, block->first_ns, block->last_ns);
    if (!block->length && !output->config.interface_) {
        pkv_error error;
        (void)pkv__error_memory(&error);
        pkv__lane_segment_failed(output, &error);
    }
}

/* In one call, since what ends within a page is touched again by the next. */
static bool put_together(struct pkv__lane_output *output, struct pkv__block *const *blocks,
                         unsigned count)
{
    struct iovec pieces[PKV__LANE_OUTPUT_BLOCKS];
    size_t bytes = 0;
    if (!pkv__lane_segment_is_ready(output))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!blocks[i]->length)
            return false;
        pieces[i] = (struct iovec){blocks[i]->data, blocks[i]->length};
        bytes += blocks[i]->length;
    }
    if (pkv__segment_writer_write_blocks(output->segment, pieces, (int)count, NULL) < 0)
        return false;
    pkv__lane_segment_works(output, bytes);
    int64_t offset = pkv__segment_writer_bytes(output->segment) - (int64_t)bytes;
    for (unsigned i = 0; i < count; i++) {
        count_stored(output, blocks[i]);
        hand_over(output, blocks[i], offset);
        offset += blocks[i]->length;
    }
    return true;
}

void pkv__lane_output_blocks(struct pkv__lane_output *output, struct pkv__block *const *blocks,
                             unsigned count)
{
    if (count > 1 && put_together(output, blocks, count))
        return;
    for (unsigned i = 0; i < count; i++)
        put_block(output, blocks[i]);
}

/* Counters as the lane reads them, and those that only the writer knows. */
static void take_reading(struct pkv__lane_output *output, const struct pkv__loss_reading *reading)
{
    const struct pkv__loss_counts *carried = &output->untold.carried;
    struct pkv__loss_counts *latest = &output->latest;
    latest->buffer = reading->at.buffer + carried->buffer;
    latest->refused = reading->at.refused + carried->refused;
    latest->time_ns = reading->own_until_ns;
    if (reading->own_from_ns <= reading->own_until_ns)
        pkv__loss_log_missed(&output->log, reading->own_from_ns, latest);
    latest->kernel = reading->at.kernel + carried->kernel;
    latest->time_ns = reading->at.time_ns;
}

static bool write_sample(struct pkv__lane_output *output, bool final)
{
    if (!pkv__lane_segment_is_ready(output))
        return false;
    pkv__buffer_clear(&output->raw);
    pkv__loss_log_sample(&output->log, &output->latest, final, &output->raw);
    if (!output->raw.length)
        return !output->raw.failed;
    if (!pkv__lane_segment_write_raw(output))
        return false;
    pkv__loss_log_told(&output->log, &output->latest);
    return true;
}

static void tell(struct pkv__lane_output *output, const struct pkv__loss_reading *reading,
                 bool final)
{
    if (!output->config.interface_ || !reading)
        return;
    take_reading(output, reading);
    if (!write_sample(output, final))
        pkv__loss_log_untold(&output->log, &output->latest);
    pkv__lane_segment_keep_untold(output);
}

void pkv__lane_output_sample(struct pkv__lane_output *output,
                             const struct pkv__loss_reading *reading)
{
    tell(output, reading, false);
}

/* The start of a segment that follows another without a pause, which ends with the reading: of an
 * earlier time where that one does not tell its end, or there is none. */
static int64_t start_behind(const struct pkv__lane_output *output, int64_t start_ns,
                            const struct pkv__loss_reading *reading)
{
    int64_t told_ns = output->log.told.time_ns;
    if (!reading || start_ns > reading->at.time_ns || told_ns >= start_ns)
        return start_ns;
    return told_ns > start_ns - PKV__START_BACK_NS ? told_ns : start_ns - PKV__START_BACK_NS;
}

void pkv__lane_output_begin(struct pkv__lane_output *output, int64_t start_ns,
                            uint64_t first_packet, const struct pkv__loss_reading *reading)
{
    bool follows = output->wanted;
    pkv__lane_output_end(output, reading);
    if (!follows)
        output->log.still_ns = start_ns;
    output->name.start_ns = follows ? start_behind(output, start_ns, reading) : start_ns;
    output->first_packet = first_packet;
    output->wanted = true;
    (void)pkv__lane_segment_is_ready(output);
}

void pkv__lane_output_end(struct pkv__lane_output *output, const struct pkv__loss_reading *reading)
{
    output->retry_ns = 0; /* whoever comes later can only tell it from the journal */
    if (output->wanted)
        tell(output, reading, true);
    pkv__lane_segment_seal(output);
}

void pkv__lane_output_sync(struct pkv__lane_output *output, int64_t monotonic_ns)
{
    if (output->segment && output->dirty &&
        monotonic_ns - output->synced_ns >= output->config.options->sync_interval_ns)
        pkv__lane_segment_sync(output);
}
