/* SPDX-License-Identifier: BSD-2-Clause */
/* VXLAN, VXLAN-GPE, GENEVE, and what is left of them wherever a capture was cut. */
#include "tests/packet/frames.h"

/* 54 bytes. */
#define INNER ETHERNET("0800") IPV4("0028", "4000", "06") TCP
/* Underlay, UDP and VXLAN around it: 104 bytes. */
#define MIRRORED ETHERNET("0800") UNDERLAY("005a") UDP("d000", "12b5", "0046") VXLAN("000064") INNER

static void assert_inner(const struct pkv__facts *f)
{
    frames_assert_ports(&f->inner, 6, 51234, 443);
    assert_false(f->malformed || f->truncated);
}

static void vxlan(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_ETHERNET, MIRRORED);
    assert_inner(&f);
    assert_int_equal(f.tunnel, PKV__TUNNEL_VXLAN);
    assert_int_equal(f.vni, 100);
    frames_assert_address(&f.outer.src, "c0000201");
    frames_assert_address(&f.outer.dst, "c0000202");
    frames_assert_ports(&f.outer, 17, 0xd000, 4789);
    assert_int_equal(f.inner_offset, 50);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 54);
    assert_int_equal(f.inner_link_type, PKV__LINK_ETHERNET);
    assert_int_equal(f.inner.network_offset, 64);
    assert_int_equal(f.inner.transport_offset, 84);
}

static void vxlan_over_ipv6_behind_tags(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_ETHERNET, ETHERNET("8100") "0007 86dd" IPV6("0046", "11")
                                              UDP("d000", "12b5", "0046") VXLAN("ffffff") INNER);
    assert_inner(&f);
    assert_int_equal(f.vni, 0xffffff);
    assert_int_equal(f.outer.vlan_count, 1);
    assert_int_equal(f.outer.src.length, 16);
}

static void only_the_i_bit_makes_a_vxlan(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, UNDERLAY("0024") UDP("d000", "12b5", "0010") "00000000 000064 00");
    assert_int_equal(f.tunnel, PKV__TUNNEL_NONE);
    frames_assert_ports(&f.inner, 17, 0xd000, 4789);
    /* Group policy and other reserved bits are ignored. */
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("005a") UDP("d000", "12b5", "0046") "8c000123 000064 07" INNER);
    assert_inner(&f);
    assert_int_equal(f.vni, 100);
}

static void only_the_destination_port_counts(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_RAW, UNDERLAY("005a") UDP("12b5", "d000", "0046")
                                                           VXLAN("000064") INNER);
    assert_int_equal(f.tunnel, PKV__TUNNEL_NONE);
}

static void outer_padding_is_not_of_the_inner_frame(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_ETHERNET, MIRRORED "00000000 0000");
    assert_inner(&f);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 54);
}

static void the_udp_length_ends_the_inner_frame(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_RAW, UNDERLAY("005e") UDP("d000", "12b5", "0046")
                                                           VXLAN("000064") INNER "00000000");
    assert_inner(&f);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 54);
}

static void coalesced_frames_have_lengths_of_zero(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_ETHERNET,
                      ETHERNET("0800") UNDERLAY("0000") UDP("d000", "12b5", "0000") VXLAN("000064")
                          ETHERNET("0800") IPV4("0000", "4000", "06") TCP "6e657470");
    assert_inner(&f);
    assert_int_equal(f.inner_captured_bytes, 58);
    assert_int_equal(f.inner_original_bytes, 58);
}

static void an_original_length_that_wrapped_does_not_mislead(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode_cut(PKV__LINK_ETHERNET,
                                            ETHERNET("0800") UNDERLAY("0000")
                                                UDP("d000", "12b5", "0046") VXLAN("000064") INNER,
                                            -1, 20);
    assert_inner(&f);
    assert_int_equal(f.inner_original_bytes, 54);
}

