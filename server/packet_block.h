/* SPDX-License-Identifier: BSD-2-Clause */
/* Enhanced Packet Blocks (draft-ietf-opsawg-pcapng, section 4.3) straight into the memory of a raw
 * block: what pkv__pcapng_put_packet writes, without its growing buffer. */
#ifndef PKV_SERVER_PACKET_BLOCK_H
#define PKV_SERVER_PACKET_BLOCK_H

#include <stdint.h>
#include <string.h>

#include "archive/pcapng.h"

#define PKV__EPB_HEAD_BYTES 28u
#define PKV__EPB_TAIL_BYTES 4u

static inline uint32_t pkv__epb_bytes(uint32_t captured_bytes)
{
    return PKV__EPB_HEAD_BYTES + ((captured_bytes + 3u) & ~3u) + PKV__EPB_TAIL_BYTES;
}

static inline uint8_t *pkv__put_u32le(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)(value >> 16);
    to[3] = (uint8_t)(value >> 24);
    return to + 4;
}

/* The head of a block of `bytes`; answers where the packet's data goes. */
static inline uint8_t *pkv__epb_head(uint8_t *to, uint32_t bytes, uint32_t interface_id,
                                     int64_t time_ns, uint32_t captured_bytes,
                                     uint32_t original_bytes)
{
    to = pkv__put_u32le(to, PKV__PCAPNG_PACKET);
    to = pkv__put_u32le(to, bytes);
    to = pkv__put_u32le(to, interface_id);
    to = pkv__put_u32le(to, (uint32_t)((uint64_t)time_ns >> 32));
    to = pkv__put_u32le(to, (uint32_t)time_ns);
    to = pkv__put_u32le(to, captured_bytes);
    return pkv__put_u32le(to, original_bytes);
}

/* Behind the data: padding and the length again. */
static inline void pkv__epb_tail(uint8_t *behind_data, uint32_t bytes, uint32_t captured_bytes)
{
    for (uint32_t i = captured_bytes; i & 3u; i++)
        *behind_data++ = 0;
    (void)pkv__put_u32le(behind_data, bytes);
}

/* The whole block of a packet; `bytes` is pkv__pcapng_packet_bytes of it, which says whether its
 * options are whole: others are left out. */
static inline void pkv__epb_put(uint8_t *to, uint32_t bytes, uint32_t interface_id,
                                const pkv_packet *packet)
{
    uint8_t *data = pkv__epb_head(to, bytes, interface_id, packet->time_ns, packet->captured_bytes,
                                  packet->original_bytes);
    if (packet->captured_bytes)
        memcpy(data, packet->data, packet->captured_bytes);
    if (bytes == pkv__epb_bytes(packet->captured_bytes)) {
        pkv__epb_tail(data + packet->captured_bytes, bytes, packet->captured_bytes);
        return;
    }
    uint8_t *at = data + packet->captured_bytes;
    while ((at - data) & 3)
        *at++ = 0;
    memcpy(at, packet->options, packet->options_bytes);
    at = pkv__put_u32le(at + packet->options_bytes, 0);
    (void)pkv__put_u32le(at, bytes);
}

#endif
