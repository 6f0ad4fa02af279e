/* SPDX-License-Identifier: BSD-2-Clause */
/* What an answer lacks: losses by cause and second, gaps, and how much of a range was recorded.
 * Each by scanning, and again once the segments are in the catalog. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/directory.h"
#include "schema/database.h"
#include "tests/query/live.h"

#define S 1000000000ll
#define T0 (1700000000 * S)

static pkv_query_report ask(const char *directory, int64_t since_ns, int64_t until_ns,
                            pkv_missing missing[8])
{
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_query_report report;
    pkv_error error = {0};
    if (pkv_query_open(&query, &directory, 1, "", since_ns, until_ns, 0, NULL, &error))
        fail_msg("%s", error.text);
    while (pkv_query_next(query, &packet, &error) == PKV_PACKET)
        continue;
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    assert_true(report.missing_count <= 8);
    if (report.missing_count)
        memcpy(missing, report.missing, report.missing_count * sizeof(*missing));
    (void)pkv_query_free(query);
    return report;
}

static void assert_missing(const pkv_missing *is, int cause, int64_t from_ns, int64_t until_ns,
                           uint64_t packets)
{
    assert_int_equal(is->cause, cause);
    assert_int_equal(is->from_ns, from_ns);
    assert_int_equal(is->until_ns, until_ns);
    assert_int_equal(is->packets, packets);
}

static void losses_have_their_cause_and_second(void **state)
{
    static const struct pkv__statistics readings[] = {
        {.time_ns = T0 + 10 * S, .start_ns = T0, .end_ns = T0 + 10 * S},
        {.time_ns = T0 + 11 * S, .start_ns = T0, .end_ns = T0 + 11 * S, .lost_kernel = 5},
        {.time_ns = T0 + 30 * S, .start_ns = T0, .end_ns = T0 + 30 * S, .lost_kernel = 5},
        {.time_ns = T0 + 31 * S,
         .start_ns = T0,
         .end_ns = T0 + 31 * S,
         .lost_kernel = 5,
         .lost_buffer = 7,
         .lost_disk = 1,
         .refused = 2}};
    static const int64_t packets[] = {T0 + S, T0 + 50 * S};
    struct test_live live = {T0, T0 + 60 * S, 1, 0, NULL, packets, 2, readings, 4};
    char *directory = test_directory_make();
    pkv_missing missing[8];
    (void)state;
    test_live_write(directory, &live);
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        pkv_query_report report = ask(directory, PKV_TIME_MIN, PKV_TIME_MAX, missing);
        assert_int_equal(report.missing_count, 4);
        assert_missing(&missing[0], PKV_MISSING_KERNEL, T0 + 10 * S, T0 + 11 * S, 5);
        assert_missing(&missing[1], PKV_MISSING_BUFFER, T0 + 30 * S, T0 + 31 * S, 7);
        assert_missing(&missing[2], PKV_MISSING_DISK, T0 + 30 * S, T0 + 31 * S, 1);
        assert_missing(&missing[3], PKV_MISSING_REFUSED, T0 + 30 * S, T0 + 31 * S, 2);
        assert_int_equal(ask(directory, T0 + 12 * S, T0 + 20 * S, missing).missing_count, 0);
        assert_int_equal(ask(directory, T0, T0 + 12 * S, missing).missing_count, 1);
        test_index(directory);
    }
    test_directory_remove(directory);
}

static void a_packet_that_waited_in_the_kernel_is_found(void **state)
{
    static const int64_t packets[] = {T0 - 50 * S, T0 + S};
    struct test_live live = {T0, T0 + 60 * S, 1, 0, NULL, packets, 2, NULL, 0};
    char *directory = test_directory_make();
    pkv_missing missing[8];
    (void)state;
    test_live_write(directory, &live);
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        assert_int_equal(ask(directory, T0 - 55 * S, T0 - 45 * S, missing).packets, 1);
        test_index(directory);
    }
    test_directory_remove(directory);
}

/* Two runs of a daemon: quiet for nearly all of the first, nobody listens for 100 s. */
static char *two_runs(void)
{
    static const int64_t early[] = {T0 + S}, late[] = {T0 + 401 * S};
    struct test_live runs[] = {{T0, T0 + 150 * S, 1, 0, NULL, early, 1, NULL, 0},
                               {T0 + 150 * S, T0 + 300 * S, 2, 0, NULL, NULL, 0, NULL, 0},
                               {T0 + 400 * S, T0 + 500 * S, 3, 0, NULL, late, 1, NULL, 0}};
    char *directory = test_directory_make();
    for (unsigned i = 0; i < 3; i++)
        test_live_write(directory, &runs[i]);
    return directory;
}

