/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks chain.log line by line, without the right to write, and goes on behind what is wrong. */
#ifndef PKV_ARCHIVE_CHAIN_VERIFY_H
#define PKV_ARCHIVE_CHAIN_VERIFY_H

#include "archive/chain.h"

/* What is found, in the order of the file; a negative answer ends it. Texts last for the call. */
struct pkv__chain_look {
    /* A line that gives a path the hash of its segment, also where the chain does not hold. */
    int (*entry)(void *context, int64_t offset, const char *path, const char *hex);
    /* What is wrong at the line that begins at `offset`. `torn`: the end is what a crash, or a
     * write at this moment, leaves; the next writer mends it. */
    int (*fault)(void *context, int64_t offset, bool torn, const char *text);
    void *context;
};

/* 0 also with faults. PKV_E_NOT_FOUND: no chain.log; PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__chain_verify(const char *directory, const struct pkv__chain_look *look, pkv_error *error);

#endif
