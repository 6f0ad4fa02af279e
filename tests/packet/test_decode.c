/* SPDX-License-Identifier: BSD-2-Clause */
/* IP and transports. */
#include "tests/packet/frames.h"

#include "packet/names.h"

static void ethernet_ipv4_tcp(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_ETHERNET, ETHERNET("0800") IPV4("0028", "4000", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    frames_assert_address(&f.inner.src, "0a00000a");
    frames_assert_address(&f.inner.dst, "0a000014");
    assert_true(f.inner.has_macs);
    assert_memory_equal(f.inner.src_mac, "\x02\0\0\0\0\x01", 6);
    assert_memory_equal(f.inner.dst_mac, "\x02\0\0\0\0\x02", 6);
    assert_true(f.inner.has_tcp_flags);
    assert_int_equal(f.inner.tcp_flags, 0x10);
    assert_int_equal(f.inner.network_offset, 14);
    assert_int_equal(f.inner.transport_offset, 34);
    assert_int_equal(f.tunnel, PKV__TUNNEL_NONE);
    assert_int_equal(f.inner_link_type, PKV__LINK_ETHERNET);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 54);
    assert_false(f.inner.fragment || f.truncated || f.malformed);
}

static void ipv4_options_are_skipped(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, "4600 002c 1234 4000 40 06 0000 0a00000a 0a000014 94040000" TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_int_equal(f.inner.transport_offset, 24);
}

static void a_header_length_that_cannot_be_leaves_the_addresses(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_RAW, "4400 0028 1234 4000 40 06 0000 0a00000a 0a000014" TCP);
    assert_int_equal(f.inner.class_, PKV__CLASS_IP);
    frames_assert_address(&f.inner.src, "0a00000a");
    assert_false(f.inner.has_ports);
    assert_true(f.malformed);
    f = frames_decode(PKV__LINK_RAW, IPV4("0013", "4000", "06") TCP);
    assert_int_equal(f.inner.class_, PKV__CLASS_IP);
    assert_false(f.inner.has_ports);
    assert_true(f.malformed);
}

static void a_wrong_version_is_malformed(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_ETHERNET, ETHERNET("0800") IPV6("0014", "06") TCP);
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
    assert_true(f.malformed);
    f = frames_decode(PKV__LINK_ETHERNET, ETHERNET("86dd") IPV4("0028", "4000", "06") TCP TCP);
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
    f = frames_decode(PKV__LINK_RAW, "f000");
    assert_int_equal(f.inner.class_, PKV__CLASS_MALFORMED);
}

static void ethernet_padding_is_no_payload(void **state)
{
    (void)state;
    /* Total length 22: two bytes of TCP, then padding that would read as ports. */
    struct pkv__facts f = frames_decode(PKV__LINK_ETHERNET,
                                        ETHERNET("0800") IPV4("0016", "4000", "06") "c822"
                                                                                    "01bb00000000");
    assert_int_equal(f.inner.class_, PKV__CLASS_IP);
    assert_false(f.inner.has_ports);
    assert_true(f.malformed);
    assert_false(f.truncated);
}

