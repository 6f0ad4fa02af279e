/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lane_output.h"

#include <inttypes.h>
#include <string.h>

#include "archive/lz4_block.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/handover.h"
#include "base/limits.h"
#include "base/memory.h"
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
        pkv__untold_init(&output->untold, config->directory, output->name.lane, config->options,
                         &output->log);
        output->latest = output->untold.carried;
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

/* Says once that storing stopped. */
static void disk_failed(struct pkv__lane_output *output, const pkv_error *error)
{
    if (!output->error.code)
        output->error = *error;
    output->retry_ns = pkv__monotonic_ns() + PKV__DISK_RETRY_NS;
    if (!output->config.interface_)
        atomic_store(&output->counts->failed, true);
    if (atomic_exchange(&output->counts->storing, false))
        pkv__log(output->config.options, PKV_LOG_ERROR, "%s; packets are lost until this is mended",
                 error->text);
}

static void disk_works(struct pkv__lane_output *output, size_t bytes)
{
    output->dirty = true;
    atomic_fetch_add(&output->counts->stored_bytes, bytes);
    if (!atomic_exchange(&output->counts->storing, true))
        pkv__log(output->config.options, PKV_LOG_INFO, "%s: packets are stored again",
                 output->config.directory);
}

static bool may_try(const struct pkv__lane_output *output)
{
    if (atomic_load(&output->counts->storing))
        return true;
    return !atomic_load(&output->counts->failed) && pkv__monotonic_ns() >= output->retry_ns;
}

static bool write_stored(struct pkv__lane_output *output, const uint8_t *block, size_t length)
{
    pkv_error error;
    if (pkv__segment_writer_write(output->segment, block, length, &error) < 0) {
        disk_failed(output, &error);
        return false;
    }
    disk_works(output, length);
    return true;
}

/* Writes output->raw as a block of its own. */
static bool write_raw(struct pkv__lane_output *output)
{
    pkv_error error;
    uint32_t raw = (uint32_t)output->raw.length;
    size_t bound = pkv__lz4_bound(raw);
    if (output->raw.failed || pkv__grow(&output->stored, &output->stored_capacity, bound, 1) < 0) {
        (void)pkv__error_memory(&error);
        disk_failed(output, &error);
        return false;
    }
    uint32_t length = pkv__lz4_encode(output->lz4_state, output->stored, output->raw.data, raw);
    return write_stored(output, output->stored, length);
}

/* The segment at hand is the one that tells what is not told yet; while none is open, the next. The
 * journal says so before the segment does: of what both have, recovery sees that it is told. */
static void keep_untold(struct pkv__lane_output *output)
{
    const struct pkv__loss_log *log = &output->log;
    if (output->config.interface_)
        pkv__untold_save(&output->untold, log, output->segment ? &output->name : NULL,
                         output->segment && output->headed ? &log->base : &log->told);
}

/* The first block: section header, and for a live lane its interface, zero counters and the losses
 * that are not told yet. */
static bool write_head(struct pkv__lane_output *output)
{
    const struct pkv__lane_output_config *config = &output->config;
    char *origin PKV__AUTO_FREE = NULL;
    if (config->origin && output->first_packet)
        origin = pkv__printf("%s packet %" PRIu64, config->origin, output->first_packet);
    struct pkv__section section = {
        .lane = output->name.lane,
        .sequence = output->name.sequence,
        .import = !config->interface_,
        .origin = origin ? origin : config->origin,
        .vni_names = (const char *const *)config->options->vni.values,
        .vni_names_count = config->options->vni.count,
    };
    section.origin_length = section.origin ? strlen(section.origin) : 0;
    memcpy(section.uuid, output->uuid, sizeof section.uuid);
    pkv__buffer_clear(&output->raw);
    pkv__pcapng_put_section(&output->raw, &section);
    if (config->interface_) {
        pkv__pcapng_put_interface(&output->raw, config->interface_);
        if (output->log.untold_count)
            keep_untold(output);
        pkv__loss_log_begin(&output->log, output->name.start_ns, &output->raw);
    }
    if (!write_raw(output))
        return false;
    if (config->interface_) {
        pkv__loss_log_begun(&output->log);
        keep_untold(output);
    }
    return true;
}

static bool open_segment(struct pkv__lane_output *output)
{
    pkv_error error;
    int rc = 0;
    if (!output->numbered)
        rc = pkv__lane_lock_next(output->lock, &output->name.sequence, &error);
    if (rc == 0)
        rc = pkv__segment_writer_open(&output->segment, output->config.directory, &output->name,
                                      &error);
    output->numbered = rc == 0;
    output->headed = output->handed = false;
    output->synced_ns = pkv__monotonic_ns();
    if (rc < 0)
        disk_failed(output, &error);
    return rc == 0;
}

