/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/recovery.h"

#include <fcntl.h>
#include <string.h>

#include "archive/loss_journal.h"
#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

/* What is known of an interface of the segment. */
struct seen_interface {
    struct pkv__statistics last;
    uint64_t packets;
};

/* What the readable blocks of the file hold. */
struct survey {
    struct seen_interface *interfaces;
    size_t count, capacity;
    int64_t end;        /* of the last good block in the file; 0: none */
    int64_t last_ns;    /* latest time of a packet or of statistics */
    uint32_t last_type; /* of the last pcapng block */
};

static int add_interface(struct survey *survey, int64_t start_ns)
{
    if (survey->count >= PKV__INTERFACES_MAX)
        return 0;
    int rc = pkv__grow(&survey->interfaces, &survey->capacity, survey->count + 1,
                       sizeof *survey->interfaces);
    if (rc == 0)
        survey->interfaces[survey->count++] = (struct seen_interface){
            .last = {.time_ns = start_ns, .start_ns = start_ns, .end_ns = start_ns}};
    return rc;
}

static void see_time(struct survey *survey, int64_t time_ns)
{
    if (time_ns > survey->last_ns)
        survey->last_ns = time_ns;
}

static int see_block(struct survey *survey, const struct pkv__pcapng_block *block, int64_t start_ns)
{
    struct pkv__statistics statistics;
    pkv_packet packet;
    uint32_t id;
    survey->last_type = block->type;
    if (block->type == PKV__PCAPNG_INTERFACE)
        return add_interface(survey, start_ns);
    if (block->type == PKV__PCAPNG_PACKET && pkv__pcapng_get_packet(block, &packet) == 0) {
        see_time(survey, packet.time_ns);
        if (packet.interface_id < survey->count)
            survey->interfaces[packet.interface_id].packets++;
    }
    if (block->type == PKV__PCAPNG_STATISTICS &&
        pkv__pcapng_get_statistics(block, &id, &statistics) == 0) {
        see_time(survey, statistics.time_ns);
        if (id < survey->count)
            survey->interfaces[id].last = statistics;
    }
    return 0;
}

static int see_raw(struct survey *survey, const struct pkv__raw_block *raw, int64_t start_ns)
{
    size_t offset = 0;
    struct pkv__pcapng_block block;
    int rc = 0;
    while (rc == 0 && pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block) > 0)
        rc = see_block(survey, &block, start_ns);
    survey->end = raw->offset + raw->stored_bytes;
    return rc;
}

/* Goes over the whole file; blocks that cannot be read are passed over, as every reader does. */
static int take_survey(struct survey *survey, const char *path, int64_t start_ns, pkv_error *error)
{
    struct pkv__segment_reader *reader = NULL;
    struct pkv__raw_block raw;
    int rc = pkv__segment_reader_open(&reader, path, error);
    while (rc >= 0 || rc == PKV_E_FORMAT) {
        if (!reader)
            break;
        rc = pkv__segment_reader_next(reader, &raw, error);
        if (rc == 0)
            break;
        if (rc > 0 && see_raw(survey, &raw, start_ns) < 0)
            rc = pkv__error_memory(error);
    }
    pkv__segment_reader_free(reader);
    return rc;
}

/* Appends blocks of the pcapng blocks in `raw` behind *end. */
static int append(int fd, int64_t *end, struct pkv__buffer *raw, const char *path, pkv_error *error)
{
    void *state PKV__AUTO_FREE = pkv__alloc(pkv__lz4_state_bytes());
    uint8_t *block PKV__AUTO_FREE = pkv__alloc(pkv__lz4_bound((uint32_t)raw->length));
    if (!state || !block || raw->failed)
        return pkv__error_memory(error);
    uint32_t length = pkv__lz4_encode(state, block, raw->data, (uint32_t)raw->length);
    int rc = pkv__file_write_at(fd, block, length, *end, path, error);
    if (rc == 0)
        *end += length;
    pkv__buffer_clear(raw);
    return rc;
}

