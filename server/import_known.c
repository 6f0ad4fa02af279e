/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import_known.h"

#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "archive/capture_file.h"
#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define MARK " ends "
#define POSITION " packet "

/* A segment of the file. */
struct part {
    char *path;              /* sealed */
    uint64_t first, packets; /* of the file's packets */
    bool complete, damaged;
    char content[33]; /* of the file, where it is complete */
};

struct pkv__import_parts {
    struct part *list; /* by first */
    size_t count, capacity;
    bool running;
};

struct pkv__import_parts *pkv__import_parts_free(struct pkv__import_parts *parts)
{
    for (size_t i = 0; parts && i < parts->count; i++)
        pkv__free(parts->list[i].path);
    if (parts)
        pkv__free(parts->list);
    pkv__free(parts);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__import_parts, pkv__import_parts_free);

/* The last occurrence, since a file may have any name. */
static const char *find_last(const char *text, size_t length, const char *wanted)
{
    size_t wanted_length = strlen(wanted);
    for (size_t at = length; at >= wanted_length; at--)
        if (memcmp(text + at - wanted_length, wanted, wanted_length) == 0)
            return text + at;
    return NULL;
}

static bool is_of_file(const struct pkv__section *section, const char *ends, uint64_t *first)
{
    if (!section->origin)
        return false;
    const char *end = section->origin + section->origin_length;
    const char *hash = find_last(section->origin, section->origin_length, MARK);
    if (!hash || end - hash < 32 || memcmp(hash, ends, 32) != 0)
        return false;
    const char *position = find_last(hash, (size_t)(end - hash), POSITION);
    *first = 0;
    return !position || pkv__text_number(first, position, (size_t)(end - position), UINT64_MAX);
}

/* An open segment may be sealed by an indexer at any time, by its new name. */
static int open_part(struct pkv__segment_reader **reader, const char *path, pkv_error *error)
{
    char *open PKV__AUTO_FREE = pkv__printf("%s%s", path, PKV__OPEN_SUFFIX);
    if (!open)
        return pkv__error_memory(error);
    int rc = pkv__segment_reader_open(reader, open, error);
    return rc == PKV_E_NOT_FOUND ? pkv__segment_reader_open(reader, path, error) : rc;
}

/* Whether the segment at `path` is of the file. What cannot be read is not. */
static bool look_at_head(const char *path, const char *ends, uint64_t *first)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block block;
    struct pkv__pcapng_block head;
    struct pkv__section section;
    size_t offset = 0;
    bool is = false;
    if (open_part(&reader, path, NULL) < 0)
        return false;
    if (pkv__segment_reader_next(reader, &block, NULL) == 1 &&
        pkv__pcapng_next(block.raw, block.raw_bytes, &offset, &head) == 1 &&
        head.type == PKV__PCAPNG_SECTION && pkv__pcapng_get_section(&head, &section) == 0)
        is = is_of_file(&section, ends, first);
    (void)pkv__segment_reader_free(reader);
    return is;
}

static void count_block(struct part *part, const struct pkv__raw_block *raw)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    int rc;
    while ((rc = pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block)) == 1) {
        struct pkv__statistics statistics;
        uint32_t interface_id;
        if (block.type == PKV__PCAPNG_PACKET)
            part->packets++;
        else if (block.type == PKV__PCAPNG_STATISTICS &&
                 pkv__pcapng_get_statistics(&block, &interface_id, &statistics) == 0 &&
                 statistics.complete) {
            part->complete = true;
            memcpy(part->content, statistics.content, sizeof part->content);
        }
    }
    part->damaged = part->damaged || rc < 0;
}

/* Reads a part to its end. */
static void read_part(struct part *part)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block block;
    int rc;
    part->packets = 0;
    if (open_part(&reader, part->path, NULL) < 0) {
        part->damaged = true;
        return;
    }
    while ((rc = pkv__segment_reader_next(reader, &block, NULL)) == 1)
        count_block(part, &block);
    part->damaged = part->damaged || rc < 0;
    (void)pkv__segment_reader_free(reader);
}

static int add_part(struct pkv__import_parts *parts, const char *path, uint64_t first,
                    pkv_error *error)
{
    if (pkv__grow(&parts->list, &parts->capacity, parts->count + 1, sizeof *parts->list) < 0)
        return pkv__error_memory(error);
    char *copy = pkv__strdup(path);
    if (!copy)
        return pkv__error_memory(error);
    parts->list[parts->count++] = (struct part){.path = copy, .first = first};
    return 0;
}

