/* SPDX-License-Identifier: BSD-2-Clause */
/* What an archive has of a capture file, by the hash of its content: from the segments alone.
 *
 * The section header of each segment says "import NAME xxh128 HEX bytes N", followed by " packet K"
 * where the segment does not start with the file's first packet. The statistics of the last segment
 * of an import that reached the end of the file say so. */
#ifndef PKV_SERVER_IMPORT_KNOWN_H
#define PKV_SERVER_IMPORT_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__known {
    bool any;      /* some of it */
    bool complete; /* all of it */
    bool running;  /* its writer lives */
    bool holes;    /* what is there is not the file's beginning without a gap: retention, damage */
    uint64_t packets; /* else: how many of the first packets are there */
};

/* Reads the first block of every imported segment, and more only of those of this file. */
int pkv__import_known(struct pkv__known *known, const char *directory, const char hex[33],
                      pkv_error *error);

#endif
