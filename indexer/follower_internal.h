/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of the follower: the look at the archive, one sealed segment, open segments, what is
 * done. */
#ifndef PKV_INDEXER_FOLLOWER_INTERNAL_H
#define PKV_INDEXER_FOLLOWER_INTERNAL_H

#include "archive/chain.h"
#include "base/limits.h"
#include "indexer/catalog.h"
#include "indexer/feed.h"
#include "indexer/follower.h"
#include "indexer/intake.h"
#include "indexer/intern.h"

struct pkv__followed {
    struct pkv__segment_name name;
    struct pkv__intake *intake;
};

struct pkv__follower {
    char *directory;
    const pkv_options *options;
    struct pkv__feed *feed; /* NULL: none */
    struct pkv__catalog *catalog;
    struct pkv__chain *chain; /* NULL: cannot be opened; everything else goes on */
    struct pkv__intern *done, *failing,
        *left_alone; /* sets of segment names; failing: until the next recheck;
                        left_alone: open, to be read only once they are sealed */
    struct pkv__followed followed[PKV__FOLLOWED_MAX];
    unsigned followed_count;
    int64_t next_full_ns, next_recheck_ns; /* monotonic */
    struct pkv__archive_day *days;         /* as the last full listing found them, or before it */
    size_t day_count;
    int64_t settled_ns; /* a day that was changed later may have changed again since its stamp */
    struct pkv__archive_day *noted; /* days that are noted as listed in full */
    size_t noted_count;
    bool days_noted;                   /* `noted` is what locks/days holds */
    struct pkv__intern *unlisted_told; /* dates of directories that the log names, until the next
                                          recheck */
    pkv_index_report report;
    /* of the step at hand */
    char (*unlisted)[9]; /* dates of directories that cannot be listed */
    size_t unlisted_count, unlisted_capacity;
    pkv_error unlisted_why; /* of the first; code 0: none */
    pkv_progress_fn *progress;
    void *progress_context;
    uint64_t step_done, step_all;
};

/* Sets of names. */
int pkv__follower_remember(struct pkv__intern *set, const struct pkv__segment_name *name);
bool pkv__follower_knows(const struct pkv__intern *set, const struct pkv__segment_name *name);

/* Whether a directory that could not be listed may hold the segments of a day, "20261122…". */
bool pkv__follower_is_unlisted(const struct pkv__follower *f, const char *day);

/* PKV_E_CANCELED when the caller wants to stop. */
int pkv__follower_poll(struct pkv__follower *f, pkv_error *error);

/* Makes index, chain and catalog of a sealed segment. */
int pkv__follower_take(struct pkv__follower *f, const struct pkv__segment_name *name,
                       pkv_error *error);

/* Open segments. `seal`: 1 if it is sealed now, since its writer is dead; 0 not. */
int pkv__follower_seal_dead(struct pkv__follower *f, const struct pkv__segment_name *name,
                            pkv_error *error);
int pkv__follower_follow(struct pkv__follower *f, const struct pkv__segment_name *name,
                         pkv_error *error);
int pkv__follower_advance(struct pkv__follower *f, pkv_error *error);
/* The intake of a segment that was followed, now the caller's, or NULL. */
struct pkv__intake *pkv__follower_unfollow(struct pkv__follower *f,
                                           const struct pkv__segment_name *name);

/* Finds out what is done by looking; removes what the catalog has of segments that are no more.
 * `files`: all. */
int pkv__follower_recheck(struct pkv__follower *f, const struct pkv__segment_file *files,
                          size_t count, pkv_error *error);

/* Notes in the catalog the days of which it has all segments. `files`: all, listed after f->days
 * was filled in. */
void pkv__follower_note_days(struct pkv__follower *f, const struct pkv__segment_file *files,
                             size_t count);
void pkv__follower_forget_days(struct pkv__follower *f); /* what was noted is to be noted again */

/* Opens catalog and chain if they are not. */
int pkv__follower_open_catalog(struct pkv__follower *f, pkv_error *error);
void pkv__follower_open_chain(struct pkv__follower *f);

#endif
