/* SPDX-License-Identifier: BSD-2-Clause */
/* What an archive has of a capture file: from the segments alone.
 *
 * The section header of each segment says "import NAME ends HEX bytes N", with a hash of the ends
 * and the size of the file, followed by " packet K" where the segment does not start with the
 * file's first packet. The statistics of the last segment of an import that reached the end of the
 * file say so, with a hash of all of it. */
#ifndef PKV_SERVER_IMPORT_KNOWN_H
#define PKV_SERVER_IMPORT_KNOWN_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__known {
    bool complete; /* all of it */
    bool running;  /* its writer lives */
    bool other;    /* what is there is of another file with the same ends */
    bool holes;    /* what is there is not the file's beginning without a gap: retention, damage */
    uint64_t packets; /* else: how many of the first packets are there */
};

/* The segments of files with these ends. */
struct pkv__import_parts;

/* *parts is NULL where there are none. Reads the first block of every imported segment. */
int pkv__import_parts_find(struct pkv__import_parts **parts, const char *directory,
                           const char ends[33], pkv_error *error);
struct pkv__import_parts *
pkv__import_parts_free(struct pkv__import_parts *parts); /* NULL is fine; returns NULL */

/* What they are to a file with this hash. */
void pkv__import_parts_judge(struct pkv__import_parts *parts, const char content[33],
                             struct pkv__known *known);

/* After judge: whether the packets that are there are those that the file at `path` begins with. 1,
 * 0, or negative. */
int pkv__import_parts_are_beginning(const struct pkv__import_parts *parts, const char *path,
                                    pkv_error *error);

#endif
