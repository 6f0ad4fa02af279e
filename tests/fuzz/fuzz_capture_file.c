/* SPDX-License-Identifier: BSD-2-Clause */
/* A capture file of any form, plain or compressed, is read to its end or its break; what is given
 * can be stored and reads back the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/capture_file.h"
#include "archive/pcapng.h"
#include "base/buffer.h"
#include "base/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_packet(const pkv_packet *packet, uint32_t interfaces, struct pkv__buffer *raw)
{
    struct pkv__pcapng_block block;
    pkv_packet read;
    size_t offset = 0;
    require(packet->captured_bytes <= PKV__PACKET_MAX_BYTES);
    require(packet->interface_id < interfaces);
    pkv__buffer_clear(raw);
    pkv__pcapng_put_packet(raw, packet);
    require(raw->length == pkv__pcapng_packet_bytes(packet));
    require(raw->length <= PKV__BLOCK_MAX_BYTES);
    require(pkv__pcapng_next(raw->data, raw->length, &offset, &block) == 1);
    require(pkv__pcapng_get_packet(&block, &read) == 0);
    require(read.time_ns == packet->time_ns && read.captured_bytes == packet->captured_bytes &&
            read.original_bytes == packet->original_bytes);
    require(memcmp(read.data, packet->data, read.captured_bytes) == 0);
    require(read.options_bytes == packet->options_bytes ||
            packet->options_bytes > PKV__PACKET_OPTIONS_MAX_BYTES);
    if (read.options_bytes)
        require(memcmp(read.options, packet->options, read.options_bytes) == 0);
}

static void check_interface(const pkv_interface *view, struct pkv__buffer *raw)
{
    struct pkv__pcapng_block block;
    struct pkv__interface read;
    size_t offset = 0;
    pkv__buffer_clear(raw);
    pkv__pcapng_put_interface(raw, view);
    require(pkv__pcapng_next(raw->data, raw->length, &offset, &block) == 1);
    require(pkv__pcapng_get_interface(&block, &read) == 0);
    require(view->options_bytes > PKV__INTERFACE_OPTIONS_MAX_BYTES ||
            pkv__interface_equal(&read.view, view));
    pkv__interface_deinit(&read);
}

static void read_items(struct pkv__capture_file *file)
{
    struct pkv__capture_item item;
    struct pkv__buffer raw = {.length = 0};
    pkv_error error;
    uint32_t interfaces = 0;
    int rc;
    while ((rc = pkv__capture_file_next(file, &item, &error)) > 0) {
        if (rc == PKV__CAPTURE_PACKET)
            check_packet(&item.packet, interfaces, &raw);
        if (rc == PKV__CAPTURE_INTERFACE) {
            require(item.interface_id == interfaces++);
            check_interface(&item.interface_, &raw);
        }
        if (rc == PKV__CAPTURE_COMMENT)
            require(item.comment_length <= UINT16_MAX);
        if (rc == PKV__CAPTURE_STATISTICS)
            require(item.interface_id < interfaces);
    }
    require(rc == 0 || (error.code == rc && error.text[0]));
    require(pkv__capture_file_next(file, &item, NULL) == rc);
    pkv__buffer_deinit(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct pkv__capture_file *file = NULL;
    pkv_error error;
    int fd = memfd_create("capture", 0);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (pkv__capture_file_open(&file, path, &error) == 0)
        read_items(file);
    else
        require(error.text[0]);
    pkv__capture_file_free(file);
    (void)close(fd);
    return 0;
}
