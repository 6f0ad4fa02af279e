/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments taken in while they are written, against the same segments read from their files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pktvault/writer.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "indexer/feed.h"
#include "indexer/follower.h"
#include "tests/check.h"

#define PACKETS 1500u /* of 450 bytes on average: two segments of 256 KiB, and a third */

static char directory[] = "/tmp/pkv-feed-XXXXXX";
static pkv_options *options;
static struct pkv__feed *feed;
static unsigned handed, passed; /* blocks that came, and that the feed was given */
static unsigned dropped; /* every block whose number is a multiple of it is kept from the feed */

static int set_up(void **state)
{
    (void)state;
    handed = passed = dropped = 0;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    if (!mkdtemp(directory) || pkv_options_new(&options) < 0 ||
        pkv_options_set(options, "rotate_bytes", "256K", NULL) < 0)
        return -1;
    return pkv__feed_new(&feed, directory);
}

static int tear_down(void **state)
{
    char command[100];
    (void)state;
    feed = pkv__feed_free(feed);
    options = pkv_options_free(options);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static void receive(void *context, const struct pkv__handed_block *block)
{
    (void)context;
    if (dropped && handed++ % dropped == 0)
        return;
    passed++;
    pkv__feed_give(feed, block);
}

static void append(pkv_writer *writer, uint32_t interface_id, unsigned number)
{
    uint8_t data[900];
    pkv_error error;
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7 + number * (i % 5));
    data[12] = 8, data[13] = 0,
    data[14] = 0x45; /* Ethernet and IPv4, of which only that is right */
    pkv_packet packet = {.time_ns = 1700000000000000000 + number,
                         .data = data,
                         .captured_bytes = number % sizeof data,
                         .original_bytes = number % sizeof data,
                         .interface_id = interface_id};
    assert_done(pkv_writer_append(writer, &packet, &error), error);
}

static void write_archive(void)
{
    const pkv_interface interface_ = {.link_type = 1, .snap_length = 65535, .name = "eth0"};
    pkv_writer *writer;
    pkv_error error;
    uint32_t id;
    assert_true(pkv__handover_attach(options->handover, receive, NULL));
    assert_done(pkv_writer_open(&writer, directory, "test", options, &error), error);
    assert_done(pkv_writer_add_interface(writer, &id, &interface_, &error), error);
    for (unsigned i = 0; i < PACKETS; i++)
        append(writer, id, i);
    assert_done(pkv_writer_close(writer, &error), error);
    pkv__handover_detach(options->handover);
}

static void read_to_end(struct pkv__intake *intake)
{
    pkv_error error = {.text = ""};
    int rc;
    while ((rc = pkv__intake_advance(intake, 1, &error)) == 1)
        continue;
    assert_done(rc, error);
    assert_done(pkv__intake_end(intake, &error), error);
}

static void assert_same(struct pkv__intake *a, struct pkv__intake *b)
{
    struct pkv__segment_index *x = pkv__intake_index(a), *y = pkv__intake_index(b);
    assert_string_equal(pkv__intake_sha256(a), pkv__intake_sha256(b));
    assert_int_equal(pkv__segment_index_packets(x), pkv__segment_index_packets(y));
    assert_int_equal(pkv__segment_index_flows(x), pkv__segment_index_flows(y));
    assert_false(pkv__segment_index_is_damaged(x));
}

/* How many of the segments were fed; each of those is as its file. */
static unsigned fed_segments(void)
{
    struct pkv__segment_file *files = NULL;
    size_t count = 0;
    unsigned fed = 0;
    pkv_error error;
    assert_done(pkv__archive_list(directory, INT64_MIN, INT64_MAX, NULL, &files, &count, &error),
                error);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++) {
        struct pkv__intake *given = pkv__feed_take(feed, &files[i].name), *read;
        if (!given)
            continue;
        assert_done(pkv__intake_open(&read, directory, &files[i].name, false, &error), error);
        read_to_end(given);
        read_to_end(read);
        assert_same(given, read);
        (void)pkv__intake_free(given);
        (void)pkv__intake_free(read);
        fed++;
    }
    pkv__free(files);
    return fed;
}

static void what_is_handed_over_is_what_the_file_has(void **state)
{
    (void)state;
    write_archive();
    assert_int_equal(fed_segments(), PKV__FED_MAX);
    assert_in_range(passed, 11, 15); /* 720 KB in blocks of 64 KiB, and the rest of each segment */
}

