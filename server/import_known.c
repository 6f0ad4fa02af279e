/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/import_known.h"

#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define MARK " xxh128 "
#define POSITION " packet "

/* A segment of the file. */
struct part {
    char *path;
    uint64_t first, packets; /* of the file's packets */
    bool complete, damaged;
};

struct parts {
    struct part *list;
    size_t count, capacity;
};

static void free_parts(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        pkv__free(parts->list[i].path);
    pkv__free(parts->list);
}

/* The last occurrence, since a file may have any name. */
static const char *find_last(const char *text, size_t length, const char *wanted)
{
    size_t wanted_length = strlen(wanted);
    for (size_t at = length; at >= wanted_length; at--)
        if (memcmp(text + at - wanted_length, wanted, wanted_length) == 0)
            return text + at;
    return NULL;
}

static bool is_of_file(const struct pkv__section *section, const char *hex, uint64_t *first)
{
    if (!section->origin)
        return false;
    const char *end = section->origin + section->origin_length;
    const char *hash = find_last(section->origin, section->origin_length, MARK);
    if (!hash || end - hash < 32 || memcmp(hash, hex, 32) != 0)
        return false;
    const char *position = find_last(hash, (size_t)(end - hash), POSITION);
    *first = 0;
    return !position || pkv__text_number(first, position, (size_t)(end - position), UINT64_MAX);
}

/* Whether the segment at `path` is of the file. What cannot be read is not. */
static bool look_at_head(const char *path, const char *hex, uint64_t *first)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block block;
    struct pkv__pcapng_block head;
    struct pkv__section section;
    size_t offset = 0;
    bool is = false;
    if (pkv__segment_reader_open(&reader, path, NULL) < 0)
        return false;
    if (pkv__segment_reader_next(reader, &block, NULL) == 1 &&
        pkv__pcapng_next(block.raw, block.raw_bytes, &offset, &head) == 1 &&
        head.type == PKV__PCAPNG_SECTION && pkv__pcapng_get_section(&head, &section) == 0)
        is = is_of_file(&section, hex, first);
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
                 pkv__pcapng_get_statistics(&block, &interface_id, &statistics) == 0)
            part->complete = part->complete || statistics.complete;
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
    if (pkv__segment_reader_open(&reader, part->path, NULL) < 0) {
        part->damaged = true;
        return;
    }
    while ((rc = pkv__segment_reader_next(reader, &block, NULL)) == 1)
        count_block(part, &block);
    part->damaged = part->damaged || rc < 0;
    (void)pkv__segment_reader_free(reader);
}

static int add_part(struct parts *parts, const char *path, uint64_t first, pkv_error *error)
{
    if (pkv__grow(&parts->list, &parts->capacity, parts->count + 1, sizeof *parts->list) < 0)
        return pkv__error_memory(error);
    char *copy = pkv__strdup(path);
    if (!copy)
        return pkv__error_memory(error);
    parts->list[parts->count++] = (struct part){.path = copy, .first = first};
    return 0;
}

static int find_parts(struct parts *parts, const char *directory, const char *hex, bool *running,
                      pkv_error *error)
{
    struct pkv__segment_file *files PKV__AUTO_FREE = NULL;
    size_t count = 0;
    int rc = pkv__archive_list(directory, PKV_TIME_MIN, PKV_TIME_MAX, &files, &count, error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char relative[PKV__SEGMENT_PATH_TEXT];
        uint64_t first;
        if (files[i].name.lane < PKV__IMPORT_LANE_FIRST)
            continue;
        pkv__segment_path(relative, &files[i].name, files[i].open);
        char *path PKV__AUTO_FREE = pkv__archive_join(directory, relative);
        if (!path)
            return pkv__error_memory(error);
        if (!look_at_head(path, hex, &first))
            continue;
        *running = *running || (files[i].open && pkv__file_is_locked(path));
        rc = add_part(parts, path, first, error);
    }
    return rc;
}

static int by_first(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* The file's end is in the part that starts latest; several, if it was imported again. */
static bool look_for_end(const struct parts *parts)
{
    for (size_t i = parts->count;
         i-- > 0 && parts->list[i].first == parts->list[parts->count - 1].first;) {
        read_part(&parts->list[i]);
        if (parts->list[i].complete)
            return true;
    }
    return false;
}

static void find_resumption(struct pkv__known *known, const struct parts *parts)
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

int pkv__import_known(struct pkv__known *known, const char *directory, const char hex[33],
                      pkv_error *error)
{
    struct parts parts = {NULL, 0, 0};
    struct pkv__known found = {.any = false};
    int rc = find_parts(&parts, directory, hex, &found.running, error);
    if (rc == 0 && parts.count) {
        found.any = true;
        qsort(parts.list, parts.count, sizeof *parts.list, by_first);
        found.complete = look_for_end(&parts);
        if (!found.complete && !found.running)
            find_resumption(&found, &parts);
    }
    free_parts(&parts);
    if (rc == 0)
        *known = found;
    return rc;
}