static void aws_cuts_to_a_packet_length(void **state)
{
    (void)state;
    /* The record is complete and its outer lengths agree; the inner IP says 1500 bytes. */
    struct pkv__facts f = frames_decode(
        PKV__LINK_ETHERNET, ETHERNET("0800") UNDERLAY("005a") UDP("d000", "12b5", "0046")
                                VXLAN("000064") ETHERNET("0800") IPV4("05dc", "4000", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_true(f.truncated && f.inner.truncated);
    assert_false(f.outer.truncated || f.malformed);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 1514);
}

static void a_snap_length_cuts_outer_and_inner(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode_cut(PKV__LINK_ETHERNET, MIRRORED, 90, -1);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_true(f.truncated && f.inner.truncated && f.outer.truncated);
    assert_int_equal(f.inner_captured_bytes, 40);
    assert_int_equal(f.inner_original_bytes, 54);
}

static void gpe_names_what_it_carries(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, UNDERLAY("004c") UDP("d000", "12b6", "0038") "0c000001 000064 00" IPV4(
                           "0028", "4000", "06") TCP);
    assert_inner(&f);
    assert_int_equal(f.tunnel, PKV__TUNNEL_VXLAN);
    assert_int_equal(f.vni, 100);
    assert_int_equal(f.inner_link_type, PKV__LINK_RAW);
    assert_int_equal(f.inner_ethertype, 0x0800);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("0060")
                          UDP("d000", "12b6", "004c") "0c000002 000064 00" IPV6("0014", "06") TCP);
    assert_inner(&f);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("005a") UDP("d000", "12b6", "0046") "0c000003 000064 00" INNER);
    assert_inner(&f);
    assert_int_equal(f.inner_link_type, PKV__LINK_ETHERNET);
    /* Without the P bit it is VXLAN. */
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("005a") UDP("d000", "12b6", "0046") "08000000 000064 00" INNER);
    assert_inner(&f);
    /* A type that nobody assigned. */
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("0028") UDP("d000", "12b6", "0014") "0c0000fe 000064 00 00000000");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.vni, 100);
    assert_false(f.malformed);
}

static void the_p_bit_on_4789_is_reserved(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, UNDERLAY("005a") UDP("d000", "12b5", "0046") "0c000001 000064 00" INNER);
    assert_inner(&f);
    assert_int_equal(f.inner_link_type, PKV__LINK_ETHERNET);
}

static void nsh_is_walked(void **state)
{
    (void)state;
    /* Six words: service path, two context headers; then IPv4, or Ethernet. */
#define NSH(next) "0006 02 " next " ffffff00 01020112 34567800 02030112 34567800 "
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, UNDERLAY("0064") UDP("d000", "12b6", "0050") "0c000004 ffffff 00" NSH("01")
                           IPV4("0028", "4000", "06") TCP);
    assert_inner(&f);
    assert_int_equal(f.inner_ethertype, 0x0800);
    assert_int_equal(f.inner_offset, 20 + 8 + 8 + 24);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("0072") UDP("d000", "12b6", "005e") "0c000004 ffffff 00" NSH("03")
                          INNER);
    assert_inner(&f);
    assert_int_equal(f.inner_link_type, PKV__LINK_ETHERNET);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("002c")
                          UDP("d000", "12b6", "0018") "0c000004 ffffff 00 0001 02 01 ffffff00");
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
}

static void geneve(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW,
        UNDERLAY("0062") UDP("d000", "17c1", "004e") "0240 6558 00000a 00 00008001 0000000c" INNER);
    assert_inner(&f);
    assert_int_equal(f.tunnel, PKV__TUNNEL_GENEVE);
    assert_int_equal(f.vni, 10);
    assert_int_equal(f.inner_offset, 44);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("004c") UDP("d000", "17c1", "0038") "0000 0800 00000a 00" IPV4(
                          "0028", "4000", "06") TCP);
    assert_inner(&f);
    assert_int_equal(f.inner_link_type, PKV__LINK_RAW);
    assert_int_equal(f.inner_ethertype, 0x0800);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("0060")
                          UDP("d000", "17c1", "004c") "0000 86dd 00000a 00" IPV6("0014", "06") TCP);
    assert_inner(&f);
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("0028") UDP("d000", "17c1", "0014") "0000 88cc 00000a 00 00000000");
    assert_int_equal(f.inner.class_, PKV__CLASS_OTHER);
    assert_int_equal(f.inner.ethertype, 0x88cc);
    /* Of version 1 nothing is known, so it is a datagram. */
    f = frames_decode(PKV__LINK_RAW,
                      UNDERLAY("005a") UDP("d000", "17c1", "0046") "4000 6558 00000a 00" INNER);
    assert_int_equal(f.tunnel, PKV__TUNNEL_NONE);
}

