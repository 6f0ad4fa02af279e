/* SPDX-License-Identifier: BSD-2-Clause */
/* Packets into a flow table, one at a time. */
#ifndef PKV_TESTS_FLOW_FIXTURE_H
#define PKV_TESTS_FLOW_FIXTURE_H

#include "tests/packet/frames.h"

#include "flow/flow.h"

/* A flow table, and what the last packet became in it. */
struct fixture {
    struct pkv__flow_table *table;
    struct pkv__flow *flow;
    unsigned side;
    struct pkv__facts facts;
    int64_t now;
};

static inline int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture || pkv__flow_table_new(&fixture->table) < 0)
        return -1;
    *state = fixture;
    return 0;
}

static inline int end(void **state)
{
    struct fixture *fixture = *state;
    assert_null(pkv__flow_table_free(fixture->table));
    free(fixture);
    return 0;
}

static inline void add_facts(struct fixture *fixture, const struct pkv__facts *facts)
{
    fixture->facts = *facts;
    assert_int_equal(pkv__flow_table_add(fixture->table, &fixture->facts, fixture->now++,
                                         &fixture->flow, &fixture->side),
                     0);
}

static inline struct pkv__flow *add(struct fixture *fixture, uint16_t link, const char *hex)
{
    struct pkv__facts facts = frames_decode(link, hex);
    add_facts(fixture, &facts);
    return fixture->flow;
}

static inline struct pkv__flow *add_raw(struct fixture *fixture, const char *hex)
{
    return add(fixture, PKV__LINK_RAW, hex);
}

#define PING(src, dst) "4500 001c 0001 4000 40 01 0000 " src " " dst " 0800 0000 00000000"
#define MIRROR(outer_src, outer_dst, vni)                                                          \
    "4500 0040 0001 0000 40 11 0000 " outer_src " " outer_dst                                      \
    " d000 17c1 002c 0000 0000 0800 " vni " 00 "

/* UDP from 10.0.0.10:4096 to 10.0.0.20:53 in fragments of id 1234. */
#define FIRST IPV4("0024", "2000", "11") UDP("1000", "0035", "0fa0") "0000000000000000"
#define LATER IPV4("0024", "2002", "11") "ffffffffffffffffffffffffffffffff"

static inline struct pkv__facts fragment_number(uint32_t n, bool later)
{
    struct pkv__facts facts = frames_decode(PKV__LINK_RAW, later ? LATER : FIRST);
    facts.inner.src.bytes[1] = (uint8_t)(n >> 16);
    facts.inner.src.bytes[2] = (uint8_t)(n >> 8);
    facts.inner.src.bytes[3] = (uint8_t)n;
    return facts;
}

#define FLOW_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
