/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that a hash without a secret puts into one place. The tables' slots are looked at, so they
 * are compiled in here. */
#include "flow/table.c"     /* NOLINT(bugprone-suspicious-include) */
#include "indexer/intern.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/check.h"

/* As many as the first slots of a flow table take, with the same lower bits of XXH3. */
enum { KEYS = 1500 };
/* A quarter or a half of all slots is taken, so a run is short; without the secret it is KEYS. */
enum { FAR = 200 };

static struct pkv__flow_key keys[KEYS];

static int choose_keys(void **state)
{
    (void)state;
    struct pkv__flow_key key = {
        .tunnel = PKV__TUNNEL_VXLAN, .class_ = PKV__CLASS_IP, .protocol = 17};
    unsigned chosen = 0;
    key.address_length = 16;
    for (uint32_t n = 0; chosen < KEYS; n++) {
        memcpy(key.address[1], &n, sizeof n);
        if (pkv__hash64(&key, sizeof key) % SLOTS_FIRST == 0)
            keys[chosen++] = key;
    }
    return 0;
}

static void flows_do_not_collide(void **state)
{
    (void)state;
    struct pkv__flow_table *table = NULL;
    size_t furthest = 0;
    assert_int_equal(pkv__flow_table_new(&table), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct pkv__flow *flow;
        assert_int_equal(find_or_insert(table, &keys[i], &flow), 0);
        /* In the order in which they came, whatever the secret. */
        assert_int_equal(flow->id, i);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        uint64_t hash = pkv__hash_key(&keys[i], sizeof keys[i]);
        struct slot *slot = find_slot(table, &keys[i], hash);
        assert_int_equal(slot->id_plus_one, i + 1);
        size_t far = ((size_t)(slot - table->slots) - (uint32_t)hash) & table->slot_mask;
        furthest = far > furthest ? far : furthest;
    }
    assert_in_range(furthest, 0, FAR);
    (void)pkv__flow_table_free(table);
}

static void interned_keys_do_not_collide(void **state)
{
    (void)state;
    struct pkv__intern *intern = NULL;
    size_t furthest = 0;
    assert_int_equal(pkv__intern_new(&intern, sizeof *keys), 0);
    for (uint32_t i = 0; i < KEYS; i++) {
        uint32_t number;
        assert_int_equal(pkv__intern_add(intern, &keys[i], &number), 0);
        assert_int_equal(number, i);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        size_t home = (size_t)pkv__hash_key(&keys[i], sizeof keys[i]);
        size_t at =
            (size_t)(find(intern->slots, intern->slots_count, intern, &keys[i]) - intern->slots);
        size_t far = (at - home) & (intern->slots_count - 1);
        furthest = far > furthest ? far : furthest;
    }
    assert_in_range(furthest, 0, FAR);
    (void)pkv__intern_free(intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_do_not_collide),
        cmocka_unit_test(interned_keys_do_not_collide),
    };
    return cmocka_run_group_tests(tests, choose_keys, NULL);
}
