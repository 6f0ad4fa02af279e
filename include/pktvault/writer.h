/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_WRITER_H
#define PKTVAULT_WRITER_H

#include <pktvault/options.h>
#include <pktvault/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes packets into an archive without a loop: for imports and batch programs. Takes a free lane
 * from 1000 up. One thread at a time; every call may block on the disk. */
typedef struct pkv_writer pkv_writer;

/* Opens or creates the archive. `origin` (NULL: none) is a line kept in each segment that says
 * where the packets come from. Errors: PKV_E_SYSTEM, PKV_E_LIMIT no free lane, PKV_E_MEMORY. */
PKV_API int pkv_writer_open(pkv_writer **writer, const char *directory, const char *origin,
                            const pkv_options *options, pkv_error *error);

/* 0 and the id to be used in pkv_packet.interface_id. The description is copied. Errors:
 * PKV_E_LIMIT too many interfaces or options, PKV_E_MEMORY. */
PKV_API int pkv_writer_add_interface(pkv_writer *writer, uint32_t *interface_id,
                                     const pkv_interface *description, pkv_error *error);

/* Copies a packet. Errors: PKV_E_SYSTEM (the disk), PKV_E_LIMIT too long, PKV_E_INVALID no such
 * interface, PKV_E_MEMORY. */
PKV_API int pkv_writer_append(pkv_writer *writer, const pkv_packet *packet, pkv_error *error);

/* Seals and frees, also when it fails. Errors: PKV_E_SYSTEM: what could not be stored is lost. */
PKV_API int pkv_writer_close(pkv_writer *writer, pkv_error *error);

/* Importing a capture file: pcap (µs, ns, both byte orders), pcapng, and either compressed with
 * gzip, LZ4 or zstd. */
typedef struct pkv_import_report {
    uint64_t packets, bytes; /* taken */
    uint64_t without_time;   /* Simple Packet Blocks: stored with time 0 */
    uint64_t skipped_blocks; /* pcapng blocks that hold no packet, interface or statistics */
    uint64_t file_bytes;     /* read */
    int64_t first_ns, last_ns;
    int64_t broken_at; /* -1: the file was whole; else the offset (uncompressed) where it stops to
                          be readable */
    char broken[200];  /* why, for a person */
    unsigned segments;
} pkv_import_report;

enum { PKV_IMPORT_AGAIN = 1 }; /* take the file even if the archive has it */

/* Imports one file ("-": standard input) into sealed segments; indexing is the indexer's work:
 * pkv_index_wait. 0: done, also where the file was broken (report->broken_at); everything before
 * the break is stored. Errors: PKV_E_EXISTS the archive has this file (by content), PKV_E_BUSY
 * another process imports it, PKV_E_FORMAT not a capture file at all, PKV_E_UNSUPPORTED,
 * PKV_E_NOT_FOUND, PKV_E_LIMIT no free lane, PKV_E_SYSTEM, PKV_E_MEMORY, PKV_E_CANCELED; *report
 * then says how far it came. `progress` counts bytes of the file as it is stored. */
PKV_API int pkv_import_file(const char *directory, const char *path, unsigned flags,
                            const pkv_options *options, pkv_progress_fn *progress, void *context,
                            pkv_import_report *report, pkv_error *error);

#ifdef __cplusplus
}
#endif
#endif
