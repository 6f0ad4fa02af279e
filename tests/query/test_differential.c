/* SPDX-License-Identifier: BSD-2-Clause */
/* With and without the index, any expression gives the same packets in the same order.
 * PKV_EXPRESSIONS: how many; PKV_SEED: of the generator, for others. */
#include <stdio.h>

#include "base/hash.h"
#include "tests/query/expressions.h"
#include "tests/query/support.h"

struct archive {
    char *directory;
    struct test_words words;
    uint64_t seed;
};

static int set_up(void **state)
{
    static struct archive archive;
    archive.directory = test_directory_make();
    archive.seed = test_number_of("PKV_SEED", 1);
    assert_true(test_import_all(archive.directory) > 0);
    test_index(archive.directory);
    test_words_collect(&archive.words, archive.directory);
    print_message("seed %llu\n", (unsigned long long)archive.seed);
    *state = &archive;
    return 0;
}

static int tear_down(void **state)
{
    struct archive *archive = *state;
    test_words_free(&archive->words);
    test_directory_remove(archive->directory);
    return 0;
}

static void choose_range(const struct archive *archive, uint64_t *random, int64_t *since_ns,
                         int64_t *until_ns)
{
    *since_ns = PKV_TIME_MIN;
    *until_ns = PKV_TIME_MAX;
    if (test_random(random) % 2)
        return;
    int64_t a = archive->words.times[test_random(random) % archive->words.count];
    int64_t b = archive->words.times[test_random(random) % archive->words.count];
    *since_ns = a < b ? a : b;
    *until_ns = a < b ? b : a;
}

static void compare(const struct archive *archive, uint64_t seed, unsigned flags, uint64_t *matched)
{
    char text[4096];
    struct test_answer with, without;
    pkv_error error = {0};
    int64_t since_ns, until_ns;
    uint64_t random = seed;
    test_expression(text, sizeof(text), &archive->words, &random, 0);
    choose_range(archive, &random, &since_ns, &until_ns);

    int rc = test_ask(&with, archive->directory, text, since_ns, until_ns, flags, &error);
    if (rc == PKV_E_SYNTAX)
        return; /* libpcap refuses some combinations, such as a protocol within another */
    if (rc)
        fail_msg("seed %llu: '%s': %s", (unsigned long long)seed, text, error.text);
    assert_int_equal(test_ask(&without, archive->directory, text, since_ns, until_ns,
                              flags | PKV_QUERY_NO_INDEX, &error),
                     0);

    if (with.packets != without.packets || with.hash != without.hash)
        fail_msg("seed %llu, flags %u, [%lld, %lld): '%s' gives %llu packets by the index and %llu "
                 "by scanning",
                 (unsigned long long)seed, flags, (long long)since_ns, (long long)until_ns, text,
                 (unsigned long long)with.packets, (unsigned long long)without.packets);
    /* An index that is refused gives the same packets, by a scan. */
    assert_int_equal(with.scanned, 0);
    *matched += with.packets ? 1 : 0;
}

static void run(const struct archive *archive, unsigned flags)
{
    uint64_t count = test_number_of("PKV_EXPRESSIONS", 200), matched = 0;
    for (uint64_t i = 0; i < count; i++)
        compare(archive, archive->seed + i, flags, &matched);
    /* Expressions that match nothing would prove nothing. */
    assert_true(matched * 4 > count);
}

static void index_and_scan_agree(void **state)
{
    run(*state, 0);
}

static void index_and_scan_agree_exactly(void **state)
{
    run(*state, PKV_QUERY_EXACT);
}

static void index_and_scan_agree_decapsulated(void **state)
{
    run(*state, PKV_QUERY_DECAP);
}

static int hash_flow(void *context, const pkv_flow *flow)
{
    uint64_t *hash = context;
    pkv_flow copy = *flow;
    copy.vni_name = NULL;
    uint64_t pair[2] = {*hash, pkv__hash64(&copy, sizeof(copy))};
    *hash = pkv__hash64(pair, sizeof(pair));
    return 0;
}

static uint64_t flows_of(const struct archive *archive, const char *text, int64_t since_ns,
                         int64_t until_ns, unsigned flags, int by, uint64_t *packets)
{
    pkv_query *query = NULL;
    pkv_query_report report;
    pkv_error error;
    const char *directory = archive->directory;
    uint64_t hash = 0;
    if (pkv_query_open(&query, &directory, 1, text, since_ns, until_ns, flags, NULL, &error))
        fail_msg("'%s': %s", text, error.text);
    assert_int_equal(pkv_query_flows(query, by, PKV_SORT_TIME, 0, hash_flow, &hash, &error), 0);
    assert_int_equal(pkv_query_report_get(query, &report), 0);
    *packets = report.packets;
    (void)pkv_query_free(query);
    return hash;
}

static void flows_agree_and_hold_the_packets_of_the_query(void **state)
{
    const struct archive *archive = *state;
    uint64_t count = test_number_of("PKV_EXPRESSIONS", 200) / 2, matched = 0;
    for (uint64_t i = 0; i < count; i++) {
        char text[4096];
        int64_t since_ns, until_ns;
        uint64_t random = archive->seed + i, with = 0, without = 0;
        struct test_answer answer;
        test_expression(text, sizeof(text), &archive->words, &random, 0);
        choose_range(archive, &random, &since_ns, &until_ns);
        int by = (int)(i % 5);
        int rc = test_ask(&answer, archive->directory, text, since_ns, until_ns, 0, NULL);
        if (rc == PKV_E_SYNTAX)
            continue;
        assert_int_equal(rc, 0);
        uint64_t a = flows_of(archive, text, since_ns, until_ns, 0, by, &with);
        uint64_t b = flows_of(archive, text, since_ns, until_ns, PKV_QUERY_NO_INDEX, by, &without);
        if (a != b || with != without)
            fail_msg("seed %llu: flows --by %d of '%s' differ: %llu and %llu packets",
                     (unsigned long long)(archive->seed + i), by, text, (unsigned long long)with,
                     (unsigned long long)without);
        assert_int_equal(answer.packets, with);
        matched += with ? 1 : 0;
    }
    assert_true(matched * 4 > count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_and_scan_agree),
        cmocka_unit_test(index_and_scan_agree_exactly),
        cmocka_unit_test(index_and_scan_agree_decapsulated),
        cmocka_unit_test(flows_agree_and_hold_the_packets_of_the_query),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
