/* SPDX-License-Identifier: BSD-2-Clause */
/* The segments that a query has to look at. */
#ifndef PKV_QUERY_SEGMENTS_H
#define PKV_QUERY_SEGMENTS_H

#include "archive/directory.h"
#include "query/catalog.h"
#include "query/filter.h"
#include "query/missing.h"

struct pkv__candidate {
    struct pkv__segment_name name;
    uint32_t archive;   /* number of its directory */
    bool open, indexed; /* indexed: in the catalog, so that it has an index; else it is scanned */
    bool import;
    int64_t first_ns,
        last_ns; /* of its packets, as the catalog says; PKV_TIME_MIN, PKV_TIME_MAX: not known */
    uint32_t link_types; /* 0: not known, 1, 2: several */
    uint16_t link_type;
    /* So far was it read: by the search before this one, and by this one. 0: not at all; INT64_MAX:
     * it was sealed, and read whole. */
    int64_t known_bytes, read_bytes;
};

struct pkv__segments {
    struct pkv__candidate *items; /* in total order: start, lane, sequence, archive */
    size_t count, capacity;
    uint64_t all, in_range,
        skipped; /* segments of the archives; not ruled out by time; ruled out by summary */
};

struct pkv__segments_request {
    struct pkv__filter *filter; /* NULL: no summary is asked */
    int64_t since_ns, until_ns;
    int64_t late_ns; /* from when on packets may be new; since_ns or earlier */
    bool no_index;
};

/* Adds those of an archive. catalog NULL: it cannot be read. */
int pkv__segments_add(struct pkv__segments *segments, const char *directory, uint32_t archive,
                      struct pkv__catalog *catalog, const struct pkv__segments_request *request,
                      struct pkv__missing_list *missing, struct pkv__coverage *coverage,
                      pkv_error *error);
void pkv__segments_sort(struct pkv__segments *segments);
/* Takes over how far those of an earlier search were read; both are sorted. */
void pkv__segments_go_on(struct pkv__segments *segments, const struct pkv__segments *before);
void pkv__segments_deinit(struct pkv__segments *segments);

#endif
