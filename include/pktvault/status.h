/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_STATUS_H
#define PKTVAULT_STATUS_H

#include <pktvault/query.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The state of an archive, read from its files and catalog; needs no daemon. */
typedef struct pkv_status {
    char uuid[37]; /* "": not known */
    /* What could not be read, for a person; "": everything. Numbers are of what could. */
    char segments_fault[200], catalog_fault[200], chain_fault[200];
    uint64_t sealed_segments, open_segments;
    uint64_t dead_segments;      /* open, but nobody writes them: the indexer will recover them */
    uint64_t indexed_segments;   /* of the sealed ones */
    uint64_t gone_segments;      /* indexed once, but their files are not there */
    uint64_t unchained_segments; /* sealed, not yet in chain.log; all, where it cannot be read */
    uint64_t packets, flows;     /* of the indexed segments, also those that are gone */
    uint64_t raw_bytes, stored_bytes, index_bytes;
    uint64_t free_bytes, disk_bytes; /* of the file system */
    int64_t first_ns, last_ns;       /* of the packets indexed; 0: none */
    int64_t covered_from_ns, covered_until_ns;
    int indexer_runs;      /* an indexer holds its lock now */
    unsigned lanes_active; /* lanes whose writer holds its lock now */
} pkv_status;

/* What cannot be read is named and passed over. Errors: PKV_E_NOT_FOUND no archive, PKV_E_SYSTEM,
 * PKV_E_MEMORY. */
PKV_API int pkv_status_get(pkv_status *status, const char *directory, pkv_error *error);

/* Losses, gaps and unreadable parts of the whole archive; one call a stretch, in time order. 0, or
 * PKV_STATUS_MORE: there are more of some cause than are listed, see pkv_query_report. */
enum { PKV_STATUS_MORE = 1 };
typedef int pkv_missing_fn(void *context,
                           const pkv_missing *missing); /* non-zero stops, and is no error */
PKV_API int pkv_status_missing(const char *directory, int64_t since_ns, int64_t until_ns,
                               pkv_missing_fn *row, void *context, pkv_error *error);

#ifdef __cplusplus
}
#endif
#endif
