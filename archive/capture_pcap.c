/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap files: draft-ietf-opsawg-pcap, and the older forms that libpcap reads. */
#include "archive/capture_internal.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"

#define PCAP_NANOSECONDS 0xa1b23c4du
#define PCAP_MODIFIED 0xa1b2cd34u
#define FILE_HEADER_BYTES 24u
#define RECORD_HEADER_BYTES 16u
#define MODIFIED_HEADER_BYTES 24u /* interface index, protocol and packet type behind it */
#define LINK_TYPE_MASK 0xffffu    /* above: the length of the frame check sequence */

/* Versions up to 2.2 and DG/UX's 543.0 have the two lengths the other way round, 2.3 now and then.
 */
static bool set_version(struct pkv__capture_pcap *pcap, uint16_t major, uint16_t minor)
{
    if (major == 543 && minor == 0)
        pcap->lengths = PKV__LENGTHS_SWAPPED;
    else if (major == 2 && minor <= 4)
        pcap->lengths = minor < 3    ? PKV__LENGTHS_SWAPPED
                        : minor == 3 ? PKV__LENGTHS_MAYBE_SWAPPED
                                     : PKV__LENGTHS_RIGHT;
    else
        return false;
    return true;
}

static uint64_t record_time(const struct pkv__capture_file *file, uint32_t seconds,
                            uint32_t fraction)
{
    /* A fraction of a second or more is carried. 2^32 of each still fit. */
    return (uint64_t)seconds * (uint64_t)PKV__NS_PER_S +
           (uint64_t)fraction * file->pcap.fraction_ns;
}

static void set_lengths(const struct pkv__capture_file *file, pkv_packet *packet)
{
    bool swap = file->pcap.lengths == PKV__LENGTHS_SWAPPED ||
                (file->pcap.lengths == PKV__LENGTHS_MAYBE_SWAPPED &&
                 packet->captured_bytes > packet->original_bytes);
    if (!swap)
        return;
    uint32_t captured = packet->captured_bytes;
    packet->captured_bytes = packet->original_bytes;
    packet->original_bytes = captured;
}

static int give_interface(struct pkv__capture_file *file, struct pkv__capture_item *item)
{
    file->pcap.interface_given = true;
    *item = (struct pkv__capture_item){.interface_ = file->pcap.interface_};
    return PKV__CAPTURE_INTERFACE;
}

static int next(struct pkv__capture_file *file, struct pkv__capture_item *item, pkv_error *error)
{
    uint32_t header_bytes = file->pcap.record_header_bytes;
    if (!file->pcap.interface_given)
        return give_interface(file, item);
    size_t there = pkv__stream_need(file->stream, header_bytes);
    if (there == 0 && !file->stream->failure)
        return 0;
    if (there < header_bytes)
        return pkv__capture_broken(
            file, error, "the file ends within the header of packet %" PRIu64, file->packets + 1);

    struct pkv__cursor c = pkv__cursor(file->stream->at, header_bytes);
    uint32_t seconds = pkv__capture_u32(file, &c), fraction = pkv__capture_u32(file, &c);
    pkv_packet packet = {.time_ns = (int64_t)record_time(file, seconds, fraction)};
    packet.captured_bytes = pkv__capture_u32(file, &c);
    packet.original_bytes = pkv__capture_u32(file, &c);
    set_lengths(file, &packet);
    if (packet.captured_bytes > PKV__PACKET_MAX_BYTES)
        return pkv__capture_broken(file, error,
                                   "packet %" PRIu64 " is said to have %" PRIu32
                                   " bytes; more than %u cannot be",
                                   file->packets + 1, packet.captured_bytes, PKV__PACKET_MAX_BYTES);
    size_t all = header_bytes + packet.captured_bytes;
    if (pkv__stream_need(file->stream, all) < all)
        return pkv__capture_broken(file, error, "the file ends within packet %" PRIu64,
                                   file->packets + 1);
    packet.data = file->stream->at + header_bytes;
    pkv__stream_skip(file->stream, all);
    file->packets++;
    item->packet = packet;
    item->without_time = false;
    return PKV__CAPTURE_PACKET;
}

int pkv__capture_open_pcap(struct pkv__capture_file *file, uint32_t magic, pkv_error *error)
{
    struct pkv__capture_pcap *pcap = &file->pcap;
    if (pkv__stream_need(file->stream, FILE_HEADER_BYTES) < FILE_HEADER_BYTES)
        return pkv__capture_broken(file, error, "the file ends within the pcap header");
    struct pkv__cursor c = pkv__cursor(file->stream->at, FILE_HEADER_BYTES);
    pkv__cursor_skip(&c, 4);
    uint16_t major = pkv__capture_u16(file, &c), minor = pkv__capture_u16(file, &c);
    pkv__cursor_skip(&c, 8); /* time zone and accuracy: always written as 0, and never read */
    pcap->interface_.snap_length = pkv__capture_u32(file, &c);
    pcap->interface_.link_type = (uint16_t)(pkv__capture_u32(file, &c) & LINK_TYPE_MASK);
    if (!set_version(pcap, major, minor))
        return pkv__error(
            error, PKV_E_UNSUPPORTED, 4,
            "%s: pcap version %u.%u, of which pktvault knows nothing; it reads 2.0 to "
            "2.4",
            file->path, major, minor);
    pcap->fraction_ns = magic == PCAP_NANOSECONDS ? 1 : 1000;
    pcap->record_header_bytes =
        magic == PCAP_MODIFIED ? MODIFIED_HEADER_BYTES : RECORD_HEADER_BYTES;
    pkv__stream_skip(file->stream, FILE_HEADER_BYTES);
    file->interface_count = 1;
    file->next = next;
    return 0;
}
