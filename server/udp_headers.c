/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/udp_headers.h"

#include <arpa/inet.h>
#include <string.h>

#define ETHERNET_BYTES 14u
#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define UDP_BYTES 8u

static void put_u16be(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

/* RFC 1071: the sum of 16-bit words in any byte order, here the machine's; four bytes at a time. */
static uint64_t add_words(uint64_t sum, const uint8_t *data, uint32_t length)
{
    for (; length >= 4; data += 4, length -= 4) {
        uint32_t word;
        memcpy(&word, data, sizeof word);
        sum += word;
    }
    if (length) {
        uint8_t last[4] = {0};
        memcpy(last, data, length);
        uint32_t word;
        memcpy(&word, last, sizeof word);
        sum += word;
    }
    return sum;
}

static void put_checksum(uint8_t *to, uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffffu) + (sum >> 16);
    uint16_t checksum = (uint16_t)~sum;
    memcpy(to, &checksum, sizeof checksum);
}

static void put_udp(uint8_t *to, const struct pkv__udp_path *path, uint32_t length)
{
    memcpy(to, path->src_port, 2);
    memcpy(to + 2, path->dst_port, 2);
    put_u16be(to + 4, length);
    put_u16be(to + 6, 0);
}

static void put_ipv4(uint8_t *ip, const struct pkv__udp_path *path, uint32_t udp_length)
{
    static const uint8_t udp[4] = {0x40, 0, 0,
                                   17}; /* don't fragment: with it, no identification is right */
    ip[0] = 0x45;
    ip[1] = path->tos;
    put_u16be(ip + 2, IPV4_BYTES + udp_length);
    put_u16be(ip + 4, 0);
    memcpy(ip + 6, udp, 4);
    ip[8] = path->ttl;
    put_u16be(ip + 10, 0);
    memcpy(ip + 12, path->src, 4);
    memcpy(ip + 16, path->dst, 4);
    put_checksum(ip + 10, add_words(0, ip, IPV4_BYTES));
    put_udp(ip + IPV4_BYTES, path, udp_length);
}

static void put_ipv6(uint8_t *ip, const struct pkv__udp_path *path, const uint8_t *payload,
                     uint32_t udp_length)
{
    uint8_t *udp = ip + IPV6_BYTES;
    ip[0] = (uint8_t)(0x60 | path->tos >> 4);
    ip[1] = (uint8_t)(path->tos << 4);
    put_u16be(ip + 2, 0);
    put_u16be(ip + 4, udp_length);
    ip[6] = 17;
    ip[7] = path->ttl;
    memcpy(ip + 8, path->src, 16);
    memcpy(ip + 24, path->dst, 16);
    put_udp(udp, path, udp_length);
    uint64_t sum = add_words(0, ip + 8, 32);
    sum += htonl(udp_length) + (uint64_t)htonl(17);
    sum = add_words(sum, udp, UDP_BYTES);
    put_checksum(udp + 6, add_words(sum, payload, udp_length - UDP_BYTES));
    if (udp[6] == 0 && udp[7] == 0)
        put_u16be(udp + 6, 0xffff);
}

void pkv__udp_headers_put(uint8_t *to, const struct pkv__udp_path *path, const uint8_t *payload,
                          uint32_t payload_bytes)
{
    uint32_t udp_length = UDP_BYTES + payload_bytes;
    memset(to, 0, 12);
    put_u16be(to + 12, path->ipv6 ? 0x86dd : 0x0800);
    if (path->ipv6)
        put_ipv6(to + ETHERNET_BYTES, path, payload, udp_length);
    else
        put_ipv4(to + ETHERNET_BYTES, path, udp_length);
}
