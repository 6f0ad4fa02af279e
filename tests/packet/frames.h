/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames written down as hex, from pieces whose fields stand in the order of their RFCs. */
#ifndef PKV_TESTS_PACKET_FRAMES_H
#define PKV_TESTS_PACKET_FRAMES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet/decode.h"

/* From 02:…:01 to 02:…:02. */
#define ETHERNET(type) "020000000002 020000000001 " type " "
/* From 10.0.0.10 to 10.0.0.20; id 1234; fragment: flags and offset. */
#define IPV4(total, fragment, protocol)                                                            \
    "4500 " total " 1234 " fragment " 40 " protocol " 0000 0a00000a 0a000014 "
/* From 192.0.2.1 to 192.0.2.2. */
#define UNDERLAY(total) "4500 " total " 0001 0000 40 11 0000 c0000201 c0000202 "
/* From 2001:db8::1 to 2001:db8::2. */
#define IPV6(payload, next)                                                                        \
    "60000000 " payload " " next                                                                   \
    " 40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define UDP(src, dst, length) src " " dst " " length " 0000 "
/* 51234 to 443, acknowledging. */
#define TCP "c822 01bb 00000001 00000002 5010 ffff 0000 0000 "
#define VXLAN(vni) "08000000 " vni " 00 "

static inline unsigned frames_digit(char c)
{
    assert_non_null(memchr("0123456789abcdef", c, 16));
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The bytes in memory of just their length, so that a sanitizer sees a step too far. */
static inline uint8_t *frames_bytes(const char *hex, size_t *length)
{
    uint8_t *bytes = calloc(strlen(hex) / 2 + 1, 1);
    size_t n = 0;
    assert_non_null(bytes);
    for (; *hex; hex++)
        if (*hex != ' ') {
            bytes[n / 2] = (uint8_t)((unsigned)bytes[n / 2] << 4 | frames_digit(*hex));
            n++;
        }
    assert_int_equal(n % 2, 0);
    *length = n / 2;
    return *length ? realloc(bytes, *length) : bytes;
}

/* The first `captured` bytes (negative: all) of a packet that was `original` long (negative: as it
 * is written). */
static inline struct pkv__facts frames_decode_cut(uint16_t link, const char *hex, int captured,
                                                  int original)
{
    size_t length;
    uint8_t *bytes = frames_bytes(hex, &length);
    size_t kept = captured < 0 ? length : (size_t)captured;
    assert_true(kept <= length);
    uint8_t *cut = malloc(kept ? kept : 1);
    memcpy(cut, bytes, kept);
    struct pkv__facts facts;
    memset(&facts, 0xa5, sizeof facts);
    pkv__decode(&facts, link, cut, (uint32_t)kept,
                original < 0 ? (uint32_t)length : (uint32_t)original);
    free(cut);
    free(bytes);
    return facts;
}

static inline struct pkv__facts frames_decode(uint16_t link, const char *hex)
{
    return frames_decode_cut(link, hex, -1, -1);
}

static inline void frames_assert_address(const struct pkv__address *address, const char *hex)
{
    size_t length;
    uint8_t *bytes = frames_bytes(hex, &length);
    assert_int_equal(address->length, length);
    assert_memory_equal(address->bytes, bytes, length);
    free(bytes);
}

/* An IP layer between the hosts of IPV4() with these ports. */
static inline void frames_assert_ports(const struct pkv__layer *layer, uint8_t protocol,
                                       uint16_t src_port, uint16_t dst_port)
{
    assert_int_equal(layer->class_, PKV__CLASS_IP);
    assert_int_equal(layer->protocol, protocol);
    assert_true(layer->has_ports);
    assert_int_equal(layer->src_port, src_port);
    assert_int_equal(layer->dst_port, dst_port);
}

#endif
