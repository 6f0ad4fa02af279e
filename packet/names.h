/* SPDX-License-Identifier: BSD-2-Clause */
/* Names for people. */
#ifndef PKV_PACKET_NAMES_H
#define PKV_PACKET_NAMES_H

#include <stdint.h>

#define PKV__NAMES_PROTOCOL_BYTES 16

/* What a packet or flow speaks: "TCP", "ICMP6", "ARP"; an IP protocol without a name "IP-99"; an
 * Ethertype "0x88cc", without one "OTHER"; "MALFORMED". Fills in and returns `text`. class_: enum
 * pkv__class. */
const char *pkv__names_protocol(char text[PKV__NAMES_PROTOCOL_BYTES], uint8_t class_,
                                uint8_t protocol, uint16_t ethertype);

#endif
