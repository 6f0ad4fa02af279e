/* SPDX-License-Identifier: BSD-2-Clause */
/* Second copies of packets: against a plain statement of what they are, and how far is looked for
 * one, which is seen from within. */
#include "query/dedup.c" /* NOLINT(bugprone-suspicious-include) */

#include "tests/check.h"

#include <string.h>

#define MS 1000000ll
enum { PACKETS = 20000 };

struct packet {
    int64_t time_ns;
    uint64_t content, source;
    bool given, matched;
};

static struct packet packets[PACKETS];

/* Numbers below `below`, always the same. */
static unsigned draw(unsigned below)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % below;
}

/* A packet is a copy where an earlier one of the window is alike, of another source, and has no
 * copy yet; the oldest such gets it. */
static bool is_copy_of_any(unsigned n)
{
    for (unsigned i = n > 200 ? n - 200 : 0; i < n; i++) {
        struct packet *p = &packets[i];
        if (packets[n].time_ns - p->time_ns > PKV__DEDUP_WINDOW_NS || !p->given || p->matched ||
            p->content != packets[n].content || p->source == packets[n].source)
            continue;
        return p->matched = true;
    }
    return false;
}

static void copies_are_what_they_are_said_to_be(void **state)
{
    (void)state;
    struct pkv__dedup dedup = {0};
    unsigned copies = 0;
    memset(packets, 0, sizeof packets);
    for (unsigned n = 0; n < PACKETS; n++) {
        /* At most 200 within the window; contents that share slots, three mirrors. */
        packets[n].time_ns = (n ? packets[n - 1].time_ns : 0) + 3 * MS + draw(40 * MS);
        packets[n].content = (uint64_t)draw(4) * PKV__DEDUP_PACKETS + draw(3);
        packets[n].source = draw(3);
        bool copy = is_copy_of_any(n);
        packets[n].given = !copy;
        copies += copy;
        assert_int_equal(
            pkv__dedup_check(&dedup, packets[n].time_ns, packets[n].content, packets[n].source),
            copy);
    }
    assert_in_range(copies, PACKETS / 10, PACKETS / 2);
    pkv__dedup_deinit(&dedup);
}

static unsigned longest_chain(const struct pkv__dedup *dedup)
{
    unsigned longest = 0;
    for (unsigned i = 0; i < PKV__DEDUP_PACKETS; i++) {
        unsigned length = 0;
        for (uint32_t place = dedup->slots[i]; place; place = at(dedup, place)->chain)
            length++;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void a_flood_of_one_packet_is_one_queue(void **state)
{
    (void)state;
    struct pkv__dedup dedup = {0};
    for (unsigned n = 0; n < 3 * PKV__DEDUP_PACKETS / 2; n++)
        assert_int_equal(pkv__dedup_check(&dedup, n, 7, 1), 0);
    assert_int_equal(longest_chain(&dedup), 1);

    /* As many as are remembered have their copies. */
    for (unsigned n = 0; n < PKV__DEDUP_PACKETS; n++)
        assert_int_equal(pkv__dedup_check(&dedup, 2 * PKV__DEDUP_PACKETS, 7, 2), 1);
    assert_int_equal(pkv__dedup_check(&dedup, 2 * PKV__DEDUP_PACKETS, 7, 2), 0);
    pkv__dedup_deinit(&dedup);
}

static void times_may_be_centuries_apart(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 2 * PKV__DEDUP_WINDOW_NS, -1, INT64_MAX};
    struct pkv__dedup dedup = {0};
    for (size_t n = 0; n < sizeof times / sizeof *times; n++)
        assert_int_equal(pkv__dedup_check(&dedup, times[n], 7, n), 0);
    assert_int_equal(pkv__dedup_check(&dedup, INT64_MAX, 7, 99), 1);
    pkv__dedup_deinit(&dedup);
}

/* Where searches go on one from another. */
static void a_late_packet_is_the_copy_of_none_that_came_long_after_it(void **state)
{
    (void)state;
    struct pkv__dedup dedup = {0};
    assert_int_equal(pkv__dedup_check(&dedup, 5000 * MS, 7, 1), 0);
    assert_int_equal(pkv__dedup_check(&dedup, 1000 * MS, 7, 2), 0);
    assert_int_equal(pkv__dedup_check(&dedup, 4900 * MS, 7, 2), 1);
    pkv__dedup_deinit(&dedup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_what_they_are_said_to_be),
        cmocka_unit_test(a_flood_of_one_packet_is_one_queue),
        cmocka_unit_test(times_may_be_centuries_apart),
        cmocka_unit_test(a_late_packet_is_the_copy_of_none_that_came_long_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
