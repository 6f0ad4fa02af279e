/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/flow/fixture.h"

#include <stdio.h>

#include <pktvault/error.h>

#include "base/fault.h"

/* TCP between 10.0.0.10:51234 and 10.0.0.20:443, or the way back. */
static struct pkv__flow *add_tcp(struct fixture *fixture, bool back, const char *flags)
{
    char hex[200];
    (void)snprintf(hex, sizeof hex,
                   "4500 0028 0001 4000 40 06 0000 %s %s 00000001 00000002 50%s ffff 00000000",
                   back ? "0a000014 0a00000a" : "0a00000a 0a000014",
                   back ? "01bb c822" : "c822 01bb", flags);
    return add_raw(fixture, hex);
}

static uint16_t initiator_port(const struct pkv__flow *flow)
{
    return flow->key.port[flow->initiator];
}

static void both_directions_are_one_flow(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow = add_tcp(fixture, false, "02");
    assert_int_equal(fixture->side, 0);
    assert_ptr_equal(add_tcp(fixture, true, "12"), flow);
    assert_int_equal(fixture->side, 1);
    assert_int_equal(pkv__flow_table_count(fixture->table), 1);
    assert_true(flow->has_ports);
    assert_int_equal(flow->packets[0], 1);
    assert_int_equal(flow->packets[1], 1);
    assert_int_equal(flow->bytes[0], 40);
    assert_int_equal(flow->tcp_flags[0], 0x02);
    assert_int_equal(flow->tcp_flags[1], 0x12);
    assert_int_equal(flow->first_ns, 0);
    assert_int_equal(flow->last_ns, 1);
}

static void the_initiator_sent_the_syn(void **state)
{
    struct fixture *fixture = *state;
    (void)add_tcp(fixture, true, "10");
    assert_int_equal(initiator_port(fixture->flow), 443);
    (void)add_tcp(fixture, false, "02");
    assert_int_equal(initiator_port(fixture->flow), 51234);
    (void)add_tcp(fixture, true, "02");
    assert_int_equal(initiator_port(fixture->flow), 51234);
}

static void or_received_the_syn_ack(void **state)
{
    struct fixture *fixture = *state;
    (void)add_tcp(fixture, true, "12");
    assert_int_equal(initiator_port(fixture->flow), 51234);
}

static void or_came_first(void **state)
{
    struct fixture *fixture = *state;
    (void)add_tcp(fixture, true, "10");
    (void)add_tcp(fixture, false, "10");
    assert_int_equal(initiator_port(fixture->flow), 443);
}

static void times_that_step_back_widen_the_flow(void **state)
{
    struct fixture *fixture = *state;
    fixture->now = 10;
    (void)add_tcp(fixture, false, "10");
    fixture->now = 5;
    (void)add_tcp(fixture, false, "10");
    assert_int_equal(fixture->flow->first_ns, 5);
    assert_int_equal(fixture->flow->last_ns, 10);
}

static void overlapping_addresses_of_two_vnis_never_merge(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *flow =
        add_raw(fixture, MIRROR("c0000201", "c0000202", "000064") PING("0a00000a", "0a000014"));
    assert_ptr_not_equal(
        add_raw(fixture, MIRROR("c0000201", "c0000202", "000065") PING("0a00000a", "0a000014")),
        flow);
    assert_ptr_not_equal(
        add_raw(fixture, MIRROR("c0000201", "c0000203", "000064") PING("0a00000a", "0a000014")),
        flow);
    assert_ptr_not_equal(add_raw(fixture, PING("0a00000a", "0a000014")), flow);
    /* Both directions of an overlay, whose outer addresses swap as well, are one. */
    assert_ptr_equal(
        add_raw(fixture, MIRROR("c0000202", "c0000201", "000064") PING("0a000014", "0a00000a")),
        flow);
    assert_int_equal(pkv__flow_table_count(fixture->table), 4);
}

static void an_address_to_itself_is_told_by_ports(void **state)
{
    struct fixture *fixture = *state;
    (void)add_raw(fixture, "4500 001c 0001 4000 40 11 0000 7f000001 7f000001 1000 0035 0008 0000");
    assert_int_equal(fixture->side, 1);
    (void)add_raw(fixture, "4500 001c 0001 4000 40 11 0000 7f000001 7f000001 0035 1000 0008 0000");
    assert_int_equal(fixture->side, 0);
    assert_int_equal(pkv__flow_table_count(fixture->table), 1);
}

static void what_is_not_ip_has_a_flow_too(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *arp =
        add(fixture, PKV__LINK_ETHERNET,
            ETHERNET("0806") "0001 0800 06 04 0001 020000000001 0a00000a 000000000000 0a000014");
    assert_int_equal(arp->key.class_, PKV__CLASS_ARP);
    assert_int_equal(arp->key.ethertype, 0x0806);
    assert_int_equal(arp->key.address_length, 4);
    const struct pkv__flow *other = add(fixture, PKV__LINK_ETHERNET, ETHERNET("88cc") "0207");
    assert_int_equal(other->key.class_, PKV__CLASS_OTHER);
    assert_int_equal(other->key.address_length, 6);
    const struct pkv__flow *malformed = add_raw(fixture, "45");
    assert_ptr_equal(add_raw(fixture, "f0"), malformed);
    const struct pkv__flow *in_tunnel =
        add_raw(fixture, MIRROR("c0000201", "c0000202", "000064") "45");
    assert_int_equal(in_tunnel->key.class_, PKV__CLASS_MALFORMED);
    assert_int_equal(in_tunnel->key.vni, 100);
    assert_ptr_not_equal(in_tunnel, malformed);
    assert_int_equal(pkv__flow_table_count(fixture->table), 4);
}

