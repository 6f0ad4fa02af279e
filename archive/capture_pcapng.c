/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapng files of others: draft-ietf-opsawg-pcapng. */
#include "archive/capture_internal.h"

#include <inttypes.h>
#include <string.h>

#include "archive/pcapng.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

#define BLOCK_HEADER_BYTES 8u
#define NO_DROP_COUNT 0xffffu
#define EPB_DROPCOUNT 4

/* A block whose fixed part and options stand in the stream's window. */
struct foreign_block {
    uint32_t type, length;
    struct pkv__cursor body;
};

static bool is_needed(uint32_t type)
{
    return type == PKV__PCAPNG_SECTION || type == PKV__PCAPNG_INTERFACE ||
           type == PKV__PCAPNG_SIMPLE || type == PKV__PCAPNG_PACKET ||
           type == PKV__PCAPNG_OBSOLETE_PACKET || type == PKV__PCAPNG_STATISTICS;
}

/* A section header may change the byte order, in which its own length is already given. */
static int read_byte_order(struct pkv__capture_file *file, pkv_error *error)
{
    if (pkv__stream_need(file->stream, BLOCK_HEADER_BYTES + 4) < BLOCK_HEADER_BYTES + 4)
        return pkv__capture_broken(file, error, "the file ends within a section header");
    struct pkv__cursor little = pkv__cursor(file->stream->at + BLOCK_HEADER_BYTES, 4), big = little;
    if (pkv__cursor_u32be(&big) == PKV__PCAPNG_BYTE_ORDER)
        file->big_endian = true;
    else if (pkv__cursor_u32le(&little) == PKV__PCAPNG_BYTE_ORDER)
        file->big_endian = false;
    else
        return pkv__capture_broken(file, error, "a section header without a byte order");
    return 0;
}

/* 1: a header; 0: the end of the file. */
static int read_header(struct pkv__capture_file *file, struct foreign_block *block,
                       pkv_error *error)
{
    size_t there = pkv__stream_need(file->stream, BLOCK_HEADER_BYTES);
    if (there == 0 && !file->stream->failure)
        return 0;
    if (there < BLOCK_HEADER_BYTES)
        return pkv__capture_broken(file, error, "the file ends within the header of a block");
    struct pkv__cursor c = pkv__cursor(file->stream->at, BLOCK_HEADER_BYTES), type = c;
    if (pkv__cursor_u32le(&type) == PKV__PCAPNG_SECTION) { /* the same in both byte orders */
        int rc = read_byte_order(file, error);
        if (rc < 0)
            return rc;
        c = pkv__cursor(file->stream->at, BLOCK_HEADER_BYTES);
    }
    block->type = pkv__capture_u32(file, &c);
    block->length = pkv__capture_u32(file, &c);
    if (block->length < PKV__PCAPNG_OVERHEAD_BYTES || block->length % 4 != 0)
        return pkv__capture_broken(file, error,
                                   "a block of type %" PRIu32 " with the length %" PRIu32,
                                   block->type, block->length);
    if (is_needed(block->type) && block->length > PKV__FOREIGN_BLOCK_MAX_BYTES)
        return pkv__capture_broken(file, error,
                                   "a block of type %" PRIu32 " with %" PRIu32
                                   " bytes; more than %u cannot be",
                                   block->type, block->length, PKV__FOREIGN_BLOCK_MAX_BYTES);
    return 1;
}

static int ends_within(struct pkv__capture_file *file, const struct foreign_block *block,
                       pkv_error *error)
{
    return pkv__capture_broken(file, error,
                               "the file ends within a block of type %" PRIu32 " (packet %" PRIu64
                               " or behind it)",
                               block->type, file->packets + 1);
}

static int check_trailer(struct pkv__capture_file *file, const struct foreign_block *block,
                         const uint8_t *trailer, pkv_error *error)
{
    struct pkv__cursor c = pkv__cursor(trailer, 4);
    uint32_t length = pkv__capture_u32(file, &c);
    if (length == block->length)
        return 0;
    return pkv__capture_broken(file, error,
                               "a block of type %" PRIu32 " has the length %" PRIu32
                               " in front and %" PRIu32 " behind",
                               block->type, block->length, length);
}

static int read_body(struct pkv__capture_file *file, struct foreign_block *block, pkv_error *error)
{
    if (pkv__stream_need(file->stream, block->length) < block->length)
        return ends_within(file, block, error);
    const uint8_t *start = file->stream->at;
    block->body =
        pkv__cursor(start + BLOCK_HEADER_BYTES, block->length - PKV__PCAPNG_OVERHEAD_BYTES);
    return check_trailer(file, block, start + block->length - 4, error);
}

