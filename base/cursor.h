/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way to read bytes that came from outside: bounded, with a sticky error. A read past the
 * end gives zeros and sets `failed`; the position then stays where it was. */
#ifndef PKV_BASE_CURSOR_H
#define PKV_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pkv__cursor {
    const uint8_t *at, *end;
    bool failed;
};

static inline struct pkv__cursor pkv__cursor(const void *data, size_t length)
{
    const uint8_t *at = (const uint8_t *)data;
    return (struct pkv__cursor){at, at ? at + length : at, false};
}

static inline size_t pkv__cursor_left(const struct pkv__cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* A pointer to the next `length` bytes, consumed; NULL and failed if there are fewer. */
static inline const uint8_t *pkv__cursor_take(struct pkv__cursor *c, size_t length)
{
    if (c->failed || pkv__cursor_left(c) < length) {
        c->failed = true;
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += length;
    return p;
}

static inline void pkv__cursor_skip(struct pkv__cursor *c, size_t length)
{
    (void)pkv__cursor_take(c, length);
}

static inline bool pkv__cursor_copy(struct pkv__cursor *c, void *to, size_t length)
{
    const uint8_t *p = pkv__cursor_take(c, length);
    if (p)
        memcpy(to, p, length);
    else
        memset(to, 0, length);
    return p != NULL;
}

/* A cursor over the next `length` bytes, which are consumed here. */
static inline struct pkv__cursor pkv__cursor_sub(struct pkv__cursor *c, size_t length)
{
    const uint8_t *p = pkv__cursor_take(c, length);
    struct pkv__cursor sub = pkv__cursor(p, p ? length : 0);
    sub.failed = !p;
    return sub;
}

static inline uint8_t pkv__cursor_u8(struct pkv__cursor *c)
{
    const uint8_t *p = pkv__cursor_take(c, 1);
    return p ? *p : 0;
}

static inline uint16_t pkv__cursor_u16be(struct pkv__cursor *c)
{
    const uint8_t *p = pkv__cursor_take(c, 2);
    return (uint16_t)(p ? p[0] << 8 | p[1] : 0);
}

static inline uint32_t pkv__cursor_u24be(struct pkv__cursor *c)
{
    const uint8_t *p = pkv__cursor_take(c, 3);
    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t pkv__cursor_u32be(struct pkv__cursor *c)
{
    const uint8_t *p = pkv__cursor_take(c, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint16_t pkv__cursor_u16le(struct pkv__cursor *c)
{
    const uint8_t *p = pkv__cursor_take(c, 2);
    return (uint16_t)(p ? p[1] << 8 | p[0] : 0);
}

static inline uint32_t pkv__cursor_u32le(struct pkv__cursor *c)
{
    const uint8_t *p = pkv__cursor_take(c, 4);
    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline uint64_t pkv__cursor_u64le(struct pkv__cursor *c)
{
    uint64_t low = pkv__cursor_u32le(c);
    return (uint64_t)pkv__cursor_u32le(c) << 32 | low;
}

/* LEB128, at most 10 bytes. */
static inline uint64_t pkv__cursor_varint(struct pkv__cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = pkv__cursor_u8(c);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return c->failed ? 0 : value;
    }
    c->failed = true;
    return 0;
}

#endif
