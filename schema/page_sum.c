/* SPDX-License-Identifier: BSD-2-Clause */
#include "schema/page_sum.h"

#include "base/hash.h"

enum { PAGE_LEAST = 512, PAGE_MOST = 65536 }; /* of SQLite's */

static uint64_t sum_of(const uint8_t *page, size_t bytes, uint32_t number)
{
    return pkv__hash64_seeded(page, bytes - PKV__PAGE_SUM_BYTES, number);
}

void pkv__page_sum_put(uint8_t *page, size_t bytes, uint32_t number)
{
    uint64_t sum = sum_of(page, bytes, number);
    uint8_t *at = page + bytes - PKV__PAGE_SUM_BYTES;
    for (unsigned i = 0; i < PKV__PAGE_SUM_BYTES; i++)
        at[i] = (uint8_t)(sum >> 8 * i);
}

bool pkv__page_sum_fits(const uint8_t *page, size_t bytes, uint32_t number)
{
    const uint8_t *at = page + bytes - PKV__PAGE_SUM_BYTES;
    uint64_t stored = 0;
    for (unsigned i = 0; i < PKV__PAGE_SUM_BYTES; i++)
        stored |= (uint64_t)at[i] << 8 * i;
    return stored == sum_of(page, bytes, number);
}

size_t pkv__page_sum_page_bytes(const uint8_t *header)
{
    size_t bytes = (size_t)header[PKV__PAGE_BYTES_AT] << 8 | header[PKV__PAGE_BYTES_AT + 1];
    if (bytes == 1)
        bytes = PAGE_MOST;
    return bytes >= PAGE_LEAST && (bytes & (bytes - 1)) == 0 ? bytes : 0;
}

void pkv__page_sum_put_all(uint8_t *file, size_t bytes)
{
    size_t page_bytes = bytes < PKV__PAGE_HEADER_BYTES ? 0 : pkv__page_sum_page_bytes(file);
    for (size_t i = 0; page_bytes && i < bytes / page_bytes; i++)
        pkv__page_sum_put(file + i * page_bytes, page_bytes, (uint32_t)(i + 1));
}
