/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches that go on one from another: every packet is given once, however late it is written. */
#include "tests/archive/support.h"

#include "base/limits.h"
#include "tests/query/support.h"

#define S 1000000000ll

enum { LANES = 2, PACKETS_MAX = 20000 };

/* A lane of the archive, and the block that it is about to write. */
struct lane {
    struct pkv__segment_name name;
    struct pkv__segment_writer *writer;
    struct pkv__buffer raw;
};

static struct lane lanes[LANES];
static uint64_t sequence;
static pkv_query *query;
static unsigned given[PACKETS_MAX]; /* how often, by number */
static uint64_t given_count, lost;
static int64_t gap_ns; /* of all gaps that were told */

static int set_up(void **state)
{
    pkv_error error;
    memset(given, 0, sizeof given);
    given_count = lost = 0;
    gap_ns = 0;
    return make_directory(state) || pkv__archive_create(directory, &error);
}

static void leave(struct lane *lane)
{
    lane->writer = pkv__segment_writer_free(lane->writer);
}

static int tear_down(void **state)
{
    query = pkv_query_free(query);
    for (unsigned i = 0; i < LANES; i++)
        leave(&lanes[i]);
    return remove_directory(state);
}

static void begin(struct lane *lane, int64_t start_ns)
{
    pkv_error error;
    lane->name = (struct pkv__segment_name){start_ns, (uint32_t)(lane - lanes), ++sequence};
    const struct pkv__section section = {.sequence = sequence};
    assert_done(pkv__segment_writer_open(&lane->writer, directory, &lane->name, NULL, 0, &error),
                error);
    pkv__pcapng_put_section(&lane->raw, &section);
    pkv__pcapng_put_interface(&lane->raw, &(pkv_interface){.link_type = 1, .name = "eth0"});
}

static void write_block(struct lane *lane)
{
    if (lane->raw.length)
        write_raw(lane->writer, &lane->raw);
    pkv__buffer_deinit(&lane->raw);
    lane->raw = (struct pkv__buffer){0};
}

static void seal(struct lane *lane)
{
    pkv_error error;
    write_block(lane);
    assert_done(pkv__segment_writer_seal(lane->writer, &error), error);
    leave(lane);
}

/* A frame that says its number, by an Ethertype of local experiments (IEEE 802, 0x88b5). */
static void add(struct lane *lane, int64_t time_ns, uint32_t number)
{
    uint8_t data[60] = {[12] = 0x88, [13] = 0xb5};
    memcpy(data + 14, &number, sizeof number);
    pkv__pcapng_put_packet(&lane->raw, &(pkv_packet){.time_ns = time_ns,
                                                     .data = data,
                                                     .captured_bytes = sizeof data,
                                                     .original_bytes = sizeof data});
}

static void add_losses(struct lane *lane, int64_t time_ns, uint64_t disk)
{
    const struct pkv__statistics statistics = {.time_ns = time_ns,
                                               .start_ns = lane->name.start_ns,
                                               .end_ns = PKV_TIME_MIN,
                                               .lost_disk = disk};
    pkv__pcapng_put_statistics(&lane->raw, 0, &statistics, NULL);
}

static void read_all(void)
{
    pkv_packet packet;
    pkv_error error;
    pkv_query_report report;
    uint32_t number;
    int64_t last_ns = INT64_MIN;
    int rc;
    while ((rc = pkv_query_next(query, &packet, &error)) == PKV_PACKET) {
        assert_true(packet.time_ns >= last_ns);
        last_ns = packet.time_ns;
        memcpy(&number, packet.data + 14, sizeof number);
        assert_true(number < PACKETS_MAX);
        given[number]++;
        given_count++;
    }
    assert_done(rc, error);
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    for (size_t i = 0; i < report.missing_count; i++) {
        const pkv_missing *m = &report.missing[i];
        lost += m->cause == PKV_MISSING_DISK ? m->packets : 0;
        gap_ns += m->cause == PKV_MISSING_GAP ? m->until_ns - m->from_ns : 0;
    }
}