static void blocks_that_are_missing_are_read(void **state)
{
    (void)state;
    dropped = 3, handed = 1; /* not the first */
    write_archive();
    assert_int_equal(fed_segments(), PKV__FED_MAX);
    assert_in_range(passed, 7, 11);
}

static void a_segment_is_fed_from_its_first_block_or_not_at_all(void **state)
{
    (void)state;
    dropped = 100; /* the first of all */
    write_archive();
    struct pkv__segment_file *files = NULL;
    size_t count = 0;
    assert_int_equal(pkv__archive_list(directory, INT64_MIN, INT64_MAX, NULL, &files, &count, NULL),
                     0);
    assert_null(pkv__feed_take(feed, &files[0].name));
    assert_int_equal(fed_segments(), 2);
    pkv__free(files);
}

static void another_archive_is_not_taken_in(void **state)
{
    (void)state;
    (void)pkv__feed_free(feed);
    assert_int_equal(pkv__feed_new(&feed, "/tmp"), 0);
    write_archive();
    assert_in_range(passed, 11, 15);
    assert_int_equal(fed_segments(), 0);
}

static void there_is_one_receiver(void **state)
{
    (void)state;
    assert_true(pkv__handover_attach(options->handover, receive, NULL));
    assert_false(pkv__handover_attach(options->handover, receive, NULL));
    pkv__handover_detach(options->handover);
    assert_false(pkv__handover_is_wanted(options->handover));
}

static int64_t hours_ns;

static int64_t slow_clock(int64_t reading_ns)
{
    return reading_ns + (hours_ns += 3600 * PKV__NS_PER_S);
}

static uint64_t segments_after_look(struct pkv__follower *follower)
{
    pkv_index_report report;
    pkv_error error;
    assert_done(pkv__follower_step(follower, false, NULL, NULL, &error), error);
    pkv__follower_report(follower, &report);
    return report.segments;
}

/* Old packets stand in days that are not listed with each look, where that takes long; when an
 * import ends, what it was fed would be read again by others. */
static void the_last_look_finds_segments_of_any_day(void **state)
{
    (void)state;
    struct pkv__follower *follower;
    pkv_error error;
    assert_done(pkv__archive_create(directory, &error), error);
    pkv__monotonic_hook = slow_clock;
    assert_done(pkv__follower_new(&follower, directory, options, &error), error);
    assert_int_equal(segments_after_look(follower), 0);
    pkv__monotonic_hook = NULL;
    write_archive();
    assert_int_equal(segments_after_look(follower), 0);
    pkv__follower_try_again(follower);
    assert_int_equal(segments_after_look(follower), 3);
    (void)pkv__follower_free(follower);
}

static int64_t passed_ns; /* on the clock, since the directories were looked at */

static int64_t later_clock(int64_t reading_ns)
{
    return reading_ns + passed_ns;
}

static int takes_long(void *context, uint64_t done, uint64_t all)
{
    (void)context, (void)done, (void)all;
    passed_ns = PKV__SETTLED_NS + PKV__NS_PER_S;
    return 0;
}

/* What comes to a day right after it was looked at may not show in the day's time: how long the
 * rest of the look takes says nothing about that. */
static void a_day_is_noted_if_it_had_settled_when_it_was_looked_at(void **state)
{
    (void)state;
    struct pkv__follower *follower;
    struct pkv__archive_day *notes = NULL;
    size_t count = 0;
    pkv_error error;
    write_archive();
    assert_done(pkv__follower_new(&follower, directory, options, &error), error);
    pkv__clock_hook = later_clock;
    assert_done(pkv__follower_step(follower, false, takes_long, NULL, &error), error);
    assert_int_not_equal(passed_ns, 0);
    assert_done(pkv__archive_notes_read(directory, &notes, &count, &error), error);
    assert_int_equal(count, 0);
    assert_done(pkv__follower_step(follower, false, NULL, NULL, &error), error);
    assert_done(pkv__archive_notes_read(directory, &notes, &count, &error), error);
    assert_int_equal(count, 1);
    pkv__free(notes);
    pkv__clock_hook = NULL;
    (void)pkv__follower_free(follower);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_handed_over_is_what_the_file_has),
        TEST(blocks_that_are_missing_are_read),
        TEST(a_segment_is_fed_from_its_first_block_or_not_at_all),
        TEST(another_archive_is_not_taken_in),
        TEST(there_is_one_receiver),
        TEST(the_last_look_finds_segments_of_any_day),
        TEST(a_day_is_noted_if_it_had_settled_when_it_was_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
