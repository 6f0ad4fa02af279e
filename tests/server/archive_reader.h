/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the server look at afterwards: everything that an archive holds. */
#ifndef PKV_TESTS_ARCHIVE_READER_H
#define PKV_TESTS_ARCHIVE_READER_H

#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "archive/directory.h"
#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/memory.h"

#define MAX_PACKETS 200000
#define MAX_SEGMENTS 64

struct told {
    uint32_t sequence; /* of the segment */
    uint32_t interface_id;
    struct pkv__statistics statistics;
};

struct seen {
    unsigned segments, open;
    unsigned packets_in[MAX_SEGMENTS];
    uint32_t packets;
    uint32_t numbers[MAX_PACKETS]; /* the first four bytes of each packet, in order */
    unsigned told_count;
    struct told told[1000];
    char origin[300]; /* of the last segment */
};

static char test_directory[64];

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(test_directory, sizeof test_directory, "/tmp/pktvault-test-XXXXXX");
    return mkdtemp(test_directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", test_directory);
    return system(command); /* NOLINT(cert-env33-c): a test's own directory */
}

static inline void see_block(struct seen *seen, const struct pkv__pcapng_block *block)
{
    pkv_packet packet;
    struct pkv__section section;
    if (block->type == PKV__PCAPNG_PACKET) {
        assert_int_equal(pkv__pcapng_get_packet(block, &packet), 0);
        assert_in_range(seen->packets, 0, MAX_PACKETS - 1);
        if (packet.captured_bytes >= 4)
            memcpy(&seen->numbers[seen->packets], packet.data, 4);
        seen->packets++;
        seen->packets_in[seen->segments]++;
    } else if (block->type == PKV__PCAPNG_STATISTICS) {
        struct told *told = &seen->told[seen->told_count++];
        told->sequence = seen->segments;
        assert_int_equal(pkv__pcapng_get_statistics(block, &told->interface_id, &told->statistics),
                         0);
    } else if (block->type == PKV__PCAPNG_SECTION) {
        assert_int_equal(pkv__pcapng_get_section(block, &section), 0);
        (void)snprintf(seen->origin, sizeof seen->origin, "%.*s", (int)section.origin_length,
                       section.origin ? section.origin : "");
    }
}

static inline void see_segment(struct seen *seen, const struct pkv__segment_file *file)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block raw;
    struct pkv__pcapng_block block;
    char path[PKV__SEGMENT_PATH_TEXT];
    pkv_error error;
    int rc;
    pkv__segment_path(path, &file->name, file->open);
    char *whole = pkv__archive_join(test_directory, path);
    assert_done(pkv__segment_reader_open(&reader, whole, &error), error);
    while ((rc = pkv__segment_reader_next(reader, &raw, &error)) == 1) {
        size_t offset = 0;
        while (pkv__pcapng_next(raw.raw, raw.raw_bytes, &offset, &block) == 1)
            see_block(seen, &block);
        assert_int_equal(offset, raw.raw_bytes);
    }
    assert_done(rc, error);
    (void)pkv__segment_reader_free(reader);
    pkv__free(whole);
    seen->segments++;
    seen->open += file->open;
}

/* Free with pkv__free. */
static inline struct pkv__segment_file *list_segments(size_t *count)
{
    struct pkv__segment_file *files = NULL;
    pkv_error error;
    *count = 0;
    assert_done(
        pkv__archive_list(test_directory, PKV_TIME_MIN, PKV_TIME_MAX, NULL, &files, count, &error),
        error);
    return files;
}

/* Free with free(). */
static inline struct seen *see_archive(void)
{
    struct seen *seen = calloc(1, sizeof *seen);
    size_t count;
    struct pkv__segment_file *files = list_segments(&count);
    assert_in_range(count, 0, MAX_SEGMENTS);
    for (size_t i = 0; i < count; i++)
        see_segment(seen, &files[i]);
    pkv__free(files);
    return seen;
}

/* The last statistics of segment `sequence` (counted from 0). */
static inline const struct pkv__statistics *last_told(const struct seen *seen, uint32_t sequence)
{
    const struct pkv__statistics *last = NULL;
    for (unsigned i = 0; i < seen->told_count; i++)
        if (seen->told[i].sequence == sequence)
            last = &seen->told[i].statistics;
    assert_non_null(last);
    return last;
}

#endif
