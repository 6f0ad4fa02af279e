/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/loss_journal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"

#define RECORD_BYTES 128u
#define FILE_BYTES ((size_t)PKV__LOSS_RECORDS * RECORD_BYTES)
#define FIELD_BYTES 64u
#define READS_MAX 3 /* a record that is being written looks damaged for a moment */

struct pkv__loss_journal {
    int fd;
    char *path;
    uint8_t image[FILE_BYTES]; /* what the file holds */
};

bool pkv__loss_record_is_of(const struct pkv__loss_record *record,
                            const struct pkv__segment_name *name)
{
    return record->sequence == name->sequence && record->start_ns == name->start_ns;
}

bool pkv__loss_record_is_told(const struct pkv__loss_record *record,
                              const struct pkv__statistics *told)
{
    return record->kernel <= told->lost_kernel && record->buffer <= told->lost_buffer &&
           record->disk <= told->lost_disk && record->refused <= told->refused;
}

static void raise_to(uint64_t *counter, uint64_t value)
{
    if (value > *counter)
        *counter = value;
}

void pkv__loss_record_add(const struct pkv__loss_record *record, struct pkv__statistics *to)
{
    raise_to(&to->lost_kernel, record->kernel);
    raise_to(&to->lost_buffer, record->buffer);
    raise_to(&to->lost_disk, record->disk);
    raise_to(&to->refused, record->refused);
}

static uint8_t *put_u64le(uint8_t *to, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> 8 * i);
    return to + 8;
}

/* The fields and their XXH3; the rest stays zero. */
static void encode(uint8_t *bytes, const struct pkv__loss_record *record)
{
    uint8_t *to = put_u64le(bytes, record->sequence);
    to = put_u64le(to, (uint64_t)record->start_ns);
    to = put_u64le(to, (uint64_t)record->from_ns);
    to = put_u64le(to, (uint64_t)record->until_ns);
    to = put_u64le(to, record->kernel);
    to = put_u64le(to, record->buffer);
    to = put_u64le(to, record->disk);
    to = put_u64le(to, record->refused);
    (void)put_u64le(to, pkv__hash64(bytes, FIELD_BYTES));
}

static bool decode(struct pkv__loss_record *record, const uint8_t *bytes)
{
    struct pkv__cursor c = pkv__cursor(bytes, RECORD_BYTES);
    record->sequence = pkv__cursor_u64le(&c);
    record->start_ns = (int64_t)pkv__cursor_u64le(&c);
    record->from_ns = (int64_t)pkv__cursor_u64le(&c);
    record->until_ns = (int64_t)pkv__cursor_u64le(&c);
    record->kernel = pkv__cursor_u64le(&c);
    record->buffer = pkv__cursor_u64le(&c);
    record->disk = pkv__cursor_u64le(&c);
    record->refused = pkv__cursor_u64le(&c);
    return pkv__cursor_u64le(&c) == pkv__hash64(bytes, FIELD_BYTES);
}

static bool is_empty(const uint8_t *bytes)
{
    static const uint8_t zeros[RECORD_BYTES];
    return memcmp(bytes, zeros, RECORD_BYTES) == 0;
}

/* The records of an image; false where one is damaged, which is left out. */
static bool decode_all(const uint8_t *image, size_t length, struct pkv__loss_record *records,
                       size_t *count)
{
    bool whole = true;
    *count = 0;
    for (size_t at = 0; at + RECORD_BYTES <= length; at += RECORD_BYTES) {
        if (is_empty(image + at))
            continue;
        if (decode(&records[*count], image + at))
            ++*count;
        else
            whole = false;
    }
    return whole;
}

static char *path_of(const char *directory, uint32_t lane)
{
    return pkv__printf("%s/locks/lane-%" PRIu32 ".losses", directory, lane);
}

int pkv__loss_journal_read(const char *directory, uint32_t lane, struct pkv__loss_record *records,
                           size_t *count, pkv_error *error)
{
    uint8_t image[FILE_BYTES];
    *count = 0;
    char *path PKV__AUTO_FREE = path_of(directory, lane);
    if (!path)
        return pkv__error_memory(error);
    int fd PKV__AUTO_CLOSE = pkv__file_open(path, O_RDONLY, error);
    if (fd < 0)
        return fd == PKV_E_NOT_FOUND ? 0 : fd;
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t got = pkv__file_read_at(fd, image, sizeof image, 0, path, error);
        if (got < 0)
            return (int)got;
        if (decode_all(image, (size_t)got, records, count))
            break;
    }
    return 0;
}

struct pkv__loss_journal *pkv__loss_journal_free(struct pkv__loss_journal *journal)
{
    if (!journal)
        return NULL;
    pkv__file_close(journal->fd);
    pkv__free(journal->path);
    pkv__free(journal);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__loss_journal, pkv__loss_journal_free);

/* Zeros that are written take their place on the disk now. */
static int load(struct pkv__loss_journal *journal, const char *directory, pkv_error *error)
{
    ssize_t got =
        pkv__file_read_at(journal->fd, journal->image, FILE_BYTES, 0, journal->path, error);
    if (got < 0)
        return (int)got;
    if ((size_t)got == FILE_BYTES)
        return 0;
    int rc = pkv__file_write_at(journal->fd, journal->image + got, FILE_BYTES - (size_t)got, got,
                                journal->path, error);
    if (rc == 0)
        rc = pkv__file_sync(journal->fd, journal->path, error);
    return rc < 0 ? rc : pkv__archive_sync_names(directory, journal->path, error);
}

int pkv__loss_journal_open(struct pkv__loss_journal **journal, const char *directory, uint32_t lane,
                           pkv_error *error)
{
    struct pkv__loss_journal *made PKV__AUTO(pkv__loss_journal_free) =
        pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    made->path = path_of(directory, lane);
    if (!made->path)
        return pkv__error_memory(error);
    made->fd = pkv__file_open(made->path, O_RDWR | O_CREAT, error);
    if (made->fd < 0)
        return made->fd;
    int rc = load(made, directory, error);
    if (rc < 0)
        return rc;
    *journal = PKV__STEAL(made);
    return 0;
}

/* Whole records, from the first that differs to the last. */
static int write_changes(struct pkv__loss_journal *journal, const uint8_t *image, pkv_error *error)
{
    size_t first = 0, end = FILE_BYTES;
    while (first < end && memcmp(journal->image + first, image + first, RECORD_BYTES) == 0)
        first += RECORD_BYTES;
    while (first < end && memcmp(journal->image + end - RECORD_BYTES, image + end - RECORD_BYTES,
                                 RECORD_BYTES) == 0)
        end -= RECORD_BYTES;
    if (first == end)
        return 0;
    int rc = pkv__file_write_at(journal->fd, image + first, end - first, (int64_t)first,
                                journal->path, error);
    if (rc == 0)
        memcpy(journal->image + first, image + first, end - first);
    else
        memset(journal->image + first, 0xff, end - first); /* unknown: written with the next */
    return rc;
}

/* Without allocating: memory may be what the packets were lost for. */
int pkv__loss_journal_put(struct pkv__loss_journal *journal, const struct pkv__loss_record *records,
                          size_t count, pkv_error *error)
{
    uint8_t image[FILE_BYTES] = {0};
    for (size_t i = 0; i < count && i < PKV__LOSS_RECORDS; i++)
        encode(image + i * RECORD_BYTES, &records[i]);
    return write_changes(journal, image, error);
}

int pkv__loss_journal_sync(struct pkv__loss_journal *journal, pkv_error *error)
{
    return pkv__file_sync(journal->fd, journal->path, error);
}
