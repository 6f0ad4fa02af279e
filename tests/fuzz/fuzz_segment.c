/* SPDX-License-Identifier: BSD-2-Clause */
/* A segment, of which the first byte of the input says how it comes: 0 the input is the file; 1 it
 * is the pcapng content, put into a frame; 2 it is the data of one LZ4 block. Reader and decoders
 * never read outside and always end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/buffer.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void see_name(void *context, const char *name, size_t length)
{
    unsigned *sum = context;
    for (size_t i = 0; i < length; i++)
        *sum += (unsigned char)name[i];
}

static void decode(const struct pkv__pcapng_block *block)
{
    struct pkv__section section;
    struct pkv__statistics statistics;
    struct pkv__interface made;
    pkv_packet packet;
    unsigned sum = 0;
    uint32_t id;
    if (pkv__pcapng_get_section(block, &section) == 0) {
        require(strlen(section.uuid) <= 36);
        see_name(&sum, section.origin, section.origin ? section.origin_length : 0);
    }
    pkv__pcapng_get_vni_names(block, see_name, &sum);
    (void)pkv__pcapng_get_statistics(block, &id, &statistics);
    if (pkv__pcapng_get_packet(block, &packet) == 0) {
        see_name(&sum, (const char *)packet.data, packet.captured_bytes);
        see_name(&sum, (const char *)packet.options, packet.options_bytes);
    }
    if (pkv__pcapng_get_interface(block, &made) == 0)
        pkv__interface_deinit(&made);
}

static void read_block(const struct pkv__raw_block *raw)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    int rc;
    require(raw->raw_bytes <= PKV__BLOCK_MAX_BYTES);
    while ((rc = pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block)) > 0)
        decode(&block);
    require(rc == 0);
}

static void read_segment(const char *path, size_t size)
{
    struct pkv__segment_reader *reader = NULL;
    struct pkv__raw_block raw, again;
    pkv_error error;
    unsigned errors = 0;
    int rc;
    if (pkv__segment_reader_open(&reader, path, &error) < 0)
        return;
    while ((rc = pkv__segment_reader_next(reader, &raw, &error)) != 0) {
        errors += rc < 0;
        require(errors <= size);
        if (rc < 0)
            continue;
        read_block(&raw);
        int64_t offset = raw.offset;
        uint32_t raw_bytes = raw.raw_bytes;
        require(pkv__segment_reader_at(reader, offset, raw.stored_bytes, &again, &error) == 0);
        require(again.raw_bytes == raw_bytes);
    }
    require(errors > 0 || pkv__segment_reader_at_end(reader));
    require(pkv__segment_reader_next(reader, &raw, &error) == 0);
    pkv__segment_reader_free(reader);
}

/* Blocks of 200 bytes or, by chance, less. */
static void put_frame(struct pkv__buffer *file, const uint8_t *data, size_t size)
{
    static uint64_t state[8192];
    static uint8_t raw[PKV__BLOCK_MAX_BYTES];
    uint8_t header[PKV__LZ4_HEADER_BYTES], block[300];
    require(pkv__lz4_state_bytes() <= sizeof state);
    pkv__lz4_header(header);
    pkv__buffer_bytes(file, header, sizeof header);
    for (size_t at = 0; at < size; at += 200) {
        uint32_t length = size - at < 200 ? (uint32_t)(size - at) : 200;
        uint32_t stored = pkv__lz4_encode(state, block, data + at, length);
        require(stored <= pkv__lz4_bound(length));
        require(pkv__lz4_decode(raw, block, stored, true) == (int)length);
        require(memcmp(raw, data + at, length) == 0);
        pkv__buffer_bytes(file, block, stored);
    }
    pkv__buffer_zeros(file, PKV__LZ4_END_BYTES);
}

/* The content whole in one block, past the reader: the decoders alone. */
static void decode_content(const uint8_t *data, size_t size)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    while (pkv__pcapng_next(data, size, &offset, &block) > 0)
        decode(&block);
}

static void decode_block(const uint8_t *data, size_t size)
{
    uint8_t *raw = malloc(PKV__BLOCK_MAX_BYTES);
    struct pkv__buffer block = {.length = 0};
    for (unsigned stored = 0; raw && stored < 2; stored++) {
        pkv__buffer_clear(&block);
        pkv__buffer_u32le(&block, (uint32_t)size | stored << 31);
        pkv__buffer_bytes(&block, data, size);
        pkv__buffer_u32le(&block, 0);
        int length = pkv__lz4_decode(raw, block.data, (uint32_t)block.length, false);
        require(length < 0 || length <= (int)PKV__BLOCK_MAX_BYTES);
    }
    pkv__buffer_deinit(&block);
    free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct pkv__buffer file = {.length = 0};
    if (size == 0)
        return 0;
    if (data[0] == 2) {
        decode_block(data + 1, size - 1);
        return 0;
    }
    if (data[0] == 1) {
        decode_content(data + 1, size - 1);
        put_frame(&file, data + 1, size - 1);
    } else {
        pkv__buffer_bytes(&file, data + 1, size - 1);
    }
    int fd = memfd_create("segment", 0);
    require(fd >= 0 && write(fd, file.data, file.length) == (ssize_t)file.length);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_segment(path, file.length + 1);
    (void)close(fd);
    pkv__buffer_deinit(&file);
    return 0;
}
