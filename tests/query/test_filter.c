/* SPDX-License-Identifier: BSD-2-Clause */
/* The language: what libpcap makes of an expression, we make of it; errors point at the place;
 * flows in three values. */
#include <pcap/pcap.h>
#include <string.h>

#include "query/filter_node.h"
#include "tests/query/support.h"

static struct pkv__filter *made(const char *text, bool exact)
{
    struct pkv__filter *filter = NULL;
    pkv_error error = {0};
    if (pkv__filter_new(&filter, text, exact, NULL, NULL, &error))
        fail_msg("'%s': %s", text, error.text);
    return filter;
}

static int compile(struct bpf_program *program, const char *text)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
    int rc = pcap_compile(pcap, program, text, 1, 0);
    pcap_close(pcap);
    return rc;
}

/* The tree, printed for libpcap with every qualifier written out, is the same program as the
 * expression. */
static void an_expression_means_what_libpcap_reads(void **state)
{
    static const char *const texts[] = {
        "tcp",
        "ip6 host ::1",
        "tcp port 80 or 443",
        "port 80 or 443 and host 10.0.0.1",
        "host 1.2.3.4 or 5.6.7.8",
        "src host 1.2.3.4 or 5.6.7.8",
        "not host 1.2.3.4 and 5.6.7.8",
        "tcp or udp and port 53",
        "tcp and udp or icmp",
        "host (1.2.3.4 or 5.6.7.8)",
        "port (80 or 443) and not 8080",
        "host not 1.2.3.4",
        "src or dst port 53",
        "src and dst net 10",
        "dst or src host 1.2.3.4",
        "src 1.2.3.4 or 5.6.7.8 and dst 9.9.9.9",
        "net 10",
        "net 192.168.1",
        "net 192.168.0.0/16",
        "net 10.0.0.0 mask 255.0.0.0",
        "net 2001:db8::/32",
        "tcp src portrange 8000-8080 or 9000-9090",
        "ip proto 6 or 17",
        "ether proto 0x0806 or 0x0800",
        "ether host 02:00:00:00:00:01",
        "ether src 02:00:00:00:00:01 or 02:00:00:00:00:02",
        "arp host 10.0.0.1",
        "vlan 5 and tcp",
        "vlan and vlan 7 and port 80",
        "tcp[13] & 2 != 0 and port 80",
        "less 128 or tcp",
        "(tcp[12] & 0xf0) >> 2 > 20 and not arp",
        "port http or https",
        "udp port domain",
        "not not tcp",
        "! tcp && udp || icmp",
        "ip multicast or ether broadcast",
        "len > 100",
        "icmp[icmptype] = icmp-echo",
        "proto 17",
        "ip6 proto 44",
        "sctp port 80",
        "portrange 50-http",
        "portrange http-https",
        "icmp6 or igmp or esp or ah or pim",
        "rarp",
        "ip protochain 6",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pkv__filter *filter = made(texts[i], false);
        struct pkv__buffer printed = {0};
        struct bpf_program theirs, ours;
        pkv__node_print(filter->root, 0, &printed);
        pkv__buffer_u8(&printed, 0);
        assert_int_equal(compile(&theirs, texts[i]), 0);
        assert_int_equal(compile(&ours, (const char *)printed.data), 0);
        if (theirs.bf_len != ours.bf_len ||
            memcmp(theirs.bf_insns, ours.bf_insns, theirs.bf_len * sizeof(*theirs.bf_insns)) != 0)
            fail_msg("'%s' was read as '%s'", texts[i], (const char *)printed.data);
        pcap_freecode(&theirs);
        pcap_freecode(&ours);
        pkv__buffer_deinit(&printed);
        (void)pkv__filter_free(filter);
    }
}

