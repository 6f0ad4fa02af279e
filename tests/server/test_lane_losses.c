/* SPDX-License-Identifier: BSD-2-Clause */
/* What a lane loses, and when: with a clock that is set and a disk that does not answer. */
#include "tests/server/lane_fixture.h"

#include <pthread.h>

#include "base/fault.h"

#define PACKET_BYTES 1000u

static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local unsigned allocations;

/* The kernel has dropped so many; and so many more a second after the next reading, in the middle
 * of which the process is stopped for five. */
static uint64_t dropped, dropped_meanwhile;
static int64_t dropped_meanwhile_ns;

static uint64_t lost_kernel(void *context)
{
    (void)context;
    uint64_t answer = dropped;
    if (dropped_meanwhile) {
        dropped_meanwhile_ns = atomic_load(&clock_ns) + S;
        turn(5 * S, 0);
        dropped += dropped_meanwhile;
        dropped_meanwhile = 0;
    }
    return answer;
}

static int wait_for_disk(const char *operation)
{
    if (strcmp(operation, "alloc") == 0)
        allocations++;
    if (strcmp(operation, "write") == 0) {
        (void)pthread_mutex_lock(&disk);
        (void)pthread_mutex_unlock(&disk);
    }
    return 0;
}

static int set_up(void **state)
{
    dropped = dropped_meanwhile = 0;
    pkv__fault_hook = wait_for_disk;
    return set_up_lane(state, "1M", lost_kernel);
}

static int tear_down(void **state)
{
    pkv__fault_hook = NULL;
    return tear_down_lane(state);
}

/* A second, and the lane's reading at its end. */
static void tick(void)
{
    pass(S, 0);
}

static bool add(int64_t time_ns)
{
    static const uint8_t data[PACKET_BYTES];
    const pkv_packet packet = {.time_ns = time_ns,
                               .data = data,
                               .captured_bytes = PACKET_BYTES,
                               .original_bytes = PACKET_BYTES};
    return pkv__lane_add(lane, &packet);
}

static uint64_t lost_by(const struct pkv__statistics *s)
{
    return s->lost_kernel + s->lost_buffer + s->lost_disk + s->refused;
}

/* The only loss that the segment tells. */
static struct pkv__statistics the_loss(const struct seen *seen, int64_t *from_ns)
{
    const struct pkv__statistics *loss = NULL;
    for (unsigned i = 1; i < seen->told_count; i++) {
        const struct pkv__statistics *before = &seen->told[i - 1].statistics;
        const struct pkv__statistics *after = &seen->told[i].statistics;
        if (lost_by(after) == lost_by(before))
            continue;
        assert_null(loss);
        loss = after;
        *from_ns = before->time_ns;
    }
    assert_non_null(loss);
    return *loss;
}

static void what_finds_no_memory_is_lost_at_its_own_time(void **state)
{
    (void)state;
    int64_t came_ns = atomic_load(&clock_ns) + S / 2, from_ns;
    uint64_t lost = 0;
    (void)pthread_mutex_lock(&disk);
    /* The kernel has kept it for a while, as it does where the process was stopped. */
    tick();
    tick();
    for (int i = 0; i < 3000; i++)
        lost += !add(came_ns + i);
    tick();
    (void)pthread_mutex_unlock(&disk);
    struct seen *seen = end_lane();
    assert_in_range(lost, 1900, 2100); /* 1 MiB holds 1,015 of them */
    struct pkv__statistics loss = the_loss(seen, &from_ns);
    assert_int_equal(loss.lost_buffer, lost);
    assert_int_equal(from_ns, came_ns + 3000 - (int64_t)lost);
    assert_int_equal(loss.time_ns, came_ns + 2999);
    free(seen);
}

static void what_is_refused_is_told_with_its_own_time(void **state)
{
    (void)state;
    int64_t came_ns = atomic_load(&clock_ns) + S / 2, from_ns;
    tick();
    pkv__lane_refuse(lane, came_ns);
    pkv__lane_refuse(lane, came_ns + 5);
    tick();
    struct seen *seen = end_lane();
    struct pkv__statistics loss = the_loss(seen, &from_ns);
    assert_int_equal(loss.refused, 2);
    assert_int_equal(from_ns, came_ns);
    assert_int_equal(loss.time_ns, came_ns + 5);
    free(seen);
}

