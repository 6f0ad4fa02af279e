/* SPDX-License-Identifier: BSD-2-Clause */
/* Archives in which something cannot be read or changes its name meanwhile: the rest is given,
 * once, and what may be missing is named. */
#include "tests/archive/support.h"

#include <sys/stat.h>
#include <unistd.h>

#include <pktvault/status.h>

#include "base/fault.h"
#include "base/file.h"
#include "tests/query/support.h"

#define S 1000000000ll
#define PACKETS 10

static struct pkv__segment_writer *writer; /* of the open segment 1: ten packets at noon */

static int set_up(void **state)
{
    if (make_directory(state))
        return -1;
    writer = write_segment(1, PACKETS / 5);
    return 0;
}

static int tear_down(void **state)
{
    writer = pkv__segment_writer_free(writer);
    return remove_directory(state);
}

static void seal(void)
{
    pkv_error error;
    assert_done(pkv__segment_writer_seal(writer, &error), error);
    writer = pkv__segment_writer_free(writer);
}

struct answer {
    unsigned packets, unreadable;
    char text[200]; /* of the first that is unreadable */
};

static struct answer read_all(pkv_query *query)
{
    struct answer answer = {.packets = 0};
    pkv_query_report report;
    pkv_packet packet;
    pkv_error error;
    int rc;
    while ((rc = pkv_query_next(query, &packet, &error)) == PKV_PACKET)
        answer.packets++;
    assert_done(rc, error);
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    for (size_t i = 0; i < report.missing_count; i++)
        if (report.missing[i].cause == PKV_MISSING_UNREADABLE && answer.unreadable++ == 0)
            memcpy(answer.text, report.missing[i].text, sizeof answer.text);
    return answer;
}

static struct answer ask(int64_t since_ns, int64_t until_ns)
{
    const char *archive = directory;
    pkv_query *query;
    pkv_error error;
    assert_done(pkv_query_open(&query, &archive, 1, NULL, since_ns, until_ns, 0, NULL, &error),
                error);
    struct answer answer = read_all(query);
    (void)pkv_query_free(query);
    return answer;
}

static struct answer ask_all(void)
{
    return ask(PKV_TIME_MIN, PKV_TIME_MAX);
}

static unsigned opens_left;

static int seal_at_open(const char *operation)
{
    if (strcmp(operation, "open") == 0 && opens_left && --opens_left == 0)
        seal();
    return 0;
}