static void an_error_points_at_its_place(void **state)
{
    static const struct {
        const char *text;
        int64_t offset;
        const char *says;
    } cases[] = {
        {"host", 4, "expected an address"},
        {"host example.com", 5, "not resolved"},
        {"tcp and", 7, "the expression ends"},
        {"tcp or or udp", 7, "expected a term"},
        {"(tcp", 4, "the ) of column 1"},
        {"tcp)", 3, "expected and, or"},
        {"port 80 and prt 90", 12, "expected a port"},
        {"tcp and prt 90", 8, "expected a term"},
        {"port 65536", 5, "0 to 65535"},
        {"port nosuchservice", 5, "/etc/services"},
        {"port 010", 5, "no leading 0"},
        {"net 010", 4, "no leading 0"},
        {"host 10.0.0.01", 5, "an address"},
        {"portrange 80", 0, NULL},
        {"portrange 80-x", 10, "two ports"},
        {"net 10.0.0.1/8", 4, "bits set behind the net"},
        {"net 10.0.0.0/33", 13, "0 to 32"},
        {"ip6 host 10.0.0.1", 9, "IPv6"},
        {"ip host ::1", 8, "IPv4"},
        {"vlan 4096", 5, "0 to 4095"},
        {"vni 16777216", 4, "16777215"},
        {"vni 200-100", 4, "ascending"},
        {"vni", 3, "a VNI"},
        {"vni web", 4, "no names"},
        {"vxlan 100", 0, "vni 100"},
        {"outer tcp", 9, "after 'outer'"},
        {"outer ether host 02:00:00:00:00:01", 17, "outer"},
        {"tcp[13 = 2", 0, "libpcap"},
        {"community-id 1:abc", 13, "double quotes"},
        {"community-id \"1:abc", 13, "no end"},
        {"host 10.0.0.1 \x01", 14, "byte 0x01"},
        {"icmp host 10.0.0.1", 0, "cannot stand before"},
        {"10.0.0.1", 0, "expected a term"},
        {"link gateway example", 5, "not resolved"},
        {"tcp and wlan host example", 13, "not resolved"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pkv__filter *filter = NULL;
        pkv_error error = {0};
        int rc = pkv__filter_new(&filter, cases[i].text, false, NULL, NULL, &error);
        if (!cases[i].says) {
            assert_int_equal(rc, 0);
            (void)pkv__filter_free(filter);
            continue;
        }
        assert_int_equal(rc, PKV_E_SYNTAX);
        if (!strstr(error.text, cases[i].says) || error.offset != cases[i].offset)
            fail_msg("'%s': at %lld: %s", cases[i].text, (long long)error.offset, error.text);
    }
}

static void what_is_too_deep_or_too_long_is_refused(void **state)
{
    static char text[70000];
    struct pkv__filter *filter = NULL;
    (void)state;
    memset(text, '(', 1000);
    assert_int_equal(pkv__filter_new(&filter, text, false, NULL, NULL, NULL), PKV_E_LIMIT);
    memset(text, ' ', sizeof(text) - 1);
    assert_int_equal(pkv__filter_new(&filter, text, false, NULL, NULL, NULL), PKV_E_LIMIT);
    memset(text, 0, sizeof(text));
    for (size_t i = 0; i < 5000; i++)
        memcpy(text + i * 7, i ? "or tcp " : "tcp    ", 7);
    assert_int_equal(pkv__filter_new(&filter, text, false, NULL, NULL, NULL), PKV_E_LIMIT);
    memset(text + 4000 * 7, 0, 7000);
    assert_int_equal(pkv__filter_new(&filter, text, false, NULL, NULL, NULL), 0);
    (void)pkv__filter_free(filter);
}

/* "port 1 or port 2 or …" */
static const char *repeated(const char *term, unsigned count)
{
    static char text[70000];
    size_t used = 0;
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, i ? " or " : "");
        used += (size_t)snprintf(text + used, sizeof(text) - used, term, i, i);
    }
    assert_true(used < sizeof(text));
    return text;
}

static int outcome(const char *text, bool exact)
{
    struct pkv__filter *filter = NULL;
    int rc = pkv__filter_new(&filter, text, exact, NULL, NULL, NULL);
    (void)pkv__filter_free(filter);
    return rc;
}

/* libpcap would take minutes and gigabytes. */
static void what_an_optimizer_would_not_end_with_is_refused(void **state)
{
    static const struct {
        const char *term;
        unsigned most; /* of them in an exact expression */
    } cases[] = {
        {"port %u", 128},           {"host 10.0.0.%u", 128},   {"(host 10.0.0.%u or port %u)", 64},
        {"portrange %u-6%03u", 64}, {"tcp[%u] = 1", 128},      {"tcp[tcp[%u]] = 1", 64},
        {"not vni %u", 64},         {"ip6 protochain %u", 128}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(outcome(repeated(cases[i].term, cases[i].most), true), 0);
        assert_int_equal(outcome(repeated(cases[i].term, cases[i].most + 1), true), PKV_E_LIMIT);
        assert_int_equal(outcome(repeated(cases[i].term, 200), false), 0);
    }
    pkv_error error = {0};
    struct pkv__filter *filter = NULL;
    assert_int_equal(pkv__filter_new(&filter, repeated("port %u", 4000), true, NULL, NULL, &error),
                     PKV_E_LIMIT);
    assert_non_null(strstr(error.text, "more than 128 terms"));
    assert_non_null(strstr(error.text, "not exact may have 4096"));
}

static void a_term_of_libpcap_has_a_length(void **state)
{
    static char text[8000];
    size_t used = 0;
    (void)state;
    while (used < 4000)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "tcp[1] + ");
    (void)snprintf(text + used, sizeof(text) - used, "1 = 5");
    assert_int_equal(outcome(text, false), 0);
    assert_int_equal(outcome(text, true), PKV_E_LIMIT);
    while (used < 4100)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "tcp[1] + ");
    (void)snprintf(text + used, sizeof(text) - used, "1 = 5");
    assert_int_equal(outcome(text, false), PKV_E_LIMIT);
}

static int known_names(void *context, const struct pkv__vni_names **names, pkv_error *error)
{
    (void)error;
    *names = context;
    return 0;
}

