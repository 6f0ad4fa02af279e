/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets leave in order of time whatever the order in which they were stored, in bounded memory.
 */
#include <string.h>

#include "base/fault.h"
#include "base/limits.h"
#include "tests/query/support.h"

static pkv_writer *writer_of(const char *directory)
{
    pkv_writer *writer = NULL;
    pkv_error error = {0};
    pkv_interface view = {.link_type = 1, .name = "test0"};
    uint32_t id;
    if (pkv_writer_open(&writer, directory, NULL, NULL, &error))
        fail_msg("%s", error.text);
    assert_int_equal(pkv_writer_add_interface(writer, &id, &view, &error), 0);
    assert_int_equal(id, 0);
    return writer;
}

static void append(pkv_writer *writer, int64_t time_ns, const uint8_t *data, uint32_t length)
{
    pkv_error error = {0};
    pkv_packet packet = {
        .time_ns = time_ns, .data = data, .captured_bytes = length, .original_bytes = length};
    assert_int_equal(pkv_writer_append(writer, &packet, &error), 0);
}

/* A frame that says its number: an Ethertype of local experiments (IEEE 802, 0x88b5). */
static void frame(uint8_t data[60], uint32_t number)
{
    memset(data, 0, 60);
    data[12] = 0x88;
    data[13] = 0xb5;
    memcpy(data + 14, &number, sizeof(number));
}

static void assert_in_order(const char *directory, unsigned flags, uint64_t expected)
{
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_error error = {0};
    int64_t last = INT64_MIN;
    uint64_t count = 0;
    assert_int_equal(
        pkv_query_open(&query, &directory, 1, "", PKV_TIME_MIN, PKV_TIME_MAX, flags, NULL, &error),
        0);
    while (pkv_query_next(query, &packet, &error) == PKV_PACKET) {
        assert_true(packet.time_ns >= last);
        last = packet.time_ns;
        count++;
    }
    assert_int_equal(count, expected);
    (void)pkv_query_free(query);
}

static void times_that_run_backwards_come_out_forwards(void **state)
{
    char *directory = test_directory_make();
    pkv_writer *writer = writer_of(directory);
    uint8_t data[60];
    (void)state;
    for (uint32_t i = 0; i < 5000; i++) {
        frame(data, i);
        append(writer, 1000000000000 - (int64_t)i * 1000, data, sizeof(data));
    }
    assert_int_equal(pkv_writer_close(writer, NULL), 0);
    assert_in_order(directory, PKV_QUERY_NO_INDEX, 5000);
    test_index(directory);
    assert_in_order(directory, 0, 5000);
    test_directory_remove(directory);
}

static void packets_shuffled_over_segments_are_merged(void **state)
{
    char *directory = test_directory_make();
    uint8_t data[60];
    uint64_t random = 42;
    (void)state;
    for (uint32_t segment = 0; segment < 20; segment++) {
        pkv_writer *writer = writer_of(directory);
        for (uint32_t i = 0; i < 2000; i++) {
            frame(data, i);
            append(writer, 1000000000000 + (int64_t)(test_random(&random) % 1000000), data,
                   sizeof(data));
        }
        assert_int_equal(pkv_writer_close(writer, NULL), 0);
    }
    assert_in_order(directory, PKV_QUERY_NO_INDEX, 40000);
    test_index(directory);
    assert_in_order(directory, 0, 40000);
    test_directory_remove(directory);
}

static void equal_times_keep_the_order_of_segment_and_ordinal(void **state)
{
    char *directory = test_directory_make();
    pkv_query *query = NULL;
    pkv_packet packet;
    const char *directories = directory;
    uint8_t data[60];
    uint32_t number, expected = 0;
    (void)state;
    for (uint32_t segment = 0; segment < 3; segment++) {
        pkv_writer *writer = writer_of(directory);
        for (uint32_t i = 0; i < 3000; i++) {
            frame(data, segment * 3000 + i);
            append(writer, 1000000000000, data, sizeof(data));
        }
        assert_int_equal(pkv_writer_close(writer, NULL), 0);
    }
    test_index(directory);
    assert_int_equal(
        pkv_query_open(&query, &directories, 1, "", PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, NULL), 0);
    while (pkv_query_next(query, &packet, NULL) == PKV_PACKET) {
        memcpy(&number, packet.data + 14, sizeof(number));
        assert_int_equal(number, expected);
        expected++;
    }
    assert_int_equal(expected, 9000);
    (void)pkv_query_free(query);
    test_directory_remove(directory);
}

