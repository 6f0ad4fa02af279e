/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/server/archive_reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <pktvault/recorder.h>

#include "base/clock.h"
#include "base/fault.h"

static uv_loop_t loop;
static pkv_options *options;
static pkv_recorder *recorder;
static pkv_source *source;
static uint32_t pushed;

static void set(const char *key, const char *value)
{
    pkv_error error;
    assert_done(pkv_options_set(options, key, value, &error), error);
}

static int set_up(void **state)
{
    pushed = 0;
    return make_directory(state) || uv_loop_init(&loop) || pkv_options_new(&options);
}

static int tear_down(void **state)
{
    pkv__fault_hook = NULL;
    (void)pkv_options_free(options);
    return uv_loop_close(&loop) || remove_directory(state);
}

static void start(void)
{
    pkv_interface interface_ = {.link_type = 1, .name = "tap"};
    pkv_error error;
    assert_done(pkv_recorder_new(&recorder, &loop, test_directory, options, &error), error);
    assert_done(pkv_recorder_add_interface(recorder, &source, &interface_, &error), error);
}

static int push(uint32_t bytes)
{
    static uint8_t data[1000001];
    uint32_t number = pushed++;
    memcpy(data, &number, 4);
    pkv_packet packet = {
        .time_ns = pkv__clock_ns(), .data = data, .captured_bytes = bytes, .original_bytes = bytes};
    return pkv_recorder_push(source, &packet);
}

static pkv_recorder_counts last_counts; /* as it closed */

static void closed(void *context)
{
    pkv_recorder_get_counts(recorder, &last_counts);
    *(bool *)context = true;
}

static void stop(void)
{
    bool done = false;
    pkv_recorder_close(recorder, closed, &done);
    while (!done)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static pkv_recorder_counts counts(void)
{
    pkv_recorder_counts now;
    pkv_recorder_get_counts(recorder, &now);
    return now;
}

/* Runs the loop until what is asked holds; the test's time limit is the only clock. */
static void run_until(bool (*holds)(void))
{
    while (!holds())
        (void)uv_run(&loop, UV_RUN_ONCE);
}

static void what_is_pushed_is_stored_in_order(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 3000; i++)
        assert_int_equal(push(100), 0);
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 3000);
    for (uint32_t i = 0; i < 3000; i++)
        assert_int_equal(seen->numbers[i], i);
    assert_int_equal(seen->open, 0);
    assert_int_equal(last_told(seen, 0)->received, 3000);
    free(seen);
}

static void rotation_seals_and_loses_nothing(void **state)
{
    (void)state;
    start();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 10; i++)
            assert_int_equal(push(100), 0);
        pkv_recorder_rotate(recorder);
    }
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->segments, 6);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(seen->packets_in[i], 10);
        assert_int_equal(last_told(seen, i)->received, 10);
    }
    assert_int_equal(last_told(seen, 5)->received, 0);
    assert_int_equal(last_counts.packets, 50);
    assert_int_equal(last_counts.segments, 6);
    free(seen);
}

static void segments_are_cut_by_size(void **state)
{
    (void)state;
    set("rotate_bytes", "128K");
    start();
    for (int i = 0; i < 1000; i++)
        assert_int_equal(push(1000), 0);
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 1000);
    assert_in_range(seen->segments, 5, 9);
    free(seen);
}

static bool one_packet_is_in_the_file(void)
{
    struct seen *seen = see_archive();
    bool there = seen->packets == 1;
    free(seen);
    return there;
}

static void a_lone_packet_is_flushed_while_the_segment_is_open(void **state)
{
    (void)state;
    set("flush_interval", "20ms");
    start();
    assert_int_equal(push(100), 0);
    run_until(one_packet_is_in_the_file);
    struct seen *seen = see_archive();
    assert_int_equal(seen->open, 1);
    free(seen);
    stop();
}

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

static int wait_for_disk(const char *operation)
{
    if (strcmp(operation, "write") == 0) {
        (void)pthread_mutex_lock(&disk);
        (void)pthread_mutex_unlock(&disk);
    }
    return 0;
}

static void packets_without_memory_are_counted_not_waited_for(void **state)
{
    (void)state;
    set("buffer_bytes", "1M");
    pkv__fault_hook = wait_for_disk;
    start();
    (void)pthread_mutex_lock(&disk);
    uint32_t dropped = 0;
    for (int i = 0; i < 5000; i++)
        dropped += push(1000) == PKV_DROPPED;
    /* 1 MiB holds at most 1,015 of these packets with their headers; the disk takes none. */
    assert_in_range(dropped, 3900, 4200);
    assert_int_equal(counts().lost_buffer, dropped);
    assert_in_range(counts().buffered_bytes, 1, 1 << 20);
    (void)pthread_mutex_unlock(&disk);
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 5000 - dropped);
    assert_int_equal(last_told(seen, 0)->lost_buffer, dropped);
    assert_int_equal(last_told(seen, 0)->received, 5000);
    free(seen);
}

static atomic_bool full;

static int disk_is_full(const char *operation)
{
    return strcmp(operation, "write") == 0 && atomic_load(&full) ? ENOSPC : 0;
}

static bool the_disk_has_cost_packets(void)
{
    return counts().lost_disk > 0 && counts().buffered_bytes == 0;
}

static bool packets_are_stored(void)
{
    return counts().storing;
}

static void a_full_disk_costs_packets_and_recording_goes_on(void **state)
{
    (void)state;
    set("flush_interval", "10ms");
    pkv__fault_hook = disk_is_full;
    start();
    for (int i = 0; i < 100; i++)
        assert_int_equal(push(1000), 0);
    (void)uv_run(&loop, UV_RUN_ONCE);
    atomic_store(&full, true);
    for (int i = 0; i < 300; i++)
        assert_int_equal(push(1000), 0);
    run_until(the_disk_has_cost_packets);
    assert_false(counts().storing);
    uint64_t lost = counts().lost_disk;
    atomic_store(&full, false);
    run_until(packets_are_stored);
    for (int i = 0; i < 50; i++)
        assert_int_equal(push(1000), 0);
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 450 - lost);
    assert_int_equal(seen->open, 0);
    assert_int_equal(last_told(seen, seen->segments - 1)->lost_disk, lost);
    free(seen);
}

static void losses_of_the_program_are_told(void **state)
{
    (void)state;
    start();
    assert_int_equal(push(100), 0);
    pkv_recorder_count_lost(source, 17);
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(last_told(seen, 0)->lost_kernel, 17);
    assert_int_equal(last_told(seen, 0)->received, 18);
    free(seen);
}

static void a_packet_past_the_limit_is_refused(void **state)
{
    (void)state;
    start();
    assert_int_equal(push(1000000), 0);
    assert_int_equal(push(1000001), PKV_E_LIMIT);
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 1);
    free(seen);
}

static void two_recorders_share_an_archive(void **state)
{
    (void)state;
    start();
    pkv_recorder *first = recorder;
    assert_int_equal(push(100), 0);
    start();
    assert_int_equal(push(100), 0);
    stop();
    recorder = first;
    stop();
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 2);
    assert_int_equal(seen->segments, 2);
    free(seen);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_pushed_is_stored_in_order),
        TEST(rotation_seals_and_loses_nothing),
        TEST(segments_are_cut_by_size),
        TEST(a_lone_packet_is_flushed_while_the_segment_is_open),
        TEST(packets_without_memory_are_counted_not_waited_for),
        TEST(a_full_disk_costs_packets_and_recording_goes_on),
        TEST(losses_of_the_program_are_told),
        TEST(a_packet_past_the_limit_is_refused),
        TEST(two_recorders_share_an_archive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
