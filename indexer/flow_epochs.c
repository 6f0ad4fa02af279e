/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"
#include "base/memory.h"
#include "indexer/flow_rows_internal.h"

struct spilling {
    struct pkv__scratch *scratch;
    pkv_error *error;
};

static int spill(void *context, uint32_t id, const struct pkv__flow_row *row,
                 const struct pkv__buffer *list)
{
    (void)id;
    struct spilling *s = context;
    uint32_t length = (uint32_t)list->length;
    int rc = pkv__scratch_put(s->scratch, row, sizeof *row, s->error);
    if (rc >= 0)
        rc = pkv__scratch_put(s->scratch, &length, sizeof length, s->error);
    return rc < 0 ? rc : pkv__scratch_put(s->scratch, list->data, list->length, s->error);
}

static int spill_at_hand(struct pkv__flow_rows *rows, struct epoch *epoch, pkv_error *error)
{
    struct spilling spilling = {rows->scratch, error};
    *epoch = (struct epoch){pkv__scratch_bytes(rows->scratch), pkv__flow_table_count(rows->table)};
    return pkv__flow_rows_each_at_hand(rows, spill, &spilling, error);
}

int pkv__flow_rows_end_epoch(struct pkv__flow_rows *rows, pkv_error *error)
{
    if (!rows->scratch) {
        int rc = pkv__scratch_new(&rows->scratch, rows->spill_path, error);
        if (rc < 0)
            return rc;
    }
    if (pkv__grow(&rows->epochs, &rows->epochs_capacity, rows->epochs_count + 1,
                  sizeof *rows->epochs) < 0)
        return pkv__error_memory(error);
    int rc = spill_at_hand(rows, &rows->epochs[rows->epochs_count], error);
    if (rc < 0)
        return rc;
    rows->epochs_count++;
    rows->first_id = rows->count;
    rows->first_ordinal += pkv__packet_log_count(rows->log);
    pkv__flow_table_clear(rows->table);
    pkv__packet_log_clear(rows->log);
    return 0;
}

static int get(const struct pkv__flow_rows *rows, uint64_t *at, struct pkv__flow_row *row,
               struct pkv__buffer *list, pkv_error *error)
{
    uint32_t length;
    int rc = pkv__scratch_get(rows->scratch, *at, row, sizeof *row, error);
    *at += sizeof *row;
    if (rc >= 0)
        rc = pkv__scratch_get(rows->scratch, *at, &length, sizeof length, error);
    *at += sizeof length;
    if (rc < 0)
        return rc;
    pkv__buffer_clear(list);
    if (!pkv__buffer_reserve(list, length))
        return pkv__error_memory(error);
    rc = pkv__scratch_get(rows->scratch, *at, list->data, length, error);
    list->length = length;
    *at += length;
    return rc;
}

int pkv__flow_rows_each_spilled(const struct pkv__flow_rows *rows, pkv__flow_row_fn *flow,
                                void *context, pkv_error *error)
{
    struct pkv__buffer list = {0};
    uint32_t id = 0;
    int rc = 0;
    for (size_t e = 0; rc >= 0 && e < rows->epochs_count; e++) {
        uint64_t at = rows->epochs[e].at;
        for (uint32_t i = 0; rc >= 0 && i < rows->epochs[e].flows; i++, id++) {
            struct pkv__flow_row row;
            rc = get(rows, &at, &row, &list, error);
            if (rc >= 0)
                rc = flow(context, id, &row, &list);
        }
    }
    pkv__buffer_deinit(&list);
    return rc < 0 ? rc : 0;
}
