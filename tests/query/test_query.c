/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole flows, cancelling, and answers over archives that are not as they should be. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/query/support.h"

/* An Ethernet frame with IPv4 and UDP and no payload, between 10.0.0.1 and 10.0.0.2. */
static void udp_frame(uint8_t data[60], uint16_t port, int back)
{
    static const uint8_t head[] = {0x02, 0,    0,    0, 0, 1,  0x02, 0, 0, 0, 0,  2,
                                   0x08, 0x00, 0x45, 0, 0, 28, 0,    0, 0, 0, 64, 17,
                                   0,    0,    10,   0, 0, 1,  10,   0, 0, 2};
    memset(data, 0, 60);
    memcpy(data, head, sizeof(head));
    data[29] = back ? 2 : 1;
    data[33] = back ? 1 : 2;
    uint16_t ports[2] = {port, 53};
    data[34] = (uint8_t)(ports[back] >> 8), data[35] = (uint8_t)ports[back];
    data[36] = (uint8_t)(ports[!back] >> 8), data[37] = (uint8_t)ports[!back];
    data[39] = 8;
}

/* Three segments of 1,000 packets a second apart: flows of ports 1000 to 1009, there and back. */
static char *archive_make(void)
{
    char *directory = test_directory_make();
    pkv_error error = {0};
    for (int segment = 0; segment < 3; segment++) {
        pkv_writer *writer = NULL;
        pkv_interface view = {.link_type = 1, .name = "test0"};
        uint32_t id;
        uint8_t data[60];
        assert_int_equal(pkv_writer_open(&writer, directory, NULL, NULL, &error), 0);
        assert_int_equal(pkv_writer_add_interface(writer, &id, &view, &error), 0);
        for (uint32_t i = 0; i < 1000; i++) {
            udp_frame(data, (uint16_t)(1000 + i % 10), i / 10 % 2);
            pkv_packet packet = {.time_ns = segment * 1000000000ll + i,
                                 .data = data,
                                 .captured_bytes = 42,
                                 .original_bytes = 42,
                                 .interface_id = id};
            assert_int_equal(pkv_writer_append(writer, &packet, &error), 0);
        }
        assert_int_equal(pkv_writer_close(writer, &error), 0);
    }
    return directory;
}

static uint64_t count_of(const char *directory, const char *text, int64_t since_ns,
                         int64_t until_ns, unsigned flags)
{
    struct test_answer answer;
    pkv_error error = {0};
    if (test_ask(&answer, directory, text, since_ns, until_ns, flags, &error))
        fail_msg("%s", error.text);
    return answer.packets;
}

static void a_range_has_its_beginning_and_not_its_end(void **state)
{
    char *directory = archive_make();
    (void)state;
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        assert_int_equal(count_of(directory, "", 0, 1000, 0), 1000);
        assert_int_equal(count_of(directory, "", 0, 999, 0), 999);
        assert_int_equal(count_of(directory, "", 1, 1000, 0), 999);
        assert_int_equal(count_of(directory, "port 1003", 999, 1000000004, 0), 1);
        assert_int_equal(count_of(directory, "port 1003", 3, 4, 0), 1);
        test_index(directory);
    }
    test_directory_remove(directory);
}

static void whole_gives_all_of_a_flow_that_matched_once(void **state)
{
    char *directory = archive_make();
    (void)state;
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        assert_int_equal(count_of(directory, "src port 1003", 3, 4, 0), 1);
        assert_int_equal(count_of(directory, "src port 1003", 3, 4, PKV_QUERY_WHOLE), 300);
        assert_int_equal(count_of(directory, "port 4000", 3, 4, PKV_QUERY_WHOLE), 0);
        test_index(directory);
    }
    test_directory_remove(directory);
}

static void a_canceled_query_says_so(void **state)
{
    char *directory = archive_make();
    const char *directories = directory;
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_error error = {0};
    (void)state;
    assert_int_equal(
        pkv_query_open(&query, &directories, 1, "", PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, &error),
        0);
    assert_int_equal(pkv_query_next(query, &packet, &error), PKV_PACKET);
    pkv_query_cancel(query);
    assert_int_equal(pkv_query_next(query, &packet, &error), PKV_E_CANCELED);
    (void)pkv_query_free(query);
    test_directory_remove(directory);
}

