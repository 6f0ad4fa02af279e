/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include "base/clock.h"
#include "server/loss_log.h"

#define S PKV__NS_PER_S

struct told {
    unsigned count;
    struct pkv__statistics list[8];
};

/* Decodes what a call has appended and empties the buffer. */
static struct told read_back(struct pkv__buffer *b)
{
    struct told told = {.count = 0};
    struct pkv__pcapng_block block;
    size_t offset = 0;
    uint32_t interface_id;
    while (b->length && pkv__pcapng_next(b->data, b->length, &offset, &block) == 1)
        assert_int_equal(
            pkv__pcapng_get_statistics(&block, &interface_id, &told.list[told.count++]), 0);
    pkv__buffer_clear(b);
    return told;
}

static struct told sample(struct pkv__loss_log *log, struct pkv__loss_counts now, bool final,
                          bool reaches_the_file)
{
    struct pkv__buffer b = {0};
    pkv__loss_log_sample(log, &now, final, &b);
    if (b.length && reaches_the_file)
        pkv__loss_log_told(log, &now);
    else if (!reaches_the_file)
        pkv__loss_log_untold(log, &now);
    struct told told = read_back(&b);
    pkv__buffer_deinit(&b);
    return told;
}

static struct told begin(struct pkv__loss_log *log, int64_t start_ns)
{
    struct pkv__buffer b = {0};
    pkv__loss_log_begin(log, start_ns, &b);
    pkv__loss_log_begun(log);
    struct told told = read_back(&b);
    pkv__buffer_deinit(&b);
    return told;
}

static void a_segment_starts_with_zero_counters(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    struct told told = begin(&log, 1000 * S);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.list[0].time_ns, 1000 * S);
    assert_int_equal(told.list[0].received, 0);
    assert_int_equal(told.list[0].lost_kernel, 0);
}

static void silence_is_told_once_a_minute(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    assert_int_equal(
        sample(&log, (struct pkv__loss_counts){.time_ns = 1059 * S}, false, true).count, 0);
    assert_int_equal(
        sample(&log, (struct pkv__loss_counts){.time_ns = 1060 * S}, false, true).count, 1);
    assert_int_equal(
        sample(&log, (struct pkv__loss_counts){.time_ns = 1061 * S}, false, true).count, 0);
}

static void a_loss_is_told_with_the_last_sample_before_it(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    log.stored = 40;
    (void)sample(&log, (struct pkv__loss_counts){.time_ns = 1006 * S}, false, true);
    log.stored = 50;
    struct told told =
        sample(&log, (struct pkv__loss_counts){.time_ns = 1007 * S, .kernel = 3}, false, true);
    assert_int_equal(told.count, 2);
    assert_int_equal(told.list[0].time_ns, 1006 * S);
    assert_int_equal(told.list[0].lost_kernel, 0);
    assert_int_equal(told.list[0].received, 40);
    assert_int_equal(told.list[1].time_ns, 1007 * S);
    assert_int_equal(told.list[1].lost_kernel, 3);
    assert_int_equal(told.list[1].received, 53);
}

static void losses_that_go_on_are_told_each_time_alone(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    (void)sample(&log, (struct pkv__loss_counts){.time_ns = 1001 * S, .buffer = 3}, false, true);
    struct told told =
        sample(&log, (struct pkv__loss_counts){.time_ns = 1002 * S, .buffer = 5}, false, true);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.list[0].lost_buffer, 5);
}

static struct pkv__loss_counts disk(int64_t time_s, uint64_t packets)
{
    return (struct pkv__loss_counts){.time_ns = time_s * S, .disk = packets};
}

