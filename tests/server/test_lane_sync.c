/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk that takes what is written, and says when it is synced that it could not keep it: no
 * packet is stored and lost, none is neither. */
#include "tests/server/archive_reader.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/loss_journal.h"
#include "archive/lz4_block.h"
#include "archive/recovery.h"
#include "base/clock.h"
#include "base/fault.h"
#include "server/lane_output.h"
#include "server/pool.h"

#define S PKV__NS_PER_S
#define START_NS (1795000000 * S)

static const pkv_interface tap = {.link_type = 1, .name = "tap"};
static pkv_options *options;
static struct pkv__lane_counts counts;
static struct pkv__lane_output output;
static uint32_t sent;
static const char *failing; /* NULL: nothing */
static bool fails_directories_only;
static char done[4096]; /* on files, in order */

static int hook(const char *operation)
{
    size_t length = strlen(done);
    if (strcmp(operation, "alloc") != 0)
        (void)snprintf(done + length, sizeof done - length, "%s ", operation);
    /* A directory is opened to be synced. */
    if (fails_directories_only && (length < 5 || strncmp(done + length - 5, "open ", 5) != 0))
        return 0;
    return failing && strcmp(failing, operation) == 0 ? EIO : 0;
}

static void open_lane(const pkv_interface *interface_)
{
    const struct pkv__lane_output_config config = {test_directory, options, interface_, NULL};
    struct pkv__lane_lock *lock;
    pkv_error error;
    counts = (struct pkv__lane_counts){.failed = false};
    assert_done(
        pkv__lane_lock(&lock, test_directory, interface_ ? 0 : PKV__IMPORT_LANE_FIRST, &error),
        error);
    assert_done(pkv__lane_output_init(&output, &config, lock, &counts, &error), error);
}

static int set_up(void **state)
{
    pkv_error error;
    sent = 0;
    failing = NULL;
    fails_directories_only = false;
    done[0] = '\0';
    pkv__fault_hook = hook;
    if (make_directory(state) || pkv_options_new(&options))
        return -1;
    return pkv__archive_create(test_directory, &error);
}

static int tear_down(void **state)
{
    pkv__fault_hook = NULL;
    pkv__lane_output_deinit(&output);
    (void)pkv_options_free(options);
    return remove_directory(state);
}

/* Of packets that came in one second, a millisecond apart. */
static void send(unsigned count, int64_t second)
{
    uint8_t frame[64] = {0};
    struct pkv__buffer raw = {.length = 0};
    if (!output.config.interface_ && !sent)
        pkv__pcapng_put_interface(&raw, &tap);
    struct pkv__block block = {.packets = count, .first_ns = START_NS + second * S};
    for (unsigned i = 0; i < count; i++, sent++) {
        memcpy(frame, &sent, sizeof sent);
        block.last_ns = block.first_ns + i * 1000000;
        const pkv_packet packet = {.time_ns = block.last_ns,
                                   .data = frame,
                                   .captured_bytes = sizeof frame,
                                   .original_bytes = sizeof frame};
        pkv__pcapng_put_packet(&raw, &packet);
    }
    void *state = malloc(pkv__lz4_state_bytes());
    block.data = malloc(pkv__lz4_bound((uint32_t)raw.length));
    block.raw_bytes = (uint32_t)raw.length;
    block.length = pkv__lz4_encode(state, block.data, raw.data, (uint32_t)raw.length);
    pkv__lane_output_blocks(&output, &(struct pkv__block *){&block}, 1);
    free(block.data);
    free(state);
    pkv__buffer_deinit(&raw);
}

static struct pkv__loss_reading reading_at(int64_t second, uint64_t kernel)
{
    return (struct pkv__loss_reading){.at = {.time_ns = START_NS + second * S, .kernel = kernel},
                                      .own_from_ns = INT64_MAX,
                                      .own_until_ns = INT64_MIN};
}

static void begin(int64_t second)
{
    struct pkv__loss_reading reading = reading_at(second, 0);
    pkv__lane_output_begin(&output, START_NS + second * S, 0,
                           output.config.interface_ ? &reading : NULL);
}

static void sample(int64_t second, uint64_t kernel)
{
    struct pkv__loss_reading reading = reading_at(second, kernel);
    pkv__lane_output_sample(&output, &reading);
}

static void end(int64_t second, uint64_t kernel)
{
    struct pkv__loss_reading reading = reading_at(second, kernel);
    pkv__lane_output_end(&output, output.config.interface_ ? &reading : NULL);
}

