/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads capture files of others: pcap (µs, ns, both byte orders, "modified"), pcapng (every byte
 * order, resolution, many interfaces and sections), plain or in gzip, LZ4 frames or zstd. */
#ifndef PKV_ARCHIVE_CAPTURE_FILE_H
#define PKV_ARCHIVE_CAPTURE_FILE_H

#include <stdbool.h>

#include <pktvault/packet.h>

struct pkv__capture_file;

/* path "-": standard input. Errors: PKV_E_SYSTEM, PKV_E_NOT_FOUND, PKV_E_FORMAT (not a capture
 * file; the text names what it looks like), PKV_E_UNSUPPORTED (a pcap version, snoop …). */
int pkv__capture_file_open(struct pkv__capture_file **file, const char *path, pkv_error *error);

/* What next() met. */
enum {
    PKV__CAPTURE_PACKET = 1,
    PKV__CAPTURE_INTERFACE = 2, /* a new interface: numbered on from the last, over all sections */
    PKV__CAPTURE_STATISTICS =
        3,                   /* interface statistics: not kept; its counters are other programs' */
    PKV__CAPTURE_COMMENT = 4 /* of a section: *comment */
};
struct pkv__capture_item {
    pkv_packet packet; /* interface_id as numbered; options re-encoded little endian; times in ns */
    bool without_time; /* Simple Packet Block */
    uint32_t interface_id;
    pkv_interface interface_;
    const char *comment;
    size_t comment_length;
};

/* 1…4 as above (views valid until the next call), 0 at a clean end, PKV_E_FORMAT where the file is
 * broken (error->offset: in the uncompressed bytes), PKV_E_SYSTEM. */
int pkv__capture_file_next(struct pkv__capture_file *file, struct pkv__capture_item *item,
                           pkv_error *error);
uint64_t
pkv__capture_file_bytes_read(const struct pkv__capture_file *file); /* of the file as stored */
uint64_t
pkv__capture_file_skipped(const struct pkv__capture_file *file); /* blocks of other types */
/* The XXH3-128 of the whole file as it is stored, in hex: reads the rest of it, and nothing comes
 * any more. PKV_E_SYSTEM. */
int pkv__capture_file_content(struct pkv__capture_file *file, char hex[33], pkv_error *error);
struct pkv__capture_file *pkv__capture_file_free(struct pkv__capture_file *file);

#endif
