/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/writer_internal.h"

#include <inttypes.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/error.h"
#include "base/handover.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/lane_writer.h"
#include "server/packet_block.h"

struct used_interface {
    struct pkv__interface interface_;
    unsigned segment; /* the last one that it was used in, counted from 1 */
    uint32_t id;      /* there */
    uint64_t packets; /* there */
};

/* Invariants:
 * 1. The interfaces used in the segment at hand are `in_segment`, by their id there; each stands
 * before its first packet.
 * 2. A segment ends when the next packet comes and it is full, so that the last one can say that it
 * is the last. */
struct pkv_writer {
    char *directory, *origin;
    struct pkv_options *options;
    struct pkv__pipeline pipeline;
    struct pkv__lane_writer *lane;
    struct pkv__block *block;
    struct used_interface **interfaces;
    size_t interfaces_count, interfaces_capacity;
    uint32_t *in_segment;
    size_t in_segment_count, in_segment_capacity;
    struct pkv__buffer scratch;
    unsigned segments; /* begun */
    bool open;         /* a segment is at hand */
    uint64_t segment_bytes, position;
    int64_t first_ns, last_ns; /* of the packets in the segment */
    bool numbered, complete;   /* of an import */
    char content[33];          /* of its file: a hash */
};

static void free_writer(pkv_writer *writer)
{
    for (size_t i = 0; i < writer->interfaces_count; i++) {
        pkv__interface_deinit(&writer->interfaces[i]->interface_);
        pkv__free(writer->interfaces[i]);
    }
    pkv__pipeline_deinit(&writer->pipeline);
    pkv__buffer_deinit(&writer->scratch);
    (void)pkv_options_free(writer->options);
    pkv__free(writer->interfaces);
    pkv__free(writer->in_segment);
    pkv__free(writer->directory);
    pkv__free(writer->origin);
    pkv__free(writer);
}

/* More memory than keeps everybody busy would only be read from further away. */
static void bound_memory(struct pkv_options *options)
{
    if (options->buffer_bytes > (int64_t)PKV__WRITER_BUFFER_BYTES)
        options->buffer_bytes = PKV__WRITER_BUFFER_BYTES;
}

static int set_up(pkv_writer *writer, const char *directory, const char *origin,
                  const pkv_options *options, pkv_error *error)
{
    writer->directory = pkv__strdup(directory);
    writer->origin = origin ? pkv__strdup(origin) : NULL;
    if (!writer->directory || (origin && !writer->origin) ||
        pkv__options_copy(&writer->options, options) < 0)
        return pkv__error_memory(error);
    bound_memory(writer->options);
    int rc = pkv__archive_create(directory, error);
    if (rc == 0)
        rc = pkv__pipeline_init(&writer->pipeline, writer->directory, writer->options, error);
    if (rc == 0)
        rc = pkv__lane_writer_new(&writer->lane, &writer->pipeline, PKV__IMPORT_LANE_FIRST,
                                  PKV__IMPORT_LANE_LAST, NULL, writer->origin, NULL, NULL, error);
    return rc;
}

int pkv_writer_open(pkv_writer **writer, const char *directory, const char *origin,
                    const pkv_options *options, pkv_error *error)
{
    pkv_writer *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    int rc = set_up(made, directory, origin, options, error);
    if (rc < 0)
        free_writer(made);
    else
        *writer = made;
    return rc;
}

int pkv_writer_add_interface(pkv_writer *writer, uint32_t *interface_id,
                             const pkv_interface *description, pkv_error *error)
{
    size_t id = writer->interfaces_count;
    if (id >= PKV__INTERFACES_MAX || description->options_bytes > PKV__INTERFACE_OPTIONS_MAX_BYTES)
        return pkv__error(error, PKV_E_LIMIT, -1,
                          "more than %u interfaces, or one with more than %u bytes of options",
                          PKV__INTERFACES_MAX, PKV__INTERFACE_OPTIONS_MAX_BYTES);
    struct used_interface *made = pkv__alloc_zero(1, sizeof *made);
    if (!made ||
        pkv__grow(&writer->interfaces, &writer->interfaces_capacity, id + 1, sizeof made) < 0 ||
        pkv__interface_init(&made->interface_, description) < 0) {
        pkv__free(made);
        return pkv__error_memory(error);
    }
    writer->interfaces[id] = made;
    writer->interfaces_count++;
    *interface_id = (uint32_t)id;
    return 0;
}

static void submit(pkv_writer *writer)
{
    if (!writer->block)
        return;
    writer->block->keep_raw = pkv__handover_is_wanted(writer->options->handover);
    pkv__lane_writer_block(writer->lane, PKV__STEAL(writer->block), true);
}

/* Memory for so many bytes in the block at hand, or in a new one. */
static int make_room(pkv_writer *writer, uint32_t bytes, pkv_error *error)
{
    if (writer->block && writer->block->length + bytes <= writer->block->room)
        return 0;
    submit(writer);
    if (atomic_load(&pkv__lane_writer_counts(writer->lane)->failed))
        return pkv__lane_writer_error(writer->lane, error);
    writer->block = pkv__pool_take(writer->pipeline.pool, bytes, true);
    return writer->block ? 0 : pkv__error_memory(error);
}

static uint8_t *advance(pkv_writer *writer, uint32_t bytes)
{
    uint8_t *place = writer->block->data + writer->block->length;
    writer->block->length += bytes;
    writer->segment_bytes += bytes;
    return place;
}