static void a_loss_of_the_kernel_behind_a_stretch_of_our_own_keeps_its_second(void **state)
{
    (void)state;
    tick();
    pkv__lane_refuse(lane, START_NS);
    tick();
    int64_t still_ns = atomic_load(&clock_ns);
    dropped = 4;
    tick();
    struct seen *seen = end_lane();
    const struct told *told = NULL;
    for (unsigned i = 0; i < seen->told_count && !told; i++)
        if (seen->told[i].statistics.lost_kernel)
            told = &seen->told[i];
    assert_non_null(told);
    assert_int_equal(told->statistics.time_ns, still_ns + S);
    assert_int_equal(told[-1].statistics.time_ns, still_ns);
    free(seen);
}

static void a_stop_in_the_middle_of_a_reading_moves_no_loss(void **state)
{
    (void)state;
    int64_t from_ns;
    tick();
    dropped_meanwhile = 7;
    tick();
    tick();
    struct seen *seen = end_lane();
    struct pkv__statistics loss = the_loss(seen, &from_ns);
    assert_int_equal(loss.lost_kernel, 7);
    assert_true(from_ns <= dropped_meanwhile_ns);
    assert_true(loss.time_ns >= dropped_meanwhile_ns);
    free(seen);
}

/* So that who kills the process does not take it along. */
static void a_loss_is_told_right_behind_the_packets_after_it(void **state)
{
    (void)state;
    tick();
    (void)add(atomic_load(&clock_ns));
    dropped = 9;
    turn(S / 2, 0);
    pkv__lane_flush(lane, atomic_load(&monotonic_ns));
    turn(S / 20, 0);
    struct seen *seen = end_lane();
    int64_t from_ns;
    struct pkv__statistics loss = the_loss(seen, &from_ns);
    assert_int_equal(loss.lost_kernel, 9);
    assert_int_equal(loss.time_ns, START_NS + S + S / 2);
    assert_int_equal(from_ns, START_NS + S);
    free(seen);
}

static void a_disk_that_does_not_answer_for_hours_costs_no_memory(void **state)
{
    (void)state;
    int64_t from_ns;
    (void)pthread_mutex_lock(&disk);
    unsigned before = allocations;
    for (unsigned i = 0; i < 10 * PKV__LANE_ORDERS_MAX; i++)
        tick();
    assert_in_range(allocations - before, 1, PKV__LANE_ORDERS_MAX + 1);
    dropped = 3;
    tick();
    int64_t lost_ns = atomic_load(&clock_ns);
    (void)pthread_mutex_unlock(&disk);
    struct seen *seen = end_lane();
    struct pkv__statistics loss = the_loss(seen, &from_ns);
    assert_int_equal(loss.lost_kernel, 3);
    assert_true(from_ns < lost_ns && loss.time_ns >= lost_ns);
    free(seen);
}

/* What still comes was taken before: nothing was listened to meanwhile, however much it is. */
static void draining_a_source_that_is_shut_adds_no_coverage(void **state)
{
    (void)state;
    pkv_error error;
    assert_done(pkv_options_set(options, "rotate_bytes", "64K", &error), error);
    tick();
    int64_t shut_ns = atomic_load(&clock_ns);
    pkv__lane_shut(lane);
    turn(10 * S, 0);
    for (int i = 0; i < 300; i++)
        assert_true(add(shut_ns - 1));
    pkv__lane_rotate(lane); /* as somebody asks for it */
    pkv__lane_pause(lane);  /* as its interface goes down */
    struct seen *seen = end_lane();
    assert_int_equal(seen->packets, 300);
    for (unsigned i = 0; i < seen->told_count; i++)
        assert_in_range(seen->told[i].statistics.time_ns, START_NS, shut_ns);
    assert_int_equal(last_told(seen, seen->segments - 1)->end_ns, shut_ns);
    free(seen);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_finds_no_memory_is_lost_at_its_own_time),
        TEST(what_is_refused_is_told_with_its_own_time),
        TEST(a_loss_of_the_kernel_behind_a_stretch_of_our_own_keeps_its_second),
        TEST(a_stop_in_the_middle_of_a_reading_moves_no_loss),
        TEST(a_loss_is_told_right_behind_the_packets_after_it),
        TEST(a_disk_that_does_not_answer_for_hours_costs_no_memory),
        TEST(draining_a_source_that_is_shut_adds_no_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
