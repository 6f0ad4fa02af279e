/* SPDX-License-Identifier: BSD-2-Clause */
/* A clock that is set while a lane records. */
#include "tests/server/lane_fixture.h"

static uint32_t added;
static uint64_t lost;

static uint64_t lost_kernel(void *context)
{
    (void)context;
    return lost;
}

static int set_up(void **state)
{
    added = 0;
    lost = 0;
    return set_up_lane(state, "128M", lost_kernel);
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

static struct seen *end(void)
{
    struct seen *seen = end_lane();
    assert_int_equal(seen->packets, added);
    assert_int_equal(seen->open, 0);
    return seen;
}

static int64_t start_of(unsigned at)
{
    size_t count;
    struct pkv__segment_file *files = list_segments(&count);
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

/* Else the time that was skipped would count as recorded: of a machine that slept, too. */
static void a_step_forward_begins_another_segment(void **state)
{
    (void)state;
    add(10);
    pass(S, 0);
    pass(S, 3600 * S);
    add(5);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(last_told(seen, 0)->end_ns, START_NS + 2 * S);
    assert_int_equal(start_of(1), START_NS + 3602 * S);
    assert_int_equal(seen->packets_in[0], 10);
    free(seen);
}

static void packets_show_a_step_before_the_lane_looks(void **state)
{
    static const int64_t steps_ns[] = {3600 * S, -7200 * S};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        add(10);
        turn(S / 10, steps_ns[i]);
        add(5);
        turn(S / 10, 0);
    }
    struct seen *seen = end();
    assert_int_equal(seen->segments, 3);
    assert_int_equal(seen->packets_in[0], 5);
    assert_int_equal(seen->packets_in[1], 10);
    assert_int_equal(seen->packets_in[2], 15);
    assert_int_equal(start_of(0), START_NS - 3600 * S + S / 10 * 3);
    assert_int_equal(start_of(2), START_NS + 3600 * S + S / 10);
    assert_int_equal(last_told(seen, 1)->end_ns, START_NS + S / 10);
    free(seen);
}

/* By the clock as it was, or no query of a range finds them. */
static void losses_around_a_step_keep_their_time(void **state)
{
    (void)state;
    add(10);
    pass(S, 0);
    lost = 7;
    pass(S, -36000 * S);
    struct seen *seen = end();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(seen->told[seen->told_count - 1].statistics.lost_kernel, 7);
    assert_int_equal(seen->told[seen->told_count - 1].statistics.time_ns, START_NS + 2 * S);
    assert_int_equal(seen->told[seen->told_count - 2].statistics.time_ns, START_NS + S);
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
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down_lane)
    const struct CMUnitTest tests[] = {
        TEST(a_step_back_begins_another_segment),
        TEST(a_small_step_back_does_not),
        TEST(small_steps_back_add_up),
        TEST(a_step_forward_begins_another_segment),
        TEST(packets_show_a_step_before_the_lane_looks),
        TEST(losses_around_a_step_keep_their_time),
        TEST(age_is_measured_without_the_clock),
        TEST(a_clock_that_falls_back_to_its_beginning_is_recorded_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
