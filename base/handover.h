/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks that a writer has just put into a segment, for an indexer in the same process, which then
 * need not read and decode them. Any thread. */
#ifndef PKV_BASE_HANDOVER_H
#define PKV_BASE_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

/* Views, valid during the call. */
struct pkv__handed_block {
    const char *directory; /* of the archive */
    int64_t start_ns;      /* of the segment, with lane and sequence its name */
    uint32_t lane;
    uint64_t sequence;
    int64_t offset; /* in its file */
    bool first;     /* that is handed over of it */
    uint32_t stored_bytes, raw_bytes;
    const uint8_t *raw, *stored;
};

struct pkv__handover;

/* Its sharers hold a reference each. */
int pkv__handover_new(struct pkv__handover **handover); /* PKV_E_MEMORY */
struct pkv__handover *pkv__handover_share(struct pkv__handover *handover);
struct pkv__handover *pkv__handover_free(struct pkv__handover *handover); /* NULL is fine */

/* A receiver comes: `receive` is called on the writer's thread, in the order of the file, by
 * several writers at a time. false: there is one already. */
typedef void pkv__receive_fn(void *context, const struct pkv__handed_block *block);
bool pkv__handover_attach(struct pkv__handover *handover, pkv__receive_fn *receive, void *context);
/* It goes; calls that are under way are waited for. */
void pkv__handover_detach(struct pkv__handover *handover);

bool pkv__handover_is_wanted(struct pkv__handover *handover); /* there is a receiver */
void pkv__handover_give(struct pkv__handover *handover, const struct pkv__handed_block *block);

#endif
