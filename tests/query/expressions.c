/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/query/expressions.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/query/support.h"

struct writer {
    char *text;
    size_t room, used;
    const struct test_words *words;
    uint64_t *state;
    int pure;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int more = vsnprintf(w->text + w->used, w->room - w->used, format, arguments);
    va_end(arguments);
    assert_true(more >= 0 && w->used + (size_t)more < w->room);
    w->used += (size_t)more;
}

static unsigned pick(struct writer *w, unsigned count)
{
    return (unsigned)(test_random(w->state) % count);
}

static size_t any_packet(struct writer *w)
{
    return (size_t)(test_random(w->state) % w->words->count);
}

static void put_address(struct writer *w, const pkv_address *address)
{
    char text[INET6_ADDRSTRLEN] = "10.0.0.1";
    if (address->length == 4 || address->length == 16)
        (void)inet_ntop(address->length == 4 ? AF_INET : AF_INET6, address->bytes, text,
                        sizeof(text));
    put(w, "%s", text);
}

static void put_direction(struct writer *w)
{
    static const char *const directions[] = {
        "", "", "", "src ", "dst ", "src or dst ", "src and dst "};
    put(w, "%s", directions[pick(w, 7)]);
}

static void put_net(struct writer *w, const pkv_address *from)
{
    pkv_address net = *from;
    unsigned length = net.length == 16 ? 16 : 4, bits = pick(w, length * 8 + 1);
    for (unsigned i = 0; i < length; i++) {
        unsigned left = bits > i * 8 ? bits - i * 8 : 0;
        net.bytes[i] &= (uint8_t)(left >= 8 ? 0xffu : 0xff00u >> left);
    }
    if (net.length != 4 && net.length != 16) {
        put(w, "net 10.0.0.0/8");
        return;
    }
    put(w, "net ");
    put_address(w, &net);
    put(w, "/%u", bits);
}

static void put_host(struct writer *w, const pkv_address *addresses)
{
    put_direction(w);
    if (pick(w, 3)) {
        put(w, "host ");
        put_address(w, &addresses[any_packet(w)]);
    } else {
        put_net(w, &addresses[any_packet(w)]);
    }
}

static void put_port(struct writer *w)
{
    static const char *const transports[] = {"", "", "tcp ", "udp ", "sctp "};
    unsigned port = w->words->ports[any_packet(w)];
    put(w, "%s", transports[pick(w, 5)]);
    put_direction(w);
    if (pick(w, 4))
        put(w, "port %u", port);
    else
        put(w, "portrange %u-%u", port, port + pick(w, 1000) > 65535 ? 65535 : port + pick(w, 500));
    if (!pick(w, 3))
        put(w, " or %s%u", pick(w, 2) ? "" : "not ", (unsigned)w->words->ports[any_packet(w)]);
}

static void put_protocol(struct writer *w)
{
    static const char *const protocols[] = {"ip",
                                            "ip6",
                                            "arp",
                                            "tcp",
                                            "udp",
                                            "icmp",
                                            "icmp6",
                                            "igmp",
                                            "sctp",
                                            "esp",
                                            "ip proto 47",
                                            "ip6 proto 6",
                                            "proto 17",
                                            "ether proto 0x0806",
                                            "ether proto 0x0800",
                                            "ip6 proto 44",
                                            "ah",
                                            "rarp"};
    put(w, "%s", protocols[pick(w, sizeof(protocols) / sizeof(protocols[0]))]);
}

static void put_bpf(struct writer *w)
{
    static const char *const terms[] = {"tcp[tcpflags] & tcp-syn != 0",
                                        "tcp[13] & 4 != 0",
                                        "ip[8] < 64",
                                        "icmp[icmptype] = icmp-echo",
                                        "udp[4:2] > 100",
                                        "ip6[6] = 58",
                                        "ether[12:2] = 0x0800",
                                        "(tcp[12] & 0xf0) >> 2 > 20",
                                        "ether multicast",
                                        "ip[6:2] & 0x1fff != 0",
                                        "ether broadcast",
                                        "ip multicast"};
    unsigned which = pick(w, 16);
    if (which < sizeof(terms) / sizeof(terms[0]))
        put(w, "%s", terms[which]);
    else
        put(w, "%s %u", which & 1 ? "less" : "greater", 40 + pick(w, 1500));
}