static bool is_ready(struct pkv__lane_output *output)
{
    if (!output->wanted || !may_try(output))
        return false;
    if (!output->segment && !open_segment(output))
        return false;
    if (!output->headed)
        output->headed = write_head(output);
    return output->headed;
}

static void count_lost(struct pkv__lane_output *output, const struct pkv__block *block)
{
    atomic_fetch_add(&output->counts->lost_disk, block->packets);
    output->latest.disk += block->packets;
    if (!output->config.interface_ || !block->packets)
        return;
    struct pkv__losses until = output->latest;
    until.time_ns = block->last_ns;
    pkv__loss_log_missed(&output->log, block->first_ns, &until);
    keep_untold(output);
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
    if (block->length && is_ready(output) && write_stored(output, block->data, block->length)) {
        output->log.stored += block->packets;
        hand_over(output, block, pkv__segment_writer_bytes(output->segment) - block->length);
        return;
    }
    count_lost(output, block);
    if (!block->length && !output->config.interface_) {
        pkv_error error;
        (void)pkv__error_memory(&error);
        disk_failed(output, &error);
    }
}

/* In one call, since what ends within a page is touched again by the next. */
static bool put_together(struct pkv__lane_output *output, struct pkv__block *const *blocks,
                         unsigned count)
{
    struct iovec pieces[PKV__LANE_OUTPUT_BLOCKS];
    size_t bytes = 0;
    if (!is_ready(output))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!blocks[i]->length)
            return false;
        pieces[i] = (struct iovec){blocks[i]->data, blocks[i]->length};
        bytes += blocks[i]->length;
    }
    if (pkv__segment_writer_write_blocks(output->segment, pieces, (int)count, NULL) < 0)
        return false;
    disk_works(output, bytes);
    int64_t offset = pkv__segment_writer_bytes(output->segment) - (int64_t)bytes;
    for (unsigned i = 0; i < count; i++) {
        output->log.stored += blocks[i]->packets;
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
    const struct pkv__losses *carried = &output->untold.carried;
    struct pkv__losses *latest = &output->latest;
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
    if (!is_ready(output))
        return false;
    pkv__buffer_clear(&output->raw);
    pkv__loss_log_sample(&output->log, &output->latest, final, &output->raw);
    if (!output->raw.length)
        return !output->raw.failed;
    if (!write_raw(output))
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
    keep_untold(output);
}

void pkv__lane_output_sample(struct pkv__lane_output *output,
                             const struct pkv__loss_reading *reading)
{
    tell(output, reading, false);
}

/* A segment that cannot be sealed now, or never got its head, is left to recovery, so that the lane
 * goes on. */
static void seal(struct pkv__lane_output *output)
{
    struct pkv__segment_writer *segment = PKV__STEAL(output->segment);
    pkv_error error;
    if (output->log.untold_count)
        keep_untold(output);
    if (segment && output->headed) {
        if (pkv__segment_writer_seal(segment, &error) < 0)
            disk_failed(output, &error);
        else
            atomic_fetch_add(&output->counts->segments, 1);
    }
    (void)pkv__segment_writer_free(segment);
    output->wanted = output->numbered = output->headed = output->dirty = false;
}

void pkv__lane_output_begin(struct pkv__lane_output *output, int64_t start_ns,
                            uint64_t first_packet, const struct pkv__loss_reading *reading)
{
    pkv__lane_output_end(output, reading);
    output->name.start_ns = start_ns;
    output->first_packet = first_packet;
    output->wanted = true;
    (void)is_ready(output);
}

void pkv__lane_output_end(struct pkv__lane_output *output, const struct pkv__loss_reading *reading)
{
    output->retry_ns = 0; /* whoever comes later can only tell it from the journal */
    if (output->wanted)
        tell(output, reading, true);
    seal(output);
}

void pkv__lane_output_sync(struct pkv__lane_output *output, int64_t monotonic_ns)
{
    pkv_error error;
    if (!output->segment || !output->dirty ||
        monotonic_ns - output->synced_ns < output->config.options->sync_interval_ns)
        return;
    output->synced_ns = monotonic_ns;
    output->dirty = false;
    if (pkv__segment_writer_sync(output->segment, &error) < 0)
        disk_failed(output, &error);
}
