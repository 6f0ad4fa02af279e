/* SPDX-License-Identifier: BSD-2-Clause */
/* The headers that a datagram from a socket had, as far as the kernel tells: Ethernet with zero
 * MACs, IPv4 (RFC 791) or IPv6 (RFC 8200), UDP (RFC 768). Identification, flow label and options
 * are not known and left out. */
#ifndef PKV_SERVER_UDP_HEADERS_H
#define PKV_SERVER_UDP_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

struct pkv__udp_path {
    bool ipv6;
    uint8_t src[16], dst[16]; /* network byte order; 4 or 16 bytes of each */
    uint8_t src_port[2], dst_port[2];
    uint8_t ttl, tos;
};

#define PKV__UDP_HEADERS_MAX_BYTES 62u

static inline uint32_t pkv__udp_headers_bytes(const struct pkv__udp_path *path)
{
    return path->ipv6 ? 62u : 42u;
}

/* Checksums are right; UDP's is 0 ("none") on IPv4, where RFC 7348 wants it so. */
void pkv__udp_headers_put(uint8_t *to, const struct pkv__udp_path *path, const uint8_t *payload,
                          uint32_t payload_bytes);

#endif
