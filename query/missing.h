/* SPDX-License-Identifier: BSD-2-Clause */
/* What an answer lacks: losses, gaps, parts that cannot be read. */
#ifndef PKV_QUERY_MISSING_H
#define PKV_QUERY_MISSING_H

#include <stdbool.h>

#include <pktvault/query.h>

#include "archive/pcapng.h"

struct pkv__missing_list {
    pkv_missing *items;
    size_t count, capacity;
    uint64_t more; /* past PKV__MISSING_LISTED_MAX, or out of memory */
};
void pkv__missing_add(struct pkv__missing_list *list, const pkv_missing *missing);
void pkv__missing_sort(struct pkv__missing_list *list);
void pkv__missing_deinit(struct pkv__missing_list *list);

/* Stretches in which live sources were listened to. */
struct pkv__stretch {
    int64_t from_ns, until_ns;
};
struct pkv__coverage {
    struct pkv__stretch *stretches;
    size_t count, capacity;
    int64_t from_ns, until_ns; /* of everything, imports too; from > until: nothing */
    bool any;
};
int pkv__coverage_add(struct pkv__coverage *coverage, int64_t from_ns, int64_t until_ns, bool live);
/* Adds the gaps between the first and the last live coverage that lie in [since, until). */
void pkv__coverage_gaps(struct pkv__coverage *coverage, int64_t since_ns, int64_t until_ns,
                        struct pkv__missing_list *list);
void pkv__coverage_deinit(struct pkv__coverage *coverage);

/* Losses from the statistics of one segment, as a scan meets them. */
struct pkv__loss_reading {
    uint32_t interface_id;
    struct pkv__statistics last;
};
struct pkv__loss_readings {
    struct pkv__loss_reading *readings;
    size_t count, capacity;
    int64_t start_ns,
        end_ns; /* of the coverage, as the statistics say; start > end: nothing was said */
};
void pkv__loss_read(struct pkv__loss_readings *readings, uint32_t interface_id,
                    const struct pkv__statistics *statistics, int64_t since_ns, int64_t until_ns,
                    struct pkv__missing_list *list);
void pkv__loss_readings_deinit(struct pkv__loss_readings *readings);

int pkv__missing_cause(const char *name); /* "kernel" …; -1: none */

#endif