static void between_two_runs_is_a_gap_and_quiet_is_none(void **state)
{
    char *directory = two_runs();
    pkv_missing missing[8];
    (void)state;
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        assert_int_equal(ask(directory, PKV_TIME_MIN, PKV_TIME_MAX, missing).missing_count, 1);
        assert_missing(&missing[0], PKV_MISSING_GAP, T0 + 300 * S, T0 + 400 * S, 0);
        assert_int_equal(ask(directory, T0 + 2 * S, T0 + 299 * S, missing).missing_count, 0);
        assert_int_equal(ask(directory, T0 + 400 * S, T0 + 450 * S, missing).missing_count, 0);
        assert_int_equal(ask(directory, T0 + 350 * S, T0 + 450 * S, missing).missing_count, 1);
        assert_missing(&missing[0], PKV_MISSING_GAP, T0 + 350 * S, T0 + 400 * S, 0);
        assert_int_equal(ask(directory, T0 + 320 * S, T0 + 330 * S, missing).missing_count, 1);
        assert_missing(&missing[0], PKV_MISSING_GAP, T0 + 320 * S, T0 + 330 * S, 0);
        test_index(directory);
    }
    test_directory_remove(directory);
}

static void change_catalog(const char *directory, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(pkv__catalog_open(&db, directory, NULL), 0);
    assert_int_equal(pkv__database_exec(db, sql, NULL), 0);
    pkv__database_close(db);
}

/* 1,500 losses of a cause in the first segment, and one damage. */
#define MANY_LOSSES_AND_A_DAMAGE                                                                   \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) "              \
    "INSERT INTO loss SELECT name, 0, 'kernel', start_ns + i, start_ns + i + 1, 1 FROM n, "        \
    "(SELECT name, start_ns FROM segment WHERE sequence = 1);"                                     \
    "INSERT INTO damage SELECT name, 7, 'tested' FROM segment WHERE sequence = 1"

static int take_missing(void *context, const pkv_missing *missing)
{
    size_t *counts = context;
    counts[missing->cause]++;
    return 0;
}

static void many_losses_do_not_hide_what_cannot_be_read(void **state)
{
    char *directory = two_runs();
    const char *directories = directory;
    size_t counts[PKV_MISSING_CAUSES] = {0};
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_query_report report = {0};
    (void)state;
    test_index(directory);
    change_catalog(directory, MANY_LOSSES_AND_A_DAMAGE);
    assert_int_equal(
        pkv_query_open(&query, &directories, 1, "", PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, NULL), 0);
    while (pkv_query_next(query, &packet, NULL) == PKV_PACKET)
        continue;
    for (unsigned again = 0; again < 2; again++) {
        assert_int_equal(pkv_query_report_get(query, &report), 0);
        assert_int_equal(report.missing_count, 1002); /* with the gap */
        assert_int_equal(report.missing_more, 500);
        assert_int_equal(report.missing_more_of[PKV_MISSING_KERNEL], 500);
    }
    for (size_t i = 0; i < report.missing_count; i++)
        (void)take_missing(counts, &report.missing[i]);
    assert_int_equal(counts[PKV_MISSING_UNREADABLE], 1);
    (void)pkv_query_free(query);
    assert_int_equal(
        pkv_status_missing(directory, PKV_TIME_MIN, PKV_TIME_MAX, take_missing, counts, NULL),
        PKV_STATUS_MORE);
    assert_int_equal(counts[PKV_MISSING_UNREADABLE], 2);
    test_directory_remove(directory);
}

static void a_range_says_how_much_of_it_was_recorded(void **state)
{
    char *directory = two_runs();
    pkv_missing missing[8];
    (void)state;
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        assert_int_equal(ask(directory, T0 + 10 * S, T0 + 20 * S, missing).covered_ns, 10 * S);
        assert_int_equal(ask(directory, T0 + 320 * S, T0 + 330 * S, missing).covered_ns, 0);
        /* The end of coverage is the last moment that is covered. */
        assert_int_equal(ask(directory, T0 + 290 * S, T0 + 410 * S, missing).covered_ns,
                         20 * S + 1);
        pkv_query_report report = ask(directory, T0 + 320 * S, T0 + 330 * S, missing);
        assert_int_equal(report.covered_from_ns, T0);
        /* What begins behind the range is known by its name alone until it is in the catalog. */
        assert_int_equal(report.covered_until_ns, T0 + (indexed ? 500 : 400) * S);
        test_index(directory);
    }
    test_directory_remove(directory);
}

