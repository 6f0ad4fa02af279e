/* SPDX-License-Identifier: BSD-2-Clause */
/* What encoders, decoders and the reader of foreign files share. */
#ifndef PKV_ARCHIVE_PCAPNG_INTERNAL_H
#define PKV_ARCHIVE_PCAPNG_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cursor.h"

#define PKV__PCAPNG_BYTE_ORDER 0x1a2b3c4du
#define PKV__PCAPNG_OVERHEAD_BYTES 12u         /* type and length in front, length behind */
#define PKV__PCAPNG_PACKET_FIXED_BYTES 20u     /* interface, time, lengths */
#define PKV__PCAPNG_INTERFACE_FIXED_BYTES 8u   /* link type, reserved, snap length */
#define PKV__PCAPNG_STATISTICS_FIXED_BYTES 12u /* interface, time */
#define PKV__PCAPNG_SECTION_FIXED_BYTES 16u    /* byte order, version, section length */
#define PKV__PEN 32473u                        /* RFC 5612: for documentation */
#define PKV__NS_DIGITS 9u                      /* if_tsresol: 10^-9 s */

enum pkv__option_code {
    PKV__OPT_END = 0,
    PKV__OPT_COMMENT = 1,
    PKV__OPT_CUSTOM_TEXT = 2988, /* UTF-8, may be copied into other files */
    PKV__OPT_CUSTOM_BYTES = 2989,
    PKV__OPT_CUSTOM_TEXT_NO_COPY = 19372,
    PKV__OPT_CUSTOM_BYTES_NO_COPY = 19373,
    PKV__SHB_HARDWARE = 2,
    PKV__SHB_OS = 3,
    PKV__SHB_USERAPPL = 4,
    PKV__IF_NAME = 2,
    PKV__IF_DESCRIPTION = 3,
    PKV__IF_TSRESOL = 9,
    PKV__IF_TSOFFSET = 14,
    PKV__ISB_STARTTIME = 2,
    PKV__ISB_ENDTIME = 3,
    PKV__ISB_IFRECV = 4,
    PKV__ISB_IFDROP = 5,
    PKV__ISB_FILTERACCEPT = 6,
    PKV__ISB_OSDROP = 7,
    PKV__ISB_USRDELIV = 8
};

struct pkv__option {
    uint16_t code, length;
    const uint8_t *value;
    const uint8_t *start; /* of the whole option, `padded` bytes */
    size_t padded;
};

/* The next little-endian option. False: opt_endofopt, the end, or broken (c->failed). */
bool pkv__option_next(struct pkv__cursor *c, struct pkv__option *option);

/* Whether `length` bytes are options, each padded, without opt_endofopt. */
bool pkv__options_are_whole(const uint8_t *options, size_t length);

/* The text behind "pktvault " in a custom option of ours; false: another option. */
bool pkv__option_ours(const struct pkv__option *option, const char **text, size_t *length);

/* If the text begins with `word`, moves behind it. */
bool pkv__option_text_skip(const char **text, size_t *length, const char *word);
/* A decimal number; false: none, or above 64 bits. */
bool pkv__text_take_number(const char **text, size_t *length, uint64_t *value);

static inline size_t pkv__pad4(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

#endif
