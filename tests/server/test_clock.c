/* SPDX-License-Identifier: BSD-2-Clause */
/* A clock that is set while a lane records. */
#include "tests/server/archive_reader.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "server/lane.h"

#define S PKV__NS_PER_S
#define START_NS (1795000000 * S)

static pkv_options *options;
static struct pkv__pipeline pipeline;
static struct pkv__lane *lane;
static sem_t ended;
static atomic_llong clock_ns;
static int64_t monotonic_ns;
static uint32_t added;

static int64_t set_clock(int64_t reading_ns)
{
    (void)reading_ns;
    return atomic_load(&clock_ns);
}

static uint64_t nothing_lost(void *context)
{
    (void)context;
    return 0;
}

static void has_ended(void *context)
{
    (void)context;
    (void)sem_post(&ended);
}

static int set_up(void **state)
{
    const pkv_interface tap = {.link_type = 1, .name = "tap"};
    const struct pkv__lane_config config = {&tap, nothing_lost, NULL, has_ended};
    pkv_error error;
    if (make_directory(state) || pkv_options_new(&options) || sem_init(&ended, 0, 0))
        return -1;
    added = 0;
    atomic_store(&clock_ns, START_NS);
    pkv__clock_hook = set_clock;
    monotonic_ns = pkv__monotonic_ns();
    if (pkv__archive_create(test_directory, &error) < 0 ||
        pkv__pipeline_init(&pipeline, test_directory, options, &error) < 0)
        return -1;
    return pkv__lane_new(&lane, &pipeline, &config, &error);
}

static int tear_down(void **state)
{
    pkv__pipeline_deinit(&pipeline);
    (void)pkv_options_free(options);
    (void)sem_destroy(&ended);
    pkv__clock_hook = NULL;
    return remove_directory(state);
}

static void add(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t number = added++;
        const pkv_packet packet = {.time_ns = atomic_load(&clock_ns),
                                   .data = (const uint8_t *)&number,
                                   .captured_bytes = sizeof number,
                                   .original_bytes = sizeof number};
        assert_true(pkv__lane_add(lane, &packet));
    }
}

/* So much time passes, and the clock is set by so much besides. */
static void pass(int64_t passed_ns, int64_t set_ns)
{
    monotonic_ns += passed_ns;
    atomic_fetch_add(&clock_ns, passed_ns + set_ns);
    pkv__lane_tick(lane, monotonic_ns);
}

static struct seen *end(void)
{
    pkv__lane_end(lane);
    (void)sem_wait(&ended);
    pkv__lane_free(lane);
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, added);
    assert_int_equal(seen->open, 0);
    return seen;
}

static int64_t start_of(unsigned at)
{
    struct pkv__segment_file *files = NULL;
    size_t count = 0;
    pkv_error error;
    assert_done(
        pkv__archive_list(test_directory, PKV_TIME_MIN, PKV_TIME_MAX, &files, &count, &error),
        error);
    assert_in_range(at, 0, count - 1);
    int64_t start_ns = files[at].name.start_ns;
    pkv__free(files);
    return start_ns;
}

static void a_step_back_begins_another_segment(void **state)
{
    (void)state;
    add(10);
    pass(S, 0);
    pass(S, -60 * S);
    add(5);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 2);
    /* In the order of their names: the later one first. */
    assert_int_equal(start_of(0), START_NS - 58 * S);
    assert_int_equal(start_of(1), START_NS);
    assert_int_equal(seen->packets_in[0], 5);
    assert_int_equal(seen->packets_in[1], 10);
    free(seen);
}

static void a_small_step_back_does_not(void **state)
{
    (void)state;
    add(10);
    pass(S, -900 * 1000000ll);
    add(5);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 1);
    free(seen);
}

/* So that no packet is much older than the name of its segment, by which a query passes over it. */
static void small_steps_back_add_up(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        pass(0, -950 * 1000000ll);
        add(1);
    }
    struct seen *seen = end();
    assert_in_range(seen->segments, 6, 7);
    free(seen);
}

static void a_step_forward_does_not_end_the_segment_early(void **state)
{
    (void)state;
    add(10);
    pass(S, 3600 * S);
    add(5);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 1);
    free(seen);
}

static void age_is_measured_without_the_clock(void **state)
{
    (void)state;
    add(1);
    pass(299 * S, -999 * 1000000ll);
    add(1);
    pass(2 * S, 0);
    add(1);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(seen->packets_in[0], 2);
    free(seen);
}

static void a_clock_that_falls_back_to_its_beginning_is_recorded_with(void **state)
{
    (void)state;
    add(10);
    pass(S, -START_NS - 100 * S);
    add(5);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(start_of(0), 0);
    free(seen);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_step_back_begins_another_segment),
        TEST(a_small_step_back_does_not),
        TEST(small_steps_back_add_up),
        TEST(a_step_forward_does_not_end_the_segment_early),
        TEST(age_is_measured_without_the_clock),
        TEST(a_clock_that_falls_back_to_its_beginning_is_recorded_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
