/* SPDX-License-Identifier: BSD-2-Clause */
/* A growable run of bytes with a sticky failure: append freely, look at `failed` once. */
#ifndef PKV_BASE_BUFFER_H
#define PKV_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pkv__buffer {
    uint8_t *data;
    size_t length, capacity;
    bool failed; /* out of memory: everything since is dropped */
};

void pkv__buffer_deinit(struct pkv__buffer *b);
void pkv__buffer_clear(struct pkv__buffer *b); /* keeps the memory */
bool pkv__buffer_reserve(struct pkv__buffer *b, size_t more);
void pkv__buffer_bytes(struct pkv__buffer *b, const void *data, size_t length);
void pkv__buffer_u8(struct pkv__buffer *b, uint8_t value);
void pkv__buffer_u16le(struct pkv__buffer *b, uint16_t value);
void pkv__buffer_u32le(struct pkv__buffer *b, uint32_t value);
void pkv__buffer_u64le(struct pkv__buffer *b, uint64_t value);
void pkv__buffer_zeros(struct pkv__buffer *b, size_t length);
void pkv__buffer_varint(struct pkv__buffer *b, uint64_t value); /* LEB128 */
void pkv__buffer_printf(struct pkv__buffer *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
