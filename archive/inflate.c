/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/inflate.h"

#include "base/cursor.h"

#define GZIP_MAGIC 0x1f8bu
#define LZ4_MAGIC 0x184d2204u
#define ZSTD_MAGIC 0xfd2fb528u

const struct pkv__inflate_form *pkv__inflate_form_of(const uint8_t *data, size_t length)
{
    struct pkv__cursor first = pkv__cursor(data, length), c = first;
    if (pkv__cursor_u16be(&first) == GZIP_MAGIC)
        return &pkv__inflate_gzip;
    uint32_t magic = pkv__cursor_u32le(&c);
    return magic == LZ4_MAGIC ? &pkv__inflate_lz4 : magic == ZSTD_MAGIC ? &pkv__inflate_zstd : NULL;
}
