/* SPDX-License-Identifier: BSD-2-Clause */
/* Fragments, inner and outer, and the flows of their first. */
#include "tests/flow/fixture.h"

#define SECOND 1000000000ll

static void later_fragments_follow_their_first(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_raw(fixture, FIRST);
    assert_ptr_equal(add_raw(fixture, LATER), flow);
    frames_assert_ports(&fixture->facts.inner, 17, 0x1000, 53);
    assert_int_equal(flow->packets[fixture->side], 2);
    assert_int_equal(flow->key.orphan, 0);
}

static void orphans_are_a_flow_without_ports(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *orphan = add_raw(fixture, LATER);
    assert_int_equal(orphan->key.orphan, 1);
    assert_false(orphan->has_ports);
    const struct pkv__flow *flow = add_raw(fixture, FIRST);
    assert_ptr_not_equal(flow, orphan);
    /* The first was seen, but long ago: the id has been used again. */
    fixture->now += 61 * SECOND;
    assert_ptr_equal(add_raw(fixture, LATER), orphan);
    assert_false(fixture->facts.inner.has_ports);
}

static void icmp_fragments_need_no_first(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow =
        add_raw(fixture, IPV4("0024", "2002", "01") "ffffffffffffffffffffffffffffffff");
    assert_int_equal(flow->key.orphan, 0);
    assert_ptr_equal(add_raw(fixture, PING("0a00000a", "0a000014")), flow);
}

static void a_new_first_fragment_takes_over_the_id(void **state)
{
    struct fixture *fixture = *state;
    (void)add_raw(fixture, FIRST);
    const struct pkv__flow *second =
        add_raw(fixture, IPV4("0024", "2000", "11") UDP("2000", "0035", "0fa0") "0000000000000000");
    assert_ptr_equal(add_raw(fixture, LATER), second);
}

static void ipv6_fragments_are_matched_by_id(void **state)
{
    struct fixture *fixture = *state;
    /* The first fragment begins with destination options, which is all that a later one tells. */
    const struct pkv__flow *flow =
        add_raw(fixture, IPV6("0018", "2c") "3c 00 0001 00000009 11 00 0104 00000000"
                                            "1000 0035 0fa0 0000");
    assert_true(flow->has_ports);
    assert_ptr_equal(add_raw(fixture, IPV6("0010", "2c") "3c 00 0010 00000009 ffffffffffffffff"),
                     flow);
    frames_assert_ports(&fixture->facts.inner, 17, 0x1000, 53);
    const struct pkv__flow *orphan =
        add_raw(fixture, IPV6("0010", "2c") "3c 00 0010 0000000a ffffffffffffffff");
    assert_int_equal(orphan->key.orphan, 1);
}

static void fragments_of_two_tunnels_do_not_mix(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_raw(fixture, MIRROR("c0000201", "c0000202", "000064") FIRST);
    const struct pkv__flow *orphan =
        add_raw(fixture, MIRROR("c0000201", "c0000202", "000065") LATER);
    assert_int_equal(orphan->key.orphan, 1);
    assert_ptr_equal(add_raw(fixture, MIRROR("c0000201", "c0000202", "000064") LATER), flow);
    assert_int_equal(fixture->facts.vni, 100);
}

/* VXLAN whose datagram is fragmented on its way: 20 bytes of the second fragment are the end of the
 * TCP packet. */
#define OUTER_FIRST                                                                                \
    "4500 0052 0007 2000 40 11 0000 c0000201 c0000202 " UDP("d000", "12b5", "0046")                \
        VXLAN("000064") ETHERNET("0800") IPV4("0028", "4000", "06") "c822 01bb 00000001 00000002"
#define OUTER_LATER "4500 001c 0007 0008 40 11 0000 c0000201 c0000202 5010ffff00000000"

static void outer_fragments_follow_their_first(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_raw(fixture, OUTER_FIRST);
    assert_int_equal(flow->key.vni, 100);
    assert_ptr_equal(add_raw(fixture, OUTER_LATER), flow);
    const struct pkv__facts *facts = &fixture->facts;
    assert_int_equal(facts->tunnel, PKV__TUNNEL_VXLAN);
    assert_int_equal(facts->vni, 100);
    frames_assert_address(&facts->outer.src, "c0000201");
    assert_true(facts->outer.fragment);
    frames_assert_ports(&facts->inner, 6, 51234, 443);
    frames_assert_address(&facts->inner.src, "0a00000a");
    frames_assert_address(&facts->inner.dst, "0a000014");
    assert_int_equal(facts->inner_captured_bytes, 0);
    /* The whole frame was counted with its first fragment. */
    assert_int_equal(flow->packets[0], 2);
    assert_int_equal(flow->bytes[0], 54);
}