static void search(int64_t since_ns, int64_t until_ns, unsigned flags)
{
    const char *archive = directory;
    pkv_error error;
    assert_done(pkv_query_open(&query, &archive, 1, NULL, since_ns, until_ns, flags, NULL, &error),
                error);
    read_all();
}

static void search_on(int64_t until_ns)
{
    pkv_query *before = query;
    pkv_error error;
    assert_done(pkv_query_open_next(&query, before, until_ns, &error), error);
    (void)pkv_query_free(before);
    read_all();
}

static void what_is_written_late_is_given_once(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    add(&lanes[0], NOON_NS + 1 * S, 1);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 10 * S, 0);
    add(&lanes[0], NOON_NS + 2 * S, 2);
    write_block(&lanes[0]);
    search_on(NOON_NS + 20 * S);
    assert_true(given[1] == 1 && given[2] == 1);
    search_on(NOON_NS + 30 * S);
    assert_int_equal(given_count, 2);
}

static void what_is_sealed_and_indexed_meanwhile_is_given_once(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    add(&lanes[0], NOON_NS + 1 * S, 1);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 10 * S, 0);
    add(&lanes[0], NOON_NS + 2 * S, 2);
    seal(&lanes[0]);
    test_index(directory);
    search_on(NOON_NS + 20 * S);
    search_on(NOON_NS + 30 * S);
    assert_true(given[1] == 1 && given[2] == 1 && given_count == 2);
}

/* A block that was read had packets behind the end of the range. */
static void what_came_early_is_given_when_its_time_comes(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    add(&lanes[0], NOON_NS + 5 * S, 1);
    add(&lanes[0], NOON_NS + 15 * S, 2);
    add(&lanes[0], NOON_NS + 6 * S, 3);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 10 * S, 0);
    assert_true(given[1] == 1 && given[2] == 0 && given[3] == 1);
    seal(&lanes[0]);
    search_on(NOON_NS + 20 * S);
    assert_true(given[2] == 1 && given_count == 3);
}

static void equal_packets_are_all_given(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    add(&lanes[0], NOON_NS + S, 1);
    add(&lanes[0], NOON_NS + S, 1);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 10 * S, 0);
    assert_int_equal(given[1], 2);
    add(&lanes[0], NOON_NS + S, 1);
    write_block(&lanes[0]);
    search_on(NOON_NS + 20 * S);
    assert_int_equal(given[1], 3);
}

static void what_precedes_the_first_range_is_never_given(void **state)
{
    (void)state;
    search(NOON_NS, NOON_NS, 0);
    begin(&lanes[0], NOON_NS - 9 * S);
    add(&lanes[0], NOON_NS - 1, 1);
    add(&lanes[0], NOON_NS, 2);
    write_block(&lanes[0]);
    search_on(NOON_NS + 10 * S);
    assert_true(given[1] == 0 && given[2] == 1);
}

/* However late in a segment that was there; what is new may as well be an import of old packets. */
static void how_late_a_packet_may_be(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 3 * PKV__QUERY_LATE_NS, 0);
    add(&lanes[0], NOON_NS + S, 1);
    write_block(&lanes[0]);
    begin(&lanes[1], NOON_NS + S);
    add(&lanes[1], NOON_NS + 2 * PKV__QUERY_LATE_NS - 1, 2);
    add(&lanes[1], NOON_NS + 2 * PKV__QUERY_LATE_NS, 3);
    write_block(&lanes[1]);
    search_on(NOON_NS + 4 * PKV__QUERY_LATE_NS);
    assert_true(given[1] == 1 && given[2] == 0 && given[3] == 1);
}

static void a_clock_that_was_set_back_hides_nothing(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 60 * S, 0);
    add(&lanes[0], NOON_NS + 10 * S, 1);
    write_block(&lanes[0]);
    search_on(NOON_NS + 20 * S);
    assert_int_equal(given[1], 1);
    add(&lanes[0], NOON_NS + 70 * S, 2);
    write_block(&lanes[0]);
    search_on(NOON_NS + 80 * S);
    assert_true(given[1] == 1 && given[2] == 1);
}