static void geneve_options_beyond_the_packet_are_malformed(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, UNDERLAY("0028") UDP("d000", "17c1", "0014") "3f00 6558 00000a 00 00000000");
    assert_int_equal(f.tunnel, PKV__TUNNEL_GENEVE);
    assert_int_equal(f.vni, 10);
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
    assert_true(f.malformed);
}

/* AWS Gateway Load Balancer: GENEVE with options, IPv4, UDP, VXLAN. 198.51.100.1 carries the VXLAN.
 */
#define GATEWAY                                                                                    \
    UNDERLAY("0086")                                                                               \
    UDP("d000", "17c1", "0072")                                                                    \
    "0200 0800 00000a 00 01080101 00000001 "                                                       \
    "4500 005a 0001 0000 40 11 0000 c6336401 c6336402 " UDP("d001", "12b5", "0046")                \
        VXLAN("000064") INNER

static void vxlan_in_geneve_is_what_counts(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_RAW, GATEWAY);
    assert_inner(&f);
    assert_int_equal(f.tunnel, PKV__TUNNEL_VXLAN);
    assert_int_equal(f.vni, 100);
    frames_assert_address(&f.outer.src, "c6336401");
    frames_assert_address(&f.outer.dst, "c6336402");
    assert_int_equal(f.inner_captured_bytes, 54);
}

static void vxlan_in_vxlan_is_not_looked_into(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_ETHERNET, ETHERNET("0800") UNDERLAY("008c")
                                              UDP("d000", "12b5", "0078") VXLAN("0000c8") MIRRORED);
    assert_int_equal(f.vni, 200);
    frames_assert_ports(&f.inner, 17, 0xd000, 4789);
}

static void a_first_outer_fragment_knows_the_whole_frame(void **state)
{
    (void)state;
    /* UDP length 1000, of which this fragment has 70 bytes; the inner IP has 1000 - 8 - 8 - 14. */
    struct pkv__facts f =
        frames_decode(PKV__LINK_RAW,
                      "4500 005a 0001 2000 40 11 0000 c0000201 c0000202" UDP("d000", "12b5", "03e8")
                          VXLAN("000064") ETHERNET("0800") IPV4("03ca", "4000", "06") TCP);
    assert_int_equal(f.vni, 100);
    assert_true(f.outer.first_fragment);
    assert_false(f.malformed);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 984);
    f = frames_decode(PKV__LINK_RAW, "4500 0024 0001 000a 40 11 0000 c0000201 c0000202 "
                                     "d000 12b5 0010 0000 08000000 00006400");
    assert_int_equal(f.tunnel, PKV__TUNNEL_NONE);
    assert_true(f.inner.fragment && !f.inner.first_fragment);
}

static void a_cut_tunnel_header_is_a_tunnel_still(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_RAW, UNDERLAY("0022") UDP("d000", "12b5", "000e") "08000000 0000");
    assert_int_equal(f.tunnel, PKV__TUNNEL_VXLAN);
    assert_int_equal(f.vni, 0);
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
    assert_true(f.malformed);
    frames_assert_address(&f.outer.src, "c0000201");
}

/* Whatever is known of a packet when it is cut stays as it is when more of it is there. */
static void assert_layer_grows(const struct pkv__layer *less, const struct pkv__layer *more)
{
    if (less->class_ != PKV__CLASS_IP || !less->src.length)
        return;
    assert_int_equal(more->class_, PKV__CLASS_IP);
    assert_memory_equal(&less->src, &more->src, sizeof less->src);
    assert_memory_equal(&less->dst, &more->dst, sizeof less->dst);
    assert_int_equal(less->vlan_count, more->vlan_count);
    assert_int_equal(less->fragment, more->fragment);
    if (less->has_ports)
        frames_assert_ports(more, less->protocol, less->src_port, less->dst_port);
    if (less->has_tcp_flags)
        assert_int_equal(less->tcp_flags, more->tcp_flags);
}