static void what_the_disk_cost_is_told_with_the_times_of_its_packets(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    (void)sample(&log, disk(1030, 0), false, true);
    struct pkv__loss_counts lost = disk(1014, 7);
    pkv__loss_log_missed(&log, 1012 * S, &lost);
    struct told told = sample(&log, disk(1031, 7), false, true);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.list[0].time_ns, 1012 * S);
    assert_int_equal(told.list[0].lost_disk, 0);
    assert_int_equal(told.list[1].time_ns, 1014 * S);
    assert_int_equal(told.list[1].lost_disk, 7);
    /* Whatever comes next came behind this, not behind the stretch. */
    assert_int_equal(told.list[2].time_ns, 1031 * S);
    assert_int_equal(told.list[2].lost_disk, 7);
}

static void what_did_not_reach_the_file_is_told_again(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    assert_int_equal(sample(&log, disk(1001, 7), false, false).count, 1);
    struct told told = sample(&log, disk(1002, 7), false, true);
    assert_int_equal(told.count, 3);
    assert_int_equal(told.list[1].time_ns, 1001 * S);
    assert_int_equal(told.list[1].lost_disk, 7);
}

static void a_segment_starts_with_what_the_one_before_could_not_tell(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    (void)sample(&log, (struct pkv__loss_counts){.time_ns = 1001 * S, .kernel = 4}, false, true);
    (void)sample(&log, (struct pkv__loss_counts){.time_ns = 1002 * S, .kernel = 4, .disk = 9}, true,
                 false);
    struct told told = begin(&log, 1003 * S);
    assert_int_equal(told.count, 4);
    assert_int_equal(told.list[1].time_ns, 1001 * S);
    assert_int_equal(told.list[2].time_ns, 1002 * S);
    assert_int_equal(told.list[2].lost_disk, 9);
    assert_int_equal(told.list[2].lost_kernel, 0);
    assert_int_equal(told.list[3].lost_disk, 9);
    assert_int_equal(sample(&log,
                            (struct pkv__loss_counts){.time_ns = 1004 * S, .kernel = 4, .disk = 9},
                            false, true)
                         .count,
                     0);
}

/* A reader has a loss begin at the block before it. */
static void what_is_lost_behind_such_a_start_begins_there(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    pkv__loss_log_missed(&log, 500 * S, &(struct pkv__loss_counts){.time_ns = 600 * S, .disk = 9});
    log.still_ns = 1003 * S;
    struct told first = begin(&log, 1003 * S);
    struct told told = sample(
        &log, (struct pkv__loss_counts){.time_ns = 1004 * S, .kernel = 5, .disk = 9}, false, true);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.list[0].time_ns, 1004 * S);
    assert_int_equal(told.list[0].lost_kernel, 5);
    assert_int_equal(first.list[first.count - 1].time_ns, 1003 * S);
    assert_int_equal(first.list[first.count - 1].lost_kernel, 0);
}

static void losses_with_a_pause_between_are_two_stretches(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    const struct pkv__loss_counts lost[] = {disk(1001, 1), disk(1002, 2), disk(1010, 5)};
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    pkv__loss_log_missed(&log, 1000 * S, &lost[0]);
    pkv__loss_log_missed(&log, 1002 * S, &lost[1]);
    pkv__loss_log_missed(&log, 1009 * S, &lost[2]);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.stretches[0].from_ns, 1000 * S);
    assert_int_equal(log.stretches[0].until.time_ns, 1002 * S);
    assert_int_equal(log.stretches[1].from_ns, 1009 * S);
    assert_int_equal(log.stretches[1].until.disk, 5);
}

static void past_the_limit_neighbours_are_joined_and_nothing_is_forgotten(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    for (unsigned i = 1; i <= 3 * PKV__LOSS_RECORDS; i++) {
        struct pkv__loss_counts lost = disk(1000 + 10 * (int64_t)i, i);
        pkv__loss_log_missed(&log, lost.time_ns - S, &lost);
    }
    assert_int_equal(log.count, PKV__LOSS_RECORDS);
    assert_int_equal(log.stretches[0].from_ns, 1009 * S);
    assert_int_equal(log.stretches[PKV__LOSS_RECORDS - 1].until.disk, 3 * PKV__LOSS_RECORDS);
    for (unsigned i = 1; i < log.count; i++)
        assert_true(log.stretches[i].until.disk > log.stretches[i - 1].until.disk);
}

