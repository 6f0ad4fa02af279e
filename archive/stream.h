/* SPDX-License-Identifier: BSD-2-Clause */
/* The uncompressed bytes of a file or standard input, in order, in a window that slides. */
#ifndef PKV_ARCHIVE_STREAM_H
#define PKV_ARCHIVE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__inflate_form;

struct pkv__stream {
    const uint8_t *at, *end; /* of the window: what pkv__stream_need made available */
    uint64_t offset;         /* of `at` in the uncompressed bytes */
    /* Private. */
    int fd;
    bool owns_fd;
    bool ended; /* nothing comes behind `end`: the end of the file, or where it cannot be read on */
    char *path;
    uint8_t *window;
    size_t window_capacity;
    const struct pkv__inflate_form *form; /* NULL: not compressed */
    void *state;
    uint8_t *stored;
    size_t stored_at, stored_end;
    bool stored_ended, between_frames;
    uint64_t stored_bytes;     /* read from the file */
    struct pkv__hash128 *hash; /* of them */
    int failure;               /* why it ended, if not by the end of the file */
    pkv_error failure_text;
};

/* path "-": standard input. Errors: PKV_E_NOT_FOUND, PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__stream_open(struct pkv__stream **stream, const char *path, pkv_error *error);
struct pkv__stream *pkv__stream_free(struct pkv__stream *stream); /* NULL is fine; returns NULL */

/* Slides the window so that at least `length` bytes (the caller bounds it) stand at `at`: fewer
 * only where the stream ends. Pointers into the window become invalid. */
void pkv__stream_fill(struct pkv__stream *stream, size_t length);

/* The bytes that stand at stream->at: at least `length`, or all that are left. */
static inline size_t pkv__stream_need(struct pkv__stream *stream, size_t length)
{
    if ((size_t)(stream->end - stream->at) < length)
        pkv__stream_fill(stream, length);
    return (size_t)(stream->end - stream->at);
}

/* Consumes bytes that stand in the window. */
static inline void pkv__stream_skip(struct pkv__stream *stream, size_t length)
{
    stream->at += length;
    stream->offset += length;
}

/* Consumes any number of bytes. False: the stream ends before. */
bool pkv__stream_skip_far(struct pkv__stream *stream, uint64_t length);

/* The XXH3-128 of the file's bytes, as they are stored, in hex: what has not been read is read now,
 * and the stream is over. PKV_E_SYSTEM. */
int pkv__stream_content(struct pkv__stream *stream, char hex[33], pkv_error *error);

/* Why fewer bytes came than were needed: 0 the file ended; else the failure, with *error filled in.
 */
int pkv__stream_failure(const struct pkv__stream *stream, pkv_error *error);

#endif
