/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints what archive/capture_file reads from a file, a line an item, for comparison with other
 * programs: interface ID LINKTYPE SNAPLEN NAME packet ID SECONDS.NANOSECONDS ORIGINAL CAPTURED
 * HEX-OF-DATA [OPTIONS] and at the end "end", or "broken CODE OFFSET TEXT". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/capture_file.h"

static void print_hex(const uint8_t *data, size_t length)
{
    (void)putchar(' ');
    for (size_t i = 0; i < length; i++)
        (void)printf("%02x", data[i]);
}

static void print_packet(const pkv_packet *packet)
{
    int64_t seconds = packet->time_ns / 1000000000, rest = packet->time_ns % 1000000000;
    if (rest < 0) {
        seconds--;
        rest += 1000000000;
    }
    (void)printf("packet %" PRIu32 " %" PRId64 ".%09" PRId64 " %" PRIu32 " %" PRIu32,
                 packet->interface_id, seconds, rest, packet->original_bytes,
                 packet->captured_bytes);
    print_hex(packet->data, packet->captured_bytes);
    print_hex(packet->options, packet->options_bytes);
    (void)putchar('\n');
}

static void print_item(int kind, const struct pkv__capture_item *item)
{
    const pkv_interface *view = &item->interface_;
    if (kind == PKV__CAPTURE_PACKET)
        print_packet(&item->packet);
    else if (kind == PKV__CAPTURE_INTERFACE)
        (void)printf("interface %" PRIu32 " %u %" PRIu32 " %s\n", item->interface_id,
                     view->link_type, view->snap_length, view->name ? view->name : "-");
    else if (kind == PKV__CAPTURE_COMMENT)
        (void)printf("comment %.*s\n", (int)item->comment_length, item->comment);
    else
        (void)printf("statistics %" PRIu32 "\n", item->interface_id);
}

int main(int argc, char **argv)
{
    struct pkv__capture_file *file = NULL;
    struct pkv__capture_item item;
    pkv_error error;
    if (argc != 2)
        return 2;
    int rc = pkv__capture_file_open(&file, argv[1], &error);
    if (rc == 0)
        while ((rc = pkv__capture_file_next(file, &item, &error)) > 0)
            print_item(rc, &item);
    if (rc < 0)
        (void)printf("broken %d %" PRId64 " %s\n", rc, error.offset, error.text);
    else
        (void)printf("end %" PRIu64 "\n", pkv__capture_file_skipped(file));
    pkv__capture_file_free(file);
    return 0;
}