static void sync_now(const char *fails)
{
    failing = fails;
    pkv__lane_output_sync(&output, INT64_MAX);
    failing = NULL;
}

/* The next second of a lane that may try again only then. */
static void wait_for_retry(void)
{
    output.retry_ns = 0;
}

/* As the indexer does it; also numbers the segments. */
static struct seen *recover_all(void)
{
    size_t count;
    struct pkv__segment_file *files = list_segments(&count);
    pkv_error error;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(files[i].name.sequence, i + 1);
        if (files[i].open)
            assert_done(pkv__recover(test_directory, &files[i].name, &error), error);
    }
    pkv__free(files);
    struct seen *seen = see_archive();
    assert_int_equal(seen->open, 0);
    return seen;
}

static uint64_t in_journal(void)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    size_t count;
    pkv_error error;
    assert_done(pkv__loss_journal_read(test_directory, 0, records, &count, &error), error);
    return count ? records[count - 1].disk : 0;
}

/* What every segment says of itself is right, and together they have all that was sent. */
static void check_account(const struct seen *seen, unsigned kernel)
{
    uint64_t disk = 0;
    for (uint32_t i = 0; i < seen->segments; i++) {
        const struct pkv__statistics *last = last_told(seen, i);
        assert_int_equal(last->received, seen->packets_in[i] + last->lost_disk + last->lost_kernel);
        disk += last->lost_disk;
        kernel -= (unsigned)last->lost_kernel;
    }
    assert_int_equal(seen->packets + disk, sent);
    assert_int_equal(disk, atomic_load(&counts.lost_disk));
    assert_int_equal(kernel, 0);
}

static void a_sync_that_fails_costs_what_came_since_the_last(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    send(10, 0);
    sample(1, 0);
    sync_now(NULL);
    send(7, 1);
    send(5, 2);
    sync_now("sync");
    assert_false(counts.storing);
    assert_int_equal(in_journal(), 12);
    wait_for_retry();
    send(3, 3);
    assert_true(counts.storing);
    end(4, 0);
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(seen->packets_in[0], 10);
    assert_int_equal(seen->packets_in[1], 3);
    check_account(seen, 0);
    /* The second one tells it, with the times of the packets. */
    const struct told *told = seen->told;
    while (!told->statistics.lost_disk)
        told++;
    assert_int_equal(told->statistics.time_ns, START_NS + 2 * S + 4000000);
    assert_int_equal(told[-1].statistics.time_ns, START_NS + 1 * S);
    free(seen);
}

static void what_the_part_that_is_cut_off_told_is_told_again(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    sample(1, 3);
    send(4, 1);
    sync_now(NULL);
    sample(2, 3);
    sample(3, 8);
    send(2, 3);
    sync_now("sync");
    wait_for_retry();
    sample(4, 9);
    end(5, 9);
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(last_told(seen, 0)->lost_kernel, 3);
    assert_int_equal(last_told(seen, 1)->lost_kernel, 6);
    assert_int_equal(last_told(seen, 1)->lost_disk, 2);
    check_account(seen, 9);
    free(seen);
}

/* No time between the two is a gap. */
static void the_next_segment_begins_where_the_last_one_ends(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    sample(60, 0);
    sync_now(NULL);
    sample(120, 0);
    sync_now("sync");
    wait_for_retry();
    sample(180, 0);
    end(181, 0);
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(last_told(seen, 0)->time_ns, START_NS + 60 * S);
    const struct told *told = seen->told;
    while (told->sequence == 0)
        told++;
    assert_int_equal(told->statistics.start_ns, START_NS + 60 * S);
    free(seen);
}

static void a_sync_that_fails_at_the_seal_leaves_the_segment_to_recovery(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    send(10, 0);
    sync_now(NULL);
    send(6, 1);
    failing = "sync";
    begin(2);
    failing = NULL;
    wait_for_retry();
    send(2, 3);
    end(4, 0);
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(seen->packets_in[0], 10);
    assert_int_equal(seen->packets_in[1], 2);
    check_account(seen, 0);
    free(seen);
}

static void a_seal_that_fails_behind_its_sync_costs_nothing(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    send(10, 0);
    failing = "rename";
    begin(2);
    failing = NULL;
    wait_for_retry();
    send(2, 3);
    end(4, 0);
    struct seen *seen = recover_all();
    assert_int_equal(seen->packets, 12);
    check_account(seen, 0);
    free(seen);
}

