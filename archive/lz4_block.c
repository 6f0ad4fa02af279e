/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/lz4_block.h"

#include <lz4.h>
#include <string.h>

#include "archive/lz4_pack.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/limits.h"

#define MAGIC 0x184d2204u
#define FLAGS 0x70u      /* version 01, independent blocks, block checksums */
#define DESCRIPTOR 0x60u /* blocks of at most 1 MiB */
#define UNCOMPRESSED 0x80000000u
#define SIZE_WORD_BYTES 4u
#define ACCELERATION 1

static void put_u32le(uint8_t *to, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

void pkv__lz4_header(uint8_t header[PKV__LZ4_HEADER_BYTES])
{
    put_u32le(header, MAGIC);
    header[4] = FLAGS;
    header[5] = DESCRIPTOR;
    header[6] = (uint8_t)(pkv__hash32(header + 4, 2) >> 8);
}

bool pkv__lz4_header_is_ours(const uint8_t header[PKV__LZ4_HEADER_BYTES])
{
    uint8_t ours[PKV__LZ4_HEADER_BYTES];
    pkv__lz4_header(ours);
    return memcmp(header, ours, sizeof ours) == 0;
}

uint32_t pkv__lz4_bound(uint32_t raw)
{
    return raw + raw / 255 + 16 + PKV__LZ4_OVERHEAD_BYTES;
}

size_t pkv__lz4_state_bytes(void)
{
    size_t theirs = (size_t)LZ4_sizeofState();
    return theirs > PKV__LZ4_PACK_STATE_BYTES ? theirs : PKV__LZ4_PACK_STATE_BYTES;
}

static uint32_t compress(void *state, uint8_t *to, const uint8_t *raw, uint32_t raw_bytes)
{
    if (raw_bytes <= PKV__LZ4_PACK_MAX_BYTES)
        return pkv__lz4_pack(state, to, raw, raw_bytes);
    int room = (int)(pkv__lz4_bound(raw_bytes) - PKV__LZ4_OVERHEAD_BYTES);
    int made = LZ4_compress_fast_extState(state, (const char *)raw, (char *)to, (int)raw_bytes,
                                          room, ACCELERATION);
    return made > 0 ? (uint32_t)made : raw_bytes;
}

uint32_t pkv__lz4_encode(void *state, uint8_t *to, const uint8_t *raw, uint32_t raw_bytes)
{
    uint8_t *data = to + SIZE_WORD_BYTES;
    uint32_t stored = compress(state, data, raw, raw_bytes), word = stored;
    if (stored >= raw_bytes) {
        memcpy(data, raw, raw_bytes);
        stored = raw_bytes;
        word = raw_bytes | UNCOMPRESSED;
    }
    put_u32le(to, word);
    put_u32le(data + stored, pkv__hash32(data, stored));
    return stored + PKV__LZ4_OVERHEAD_BYTES;
}

bool pkv__lz4_size_word(uint32_t word, uint32_t *stored, bool *uncompressed)
{
    uint32_t size = word & ~UNCOMPRESSED;
    if (size == 0 || size > PKV__BLOCK_MAX_BYTES)
        return false;
    *stored = size;
    *uncompressed = (word & UNCOMPRESSED) != 0;
    return true;
}

int pkv__lz4_decode(uint8_t *raw, const uint8_t *block, uint32_t length, bool verify)
{
    struct pkv__cursor c = pkv__cursor(block, length);
    uint32_t stored;
    bool uncompressed;
    if (!pkv__lz4_size_word(pkv__cursor_u32le(&c), &stored, &uncompressed))
        return PKV_E_FORMAT;
    const uint8_t *data = pkv__cursor_take(&c, stored);
    uint32_t checksum = pkv__cursor_u32le(&c);
    if (c.failed || pkv__cursor_left(&c) != 0)
        return PKV_E_FORMAT;
    if (verify && pkv__hash32(data, stored) != checksum)
        return PKV_E_FORMAT;
    if (uncompressed) {
        memcpy(raw, data, stored);
        return (int)stored;
    }
    int made = LZ4_decompress_safe((const char *)data, (char *)raw, (int)stored,
                                   (int)PKV__BLOCK_MAX_BYTES);
    return made > 0 ? made : PKV_E_FORMAT;
}
