/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_PACKET_H
#define PKTVAULT_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A packet as it was captured: a view, nothing is owned. */
typedef struct pkv_packet {
    int64_t time_ns;         /* nanoseconds since 1970-01-01 UTC */
    const uint8_t *data;     /* from the link-layer header on */
    uint32_t captured_bytes; /* of data */
    uint32_t original_bytes; /* on the wire, as the source said; may be less than captured_bytes
                                (BIG TCP) */
    uint32_t interface_id; /* as the object that takes or gives the packet numbers its interfaces */
    const uint8_t *options; /* options of the Enhanced Packet Block (comments, flags …), little
                               endian, each padded to 4 bytes, without opt_endofopt:
                               draft-ietf-opsawg-pcapng, section 3.5. What is not whole is not
                               stored */
    uint32_t options_bytes;
} pkv_packet;

/* An interface that packets were captured from. */
typedef struct pkv_interface {
    uint16_t link_type;      /* LINKTYPE_ number: https://www.tcpdump.org/linktypes.html */
    uint32_t snap_length;    /* bytes; 0: no limit */
    const char *name;        /* NULL: none */
    const char *description; /* NULL: none */
    const uint8_t
        *options; /* further options of the Interface Description Block, little endian, as in
                     pkv_packet; without if_name, if_description, if_tsresol, if_tsoffset */
    uint32_t options_bytes;
} pkv_interface;

#ifdef __cplusplus
}
#endif
#endif
