/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include <unistd.h>

#include "archive/recovery.h"
#include "archive/segment_reader.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/limits.h"

static const struct pkv__segment_name name = {.start_ns = NOON_NS, .sequence = 1};

/* What a reader finds in a segment. */
struct content {
    unsigned blocks, packets, statistics, recovered, errors;
    bool complete;
    struct pkv__statistics last;
};

static void read_block(struct content *content, const struct pkv__raw_block *raw)
{
    struct pkv__pcapng_block block;
    struct pkv__statistics statistics;
    size_t offset = 0;
    uint32_t id;
    content->blocks++;
    while (pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block) > 0) {
        content->packets += block.type == PKV__PCAPNG_PACKET;
        if (block.type != PKV__PCAPNG_STATISTICS)
            continue;
        assert_int_equal(pkv__pcapng_get_statistics(&block, &id, &statistics), 0);
        content->statistics++;
        content->recovered += statistics.recovered;
        content->last = statistics;
    }
}

static struct content read_content(const char *path)
{
    pkv_error error;
    struct pkv__segment_reader *reader = NULL;
    struct pkv__raw_block raw;
    struct content content = {.blocks = 0};
    int rc;
    assert_done(pkv__segment_reader_open(&reader, path, &error), error);
    while ((rc = pkv__segment_reader_next(reader, &raw, &error)) != 0) {
        if (rc > 0)
            read_block(&content, &raw);
        else
            content.errors++;
    }
    content.complete = pkv__segment_reader_at_end(reader);
    pkv__segment_reader_free(reader);
    return content;
}

/* An open segment whose writer is dead: six blocks of five packets. *offsets: where each of them
 * begins, and the end. */
static void abandon(uint8_t **file, size_t *length, size_t offsets[7])
{
    pkv_error error;
    struct pkv__raw_block raw;
    struct pkv__segment_reader *reader = NULL;
    pkv__segment_writer_free(write_segment(1, 6));
    read_whole(segment_at(1, true), file, length);
    assert_done(pkv__segment_reader_open(&reader, segment_at(1, true), &error), error);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(pkv__segment_reader_next(reader, &raw, &error), 1);
        offsets[i] = (size_t)raw.offset;
    }
    offsets[6] = (size_t)pkv__segment_reader_offset(reader);
    pkv__segment_reader_free(reader);
}

static void start_over(const void *bytes, size_t length)
{
    pkv_error error;
    assert_done(pkv__file_unlink(segment_at(1, false), &error), error);
    write_whole(segment_at(1, true), bytes, length);
}

static void a_dead_writers_segment_is_sealed(void **state)
{
    (void)state;
    pkv_error error;
    pkv__segment_writer_free(write_segment(1, 6));
    assert_done(pkv__recover(directory, &name, &error), error);
    assert_false(pkv__file_exists(segment_at(1, true)));
    struct content content = read_content(segment_at(1, false));
    assert_true(content.complete);
    assert_int_equal(content.errors, 0);
    assert_int_equal(content.packets, 30);
    assert_int_equal(content.recovered, 1);
    assert_true(content.last.recovered);
    assert_int_equal(content.last.received, 30);
    assert_int_equal(content.last.start_ns, NOON_NS);
    assert_int_equal(content.last.end_ns, NOON_NS + 29 * 1000); /* the last packet */
    assert_int_equal(pkv__recover(directory, &name, &error), PKV_E_NOT_FOUND);
}

static void a_living_writer_is_left_alone(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_writer *writer = write_segment(1, 2);
    assert_int_equal(pkv__recover(directory, &name, &error), PKV_E_BUSY);
    assert_done(pkv__segment_writer_seal(writer, &error), error);
    pkv__segment_writer_free(writer);
    assert_int_equal(read_content(segment_at(1, false)).recovered, 0);
}

static unsigned synced_behind_its_name;

static int count_syncs(const char *operation)
{
    if (strcmp(operation, "rename") == 0)
        synced_behind_its_name = 0;
    synced_behind_its_name += strcmp(operation, "sync") == 0;
    return 0;
}

/* Its writer may have died before it had synced any of them. */
static void its_name_is_safe_up_to_the_archive(void **state)
{
    (void)state;
    pkv_error error;
    pkv__segment_writer_free(write_segment(1, 6));
    pkv__fault_hook = count_syncs;
    assert_done(pkv__recover(directory, &name, &error), error);
    pkv__fault_hook = NULL;
    assert_int_equal(synced_behind_its_name, 5); /* day, month, year, segments, archive */
}

/* What a dead writer left is recovered while a hook looks on, which ends itself when it was asked.
 */
static void recover_watched(int (*hook)(const char *), int expected)
{
    pkv_error error;
    pkv__segment_writer_free(write_segment(1, 6));
    pkv__fault_hook = hook;
    assert_int_equal(pkv__recover(directory, &name, &error), expected);
    assert_null(pkv__fault_hook);
}

