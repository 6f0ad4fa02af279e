/* SPDX-License-Identifier: BSD-2-Clause */
/* What a source of packets does, whatever it is; the loop is the recorder's business. */
#ifndef PKV_SERVER_SOURCE_H
#define PKV_SERVER_SOURCE_H

#include "server/lane.h"
#include "server/networks.h"

struct pkv__source_kind {
    /* Reads what is there into the lane, but not endlessly. The number of packets, or negative: the
     * source is broken for good. */
    int (*receive)(void *source, struct pkv__lane *lane, pkv_error *error);
    uint64_t (*lost)(void *source); /* by the kernel, so far */
    /* Lets nothing more in: what is in by then can still be received, and nothing is lost any more.
     * False: it cannot be shut. */
    bool (*shut)(void *source);
    /* Whether the kernel has packets that it does not hand over yet. NULL: it never has. */
    bool (*holds)(void *source);
    bool paced; /* wakes for every packet: at high rates better asked each millisecond */
    void (*free)(void *source);
};

#endif
