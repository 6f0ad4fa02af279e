/* SPDX-License-Identifier: BSD-2-Clause */
/* Expected hashes: xxhsum -H3 over the bytes of the key. */
#include <string.h>

#include "schema/summary.h"
#include "tests/check.h"

static struct pkv__buffer filter_of(unsigned keys)
{
    struct pkv__filter_builder *builder;
    struct pkv__buffer filter = {0};
    assert_int_equal(pkv__filter_builder_new(&builder), 0);
    for (unsigned i = 0; i < keys; i++) {
        uint8_t address[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        pkv__filter_builder_add(builder, pkv__summary_address(address, 4, 32));
        pkv__filter_builder_add(builder, pkv__summary_address(address, 4, 32));
    }
    assert_int_equal(pkv__filter_builder_finish(builder, &filter), 0);
    (void)pkv__filter_builder_free(builder);
    return filter;
}

static bool has(const struct pkv__buffer *filter, uint8_t net, unsigned i)
{
    uint8_t address[4] = {net, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
    return pkv__filter_may_have(filter->data, filter->length, pkv__summary_address(address, 4, 32));
}

static void every_key_that_was_added_is_found(void **state)
{
    (void)state;
    for (unsigned keys = 1; keys <= 40000; keys *= 7) {
        struct pkv__buffer filter = filter_of(keys);
        for (unsigned i = 0; i < keys; i++)
            assert_true(has(&filter, 10, i));
        pkv__buffer_deinit(&filter);
    }
}

static void one_in_a_hundred_others_is_found(void **state)
{
    (void)state;
    struct pkv__buffer filter = filter_of(5000);
    unsigned wrong = 0;
    for (unsigned i = 0; i < 100000; i++)
        wrong += has(&filter, 11, i);
    assert_in_range(wrong, 1, 1300);
    pkv__buffer_deinit(&filter);
}

static void the_filter_is_as_small_as_its_keys_allow(void **state)
{
    static const struct {
        unsigned keys;
        size_t bytes;
    } sizes[] = {{0, 64}, {51, 64}, {52, 128}, {5000, 8192}, {20000, 16384}, {50000, 16384}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct pkv__buffer filter = filter_of(sizes[i].keys);
        assert_int_equal(filter.length, sizes[i].bytes);
        pkv__buffer_deinit(&filter);
    }
}

static void a_filter_that_would_say_yes_to_half_of_all_is_not_kept(void **state)
{
    (void)state;
    struct pkv__buffer filter = filter_of(60000);
    assert_int_equal(filter.length, 0);
    assert_true(has(&filter, 11, 1));
    pkv__buffer_deinit(&filter);
}

static void a_filter_of_a_wrong_size_rules_nothing_out(void **state)
{
    (void)state;
    const uint8_t zeros[32768] = {0};
    const size_t wrong[] = {1, 63, 65, 100, 32, 32768};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_true(pkv__filter_may_have(zeros, wrong[i], 42));
    assert_false(pkv__filter_may_have(zeros, 64, 42));
}

static void keys_hash_as_documented(void **state)
{
    (void)state;
    const uint8_t v4[4] = {10, 1, 2, 3};
    const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 7, 0xff, 0xff, 1};
    assert_int_equal(pkv__summary_port(80), 0x85b9991c2adb9ede);
    assert_int_equal(pkv__summary_address(v4, 4, 24), 0xc2cf48c04b847be4);
    assert_int_equal(pkv__summary_address(v6, 16, 48), 0x284e2c8388f6aeb0);
}

static void a_net_is_looked_up_by_the_longest_prefix_that_holds_it(void **state)
{
    (void)state;
    assert_int_equal(pkv__summary_prefix(4, 32), 32);
    assert_int_equal(pkv__summary_prefix(4, 31), 24);
    assert_int_equal(pkv__summary_prefix(4, 24), 24);
    assert_int_equal(pkv__summary_prefix(4, 23), 16);
    assert_int_equal(pkv__summary_prefix(4, 15), 0);
    assert_int_equal(pkv__summary_prefix(16, 127), 64);
    assert_int_equal(pkv__summary_prefix(16, 63), 48);
    assert_int_equal(pkv__summary_prefix(16, 47), 0);
    assert_int_equal(pkv__summary_prefix(6, 47), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_that_was_added_is_found),
        cmocka_unit_test(one_in_a_hundred_others_is_found),
        cmocka_unit_test(the_filter_is_as_small_as_its_keys_allow),
        cmocka_unit_test(a_filter_that_would_say_yes_to_half_of_all_is_not_kept),
        cmocka_unit_test(a_filter_of_a_wrong_size_rules_nothing_out),
        cmocka_unit_test(keys_hash_as_documented),
        cmocka_unit_test(a_net_is_looked_up_by_the_longest_prefix_that_holds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