/* Moves what is in the scratch buffer into the block. */
static int put_scratch(pkv_writer *writer, pkv_error *error)
{
    if (writer->scratch.failed)
        return pkv__error_memory(error);
    uint32_t bytes = (uint32_t)writer->scratch.length;
    int rc = make_room(writer, bytes, error);
    if (rc == 0)
        memcpy(advance(writer, bytes), writer->scratch.data, bytes);
    pkv__buffer_clear(&writer->scratch);
    return rc;
}

static int end_segment(pkv_writer *writer, bool last, pkv_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < writer->in_segment_count; i++) {
        struct pkv__statistics statistics = {
            .time_ns = writer->last_ns,
            .start_ns = writer->first_ns,
            .end_ns = writer->last_ns,
            .received = writer->interfaces[writer->in_segment[i]]->packets,
            .complete = last && writer->complete,
        };
        memcpy(statistics.content, writer->content, sizeof statistics.content);
        pkv__pcapng_put_statistics(&writer->scratch, (uint32_t)i, &statistics, NULL);
        rc = put_scratch(writer, error);
    }
    submit(writer);
    writer->open = false;
    writer->in_segment_count = 0;
    return rc;
}

static int begin_segment(pkv_writer *writer, int64_t time_ns, pkv_error *error)
{
    int64_t start_ns = time_ns > 0 ? time_ns : 0;
    if (pkv__lane_writer_begin(writer->lane, start_ns, writer->numbered ? writer->position : 0,
                               NULL) < 0)
        return pkv__error_memory(error);
    writer->open = true;
    writer->segments++;
    writer->segment_bytes = 0;
    writer->first_ns = INT64_MAX;
    writer->last_ns = INT64_MIN;
    return 0;
}

static int use_interface(pkv_writer *writer, struct used_interface *used, uint32_t interface_id,
                         pkv_error *error)
{
    size_t count = writer->in_segment_count;
    if (pkv__grow(&writer->in_segment, &writer->in_segment_capacity, count + 1, sizeof(uint32_t)) <
        0)
        return pkv__error_memory(error);
    pkv__pcapng_put_interface(&writer->scratch, &used->interface_.view);
    int rc = put_scratch(writer, error);
    if (rc < 0)
        return rc;
    used->segment = writer->segments;
    used->id = (uint32_t)count;
    used->packets = 0;
    writer->in_segment[writer->in_segment_count++] = interface_id;
    return 0;
}

static int prepare_segment(pkv_writer *writer, const pkv_packet *packet, pkv_error *error)
{
    int rc = 0;
    if (writer->open && writer->segment_bytes >= (uint64_t)writer->options->rotate_bytes)
        rc = end_segment(writer, false, error);
    if (rc == 0 && !writer->open)
        rc = begin_segment(writer, packet->time_ns, error);
    return rc;
}

static void note_time(pkv_writer *writer, int64_t time_ns)
{
    struct pkv__block *block = writer->block;
    block->packets++;
    if (time_ns < block->first_ns)
        block->first_ns = time_ns;
    if (time_ns > block->last_ns)
        block->last_ns = time_ns;
    if (time_ns < writer->first_ns)
        writer->first_ns = time_ns;
    if (time_ns > writer->last_ns)
        writer->last_ns = time_ns;
}

int pkv_writer_append(pkv_writer *writer, const pkv_packet *packet, pkv_error *error)
{
    if (packet->interface_id >= writer->interfaces_count)
        return pkv__error(error, PKV_E_INVALID, -1, "no interface %" PRIu32, packet->interface_id);
    if (packet->captured_bytes > PKV__PACKET_MAX_BYTES ||
        packet->options_bytes > PKV__PACKET_OPTIONS_MAX_BYTES)
        return pkv__error(error, PKV_E_LIMIT, -1,
                          "a packet of %" PRIu32 " bytes with %" PRIu32
                          " bytes of options is too long",
                          packet->captured_bytes, packet->options_bytes);
    int rc = prepare_segment(writer, packet, error);
    struct used_interface *used = writer->interfaces[packet->interface_id];
    if (rc == 0 && used->segment != writer->segments)
        rc = use_interface(writer, used, packet->interface_id, error);
    uint32_t bytes = (uint32_t)pkv__pcapng_packet_bytes(packet);
    if (rc == 0)
        rc = make_room(writer, bytes, error);
    if (rc < 0)
        return rc;
    pkv__epb_put(advance(writer, bytes), bytes, used->id, packet);
    note_time(writer, packet->time_ns);
    used->packets++;
    writer->position++;
    return 0;
}

int pkv_writer_close(pkv_writer *writer, pkv_error *error)
{
    pkv_error late;
    int rc = writer->open ? end_segment(writer, true, error) : 0;
    pkv__lane_writer_end(writer->lane, NULL);
    int disk = pkv__lane_writer_free(writer->lane, &late);
    free_writer(writer);
    if (rc == 0 && disk < 0) {
        rc = disk;
        if (error)
            *error = late;
    }
    return rc;
}

void pkv__writer_set_position(pkv_writer *writer, uint64_t packet)
{
    writer->position = packet;
    writer->numbered = true;
}

void pkv__writer_set_complete(pkv_writer *writer, const char content[33])
{
    writer->complete = true;
    memcpy(writer->content, content, sizeof writer->content);
}

unsigned pkv__writer_segments(const pkv_writer *writer)
{
    return writer->segments;
}