static bool has_vni(struct pkv__filter *filter, uint32_t vni)
{
    struct pkv__flow_key key = {
        .tunnel = PKV__TUNNEL_VXLAN, .class_ = PKV__CLASS_MALFORMED, .vni = vni};
    return pkv__filter_flow(filter, &key, false, 0, -1) == PKV__YES;
}

static void a_name_stands_for_its_vnis(void **state)
{
    struct pkv__vni_name list[] = {{100, 149, "web"}, {7, 7, "db"}, {300, 300, "web"}};
    struct pkv__vni_names names = {list, 3, 3, NULL};
    struct pkv__filter *filter = NULL;
    pkv_error error = {0};
    (void)state;
    assert_int_equal(pkv__filter_new(&filter, "vni web or 9", false, known_names, &names, &error),
                     0);
    assert_true(has_vni(filter, 100) && has_vni(filter, 149) && has_vni(filter, 300) &&
                has_vni(filter, 9));
    assert_false(has_vni(filter, 150) || has_vni(filter, 7));
    (void)pkv__filter_free(filter);
    assert_int_equal(pkv__filter_new(&filter, "vni wbe", false, known_names, &names, &error),
                     PKV_E_SYNTAX);
    assert_non_null(strstr(error.text, "web, db"));
}

static void a_flow_is_judged_in_three_values(void **state)
{
    static const struct {
        const char *text;
        enum pkv__truth truth;
    } cases[] = {
        {"host 10.0.0.1", PKV__YES},
        {"host 10.0.0.3", PKV__NO},
        {"not host 10.0.0.3", PKV__YES},
        {"src host 10.0.0.1", PKV__MAYBE},
        {"not src host 10.0.0.1", PKV__MAYBE},
        {"src host 10.0.0.3", PKV__NO},
        {"net 10", PKV__YES},
        {"src net 10", PKV__YES},
        {"src and dst net 10.0.0.0/31", PKV__NO},
        {"tcp", PKV__YES},
        {"udp", PKV__NO},
        {"port 80", PKV__YES},
        {"tcp dst port 80", PKV__MAYBE},
        {"port 81", PKV__NO},
        {"udp port 80", PKV__NO},
        {"vni 5", PKV__YES},
        {"vni 6", PKV__NO},
        {"vni any", PKV__YES},
        {"outer host 192.0.2.1", PKV__YES},
        {"outer src host 192.0.2.1", PKV__MAYBE},
        {"outer host 10.0.0.1", PKV__NO},
        {"vlan", PKV__MAYBE},
        {"truncated", PKV__MAYBE},
        {"less 5", PKV__MAYBE},
        {"host 10.0.0.1 and less 5", PKV__MAYBE},
        {"host 10.0.0.3 and less 5", PKV__NO},
        {"host 10.0.0.1 or less 5", PKV__YES},
        {"not (host 10.0.0.3 and less 5)", PKV__YES},
        {"ip", PKV__YES},
        {"ip6", PKV__NO},
        {"arp host 10.0.0.1", PKV__NO},
    };
    struct pkv__flow_key key = {.tunnel = PKV__TUNNEL_VXLAN,
                                .class_ = PKV__CLASS_IP,
                                .protocol = 6,
                                .address_length = 4,
                                .outer_length = 4,
                                .vni = 5,
                                .port = {1000, 80},
                                .address = {{10, 0, 0, 1}, {10, 0, 0, 2}},
                                .outer = {{192, 0, 2, 1}, {192, 0, 2, 2}}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pkv__filter *filter = made(cases[i].text, false);
        enum pkv__truth truth = pkv__filter_flow(filter, &key, true, 0, -1);
        if (truth != cases[i].truth)
            fail_msg("'%s' is %d and not %d", cases[i].text, truth, cases[i].truth);
        (void)pkv__filter_free(filter);
    }
}

static void an_exact_expression_is_never_sure_of_a_yes(void **state)
{
    struct pkv__flow_key key = {.class_ = PKV__CLASS_IP,
                                .protocol = 6,
                                .address_length = 4,
                                .port = {1000, 80},
                                .address = {{10, 0, 0, 1}, {10, 0, 0, 2}}};
    struct pkv__filter *filter = made("host 10.0.0.1", true);
    (void)state;
    assert_int_equal(pkv__filter_flow(filter, &key, true, 0, -1), PKV__MAYBE);
    (void)pkv__filter_free(filter);
    filter = made("host 10.0.0.3", true);
    assert_int_equal(pkv__filter_flow(filter, &key, true, 0, -1), PKV__NO);
    (void)pkv__filter_free(filter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expression_means_what_libpcap_reads),
        cmocka_unit_test(an_error_points_at_its_place),
        cmocka_unit_test(what_is_too_deep_or_too_long_is_refused),
        cmocka_unit_test(what_an_optimizer_would_not_end_with_is_refused),
        cmocka_unit_test(a_term_of_libpcap_has_a_length),
        cmocka_unit_test(a_name_stands_for_its_vnis),
        cmocka_unit_test(a_flow_is_judged_in_three_values),
        cmocka_unit_test(an_exact_expression_is_never_sure_of_a_yes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