static void two_archives_are_merged_and_their_interfaces_united(void **state)
{
    char *directories[2] = {archive_make(), archive_make()};
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_interface view;
    pkv_error error = {0};
    int64_t last = INT64_MIN;
    unsigned count = 0;
    (void)state;
    assert_int_equal(pkv_query_open(&query, (const char *const *)directories, 2, "port 1001",
                                    PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, &error),
                     0);
    while (pkv_query_next(query, &packet, &error) == PKV_PACKET) {
        assert_true(packet.time_ns >= last);
        assert_int_equal(packet.interface_id, 0);
        last = packet.time_ns;
        count++;
    }
    assert_int_equal(count, 600);
    assert_int_equal(pkv_query_interface(query, 0, &view), 0);
    assert_string_equal(view.name, "test0");
    assert_int_equal(pkv_query_interface(query, 1, &view), PKV_E_NOT_FOUND);
    (void)pkv_query_free(query);
    test_directory_remove(directories[0]);
    test_directory_remove(directories[1]);
}

static void overwrite(const char *path, long offset, const char *bytes)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, strlen(bytes), 1, file), 1);
    assert_int_equal(fclose(file), 0);
}

static void a_broken_index_is_replaced_by_a_scan(void **state)
{
    char *directory = archive_make();
    (void)state;
    test_index(directory);
    char *index = test_first_file(directory, "index");
    overwrite(index, 0, "this is no database");
    assert_int_equal(count_of(directory, "port 1003", PKV_TIME_MIN, PKV_TIME_MAX, 0), 300);
    assert_int_equal(unlink(index), 0);
    assert_int_equal(count_of(directory, "port 1003", PKV_TIME_MIN, PKV_TIME_MAX, 0), 300);
    free(index);
    test_directory_remove(directory);
}

static void a_broken_catalog_is_replaced_by_a_list(void **state)
{
    char *directory = archive_make(), path[200];
    (void)state;
    test_index(directory);
    (void)snprintf(path, sizeof(path), "%s/catalog.sqlite", directory);
    overwrite(path, 0, "this is no database");
    assert_int_equal(count_of(directory, "port 1003", PKV_TIME_MIN, PKV_TIME_MAX, 0), 300);
    test_directory_remove(directory);
}

static void a_block_that_cannot_be_read_is_named(void **state)
{
    char *directory = archive_make();
    const char *directories = directory;
    pkv_query *query = NULL;
    pkv_query_report report;
    pkv_packet packet;
    unsigned count = 0, unreadable = 0;
    (void)state;
    test_index(directory);
    char *segment = test_first_file(directory, "segments");
    overwrite(segment, 2000, "bits that rotted");
    assert_int_equal(pkv_query_open(&query, &directories, 1, "port 1003", PKV_TIME_MIN,
                                    PKV_TIME_MAX, 0, NULL, NULL),
                     0);
    while (pkv_query_next(query, &packet, NULL) == PKV_PACKET)
        count++;
    assert_in_range(count, 200, 299);
    (void)pkv_query_report_get(query, &report);
    for (size_t i = 0; i < report.missing_count; i++)
        if (report.missing[i].cause == PKV_MISSING_UNREADABLE) {
            assert_non_null(strstr(report.missing[i].text, "segments/"));
            unreadable++;
        }
    assert_true(unreadable > 0);
    (void)pkv_query_free(query);
    free(segment);
    test_directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_has_its_beginning_and_not_its_end),
        cmocka_unit_test(whole_gives_all_of_a_flow_that_matched_once),
        cmocka_unit_test(a_canceled_query_says_so),
        cmocka_unit_test(two_archives_are_merged_and_their_interfaces_united),
        cmocka_unit_test(a_broken_index_is_replaced_by_a_scan),
        cmocka_unit_test(a_broken_catalog_is_replaced_by_a_list),
        cmocka_unit_test(a_block_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
