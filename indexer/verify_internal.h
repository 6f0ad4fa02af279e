/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of pkv_verify: what is there, the chain, one segment, its index, the catalog. All
 * answer 0 or a negative code with v->error filled in; what they find goes to pkv__verify_say. */
#ifndef PKV_INDEXER_VERIFY_INTERNAL_H
#define PKV_INDEXER_VERIFY_INTERNAL_H

#include <pktvault/verify.h>

#include "indexer/segment_index.h"
#include "schema/database.h"

struct pkv__verify_chained {
    struct pkv__segment_name name;
    char hash[65];
    bool met; /* its file was there */
};

struct pkv__verify_number {
    uint32_t lane;
    uint64_t sequence;
};

struct pkv__verify {
    const char *directory;
    bool quick;
    bool out_of_memory; /* in a question that could not be answered */
    bool indexer_runs;  /* then something may just be on its way */
    bool chain_holds;   /* without a fault */
    bool chain_unread;  /* it cannot be read */
    bool schema_told;   /* that a database has the tables of another release */
    char uuid[37];      /* of the archive; "": not known */
    pkv_progress_fn *progress;
    void *progress_context;
    uint64_t bytes_done, bytes_all;
    pkv_finding_fn *finding;
    void *finding_context;
    pkv_verify_report report;
    pkv_error *error;

    struct pkv__verify_chained *chained; /* in order of name */
    size_t chained_count, chained_capacity;
    struct pkv__segment_file *files;
    size_t file_count;
    struct pkv__verify_number *numbers; /* sequences that lanes are known to have given */
    size_t number_count, number_capacity;
    struct pkv__verify_chained
        *unproven; /* in the catalog, but not in the chain when it was read */
    size_t unproven_count, unproven_capacity;
    sqlite3 *catalog, *expected_catalog; /* NULL: none that can be read */
};

/* Tells a finding. PKV_E_CANCELED. */
int pkv__verify_say(struct pkv__verify *v, int severity, const char *path, int64_t offset,
                    const char *advice, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* Tells that something cannot be read: a finding, unless memory ran out. */
int pkv__verify_say_unreadable(struct pkv__verify *v, const char *path, int rc,
                               const pkv_error *why);

/* Moves the progress. PKV_E_CANCELED. */
int pkv__verify_poll(struct pkv__verify *v, uint64_t more_bytes);

/* Whether the archive has a file of this relative path. Where that cannot be known, it is taken to
 * be there; that memory ran out is told at the end. */
bool pkv__verify_has(struct pkv__verify *v, const char *relative);

/* A text of *error without the archive's directory in front: findings name paths themselves. */
const char *pkv__verify_reason(const struct pkv__verify *v, const char *relative,
                               const pkv_error *error);

/* verify_chain.c */
int pkv__verify_chain(struct pkv__verify *v);
struct pkv__verify_chained *pkv__verify_chain_find(const struct pkv__verify *v,
                                                   const struct pkv__segment_name *name);
int pkv__verify_note_unproven(struct pkv__verify *v, const struct pkv__segment_name *name);
int pkv__verify_unproven(struct pkv__verify *v);

/* verify_sequence.c: the lanes' numbers are read before the segments are listed. */
int pkv__verify_read_lanes(struct pkv__verify *v);
int pkv__verify_sequences(struct pkv__verify *v);

/* verify_segment.c, verify_open.c */
int pkv__verify_segment(struct pkv__verify *v, const struct pkv__segment_name *name);
int pkv__verify_open_segment(struct pkv__verify *v, const struct pkv__segment_name *name);

/* verify_twin.c: an open file beside the sealed one of its name. */
int pkv__verify_twin(struct pkv__verify *v, const struct pkv__segment_name *name);

/* verify_index.c */
int pkv__verify_index(struct pkv__verify *v, const struct pkv__segment_index *index, bool chained);

/* verify_catalog.c */
int pkv__verify_catalog_open(struct pkv__verify *v);
int pkv__verify_catalog_of(struct pkv__verify *v, const struct pkv__segment_index *index,
                           bool chained);
int pkv__verify_catalog_rest(struct pkv__verify *v);

/* verify_strangers.c */
int pkv__verify_strangers(struct pkv__verify *v);

/* verify_rows.c: the stored database against the expected one. Differences are told under `path`
 * with `advice`. */
struct pkv__verify_pair {
    sqlite3 *stored, *expected;
    const char *path, *advice;
};
/* What SQLite itself finds wrong. */
int pkv__verify_integrity(struct pkv__verify *v, const struct pkv__verify_pair *pair, bool *sound);
/* `same`: the tables are there. Their text may be that of another release: told once. */
int pkv__verify_schema(struct pkv__verify *v, const struct pkv__verify_pair *pair, bool *same);
/* Whether a table of the catalog is of segments, by name: not `meta` and `day`. */
bool pkv__verify_is_of_segments(const char *table);
/* Every table of the expected database; with a stem the rows of this name. */
int pkv__verify_tables(struct pkv__verify *v, const struct pkv__verify_pair *pair,
                       const char *stem);

#endif
