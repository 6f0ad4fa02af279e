/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_INDEXER_H
#define PKTVAULT_INDEXER_H

#include <pktvault/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Follows the segments of an archive: recovers what a dead writer left, indexes what is sealed,
 * keeps catalog and chain. At most one runs in an archive (locks/indexer). */
typedef struct pkv_indexer pkv_indexer;

/* Starts it on a thread of its own and returns. Errors: PKV_E_BUSY another indexer runs,
 * PKV_E_NOT_FOUND no archive, PKV_E_SYSTEM, PKV_E_MEMORY. */
PKV_API int pkv_indexer_start(pkv_indexer **indexer, const char *directory,
                              const pkv_options *options, pkv_error *error);

/* The same for who records into the archive: what keeps it from starting (another indexer that
 * runs, a catalog that cannot be opened, a full disk) is said in the log, and tried again every
 * five seconds on its thread. Errors: PKV_E_SYSTEM no thread, PKV_E_MEMORY. */
PKV_API int pkv_indexer_start_patiently(pkv_indexer **indexer, const char *directory,
                                        const pkv_options *options, pkv_error *error);

/* Takes in what has been sealed before this call (for 5 seconds at most), joins the thread, frees.
 * NULL is fine. */
PKV_API void pkv_indexer_stop(pkv_indexer *indexer);

typedef struct pkv_index_report {
    uint64_t segments, packets, flows; /* indexed in this run */
    uint64_t recovered;                /* open segments of dead writers that were sealed */
    uint64_t failed;                   /* segments that could not be read to their end */
} pkv_index_report;

enum { PKV_INDEX_REBUILD = 1 }; /* forget index/ and catalog.sqlite and make them anew */

/* Indexes all that is sealed now, on the caller's thread. `progress` counts
 * segments. Errors: PKV_E_BUSY another indexer runs, PKV_E_CANCELED, and as above; *report then
 * says how far it came. */
PKV_API int pkv_index_run(const char *directory, unsigned flags, const pkv_options *options,
                          pkv_progress_fn *progress, void *context, pkv_index_report *report,
                          pkv_error *error);

/* Waits until every segment that is sealed when it is called is in the catalog: by indexing itself,
 * or where another process' indexer runs, by waiting for that one. Errors: as pkv_index_run, but
 * never PKV_E_BUSY; PKV_E_SYSTEM where that one does nothing for two minutes. */
PKV_API int pkv_index_wait(const char *directory, const pkv_options *options,
                           pkv_progress_fn *progress, void *context, pkv_error *error);

#ifdef __cplusplus
}
#endif
#endif
