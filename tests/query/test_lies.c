/* SPDX-License-Identifier: BSD-2-Clause */
/* An index that is not true, though every page has its sum. */
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/hash.h"
#include "schema/page_sum.h"
#include "tests/query/support.h"

/* One packet in six is a flow of its own; the others, and the first, are of one flow. */
enum { PACKETS = 60000, STEP_NS = 1000, LAST_NS = PACKETS * STEP_NS };

static char *directory;

static void udp_frame(uint8_t data[42], uint32_t number)
{
    static const uint8_t head[] = {0x02, 0,    0,    0, 0, 1,  0x02, 0, 0, 0, 0,  2,
                                   0x08, 0x00, 0x45, 0, 0, 28, 0,    0, 0, 0, 64, 17,
                                   0,    0,    10,   0, 0, 0,  10,   0, 0, 2, 0,  7};
    memset(data, 0, 42);
    memcpy(data, head, sizeof(head));
    data[37] = 53;
    data[39] = 8;
    if (number % 6)
        return;
    data[27] = (uint8_t)(number >> 16);
    data[28] = (uint8_t)(number >> 8);
    data[29] = (uint8_t)number;
}

static int make_archive(void **state)
{
    pkv_writer *writer = NULL;
    pkv_interface view = {.link_type = 1, .name = "test0"};
    uint32_t id;
    uint8_t data[42];
    pkv_error error = {0};
    (void)state;
    directory = test_directory_make();
    assert_int_equal(pkv_writer_open(&writer, directory, NULL, NULL, &error), 0);
    assert_int_equal(pkv_writer_add_interface(writer, &id, &view, &error), 0);
    for (uint32_t i = 0; i < PACKETS; i++) {
        udp_frame(data, i);
        pkv_packet packet = {.time_ns = (int64_t)i * STEP_NS,
                             .data = data,
                             .captured_bytes = 42,
                             .original_bytes = 42,
                             .interface_id = id};
        assert_int_equal(pkv_writer_append(writer, &packet, &error), 0);
    }
    assert_int_equal(pkv_writer_close(writer, &error), 0);
    test_index(directory);
    return 0;
}

static int remove_archive(void **state)
{
    (void)state;
    test_directory_remove(directory);
    return 0;
}

struct sum {
    uint64_t rows, packets, hash;
};

static int add_flow(void *context, const pkv_flow *flow)
{
    struct sum *sum = context;
    sum->rows++;
    sum->packets += flow->src_packets + flow->dst_packets;
    const int64_t parts[] = {(int64_t)sum->hash, flow->first_ns, flow->last_ns,
                             (int64_t)flow->src_bytes,
                             (int64_t)pkv__hash64(flow->src.bytes, sizeof(flow->src.bytes))};
    sum->hash = pkv__hash64(parts, sizeof(parts));
    return 0;
}

static void sum_flows(struct sum *sum, int64_t since_ns, unsigned flags)
{
    const char *const directories[] = {directory};
    pkv_query *query = NULL;
    *sum = (struct sum){0};
    assert_int_equal(
        pkv_query_open(&query, directories, 1, "", since_ns, PKV_TIME_MAX, flags, NULL, NULL), 0);
    assert_int_equal(pkv_query_flows(query, PKV_BY_FLOW, PKV_SORT_TIME, 0, add_flow, sum, NULL), 0);
    pkv_query_report report;
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    assert_int_equal(report.packets, sum->packets);
    (void)pkv_query_free(query);
}

static void assert_flows_as_scanned(void)
{
    static const int64_t times_ns[] = {PKV_TIME_MIN, LAST_NS / 3};
    for (unsigned i = 0; i < 2; i++) {
        struct sum by_index, by_scan;
        sum_flows(&by_index, times_ns[i], 0);
        sum_flows(&by_scan, times_ns[i], PKV_QUERY_NO_INDEX);
        assert_int_equal(by_index.rows, by_scan.rows);
        assert_int_equal(by_index.packets, by_scan.packets);
        assert_int_equal(by_index.hash, by_scan.hash);
    }
}

static void change_index(const char *sql)
{
    char *path = test_first_file(directory, "index");
    sqlite3 *db = NULL;
    assert_int_equal(pkv__page_sum_vfs_register(), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, PKV__PAGE_SUM_VFS),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    (void)sqlite3_close(db);
    free(path);
}

static void flows_are_those_of_a_scan(void **state)
{
    struct sum sum;
    (void)state;
    sum_flows(&sum, PKV_TIME_MIN, 0);
    assert_int_equal(sum.rows, PACKETS / 6);
    assert_int_equal(sum.packets, PACKETS);
    assert_flows_as_scanned();
}

static void damage_that_shows_late_makes_nothing_count_twice(void **state)
{
    (void)state;
    change_index("UPDATE flow SET tunnel = 99 WHERE id = (SELECT max(id) FROM flow)");
    assert_flows_as_scanned();
}

static void ask(struct test_answer *answer, int64_t since_ns, int64_t until_ns)
{
    pkv_error error = {0};
    assert_int_equal(test_ask(answer, directory, "", since_ns, until_ns, 0, &error), 0);
}

/* A short file, with pages that many flows share, would fill any memory. */
static void flows_have_no_more_packets_than_the_segment(void **state)
{
    struct test_answer answer;
    (void)state;
    change_index(
        "UPDATE flow SET ordinals = (SELECT max(ordinals) FROM flow WHERE src_packets > 9)");
    ask(&answer, PKV_TIME_MIN, PKV_TIME_MAX);
    assert_int_equal(answer.packets, PACKETS);
    assert_int_equal(answer.scanned, 1);
}

static void a_packet_outside_of_the_range_is_not_given(void **state)
{
    struct test_answer answer;
    (void)state;
    change_index("UPDATE block SET after_ns = 2000000, duration_ns = 1000");
    ask(&answer, 2000 * STEP_NS, 2010 * STEP_NS);
    assert_int_equal(answer.packets, 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_archive, remove_archive)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flows_are_those_of_a_scan),
        TEST(damage_that_shows_late_makes_nothing_count_twice),
        TEST(flows_have_no_more_packets_than_the_segment),
        TEST(a_packet_outside_of_the_range_is_not_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