static int before_its_first_sync(const char *operation)
{
    static bool is_inside;
    pkv_error error;
    if (is_inside || strcmp(operation, "sync") != 0)
        return 0;
    is_inside = true;
    assert_false(pkv__file_is_locked(segment_at(1, true)));
    assert_int_equal(pkv__recover(directory, &name, &error), PKV_E_BUSY);
    is_inside = false;
    pkv__fault_hook = NULL;
    return 0;
}

static void while_it_is_sealed_it_does_not_look_alive(void **state)
{
    (void)state;
    recover_watched(before_its_first_sync, 0);
    assert_int_equal(read_content(segment_at(1, false)).packets, 30);
}

static int before_it_is_locked(const char *operation)
{
    pkv_error error;
    if (strcmp(operation, "lock") != 0)
        return 0;
    pkv__fault_hook = NULL;
    assert_done(pkv__file_rename(segment_at(1, true), segment_at(1, false), &error), error);
    return 0;
}

static void what_its_writer_seals_meanwhile_is_not_its_work(void **state)
{
    (void)state;
    recover_watched(before_it_is_locked, PKV_E_NOT_FOUND);
    assert_int_equal(read_content(segment_at(1, false)).recovered, 0);
}

/* kill -9 at any byte, or a power cut that leaves zeros: every block that is whole is kept. */
static void at_every_length_what_is_whole_is_kept(void **state)
{
    (void)state;
    pkv_error error;
    uint8_t *file;
    size_t length, offsets[7];
    abandon(&file, &length, offsets);
    file = realloc(file, length + 3000);
    for (size_t cut = 0; cut <= length; cut++) {
        for (size_t zeros = 0; zeros <= 3000; zeros += 3000) {
            unsigned whole = 0;
            while (whole < 6 && offsets[whole + 1] <= cut)
                whole++;
            uint8_t *part = calloc(1, length + zeros + 1);
            memcpy(part, file, cut);
            start_over(part, cut + zeros);
            free(part);
            int rc = pkv__recover(directory, &name, &error);
            /* a header cut off and filled with zeros is no header */
            bool damaged = zeros && cut > 0 && cut < 7;
            if (damaged && rc == PKV_E_FORMAT)
                continue;
            if (rc < 0)
                fail_msg("cut at %zu: %s", cut, error.text);
            assert_int_equal(rc, whole ? 0 : PKV__RECOVERY_REMOVED);
            assert_false(pkv__file_exists(segment_at(1, true)));
            if (!whole)
                continue;
            struct content content = read_content(segment_at(1, false));
            assert_true(content.complete && content.errors == 0);
            assert_int_equal(content.packets, 5 * whole);
            assert_int_equal(content.recovered, 1);
            assert_int_equal(content.last.received, 5 * whole);
        }
    }
    free(file);
}

static void what_was_sealed_but_for_the_name_is_not_changed(void **state)
{
    (void)state;
    pkv_error error;
    uint8_t *before, *after;
    size_t before_length, after_length;
    struct pkv__segment_writer *writer = write_segment(1, 3);
    struct pkv__buffer raw = {.length = 0};
    pkv__pcapng_put_statistics(&raw, 0, &(struct pkv__statistics){.time_ns = NOON_NS}, NULL);
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
    assert_done(pkv__segment_writer_seal(writer, &error), error);
    pkv__segment_writer_free(writer);
    read_whole(segment_at(1, false), &before, &before_length);
    assert_int_equal(rename(segment_at(1, false), segment_at(1, true)), 0);
    assert_done(pkv__recover(directory, &name, &error), error);
    read_whole(segment_at(1, false), &after, &after_length);
    assert_int_equal(before_length, after_length);
    assert_memory_equal(before, after, before_length);
    free(before);
    free(after);
}

/* The first recovery dies at any byte that it writes; the next one ends with the same. */
static void a_recovery_that_dies_is_finished_by_the_next(void **state)
{
    (void)state;
    pkv_error error;
    uint8_t *file, *sealed, *again;
    size_t length, sealed_length, again_length, offsets[7];
    abandon(&file, &length, offsets);
    assert_done(pkv__recover(directory, &name, &error), error);
    read_whole(segment_at(1, false), &sealed, &sealed_length);
    for (size_t written = length; written <= sealed_length; written++) {
        start_over(sealed, written);
        assert_done(pkv__recover(directory, &name, &error), error);
        read_whole(segment_at(1, false), &again, &again_length);
        assert_int_equal(again_length, sealed_length);
        assert_memory_equal(again, sealed, sealed_length);
        free(again);
    }
    free(file);
    free(sealed);
}

static unsigned until_failure;

