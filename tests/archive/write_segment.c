/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes an archive in the directory given, for other programs to check: a sealed segment whose
 * packets are those of a capture file, an open one with the same up to the last whole block, and
 * the sealed one in chain.log. Prints the two paths. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/capture_file.h"
#include "archive/chain.h"
#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "archive/segment_writer.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

static pkv_error error;

static void must(int rc)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "%s\n", error.text);
    exit(1);
}

static void flush(struct pkv__segment_writer *writer, struct pkv__buffer *raw)
{
    static uint64_t state[8192];
    uint8_t *block = malloc(pkv__lz4_bound((uint32_t)raw->length));
    if (!block || pkv__lz4_state_bytes() > sizeof state)
        exit(1);
    uint32_t length = pkv__lz4_encode(state, block, raw->data, (uint32_t)raw->length);
    must(pkv__segment_writer_write(writer, block, length, &error));
    free(block);
    pkv__buffer_clear(raw);
}

static void put_section(struct pkv__buffer *raw, const char *directory, uint64_t sequence)
{
    static const char *const names[] = {"100-149 web"};
    struct pkv__section section = {.sequence = sequence,
                                   .import = true,
                                   .origin = "import a file",
                                   .origin_length = 13,
                                   .vni_names = names,
                                   .vni_names_count = 1};
    must(pkv__archive_uuid(directory, section.uuid, &error));
    pkv__pcapng_put_section(raw, &section);
}

static void put_item(struct pkv__buffer *raw, int kind, const struct pkv__capture_item *item,
                     struct pkv__statistics *statistics)
{
    if (kind == PKV__CAPTURE_INTERFACE)
        pkv__pcapng_put_interface(raw, &item->interface_);
    if (kind != PKV__CAPTURE_PACKET)
        return;
    pkv__pcapng_put_packet(raw, &item->packet);
    statistics->time_ns = statistics->end_ns = item->packet.time_ns;
    if (statistics->received++ == 0)
        statistics->start_ns = item->packet.time_ns;
}

static struct pkv__segment_writer *write_segment(const char *directory, const char *capture,
                                                 uint64_t sequence)
{
    struct pkv__segment_name name = {.start_ns = 1795003200000000000, .sequence = sequence};
    struct pkv__segment_writer *writer = NULL;
    struct pkv__capture_file *file = NULL;
    struct pkv__capture_item item;
    struct pkv__buffer raw = {.length = 0};
    struct pkv__statistics statistics = {.lost_kernel = 3, .lost_buffer = 2, .complete = true};
    int kind;
    must(pkv__segment_writer_open(&writer, directory, &name, NULL, 0, &error));
    must(pkv__capture_file_open(&file, capture, &error));
    put_section(&raw, directory, sequence);
    while ((kind = pkv__capture_file_next(file, &item, &error)) > 0) {
        if (kind == PKV__CAPTURE_PACKET &&
            raw.length + pkv__pcapng_packet_bytes(&item.packet) > PKV__BLOCK_TARGET_BYTES)
            flush(writer, &raw);
        put_item(&raw, kind, &item, &statistics);
    }
    must(kind);
    pkv__pcapng_put_statistics(&raw, 0, &statistics, "how it was");
    flush(writer, &raw);
    pkv__buffer_deinit(&raw);
    pkv__capture_file_free(file);
    return writer;
}

static void chain(const char *directory, const char *relative, const char *path)
{
    struct pkv__chain *log = NULL;
    struct pkv__sha256 *sha256 = pkv__sha256_new();
    char hex[65], *bytes = NULL;
    size_t length = 0;
    must(pkv__file_read_all(path, SIZE_MAX, &bytes, &length, &error));
    pkv__sha256_add(sha256, bytes, length);
    pkv__sha256_hex(sha256, hex);
    must(pkv__chain_open(&log, directory, &error));
    must(pkv__chain_append(log, relative, hex, &error));
    pkv__chain_free(log);
    pkv__sha256_free(sha256);
    pkv__free(bytes);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    must(pkv__archive_create(argv[1], &error));
    for (uint64_t sequence = 1; sequence <= 2; sequence++) {
        struct pkv__segment_name name = {.start_ns = 1795003200000000000, .sequence = sequence};
        struct pkv__segment_writer *writer = write_segment(argv[1], argv[2], sequence);
        char relative[PKV__SEGMENT_PATH_TEXT], path[512];
        pkv__segment_path(relative, &name, sequence == 2);
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], relative);
        (void)puts(path);
        if (sequence == 1) {
            must(pkv__segment_writer_seal(writer, &error));
            chain(argv[1], relative, path);
        }
        pkv__segment_writer_free(writer);
    }
    return 0;
}