static int skip_block(struct pkv__capture_file *file, struct foreign_block *block, pkv_error *error)
{
    if (!pkv__stream_skip_far(file->stream, block->length - 4) ||
        pkv__stream_need(file->stream, 4) < 4)
        return ends_within(file, block, error);
    int rc = check_trailer(file, block, file->stream->at, error);
    if (rc < 0)
        return rc;
    pkv__stream_skip(file->stream, 4);
    file->skipped++;
    return 0;
}

int pkv__capture_memory(const struct pkv__capture_file *file, pkv_error *error)
{
    const struct pkv__capture_pcapng *p = &file->pcapng;
    return p->options.failed || p->texts.failed || p->comments.failed ? pkv__error_memory(error)
                                                                      : 0;
}

static int unknown_version(struct pkv__capture_file *file, uint16_t major, uint16_t minor,
                           pkv_error *error)
{
    int rc = pkv__capture_broken(
        file, error, "pcapng version %u.%u, of which pktvault knows nothing", major, minor);
    if (rc != PKV_E_FORMAT ||
        file->next) /* a later section ends a file that could be read so far */
        return rc;
    if (error)
        error->code = PKV_E_UNSUPPORTED;
    return PKV_E_UNSUPPORTED;
}

/* Interfaces are numbered anew in each section. */
static int take_section(struct pkv__capture_file *file, struct foreign_block *block,
                        pkv_error *error)
{
    struct pkv__cursor *c = &block->body;
    pkv__cursor_skip(c, 4);
    uint16_t major = pkv__capture_u16(file, c), minor = pkv__capture_u16(file, c);
    pkv__cursor_skip(c, 8); /* length of the section: may be wrong, and is not needed */
    if (c->failed)
        return pkv__capture_broken(file, error, "a section header that is too short");
    if (major != 1 || (minor != 0 && minor != 2)) /* 1.2 was written by mistake, and is the same */
        return unknown_version(file, major, minor, error);
    file->pcapng.count = 0;
    file->pcapng.comments_at = 0;
    pkv__buffer_clear(&file->pcapng.comments);
    pkv__capture_options(&file->pcapng.comments, *c, PKV__OPTIONS_SECTION, file->big_endian);
    return pkv__capture_memory(file, error);
}

/* The next comment of the section header, if there is one. */
static bool give_comment(struct pkv__capture_file *file, struct pkv__capture_item *item)
{
    struct pkv__buffer *comments = &file->pcapng.comments;
    while (file->pcapng.comments_at < comments->length) {
        struct pkv__cursor c = pkv__cursor(comments->data + file->pcapng.comments_at,
                                           comments->length - file->pcapng.comments_at);
        struct pkv__option option;
        if (!pkv__option_next(&c, &option))
            return false;
        file->pcapng.comments_at += option.padded;
        if (option.code != PKV__OPT_COMMENT)
            continue;
        *item = (struct pkv__capture_item){.comment = (const char *)option.value,
                                           .comment_length = option.length};
        return true;
    }
    return false;
}

static const struct pkv__capture_interface *find_interface(const struct pkv__capture_file *file,
                                                           uint32_t id)
{
    return id < file->pcapng.count ? &file->pcapng.interfaces[id] : NULL;
}

static int no_interface(struct pkv__capture_file *file, uint32_t id, pkv_error *error)
{
    return pkv__capture_broken(file, error,
                               "packet %" PRIu64 " is of interface %" PRIu32
                               ", which the section does not describe",
                               file->packets + 1, id);
}

/* Data and options of a packet whose lengths are known. */
static int take_data(struct pkv__capture_file *file, struct foreign_block *block,
                     pkv_packet *packet, pkv_error *error)
{
    struct pkv__buffer *options = &file->pcapng.options;
    if (packet->captured_bytes > PKV__PACKET_MAX_BYTES)
        return pkv__capture_broken(
            file, error,
            "packet %" PRIu64 " is said to have %" PRIu32 " bytes; more than %u cannot be",
            file->packets + 1, packet->captured_bytes, PKV__PACKET_MAX_BYTES);
    packet->data = pkv__cursor_take(&block->body, packet->captured_bytes);
    if (block->body.failed)
        return pkv__capture_broken(
            file, error, "packet %" PRIu64 " with %" PRIu32 " bytes does not fit its block",
            file->packets + 1, packet->captured_bytes);
    pkv__cursor_skip(&block->body, pkv__pad4(packet->captured_bytes) - packet->captured_bytes);
    if (pkv__cursor_left(&block->body))
        pkv__capture_options(options, block->body, PKV__OPTIONS_PACKET, file->big_endian);
    packet->options = options->length ? options->data : NULL;
    packet->options_bytes = (uint32_t)options->length;
    return pkv__capture_memory(file, error);
}

static uint64_t take_ticks(const struct pkv__capture_file *file, struct pkv__cursor *c)
{
    uint64_t high = pkv__capture_u32(file, c);
    return high << 32 | pkv__capture_u32(file, c);
}

