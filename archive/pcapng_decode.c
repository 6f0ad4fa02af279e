/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/pcapng.h"

#include <string.h>

#include "archive/pcapng_internal.h"
#include "base/limits.h"

int pkv__pcapng_next(const uint8_t *data, size_t length, size_t *offset,
                     struct pkv__pcapng_block *block)
{
    if (*offset >= length)
        return *offset == length ? 0 : PKV_E_FORMAT;
    struct pkv__cursor c = pkv__cursor(data + *offset, length - *offset);
    uint32_t type = pkv__cursor_u32le(&c), all = pkv__cursor_u32le(&c);
    if (c.failed || all < PKV__PCAPNG_OVERHEAD_BYTES || all % 4 != 0)
        return PKV_E_FORMAT;
    uint32_t body_length = all - PKV__PCAPNG_OVERHEAD_BYTES;
    const uint8_t *body = pkv__cursor_take(&c, body_length);
    if (pkv__cursor_u32le(&c) != all || c.failed)
        return PKV_E_FORMAT;
    *block = (struct pkv__pcapng_block){type, all, body, body_length};
    *offset += all;
    return 1;
}

/* "UUID lane N sequence N" */
static bool parse_archive(struct pkv__section *section, const char *text, size_t length)
{
    uint64_t lane;
    if (length < sizeof section->uuid - 1)
        return false;
    memcpy(section->uuid, text, sizeof section->uuid - 1);
    text += sizeof section->uuid - 1;
    length -= sizeof section->uuid - 1;
    if (!pkv__option_text_skip(&text, &length, " lane ") ||
        !pkv__text_take_number(&text, &length, &lane) || lane > UINT32_MAX ||
        !pkv__option_text_skip(&text, &length, " sequence ") ||
        !pkv__text_take_number(&text, &length, &section->sequence) || length != 0)
        return false;
    section->lane = (uint32_t)lane;
    return true;
}

static bool parse_section_text(struct pkv__section *section, const char *text, size_t length)
{
    if (pkv__option_text_skip(&text, &length, "archive "))
        return parse_archive(section, text, length);
    if (pkv__option_text_skip(&text, &length, "origin ")) {
        section->origin = text;
        section->origin_length = length;
    } else if (pkv__option_text_skip(&text, &length, "import") && length == 0) {
        section->import = true;
    }
    return true;
}

/* A cursor over the options of a section header; failed: not a header that we read. */
static struct pkv__cursor section_options(const struct pkv__pcapng_block *block)
{
    struct pkv__cursor c = pkv__cursor(block->body, block->body_length);
    if (block->type != PKV__PCAPNG_SECTION || pkv__cursor_u32le(&c) != PKV__PCAPNG_BYTE_ORDER ||
        pkv__cursor_u16le(&c) != 1)
        c.failed = true;
    pkv__cursor_skip(&c, 2 + 8); /* minor version, section length */
    return c;
}

int pkv__pcapng_get_section(const struct pkv__pcapng_block *block, struct pkv__section *section)
{
    struct pkv__section found = {.uuid = ""};
    struct pkv__cursor c = section_options(block);
    struct pkv__option option;
    const char *text;
    size_t length;
    while (pkv__option_next(&c, &option))
        if (pkv__option_ours(&option, &text, &length) && !parse_section_text(&found, text, length))
            return PKV_E_FORMAT;
    if (c.failed)
        return PKV_E_FORMAT;
    *section = found;
    return 0;
}

void pkv__pcapng_get_vni_names(const struct pkv__pcapng_block *block,
                               void (*name)(void *, const char *, size_t), void *context)
{
    struct pkv__cursor c = section_options(block);
    struct pkv__option option;
    const char *text;
    size_t length;
    while (pkv__option_next(&c, &option))
        if (pkv__option_ours(&option, &text, &length) &&
            pkv__option_text_skip(&text, &length, "vni "))
            name(context, text, length);
}

static int64_t get_timestamp(struct pkv__cursor *c)
{
    uint64_t high = pkv__cursor_u32le(c);
    return (int64_t)(high << 32 | pkv__cursor_u32le(c));
}

