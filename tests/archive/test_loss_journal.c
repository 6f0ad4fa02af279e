/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include <errno.h>

#include "archive/loss_journal.h"
#include "archive/recovery.h"
#include "archive/segment_reader.h"
#include "base/fault.h"
#include "base/file.h"

#define FILE_BYTES 8192u
#define RECORD_BYTES 128u

static const struct pkv__segment_name name = {.start_ns = NOON_NS, .sequence = 1};

static int set_up(void **state)
{
    pkv_error error;
    if (make_directory(state))
        return -1;
    return pkv__archive_create(directory, &error);
}

static int tear_down(void **state)
{
    pkv__fault_hook = NULL;
    return remove_directory(state);
}

static struct pkv__loss_record lost(uint64_t sequence, int64_t from_s, uint64_t disk)
{
    return (struct pkv__loss_record){.sequence = sequence,
                                     .start_ns = sequence ? NOON_NS : 0,
                                     .from_ns = NOON_NS + from_s * 1000000000,
                                     .until_ns = NOON_NS + (from_s + 2) * 1000000000,
                                     .disk = disk};
}

static struct pkv__loss_journal *open_journal(void)
{
    struct pkv__loss_journal *journal;
    pkv_error error;
    assert_done(pkv__loss_journal_open(&journal, directory, 0, &error), error);
    return journal;
}

static void put(const struct pkv__loss_record *records, size_t count)
{
    struct pkv__loss_journal *journal = open_journal();
    pkv_error error;
    assert_done(pkv__loss_journal_put(journal, records, count, &error), error);
    (void)pkv__loss_journal_free(journal);
}

static size_t read_back(struct pkv__loss_record records[PKV__LOSS_RECORDS])
{
    pkv_error error;
    size_t count = 99;
    assert_done(pkv__loss_journal_read(directory, 0, records, &count, &error), error);
    return count;
}

static void a_lane_without_a_journal_has_no_records(void **state)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    (void)state;
    assert_int_equal(read_back(records), 0);
}

static void what_is_put_is_read_by_others(void **state)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    const struct pkv__loss_record put_records[] = {lost(7, 1, 10), lost(7, 9, 12), lost(0, 20, 3)};
    (void)state;
    put(put_records, 3);
    assert_int_equal(read_back(records), 3);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(&records[i], &put_records[i], sizeof *records);
}

static void what_is_put_replaces_what_was_there(void **state)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    const struct pkv__loss_record before[] = {lost(7, 1, 10), lost(7, 9, 12)};
    (void)state;
    put(before, 2);
    put(&before[1], 1);
    assert_int_equal(read_back(records), 1);
    assert_int_equal(records[0].disk, 12);
    put(NULL, 0);
    assert_int_equal(read_back(records), 0);
}

static void the_file_never_grows(void **state)
{
    struct pkv__loss_record many[PKV__LOSS_RECORDS];
    uint8_t *bytes;
    size_t length;
    (void)state;
    (void)pkv__loss_journal_free(open_journal());
    read_whole(at("locks/lane-0.losses"), &bytes, &length);
    free(bytes);
    assert_int_equal(length, FILE_BYTES);
    for (unsigned i = 0; i < PKV__LOSS_RECORDS; i++)
        many[i] = lost(1, i, i + 1);
    put(many, PKV__LOSS_RECORDS);
    read_whole(at("locks/lane-0.losses"), &bytes, &length);
    free(bytes);
    assert_int_equal(length, FILE_BYTES);
}

static void a_damaged_record_is_left_out(void **state)
{
    const struct pkv__loss_record put_records[] = {lost(7, 1, 10), lost(7, 9, 12), lost(0, 20, 3)};
    uint8_t *bytes;
    size_t length;
    (void)state;
    put(put_records, 3);
    read_whole(at("locks/lane-0.losses"), &bytes, &length);
    for (size_t bit = 0; bit < (size_t)72 * 8; bit++) {
        struct pkv__loss_record records[PKV__LOSS_RECORDS];
        uint8_t *byte = &bytes[RECORD_BYTES + bit / 8];
        *byte ^= (uint8_t)(1u << bit % 8);
        write_whole(at("locks/lane-0.losses"), bytes, length);
        *byte ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(read_back(records), 2);
        assert_int_equal(records[0].disk, 10);
        assert_int_equal(records[1].disk, 3);
    }
    free(bytes);
}

static unsigned writes_left;

