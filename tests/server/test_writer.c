/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/server/archive_reader.h"

#include <pktvault/writer.h>

#include "base/clock.h"
#include "base/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <unistd.h>

static pkv_options *options;

static int set_up(void **state)
{
    pkv_error error;
    if (make_directory(state) || pkv_options_new(&options))
        return -1;
    return pkv_options_set(options, "rotate_bytes", "256K", &error);
}

static int tear_down(void **state)
{
    pkv__fault_hook = NULL;
    (void)pkv_options_free(options);
    return remove_directory(state);
}

static pkv_writer *open_writer(const char *origin)
{
    pkv_writer *writer;
    pkv_error error;
    assert_done(pkv_writer_open(&writer, test_directory, origin, options, &error), error);
    return writer;
}

static uint32_t add_interface(pkv_writer *writer, uint16_t link_type, const char *name)
{
    pkv_interface interface_ = {.link_type = link_type, .snap_length = 65535, .name = name};
    pkv_error error;
    uint32_t id;
    assert_done(pkv_writer_add_interface(writer, &id, &interface_, &error), error);
    return id;
}

/* A packet whose first four bytes are its number. */
static int append(pkv_writer *writer, uint32_t interface_id, uint32_t number, uint32_t bytes,
                  pkv_error *error)
{
    static uint8_t data[1000001];
    memset(data, (int)(number * 31), bytes);
    memcpy(data, &number, 4);
    pkv_packet packet = {.time_ns = (1000 + (int64_t)number) * PKV__NS_PER_S,
                         .data = data,
                         .captured_bytes = bytes,
                         .original_bytes = bytes,
                         .interface_id = interface_id};
    return pkv_writer_append(writer, &packet, error);
}

static void packets_come_back_in_order_over_many_segments(void **state)
{
    (void)state;
    pkv_error error;
    pkv_writer *writer = open_writer("batch of today");
    uint32_t id = add_interface(writer, 1, "eth0");
    for (uint32_t i = 0; i < 5000; i++)
        assert_done(append(writer, id, i, 60 + i % 1400, &error), error);
    assert_done(pkv_writer_close(writer, &error), error);
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(seen->numbers[i], i);
    assert_in_range(seen->segments, 10, 20);
    assert_int_equal(seen->open, 0);
    assert_string_equal(seen->origin, "batch of today");
    for (unsigned i = 0; i < seen->segments; i++)
        assert_int_equal(last_told(seen, i)->received, seen->packets_in[i]);
    free(seen);
}

static void a_segment_names_only_the_interfaces_that_it_uses(void **state)
{
    (void)state;
    pkv_error error;
    pkv_writer *writer = open_writer(NULL);
    uint32_t first = add_interface(writer, 1, "eth0"), unused = add_interface(writer, 113, "any"),
             last = add_interface(writer, 276, "any");
    (void)unused;
    assert_done(append(writer, last, 1, 100, &error), error);
    assert_done(append(writer, first, 2, 100, &error), error);
    assert_done(pkv_writer_close(writer, &error), error);
    struct seen *seen = see_archive();
    assert_int_equal(seen->told_count, 2);
    assert_int_equal(seen->told[0].statistics.received, 1);
    assert_int_equal(seen->told[1].statistics.received, 1);
    free(seen);
}

static void a_packet_larger_than_a_block_is_kept(void **state)
{
    (void)state;
    pkv_error error;
    pkv_writer *writer = open_writer(NULL);
    uint32_t id = add_interface(writer, 1, NULL);
    assert_done(append(writer, id, 0, 100, &error), error);
    assert_done(append(writer, id, 1, 1000000, &error), error);
    assert_done(append(writer, id, 2, 100, &error), error);
    assert_int_equal(append(writer, id, 3, 1000001, &error), PKV_E_LIMIT);
    assert_done(pkv_writer_close(writer, &error), error);
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 3);
    assert_int_equal(seen->numbers[2], 2);
    free(seen);
}

static void options_that_are_not_whole_are_left_out(void **state)
{
    static const uint8_t data[100], comment[] = {1, 0, 2, 0, 'h', 'i', 0, 0};
    static uint8_t broken[40000];
    (void)state;
    pkv_error error;
    pkv_writer *writer = open_writer(NULL);
    uint32_t id = add_interface(writer, 1, NULL);
    memset(broken, 0xff, sizeof broken);
    for (uint32_t number = 0; number < 900; number++) {
        pkv_packet packet = {.data = data,
                             .captured_bytes = 99,
                             .original_bytes = 99,
                             .interface_id = id,
                             .options = number % 2 ? broken : comment,
                             .options_bytes = number % 2 ? sizeof broken : sizeof comment};
        assert_done(pkv_writer_append(writer, &packet, &error), error);
    }
    assert_done(pkv_writer_close(writer, &error), error);
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 900);
    free(seen);
}

