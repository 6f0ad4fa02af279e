/* SPDX-License-Identifier: BSD-2-Clause */
/* What the readers of pcap and pcapng files share. */
#ifndef PKV_ARCHIVE_CAPTURE_INTERNAL_H
#define PKV_ARCHIVE_CAPTURE_INTERNAL_H

#include "archive/capture_file.h"
#include "archive/pcapng_internal.h"
#include "archive/stream.h"
#include "base/buffer.h"

/* How a pcap file is to be read. */
struct pkv__capture_pcap {
    uint32_t record_header_bytes;
    uint32_t fraction_ns; /* of a unit of the time's fraction */
    enum { PKV__LENGTHS_RIGHT, PKV__LENGTHS_SWAPPED, PKV__LENGTHS_MAYBE_SWAPPED } lengths;
    pkv_interface interface_;
    bool interface_given;
};

/* An interface of the current section of a pcapng file. */
struct pkv__capture_interface {
    uint32_t number; /* over all sections */
    uint32_t snap_length;
    uint8_t resolution; /* as if_tsresol */
    int64_t offset_s;
};

struct pkv__capture_pcapng {
    struct pkv__capture_interface *interfaces;
    size_t count, capacity;
    struct pkv__buffer options;  /* of the packet or interface given last, little endian */
    struct pkv__buffer texts;    /* name and description of the interface given last */
    struct pkv__buffer comments; /* options of the section header */
    size_t comments_at;
};

struct pkv__capture_file {
    struct pkv__stream *stream;
    char *path;
    bool big_endian;
    uint32_t interface_count; /* over all sections */
    uint64_t packets, skipped;
    int failure; /* the file broke; told again on every call */
    pkv_error failure_text;
    int (*next)(struct pkv__capture_file *, struct pkv__capture_item *, pkv_error *);
    struct pkv__capture_pcap pcap;
    struct pkv__capture_pcapng pcapng;
};

/* Read the header of a file whose first four bytes say what it is. */
int pkv__capture_open_pcap(struct pkv__capture_file *file, uint32_t magic, pkv_error *error);
int pkv__capture_open_pcapng(struct pkv__capture_file *file, pkv_error *error);

/* Options of a section's byte order appended to `to` in little endian, up to opt_endofopt or the
 * first that is broken. */
enum pkv__option_set { PKV__OPTIONS_SECTION, PKV__OPTIONS_INTERFACE, PKV__OPTIONS_PACKET };
void pkv__capture_options(struct pkv__buffer *to, struct pkv__cursor options,
                          enum pkv__option_set set, bool big_endian);

/* Ticks of an interface as nanoseconds since the epoch: finer ones cut off, and kept within what 64
 * bits hold (1677 to 2262), short of the two numbers that mean "no limit". */
int64_t pkv__capture_time(uint64_t ticks, uint8_t resolution, int64_t offset_s);

/* Takes in an Interface Description Block. */
int pkv__capture_take_interface(struct pkv__capture_file *file, struct pkv__cursor body,
                                struct pkv__capture_item *item, pkv_error *error);

/* PKV_E_MEMORY if one of the file's buffers could not grow. */
int pkv__capture_memory(const struct pkv__capture_file *file, pkv_error *error);

/* PKV_E_FORMAT with "FILE: byte N: …", or why the stream could not be read so far. */
int pkv__capture_broken(struct pkv__capture_file *file, pkv_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline uint16_t pkv__capture_u16(const struct pkv__capture_file *file, struct pkv__cursor *c)
{
    return file->big_endian ? pkv__cursor_u16be(c) : pkv__cursor_u16le(c);
}

static inline uint32_t pkv__capture_u32(const struct pkv__capture_file *file, struct pkv__cursor *c)
{
    return file->big_endian ? pkv__cursor_u32be(c) : pkv__cursor_u32le(c);
}

#endif