static int disk_fails(const char *operation)
{
    return strcmp(operation, "write") == 0 && writes_left-- == 0 ? EIO : 0;
}

static void a_write_that_failed_is_made_good_by_the_next(void **state)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    const struct pkv__loss_record record = lost(7, 1, 10);
    struct pkv__loss_journal *journal = open_journal();
    pkv_error error;
    (void)state;
    writes_left = 0;
    pkv__fault_hook = disk_fails;
    assert_int_equal(pkv__loss_journal_put(journal, &record, 1, &error), PKV_E_SYSTEM);
    pkv__fault_hook = NULL;
    assert_done(pkv__loss_journal_put(journal, &record, 1, &error), error);
    (void)pkv__loss_journal_free(journal);
    assert_int_equal(read_back(records), 1);
}

/* All losses that the sealed segment tells, in order: time and disk counter. */
struct told {
    unsigned count;
    int64_t time_ns[64];
    uint64_t disk[64];
    bool recovered;
};

static void read_told(struct told *told)
{
    struct pkv__segment_reader *reader = NULL;
    struct pkv__raw_block raw;
    struct pkv__pcapng_block block;
    struct pkv__statistics statistics;
    pkv_error error;
    uint32_t id;
    *told = (struct told){.count = 0};
    assert_done(pkv__segment_reader_open(&reader, segment_at(1, false), &error), error);
    while (pkv__segment_reader_next(reader, &raw, &error) == 1)
        for (size_t offset = 0; pkv__pcapng_next(raw.raw, raw.raw_bytes, &offset, &block) == 1;)
            if (block.type == PKV__PCAPNG_STATISTICS) {
                assert_int_equal(pkv__pcapng_get_statistics(&block, &id, &statistics), 0);
                told->time_ns[told->count] = statistics.time_ns;
                told->disk[told->count++] = statistics.lost_disk;
                told->recovered = statistics.recovered;
            }
    (void)pkv__segment_reader_free(reader);
}

static void recover(struct told *told)
{
    pkv_error error;
    assert_done(pkv__recover(directory, &name, &error), error);
    read_told(told);
}

static void recovery_tells_what_the_writer_could_not(void **state)
{
    const struct pkv__loss_record records[] = {lost(1, 1, 10), lost(1, 9, 12)};
    struct told told;
    (void)state;
    (void)pkv__segment_writer_free(write_segment(1, 2));
    put(records, 2);
    recover(&told);
    assert_true(told.recovered);
    assert_in_range(told.count, 5, 64);
    const unsigned first = told.count - 5;
    const uint64_t disk[] = {0, 10, 10, 12, 12};
    const int64_t time_s[] = {1, 3, 9, 11};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(told.disk[first + i], disk[i]);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(told.time_ns[first + i], NOON_NS + time_s[i] * 1000000000);
}

static void recovery_leaves_alone_what_is_of_another_segment(void **state)
{
    const struct pkv__loss_record records[] = {lost(2, 1, 10), lost(0, 9, 12)};
    struct told told;
    (void)state;
    (void)pkv__segment_writer_free(write_segment(1, 2));
    put(records, 2);
    recover(&told);
    for (unsigned i = 0; i < told.count; i++)
        assert_int_equal(told.disk[i], 0);
}

static void what_a_segment_tells_already_is_not_told_twice(void **state)
{
    const struct pkv__loss_record record = lost(1, 1, 10);
    struct told told;
    struct pkv__buffer raw = {0};
    struct pkv__segment_writer *writer = write_segment(1, 2);
    const struct pkv__statistics statistics = {
        .time_ns = NOON_NS, .start_ns = NOON_NS, .end_ns = NOON_NS, .lost_disk = 10};
    (void)state;
    pkv__pcapng_put_statistics(&raw, 0, &statistics, NULL);
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
    (void)pkv__segment_writer_free(writer);
    put(&record, 1);
    recover(&told);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.disk[1], 10);
    assert_int_equal(told.disk[2], 10);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_lane_without_a_journal_has_no_records),
        TEST(what_is_put_is_read_by_others),
        TEST(what_is_put_replaces_what_was_there),
        TEST(the_file_never_grows),
        TEST(a_damaged_record_is_left_out),
        TEST(a_write_that_failed_is_made_good_by_the_next),
        TEST(recovery_tells_what_the_writer_could_not),
        TEST(recovery_leaves_alone_what_is_of_another_segment),
        TEST(what_a_segment_tells_already_is_not_told_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