static void a_packet_cut_before_its_ports_is_no_flow_of_port_0(void **state)
{
    struct fixture *fixture = *state;
    const struct pkv__flow *cut = add_raw(fixture, IPV4("0028", "4000", "06"));
    assert_int_equal(cut->key.orphan, 1);
    const struct pkv__flow *zero = add_raw(
        fixture, IPV4("0028", "4000", "06") "0000 0000 00000001 00000002 5010 ffff 00000000");
    assert_ptr_not_equal(cut, zero);
    assert_true(zero->has_ports);
}

static void icmp_type_and_code_are_the_initiators(void **state)
{
    struct fixture *fixture = *state;
    (void)add_raw(fixture, IPV4("001c", "0000", "01"));
    const struct pkv__flow *flow =
        add_raw(fixture, "4500 001c 0001 4000 40 01 0000 0a000014 0a00000a 0000 0000 00000000");
    assert_false(flow->has_icmp);
    assert_ptr_equal(add_raw(fixture, IPV4("001c", "0000", "01") "0800 0000 00000000"), flow);
    assert_true(flow->has_icmp);
    assert_int_equal(flow->icmp_type, 8);
}

static void many_flows_keep_their_places(void **state)
{
    enum { MANY = 100000 };
    struct fixture *fixture = *state;
    struct pkv__flow **flows = calloc(MANY, sizeof *flows);
    assert_non_null(flows);
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t n = 0; n < MANY; n++) {
            struct pkv__facts facts = {.inner = {.class_ = PKV__CLASS_IP,
                                                 .protocol = 17,
                                                 .has_ports = true,
                                                 .src_port = (uint16_t)n,
                                                 .dst_port = (uint16_t)(n >> 16)}};
            facts.inner.src = (struct pkv__address){{10, 0, 0, 1}, 4};
            facts.inner.dst = (struct pkv__address){{10, 0, 0, 2}, 4};
            add_facts(fixture, &facts);
            if (round == 0)
                flows[n] = fixture->flow;
            assert_ptr_equal(fixture->flow, flows[n]);
            assert_ptr_equal(fixture->flow, pkv__flow_table_at(fixture->table, n));
            assert_int_equal(fixture->flow->id, n);
        }
    assert_int_equal(pkv__flow_table_count(fixture->table), MANY);
    assert_null(pkv__flow_table_at(fixture->table, MANY));
    assert_true(pkv__flow_table_bytes(fixture->table) > MANY * sizeof(struct pkv__flow));
    free(flows);
}

static void a_cleared_table_knows_nothing(void **state)
{
    struct fixture *fixture = *state;
    (void)add_raw(fixture, FIRST);
    pkv__flow_table_clear(fixture->table);
    assert_int_equal(pkv__flow_table_count(fixture->table), 0);
    const struct pkv__flow *flow = add_raw(fixture, LATER);
    assert_int_equal(flow->id, 0);
    assert_int_equal(flow->key.orphan, 1);
    assert_null(flow->user);
    assert_int_equal(flow->packets[0] + flow->packets[1], 1);
}

static int failing_allocation, allocations;

static int fail_allocation(const char *operation)
{
    return strcmp(operation, "alloc") == 0 && ++allocations == failing_allocation ? 12 : 0;
}

static void out_of_memory_is_told_and_nothing_is_lost(void **state)
{
    (void)state;
    bool failed = true;
    for (failing_allocation = 1; failed; failing_allocation++) {
        struct pkv__flow_table *table = NULL;
        struct pkv__flow *flow = NULL;
        unsigned side;
        allocations = 0;
        pkv__fault_hook = fail_allocation;
        int result = pkv__flow_table_new(&table);
        for (uint32_t n = 0; result == 0 && n < 5000; n++) {
            struct pkv__facts facts = fragment_number(n, false);
            result = pkv__flow_table_add(table, &facts, 0, &flow, &side);
            if (result < 0)
                assert_int_equal(pkv__flow_table_count(table), n);
        }
        pkv__fault_hook = NULL;
        failed = allocations >= failing_allocation;
        assert_int_equal(result, failed ? PKV_E_MEMORY : 0);
        assert_null(pkv__flow_table_free(table));
    }
    assert_true(failing_allocation > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLOW_TEST(both_directions_are_one_flow),
        FLOW_TEST(the_initiator_sent_the_syn),
        FLOW_TEST(or_received_the_syn_ack),
        FLOW_TEST(or_came_first),
        FLOW_TEST(times_that_step_back_widen_the_flow),
        FLOW_TEST(overlapping_addresses_of_two_vnis_never_merge),
        FLOW_TEST(an_address_to_itself_is_told_by_ports),
        FLOW_TEST(what_is_not_ip_has_a_flow_too),
        FLOW_TEST(a_packet_cut_before_its_ports_is_no_flow_of_port_0),
        FLOW_TEST(icmp_type_and_code_are_the_initiators),
        FLOW_TEST(many_flows_keep_their_places),
        FLOW_TEST(a_cleared_table_knows_nothing),
        cmocka_unit_test(out_of_memory_is_told_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
