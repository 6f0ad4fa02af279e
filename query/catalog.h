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
    uint32_t link_types; /* how many: 0 not known, 2 two or more */
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

/* From begin to end, all answers are of one moment. */
int pkv__catalog_begin(struct pkv__catalog *catalog, pkv_error *error);
void pkv__catalog_end(struct pkv__catalog *catalog);

/* Rows; a non-zero answer stops. */

/* Names of the segments of a day ("20261122"). */
typedef int pkv__catalog_stem_fn(void *context, const char *stem);
int pkv__catalog_stems(struct pkv__catalog *catalog, const char *day, pkv__catalog_stem_fn *row,
                       void *context, pkv_error *error);

/* Coverage and packets' times of a segment. */
struct pkv__catalog_stretch {
    const char *stem; /* valid during the call; may be NULL in a damaged catalog */
    bool live, has_packets;
    bool near; /* lies outside of the range: only to know what is covered around it */
    int64_t start_ns, end_ns, first_ns, last_ns;
};
/* Those that touch [since, until), the nearest on both sides of it, and those that begin first and
 * end last of all; some of the latter more than once. */
typedef int pkv__catalog_stretch_fn(void *context, const struct pkv__catalog_stretch *stretch);
int pkv__catalog_stretches(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                           pkv__catalog_stretch_fn *row, void *context, pkv_error *error);

/* Segments with packets in [since, until) that the filter (NULL: any) does not rule out. `names`:
 * to be looked up one by one; NULL: all are read through. *seen counts those in the range, also
 * those ruled out. A summary that is missing is PKV_E_FORMAT. */
struct pkv__catalog_names {
    char (*stems)[PKV__SEGMENT_STEM_TEXT];
    size_t count, capacity;
};
typedef int pkv__catalog_segment_fn(void *context, const struct pkv__catalog_segment *segment);
int pkv__catalog_segments(struct pkv__catalog *catalog, const struct pkv__catalog_names *names,
                          int64_t since_ns, int64_t until_ns, const struct pkv__filter *filter,
                          uint64_t *seen, pkv__catalog_segment_fn *row, void *context,
                          pkv_error *error);

typedef int pkv__catalog_missing_fn(void *context, const pkv_missing *missing);
int pkv__catalog_missing(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                         pkv__catalog_missing_fn *row, void *context, pkv_error *error);
/* Names of VNIs; of one segment where stem is not NULL. */
int pkv__catalog_vni_names(struct pkv__catalog *catalog, const char *stem,
                           struct pkv__vni_names *names, pkv_error *error);

#endif