static void assert_grows(const struct pkv__facts *less, const struct pkv__facts *more)
{
    if (less->tunnel != PKV__TUNNEL_NONE)
        assert_int_not_equal(more->tunnel, PKV__TUNNEL_NONE);
    if (less->tunnel != more->tunnel)
        return;
    if (less->tunnel != PKV__TUNNEL_NONE)
        assert_layer_grows(&less->outer, &more->outer);
    if (less->inner.class_ != PKV__CLASS_MALFORMED && less->tunnel != PKV__TUNNEL_NONE)
        assert_int_equal(less->vni, more->vni);
    assert_layer_grows(&less->inner, &more->inner);
}

static void truncation_anywhere(void **state)
{
    (void)state;
    const char *frames[] = {
        MIRRORED,
        ETHERNET("0800") GATEWAY,
        ETHERNET("88a8") "0001 8100 0002 86dd" IPV6("004e", "00") "11 00 0104 00000000" UDP(
            "d000", "12b5", "0046") VXLAN("000064") INNER,
        ETHERNET("0800") UNDERLAY("0064") UDP("d000", "12b6", "0050") "0c000004 ffffff 00" NSH("01")
            IPV4("0028", "4000", "06") TCP,
        ETHERNET("8847") "00010140" IPV6(
            "002c", "33") "06 04 0000 00000001 00000001 000000000000000000000000" TCP,
        ETHERNET("0806") "0001 0800 06 04 0001 020000000001 0a00000a 000000000000 0a000014",
    };
    for (size_t n = 0; n < sizeof frames / sizeof *frames; n++) {
        size_t length;
        free(frames_bytes(frames[n], &length));
        struct pkv__facts before = frames_decode_cut(PKV__LINK_ETHERNET, frames[n], 0, -1);
        for (size_t captured = 1; captured <= length; captured++) {
            struct pkv__facts f =
                frames_decode_cut(PKV__LINK_ETHERNET, frames[n], (int)captured, -1);
            assert_int_equal(f.truncated, captured < length);
            assert_true(f.inner_offset + f.inner_captured_bytes <= captured);
            assert_true(f.inner_original_bytes >= f.inner_captured_bytes);
            assert_true(f.inner.transport_offset <= captured);
            if (f.inner.class_ == PKV__CLASS_MALFORMED)
                assert_true(f.malformed);
            assert_grows(&before, &f);
            before = f;
        }
        assert_false(before.malformed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vxlan),
        cmocka_unit_test(vxlan_over_ipv6_behind_tags),
        cmocka_unit_test(only_the_i_bit_makes_a_vxlan),
        cmocka_unit_test(only_the_destination_port_counts),
        cmocka_unit_test(outer_padding_is_not_of_the_inner_frame),
        cmocka_unit_test(the_udp_length_ends_the_inner_frame),
        cmocka_unit_test(coalesced_frames_have_lengths_of_zero),
        cmocka_unit_test(an_original_length_that_wrapped_does_not_mislead),
        cmocka_unit_test(aws_cuts_to_a_packet_length),
        cmocka_unit_test(a_snap_length_cuts_outer_and_inner),
        cmocka_unit_test(gpe_names_what_it_carries),
        cmocka_unit_test(the_p_bit_on_4789_is_reserved),
        cmocka_unit_test(nsh_is_walked),
        cmocka_unit_test(geneve),
        cmocka_unit_test(geneve_options_beyond_the_packet_are_malformed),
        cmocka_unit_test(vxlan_in_geneve_is_what_counts),
        cmocka_unit_test(vxlan_in_vxlan_is_not_looked_into),
        cmocka_unit_test(a_first_outer_fragment_knows_the_whole_frame),
        cmocka_unit_test(a_cut_tunnel_header_is_a_tunnel_still),
        cmocka_unit_test(truncation_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
