/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/segment_reader.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "base/cursor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

#define SIZE_WORD_BYTES 4u
#define LONGEST_BLOCK (PKV__BLOCK_MAX_BYTES + PKV__LZ4_OVERHEAD_BYTES)

struct pkv__segment_reader {
    int fd;
    char *path;
    bool sealed;   /* by its name: then the end mark must come, and nothing behind it */
    bool headed;   /* the frame header was read */
    bool finished; /* the end mark was read, or nothing behind `offset` can be read */
    bool at_end;
    int64_t offset;   /* where next() goes on */
    int64_t good;     /* behind the last good block */
    int64_t reported; /* the offset of the last error, which is told once */
    /* A part of the file: `ahead_bytes` from `ahead_offset` on. */
    uint8_t *ahead;
    size_t ahead_capacity, ahead_bytes;
    int64_t ahead_offset;
    uint8_t *raw;
};

struct pkv__segment_reader *pkv__segment_reader_free(struct pkv__segment_reader *reader)
{
    if (!reader)
        return NULL;
    pkv__file_close(reader->fd);
    pkv__free(reader->path);
    pkv__free(reader->ahead);
    pkv__free(reader->raw);
    pkv__free(reader);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__segment_reader, pkv__segment_reader_free);

/* Makes the bytes from `offset` on stand in the buffer: `wanted` where the file has them, and up to
 * `more` with them. The number that stand there, or negative. */
static int64_t fill(struct pkv__segment_reader *r, int64_t offset, size_t wanted, size_t more,
                    pkv_error *error)
{
    int64_t skip = offset - r->ahead_offset;
    bool inside = skip >= 0 && skip <= (int64_t)r->ahead_bytes;
    size_t kept = inside ? r->ahead_bytes - (size_t)skip : 0;
    if (kept >= wanted)
        return (int64_t)kept;

    size_t length = more > wanted ? more : wanted;
    if (kept)
        memmove(r->ahead, r->ahead + skip, kept);
    r->ahead_offset = offset;
    r->ahead_bytes = kept;
    if (length > r->ahead_capacity && pkv__grow(&r->ahead, &r->ahead_capacity, length, 1) < 0)
        return pkv__error_memory(error);
    ssize_t got = pkv__file_read_at(r->fd, r->ahead + kept, length - kept, offset + (int64_t)kept,
                                    r->path, error);
    if (got < 0)
        return got;
    r->ahead_bytes += (size_t)got;
    return (int64_t)r->ahead_bytes;
}

/* The bytes at `offset`, after fill(). */
static struct pkv__cursor buffered(const struct pkv__segment_reader *r, int64_t offset)
{
    size_t skip = (size_t)(offset - r->ahead_offset);
    return pkv__cursor(r->ahead + skip, r->ahead_bytes - skip);
}

/* 1: it is there; 0: an open file that has none yet. */
static int read_header(struct pkv__segment_reader *r, pkv_error *error)
{
    uint8_t header[PKV__LZ4_HEADER_BYTES];
    ssize_t got = pkv__file_read_at(r->fd, header, sizeof header, 0, r->path, error);
    if (got < 0)
        return (int)got;
    if (got < (ssize_t)sizeof header && !r->sealed)
        return 0;
    if (got < (ssize_t)sizeof header || !pkv__lz4_header_is_ours(header))
        return pkv__error(error, PKV_E_FORMAT, 0,
                          "%s: does not begin with the LZ4 frame header of a segment", r->path);
    r->headed = true;
    r->offset = r->good = sizeof header;
    r->reported = -1;
    return 1;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), end = strlen(suffix);
    return length >= end && strcmp(text + length - end, suffix) == 0;
}

int pkv__segment_reader_open(struct pkv__segment_reader **reader, const char *path,
                             pkv_error *error)
{
    struct pkv__segment_reader *made PKV__AUTO(pkv__segment_reader_free) =
        pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    made->sealed = !has_suffix(path, PKV__OPEN_SUFFIX);
    made->path = pkv__strdup(path);
    made->raw = pkv__alloc(PKV__BLOCK_MAX_BYTES);
    if (!made->path || !made->raw)
        return pkv__error_memory(error);
    made->fd = pkv__file_open(path, O_RDONLY, error);
    if (made->fd < 0)
        return made->fd;
    int rc = read_header(made, error);
    if (rc < 0)
        return rc;
    *reader = PKV__STEAL(made);
    return 0;
}

static int corrupt(struct pkv__segment_reader *r, int64_t offset, const char *why, pkv_error *error)
{
    r->reported = offset;
    return pkv__error(error, PKV_E_FORMAT, offset, "%s: block at byte %" PRId64 ": %s", r->path,
                      offset, why);
}

/* Nothing here yet: what stands behind `offset` in an open file may still be cut off and written
 * anew. */
static int wait(struct pkv__segment_reader *r)
{
    r->ahead_bytes = 0;
    return 0;
}

/* No size word, or one of zero. */
static int stop(struct pkv__segment_reader *r, bool zero, pkv_error *error)
{
    int64_t size = pkv__file_size(r->fd, r->path, error);
    if (size < 0)
        return (int)size;
    if (zero && size == r->offset + SIZE_WORD_BYTES) {
        r->at_end = r->finished = r->sealed || !pkv__file_exists(r->path);
        return wait(r);
    }
    if (!r->sealed)
        return wait(r);
    r->finished = true;
    return corrupt(r, r->offset,
                   zero ? "an end mark that is not at the end of the file"
                        : "the file ends here, without an end mark",
                   error);
}