static void put_own(struct writer *w)
{
    uint32_t vni = w->words->vnis[any_packet(w)];
    switch (pick(w, 8)) {
    case 0:
        put(w, "truncated");
        break;
    case 1:
        put(w, "malformed");
        break;
    case 2:
        put(w, "outer ");
        put_host(w, w->words->outer);
        break;
    case 3:
        put(w, "outer src port %u", 4789 + pick(w, 2) * 1292);
        break;
    case 4:
        put(w, "vni any");
        break;
    case 5:
        put(w, "vni %u-%u", vni, vni < 16000000 ? vni + pick(w, 1000) : vni);
        break;
    default:
        put(w, "vni %u", vni);
        if (!pick(w, 3))
            put(w, " or %u", w->words->vnis[any_packet(w)]);
    }
}

static void put_term(struct writer *w)
{
    switch (pick(w, w->pure ? 8 : 10)) {
    case 0:
    case 1:
    case 2:
        put_host(w, w->words->addresses);
        break;
    case 3:
    case 4:
        put_port(w);
        break;
    case 5:
        put_protocol(w);
        break;
    case 6:
        if (pick(w, 3))
            put_bpf(w);
        else
            put(w, pick(w, 2) ? "vlan" : "vlan %u", pick(w, 20));
        break;
    case 7:
        put_protocol(w);
        break;
    default:
        put_own(w);
    }
}

static void put_expression(struct writer *w, unsigned depth)
{
    unsigned terms = depth ? 1 + pick(w, 3) : 1;
    for (unsigned i = 0; i < terms; i++) {
        if (i)
            put(w, "%s", pick(w, 2) ? " and " : " or ");
        if (!pick(w, 4))
            put(w, "not ");
        if (depth && !pick(w, 3)) {
            put(w, "(");
            put_expression(w, depth - 1);
            put(w, ")");
        } else {
            put_term(w);
        }
    }
}

void test_expression(char *text, size_t room, const struct test_words *words, uint64_t *state,
                     int pure)
{
    struct writer w = {.text = text, .room = room, .words = words, .state = state, .pure = pure};
    *text = 0;
    put_expression(&w, 3);
}

static void *more(void *array, size_t count, size_t bytes)
{
    void *grown = realloc(array, (count + 1) * bytes);
    assert_non_null(grown);
    return grown;
}

static void collect(struct test_words *words, const pkv_packet *packet, const pkv_summary *s)
{
    size_t at = words->count++;
    words->addresses = more(words->addresses, at, sizeof(*words->addresses));
    words->outer = more(words->outer, at, sizeof(*words->outer));
    words->ports = more(words->ports, at, sizeof(*words->ports));
    words->vnis = more(words->vnis, at, sizeof(*words->vnis));
    words->times = more(words->times, at, sizeof(*words->times));
    words->addresses[at] = at & 1 ? s->src : s->dst;
    words->outer[at] = s->outer_src;
    words->ports[at] = at & 2 ? s->src_port : s->dst_port;
    words->vnis[at] = s->vni;
    words->times[at] = packet->time_ns;
}

/* Not every packet: the large captures would drown the rare ones. */
void test_words_collect(struct test_words *words, const char *directory)
{
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_summary summary;
    pkv_error error;
    uint64_t number = 0, same = 0;
    uint32_t last = UINT32_MAX;
    *words = (struct test_words){0};
    assert_int_equal(
        pkv_query_open(&query, &directory, 1, "", PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL, &error), 0);
    while (pkv_query_next(query, &packet, &error) == PKV_PACKET) {
        pkv_query_summary(query, &summary);
        same = packet.interface_id == last ? same + 1 : 0;
        last = packet.interface_id;
        if (number++ % 16 == 0 || same < 8 || summary.flags || summary.tunnel)
            collect(words, &packet, &summary);
    }
    (void)pkv_query_free(query);
    assert_true(words->count > 0);
}

void test_words_free(struct test_words *words)
{
    free(words->addresses);
    free(words->outer);
    free(words->ports);
    free(words->vnis);
    free(words->times);
}
