/* SPDX-License-Identifier: BSD-2-Clause */
/* The inner packet as a frame of its own: what --decap gives and what libpcap's programs see. */
#ifndef PKV_QUERY_FRAME_H
#define PKV_QUERY_FRAME_H

#include <pktvault/packet.h>

#include "base/buffer.h"
#include "packet/decode.h"

struct pkv__frame {
    const uint8_t *data; /* into the packet, or into the scratch buffer */
    uint32_t captured_bytes, original_bytes;
    uint16_t link_type;
};

/* The inner frame. An IP packet without a link layer in a tunnel gets an Ethernet header of zero
 * addresses. Where there is no tunnel, or no inner frame in this packet (a later fragment of an
 * outer packet), it is the packet itself. */
bool pkv__frame_is_whole_packet(const struct pkv__facts *facts);
void pkv__frame_inner(struct pkv__frame *frame, const struct pkv__facts *facts,
                      const pkv_packet *packet, uint16_t link_type, struct pkv__buffer *scratch);

/* The inner frame without VLAN tags; no bytes where this packet holds none of it. */
void pkv__frame_untagged(struct pkv__frame *frame, const struct pkv__facts *facts,
                         const pkv_packet *packet, uint16_t link_type, struct pkv__buffer *scratch);

#endif
