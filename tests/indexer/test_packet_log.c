/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "indexer/packet_log.h"
#include "tests/check.h"

static struct pkv__packet_log *log_of(const unsigned (*packets)[2], size_t count)
{
    struct pkv__packet_log *log;
    assert_int_equal(pkv__packet_log_new(&log), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pkv__packet_log_add(log, packets[i][0], packets[i][1]), 0);
    return log;
}

static void assert_list(const struct pkv__packets_by_flow *sorted, uint32_t flow,
                        uint64_t first_ordinal, unsigned initiator, const char *bytes,
                        size_t length)
{
    struct pkv__buffer list = {0};
    pkv__packets_by_flow_encode(sorted, flow, first_ordinal, initiator, &list);
    assert_int_equal(list.length, length);
    assert_memory_equal(list.data, bytes, length);
    pkv__buffer_deinit(&list);
}

/* Bytes by hand, from the sentence in index.sql: (difference) * 2 + direction, the first difference
 * from 0. */
static void lists_hold_differences_and_directions(void **state)
{
    (void)state;
    static const unsigned packets[][2] = {{0, 0}, {1, 1}, {0, 1}, {0, 0}, {2, 0}, {1, 1}};
    struct pkv__packet_log *log = log_of(packets, 6);
    struct pkv__packets_by_flow sorted;
    assert_int_equal(pkv__packet_log_sort(log, 3, &sorted), 0);
    assert_list(&sorted, 0, 0, 0, "\x00\x05\x02", 3);
    assert_list(&sorted, 1, 0, 0, "\x03\x09", 2);
    assert_list(&sorted, 2, 0, 0, "\x08", 1);
    pkv__packets_by_flow_deinit(&sorted);
    (void)pkv__packet_log_free(log);
}

static void direction_zero_is_the_initiator(void **state)
{
    (void)state;
    static const unsigned packets[][2] = {{0, 0}, {0, 1}};
    struct pkv__packet_log *log = log_of(packets, 2);
    struct pkv__packets_by_flow sorted;
    assert_int_equal(pkv__packet_log_sort(log, 1, &sorted), 0);
    assert_list(&sorted, 0, 0, 1, "\x01\x02", 2);
    pkv__packets_by_flow_deinit(&sorted);
    (void)pkv__packet_log_free(log);
}

static void ordinals_count_from_the_first_of_the_log(void **state)
{
    (void)state;
    static const unsigned packets[][2] = {{0, 0}, {0, 0}};
    struct pkv__packet_log *log = log_of(packets, 2);
    struct pkv__packets_by_flow sorted;
    assert_int_equal(pkv__packet_log_sort(log, 1, &sorted), 0);
    assert_list(&sorted, 0, 300, 0, "\xd8\x04\x02", 3); /* 600, 2 */
    pkv__packets_by_flow_deinit(&sorted);
    (void)pkv__packet_log_free(log);
}

static void many_packets_keep_their_order(void **state)
{
    (void)state;
    struct pkv__packet_log *log;
    struct pkv__packets_by_flow sorted;
    assert_int_equal(pkv__packet_log_new(&log), 0);
    for (unsigned i = 0; i < 200000; i++)
        assert_int_equal(pkv__packet_log_add(log, i % 3, i & 1), 0);
    assert_int_equal(pkv__packet_log_sort(log, 3, &sorted), 0);
    for (unsigned i = 0; i < 200000; i++)
        assert_int_equal(sorted.entries[sorted.starts[i % 3] + i / 3], i * 2 + (i & 1));
    assert_int_equal(sorted.starts[3], 200000);
    pkv__packets_by_flow_deinit(&sorted);
    (void)pkv__packet_log_free(log);
}

static void a_cleared_log_begins_anew(void **state)
{
    (void)state;
    static const unsigned packets[][2] = {{5, 0}, {6, 1}};
    struct pkv__packet_log *log = log_of(packets, 2);
    struct pkv__packets_by_flow sorted;
    pkv__packet_log_clear(log);
    assert_int_equal(pkv__packet_log_count(log), 0);
    assert_int_equal(pkv__packet_log_add(log, 0, 1), 0);
    assert_int_equal(pkv__packet_log_sort(log, 1, &sorted), 0);
    assert_list(&sorted, 0, 0, 0, "\x01", 1);
    pkv__packets_by_flow_deinit(&sorted);
    (void)pkv__packet_log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_hold_differences_and_directions),
        cmocka_unit_test(direction_zero_is_the_initiator),
        cmocka_unit_test(ordinals_count_from_the_first_of_the_log),
        cmocka_unit_test(many_packets_keep_their_order),
        cmocka_unit_test(a_cleared_log_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
