/* SPDX-License-Identifier: BSD-2-Clause */
/* The vectors are baseline_deflt.json of https://github.com/corelight/community-id-spec. */
#include "tests/packet/frames.h"

#include <arpa/inet.h>

#include "flow/flow.h"

struct vector {
    uint8_t protocol;
    const char *src, *dst;
    uint16_t src_port, dst_port; /* ICMP: type, and the counterpart or code */
    const char *id;
};

static const struct vector vectors[] = {
    {58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 136,
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 135,
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {58, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 136,
     "1:zavyT/cezQr1fmImYCwYnMXbgck="},
    {58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 136, 135,
     "1:zavyT/cezQr1fmImYCwYnMXbgck="},
    {58, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
     "1:2ObVBgIn28oZvibYZhZMBgh7WdQ="},
    {58, "3ffe:501:410:0:2c0:dfff:fe47:33e", "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4,
     "1:hLZd0XGWojozrvxqE0dWB1iM6R0="},
    {58, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 129,
     "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
    {58, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 128,
     "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg="},
    {58, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 134, "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0="},
    {58, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 133, "1:pkvHqCL88/tg1k4cPigmZXUtL00="},
    {1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {1, "192.168.0.1", "192.168.0.89", 0, 8, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {1, "10.0.0.1", "10.0.0.2", 11, 0, "1:YHxtAirCG//0OzkcVAukqKQN9xM="},
    {6, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a", 63943, 25,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
    {6, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887", 25, 63943,
     "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
    {132, "192.168.170.8", "192.168.170.56", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
    {132, "192.168.170.56", "192.168.170.8", 7, 7, "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="},
    {6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {6, "66.35.250.204", "128.232.110.120", 80, 34855, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {17, "8.8.8.8", "192.168.1.52", 53, 54585, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {46, "10.1.12.1", "10.1.12.2", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
    {46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="},
};

static void parse_address(struct pkv__address *address, const char *text)
{
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(family, text, address->bytes), 1);
    address->length = family == AF_INET ? 4 : 16;
}

static bool is_icmp(const struct vector *vector)
{
    return vector->protocol == 1 || vector->protocol == 58;
}

static struct pkv__facts facts_of(const struct vector *vector)
{
    struct pkv__facts facts = {.inner = {.class_ = PKV__CLASS_IP, .protocol = vector->protocol}};
    struct pkv__layer *layer = &facts.inner;
    parse_address(&layer->src, vector->src);
    parse_address(&layer->dst, vector->dst);
    if (is_icmp(vector)) {
        layer->has_icmp = true;
        layer->icmp_type = (uint8_t)vector->src_port;
        layer->icmp_code =
            (uint8_t)(vector->protocol == 58 && vector->src_port > 4 ? 0 : vector->dst_port);
    } else if (vector->src_port) {
        layer->has_ports = true;
        layer->src_port = vector->src_port;
        layer->dst_port = vector->dst_port;
    }
    return facts;
}

static void write_id(char *text, const struct pkv__flow *flow)
{
    pkv__flow_community_id(text, &flow->key, flow->initiator, pkv__flow_icmp(flow));
}

static void published_vectors(void **state)
{
    (void)state;
    struct pkv__flow_table *table = NULL;
    assert_int_equal(pkv__flow_table_new(&table), 0);
    for (size_t n = 0; n < sizeof vectors / sizeof *vectors; n++) {
        struct pkv__facts facts = facts_of(&vectors[n]);
        struct pkv__flow *flow;
        unsigned side;
        pkv__flow_table_clear(table);
        assert_int_equal(pkv__flow_table_add(table, &facts, 0, &flow, &side), 0);
        char text[PKV__COMMUNITY_ID_TEXT];
        write_id(text, flow);
        assert_string_equal(text, vectors[n].id);
    }
    assert_null(pkv__flow_table_free(table));
}

static void what_cannot_have_one_has_none(void **state)
{
    (void)state;
    char text[PKV__COMMUNITY_ID_TEXT] = "x";
    struct pkv__flow_key key = {.class_ = PKV__CLASS_ARP, .address_length = 4};
    pkv__flow_community_id(text, &key, 0, -1);
    assert_string_equal(text, "");
    key = (struct pkv__flow_key){
        .class_ = PKV__CLASS_IP, .protocol = 17, .orphan = 1, .address_length = 4};
    pkv__flow_community_id(text, &key, 0, -1);
    assert_string_equal(text, "");
    key = (struct pkv__flow_key){.class_ = PKV__CLASS_IP, .protocol = 1, .address_length = 4};
    pkv__flow_community_id(text, &key, 0, -1);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(what_cannot_have_one_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
