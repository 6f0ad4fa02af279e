/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a segment, sealed or still open, block by block. Never trusts the file. */
#ifndef PKV_ARCHIVE_SEGMENT_READER_H
#define PKV_ARCHIVE_SEGMENT_READER_H

#include "archive/directory.h"

struct pkv__segment_reader;

struct pkv__raw_block {
    int64_t offset;        /* of the size word in the file */
    uint32_t stored_bytes; /* with size word and checksum */
    uint32_t raw_bytes;
    const uint8_t *raw;    /* whole pcapng blocks; valid until the next call on this reader */
    const uint8_t *stored; /* the same block as it stands in the file: for hashing */
};

/* The file's hash without a second read: the frame header (pkv__lz4_header), every block's
 * `stored`, and the end mark of PKV__LZ4_END_BYTES zeros, if no error was met and
 * pkv__segment_reader_at_end. */

/* Opens by path. Errors: PKV_E_NOT_FOUND, PKV_E_FORMAT not our frame, PKV_E_SYSTEM. An empty open
 * file (no header yet) is a segment without blocks. */
int pkv__segment_reader_open(struct pkv__segment_reader **reader, const char *path,
                             pkv_error *error);

/* The next block in file order. 1: *block; 0: no whole block (yet): the end mark, or in an open
 * file the end of what was flushed; calling again later goes on. PKV_E_FORMAT: corrupt,
 * error->offset and text name it; the next call resumes behind it where its size word leads to a
 * plausible place, else answers 0. */
int pkv__segment_reader_next(struct pkv__segment_reader *reader, struct pkv__raw_block *block,
                             pkv_error *error);

/* The block at an offset that next() once gave. 0 or PKV_E_FORMAT, PKV_E_SYSTEM. */
int pkv__segment_reader_at(struct pkv__segment_reader *reader, int64_t offset,
                           uint32_t stored_bytes, struct pkv__raw_block *block, pkv_error *error);

/* Goes on behind the next block, whose content is known already. */
void pkv__segment_reader_pass(struct pkv__segment_reader *reader, uint32_t stored_bytes);

bool pkv__segment_reader_at_end(
    const struct pkv__segment_reader *reader); /* the end mark was read */
int64_t pkv__segment_reader_offset(
    const struct pkv__segment_reader *reader); /* behind the last good block */
struct pkv__segment_reader *pkv__segment_reader_free(struct pkv__segment_reader *reader);

#endif