/* Options up to opt_endofopt, as a view. */
static bool take_packet_options(struct pkv__cursor *c, pkv_packet *packet)
{
    const uint8_t *start = c->at;
    struct pkv__option option;
    packet->options = NULL;
    packet->options_bytes = 0;
    while (pkv__option_next(c, &option)) {
        packet->options = start;
        packet->options_bytes = (uint32_t)(option.start + option.padded - start);
    }
    return !c->failed;
}

int pkv__pcapng_get_packet(const struct pkv__pcapng_block *block, pkv_packet *packet)
{
    struct pkv__cursor c = pkv__cursor(block->body, block->body_length);
    pkv_packet found;
    found.interface_id = pkv__cursor_u32le(&c);
    found.time_ns = get_timestamp(&c);
    found.captured_bytes = pkv__cursor_u32le(&c);
    found.original_bytes = pkv__cursor_u32le(&c);
    found.data = pkv__cursor_take(&c, pkv__pad4(found.captured_bytes));
    if (block->type != PKV__PCAPNG_PACKET || c.failed || !take_packet_options(&c, &found))
        return PKV_E_FORMAT;
    *packet = found;
    return 0;
}

/* "kernel=N buffer=N disk=N refused=N" */
static bool parse_losses(struct pkv__statistics *s, const char *text, size_t length)
{
    return pkv__option_text_skip(&text, &length, "kernel=") &&
           pkv__text_take_number(&text, &length, &s->lost_kernel) &&
           pkv__option_text_skip(&text, &length, " buffer=") &&
           pkv__text_take_number(&text, &length, &s->lost_buffer) &&
           pkv__option_text_skip(&text, &length, " disk=") &&
           pkv__text_take_number(&text, &length, &s->lost_disk) &&
           pkv__option_text_skip(&text, &length, " refused=") &&
           pkv__text_take_number(&text, &length, &s->refused) && length == 0;
}

static void parse_complete(struct pkv__statistics *s, const char *text, size_t length)
{
    if (length &&
        !(pkv__option_text_skip(&text, &length, " xxh128 ") && length == sizeof s->content - 1))
        return;
    s->complete = true;
    memcpy(s->content, text, length);
}

static bool parse_statistics_text(struct pkv__statistics *s, const char *text, size_t length)
{
    if (pkv__option_text_skip(&text, &length, "losses "))
        return parse_losses(s, text, length);
    if (pkv__option_text_skip(&text, &length, "recovered") && length == 0)
        s->recovered = true;
    else if (pkv__option_text_skip(&text, &length, "import complete"))
        parse_complete(s, text, length);
    return true;
}

static bool take_statistics_option(struct pkv__statistics *s, const struct pkv__option *option)
{
    struct pkv__cursor value = pkv__cursor(option->value, option->length);
    const char *text;
    size_t length;
    if (option->code == PKV__ISB_STARTTIME)
        s->start_ns = get_timestamp(&value);
    else if (option->code == PKV__ISB_ENDTIME)
        s->end_ns = get_timestamp(&value);
    else if (option->code == PKV__ISB_IFRECV)
        s->received = pkv__cursor_u64le(&value);
    else if (pkv__option_ours(option, &text, &length))
        return parse_statistics_text(s, text, length);
    return !value.failed;
}

int pkv__pcapng_get_statistics(const struct pkv__pcapng_block *block, uint32_t *interface_id,
                               struct pkv__statistics *statistics)
{
    struct pkv__statistics found = {.start_ns = INT64_MIN, .end_ns = INT64_MIN};
    struct pkv__cursor c = pkv__cursor(block->body, block->body_length);
    struct pkv__option option;
    uint32_t id = pkv__cursor_u32le(&c);
    found.time_ns = get_timestamp(&c);
    while (pkv__option_next(&c, &option))
        if (!take_statistics_option(&found, &option))
            return PKV_E_FORMAT;
    if (block->type != PKV__PCAPNG_STATISTICS || c.failed)
        return PKV_E_FORMAT;
    *interface_id = id;
    *statistics = found;
    return 0;
}
