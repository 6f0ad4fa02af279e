/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/pcapng.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "archive/pcapng_internal.h"
#include "base/limits.h"

#define OPTION_MAX_BYTES 65535u
#define OURS_TEXT 8192 /* a path and what goes with it */

/* Where a block that is being appended began. */
struct open_block {
    size_t start;
};

static struct open_block begin(struct pkv__buffer *b, uint32_t type)
{
    struct open_block block = {b->length};
    pkv__buffer_u32le(b, type);
    pkv__buffer_u32le(b, 0);
    return block;
}

static void store_u16le(uint8_t *to, uint16_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static void store_u32le(uint8_t *to, uint32_t value)
{
    store_u16le(to, (uint16_t)value);
    store_u16le(to + 2, (uint16_t)(value >> 16));
}

static void end(struct pkv__buffer *b, struct open_block block)
{
    uint32_t length = (uint32_t)(b->length - block.start) + 4;
    pkv__buffer_u32le(b, length);
    if (!b->failed)
        store_u32le(b->data + block.start + 4, length);
}

static void put_option(struct pkv__buffer *b, uint16_t code, const void *value, size_t length)
{
    if (length > OPTION_MAX_BYTES)
        return;
    pkv__buffer_u16le(b, code);
    pkv__buffer_u16le(b, (uint16_t)length);
    pkv__buffer_bytes(b, value, length);
    pkv__buffer_zeros(b, pkv__pad4(length) - length);
}

static void put_text(struct pkv__buffer *b, uint16_t code, const char *text)
{
    if (text)
        put_option(b, code, text, strlen(text));
}

static void put_number(struct pkv__buffer *b, uint16_t code, uint64_t value)
{
    pkv__buffer_u16le(b, code);
    pkv__buffer_u16le(b, sizeof value);
    pkv__buffer_u64le(b, value);
}

/* The high half comes first, whatever the byte order. */
static void put_timestamp(struct pkv__buffer *b, int64_t time_ns)
{
    pkv__buffer_u32le(b, (uint32_t)((uint64_t)time_ns >> 32));
    pkv__buffer_u32le(b, (uint32_t)time_ns);
}

static void put_time(struct pkv__buffer *b, uint16_t code, int64_t time_ns)
{
    if (time_ns == INT64_MIN)
        return;
    pkv__buffer_u16le(b, code);
    pkv__buffer_u16le(b, 8);
    put_timestamp(b, time_ns);
}

static void put_end(struct pkv__buffer *b)
{
    pkv__buffer_u32le(b, PKV__OPT_END);
}

/* A custom option: "pktvault " and what is given. */
static void put_ours(struct pkv__buffer *b, const char *text, size_t length)
{
    static const char prefix[] = "pktvault ";
    size_t all = 4 + strlen(prefix) + length;
    if (all > OPTION_MAX_BYTES)
        return;
    pkv__buffer_u16le(b, PKV__OPT_CUSTOM_TEXT);
    pkv__buffer_u16le(b, (uint16_t)all);
    pkv__buffer_u32le(b, PKV__PEN);
    pkv__buffer_bytes(b, prefix, strlen(prefix));
    pkv__buffer_bytes(b, text, length);
    pkv__buffer_zeros(b, pkv__pad4(all) - all);
}

__attribute__((format(printf, 2, 3))) static void put_ours_printf(struct pkv__buffer *b,
                                                                  const char *format, ...)
{
    char text[OURS_TEXT];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof text)
        put_ours(b, text, (size_t)length);
}

static struct open_block begin_section(struct pkv__buffer *b)
{
    struct open_block block = begin(b, PKV__PCAPNG_SECTION);
    pkv__buffer_u32le(b, PKV__PCAPNG_BYTE_ORDER);
    pkv__buffer_u16le(b, 1); /* version 1.0 */
    pkv__buffer_u16le(b, 0);
    pkv__buffer_u64le(b, UINT64_MAX); /* length: not said */
    return block;
}

void pkv__pcapng_put_section(struct pkv__buffer *b, const struct pkv__section *section)
{
    struct open_block block = begin_section(b);
    put_text(b, PKV__SHB_USERAPPL, "pktvault " PKV_VERSION);
    if (section->uuid[0])
        put_ours_printf(b, "archive %.36s lane %" PRIu32 " sequence %" PRIu64, section->uuid,
                        section->lane, section->sequence);
    if (section->import)
        put_ours_printf(b, "import");
    if (section->origin)
        put_ours_printf(b, "origin %.*s", (int)section->origin_length, section->origin);
    for (size_t i = 0; i < section->vni_names_count; i++)
        put_ours_printf(b, "vni %s", section->vni_names[i]);
    put_end(b);
    end(b, block);
}

void pkv__pcapng_put_plain_section(struct pkv__buffer *b, const char *hardware, const char *os,
                                   const char *application, const char *comment)
{
    struct open_block block = begin_section(b);
    put_text(b, PKV__SHB_HARDWARE, hardware);
    put_text(b, PKV__SHB_OS, os);
    put_text(b, PKV__SHB_USERAPPL, application);
    put_text(b, PKV__OPT_COMMENT, comment);
    put_end(b);
    end(b, block);
}

