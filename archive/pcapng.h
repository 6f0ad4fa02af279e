/* SPDX-License-Identifier: BSD-2-Clause */
/* pcapng blocks (draft-ietf-opsawg-pcapng): encoders beside decoders. pktvault writes little endian
 * and nanoseconds; it reads both byte orders and every resolution. */
#ifndef PKV_ARCHIVE_PCAPNG_H
#define PKV_ARCHIVE_PCAPNG_H

#include <stdbool.h>

#include <pktvault/packet.h>

#include "base/buffer.h"

enum pkv__pcapng_type {
    PKV__PCAPNG_SECTION = 0x0a0d0d0a,
    PKV__PCAPNG_INTERFACE = 1,
    PKV__PCAPNG_SIMPLE = 3,
    PKV__PCAPNG_NAMES = 4,
    PKV__PCAPNG_STATISTICS = 5,
    PKV__PCAPNG_PACKET = 6,
    PKV__PCAPNG_OBSOLETE_PACKET = 2
};

/* Counters of one interface since the start of its segment. */
struct pkv__statistics {
    int64_t time_ns;          /* when they were read */
    int64_t start_ns, end_ns; /* of the coverage; PKV_TIME_MIN: not said */
    uint64_t received;        /* packets offered to us: stored + lost */
    uint64_t lost_kernel, lost_buffer, lost_disk, refused;
    bool recovered;   /* written by recovery: the writer died, later packets are unknown */
    bool complete;    /* the last of an import that reached the end of its file */
    char content[33]; /* then: the XXH3-128 of that file in hex; "": not said */
};

/* What the section header of a segment says. */
struct pkv__section {
    char uuid[37]; /* of the archive; "" none */
    uint32_t lane;
    uint64_t sequence;
    bool import;        /* coverage is that of its packets */
    const char *origin; /* NULL, or "import NAME ends HEX bytes N": views into the block */
    size_t origin_length;
    const char *const *vni_names; /* writing: "100-149 web" … */
    size_t vni_names_count;
};

/* Encoders append one block. Options that cannot be encoded (too long) are left out whole. */
void pkv__pcapng_put_section(struct pkv__buffer *b, const struct pkv__section *section);
/* A plain section of a slice. NULL strings are left out. */
void pkv__pcapng_put_plain_section(struct pkv__buffer *b, const char *hardware, const char *os,
                                   const char *application, const char *comment);
void pkv__pcapng_put_interface(struct pkv__buffer *b, const pkv_interface *interface_);
void pkv__pcapng_put_packet(struct pkv__buffer *b, const pkv_packet *packet);
size_t
pkv__pcapng_packet_bytes(const pkv_packet *packet); /* of the block that put_packet appends */
void pkv__pcapng_put_statistics(struct pkv__buffer *b, uint32_t interface_id,
                                const struct pkv__statistics *statistics, const char *comment);

/* One block of memory that holds whole blocks of our own (little endian, nanoseconds): a raw
 * segment block. */
struct pkv__pcapng_block {
    uint32_t type;
    uint32_t length;     /* of the whole block */
    const uint8_t *body; /* behind type and length */
    uint32_t body_length;
};

/* Splits off the block at *offset and advances. 1: a block; 0: exactly at the end; PKV_E_FORMAT:
 * structure broken. */
int pkv__pcapng_next(const uint8_t *data, size_t length, size_t *offset,
                     struct pkv__pcapng_block *block);

/* Decoders of our own blocks; views into the block. PKV_E_FORMAT. */
int pkv__pcapng_get_section(const struct pkv__pcapng_block *block, struct pkv__section *section);
/* Calls `name` with each "100-149 web" of a section. */
void pkv__pcapng_get_vni_names(const struct pkv__pcapng_block *block,
                               void (*name)(void *, const char *, size_t), void *context);
int pkv__pcapng_get_packet(const struct pkv__pcapng_block *block, pkv_packet *packet);
int pkv__pcapng_get_statistics(const struct pkv__pcapng_block *block, uint32_t *interface_id,
                               struct pkv__statistics *statistics);
/* An interface that owns its strings; deinit when done. */
struct pkv__interface {
    pkv_interface view;
    char *name, *description;
    uint8_t *options;
};
int pkv__pcapng_get_interface(const struct pkv__pcapng_block *block,
                              struct pkv__interface *interface_);
int pkv__interface_init(struct pkv__interface *interface_,
                        const pkv_interface *view); /* deep copy; PKV_E_MEMORY */
void pkv__interface_deinit(struct pkv__interface *interface_);
bool pkv__interface_equal(const pkv_interface *a, const pkv_interface *b);

#endif