static unsigned writes; /* from every thread */

static int count_writes(const char *operation)
{
    if (strcmp(operation, "write") == 0)
        (void)__atomic_add_fetch(&writes, 1, __ATOMIC_RELAXED);
    return 0;
}

#define EARLY 30 /* every 30th packet, so that each block has one */

static int64_t time_of(uint32_t number)
{
    return number % EARLY ? 1000000000000 + (int64_t)number : (int64_t)number;
}

/* Every block has a packet of the first moment, so all of them are read at once and the rest of
 * them waits: twice of what memory may hold. */
static void what_does_not_fit_into_memory_waits_in_a_file(void **state)
{
    char *directory = test_directory_make();
    const uint32_t length = 1000, count = 2 * PKV__QUERY_HELD_BYTES / length;
    const char *directories = directory;
    uint8_t data[1000] = {[12] = 0x88, [13] = 0xb5};
    pkv_writer *writer = writer_of(directory);
    pkv_query *query = NULL;
    pkv_packet packet;
    uint32_t number, given = 0;
    int64_t last = -1;
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(data + 14, &i, sizeof(i));
        append(writer, time_of(i), data, length);
    }
    assert_int_equal(pkv_writer_close(writer, NULL), 0);

    writes = 0;
    pkv__fault_hook = count_writes;
    assert_int_equal(
        pkv_query_open(&query, &directories, 1, "", PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, NULL), 0);
    while (pkv_query_next(query, &packet, NULL) == PKV_PACKET) {
        memcpy(&number, packet.data + 14, sizeof(number));
        assert_int_equal(packet.time_ns, time_of(number));
        assert_true(packet.time_ns > last);
        last = packet.time_ns;
        given++;
    }
    pkv__fault_hook = NULL;
    assert_int_equal(given, count);
    assert_true(writes > 0);
    (void)pkv_query_free(query);
    test_directory_remove(directory);
}

static void the_second_copy_of_a_mirrored_packet_is_dropped(void **state)
{
    char *directory = test_directory_make();
    pkv_query *query = NULL;
    pkv_query_report report;
    pkv_packet packet;
    const char *directories = directory;
    uint8_t data[60];
    unsigned count = 0;
    (void)state;
    pkv_writer *mirrors[2] = {writer_of(directory), writer_of(directory)}; /* two lanes at a time */
    for (int mirror = 0; mirror < 2; mirror++) {
        for (uint32_t i = 0; i < 100; i++) {
            frame(data, i);
            append(mirrors[mirror], 1000000000000 + i * 1000000ll + mirror * 300, data,
                   sizeof(data));
        }
        frame(data, 7); /* alike, but a long time after each other */
        append(mirrors[mirror], 2000000000000 + mirror * 1000000000ll, data, sizeof(data));
        frame(
            data,
            1000 +
                (uint32_t)mirror); /* alike and soon after, but of one mirror: it was sent twice */
        append(mirrors[mirror], 3000000000000, data, sizeof(data));
        append(mirrors[mirror], 3000000000001, data, sizeof(data));
        assert_int_equal(pkv_writer_close(mirrors[mirror], NULL), 0);
    }
    assert_int_equal(pkv_query_open(&query, &directories, 1, "", PKV_TIME_MIN, PKV_TIME_MAX,
                                    PKV_QUERY_DEDUP, NULL, NULL),
                     0);
    while (pkv_query_next(query, &packet, NULL) == PKV_PACKET)
        count++;
    (void)pkv_query_report_get(query, &report);
    assert_int_equal(count, 106);
    assert_int_equal(report.duplicates, 100);
    (void)pkv_query_free(query);
    test_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_run_backwards_come_out_forwards),
        cmocka_unit_test(packets_shuffled_over_segments_are_merged),
        cmocka_unit_test(equal_times_keep_the_order_of_segment_and_ordinal),
        cmocka_unit_test(what_does_not_fit_into_memory_waits_in_a_file),
        cmocka_unit_test(the_second_copy_of_a_mirrored_packet_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