static int fail_once(const char *operation)
{
    (void)operation;
    return until_failure > 0 && --until_failure == 0 ? 5 /* EIO */ : 0;
}

static void whatever_call_fails_the_next_recovery_has_everything(void **state)
{
    (void)state;
    pkv_error error;
    uint8_t *file;
    size_t length, offsets[7];
    unsigned failed = 0;
    abandon(&file, &length, offsets);
    for (unsigned n = 1;; n++) {
        start_over(file, length);
        until_failure = n;
        pkv__fault_hook = fail_once;
        int rc = pkv__recover(directory, &name, &error);
        pkv__fault_hook = NULL;
        bool reached = until_failure == 0;
        failed += rc < 0;
        if (rc < 0 && pkv__file_exists(segment_at(1, true)))
            assert_done(pkv__recover(directory, &name, &error), error);
        struct content content = read_content(segment_at(1, false));
        if (!content.complete || content.errors || content.packets != 30 || content.recovered != 1)
            fail_msg("call %u, %d: complete %d, %u errors, %u packets, %u recovered", n, rc,
                     content.complete, content.errors, content.packets, content.recovered);
        if (!reached)
            break;
    }
    assert_true(failed > 10);
    free(file);
}

static void a_corrupt_block_in_the_middle_is_kept_for_others_to_see(void **state)
{
    (void)state;
    pkv_error error;
    uint8_t *file;
    size_t length, offsets[7];
    abandon(&file, &length, offsets);
    file[offsets[2] + 30] ^= 1;
    start_over(file, length);
    assert_done(pkv__recover(directory, &name, &error), error);
    struct content content = read_content(segment_at(1, false));
    assert_true(content.complete);
    assert_int_equal(content.errors, 1);
    assert_int_equal(content.packets, 25);
    free(file);
}

static void losses_counted_so_far_are_kept(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_writer *writer = write_segment(1, 2);
    struct pkv__buffer raw = {.length = 0};
    struct pkv__statistics losses = {.time_ns = NOON_NS + 7000000000,
                                     .start_ns = NOON_NS,
                                     .end_ns = NOON_NS + 7000000000,
                                     .received = 15,
                                     .lost_kernel = 1,
                                     .lost_buffer = 2,
                                     .lost_disk = 3,
                                     .refused = 4};
    pkv__pcapng_put_statistics(&raw, 0, &losses, NULL);
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
    pkv__segment_writer_free(writer);
    assert_done(pkv__recover(directory, &name, &error), error);
    struct content content = read_content(segment_at(1, false));
    assert_true(content.last.recovered && content.last.lost_kernel == 1 &&
                content.last.lost_buffer == 2 && content.last.lost_disk == 3 &&
                content.last.refused == 4);
    assert_int_equal(content.last.received, 10 + 6);
    assert_int_equal(content.last.end_ns, NOON_NS + 7000000000);
}

static void every_interface_is_closed_also_if_there_are_many(void **state)
{
    (void)state;
    enum { INTERFACES = 2000 };
    pkv_error error;
    struct pkv__segment_writer *writer = write_segment(1, 1);
    struct pkv__buffer raw = {.length = 0};
    for (unsigned i = 1; i < INTERFACES; i++)
        pkv__pcapng_put_interface(&raw, &(pkv_interface){.link_type = 1});
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
    pkv__segment_writer_free(writer);
    assert_done(pkv__recover(directory, &name, &error), error);
    struct content content = read_content(segment_at(1, false));
    assert_int_equal(content.recovered, INTERFACES);
    assert_true(content.blocks > 3);
}

static void what_is_no_segment_is_left_for_a_person(void **state)
{
    (void)state;
    pkv_error error;
    pkv__segment_writer_free(write_segment(1, 1));
    write_whole(segment_at(1, true), "something else altogether", 25);
    assert_int_equal(pkv__recover(directory, &name, &error), PKV_E_FORMAT);
    assert_true(pkv__file_exists(segment_at(1, true)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(a_dead_writers_segment_is_sealed),
        TEST(its_name_is_safe_up_to_the_archive),
        TEST(while_it_is_sealed_it_does_not_look_alive),
        TEST(what_its_writer_seals_meanwhile_is_not_its_work),
        TEST(a_living_writer_is_left_alone),
        TEST(at_every_length_what_is_whole_is_kept),
        TEST(what_was_sealed_but_for_the_name_is_not_changed),
        TEST(a_recovery_that_dies_is_finished_by_the_next),
        TEST(whatever_call_fails_the_next_recovery_has_everything),
        TEST(a_corrupt_block_in_the_middle_is_kept_for_others_to_see),
        TEST(losses_counted_so_far_are_kept),
        TEST(every_interface_is_closed_also_if_there_are_many),
        TEST(what_is_no_segment_is_left_for_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
