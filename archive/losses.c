/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/losses.h"

#include "base/limits.h"
#include "base/memory.h"

/* The last reading of an interface, and its newest row for each cause (number + 1; 0: none). */
struct reading {
    int64_t time_ns;
    uint64_t counters[PKV__LOSS_CAUSES];
    size_t rows[PKV__LOSS_CAUSES];
};

struct pkv__losses {
    int64_t start_ns;
    struct reading *readings; /* by interface */
    size_t readings_count, readings_capacity;
    struct pkv__loss *rows;
    size_t rows_count, rows_capacity;
};

int pkv__losses_new(struct pkv__losses **losses, int64_t start_ns)
{
    struct pkv__losses *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    made->start_ns = start_ns;
    *losses = made;
    return 0;
}

struct pkv__losses *pkv__losses_free(struct pkv__losses *losses)
{
    if (losses) {
        pkv__free(losses->readings);
        pkv__free(losses->rows);
    }
    pkv__free(losses);
    return NULL;
}

static struct reading *reading_of(struct pkv__losses *l, uint32_t interface_id)
{
    if (interface_id >= PKV__INTERFACES_MAX)
        return NULL;
    if (pkv__grow(&l->readings, &l->readings_capacity, interface_id + (size_t)1,
                  sizeof *l->readings) < 0)
        return NULL;
    while (l->readings_count <= interface_id)
        l->readings[l->readings_count++] = (struct reading){.time_ns = l->start_ns};
    return &l->readings[interface_id];
}

/* Two readings at the same time, and whatever comes past the limit, are one row. */
static struct pkv__loss *row_to_extend(struct pkv__losses *l, const struct reading *r,
                                       unsigned cause)
{
    struct pkv__loss *row = r->rows[cause] ? &l->rows[r->rows[cause] - 1] : NULL;
    return row && (row->from_ns == r->time_ns || l->rows_count >= PKV__LOSSES_MAX) ? row : NULL;
}

static int add_row(struct pkv__losses *l, struct reading *r, struct pkv__loss row)
{
    struct pkv__loss *old = row_to_extend(l, r, row.cause);
    if (old) {
        old->packets += row.packets;
        old->until_ns = row.until_ns > old->until_ns ? row.until_ns : old->until_ns;
        return 0;
    }
    if (pkv__grow(&l->rows, &l->rows_capacity, l->rows_count + 1, sizeof *l->rows) < 0)
        return PKV_E_MEMORY;
    l->rows[l->rows_count++] = row;
    r->rows[row.cause] = l->rows_count;
    return 0;
}

int pkv__losses_add(struct pkv__losses *losses, uint32_t interface_id,
                    const struct pkv__statistics *statistics)
{
    const uint64_t counters[PKV__LOSS_CAUSES] = {statistics->lost_kernel, statistics->lost_buffer,
                                                 statistics->lost_disk, statistics->refused};
    struct reading *r = reading_of(losses, interface_id);
    if (!r)
        return interface_id >= PKV__INTERFACES_MAX ? 0 : PKV_E_MEMORY;
    for (unsigned cause = 0; cause < PKV__LOSS_CAUSES; cause++) {
        if (counters[cause] <= r->counters[cause])
            continue;
        struct pkv__loss row = {interface_id, cause, r->time_ns, statistics->time_ns,
                                counters[cause] - r->counters[cause]};
        if (add_row(losses, r, row) < 0)
            return PKV_E_MEMORY;
        r->counters[cause] = counters[cause];
    }
    r->time_ns = statistics->time_ns;
    return 0;
}

bool pkv__losses_last(const struct pkv__losses *losses, uint32_t interface_id,
                      struct pkv__statistics *statistics)
{
    if (interface_id >= losses->readings_count)
        return false;
    const struct reading *r = &losses->readings[interface_id];
    *statistics = (struct pkv__statistics){.time_ns = r->time_ns,
                                           .start_ns = INT64_MIN,
                                           .end_ns = INT64_MIN,
                                           .lost_kernel = r->counters[PKV__LOSS_KERNEL],
                                           .lost_buffer = r->counters[PKV__LOSS_BUFFER],
                                           .lost_disk = r->counters[PKV__LOSS_DISK],
                                           .refused = r->counters[PKV__LOSS_REFUSED]};
    return true;
}

const struct pkv__loss *pkv__losses_all(const struct pkv__losses *losses, size_t *count)
{
    *count = losses->rows_count;
    return losses->rows;
}

const char *pkv__loss_cause_name(unsigned cause)
{
    static const char *const names[PKV__LOSS_CAUSES] = {"kernel", "buffer", "disk", "refused"};
    return names[cause];
}