/* Where a file system does not sync directories. */
static void a_directory_that_cannot_be_synced_costs_no_packet(void **state)
{
    (void)state;
    open_lane(&tap);
    failing = "sync";
    fails_directories_only = true;
    for (int second = 0; second < 20; second++) {
        done[0] = '\0';
        if (second % 10 == 0)
            begin(second);
        send(3, second);
        pkv__lane_output_sync(&output, INT64_MAX);
        assert_true(counts.storing);
    }
    end(20, 0);
    failing = NULL;
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(seen->packets, 60);
    check_account(seen, 0);
    free(seen);
}

/* After the rename, and so with the segment sealed. */
static void nor_does_one_that_cannot_be_synced_behind_a_seal(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    send(10, 0);
    sync_now(NULL);
    failing = "sync";
    fails_directories_only = true;
    begin(2);
    failing = NULL;
    send(2, 3);
    end(4, 0);
    struct seen *seen = see_archive();
    assert_int_equal(seen->open, 0);
    assert_int_equal(seen->packets, 12);
    check_account(seen, 0);
    free(seen);
}

static void syncs_that_fail_for_good_cost_all_and_no_number(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    send(10, 0);
    failing = "sync";
    for (int second = 1; second < 20; second++) {
        pkv__lane_output_sync(&output, INT64_MAX);
        wait_for_retry();
        send(1, second);
        if (second % 7 == 0)
            begin(second);
    }
    assert_int_equal(in_journal(), sent);
    end(20, 0);
    assert_int_equal(in_journal(), sent);
    pkv__lane_output_deinit(&output);
    failing = NULL;
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 1);
    assert_int_equal(seen->packets, 0);
    free(seen);

    /* The lane's next owner tells it. */
    open_lane(&tap);
    begin(30);
    end(31, 0);
    size_t count;
    struct pkv__segment_file *files = list_segments(&count);
    assert_int_equal(count, 2);
    pkv__free(files);
    seen = see_archive();
    assert_int_equal(last_told(seen, 1)->lost_disk, sent);
    free(seen);
}

static void a_disk_that_is_full_for_a_while_burns_no_number_and_makes_no_gap(void **state)
{
    (void)state;
    open_lane(&tap);
    begin(0);
    send(5, 0);
    failing = "open";
    begin(10);
    for (int second = 10; second < 40; second++) {
        wait_for_retry();
        send(1, second);
        if (second % 10 == 0)
            begin(second);
    }
    failing = NULL;
    wait_for_retry();
    send(3, 40);
    end(41, 0);
    struct seen *seen = recover_all(); /* which checks the numbers */
    assert_int_equal(seen->segments, 2);
    assert_int_equal(last_told(seen, 0)->time_ns, START_NS + 10 * S);
    assert_int_equal(last_told(seen, 1)->start_ns, START_NS + 10 * S);
    check_account(seen, 0);
    free(seen);
}

static void an_import_whose_sync_fails_ends_and_seals_only_what_is_synced(void **state)
{
    (void)state;
    static const bool at_the_seal[] = {false, true};
    for (unsigned i = 0; i < 2; i++) {
        open_lane(NULL);
        begin(0);
        send(8, 0);
        sync_now(NULL);
        send(4, 1);
        failing = "sync";
        if (!at_the_seal[i])
            pkv__lane_output_sync(&output, INT64_MAX);
        end(2, 0);
        failing = NULL;
        assert_true(counts.failed);
        assert_int_equal(output.error.code, PKV_E_SYSTEM);
        pkv__lane_output_deinit(&output);
        struct seen *seen = see_archive();
        assert_int_equal(seen->open, 1);
        free(seen);
        seen = recover_all();
        assert_int_equal(seen->packets, 8 * (i + 1));
        free(seen);
        sent = 0;
    }
}

/* Else a power cut leaves them in two places. */
static void the_disk_knows_whose_losses_they_are_before_the_segment_tells_them(void **state)
{
    static const char before_file[] = "write sync write sync unlink open lock write sync ";
    (void)state;
    open_lane(&tap);
    begin(0);
    send(4, 0);
    sync_now("sync");
    assert_int_equal(in_journal(), 4);
    wait_for_retry();
    done[0] = '\0';
    send(1, 1);
    /* The number, the journal, and then the segment's file. */
    done[strlen(before_file)] = '\0';
    assert_string_equal(done, before_file);
    end(2, 0);
}

