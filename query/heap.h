/* SPDX-License-Identifier: BSD-2-Clause */
/* What comes next in the total order (time, segment, ordinal): a packet, or a block or segment that
 * may hold one. */
#ifndef PKV_QUERY_HEAP_H
#define PKV_QUERY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pkv__heap_kind { PKV__HEAP_SEGMENT, PKV__HEAP_BLOCK, PKV__HEAP_RUN };

struct pkv__heap_item {
    int64_t time_ns; /* no packet of it is earlier */
    uint32_t segment, ordinal;
    enum pkv__heap_kind kind;
    void *object;
};

struct pkv__heap {
    struct pkv__heap_item *items;
    size_t count, capacity;
};

int pkv__heap_push(struct pkv__heap *heap, const struct pkv__heap_item *item); /* PKV_E_MEMORY */
struct pkv__heap_item *pkv__heap_top(struct pkv__heap *heap);                  /* NULL: empty */
void pkv__heap_pop(struct pkv__heap *heap);
void pkv__heap_top_changed(struct pkv__heap *heap);
void pkv__heap_deinit(struct pkv__heap *heap);

#endif
