/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory of a test's own, and segments with known content. */
#ifndef PKV_TESTS_ARCHIVE_SUPPORT_H
#define PKV_TESTS_ARCHIVE_SUPPORT_H

#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/directory.h"
#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "archive/segment_writer.h"
#include "base/buffer.h"
#include "base/memory.h"

#define NOON_NS 1795003200000000000ll /* 2026-11-18T12:00:00Z */

static char directory[64];

static inline int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/pktvault-test-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static inline int remove_directory(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command); /* NOLINT(cert-env33-c): a test's own directory */
}

/* The path of something in the directory; good until the fourth call after. */
static inline char *at(const char *relative)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", directory, relative);
    return path;
}

static inline void read_whole(const char *path, uint8_t **data, size_t *length)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *length = (size_t)ftell(file);
    *data = malloc(*length + 1);
    assert_non_null(*data);
    rewind(file);
    assert_int_equal(fread(*data, 1, *length, file), *length);
    (void)fclose(file);
}

static inline void write_whole(const char *path, const void *data, size_t length)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Compresses `raw` into a new buffer of *length bytes; free with free. */
static inline uint8_t *encode(const void *raw, size_t raw_bytes, uint32_t *length)
{
    void *state = malloc(pkv__lz4_state_bytes());
    uint8_t *block = malloc(pkv__lz4_bound((uint32_t)raw_bytes));
    assert_true(state && block);
    *length = pkv__lz4_encode(state, block, raw, (uint32_t)raw_bytes);
    free(state);
    return block;
}

static inline void write_raw(struct pkv__segment_writer *writer, const struct pkv__buffer *raw)
{
    pkv_error error;
    uint32_t length;
    uint8_t *block = encode(raw->data, raw->length, &length);
    assert_done(pkv__segment_writer_write(writer, block, length, &error), error);
    free(block);
}

/* Frame number `n`: its bytes, length and time follow from the number. */
static inline void put_frame(struct pkv__buffer *raw, uint32_t n)
{
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)((n * 2654435761u) >> (i % 24));
    pkv__pcapng_put_packet(raw, &(pkv_packet){.time_ns = NOON_NS + n * 1000,
                                              .data = data,
                                              .captured_bytes = 60 + n % 100,
                                              .original_bytes = 60 + n % 100});
}

/* Section, one interface and its statistics at the start. */
static inline void put_head(struct pkv__buffer *raw)
{
    struct pkv__section section = {.uuid = "c0ffee00-1234-4abc-8def-0123456789ab", .sequence = 1};
    pkv__pcapng_put_section(raw, &section);
    pkv__pcapng_put_interface(raw, &(pkv_interface){.link_type = 1, .name = "eth0"});
    pkv__pcapng_put_statistics(
        raw, 0,
        &(struct pkv__statistics){.time_ns = NOON_NS, .start_ns = NOON_NS, .end_ns = NOON_NS},
        NULL);
}

/* Opens a segment of lane 0 at noon and writes `blocks` blocks: a head and five frames, then five
 * frames each. */
static inline struct pkv__segment_writer *write_segment(uint64_t sequence, unsigned blocks)
{
    pkv_error error;
    struct pkv__segment_writer *writer = NULL;
    struct pkv__segment_name name = {.start_ns = NOON_NS, .sequence = sequence};
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__segment_writer_open(&writer, directory, &name, NULL, 0, &error), error);
    for (unsigned b = 0; b < blocks; b++) {
        struct pkv__buffer raw = {.length = 0};
        if (b == 0)
            put_head(&raw);
        for (unsigned n = 0; n < 5; n++)
            put_frame(&raw, b * 5 + n);
        write_raw(writer, &raw);
        pkv__buffer_deinit(&raw);
    }
    return writer;
}

static inline char *segment_at(uint64_t sequence, bool open)
{
    char path[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(path, &(struct pkv__segment_name){.start_ns = NOON_NS, .sequence = sequence},
                      open);
    return at(path);
}

#endif
