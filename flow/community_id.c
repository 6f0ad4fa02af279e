/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <openssl/evp.h>

#include "flow/flow_internal.h"

/* ICMP and ICMPv6 types that answer each other, in either direction: as Zeek pairs them. */
static const uint8_t icmp_pairs[][2] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}};
static const uint8_t icmp6_pairs[][2] = {{128, 129}, {133, 134}, {135, 136},
                                         {130, 131}, {139, 140}, {144, 145}};

static bool find_counterpart(const uint8_t (*pairs)[2], size_t count, uint8_t type,
                             uint8_t *counterpart)
{
    for (size_t n = 0; n < count; n++)
        for (unsigned side = 0; side < 2; side++)
            if (pairs[n][side] == type) {
                *counterpart = pairs[n][!side];
                return true;
            }
    return false;
}

/* What is hashed, in this order, all big endian. */
struct tuple {
    uint8_t src[16], dst[16], length, protocol;
    bool has_ports;
    uint16_t src_port, dst_port;
};

static size_t encode(uint8_t to[40], const struct tuple *tuple)
{
    size_t at = 2; /* the seed, 0 */
    memset(to, 0, 40);
    memcpy(to + at, tuple->src, tuple->length);
    at += tuple->length;
    memcpy(to + at, tuple->dst, tuple->length);
    at += tuple->length;
    to[at] = tuple->protocol;
    at += 2;
    if (!tuple->has_ports)
        return at;
    to[at++] = (uint8_t)(tuple->src_port >> 8);
    to[at++] = (uint8_t)tuple->src_port;
    to[at++] = (uint8_t)(tuple->dst_port >> 8);
    to[at++] = (uint8_t)tuple->dst_port;
    return at;
}

static void write_id(char *text, const struct tuple *tuple)
{
    uint8_t bytes[40], digest[EVP_MAX_MD_SIZE];
    size_t length = encode(bytes, tuple);
    unsigned digest_bytes = 0;
    if (!EVP_Digest(bytes, length, digest, &digest_bytes, EVP_sha1(), NULL) || digest_bytes != 20)
        return;
    text[0] = '1'; /* version */
    text[1] = ':';
    (void)EVP_EncodeBlock((uint8_t *)text + 2, digest, 20);
}

static void set_endpoints(struct tuple *tuple, const struct pkv__flow_key *key, unsigned first)
{
    memcpy(tuple->src, key->address[first], sizeof tuple->src);
    memcpy(tuple->dst, key->address[!first], sizeof tuple->dst);
    tuple->length = key->address_length;
    tuple->protocol = key->protocol;
}

/* Two of our protocols with ports are not in the specification's list: they go without. */
static bool has_ports(uint8_t protocol)
{
    return protocol == PKV__PROTOCOL_TCP || protocol == PKV__PROTOCOL_UDP ||
           protocol == PKV__PROTOCOL_SCTP;
}

static bool is_icmp(uint8_t protocol)
{
    return protocol == PKV__PROTOCOL_ICMP || protocol == PKV__PROTOCOL_ICMP6;
}

static struct tuple plain_tuple(const struct pkv__flow_key *key)
{
    struct tuple tuple = {.has_ports = has_ports(key->protocol)};
    set_endpoints(&tuple, key, 0); /* keys are in the order that the specification asks for */
    tuple.src_port = key->port[0];
    tuple.dst_port = key->port[1];
    return tuple;
}

/* Type and code stand for ports; those of an echo or the like for the type of its answer. */
static struct tuple icmp_tuple(const struct pkv__flow_key *key, unsigned initiator, uint8_t type,
                               uint8_t code)
{
    uint8_t counterpart = code;
    bool paired = key->protocol == PKV__PROTOCOL_ICMP
                      ? find_counterpart(icmp_pairs, sizeof icmp_pairs / 2, type, &counterpart)
                      : find_counterpart(icmp6_pairs, sizeof icmp6_pairs / 2, type, &counterpart);
    bool is_same = memcmp(key->address[0], key->address[1], sizeof key->address[0]) == 0;
    bool swap = paired && (is_same ? type > counterpart : initiator == 1);
    struct tuple tuple = {.has_ports = true};
    set_endpoints(&tuple, key, swap ? !initiator : initiator);
    tuple.src_port = swap ? counterpart : type;
    tuple.dst_port = swap ? type : counterpart;
    return tuple;
}

void pkv__flow_community_id(char text[PKV__COMMUNITY_ID_TEXT], const struct pkv__flow_key *key,
                            unsigned initiator, int icmp)
{
    text[0] = '\0';
    bool by_type = is_icmp(key->protocol);
    if (key->class_ != PKV__CLASS_IP || key->orphan || (by_type && icmp < 0))
        return;
    struct tuple tuple = by_type
                             ? icmp_tuple(key, initiator & 1u, (uint8_t)(icmp >> 8), (uint8_t)icmp)
                             : plain_tuple(key);
    write_id(text, &tuple);
}