static void two_writers_take_two_lanes(void **state)
{
    (void)state;
    pkv_error error;
    pkv_writer *one = open_writer(NULL), *other = open_writer(NULL);
    assert_done(append(one, add_interface(one, 1, NULL), 1, 100, &error), error);
    assert_done(append(other, add_interface(other, 1, NULL), 2, 100, &error), error);
    assert_done(pkv_writer_close(one, &error), error);
    assert_done(pkv_writer_close(other, &error), error);
    struct seen *seen = see_archive();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(seen->packets, 2);
    free(seen);
}

static void nothing_appended_leaves_no_segment(void **state)
{
    (void)state;
    pkv_error error;
    pkv_writer *writer = open_writer(NULL);
    (void)add_interface(writer, 1, NULL);
    assert_done(pkv_writer_close(writer, &error), error);
    struct seen *seen = see_archive();
    assert_int_equal(seen->segments, 0);
    free(seen);
}

static atomic_bool full;

static int disk_is_full(const char *operation)
{
    return strcmp(operation, "write") == 0 && atomic_load(&full) ? ENOSPC : 0;
}

static void a_full_disk_is_an_error_and_what_was_sealed_stays(void **state)
{
    (void)state;
    pkv_error error;
    pkv__fault_hook = disk_is_full;
    pkv_writer *writer = open_writer(NULL);
    uint32_t id = add_interface(writer, 1, NULL), number = 0;
    while (number < 2000)
        assert_done(append(writer, id, number++, 1000, &error), error);
    atomic_store(&full, true);
    int rc = 0;
    while (rc == 0 && number < 1000000)
        rc = append(writer, id, number++, 1000, &error);
    assert_int_equal(rc, PKV_E_SYSTEM);
    assert_non_null(strstr(error.text, strerror(ENOSPC)));
    assert_int_equal(pkv_writer_close(writer, &error), PKV_E_SYSTEM);
    atomic_store(&full, false);
    struct seen *seen = see_archive();
    for (uint32_t i = 0; i < seen->packets; i++)
        assert_int_equal(seen->numbers[i], i);
    free(seen);
}

/* An empty pcap of microseconds: a header of 24 bytes. */
static const char *empty_capture(void)
{
    static const uint8_t header[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, [18] = 4, [20] = 1};
    static char path[100];
    (void)snprintf(path, sizeof path, "%s/empty.pcap", test_directory);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    assert_int_equal(fclose(file), 0);
    return path;
}

static int others_lock;

/* Who had it removes it and lets it go, and a third one comes. */
static int before_it_is_locked(const char *operation)
{
    char pattern[100];
    glob_t found;
    if (strcmp(operation, "lock") != 0)
        return 0;
    (void)snprintf(pattern, sizeof pattern, "%s/locks/import-*", test_directory);
    if (glob(pattern, 0, NULL, &found) != 0)
        return 0;
    pkv__fault_hook = NULL;
    assert_int_equal(unlink(found.gl_pathv[0]), 0);
    others_lock = open(found.gl_pathv[0], O_RDWR | O_CREAT, 0600);
    assert_int_equal(flock(others_lock, LOCK_EX), 0);
    globfree(&found);
    return 0;
}

static void a_file_is_imported_by_one_at_a_time(void **state)
{
    (void)state;
    const char *path = empty_capture();
    pkv_import_report report;
    pkv_error error;
    pkv__fault_hook = before_it_is_locked;
    assert_int_equal(pkv_import_file(test_directory, path, 0, options, NULL, NULL, &report, &error),
                     PKV_E_BUSY);
    assert_null(pkv__fault_hook);
    assert_int_equal(close(others_lock), 0);
    assert_done(pkv_import_file(test_directory, path, 0, options, NULL, NULL, &report, &error),
                error);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(packets_come_back_in_order_over_many_segments),
        TEST(a_segment_names_only_the_interfaces_that_it_uses),
        TEST(a_packet_larger_than_a_block_is_kept),
        TEST(options_that_are_not_whole_are_left_out),
        TEST(two_writers_take_two_lanes),
        TEST(nothing_appended_leaves_no_segment),
        TEST(a_full_disk_is_an_error_and_what_was_sealed_stays),
        TEST(a_file_is_imported_by_one_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
