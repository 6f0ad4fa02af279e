/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/losses.h"

#include "base/limits.h"
#include "tests/check.h"

static struct pkv__losses *losses;

static int make(void **state)
{
    (void)state;
    return pkv__losses_new(&losses, 100);
}

static int drop(void **state)
{
    (void)state;
    losses = pkv__losses_free(losses);
    return 0;
}

static void read_counters(uint32_t interface_id, int64_t time_ns, uint64_t kernel, uint64_t buffer)
{
    struct pkv__statistics statistics = {
        .time_ns = time_ns, .lost_kernel = kernel, .lost_buffer = buffer};
    assert_int_equal(pkv__losses_add(losses, interface_id, &statistics), 0);
}

static void assert_loss(size_t at, uint32_t interface_id, unsigned cause, int64_t from_ns,
                        int64_t until_ns, uint64_t packets)
{
    size_t count;
    const struct pkv__loss *all = pkv__losses_all(losses, &count);
    assert_in_range(at, 0, count - 1);
    assert_int_equal(all[at].interface_id, interface_id);
    assert_int_equal(all[at].cause, cause);
    assert_int_equal(all[at].from_ns, from_ns);
    assert_int_equal(all[at].until_ns, until_ns);
    assert_int_equal(all[at].packets, packets);
}

static size_t rows(void)
{
    size_t count;
    (void)pkv__losses_all(losses, &count);
    return count;
}

static void counters_that_stand_still_are_no_loss(void **state)
{
    (void)state;
    read_counters(0, 200, 0, 0);
    read_counters(0, 300, 0, 0);
    assert_int_equal(rows(), 0);
}

static void a_loss_lies_between_the_last_two_readings(void **state)
{
    (void)state;
    read_counters(0, 200, 0, 0);
    read_counters(0, 300, 7, 0);
    read_counters(0, 400, 7, 0);
    read_counters(0, 500, 9, 3);
    assert_int_equal(rows(), 3);
    assert_loss(0, 0, PKV__LOSS_KERNEL, 200, 300, 7);
    assert_loss(1, 0, PKV__LOSS_KERNEL, 400, 500, 2);
    assert_loss(2, 0, PKV__LOSS_BUFFER, 400, 500, 3);
}

static void before_the_first_reading_the_segment_was_opened(void **state)
{
    (void)state;
    read_counters(0, 200, 5, 0);
    assert_loss(0, 0, PKV__LOSS_KERNEL, 100, 200, 5);
}

static void interfaces_count_apart(void **state)
{
    (void)state;
    read_counters(1, 200, 5, 0);
    read_counters(0, 250, 6, 0);
    assert_loss(0, 1, PKV__LOSS_KERNEL, 100, 200, 5);
    assert_loss(1, 0, PKV__LOSS_KERNEL, 100, 250, 6);
}

static void two_readings_at_one_time_are_one_row(void **state)
{
    (void)state;
    read_counters(0, 200, 1, 0);
    read_counters(0, 200, 3, 0);
    read_counters(0, 300, 6, 0);
    assert_int_equal(rows(), 2);
    assert_loss(0, 0, PKV__LOSS_KERNEL, 100, 200, 1);
    assert_loss(1, 0, PKV__LOSS_KERNEL, 200, 300, 5);
}

static void rows_are_bounded_and_packets_all_counted(void **state)
{
    (void)state;
    uint64_t packets = 0;
    for (unsigned i = 1; i <= PKV__LOSSES_MAX + 500; i++)
        read_counters(0, 200 + i, i, 0);
    assert_int_equal(rows(), PKV__LOSSES_MAX);
    size_t count;
    const struct pkv__loss *all = pkv__losses_all(losses, &count);
    for (size_t i = 0; i < count; i++)
        packets += all[i].packets;
    assert_int_equal(packets, PKV__LOSSES_MAX + 500);
    assert_int_equal(all[count - 1].until_ns, 200 + PKV__LOSSES_MAX + 500);
}

static void an_interface_that_cannot_be_is_passed_over(void **state)
{
    (void)state;
    read_counters(UINT32_MAX, 200, 5, 0);
    assert_int_equal(rows(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(counters_that_stand_still_are_no_loss),
        TEST(a_loss_lies_between_the_last_two_readings),
        TEST(before_the_first_reading_the_segment_was_opened),
        TEST(interfaces_count_apart),
        TEST(two_readings_at_one_time_are_one_row),
        TEST(rows_are_bounded_and_packets_all_counted),
        TEST(an_interface_that_cannot_be_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
