/* SPDX-License-Identifier: BSD-2-Clause */
/* Options and times of pcapng files of either byte order. */
#include "archive/capture_internal.h"

#include "base/clock.h"

/* The pieces of a value that change with the byte order: a letter each, 4 or 8 bytes; the rest is
 * bytes. */
struct shape {
    uint16_t code;
    const char *pieces;
};

static const struct shape packet_shapes[] = {
    {2, "4"},  /* epb_flags */
    {4, "8"},  /* epb_dropcount */
    {5, "8"},  /* epb_packetid */
    {6, "4"},  /* epb_queue */
    {8, "44"}, /* epb_processid_threadid */
};

static const struct shape interface_shapes[] = {
    {8, "8"},  /* if_speed */
    {10, "4"}, /* if_tzone */
    {14, "8"}, /* if_tsoffset */
    {16, "8"}, /* if_txspeed */
    {17, "8"}, /* if_rxspeed */
};

#define EPB_VERDICT 7
#define VERDICT_BYTES 9 /* a type, and of those of eBPF a number of 64 bits */
#define VERDICT_TC 1
#define VERDICT_XDP 2

static const char *pieces_of(enum pkv__option_set set, uint16_t code)
{
    if (code == PKV__OPT_CUSTOM_TEXT || code == PKV__OPT_CUSTOM_BYTES ||
        code == PKV__OPT_CUSTOM_TEXT_NO_COPY || code == PKV__OPT_CUSTOM_BYTES_NO_COPY)
        return "4"; /* the enterprise number */
    const struct shape *shapes = set == PKV__OPTIONS_PACKET ? packet_shapes : interface_shapes;
    size_t count = set == PKV__OPTIONS_PACKET    ? sizeof packet_shapes / sizeof *shapes
                   : set == PKV__OPTIONS_SECTION ? 0
                                                 : sizeof interface_shapes / sizeof *shapes;
    for (size_t i = 0; i < count; i++)
        if (shapes[i].code == code)
            return shapes[i].pieces;
    return "";
}

static void put_swapped(struct pkv__buffer *to, struct pkv__cursor *value, size_t length)
{
    const uint8_t *bytes = pkv__cursor_take(value, length);
    for (size_t i = length; bytes && i > 0; i--)
        pkv__buffer_u8(to, bytes[i - 1]);
}

static void put_value(struct pkv__buffer *to, struct pkv__cursor value, enum pkv__option_set set,
                      uint16_t code)
{
    size_t length = pkv__cursor_left(&value);
    bool verdict = set == PKV__OPTIONS_PACKET && code == EPB_VERDICT && length == VERDICT_BYTES &&
                   (*value.at == VERDICT_TC || *value.at == VERDICT_XDP);
    if (verdict)
        pkv__buffer_u8(to, pkv__cursor_u8(&value));
    for (const char *piece = verdict ? "8" : pieces_of(set, code); *piece; piece++) {
        size_t bytes = (size_t)(*piece - '0');
        if (pkv__cursor_left(&value) >= bytes)
            put_swapped(to, &value, bytes);
    }
    size_t rest = pkv__cursor_left(&value);
    pkv__buffer_bytes(to, pkv__cursor_take(&value, rest), rest);
    pkv__buffer_zeros(to, pkv__pad4(length) - length);
}

static void put_big_endian(struct pkv__buffer *to, struct pkv__cursor c, enum pkv__option_set set)
{
    while (pkv__cursor_left(&c) > 0) {
        uint16_t code = pkv__cursor_u16be(&c), length = pkv__cursor_u16be(&c);
        const uint8_t *value = pkv__cursor_take(&c, pkv__pad4(length));
        if (!value || code == PKV__OPT_END)
            return;
        pkv__buffer_u16le(to, code);
        pkv__buffer_u16le(to, length);
        put_value(to, pkv__cursor(value, length), set, code);
    }
}

void pkv__capture_options(struct pkv__buffer *to, struct pkv__cursor options,
                          enum pkv__option_set set, bool big_endian)
{
    struct pkv__option option;
    if (big_endian)
        put_big_endian(to, options, set);
    else
        while (pkv__option_next(&options, &option)) {
            pkv__buffer_bytes(to, option.start, 4u + option.length);
            pkv__buffer_zeros(to, pkv__pad4(option.length) - option.length);
        }
}

#define BINARY 0x80u /* in if_tsresol: the rest is a power of two */

__extension__ typedef __int128 wide;

static wide decimal_ns(uint64_t ticks, unsigned digits)
{
    wide ns = ticks;
    for (; digits < PKV__NS_DIGITS; digits++)
        ns *= 10;
    for (; digits > PKV__NS_DIGITS && ns; digits--)
        ns /= 10;
    return ns;
}

static wide binary_ns(uint64_t ticks, unsigned bits)
{
    /* Under 2^94, so that nothing is lost before it is shifted out. */
    wide ns = (wide)ticks * PKV__NS_PER_S;
    return bits < 100 ? ns >> bits : 0;
}

int64_t pkv__capture_time(uint64_t ticks, uint8_t resolution, int64_t offset_s)
{
    unsigned exponent = resolution & ~BINARY;
    wide ns = resolution & BINARY ? binary_ns(ticks, exponent) : decimal_ns(ticks, exponent);
    ns += (wide)offset_s * PKV__NS_PER_S;
    if (ns >= INT64_MAX)
        return INT64_MAX - 1;
    return ns <= INT64_MIN ? INT64_MIN + 1 : (int64_t)ns;
}