static void losses_that_are_told_late_are_reported_once(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    add_losses(&lanes[0], NOON_NS + 1 * S, 0);
    add_losses(&lanes[0], NOON_NS + 2 * S, 5);
    write_block(&lanes[0]);
    search(NOON_NS, NOON_NS + 10 * S, 0);
    assert_int_equal(lost, 5);
    add_losses(&lanes[0], NOON_NS + 3 * S, 12);
    write_block(&lanes[0]);
    search_on(NOON_NS + 20 * S);
    assert_int_equal(lost, 12);
    search_on(NOON_NS + 30 * S);
    assert_int_equal(lost, 12);
}

/* It is known when it ends, and by then its time may be past. */
static void a_gap_is_told_whole_and_once(void **state)
{
    (void)state;
    begin(&lanes[0], NOON_NS);
    add(&lanes[0], NOON_NS + 5 * S, 1);
    seal(&lanes[0]);
    search(NOON_NS + 8 * S, NOON_NS + 10 * S, 0);
    search_on(NOON_NS + 60 * S);
    assert_int_equal(gap_ns, 0);
    begin(&lanes[0], NOON_NS + 50 * S);
    write_block(&lanes[0]);
    search_on(NOON_NS + 70 * S);
    search_on(NOON_NS + 80 * S);
    assert_int_equal(gap_ns, 42 * S);
}

/* One step of a recorder that is now late and now early, seals, and is indexed. */
static void record(struct lane *lane, int64_t now_ns, uint64_t *random, uint32_t *number)
{
    if (!lane->writer)
        begin(lane, now_ns);
    for (uint64_t n = test_random(random) % 6; n > 0; n--) {
        bool late = test_random(random) % 4 == 0;
        int64_t back_ns = (int64_t)(test_random(random) % (uint64_t)((late ? 1800 : 2) * S));
        add(lane, now_ns - back_ns, (*number)++);
    }
    if (test_random(random) % 3)
        write_block(lane);
    if (test_random(random) % 12 == 0)
        seal(lane);
}

static void follow_at_random(uint64_t seed, unsigned flags)
{
    uint64_t random = seed;
    uint32_t number = 0;
    int64_t now_ns = NOON_NS;
    search(NOON_NS - 3600 * S, NOON_NS, flags);
    for (unsigned step = 0; step < 200; step++) {
        now_ns += (int64_t)(test_random(&random) % (3 * S));
        record(&lanes[test_random(&random) % LANES], now_ns, &random, &number);
        if (test_random(&random) % 40 == 0)
            test_index(directory);
        if (test_random(&random) % 2)
            search_on(now_ns - S);
    }
    for (unsigned i = 0; i < LANES; i++)
        if (lanes[i].writer)
            seal(&lanes[i]);
    search_on(now_ns + S);
    search_on(now_ns + 2 * S);
    for (uint32_t i = 0; i < number; i++)
        if (given[i] != 1)
            fail_msg("seed %llu: packet %u was given %u times", (unsigned long long)seed,
                     (unsigned)i, given[i]);
    assert_int_equal(given_count, number);
}

static void every_packet_is_given_once(void **state)
{
    (void)state;
    follow_at_random(test_number_of("PKV_SEED", 1), 0);
}

static void every_packet_is_given_once_without_an_index(void **state)
{
    (void)state;
    follow_at_random(test_number_of("PKV_SEED", 2), PKV_QUERY_NO_INDEX);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_late_is_given_once),
        TEST(what_is_sealed_and_indexed_meanwhile_is_given_once),
        TEST(what_came_early_is_given_when_its_time_comes),
        TEST(equal_packets_are_all_given),
        TEST(what_precedes_the_first_range_is_never_given),
        TEST(how_late_a_packet_may_be),
        TEST(a_clock_that_was_set_back_hides_nothing),
        TEST(losses_that_are_told_late_are_reported_once),
        TEST(a_gap_is_told_whole_and_once),
        TEST(every_packet_is_given_once),
        TEST(every_packet_is_given_once_without_an_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
