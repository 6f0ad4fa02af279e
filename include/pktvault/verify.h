/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_VERIFY_H
#define PKTVAULT_VERIFY_H

#include <pktvault/options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How bad a finding is. */
enum {
    PKV_FINDING_DAMAGE,  /* something is not what was recorded, or not what belongs to it */
    PKV_FINDING_MISSING, /* something that was there is gone */
    PKV_FINDING_NOTE     /* worth knowing, nothing is wrong with what is kept */
};

/* Views that last for the call. */
typedef struct pkv_finding {
    int severity;       /* PKV_FINDING_… */
    const char *path;   /* relative to the archive */
    int64_t offset;     /* byte in the file; -1: the whole */
    const char *text;   /* what was found */
    const char *advice; /* what to do */
} pkv_finding;

/* Receives a finding; a non-zero answer stops (PKV_E_CANCELED). */
typedef int pkv_finding_fn(void *context, const pkv_finding *finding);

typedef struct pkv_verify_report {
    uint64_t segments;                /* sealed ones that were read */
    uint64_t open_segments;           /* being written, or left by a writer that died */
    uint64_t blocks, packets;         /* readable in both; without PKV_VERIFY_QUICK */
    uint64_t stored_bytes;            /* of the segments */
    uint64_t chained;                 /* segments that stand in chain.log */
    uint64_t indexes;                 /* compared with their segments */
    uint64_t damages, missing, notes; /* findings */
} pkv_verify_report;

enum { PKV_VERIFY_QUICK = 1 }; /* hashes, chain and which files are there; no contents */
enum { PKV_VERIFY_FOUND = 1 }; /* outcome: there are damages or something is missing */

/* Reads a whole archive and changes nothing in it: needs no lock, no right to write, and works
 * while others record, index and query. Every segment is held against its checksums, its structure,
 * its name and chain.log; index and catalog are held against what is made anew from the segments,
 * row by row. `progress` counts bytes of segments. `progress`, `finding` and `report` may be NULL.
 * 0: content, PKV_VERIFY_FOUND. Errors: PKV_E_NOT_FOUND no archive, PKV_E_CANCELED, PKV_E_SYSTEM,
 * PKV_E_MEMORY. */
PKV_API int pkv_verify(const char *directory, unsigned flags, const pkv_options *options,
                       pkv_progress_fn *progress, void *progress_context, pkv_finding_fn *finding,
                       void *finding_context, pkv_verify_report *report, pkv_error *error);

#ifdef __cplusplus
}
#endif
#endif