/* A directory in its place is as good as a disk that does not give it back. */
static void hide_journal(bool hidden)
{
    char path[96], aside[96];
    (void)snprintf(path, sizeof path, "%s/locks/lane-0.losses", test_directory);
    (void)snprintf(aside, sizeof aside, "%s/locks/aside", test_directory);
    if (hidden) {
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(mkdir(path, 0700), 0);
    } else {
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rename(aside, path), 0);
    }
}

/* As an earlier process left it. */
static void make_journal(void)
{
    const struct pkv__loss_record record = {
        .from_ns = START_NS - 100 * S, .until_ns = START_NS - 90 * S, .disk = 7};
    struct pkv__loss_journal *journal;
    pkv_error error;
    assert_done(pkv__loss_journal_open(&journal, test_directory, 0, &error), error);
    assert_done(pkv__loss_journal_put(journal, &record, 1, &error), error);
    (void)pkv__loss_journal_free(journal);
}

static void a_journal_that_cannot_be_read_at_first_is_read_before_it_is_written(void **state)
{
    (void)state;
    make_journal();
    hide_journal(true);
    open_lane(&tap);
    hide_journal(false);
    begin(0);
    send(3, 1);
    end(2, 5);
    assert_int_equal(in_journal(), 0);
    struct seen *seen = see_archive();
    assert_int_equal(seen->packets, 3);
    assert_int_equal(last_told(seen, 0)->lost_disk, 7);
    assert_int_equal(last_told(seen, 0)->lost_kernel, 5);
    assert_int_equal(last_told(seen, 0)->received, 15);
    assert_int_equal(seen->told[1].statistics.time_ns, START_NS - 100 * S);
    assert_int_equal(seen->told[2].statistics.time_ns, START_NS - 90 * S);
    free(seen);
}

static void one_that_is_read_later_adds_to_what_was_lost_meanwhile(void **state)
{
    (void)state;
    make_journal();
    hide_journal(true);
    open_lane(&tap);
    begin(0);
    failing = "write";
    send(2, 1);
    begin(2);
    failing = NULL;
    hide_journal(false);
    assert_int_equal(in_journal(), 7);
    wait_for_retry();
    send(3, 3);
    end(4, 6);
    assert_int_equal(in_journal(), 0);
    struct seen *seen = recover_all();
    assert_int_equal(seen->segments, 2);
    assert_int_equal(last_told(seen, 0)->lost_disk, 0);
    assert_int_equal(last_told(seen, 1)->lost_disk, 9);
    assert_int_equal(last_told(seen, 1)->lost_kernel, 6);
    assert_int_equal(last_told(seen, 1)->received, 3 + 9 + 6);
    /* Each with its own times. */
    const struct told *told = seen->told;
    while (told->sequence == 0 || !told->statistics.lost_disk)
        told++;
    assert_int_equal(told[0].statistics.lost_disk, 2);
    assert_int_equal(told[-1].statistics.time_ns, START_NS + 1 * S);
    assert_int_equal(told[2].statistics.lost_disk, 9);
    assert_int_equal(told[1].statistics.time_ns, START_NS - 100 * S);
    assert_int_equal(told[2].statistics.time_ns, START_NS - 90 * S);
    free(seen);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_sync_that_fails_costs_what_came_since_the_last),
        TEST(what_the_part_that_is_cut_off_told_is_told_again),
        TEST(the_next_segment_begins_where_the_last_one_ends),
        TEST(a_sync_that_fails_at_the_seal_leaves_the_segment_to_recovery),
        TEST(a_seal_that_fails_behind_its_sync_costs_nothing),
        TEST(a_directory_that_cannot_be_synced_costs_no_packet),
        TEST(nor_does_one_that_cannot_be_synced_behind_a_seal),
        TEST(syncs_that_fail_for_good_cost_all_and_no_number),
        TEST(a_disk_that_is_full_for_a_while_burns_no_number_and_makes_no_gap),
        TEST(the_disk_knows_whose_losses_they_are_before_the_segment_tells_them),
        TEST(a_journal_that_cannot_be_read_at_first_is_read_before_it_is_written),
        TEST(one_that_is_read_later_adds_to_what_was_lost_meanwhile),
        TEST(an_import_whose_sync_fails_ends_and_seals_only_what_is_synced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
