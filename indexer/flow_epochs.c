/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"
#include "base/memory.h"
#include "indexer/flow_rows_internal.h"

struct spilling {
    struct pkv__scratch *scratch;
    pkv_error *error;
};

static int spill_row(void *context, uint32_t id, const struct pkv__flow_row *row)
{
    (void)id;
    struct spilling *s = context;
    return pkv__scratch_put(s->scratch, row, sizeof *row, s->error);
}

static int spill_list(void *context, uint32_t id, const uint8_t *list, size_t length)
{
    (void)id;
    struct spilling *s = context;
    uint32_t bytes = (uint32_t)length;
    int rc = pkv__scratch_put(s->scratch, &bytes, sizeof bytes, s->error);
    return rc < 0 ? rc : pkv__scratch_put(s->scratch, list, length, s->error);
}

static int spill_at_hand(struct pkv__flow_rows *rows, struct epoch *epoch, pkv_error *error)
{
    struct spilling spilling = {rows->scratch, error};
    *epoch = (struct epoch){.rows_at = pkv__scratch_bytes(rows->scratch),
                            .flows = pkv__flow_table_count(rows->table)};
    int rc = pkv__flow_rows_each_row_at_hand(rows, spill_row, &spilling);
    if (rc < 0)
        return rc;
    epoch->lists_at = pkv__scratch_bytes(rows->scratch);
    return pkv__flow_rows_each_list_at_hand(rows, spill_list, &spilling, error);
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

int pkv__flow_rows_each_spilled_row(const struct pkv__flow_rows *rows, pkv__flow_row_fn *row,
                                    void *context, pkv_error *error)
{
    uint32_t id = 0;
    for (size_t e = 0; e < rows->epochs_count; e++)
        for (uint32_t i = 0; i < rows->epochs[e].flows; i++, id++) {
            struct pkv__flow_row r;
            uint64_t at = rows->epochs[e].rows_at + i * (uint64_t)sizeof r;
            int rc = pkv__scratch_get(rows->scratch, at, &r, sizeof r, error);
            if (rc < 0 || (rc = row(context, id, &r)) < 0)
                return rc;
        }
    return 0;
}

static int get_list(const struct pkv__flow_rows *rows, uint64_t *at, struct pkv__buffer *bytes,
                    pkv_error *error)
{
    uint32_t length;
    int rc = pkv__scratch_get(rows->scratch, *at, &length, sizeof length, error);
    if (rc < 0)
        return rc;
    pkv__buffer_clear(bytes);
    if (!pkv__buffer_reserve(bytes, length))
        return pkv__error_memory(error);
    rc = pkv__scratch_get(rows->scratch, *at + sizeof length, bytes->data, length, error);
    bytes->length = length;
    *at += sizeof length + (uint64_t)length;
    return rc;
}

int pkv__flow_rows_each_spilled_list(const struct pkv__flow_rows *rows, pkv__flow_list_fn *list,
                                     void *context, pkv_error *error)
{
    struct pkv__buffer bytes = {0};
    uint32_t id = 0;
    int rc = 0;
    for (size_t e = 0; rc >= 0 && e < rows->epochs_count; e++) {
        uint64_t at = rows->epochs[e].lists_at;
        for (uint32_t i = 0; rc >= 0 && i < rows->epochs[e].flows; i++, id++) {
            rc = get_list(rows, &at, &bytes, error);
            if (rc >= 0)
                rc = list(context, id, bytes.data, bytes.length);
        }
    }
    pkv__buffer_deinit(&bytes);
    return rc < 0 ? rc : 0;
}