static void put_last_statistics(struct pkv__buffer *raw, const struct survey *survey, uint32_t id)
{
    struct pkv__statistics last = survey->interfaces[id].last;
    uint64_t known =
        survey->interfaces[id].packets + last.lost_kernel + last.lost_buffer + last.lost_disk;
    if (last.received < known)
        last.received = known;
    last.time_ns = last.end_ns = survey->last_ns;
    last.recovered = true;
    pkv__pcapng_put_statistics(
        raw, id, &last, "recovered: its writer did not end it, what came later is not in it");
}

/* Two blocks for each stretch of losses that the writer could not tell any more. */
static void put_journal(struct pkv__buffer *raw, struct survey *survey,
                        const struct pkv__segment_name *name,
                        const struct pkv__loss_record *records, size_t count)
{
    struct pkv__statistics *told = &survey->interfaces[0].last;
    for (size_t i = 0; i < count; i++) {
        if (!pkv__loss_record_is_of(&records[i], name) ||
            pkv__loss_record_is_told(&records[i], told))
            continue;
        told->time_ns = records[i].from_ns;
        pkv__pcapng_put_statistics(raw, 0, told, NULL);
        pkv__loss_record_add(&records[i], told);
        told->time_ns = records[i].until_ns;
        told->received =
            survey->interfaces[0].packets + told->lost_kernel + told->lost_buffer + told->lost_disk;
        pkv__pcapng_put_statistics(raw, 0, told, NULL);
        see_time(survey, told->time_ns);
    }
}

static int append_losses(int fd, int64_t *end, const char *directory, struct survey *survey,
                         const struct pkv__segment_name *name, const char *path, pkv_error *error)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    struct pkv__buffer raw = {.length = 0};
    size_t count = 0;
    if (!survey->count || survey->interfaces[0].last.recovered)
        return 0;
    int rc = pkv__loss_journal_read(directory, name->lane, records, &count, error);
    if (rc == 0)
        put_journal(&raw, survey, name, records, count);
    if (rc == 0 && (raw.length || raw.failed))
        rc = append(fd, end, &raw, path, error);
    pkv__buffer_deinit(&raw);
    return rc;
}

/* Those that an earlier recovery, itself cut short, has appended already are not said again. */
static int append_statistics(int fd, int64_t *end, const struct survey *survey, const char *path,
                             pkv_error *error)
{
    struct pkv__buffer raw = {.length = 0};
    int rc = 0;
    for (uint32_t id = 0; rc == 0 && id < survey->count; id++) {
        if (!survey->interfaces[id].last.recovered)
            put_last_statistics(&raw, survey, id);
        if (raw.length >= PKV__BLOCK_TARGET_BYTES)
            rc = append(fd, end, &raw, path, error);
    }
    if (rc == 0 && (raw.length || raw.failed))
        rc = append(fd, end, &raw, path, error);
    pkv__buffer_deinit(&raw);
    return rc;
}

/* Whether the end mark stands behind the last block, and that block closes the segment. */
static bool is_finished(int fd, const struct survey *survey, const char *path)
{
    uint8_t end[PKV__LZ4_END_BYTES + 1] = {0};
    static const uint8_t zeros[PKV__LZ4_END_BYTES];
    return survey->last_type == PKV__PCAPNG_STATISTICS &&
           pkv__file_read_at(fd, end, sizeof end, survey->end, path, NULL) == sizeof zeros &&
           memcmp(end, zeros, sizeof zeros) == 0;
}