/* The same datagram inside a gateway's GENEVE, which fragments do not tell of their VXLAN. */
#define GATEWAY(total, udp)                                                                        \
    "4500 " total " 0009 0000 40 11 0000 c6336401 c6336402 d000 17c1 " udp                         \
    " 0000 0000 0800 00000a 00 "

static void fragments_inside_a_gateway_follow_too(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_raw(fixture, GATEWAY("0076", "0062") OUTER_FIRST);
    assert_int_equal(flow->key.tunnel, PKV__TUNNEL_VXLAN);
    assert_ptr_equal(add_raw(fixture, GATEWAY("0040", "002c") OUTER_LATER), flow);
    assert_int_equal(fixture->facts.tunnel, PKV__TUNNEL_VXLAN);
    assert_int_equal(fixture->facts.vni, 100);
    frames_assert_address(&fixture->facts.outer.src, "c0000201");
}

static void an_outer_orphan_has_no_tunnel(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_raw(fixture, OUTER_LATER);
    assert_int_equal(flow->key.tunnel, PKV__TUNNEL_NONE);
    assert_int_equal(flow->key.orphan, 1);
    assert_int_equal(flow->key.protocol, 17);
}

static void facts_are_completed_from_the_identity_alone(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_raw(fixture, OUTER_FIRST);
    (void)add_raw(fixture, OUTER_LATER);
    struct pkv__facts facts = frames_decode(PKV__LINK_RAW, OUTER_LATER);
    pkv__flow_complete_facts(&facts, &flow->key, flow->has_ports, fixture->side);
    assert_memory_equal(&facts, &fixture->facts, sizeof facts);
    struct pkv__facts whole = frames_decode(PKV__LINK_RAW, FIRST), same = whole;
    pkv__flow_complete_facts(&same, &flow->key, flow->has_ports, 1);
    assert_memory_equal(&same, &whole, sizeof whole);
}

static void the_oldest_fragments_are_forgotten_first(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t n = 0; n <= PKV__FRAGMENTS_MAX; n++) {
        struct pkv__facts facts = fragment_number(n, false);
        add_facts(fixture, &facts);
    }
    struct pkv__facts later = fragment_number(1, true);
    add_facts(fixture, &later);
    assert_int_equal(fixture->flow->key.orphan, 0);
    later = fragment_number(0, true);
    add_facts(fixture, &later);
    assert_int_equal(fixture->flow->key.orphan, 1);
}

static void millions_of_fragments_are_forgotten_in_turn(void **state)
{
    enum { ROUNDS = 20 };
    struct fixture *fixture = *state;
    struct pkv__facts first = fragment_number(0, false), later = fragment_number(0, true);
    for (uint32_t id = 0; id < ROUNDS * PKV__FRAGMENTS_MAX; id++) {
        first.inner.fragment_id = later.inner.fragment_id = id;
        add_facts(fixture, &first);
        add_facts(fixture, &later);
        assert_int_equal(fixture->flow->id, 0);
    }
    later.inner.fragment_id = (ROUNDS - 1) * PKV__FRAGMENTS_MAX - 1;
    add_facts(fixture, &later);
    assert_int_equal(fixture->flow->key.orphan, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW_TEST(later_fragments_follow_their_first),
        FLOW_TEST(orphans_are_a_flow_without_ports),
        FLOW_TEST(icmp_fragments_need_no_first),
        FLOW_TEST(a_new_first_fragment_takes_over_the_id),
        FLOW_TEST(ipv6_fragments_are_matched_by_id),
        FLOW_TEST(fragments_of_two_tunnels_do_not_mix),
        FLOW_TEST(outer_fragments_follow_their_first),
        FLOW_TEST(fragments_inside_a_gateway_follow_too),
        FLOW_TEST(an_outer_orphan_has_no_tunnel),
        FLOW_TEST(facts_are_completed_from_the_identity_alone),
        FLOW_TEST(the_oldest_fragments_are_forgotten_first),
        FLOW_TEST(millions_of_fragments_are_forgotten_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
