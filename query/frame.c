/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/frame.h"

#include <string.h>

#define ETHERNET_BYTES 14u
#define ETHERTYPE_AT 12u

static void add_header(struct pkv__frame *frame, uint16_t ethertype, struct pkv__buffer *scratch)
{
    uint8_t type[2] = {(uint8_t)(ethertype >> 8), (uint8_t)ethertype};
    pkv__buffer_clear(scratch);
    pkv__buffer_zeros(scratch, ETHERTYPE_AT);
    pkv__buffer_bytes(scratch, type, sizeof(type));
    pkv__buffer_bytes(scratch, frame->data, frame->captured_bytes);
    frame->link_type = PKV__LINK_ETHERNET;
    frame->data = scratch->data;
    frame->captured_bytes = scratch->failed ? 0 : (uint32_t)scratch->length;
    frame->original_bytes += ETHERNET_BYTES;
}

static uint16_t ethertype_of(const struct pkv__facts *facts, const uint8_t *data, uint32_t length)
{
    if (facts->inner_ethertype)
        return facts->inner_ethertype;
    return length && data[0] >> 4 == 6 ? 0x86dd : 0x0800;
}

bool pkv__frame_is_whole_packet(const struct pkv__facts *facts)
{
    return facts->tunnel == PKV__TUNNEL_NONE || !facts->inner_captured_bytes;
}

void pkv__frame_inner(struct pkv__frame *frame, const struct pkv__facts *facts,
                      const pkv_packet *packet, uint16_t link_type, struct pkv__buffer *scratch)
{
    *frame = (struct pkv__frame){packet->data, packet->captured_bytes, packet->original_bytes,
                                 link_type};
    if (pkv__frame_is_whole_packet(facts))
        return;
    frame->data = packet->data + facts->inner_offset;
    frame->captured_bytes = facts->inner_captured_bytes;
    frame->original_bytes = facts->inner_original_bytes;
    frame->link_type = facts->inner_link_type;
    if (frame->link_type != PKV__LINK_ETHERNET)
        add_header(frame, ethertype_of(facts, frame->data, frame->captured_bytes), scratch);
}

/* Tags stand between the two addresses and the Ethertype that the decoder found behind them. */
static void strip_tags(struct pkv__frame *frame, unsigned tags, struct pkv__buffer *scratch)
{
    uint32_t tag_bytes = tags * 4;
    if (frame->captured_bytes < ETHERNET_BYTES + tag_bytes ||
        frame->link_type != PKV__LINK_ETHERNET)
        return;
    pkv__buffer_clear(scratch);
    pkv__buffer_bytes(scratch, frame->data, ETHERTYPE_AT);
    pkv__buffer_bytes(scratch, frame->data + ETHERTYPE_AT + tag_bytes,
                      frame->captured_bytes - ETHERTYPE_AT - tag_bytes);
    if (scratch->failed)
        return;
    frame->data = scratch->data;
    frame->captured_bytes = (uint32_t)scratch->length;
}

void pkv__frame_untagged(struct pkv__frame *frame, const struct pkv__facts *facts,
                         const pkv_packet *packet, uint16_t link_type, struct pkv__buffer *scratch)
{
    if (facts->tunnel != PKV__TUNNEL_NONE && !facts->inner_captured_bytes) {
        *frame = (struct pkv__frame){.link_type = PKV__LINK_ETHERNET};
        return;
    }
    pkv__frame_inner(frame, facts, packet, link_type, scratch);
    if (facts->inner.vlan_count)
        strip_tags(frame, facts->inner.vlan_count, scratch);
}