static int finish(int fd, const char *directory, const struct pkv__segment_name *name,
                  struct survey *survey, const char *path, pkv_error *error)
{
    static const uint8_t end_mark[PKV__LZ4_END_BYTES];
    int64_t end = survey->end;
    if (is_finished(fd, survey, path))
        return pkv__file_sync(fd, path, error);
    int rc = pkv__file_truncate(fd, end, path, error);
    if (rc == 0)
        rc = append_losses(fd, &end, directory, survey, name, path, error);
    if (rc == 0)
        rc = append_statistics(fd, &end, survey, path, error);
    if (rc == 0)
        rc = pkv__file_write_at(fd, end_mark, sizeof end_mark, end, path, error);
    return rc < 0 ? rc : pkv__file_sync(fd, path, error);
}

/* Nothing of the file can be read: it goes if it is empty, holds zeros only, or a torn first block;
 * what does not even begin as a segment is left for a person. */
static int remove_empty(int fd, int survey_rc, const char *path, pkv_error *error)
{
    uint8_t header[PKV__LZ4_HEADER_BYTES] = {0};
    static const uint8_t zeros[PKV__LZ4_HEADER_BYTES];
    ssize_t got = pkv__file_read_at(fd, header, sizeof header, 0, path, error);
    if (got < 0)
        return (int)got;
    bool ours = pkv__lz4_header_is_ours(header) || memcmp(header, zeros, sizeof zeros) == 0 ||
                got < (ssize_t)sizeof header;
    if (!ours)
        return survey_rc;
    int rc = pkv__file_unlink(path, error);
    return rc < 0 ? rc : PKV__RECOVERY_REMOVED;
}

static int rename_sealed(const char *directory, const struct pkv__segment_name *name,
                         const char *path, pkv_error *error)
{
    char sealed[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(sealed, name, false);
    char *to PKV__AUTO_FREE = pkv__archive_join(directory, sealed);
    if (!to)
        return pkv__error_memory(error);
    if (pkv__file_exists(to))
        return pkv__error(error, PKV_E_EXISTS, -1,
                          "%s: cannot be sealed, since the sealed segment exists already", path);
    int rc = pkv__file_rename(path, to, error);
    return rc < 0 ? rc : pkv__archive_sync_names(directory, to, error);
}

/* What is sealed is what the disk has: a writer may have died before it heard that it could not be
 * written. Then the sync fails, and the next recovery finds what is left. */
static int recover_locked(int fd, const char *directory, const struct pkv__segment_name *name,
                          const char *path, struct survey *survey, pkv_error *error)
{
    int rc = pkv__file_sync(fd, path, error);
    if (rc < 0)
        return rc;
    pkv__file_forget(fd);
    rc = take_survey(survey, path, name->start_ns, error);
    if (rc < 0 && rc != PKV_E_FORMAT)
        return rc;
    if (survey->end == 0)
        return remove_empty(fd, rc, path, error);
    rc = finish(fd, directory, name, survey, path, error);
    return rc < 0 ? rc : rename_sealed(directory, name, path, error);
}

int pkv__recover(const char *directory, const struct pkv__segment_name *name, pkv_error *error)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, name, true);
    char *path PKV__AUTO_FREE = pkv__archive_join(directory, relative);
    if (!path)
        return pkv__error_memory(error);
    int fd PKV__AUTO_CLOSE = pkv__file_open(path, O_RDWR, error);
    if (fd < 0)
        return fd;
    int rc = pkv__file_lock(fd, path, error);
    if (rc == PKV_E_BUSY)
        return pkv__error(error, rc, -1, "%s: its writer lives", path);
    if (rc < 0)
        return rc;
    if (!pkv__file_is_at(fd, path))
        return pkv__error(error, PKV_E_NOT_FOUND, -1, "%s: its writer has sealed it since", path);
    /* It takes a while, and who reads meanwhile shall see that nobody records into it. */
    rc = pkv__file_share_lock(fd, path, error);
    if (rc < 0)
        return rc;
    struct survey survey = {.last_ns = name->start_ns};
    rc = recover_locked(fd, directory, name, path, &survey, error);
    pkv__free(survey.interfaces);
    return rc;
}
