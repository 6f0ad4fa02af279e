/* SPDX-License-Identifier: BSD-2-Clause */
/* Losses that no sealed segment tells: every query of their time does, once. */
#include "tests/archive/support.h"

#include <pktvault/query.h>

#include "archive/loss_journal.h"

#define S 1000000000ll

static struct pkv__segment_writer *writer; /* of the open segment */

static int set_up(void **state)
{
    pkv_error error;
    if (make_directory(state))
        return -1;
    return pkv__archive_create(directory, &error);
}

static int tear_down(void **state)
{
    writer = pkv__segment_writer_free(writer);
    return remove_directory(state);
}

static struct pkv__loss_record lost(uint64_t sequence, int64_t from_s, uint64_t disk)
{
    return (struct pkv__loss_record){.sequence = sequence,
                                     .start_ns = sequence ? NOON_NS : 0,
                                     .from_ns = NOON_NS + from_s * S,
                                     .until_ns = NOON_NS + (from_s + 2) * S,
                                     .disk = disk};
}

static void put(const struct pkv__loss_record *records, size_t count)
{
    struct pkv__loss_journal *journal;
    pkv_error error;
    assert_done(pkv__loss_journal_open(&journal, directory, 0, &error), error);
    assert_done(pkv__loss_journal_put(journal, records, count, &error), error);
    (void)pkv__loss_journal_free(journal);
}

static void open_segment(void)
{
    writer = write_segment(1, 2);
}

/* Statistics of the open segment. */
static void tell(int64_t time_s, uint64_t disk)
{
    struct pkv__buffer raw = {0};
    const struct pkv__statistics statistics = {.time_ns = NOON_NS + time_s * S,
                                               .start_ns = NOON_NS,
                                               .end_ns = PKV_TIME_MIN,
                                               .lost_disk = disk};
    pkv__pcapng_put_statistics(&raw, 0, &statistics, NULL);
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
}

/* Packets that a query from … until says were lost; times in seconds after noon. */
static uint64_t asked(int64_t since_s, int64_t until_s)
{
    const char *archive = directory;
    pkv_query *query;
    pkv_packet packet;
    pkv_query_report report;
    pkv_error error;
    uint64_t packets = 0;
    int rc;
    assert_done(pkv_query_open(&query, &archive, 1, NULL, NOON_NS + since_s * S,
                               NOON_NS + until_s * S, 0, NULL, &error),
                error);
    while ((rc = pkv_query_next(query, &packet, &error)) == PKV_PACKET)
        ;
    assert_done(rc, error);
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    for (size_t i = 0; i < report.missing_count; i++)
        packets += report.missing[i].cause == PKV_MISSING_DISK ? report.missing[i].packets : 0;
    (void)pkv_query_free(query);
    return packets;
}

static void what_an_open_segment_could_not_tell(void **state)
{
    const struct pkv__loss_record records[] = {lost(1, 10, 7), lost(1, 20, 9)};
    (void)state;
    open_segment();
    put(records, 2);
    assert_int_equal(asked(-100, 100), 9);
    assert_int_equal(asked(15, 100), 2);
    assert_int_equal(asked(-100, 15), 7);
    assert_int_equal(asked(30, 100), 0);
}

static void what_it_tells_already_is_told_once(void **state)
{
    const struct pkv__loss_record records[] = {lost(1, 10, 7), lost(1, 20, 9)};
    (void)state;
    open_segment();
    tell(10, 0);
    tell(12, 7);
    put(records, 1);
    assert_int_equal(asked(-100, 100), 7);
    put(records, 2);
    assert_int_equal(asked(-100, 100), 9);
}

static void what_no_segment_was_there_to_tell(void **state)
{
    const struct pkv__loss_record records[] = {lost(0, 10, 7), lost(0, 20, 9)};
    (void)state;
    put(records, 2);
    assert_int_equal(asked(-100, 100), 9);
    assert_int_equal(asked(15, 100), 2);
    assert_int_equal(asked(30, 100), 0);
}

static void what_belongs_to_a_segment_that_was_never_stored(void **state)
{
    const struct pkv__loss_record record = lost(5, 10, 7);
    (void)state;
    put(&record, 1);
    assert_int_equal(asked(-100, 100), 7);
}

static void a_sealed_segment_tells_it_itself(void **state)
{
    const struct pkv__loss_record record = lost(1, 10, 7);
    pkv_error error;
    (void)state;
    open_segment();
    tell(10, 0);
    tell(12, 7);
    assert_done(pkv__segment_writer_seal(writer, &error), error);
    put(&record, 1);
    assert_int_equal(asked(-100, 100), 7);
}

/* Its first block says what was lost before it; no packet of it is of that time. */
static void what_a_segment_tells_that_began_later(void **state)
{
    struct pkv__buffer raw = {0};
    const struct pkv__segment_name name = {.start_ns = NOON_NS + 60 * S, .sequence = 2};
    const struct pkv__section section = {.sequence = 2};
    const pkv_interface eth0 = {.link_type = 1, .name = "eth0"};
    const struct pkv__statistics told[] = {
        {.time_ns = name.start_ns, .start_ns = name.start_ns, .end_ns = PKV_TIME_MIN},
        {.time_ns = NOON_NS + 10 * S, .start_ns = name.start_ns, .end_ns = PKV_TIME_MIN},
        {.time_ns = NOON_NS + 12 * S,
         .start_ns = name.start_ns,
         .end_ns = PKV_TIME_MIN,
         .lost_disk = 7},
    };
    pkv_error error;
    (void)state;
    pkv__pcapng_put_section(&raw, &section);
    pkv__pcapng_put_interface(&raw, &eth0);
    for (size_t i = 0; i < 3; i++)
        pkv__pcapng_put_statistics(&raw, 0, &told[i], NULL);
    assert_done(pkv__segment_writer_open(&writer, directory, &name, NULL, 0, &error), error);
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
    assert_int_equal(asked(0, 30), 7);
    assert_int_equal(asked(0, 100), 7);
    assert_int_equal(asked(13, 30), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_an_open_segment_could_not_tell),
        TEST(what_it_tells_already_is_told_once),
        TEST(what_no_segment_was_there_to_tell),
        TEST(what_belongs_to_a_segment_that_was_never_stored),
        TEST(a_sealed_segment_tells_it_itself),
        TEST(what_a_segment_tells_that_began_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