static int find_parts(struct pkv__import_parts *parts, const char *directory, const char *ends,
                      pkv_error *error)
{
    struct pkv__segment_file *files PKV__AUTO_FREE = NULL;
    size_t count = 0;
    int rc = pkv__archive_list(directory, PKV_TIME_MIN, PKV_TIME_MAX, NULL, &files, &count, error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char relative[PKV__SEGMENT_PATH_TEXT];
        uint64_t first;
        if (files[i].name.lane < PKV__IMPORT_LANE_FIRST)
            continue;
        pkv__segment_path(relative, &files[i].name, false);
        char *path PKV__AUTO_FREE = pkv__archive_join(directory, relative);
        char *open PKV__AUTO_FREE = path ? pkv__printf("%s%s", path, PKV__OPEN_SUFFIX) : NULL;
        if (!open)
            return pkv__error_memory(error);
        if (!look_at_head(path, ends, &first))
            continue;
        parts->running = parts->running || (files[i].open && pkv__file_is_locked(open));
        rc = add_part(parts, path, first, error);
    }
    return rc;
}

static int by_first(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

int pkv__import_parts_find(struct pkv__import_parts **parts, const char *directory,
                           const char ends[33], pkv_error *error)
{
    struct pkv__import_parts *made PKV__AUTO(pkv__import_parts_free) =
        pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    int rc = find_parts(made, directory, ends, error);
    if (rc < 0)
        return rc;
    if (made->count)
        qsort(made->list, made->count, sizeof *made->list, by_first);
    *parts = made->count ? PKV__STEAL(made) : NULL;
    return 0;
}

/* The end of a file is in the part that starts latest; several, if it was imported again. */
static void look_for_end(struct pkv__import_parts *parts, const char *content,
                         struct pkv__known *known)
{
    for (size_t i = parts->count;
         i-- > 0 && parts->list[i].first == parts->list[parts->count - 1].first;) {
        struct part *part = &parts->list[i];
        read_part(part);
        bool same = strcmp(part->content, content) == 0;
        known->complete = known->complete || (part->complete && same);
        known->other = known->other || (part->complete && !same);
    }
}

static void find_resumption(struct pkv__import_parts *parts, struct pkv__known *known)
{
    for (size_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->list[i];
        read_part(part);
        if (part->first > known->packets || part->damaged)
            known->holes = true;
        if (part->first + part->packets > known->packets)
            known->packets = part->first + part->packets;
    }
}

void pkv__import_parts_judge(struct pkv__import_parts *parts, const char content[33],
                             struct pkv__known *known)
{
    *known = (struct pkv__known){.running = parts->running};
    look_for_end(parts, content, known);
    if (!known->complete && !known->running && !known->other)
        find_resumption(parts, known);
}

/* The file's next packet; false: there is none, or it cannot be read. */
static bool next_packet(struct pkv__capture_file *file, struct pkv__capture_item *item)
{
    int what;
    do
        what = pkv__capture_file_next(file, item, NULL);
    while (what > 0 && what != PKV__CAPTURE_PACKET);
    return what == PKV__CAPTURE_PACKET;
}

static bool is_same(const pkv_packet *a, const pkv_packet *b)
{
    return a->time_ns == b->time_ns && a->captured_bytes == b->captured_bytes &&
           a->original_bytes == b->original_bytes &&
           memcmp(a->data, b->data, a->captured_bytes) == 0;
}

/* From packet *at of the file on, which is the next that it gives. */
static bool follows(const struct part *part, struct pkv__capture_file *file,
                    const struct pkv__raw_block *raw, uint64_t *number, uint64_t *at)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    while (pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block) == 1) {
        struct pkv__capture_item item;
        pkv_packet stored;
        if (block.type != PKV__PCAPNG_PACKET || part->first + (*number)++ < *at)
            continue;
        if (pkv__pcapng_get_packet(&block, &stored) < 0 || !next_packet(file, &item) ||
            !is_same(&stored, &item.packet))
            return false;
        ++*at;
    }
    return true;
}

static int compare_part(const struct part *part, struct pkv__capture_file *file, uint64_t *at,
                        pkv_error *error)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block raw;
    uint64_t number = 0;
    int rc = open_part(&reader, part->path, error);
    if (rc < 0)
        return rc;
    bool same = true;
    while (same && (rc = pkv__segment_reader_next(reader, &raw, error)) == 1)
        same = follows(part, file, &raw, &number, at);
    (void)pkv__segment_reader_free(reader);
    return rc < 0 ? rc : same;
}

int pkv__import_parts_are_beginning(const struct pkv__import_parts *parts, const char *path,
                                    pkv_error *error)
{
    struct pkv__capture_file *file;
    uint64_t at = 0;
    int rc = pkv__capture_file_open(&file, path, error);
    if (rc < 0)
        return rc;
    rc = 1;
    for (size_t i = 0; rc == 1 && i < parts->count; i++)
        if (parts->list[i].first + parts->list[i].packets > at)
            rc = compare_part(&parts->list[i], file, &at, error);
    (void)pkv__capture_file_free(file);
    return rc;
}
