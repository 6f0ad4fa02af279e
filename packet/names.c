/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/names.h"

#include <stdio.h>

#include "packet/decode_internal.h"

/* https://www.iana.org/assignments/protocol-numbers, in the spelling that analysts use. */
static const char *const protocol_names[256] = {
    [0] = "HOPOPT",     [1] = "ICMP",      [2] = "IGMP",       [4] = "IPIP",      [6] = "TCP",
    [8] = "EGP",        [9] = "IGP",       [17] = "UDP",       [33] = "DCCP",     [41] = "IPv6",
    [43] = "IP6-ROUTE", [44] = "IP6-FRAG", [46] = "RSVP",      [47] = "GRE",      [50] = "ESP",
    [51] = "AH",        [58] = "ICMP6",    [59] = "IP6-NONE",  [60] = "IP6-OPTS", [88] = "EIGRP",
    [89] = "OSPF",      [97] = "ETHERIP",  [103] = "PIM",      [108] = "IPCOMP",  [112] = "VRRP",
    [115] = "L2TP",     [132] = "SCTP",    [135] = "MOBILITY", [136] = "UDPLITE", [137] = "MPLS",
    [139] = "HIP",      [140] = "SHIM6",
};

static void name_ip(char *text, uint8_t protocol)
{
    if (protocol_names[protocol])
        (void)snprintf(text, PKV__NAMES_PROTOCOL_BYTES, "%s", protocol_names[protocol]);
    else
        (void)snprintf(text, PKV__NAMES_PROTOCOL_BYTES, "IP-%u", protocol);
}

static void name_other(char *text, uint16_t ethertype)
{
    if (ethertype)
        (void)snprintf(text, PKV__NAMES_PROTOCOL_BYTES, "0x%04x", ethertype);
    else
        (void)snprintf(text, PKV__NAMES_PROTOCOL_BYTES, "OTHER");
}

const char *pkv__names_protocol(char text[PKV__NAMES_PROTOCOL_BYTES], uint8_t class_,
                                uint8_t protocol, uint16_t ethertype)
{
    if (class_ == PKV__CLASS_IP)
        name_ip(text, protocol);
    else if (class_ == PKV__CLASS_ARP)
        (void)snprintf(text, PKV__NAMES_PROTOCOL_BYTES, "%s",
                       ethertype == PKV__ETHERTYPE_RARP ? "RARP" : "ARP");
    else if (class_ == PKV__CLASS_OTHER)
        name_other(text, ethertype);
    else
        (void)snprintf(text, PKV__NAMES_PROTOCOL_BYTES, "MALFORMED");
    return text;
}