static void what_was_told_since_the_last_sync_is_told_again(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    (void)sample(&log, disk(1001, 2), false, true);
    pkv__loss_log_synced(&log);
    (void)sample(&log, disk(1010, 2), false, true);
    (void)sample(&log, disk(1011, 5), false, true);
    struct pkv__loss_counts late = disk(1020, 6);
    pkv__loss_log_missed(&log, 1019 * S, &late);
    pkv__loss_log_cut(&log);
    struct told told = begin(&log, 1001 * S);
    assert_int_equal(told.count, 6);
    assert_int_equal(told.list[1].time_ns, 1010 * S);
    assert_int_equal(told.list[1].lost_disk, 0);
    assert_int_equal(told.list[2].time_ns, 1011 * S);
    assert_int_equal(told.list[2].lost_disk, 3);
    assert_int_equal(told.list[3].time_ns, 1019 * S);
    assert_int_equal(told.list[4].lost_disk, 4);
}

/* Whichever of them are told already. */
static void past_the_limit_what_is_told_is_joined_too(void **state)
{
    (void)state;
    for (unsigned told = 0; told <= PKV__LOSS_RECORDS; told++) {
        struct pkv__loss_log log;
        pkv__loss_log_init(&log);
        (void)begin(&log, 1000 * S);
        for (unsigned i = 1; i <= 2 * PKV__LOSS_RECORDS; i++) {
            struct pkv__loss_counts lost = disk(1000 + 10 * (int64_t)i, i);
            pkv__loss_log_missed(&log, lost.time_ns - S, &lost);
            if (i == told)
                pkv__loss_log_told(&log, &lost);
        }
        unsigned count;
        const struct pkv__loss_stretch *untold = pkv__loss_log_get_untold(&log, &count);
        assert_int_equal(log.told.disk, told);
        assert_int_equal(untold[count - 1].until.disk, 2 * PKV__LOSS_RECORDS);
        pkv__loss_log_cut(&log);
        assert_int_equal(log.told.disk, 0);
        untold = pkv__loss_log_get_untold(&log, &count);
        assert_int_equal(count, PKV__LOSS_RECORDS);
        for (unsigned i = 1; i < count; i++)
            assert_true(untold[i].until.disk > untold[i - 1].until.disk);
    }
}

static void the_end_is_always_told(void **state)
{
    (void)state;
    struct pkv__loss_log log;
    pkv__loss_log_init(&log);
    (void)begin(&log, 1000 * S);
    struct told told = sample(&log, (struct pkv__loss_counts){.time_ns = 1001 * S}, true, true);
    assert_int_equal(told.count, 1);
    assert_int_equal(told.list[0].start_ns, 1000 * S);
    assert_int_equal(told.list[0].end_ns, 1001 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_starts_with_zero_counters),
        cmocka_unit_test(silence_is_told_once_a_minute),
        cmocka_unit_test(a_loss_is_told_with_the_last_sample_before_it),
        cmocka_unit_test(losses_that_go_on_are_told_each_time_alone),
        cmocka_unit_test(what_the_disk_cost_is_told_with_the_times_of_its_packets),
        cmocka_unit_test(what_did_not_reach_the_file_is_told_again),
        cmocka_unit_test(a_segment_starts_with_what_the_one_before_could_not_tell),
        cmocka_unit_test(what_is_lost_behind_such_a_start_begins_there),
        cmocka_unit_test(losses_with_a_pause_between_are_two_stretches),
        cmocka_unit_test(past_the_limit_neighbours_are_joined_and_nothing_is_forgotten),
        cmocka_unit_test(what_was_told_since_the_last_sync_is_told_again),
        cmocka_unit_test(past_the_limit_what_is_told_is_joined_too),
        cmocka_unit_test(the_end_is_always_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
