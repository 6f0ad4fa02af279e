/* SPDX-License-Identifier: BSD-2-Clause */
/* LZ4's home: the frame of a segment (LZ4 frame format 1.6: independent blocks of at most 1 MiB,
 * block checksums, no content size, no content checksum). */
#ifndef PKV_ARCHIVE_LZ4_BLOCK_H
#define PKV_ARCHIVE_LZ4_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

#define PKV__LZ4_HEADER_BYTES 7u
#define PKV__LZ4_END_BYTES 4u
#define PKV__LZ4_OVERHEAD_BYTES 8u /* size word and checksum around the data of each block */

void pkv__lz4_header(uint8_t header[PKV__LZ4_HEADER_BYTES]);
bool pkv__lz4_header_is_ours(const uint8_t header[PKV__LZ4_HEADER_BYTES]);

/* Room that pkv__lz4_encode needs at most for `raw` bytes. */
uint32_t pkv__lz4_bound(uint32_t raw);

/* Encodes one block with its size word and checksum; stored as it is where that is not larger.
 * `state`: of pkv__lz4_state_bytes, 8-aligned, one a thread. The number of bytes. */
size_t pkv__lz4_state_bytes(void);
uint32_t pkv__lz4_encode(void *state, uint8_t *to, const uint8_t *raw, uint32_t raw_bytes);

/* The size word of a block: *stored is what follows it without the checksum. False: end mark (0) or
 * out of bounds. */
bool pkv__lz4_size_word(uint32_t word, uint32_t *stored, bool *uncompressed);

/* Decodes a whole block (size word … checksum) of `length` bytes into `raw` (room:
 * PKV__BLOCK_MAX_BYTES). The raw size, or PKV_E_FORMAT (checksum, structure). verify false skips
 * the checksum. */
int pkv__lz4_decode(uint8_t *raw, const uint8_t *block, uint32_t length, bool verify);

#endif
