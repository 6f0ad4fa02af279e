/* SPDX-License-Identifier: BSD-2-Clause */
/* Link layers, tags and labels, and what is not IP. */
#include "tests/packet/frames.h"

static void vlan_tags_are_fields(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_ETHERNET, ETHERNET("88a8") "6064 8100 0065 0800" IPV4("0028", "4000", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_int_equal(f.inner.vlan_count, 2);
    assert_int_equal(f.inner.vlan[0], 0x6064);
    assert_int_equal(f.inner.vlan[1], 0x0065);
    assert_int_equal(f.inner.ethertype, 0x0800);
    assert_int_equal(f.inner.network_offset, 22);
}

static void five_vlan_tags_are_not_looked_through(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_ETHERNET, ETHERNET("9100") "0001 8100 0002 8100 0003 8100 0004 8100 "
                                             "0005 0800" IPV4("0028", "4000", "06") TCP);
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.inner.vlan_count, 4);
    assert_int_equal(f.inner.ethertype, 0x8100);
}

static void mpls_labels_lead_to_ip(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_ETHERNET, ETHERNET("8847") "00010040 00020140" IPV4("0028", "4000", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    f = frames_decode(PKV__LINK_ETHERNET, ETHERNET("8847") "00010140" IPV6("0014", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    f = frames_decode(PKV__LINK_ETHERNET, ETHERNET("8847") "00010140 00000000 020000000002");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.inner.ethertype, 0x8847);
    assert_false(f.malformed);
}

static void other_ethertypes_are_known_by_macs(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_ETHERNET, ETHERNET("88cc") "0207 0400");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.inner.ethertype, 0x88cc);
    frames_assert_address(&f.inner.src, "020000000001");
    frames_assert_address(&f.inner.dst, "020000000002");
    f = frames_decode(PKV__LINK_ETHERNET, ETHERNET("0026") "4242 03");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.inner.ethertype, 0);
}

static void arp_has_protocol_addresses(void **state)
{
    (void)state;
    const char *request = ETHERNET("0806") "0001 0800 06 04 0001 020000000001 0a00000a "
                                           "000000000000 0a000014";
    struct pkv__facts f = frames_decode(PKV__LINK_ETHERNET, request);
    assert_int_equal(f.inner.class_, PKV__CLASS_ARP);
    assert_int_equal(f.inner.arp_operation, 1);
    frames_assert_address(&f.inner.src, "0a00000a");
    frames_assert_address(&f.inner.dst, "0a000014");
    f = frames_decode_cut(PKV__LINK_ETHERNET, request, 41, -1);
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
    f = frames_decode(PKV__LINK_ETHERNET, ETHERNET("0806") "0001 809b 06 04 0001");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
}

static void other_link_layers(void **state)
{
    (void)state;
    const char *ip4 = IPV4("0028", "4000", "06") TCP;
    const char *ip6 = IPV6("0014", "06") TCP;
    struct {
        uint16_t link;
        const char *header, *packet;
    } cases[] = {
        {PKV__LINK_RAW, "", ip4},
        {PKV__LINK_RAW, "", ip6},
        {PKV__LINK_IPV4, "", ip4},
        {PKV__LINK_IPV6, "", ip6},
        {PKV__LINK_NULL, "02000000", ip4},
        {PKV__LINK_NULL, "00000002", ip4},
        {PKV__LINK_NULL, "18000000", ip6},
        {PKV__LINK_NULL, "1e000000", ip6},
        {PKV__LINK_LOOP, "0000001c", ip6},
        {PKV__LINK_SLL, "0000 0001 0006 020000000001 0000 0800", ip4},
        {PKV__LINK_SLL, "0000 0001 0006 020000000001 0000 8100 0064 86dd", ip6},
        {PKV__LINK_SLL2, "0800 0000 00000002 0001 00 06 020000000001 0000", ip4},
    };
    for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
        char hex[400];
        (void)snprintf(hex, sizeof hex, "%s %s", cases[n].header, cases[n].packet);
        struct pkv__facts f = frames_decode(cases[n].link, hex);
        frames_assert_ports(&f.inner, 6, 51234, 443);
        assert_int_equal(f.inner_link_type, cases[n].link);
        assert_false(f.malformed);
    }
}

static void cooked_netlink_and_unknown_links_are_other(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_SLL, "0000 0338 0000 0000000000000000 0800 45000000");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.inner.ethertype, 0);
    f = frames_decode(147, "45000000");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_false(f.malformed);
    f = frames_decode(PKV__LINK_SLL, "0000 0001 0006 020000000001 0000 88cc 0207");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    frames_assert_address(&f.inner.src, "020000000001");
    assert_int_equal(f.inner.dst.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vlan_tags_are_fields),
        cmocka_unit_test(five_vlan_tags_are_not_looked_through),
        cmocka_unit_test(mpls_labels_lead_to_ip),
        cmocka_unit_test(other_ethertypes_are_known_by_macs),
        cmocka_unit_test(arp_has_protocol_addresses),
        cmocka_unit_test(other_link_layers),
        cmocka_unit_test(cooked_netlink_and_unknown_links_are_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
