/* SPDX-License-Identifier: BSD-2-Clause */
/* All memory of the pool, out or kept, which is seen from within. */
#include "server/pool.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/check.h"

enum { BLOCKS = 16, LARGE_BYTES = 100000 };
#define LIMIT_BYTES ((uint64_t)BLOCKS * PKV__BLOCK_TARGET_BYTES)

static struct pkv__pool *pool;
static struct pkv__block *out[BLOCKS + 1];

static int set_up(void **state)
{
    (void)state;
    return pkv__pool_new(&pool, LIMIT_BYTES, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    pool = pkv__pool_free(pool);
    return 0;
}

static unsigned take_all(uint32_t bytes)
{
    unsigned count = 0;
    while ((out[count] = pkv__pool_take(pool, bytes, false)) != NULL) {
        count++;
        assert_in_range(pool->taken_bytes + pool->free_count * (uint64_t)PKV__BLOCK_TARGET_BYTES, 1,
                        LIMIT_BYTES);
    }
    return count;
}

static void give_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        pkv__pool_give(pool, out[i]);
    assert_int_equal(pkv__pool_taken_bytes(pool), 0);
}

static void blocks_that_are_kept_make_way_for_large_ones(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(take_all(1), BLOCKS);
        give_all(BLOCKS);
        assert_int_equal(pool->free_count, BLOCKS);
        unsigned large = take_all(LARGE_BYTES);
        assert_int_equal(large, LIMIT_BYTES / LARGE_BYTES);
        give_all(large);
    }
}

static void one_block_is_always_granted(void **state)
{
    (void)state;
    struct pkv__block *block = pkv__pool_take(pool, 2 * (uint32_t)LIMIT_BYTES, false);
    assert_non_null(block);
    assert_null(pkv__pool_take(pool, 1, false));
    pkv__pool_give(pool, block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_that_are_kept_make_way_for_large_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_block_is_always_granted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