/* At each time at which a file is opened. */
static void a_segment_may_be_sealed_at_any_time(void **state)
{
    for (unsigned at_open = 1;; at_open++) {
        opens_left = at_open;
        pkv__fault_hook = seal_at_open;
        struct answer answer = ask_all();
        pkv__fault_hook = NULL;
        assert_string_equal(answer.text, "");
        assert_int_equal(answer.packets, PACKETS);
        if (opens_left) {
            assert_true(at_open > 2);
            return;
        }
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

static void an_archive_that_is_named_twice_is_searched_once(void **state)
{
    const char *names[] = {directory, at("."), at("link"), directory};
    pkv_query *query;
    pkv_error error;
    (void)state;
    assert_int_equal(symlink(".", names[2]), 0);
    assert_done(pkv_query_open(&query, names, 4, NULL, PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, &error),
                error);
    assert_int_equal(read_all(query).packets, PACKETS);
    (void)pkv_query_free(query);
}

/* Also of the open segment whose losses may stand in it. */
static void losses_that_cannot_be_read_cost_no_packets(void **state)
{
    struct answer answer;
    (void)state;
    assert_int_equal(mkdir(at("locks/lane-0.losses"), 0700), 0);
    answer = ask_all();
    assert_int_equal(answer.packets, PACKETS);
    assert_int_equal(answer.unreadable, 1);
    assert_non_null(strstr(answer.text, "locks/lane-0.losses"));
    assert_int_equal(rmdir(at("locks/lane-0.losses")), 0);
    assert_int_equal(mkfifo(at("locks/lane-7.losses"), 0600), 0);
    answer = ask_all();
    assert_int_equal(answer.packets, PACKETS);
    assert_int_equal(answer.unreadable, 1);
    assert_non_null(strstr(answer.text, "locks/lane-7.losses"));
}

static void neither_do_locks_that_cannot_be_listed(void **state)
{
    (void)state;
    assert_int_equal(rename(at("locks"), at("elsewhere")), 0);
    assert_int_equal(symlink("locks", at("locks")), 0);
    struct answer answer = ask_all();
    assert_int_equal(answer.packets, PACKETS);
    assert_int_equal(answer.unreadable, 1);
    assert_non_null(strstr(answer.text, "locks"));
}

static void a_segment_behind_the_range_may_be_anything(void **state)
{
    const struct pkv__segment_name name = {NOON_NS + 90 * S, 0, 2};
    char path[PKV__SEGMENT_PATH_TEXT];
    (void)state;
    for (int open = 0; open < 2; open++) {
        pkv__segment_path(path, &name, open);
        assert_int_equal(mkdir(at(path), 0700), 0);
        struct answer answer = ask(NOON_NS, NOON_NS + S);
        assert_int_equal(answer.packets, PACKETS);
        assert_int_equal(answer.unreadable, 0);
        answer = ask_all();
        assert_int_equal(answer.packets, PACKETS);
        assert_int_equal(answer.unreadable, 1);
        assert_non_null(strstr(answer.text, path));
        assert_int_equal(rmdir(at(path)), 0);
    }
}

static void a_name_is_unknown_once_everything_was_read(void **state)
{
    const struct pkv__segment_name name = {NOON_NS + 90 * S, 0, 2};
    char path[PKV__SEGMENT_PATH_TEXT];
    struct test_answer answer;
    pkv_error error;
    (void)state;
    pkv__segment_path(path, &name, false);
    assert_int_equal(mkdir(at(path), 0700), 0);
    int rc = test_ask(&answer, directory, "vni nobody", PKV_TIME_MIN, PKV_TIME_MAX, 0, &error);
    assert_int_equal(rc, PKV_E_SYSTEM);
    assert_non_null(strstr(error.text, "'nobody'"));
    assert_non_null(strstr(error.text, path));
    assert_int_equal(rmdir(at(path)), 0);
    rc = test_ask(&answer, directory, "vni nobody", PKV_TIME_MIN, PKV_TIME_MAX, 0, &error);
    assert_int_equal(rc, PKV_E_SYNTAX);
}

static void a_day_that_cannot_be_listed_is_named_where_it_may_matter(void **state)
{
    (void)state;
    assert_int_equal(symlink("19", at("segments/2026/11/19")), 0);
    for (unsigned indexed = 0; indexed < 2; indexed++) {
        struct answer answer = ask_all();
        assert_int_equal(answer.packets, PACKETS);
        assert_int_equal(answer.unreadable, 1);
        assert_non_null(strstr(answer.text, "segments/2026/11/19"));
        assert_int_equal(ask(NOON_NS, NOON_NS + S).unreadable, 0);
        assert_int_equal(ask(NOON_NS + 100000 * S, PKV_TIME_MAX).unreadable, 1);
        if (!indexed) {
            seal();
            assert_int_equal(pkv_index_run(directory, 0, NULL, NULL, NULL, NULL, NULL),
                             PKV_E_SYSTEM);
        }
    }
}

/* What the catalog has of it is not less known than before. */
static void of_a_day_that_cannot_be_listed_the_catalog_still_tells(void **state)
{
    (void)state;
    seal();
    test_index(directory);
    assert_int_equal(ask_all().packets, PACKETS);
    assert_int_equal(rename(at("segments/2026/11"), at("elsewhere")), 0);
    assert_int_equal(symlink("11", at("segments/2026/11")), 0);
    struct answer answer = ask_all();
    assert_int_equal(answer.packets, 0);
    assert_int_equal(answer.unreadable, 3); /* the month, and both blocks of the segment */
    answer = ask(NOON_NS + S, NOON_NS + 2 * S);
    assert_int_equal(answer.unreadable, 1);
}

static void a_day_that_is_gone_is_named(void **state)
{
    (void)state;
    seal();
    test_index(directory);
    assert_int_equal(rename(at("segments/2026/11/18"), at("elsewhere")), 0);
    struct answer answer = ask_all();
    assert_int_equal(answer.packets, 0);
    assert_int_equal(answer.unreadable, 2); /* blocks */
    assert_non_null(strstr(answer.text, "segments/2026/11/18"));
    assert_int_equal(mkfifo(at("segments/2026/11/18"), 0600), 0);
    assert_int_equal(ask_all().unreadable, 2);
}

static void the_state_of_an_archive_goes_on_without_its_chain(void **state)
{
    pkv_status status;
    pkv_error error;
    (void)state;
    seal();
    assert_done(pkv_status_get(&status, directory, &error), error);
    assert_string_equal(status.chain_fault, "");
    assert_int_equal(strlen(status.uuid), 36);
    assert_int_equal(truncate(at("chain.log"), (off_t)1 << 40), 0);
    assert_done(pkv_status_get(&status, directory, &error), error);
    assert_non_null(strstr(status.chain_fault, "is larger than"));
    assert_int_equal(strlen(status.uuid), 36);
    assert_int_equal(status.unchained_segments, 1);
    assert_int_equal(unlink(at("chain.log")), 0);
    assert_int_equal(mkdir(at("chain.log"), 0700), 0);
    assert_int_equal(mkdir(at("catalog.sqlite"), 0700), 0);
    assert_done(pkv_status_get(&status, directory, &error), error);
    assert_non_null(strstr(status.chain_fault, "chain.log"));
    assert_non_null(strstr(status.catalog_fault, "catalog.sqlite"));
    assert_string_equal(status.segments_fault, "");
    assert_string_equal(status.uuid, "");
    assert_int_equal(status.sealed_segments, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_segment_may_be_sealed_at_any_time),
        TEST(an_archive_that_is_named_twice_is_searched_once),
        TEST(losses_that_cannot_be_read_cost_no_packets),
        TEST(neither_do_locks_that_cannot_be_listed),
        TEST(a_segment_behind_the_range_may_be_anything),
        TEST(a_name_is_unknown_once_everything_was_read),
        TEST(a_day_that_cannot_be_listed_is_named_where_it_may_matter),
        TEST(of_a_day_that_cannot_be_listed_the_catalog_still_tells),
        TEST(a_day_that_is_gone_is_named),
        TEST(the_state_of_an_archive_goes_on_without_its_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