/* A block that cannot be decoded: next() goes on behind it if a size word or end mark can stand
 * there. */
static int pass_over(struct pkv__segment_reader *r, int64_t offset, uint32_t length,
                     pkv_error *error)
{
    int64_t left = fill(r, offset, length + SIZE_WORD_BYTES, 0, NULL);
    bool uncompressed;
    uint32_t stored;
    if (left >= (int64_t)length + SIZE_WORD_BYTES) {
        struct pkv__cursor c = buffered(r, offset);
        pkv__cursor_skip(&c, length);
        uint32_t word = pkv__cursor_u32le(&c);
        r->finished = word != 0 && !pkv__lz4_size_word(word, &stored, &uncompressed);
        if (!r->finished)
            r->offset = offset + length;
    }
    return corrupt(r, offset, "its checksum or content is wrong", error);
}

/* The checksum does not cover the bit that says whether a block is compressed: whole pcapng blocks
 * must come out. */
static bool holds_pcapng(const uint8_t *raw, uint32_t length)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    int rc;
    while ((rc = pkv__pcapng_next(raw, length, &offset, &block)) > 0)
        continue;
    return rc == 0;
}

static int decode(struct pkv__segment_reader *r, int64_t offset, uint32_t length,
                  struct pkv__raw_block *block)
{
    struct pkv__cursor c = buffered(r, offset);
    const uint8_t *stored = pkv__cursor_take(&c, length);
    int raw = stored ? pkv__lz4_decode(r->raw, stored, length, true) : PKV_E_FORMAT;
    if (raw < 0 || !holds_pcapng(r->raw, (uint32_t)raw))
        return PKV_E_FORMAT;
    *block = (struct pkv__raw_block){offset, length, (uint32_t)raw, r->raw, stored};
    return 0;
}

/* A block of `length` bytes at the current offset. */
static int next_block(struct pkv__segment_reader *r, uint32_t length, struct pkv__raw_block *block,
                      pkv_error *error)
{
    /* The second time from the file: a part of the block may have been read while it was being
     * written. */
    for (unsigned tries = 0; tries < 2; tries++, r->ahead_bytes = 0) {
        int64_t left = fill(r, r->offset, length, PKV__READ_AHEAD_BYTES, error);
        if (left < 0)
            return (int)left;
        if (left < (int64_t)length && !r->sealed)
            return wait(r);
        if (left < (int64_t)length) {
            r->finished = true;
            return corrupt(r, r->offset, "the file ends within it", error);
        }
        if (decode(r, r->offset, length, block) == 0) {
            r->offset += length;
            r->good = r->offset;
            return 1;
        }
    }
    if (r->reported == r->offset)
        return wait(r);
    return pass_over(r, r->offset, length, error);
}

int pkv__segment_reader_next(struct pkv__segment_reader *reader, struct pkv__raw_block *block,
                             pkv_error *error)
{
    struct pkv__segment_reader *r = reader;
    int rc = r->headed ? 1 : read_header(r, error);
    if (rc <= 0 || r->finished)
        return rc < 0 ? rc : 0;
    int64_t left = fill(r, r->offset, SIZE_WORD_BYTES, PKV__READ_AHEAD_BYTES, error);
    if (left < 0)
        return (int)left;
    struct pkv__cursor c = buffered(r, r->offset);
    uint32_t word = pkv__cursor_u32le(&c), stored;
    bool uncompressed;
    if (c.failed || word == 0)
        return stop(r, !c.failed, error);
    if (!pkv__lz4_size_word(word, &stored, &uncompressed)) {
        r->finished = r->sealed;
        if (r->reported == r->offset)
            return wait(r);
        return corrupt(r, r->offset, "its size cannot be; what follows cannot be found", error);
    }
    return next_block(r, stored + PKV__LZ4_OVERHEAD_BYTES, block, error);
}

int pkv__segment_reader_at(struct pkv__segment_reader *reader, int64_t offset,
                           uint32_t stored_bytes, struct pkv__raw_block *block, pkv_error *error)
{
    if (offset < (int64_t)PKV__LZ4_HEADER_BYTES || stored_bytes < PKV__LZ4_OVERHEAD_BYTES ||
        stored_bytes > LONGEST_BLOCK)
        return corrupt(reader, offset, "no block can be there", error);
    int64_t left = fill(reader, offset, stored_bytes, 0, error);
    if (left < 0)
        return (int)left;
    if (left < (int64_t)stored_bytes)
        return corrupt(reader, offset, "the file ends within it", error);
    if (decode(reader, offset, stored_bytes, block) < 0)
        return corrupt(reader, offset, "its size, checksum or content is wrong", error);
    return 0;
}

void pkv__segment_reader_pass(struct pkv__segment_reader *reader, uint32_t stored_bytes)
{
    reader->offset += stored_bytes;
    reader->good = reader->offset;
}

bool pkv__segment_reader_at_end(const struct pkv__segment_reader *reader)
{
    return reader->at_end;
}

int64_t pkv__segment_reader_offset(const struct pkv__segment_reader *reader)
{
    return reader->good;
}
