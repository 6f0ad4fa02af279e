/* SPDX-License-Identifier: BSD-2-Clause */
/* Small archives for the fault suite, and what is asked of them afterwards. */
#ifndef PKV_TESTS_FAULT_ARCHIVE_H
#define PKV_TESTS_FAULT_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/pktvault.h>

#define NUMBERS 1000u /* packets are told apart by a number below it */

/* What was read of an archive. */
struct reading {
    unsigned times[NUMBERS];
    unsigned packets;
    bool disordered;
    bool unreadable;     /* the report says that something could not be read, or was not listed */
    uint64_t lost;       /* by kernel, buffer or disk, as the report says */
    unsigned interfaces; /* that the packets name */
};

/* A frame in VXLAN with VNI 100, number by number. *packet is a view until the next call. */
void make_packet(pkv_packet *packet, uint32_t number);
/* NUMBERS, if it is none of ours. */
uint32_t number_of(const pkv_packet *packet);

/* Options that the recorder, writer, indexer and query of all scenarios use. */
extern pkv_options *archive_options;

/* Writes a sealed segment with the packets first…end - 1. */
void put_segment(const char *directory, uint32_t first, uint32_t end);
/* The newest sealed segment becomes one that its writer left behind, with a torn block at its end.
 */
void kill_newest(const char *directory);
void index_all(const char *directory);

/* Everything that matches. What does not fit is in *reading, not in the result. */
int read_query(const char *directory, const char *expression, unsigned flags,
               struct reading *reading, pkv_error *error);

void copy_tree(const char *from, const char *to);
void remove_tree(const char *path);
/* Files below `path` whose names end so. */
unsigned count_files(const char *path, const char *suffix);

#endif