static void put_drop_count(struct pkv__buffer *options, uint16_t drops)
{
    if (drops == 0 || drops == NO_DROP_COUNT)
        return;
    pkv__buffer_u16le(options, EPB_DROPCOUNT);
    pkv__buffer_u16le(options, 8);
    pkv__buffer_u64le(options, drops);
}

static int take_packet(struct pkv__capture_file *file, struct foreign_block *block,
                       struct pkv__capture_item *item, pkv_error *error)
{
    struct pkv__cursor *c = &block->body;
    bool obsolete = block->type == PKV__PCAPNG_OBSOLETE_PACKET;
    pkv__buffer_clear(&file->pcapng.options);
    uint32_t id = obsolete ? pkv__capture_u16(file, c) : pkv__capture_u32(file, c);
    if (obsolete)
        put_drop_count(&file->pcapng.options, pkv__capture_u16(file, c));
    const struct pkv__capture_interface *from = find_interface(file, id);
    if (!from)
        return no_interface(file, id, error);
    pkv_packet packet = {.interface_id = from->number};
    packet.time_ns = pkv__capture_time(take_ticks(file, c), from->resolution, from->offset_s);
    packet.captured_bytes = pkv__capture_u32(file, c);
    packet.original_bytes = pkv__capture_u32(file, c);
    int rc = take_data(file, block, &packet, error);
    if (rc < 0)
        return rc;
    file->packets++;
    item->packet = packet;
    item->without_time = false;
    return PKV__CAPTURE_PACKET;
}

/* Its captured length is not given: the original one, cut to the snap length. */
static int take_simple(struct pkv__capture_file *file, struct foreign_block *block,
                       struct pkv__capture_item *item, pkv_error *error)
{
    const struct pkv__capture_interface *from = find_interface(file, 0);
    if (!from)
        return no_interface(file, 0, error);
    pkv_packet packet = {.interface_id = from->number};
    packet.original_bytes = packet.captured_bytes = pkv__capture_u32(file, &block->body);
    if (from->snap_length && packet.captured_bytes > from->snap_length)
        packet.captured_bytes = from->snap_length;
    pkv__buffer_clear(&file->pcapng.options);
    int rc = take_data(file, block, &packet, error);
    if (rc < 0)
        return rc;
    file->packets++;
    item->packet = packet;
    item->packet.options = NULL; /* such a block has none */
    item->packet.options_bytes = 0;
    item->without_time = true;
    return PKV__CAPTURE_PACKET;
}

static int take_statistics(struct pkv__capture_file *file, struct foreign_block *block,
                           struct pkv__capture_item *item, pkv_error *error)
{
    uint32_t id = pkv__capture_u32(file, &block->body);
    const struct pkv__capture_interface *from = find_interface(file, id);
    if (!from || block->body.failed)
        return pkv__capture_broken(
            file, error, "statistics of interface %" PRIu32 ", which the section does not describe",
            id);
    *item = (struct pkv__capture_item){.interface_id = from->number};
    return PKV__CAPTURE_STATISTICS;
}

/* 0: nothing to give. */
static int take_block(struct pkv__capture_file *file, struct foreign_block *block,
                      struct pkv__capture_item *item, pkv_error *error)
{
    switch (block->type) {
    case PKV__PCAPNG_SECTION:
        return take_section(file, block, error);
    case PKV__PCAPNG_INTERFACE:
        return pkv__capture_take_interface(file, block->body, item, error);
    case PKV__PCAPNG_SIMPLE:
        return take_simple(file, block, item, error);
    case PKV__PCAPNG_STATISTICS:
        return take_statistics(file, block, item, error);
    default:
        return take_packet(file, block, item, error);
    }
}

static int next(struct pkv__capture_file *file, struct pkv__capture_item *item, pkv_error *error)
{
    struct foreign_block block;
    int rc;
    if (give_comment(file, item))
        return PKV__CAPTURE_COMMENT;
    while ((rc = read_header(file, &block, error)) > 0) {
        if (!is_needed(block.type)) {
            rc = skip_block(file, &block, error);
        } else {
            rc = read_body(file, &block, error);
            rc = rc < 0 ? rc : take_block(file, &block, item, error);
            if (rc >= 0)
                pkv__stream_skip(file->stream, block.length);
        }
        if (rc != 0)
            return rc;
        if (give_comment(file, item))
            return PKV__CAPTURE_COMMENT;
    }
    return rc;
}

int pkv__capture_open_pcapng(struct pkv__capture_file *file, pkv_error *error)
{
    struct foreign_block block;
    int rc = read_header(file, &block, error);
    if (rc > 0)
        rc = read_body(file, &block, error);
    if (rc >= 0)
        rc = take_section(file, &block, error);
    if (rc < 0)
        return rc;
    pkv__stream_skip(file->stream, block.length);
    file->next = next;
    return 0;
}
