/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

void pkv__buffer_deinit(struct pkv__buffer *b)
{
    pkv__free(b->data);
    *b = (struct pkv__buffer){0};
}

void pkv__buffer_clear(struct pkv__buffer *b)
{
    b->length = 0;
    b->failed = false;
}

bool pkv__buffer_reserve(struct pkv__buffer *b, size_t more)
{
    if (b->failed)
        return false;
    if (more > b->capacity - b->length) {
        size_t wanted;
        if (__builtin_add_overflow(b->length, more, &wanted) ||
            pkv__grow(&b->data, &b->capacity, wanted, 1) < 0)
            b->failed = true;
    }
    return !b->failed;
}

void pkv__buffer_bytes(struct pkv__buffer *b, const void *data, size_t length)
{
    if (length > 0 && pkv__buffer_reserve(b, length)) {
        memcpy(b->data + b->length, data, length);
        b->length += length;
    }
}

void pkv__buffer_u8(struct pkv__buffer *b, uint8_t value)
{
    pkv__buffer_bytes(b, &value, 1);
}

static void put_little_endian(struct pkv__buffer *b, uint64_t value, unsigned bytes)
{
    uint8_t coded[8];
    for (unsigned i = 0; i < bytes; i++)
        coded[i] = (uint8_t)(value >> (8 * i));
    pkv__buffer_bytes(b, coded, bytes);
}

void pkv__buffer_u16le(struct pkv__buffer *b, uint16_t value)
{
    put_little_endian(b, value, 2);
}

void pkv__buffer_u32le(struct pkv__buffer *b, uint32_t value)
{
    put_little_endian(b, value, 4);
}

void pkv__buffer_u64le(struct pkv__buffer *b, uint64_t value)
{
    put_little_endian(b, value, 8);
}

void pkv__buffer_zeros(struct pkv__buffer *b, size_t length)
{
    if (length > 0 && pkv__buffer_reserve(b, length)) {
        memset(b->data + b->length, 0, length);
        b->length += length;
    }
}

void pkv__buffer_varint(struct pkv__buffer *b, uint64_t value)
{
    uint8_t coded[10];
    size_t length = 0;
    for (; value > 0x7f; value >>= 7)
        coded[length++] = (uint8_t)(value | 0x80);
    coded[length++] = (uint8_t)value;
    pkv__buffer_bytes(b, coded, length);
}

void pkv__buffer_printf(struct pkv__buffer *b, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && pkv__buffer_reserve(b, (size_t)length + 1)) {
        (void)vsnprintf((char *)b->data + b->length, (size_t)length + 1, format, again);
        b->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}
