/* SPDX-License-Identifier: BSD-2-Clause */
/* How far the fragment table must look, whatever trains a stranger chooses: its chains are
 * measured, so it is compiled in here. */
#include "flow/fragment.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/flow/fixture.h"

static struct pkv__fragments *fragments;
static struct pkv__flow flow;

static int set_up(void **state)
{
    (void)state;
    fragments = pkv__fragments_new();
    return fragments ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fragments = pkv__fragments_free(fragments);
    return 0;
}

static unsigned longest_chain(void)
{
    unsigned longest = 0;
    for (unsigned c = 0; c < CHAINS; c++) {
        unsigned length = 0;
        for (uint32_t at = fragments->chains[c]; at; at = fragments->trains[at - 1].next)
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static struct pkv__flow *found(const struct pkv__facts *facts)
{
    unsigned side;
    return pkv__fragments_find(fragments, facts, 0, &side);
}

static void one_id_again_and_again_is_one_train(void **state)
{
    (void)state;
    struct pkv__facts first = fragment_number(0, false), other = fragment_number(1, false);
    for (unsigned n = 0; n < 3 * PKV__FRAGMENTS_MAX / 2; n++) {
        pkv__fragments_remember(fragments, &first, 0, &flow, 0);
        if (n == PKV__FRAGMENTS_MAX)
            pkv__fragments_remember(fragments, &other, 0, &flow, 0);
        if (n % 8192 == 0)
            assert_in_range(longest_chain(), 1, 2);
    }
    struct pkv__facts later = fragment_number(0, true), other_later = fragment_number(1, true);
    assert_ptr_equal(found(&later), &flow);
    assert_ptr_equal(found(&other_later), &flow);
}

/* Trains that a hash without a secret puts into one chain. */
static void trains_that_are_chosen_to_collide_do_not(void **state)
{
    (void)state;
    enum { TRAINS = 100 };
    struct pkv__facts first = fragment_number(0, false);
    unsigned chosen = 0;
    for (uint32_t id = 0; chosen < TRAINS; id++) {
        struct train_key key;
        first.inner.fragment_id = id;
        make_inner_key(&key, &first);
        if (pkv__hash64(&key, sizeof key) % CHAINS != 0)
            continue;
        pkv__fragments_remember(fragments, &first, 0, &flow, 0);
        chosen++;
    }
    assert_in_range(longest_chain(), 1, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_id_again_and_again_is_one_train, set_up, tear_down),
        cmocka_unit_test_setup_teardown(trains_that_are_chosen_to_collide_do_not, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