static void a_name_counts_for_the_time_that_had_it(void **state)
{
    static const int64_t early[] = {T0 + S}, late[] = {T0 + 101 * S};
    struct test_live runs[] = {{T0, T0 + 100 * S, 1, 100, "100-149 web", early, 1, NULL, 0},
                               {T0 + 100 * S, T0 + 200 * S, 2, 100, "100 shop", late, 1, NULL, 0}};
    char *directory = test_directory_make();
    const char *directories = directory;
    (void)state;
    test_live_write(directory, &runs[0]);
    test_live_write(directory, &runs[1]);
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        pkv_query *query = NULL;
        pkv_packet packet;
        pkv_summary summary;
        assert_int_equal(pkv_query_open(&query, &directories, 1, "vni web", PKV_TIME_MIN,
                                        PKV_TIME_MAX, 0, NULL, NULL),
                         0);
        assert_int_equal(pkv_query_next(query, &packet, NULL), PKV_PACKET);
        pkv_query_summary(query, &summary);
        assert_int_equal(summary.vni, 100);
        assert_string_equal(summary.vni_name, "web");
        assert_int_equal(pkv_query_next(query, &packet, NULL), PKV_PACKET);
        pkv_query_summary(query, &summary);
        assert_string_equal(summary.vni_name, "shop");
        assert_int_equal(pkv_query_next(query, &packet, NULL), 0);
        (void)pkv_query_free(query);
        test_index(directory);
    }
    test_directory_remove(directory);
}

static void a_range_holds_for_each_of_several_archives(void **state)
{
    char *directories[] = {two_runs(), two_runs()};
    (void)state;
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        pkv_query *query = NULL;
        pkv_packet packet;
        assert_int_equal(pkv_query_open(&query, (const char *const *)directories, 2, "",
                                        T0 + 400 * S, T0 + 402 * S, 0, NULL, NULL),
                         0);
        assert_int_equal(pkv_query_next(query, &packet, NULL), PKV_PACKET);
        assert_int_equal(packet.time_ns, T0 + 401 * S);
        assert_int_equal(pkv_query_next(query, &packet, NULL), PKV_PACKET);
        assert_int_equal(packet.time_ns, T0 + 401 * S);
        assert_int_equal(pkv_query_next(query, &packet, NULL), 0);
        (void)pkv_query_free(query);
        test_index(directories[indexed]); /* one by its index, one by scanning */
    }
    test_directory_remove(directories[0]);
    test_directory_remove(directories[1]);
}

static uint64_t segments_of(sqlite3 *db)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *count = NULL;
    assert_int_equal(pkv__database_prepare(&count, db, "SELECT count(*) FROM segment", NULL), 0);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    return (uint64_t)sqlite3_column_int64(count, 0);
}

/* As the indexer does once a directory has been quiet for some seconds. */
static void note_days(const char *directory, const char *then)
{
    struct pkv__archive_day *days = NULL;
    sqlite3 *db = NULL;
    size_t count = 0;
    assert_int_equal(pkv__archive_days(directory, NULL, &days, &count, NULL), 0);
    assert_int_equal(count, 1);
    assert_int_equal(pkv__catalog_open(&db, directory, NULL), 0);
    days[0].segments = segments_of(db);
    assert_int_equal(pkv__archive_notes_write(directory, days, 1, NULL), 0);
    assert_int_equal(pkv__database_exec(db, then, NULL), 0);
    pkv__database_close(db);
    free(days);
}

static void what_comes_to_a_noted_day_is_found(void **state)
{
    static const int64_t packets[] = {T0 + 600 * S};
    struct test_live more = {T0 + 500 * S, T0 + 700 * S, 4, 0, NULL, packets, 1, NULL, 0};
    char *directory = two_runs();
    pkv_missing missing[8];
    (void)state;
    test_index(directory);
    note_days(directory, "");
    assert_int_equal(ask(directory, PKV_TIME_MIN, PKV_TIME_MAX, missing).packets, 2);
    test_live_write(directory, &more);
    pkv_query_report report = ask(directory, PKV_TIME_MIN, PKV_TIME_MAX, missing);
    assert_int_equal(report.packets, 3);
    assert_int_equal(report.segments, 4);
    test_directory_remove(directory);
}

static void what_a_catalog_lost_of_a_noted_day_is_found(void **state)
{
    char *directory = two_runs();
    pkv_missing missing[8];
    (void)state;
    test_index(directory);
    note_days(directory, "DELETE FROM segment WHERE sequence = 3");
    assert_int_equal(ask(directory, PKV_TIME_MIN, PKV_TIME_MAX, missing).packets, 2);
    test_index(directory);
    note_days(directory, "DELETE FROM summary");
    assert_int_equal(ask(directory, PKV_TIME_MIN, PKV_TIME_MAX, missing).packets, 2);
    assert_int_equal(ask(directory, T0, T0 + 10 * S, missing).packets, 1);
    test_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_have_their_cause_and_second),
        cmocka_unit_test(a_packet_that_waited_in_the_kernel_is_found),
        cmocka_unit_test(between_two_runs_is_a_gap_and_quiet_is_none),
        cmocka_unit_test(many_losses_do_not_hide_what_cannot_be_read),
        cmocka_unit_test(a_range_says_how_much_of_it_was_recorded),
        cmocka_unit_test(a_name_counts_for_the_time_that_had_it),
        cmocka_unit_test(a_range_holds_for_each_of_several_archives),
        cmocka_unit_test(what_comes_to_a_noted_day_is_found),
        cmocka_unit_test(what_a_catalog_lost_of_a_noted_day_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
