/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads catalog.sqlite. */
#ifndef PKV_QUERY_CATALOG_H
#define PKV_QUERY_CATALOG_H

#include <pktvault/query.h>

#include "archive/directory.h"
#include "query/filter.h"

struct pkv__catalog;

struct pkv__catalog_segment {
    struct pkv__segment_name name;
    bool import;
    int64_t first_ns, last_ns;
    struct pkv__segment_summary summary; /* views valid during the call */
    uint32_t link_types;                 /* how many: 0 not known, 2 two or more */
    uint16_t link_type;
};

struct pkv__catalog_totals {
    int64_t segments, packets, flows, raw_bytes, stored_bytes;
    int64_t first_ns, last_ns; /* 0: no packets */
};

int pkv__catalog_reader_open(struct pkv__catalog **catalog, const char *directory,
                             pkv_error *error);
struct pkv__catalog *pkv__catalog_reader_close(struct pkv__catalog *catalog);

int64_t pkv__catalog_count(struct pkv__catalog *catalog); /* of segments; negative: not readable */
int pkv__catalog_totals(struct pkv__catalog *catalog, struct pkv__catalog_totals *totals,
                        pkv_error *error);

/* Rows; a non-zero answer stops. */
typedef int pkv__catalog_stem_fn(void *context, const char *stem);
int pkv__catalog_stems(struct pkv__catalog *catalog, pkv__catalog_stem_fn *row, void *context,
                       pkv_error *error);
typedef int pkv__catalog_segment_fn(void *context, const struct pkv__catalog_segment *segment);
int pkv__catalog_segments(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                          pkv__catalog_segment_fn *row, void *context, pkv_error *error);
typedef int pkv__catalog_coverage_fn(void *context, int64_t from_ns, int64_t until_ns, bool live);
int pkv__catalog_coverage(struct pkv__catalog *catalog, pkv__catalog_coverage_fn *row,
                          void *context, pkv_error *error);
typedef int pkv__catalog_missing_fn(void *context, const pkv_missing *missing);
int pkv__catalog_missing(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                         pkv__catalog_missing_fn *row, void *context, pkv_error *error);
/* Names of VNIs; of one segment where stem is not NULL. */
int pkv__catalog_vni_names(struct pkv__catalog *catalog, const char *stem,
                           struct pkv__vni_names *names, pkv_error *error);

#endif
