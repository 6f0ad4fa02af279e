/* SPDX-License-Identifier: BSD-2-Clause */
/* The hosts of a segment in the order of index.sql, and the flows of each. */
#ifndef PKV_INDEXER_HOST_ORDER_H
#define PKV_INDEXER_HOST_ORDER_H

#include "base/buffer.h"
#include "indexer/flow_rows.h"

struct pkv__host_order {
    uint32_t count;
    uint32_t *numbers; /* by id: number in pkv__flow_rows_hosts */
    uint32_t *ids;     /* by number */
    uint32_t *starts;  /* by number, count + 1: where its flows begin in `flows` */
    uint32_t *flows;   /* ids, ascending for each host */
};

int pkv__host_order_init(struct pkv__host_order *order,
                         const struct pkv__flow_rows *rows); /* PKV_E_MEMORY */
void pkv__host_order_deinit(struct pkv__host_order *order);

/* Appends the list of the flows of host `id` as index.sql describes it. */
void pkv__host_order_encode(const struct pkv__host_order *order, uint32_t id,
                            struct pkv__buffer *list);

#endif
