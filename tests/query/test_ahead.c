/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that are read ahead on threads: the same packets in the same order, and nothing goes on
 * when the query ends early. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/fault.h"
#include "tests/query/support.h"

#define PACKETS 20000u
#define LENGTH 1000u /* 300 blocks */

static char *archive_make(void)
{
    char *directory = test_directory_make();
    pkv_writer *writer = NULL;
    pkv_error error = {0};
    pkv_interface view = {.link_type = 1, .name = "test0"};
    uint8_t data[LENGTH] = {[12] = 0x88, [13] = 0xb5};
    uint32_t id;
    if (pkv_writer_open(&writer, directory, NULL, NULL, &error))
        fail_msg("%s", error.text);
    assert_int_equal(pkv_writer_add_interface(writer, &id, &view, &error), 0);
    for (uint32_t i = 0; i < PACKETS; i++) {
        memcpy(data + 14, &i, sizeof(i));
        pkv_packet packet = {.time_ns = 1000000000000 + (int64_t)i,
                             .data = data,
                             .captured_bytes = LENGTH,
                             .original_bytes = LENGTH,
                             .interface_id = id};
        assert_int_equal(pkv_writer_append(writer, &packet, &error), 0);
    }
    assert_int_equal(pkv_writer_close(writer, &error), 0);
    test_index(directory);
    return directory;
}

static int set_up(void **state)
{
    *state = archive_make();
    return 0;
}

static int tear_down(void **state)
{
    test_directory_remove(*state);
    return 0;
}

static pkv_query *open_query(const char *directory)
{
    pkv_query *query = NULL;
    pkv_error error = {0};
    /* libpcap judges each packet, on whatever thread reads it. */
    if (pkv_query_open(&query, &directory, 1, "greater 60", PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL,
                       &error))
        fail_msg("%s", error.text);
    return query;
}

static void assert_all_in_order(pkv_query *query)
{
    pkv_packet packet;
    uint32_t number, given = 0;
    while (pkv_query_next(query, &packet, NULL) == PKV_PACKET) {
        memcpy(&number, packet.data + 14, sizeof(number));
        assert_int_equal(number, given);
        given++;
    }
    assert_int_equal(given, PACKETS);
}

static void every_packet_comes_in_order(void **state)
{
    pkv_query *query = open_query(*state);
    pkv_query_report report;
    assert_all_in_order(query);
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    assert_true(report.blocks > 250);
    assert_int_equal(report.blocks_read, report.blocks);
    (void)pkv_query_free(query);
}

static int refuse_threads(const char *operation)
{
    return strcmp(operation, "thread") == 0 ? EAGAIN : 0;
}

static void without_threads_it_is_the_same(void **state)
{
    pkv_query *query = open_query(*state);
    pkv__fault_hook = refuse_threads;
    assert_all_in_order(query);
    pkv__fault_hook = NULL;
    (void)pkv_query_free(query);
}

static void it_can_be_left_at_any_packet(void **state)
{
    pkv_packet packet;
    for (uint32_t left_at = 0; left_at < 2000; left_at += 61) {
        pkv_query *query = open_query(*state);
        for (uint32_t i = 0; i < left_at; i++)
            assert_int_equal(pkv_query_next(query, &packet, NULL), PKV_PACKET);
        (void)pkv_query_free(query);
    }
}

static void it_can_be_asked_for_link_types_first(void **state)
{
    pkv_query *query = open_query(*state);
    unsigned count;
    uint16_t link_type;
    uint32_t snap_length;
    assert_int_equal(pkv_query_link_types(query, &count, &link_type, &snap_length, NULL), 0);
    assert_int_equal(count, 1);
    assert_all_in_order(query);
    (void)pkv_query_free(query);
}

static void *cancel(void *query)
{
    pkv_query_cancel(query);
    return NULL;
}

static void another_thread_cancels(void **state)
{
    pkv_query *query = open_query(*state);
    pkv_packet packet;
    pkv_error error;
    pthread_t thread;
    uint32_t given = 0;
    int rc;
    for (; given < 2000; given++)
        assert_int_equal(pkv_query_next(query, &packet, NULL), PKV_PACKET);
    assert_int_equal(pthread_create(&thread, NULL, cancel, query), 0);
    while ((rc = pkv_query_next(query, &packet, &error)) == PKV_PACKET)
        given++;
    (void)pthread_join(thread, NULL);
    /* It may have read everything before it heard of it. */
    assert_true(rc == PKV_E_CANCELED || given == PACKETS);
    assert_int_equal(pkv_query_next(query, &packet, &error), PKV_E_CANCELED);
    (void)pkv_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_comes_in_order),
        cmocka_unit_test(without_threads_it_is_the_same),
        cmocka_unit_test(it_can_be_left_at_any_packet),
        cmocka_unit_test(it_can_be_asked_for_link_types_first),
        cmocka_unit_test(another_thread_cancels),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