static void total_length_zero_means_to_the_end(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_ETHERNET, ETHERNET("0800") IPV4("0000", "4000", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_false(f.truncated || f.malformed);
    f = frames_decode(PKV__LINK_RAW, IPV6("0000", "06") TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    /* RFC 2675: a jumbo payload option behind a payload length of 0. */
    f = frames_decode(PKV__LINK_RAW, IPV6("0000", "00") "06 00 c2 04 00011170" TCP);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_false(f.truncated || f.malformed);
}

static void extension_headers_are_walked(void **state)
{
    (void)state;
    const char *chains[] = {
        IPV6("001c", "00") "06 00 0104 00000000" TCP, /* hop-by-hop */
        IPV6("001c", "3c") "06 00 0104 00000000" TCP, /* destination options */
        IPV6("002c", "2b") "06 02 0401 00000000 20010db8000000000000000000000003" TCP, /* routing */
        IPV6("002c", "33") "06 04 0000 00000001 00000001 000000000000000000000000" TCP, /* AH */
        IPV6("0024", "00") "3c 00 0104 00000000 06 00 0104 00000000" TCP,
        IPV6("001c", "2c") "06 00 0000 00000007" TCP, /* atomic fragment, RFC 6946 */
        IPV6("001c", "8b") "06 00 0104 00000000" TCP, /* HIP */
    };
    for (size_t n = 0; n < sizeof chains / sizeof *chains; n++) {
        struct pkv__facts f = frames_decode(PKV__LINK_RAW, chains[n]);
        frames_assert_ports(&f.inner, 6, 51234, 443);
        assert_false(f.inner.fragment || f.malformed || f.truncated);
    }
}

static void mobility_speaks_for_itself(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(PKV__LINK_RAW, IPV6("0008", "87") "3b 00 0100 00000000");
    assert_int_equal(f.inner.protocol, 135);
    assert_int_equal(f.inner.transport_offset, 40);
    f = frames_decode(PKV__LINK_RAW, IPV6("0000", "3b") "");
    assert_int_equal(f.inner.protocol, 59);
    assert_false(f.malformed);
}

static void an_endless_extension_chain_ends(void **state)
{
    (void)state;
#define OPTIONS "3c 00 0104 00000000 "
#define SIX_OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS
    const char *hex = IPV6("0090", "3c") SIX_OPTIONS SIX_OPTIONS SIX_OPTIONS;
    struct pkv__facts f = frames_decode(PKV__LINK_RAW, hex);
    assert_int_equal(f.inner.class_, PKV__CLASS_IP);
    assert_int_equal(f.inner.protocol, 60);
    assert_true(f.malformed);
}

static void ipv4_fragments(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW, IPV4("0024", "2000", "11") UDP("1000", "0035", "0fa0") "00000000 00000000");
    frames_assert_ports(&f.inner, 17, 0x1000, 53);
    assert_true(f.inner.fragment && f.inner.first_fragment);
    assert_int_equal(f.inner.fragment_id, 0x1234);
    assert_false(f.malformed || f.truncated);
    f = frames_decode(PKV__LINK_RAW,
                      IPV4("0024", "20b9", "11") "1000 0035 0fa0 0000 00000000 00000000");
    assert_true(f.inner.fragment && !f.inner.first_fragment);
    assert_false(f.inner.has_ports);
    assert_int_equal(f.inner.transport_offset, 0);
    assert_int_equal(f.inner.protocol, 17);
    f = frames_decode(PKV__LINK_RAW,
                      IPV4("0024", "1000", "11") "1000 0035 0fa0 0000 00000000 00000000");
    assert_true(f.inner.fragment && !f.inner.first_fragment);
}

static void ipv6_fragments(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode(
        PKV__LINK_RAW,
        IPV6("0018", "2c") "11 00 0001 deadbeef" UDP("1000", "0035", "0fa0") "0000000000000000");
    frames_assert_ports(&f.inner, 17, 0x1000, 53);
    assert_true(f.inner.fragment && f.inner.first_fragment);
    assert_int_equal(f.inner.fragment_id, 0xdeadbeef);
    f = frames_decode(PKV__LINK_RAW, IPV6("0010", "2c") "11 00 05a8 deadbeef 1000003500000000");
    assert_true(f.inner.fragment && !f.inner.first_fragment);
    assert_false(f.inner.has_ports);
    assert_int_equal(f.inner.protocol, 17);
}

static void transports(void **state)
{
    (void)state;
    struct {
        const char *hex;
        uint8_t protocol;
    } with_ports[] = {
        {IPV4("001c", "0000", "11") UDP("1000", "0035", "0008"), 17},
        {IPV4("0020", "0000", "84") "1000 0035 00000000 00000000", 132},
        {IPV4("0020", "0000", "21") "1000 0035 0000 0000 00000000", 33},
        {IPV4("001c", "0000", "88") UDP("1000", "0035", "0008"), 136},
    };
    for (size_t n = 0; n < sizeof with_ports / sizeof *with_ports; n++) {
        struct pkv__facts f = frames_decode(PKV__LINK_RAW, with_ports[n].hex);
        frames_assert_ports(&f.inner, with_ports[n].protocol, 0x1000, 53);
        assert_false(f.malformed);
    }
    struct pkv__facts f =
        frames_decode(PKV__LINK_RAW, IPV4("001c", "0000", "01") "0800 0000 00010001");
    assert_true(f.inner.has_icmp && !f.inner.has_ports);
    assert_int_equal(f.inner.icmp_type, 8);
    f = frames_decode(PKV__LINK_RAW, IPV6("0008", "3a") "8704 0000 00000000");
    assert_true(f.inner.has_icmp);
    assert_int_equal(f.inner.icmp_type, 135);
    assert_int_equal(f.inner.icmp_code, 4);
    f = frames_decode(PKV__LINK_RAW, IPV4("0018", "0000", "2f") "00000800");
    assert_int_equal(f.inner.protocol, 47);
    assert_false(f.inner.has_ports || f.malformed);
}

static void lengths_that_contradict_are_malformed(void **state)
{
    (void)state;
    struct pkv__facts f =
        frames_decode(PKV__LINK_RAW, IPV4("001c", "0000", "11") UDP("1000", "0035", "0007"));
    frames_assert_ports(&f.inner, 17, 0x1000, 53);
    assert_true(f.malformed);
    f = frames_decode(PKV__LINK_RAW, IPV4("001c", "0000", "11") UDP("1000", "0035", "0009"));
    assert_true(f.malformed);
    f = frames_decode(PKV__LINK_RAW,
                      IPV4("0028", "0000", "06") "c822 01bb 00000001 00000002 4010 ffff 0000 0000");
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_true(f.malformed);
}

static void what_was_cut_off_is_truncated_and_not_malformed(void **state)
{
    (void)state;
    const char *hex = ETHERNET("0800") IPV4("0028", "4000", "06") TCP;
    struct pkv__facts f = frames_decode_cut(PKV__LINK_ETHERNET, hex, 38, -1);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_false(f.inner.has_tcp_flags);
    assert_true(f.truncated && f.inner.truncated);
    assert_false(f.malformed);
    assert_int_equal(f.inner_captured_bytes, 38);
    assert_int_equal(f.inner_original_bytes, 54);
}

static void the_ip_length_tells_that_the_mirror_cut(void **state)
{
    (void)state;
    const char *hex = ETHERNET("0800") IPV4("05dc", "4000", "06") TCP;
    struct pkv__facts f = frames_decode(PKV__LINK_ETHERNET, hex);
    frames_assert_ports(&f.inner, 6, 51234, 443);
    assert_true(f.truncated && f.inner.truncated);
    assert_false(f.malformed);
    assert_int_equal(f.inner_captured_bytes, 54);
    assert_int_equal(f.inner_original_bytes, 1514);
}

static void original_is_never_below_captured(void **state)
{
    (void)state;
    struct pkv__facts f = frames_decode_cut(
        PKV__LINK_ETHERNET, ETHERNET("0800") IPV4("0000", "4000", "06") TCP, -1, 20);
    assert_int_equal(f.inner_original_bytes, 54);
    assert_false(f.truncated);
}

static void names(void **state)
{
    (void)state;
    char text[PKV__NAMES_PROTOCOL_BYTES];
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_IP, 6, 0), "TCP");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_IP, 58, 0), "ICMP6");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_IP, 99, 0), "IP-99");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_ARP, 0, 0x0806), "ARP");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_ARP, 0, 0x8035), "RARP");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_OTHER, 0, 0x88cc), "0x88cc");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_OTHER, 0, 0), "OTHER");
    assert_string_equal(pkv__names_protocol(text, PKV__CLASS_MALFORMED, 0, 0), "MALFORMED");
    for (unsigned protocol = 0; protocol < 256; protocol++)
        assert_true(strlen(pkv__names_protocol(text, PKV__CLASS_IP, (uint8_t)protocol, 0)) < 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ethernet_ipv4_tcp),
        cmocka_unit_test(ipv4_options_are_skipped),
        cmocka_unit_test(a_header_length_that_cannot_be_leaves_the_addresses),
        cmocka_unit_test(a_wrong_version_is_malformed),
        cmocka_unit_test(ethernet_padding_is_no_payload),
        cmocka_unit_test(total_length_zero_means_to_the_end),
        cmocka_unit_test(extension_headers_are_walked),
        cmocka_unit_test(mobility_speaks_for_itself),
        cmocka_unit_test(an_endless_extension_chain_ends),
        cmocka_unit_test(ipv4_fragments),
        cmocka_unit_test(ipv6_fragments),
        cmocka_unit_test(transports),
        cmocka_unit_test(lengths_that_contradict_are_malformed),
        cmocka_unit_test(what_was_cut_off_is_truncated_and_not_malformed),
        cmocka_unit_test(the_ip_length_tells_that_the_mirror_cut),
        cmocka_unit_test(original_is_never_below_captured),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
