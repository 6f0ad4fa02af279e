/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_INDEXER_FLOW_ROWS_INTERNAL_H
#define PKV_INDEXER_FLOW_ROWS_INTERNAL_H

#include "indexer/flow_rows.h"
#include "indexer/intern.h"
#include "indexer/packet_log.h"
#include "indexer/scratch_file.h"

/* Flows that went to the temporary file together: from `at` on the row of each, the length of its
 * list in 32 bits, and the list. */
struct epoch {
    uint64_t at;
    uint32_t flows;
};

struct pkv__flow_rows {
    struct pkv__flow_table *table; /* flows of the epoch at hand: ids from first_id on */
    struct pkv__packet_log *log;
    struct pkv__intern *hosts, *tunnels;
    uint32_t (*ends)[2]; /* by id: hosts at the key sides */
    uint32_t *tunnel_of; /* by id: 0, or number of the tunnel + 1 */
    size_t ends_capacity, tunnel_of_capacity;
    uint32_t first_id, count;
    uint64_t first_ordinal;
    char *spill_path;
    struct pkv__scratch *scratch;
    struct epoch *epochs;
    size_t epochs_count, epochs_capacity;
    uint32_t flows_max, packets_max; /* of an epoch */
};

/* The flows of the epoch at hand. */
int pkv__flow_rows_each_at_hand(const struct pkv__flow_rows *rows, pkv__flow_row_fn *flow,
                                void *context, pkv_error *error);

/* Sends them to the temporary file, and begins the next epoch. */
int pkv__flow_rows_end_epoch(struct pkv__flow_rows *rows, pkv_error *error);

/* The flows of the epochs in the file. */
int pkv__flow_rows_each_spilled(const struct pkv__flow_rows *rows, pkv__flow_row_fn *flow,
                                void *context, pkv_error *error);

#endif