/* All but those that have a field of their own. */
static void put_interface_options(struct pkv__buffer *b, const uint8_t *options, size_t length)
{
    struct pkv__cursor c = pkv__cursor(options, length);
    struct pkv__option option;
    if (length > PKV__INTERFACE_OPTIONS_MAX_BYTES || !pkv__options_are_whole(options, length))
        return;
    while (pkv__option_next(&c, &option))
        if (option.code != PKV__IF_NAME && option.code != PKV__IF_DESCRIPTION &&
            option.code != PKV__IF_TSRESOL && option.code != PKV__IF_TSOFFSET)
            pkv__buffer_bytes(b, option.start, option.padded);
}

void pkv__pcapng_put_interface(struct pkv__buffer *b, const pkv_interface *interface_)
{
    struct open_block block = begin(b, PKV__PCAPNG_INTERFACE);
    pkv__buffer_u16le(b, interface_->link_type);
    pkv__buffer_u16le(b, 0);
    pkv__buffer_u32le(b, interface_->snap_length);
    put_text(b, PKV__IF_NAME, interface_->name);
    put_text(b, PKV__IF_DESCRIPTION, interface_->description);
    put_option(b, PKV__IF_TSRESOL, &(uint8_t){PKV__NS_DIGITS}, 1);
    put_interface_options(b, interface_->options, interface_->options_bytes);
    put_end(b);
    end(b, block);
}

/* The bytes of the packet's options that are stored: all or none. */
static uint32_t packet_options_bytes(const pkv_packet *packet)
{
    uint32_t length = packet->options_bytes;
    if (length == 0 || length > PKV__PACKET_OPTIONS_MAX_BYTES ||
        !pkv__options_are_whole(packet->options, length))
        return 0;
    return length;
}

static size_t packet_bytes(const pkv_packet *packet, uint32_t options_bytes)
{
    return PKV__PCAPNG_OVERHEAD_BYTES + PKV__PCAPNG_PACKET_FIXED_BYTES +
           pkv__pad4(packet->captured_bytes) + (options_bytes ? options_bytes + 4 : 0);
}

size_t pkv__pcapng_packet_bytes(const pkv_packet *packet)
{
    return packet_bytes(packet, packet_options_bytes(packet));
}

/* Once a packet: one check for room, then plain stores. */
void pkv__pcapng_put_packet(struct pkv__buffer *b, const pkv_packet *packet)
{
    uint32_t options_bytes = packet_options_bytes(packet);
    size_t length = packet_bytes(packet, options_bytes);
    if (!pkv__buffer_reserve(b, length))
        return;
    uint8_t *to = b->data + b->length;
    size_t padded = pkv__pad4(packet->captured_bytes);
    store_u32le(to, PKV__PCAPNG_PACKET);
    store_u32le(to + 4, (uint32_t)length);
    store_u32le(to + 8, packet->interface_id);
    store_u32le(to + 12, (uint32_t)((uint64_t)packet->time_ns >> 32));
    store_u32le(to + 16, (uint32_t)packet->time_ns);
    store_u32le(to + 20, packet->captured_bytes);
    store_u32le(to + 24, packet->original_bytes);
    to += 28;
    if (packet->captured_bytes) {
        store_u32le(to + padded - 4, 0);
        memcpy(to, packet->data, packet->captured_bytes);
    }
    to += padded;
    if (options_bytes) {
        memcpy(to, packet->options, options_bytes);
        store_u32le(to + options_bytes, PKV__OPT_END);
        to += options_bytes + 4;
    }
    store_u32le(to, (uint32_t)length);
    b->length += length;
}

void pkv__pcapng_put_statistics(struct pkv__buffer *b, uint32_t interface_id,
                                const struct pkv__statistics *statistics, const char *comment)
{
    const struct pkv__statistics *s = statistics;
    struct open_block block = begin(b, PKV__PCAPNG_STATISTICS);
    pkv__buffer_u32le(b, interface_id);
    put_timestamp(b, s->time_ns);
    put_text(b, PKV__OPT_COMMENT, comment);
    put_time(b, PKV__ISB_STARTTIME, s->start_ns);
    put_time(b, PKV__ISB_ENDTIME, s->end_ns);
    put_number(b, PKV__ISB_IFRECV, s->received);
    put_number(b, PKV__ISB_OSDROP, s->lost_kernel);
    put_number(b, PKV__ISB_USRDELIV,
               s->received > s->lost_kernel ? s->received - s->lost_kernel : 0);
    put_ours_printf(
        b, "losses kernel=%" PRIu64 " buffer=%" PRIu64 " disk=%" PRIu64 " refused=%" PRIu64,
        s->lost_kernel, s->lost_buffer, s->lost_disk, s->refused);
    if (s->recovered)
        put_ours_printf(b, "recovered");
    if (s->complete)
        put_ours_printf(b, "import complete%s%s", s->content[0] ? " xxh128 " : "", s->content);
    put_end(b);
    end(b, block);
}
