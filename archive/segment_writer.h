/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes one segment file: frame header, compressed blocks in order, end mark, seal. Knows nothing
 * of packets: blocks come as pkv__lz4_encode made them, on any thread. Every call may block on the
 * disk. */
#ifndef PKV_ARCHIVE_SEGMENT_WRITER_H
#define PKV_ARCHIVE_SEGMENT_WRITER_H

#include <sys/uio.h>

#include "archive/directory.h"

struct pkv__segment_writer;

/* Creates and locks the ".open" file, which has its name once the frame header and `head`, its
 * first block (NULL: none), are synced. Makes the day's directories. On failure there is no such
 * file. */
int pkv__segment_writer_open(struct pkv__segment_writer **writer, const char *directory,
                             const struct pkv__segment_name *name, const uint8_t *head,
                             size_t length, pkv_error *error);

/* Appends a block as pkv__lz4_encode made it. After a failure the file is cut back to the last
 * whole block (as soon as that is possible) and the next write may be tried. */
int pkv__segment_writer_write(struct pkv__segment_writer *writer, const uint8_t *block,
                              size_t length, pkv_error *error);
/* Likewise several blocks: all, or none of them. Changes what it is given. */
int pkv__segment_writer_write_blocks(struct pkv__segment_writer *writer, struct iovec *blocks,
                                     int count, pkv_error *error);
int64_t pkv__segment_writer_bytes(const struct pkv__segment_writer *writer);

/* After a failure with bytes that are not synced, nothing but cut() is of use: the kernel may have
 * dropped them, and another sync would not say so. */
int pkv__segment_writer_sync(struct pkv__segment_writer *writer, pkv_error *error);
int64_t pkv__segment_writer_unsynced_bytes(const struct pkv__segment_writer *writer);
/* Cuts the file back to what is synced. */
int pkv__segment_writer_cut(struct pkv__segment_writer *writer, pkv_error *error);

/* End mark, fsync, rename without ".open", fsync of the directory. On failure the file stays open
 * for another try. */
int pkv__segment_writer_seal(struct pkv__segment_writer *writer, pkv_error *error);
/* Closes; a file that was not sealed stays ".open" for recovery. NULL is fine; returns NULL. */
struct pkv__segment_writer *pkv__segment_writer_free(struct pkv__segment_writer *writer);

#endif
