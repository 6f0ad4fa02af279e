/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lane_segment.h"

#include <inttypes.h>
#include <string.h>

#include "archive/lz4_block.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

void pkv__lane_segment_failed(struct pkv__lane_output *output, const pkv_error *error)
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

/* The file has what was written, though a power cut may yet take its name, or it is left to
 * recovery. Said once, until it works. An import ends, since it can be made again. */
static void failed_behind_sync(struct pkv__lane_output *output, const pkv_error *error)
{
    if (!output->config.interface_)
        pkv__lane_segment_failed(output, error);
    else if (!output->complained)
        pkv__log(output->config.options, PKV_LOG_WARNING, "%s; no packet is lost by this",
                 error->text);
    output->complained = true;
}

void pkv__lane_segment_works(struct pkv__lane_output *output, size_t bytes)
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

bool pkv__lane_segment_write(struct pkv__lane_output *output, const uint8_t *block, size_t length)
{
    pkv_error error;
    if (pkv__segment_writer_write(output->segment, block, length, &error) < 0) {
        pkv__lane_segment_failed(output, &error);
        return false;
    }
    pkv__lane_segment_works(output, length);
    return true;
}

/* output->raw as a block, in output->stored. */
static int compress_raw(struct pkv__lane_output *output, uint32_t *length, pkv_error *error)
{
    uint32_t raw = (uint32_t)output->raw.length;
    size_t bound = pkv__lz4_bound(raw);
    if (output->raw.failed || pkv__grow(&output->stored, &output->stored_capacity, bound, 1) < 0)
        return pkv__error_memory(error);
    *length = pkv__lz4_encode(output->lz4_state, output->stored, output->raw.data, raw);
    return 0;
}

bool pkv__lane_segment_write_raw(struct pkv__lane_output *output)
{
    pkv_error error;
    uint32_t length;
    if (compress_raw(output, &length, &error) < 0) {
        pkv__lane_segment_failed(output, &error);
        return false;
    }
    return pkv__lane_segment_write(output, output->stored, length);
}

void pkv__lane_segment_keep_untold(struct pkv__lane_output *output)
{
    const struct pkv__loss_log *log = &output->log;
    if (output->config.interface_)
        pkv__untold_save(&output->untold, log, output->numbered ? &output->name : NULL,
                         output->segment ? &log->base : &log->told);
}

static bool has_untold(const struct pkv__lane_output *output)
{
    unsigned count;
    (void)pkv__loss_log_get_untold(&output->log, &count);
    return count > 0;
}

/* The first block: section header, and for a live lane its interface, zero counters and the losses
 * that are not told yet. */
static void put_head(struct pkv__lane_output *output)
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
        pkv__loss_log_begin(&output->log, output->name.start_ns, &output->raw);
    }
}

/* The segment tells them as soon as its first block is synced: no later may the disk know that they
 * are its. */
static void name_untold(struct pkv__lane_output *output)
{
    if (output->config.interface_)
        pkv__untold_take(&output->untold, &output->log, &output->latest);
    if (!has_untold(output))
        return;
    pkv__lane_segment_keep_untold(output);
    pkv__untold_sync(&output->untold);
}

/* A number that was drawn is kept until there is a segment: one that is missing looks like a
 * segment that was removed. */
static int make_segment(struct pkv__lane_output *output, uint32_t *length, pkv_error *error)
{
    int rc = 0;
    if (!output->numbered)
        rc = pkv__lane_lock_next(output->lock, &output->name.sequence, error);
    if (rc < 0)
        return rc;
    output->numbered = true;
    name_untold(output);
    put_head(output);
    rc = compress_raw(output, length, error);
    if (rc == 0)
        rc = pkv__segment_writer_open(&output->segment, output->config.directory, &output->name,
                                      output->stored, *length, error);
    if (rc == PKV_E_EXISTS)
        output->numbered = false;
    return rc;
}

static bool open_segment(struct pkv__lane_output *output)
{
    pkv_error error;
    uint32_t length;
    if (make_segment(output, &length, &error) < 0) {
        pkv__lane_segment_failed(output, &error);
        return false;
    }
    pkv__lane_segment_works(output, length);
    output->handed = false;
    output->synced_ns = pkv__monotonic_ns();
    output->unsynced = (struct pkv__packet_run){.packets = 0};
    pkv__loss_log_begun(&output->log);
    pkv__lane_segment_keep_untold(output);
    return true;
}

bool pkv__lane_segment_is_ready(struct pkv__lane_output *output)
{
    return output->wanted && may_try(output) && (output->segment || open_segment(output));
}

void pkv__lane_segment_count_lost(struct pkv__lane_output *output, uint64_t packets,
                                  int64_t first_ns, int64_t last_ns)
{
    atomic_fetch_add(&output->counts->lost_disk, packets);
    output->latest.disk += packets;
    if (!output->config.interface_ || !packets)
        return;
    struct pkv__loss_counts until = output->latest;
    until.time_ns = last_ns;
    pkv__loss_log_missed(&output->log, first_ns, &until);
    pkv__lane_segment_keep_untold(output);
}

/* What the kernel could not write it may have dropped, and it says so but once. So the segment ends
 * with what is synced, and is left to recovery: an indexer may have read what is cut off, and must
 * find nothing else in its place. What it no longer holds or tells is the next one's to tell. */
static void abandon(struct pkv__lane_output *output)
{
    struct pkv__segment_writer *segment = PKV__STEAL(output->segment);
    struct pkv__packet_run lost = output->unsynced;
    atomic_fetch_sub(&output->counts->stored_bytes,
                     (uint64_t)pkv__segment_writer_unsynced_bytes(segment));
    (void)pkv__segment_writer_cut(segment, NULL);
    output->numbered = false;
    pkv__loss_log_cut(&output->log);
    output->name.start_ns = output->log.told.time_ns;
    pkv__lane_segment_count_lost(output, lost.packets, lost.first_ns, lost.last_ns);
    pkv__lane_segment_keep_untold(output);
    (void)pkv__segment_writer_free(segment);
}

void pkv__lane_segment_sync(struct pkv__lane_output *output)
{
    pkv_error error;
    output->synced_ns = pkv__monotonic_ns();
    output->dirty = false;
    int rc = pkv__segment_writer_sync(output->segment, &error);
    if (rc < 0 && pkv__segment_writer_unsynced_bytes(output->segment)) {
        pkv__lane_segment_failed(output, &error);
        abandon(output);
        return;
    }
    if (rc < 0)
        failed_behind_sync(output, &error);
    else
        output->complained = false;
    output->unsynced.packets = 0;
    pkv__loss_log_synced(&output->log);
}

/* Synced first: what a seal may fail for after it costs nothing. A segment that cannot be sealed
 * now is left to recovery, so that the lane goes on. */
void pkv__lane_segment_seal(struct pkv__lane_output *output)
{
    pkv_error error;
    if (output->segment)
        pkv__lane_segment_sync(output);
    struct pkv__segment_writer *segment = PKV__STEAL(output->segment);
    output->wanted = false;
    if (!segment)
        return;
    output->numbered = false;
    if (has_untold(output))
        pkv__lane_segment_keep_untold(output);
    if (pkv__segment_writer_seal(segment, &error) < 0)
        failed_behind_sync(output, &error);
    else
        atomic_fetch_add(&output->counts->segments, 1);
    (void)pkv__segment_writer_free(segment);
}
