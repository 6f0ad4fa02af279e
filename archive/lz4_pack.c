/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/lz4_pack.h"

#include <stdbool.h>
#include <string.h>

/* Of the LZ4 block format: the last match begins 12 bytes before the end at the latest, and 5 bytes
 * stay literals. */
#define MATCH_MIN 4u
#define LAST_MATCH_BYTES 12u
#define LAST_LITERALS 5u
#define RUN_MAX 15u /* a length in four bits; from there on it goes on in bytes */

#define HASHED_BYTES 6      /* fewer would find matches that cost more time than they save bytes */
#define STEP_BITS 6         /* the search takes steps of a 64th of what it has passed over */
#define COPY_BYTES 16u      /* at a time, past the end of what is wanted */
#define BLOCK_MIN_BYTES 12u /* a pcapng block: type and length twice */

struct packer {
    uint16_t *table; /* of a hash: where in `raw` it was seen last */
    const uint8_t *raw, *end, *match_limit;
    const uint8_t *at;       /* what is looked at */
    const uint8_t *literals; /* what has not been written begins here */
    const uint8_t *packet;   /* the next pcapng block begins here, behind `at` */
    uint8_t *to;
};

static inline uint32_t load32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

static inline uint64_t load64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Multiplies with a prime that spreads six bytes; on big-endian machines the same bytes are
 * other digits of the number. */
static inline uint32_t hash(const uint8_t *at)
{
    uint64_t value = load64(at);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value >>= 64 - 8 * HASHED_BYTES;
#endif
    return (uint32_t)(((value << (64 - 8 * HASHED_BYTES)) * 227718039650203ull) >>
                      (64 - PKV__LZ4_PACK_HASH_BITS));
}

/* Where a position was seen last that may begin as `at` does; remembers `at`. */
static inline const uint8_t *exchange(struct packer *p)
{
    uint16_t *slot = &p->table[hash(p->at)];
    const uint8_t *seen = p->raw + *slot;
    *slot = (uint16_t)(p->at - p->raw);
    return seen;
}

/* Moves `packet` behind `at`. Its length is looked up in the block, and believed where it can be.
 */
static inline void find_packet(struct packer *p)
{
    while (p->packet <= p->at && p->packet < p->end) {
        uint32_t left = (uint32_t)(p->end - p->packet), length = 0;
        if (left >= BLOCK_MIN_BYTES)
            for (unsigned i = 0; i < 4; i++)
                length |= (uint32_t)p->packet[4 + i] << 8 * i;
        p->packet = length >= BLOCK_MIN_BYTES && length <= left ? p->packet + length : p->end;
    }
}

/* The next position that repeats an earlier one; false: none before the end. */
static inline bool find_match(struct packer *p, const uint8_t **match)
{
    uint32_t passed = 1u << STEP_BITS;
    while (p->at <= p->match_limit) {
        *match = exchange(p);
        if (load32(*match) == load32(p->at))
            return true;
        uint32_t step = passed >> STEP_BITS;
        p->at += step;
        passed += step;
        if (p->at >= p->packet) {
            p->at = p->packet;
            find_packet(p);
            passed = 1u << STEP_BITS;
        }
    }
    return false;
}

static inline void put_rest(struct packer *p, uint32_t rest)
{
    for (; rest >= 255; rest -= 255)
        *p->to++ = 255;
    *p->to++ = (uint8_t)rest;
}

/* A token with the literals up to `at`. */
static inline uint8_t *put_literals(struct packer *p)
{
    uint32_t length = (uint32_t)(p->at - p->literals);
    uint8_t *token = p->to++;
    *token = (uint8_t)((length < RUN_MAX ? length : RUN_MAX) << 4);
    if (length >= RUN_MAX)
        put_rest(p, length - RUN_MAX);
    if (length + COPY_BYTES < (uint32_t)(p->end - p->literals)) {
        /* As much room as there is input left. */
        for (uint32_t done = 0; done < length; done += COPY_BYTES)
            memcpy(p->to + done, p->literals + done, COPY_BYTES);
    } else {
        memcpy(p->to, p->literals, length);
    }
    p->to += length;
    return token;
}

/* How many bytes are equal from `at` and `match` on, up to those that must stay literals. */
static inline uint32_t equal_bytes(const struct packer *p, const uint8_t *match)
{
    const uint8_t *at = p->at, *end = p->end - LAST_LITERALS;
    for (; at + sizeof(uint64_t) <= end; at += sizeof(uint64_t), match += sizeof(uint64_t)) {
        uint64_t differ = load64(at) ^ load64(match);
        if (!differ)
            continue;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        at += __builtin_clzll(differ) / 8;
#else
        at += __builtin_ctzll(differ) / 8;
#endif
        return (uint32_t)(at - p->at);
    }
    while (at < end && *at == *match)
        at++, match++;
    return (uint32_t)(at - p->at);
}

static inline void put_match(struct packer *p, uint8_t *token, const uint8_t *match)
{
    uint32_t offset = (uint32_t)(p->at - match), length = equal_bytes(p, match);
    uint32_t coded = length - MATCH_MIN;
    *p->to++ = (uint8_t)offset;
    *p->to++ = (uint8_t)(offset >> 8);
    *token |= (uint8_t)(coded < RUN_MAX ? coded : RUN_MAX);
    if (coded >= RUN_MAX)
        put_rest(p, coded - RUN_MAX);
    p->at += length;
    p->literals = p->at;
}

/* The match and those that follow it without a literal between. */
static inline void put_matches(struct packer *p, const uint8_t *match)
{
    while (p->at > p->literals && match > p->raw && p->at[-1] == match[-1]) {
        p->at--;
        match--;
    }
    for (bool again = true; again;) {
        put_match(p, put_literals(p), match);
        if (p->at > p->match_limit)
            return;
        p->table[hash(p->at - 2)] = (uint16_t)(p->at - 2 - p->raw);
        match = exchange(p);
        again = load32(match) == load32(p->at);
    }
    p->at++;
    find_packet(p);
}

uint32_t pkv__lz4_pack(uint16_t *state, uint8_t *to, const uint8_t *raw, uint32_t length)
{
    struct packer p = {state, raw, raw + length, raw, raw, raw, raw, to};
    const uint8_t *match;
    if (length > LAST_MATCH_BYTES) {
        memset(state, 0, PKV__LZ4_PACK_STATE_BYTES);
        p.match_limit = p.end - LAST_MATCH_BYTES;
        p.at = raw + 1; /* position 0 is what an empty slot says */
        find_packet(&p);
        while (find_match(&p, &match))
            put_matches(&p, match);
    }
    p.at = p.end;
    (void)put_literals(&p);
    return (uint32_t)(p.to - to);
}
