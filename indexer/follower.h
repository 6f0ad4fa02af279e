/* SPDX-License-Identifier: BSD-2-Clause */
/* The one mechanism that makes index, chain and catalog from segments: live, catching up, after a
 * crash, on a rebuild. A segment is done when its index file, its line in chain.log and its rows in
 * the catalog are there; they are made in this order, and all again if one of them is missing, so a
 * crash between any two is finished by the next run. The caller holds the indexer's lock. One
 * thread. */
#ifndef PKV_INDEXER_FOLLOWER_H
#define PKV_INDEXER_FOLLOWER_H

#include <stdbool.h>

#include <pktvault/indexer.h>

struct pkv__follower;

/* Errors: PKV_E_SYSTEM, PKV_E_MEMORY. The options are used until the follower is freed. */
int pkv__follower_new(struct pkv__follower **follower, const char *directory,
                      const pkv_options *options, pkv_error *error);
struct pkv__follower *
pkv__follower_free(struct pkv__follower *follower); /* NULL is fine; returns NULL */

struct pkv__feed;
/* Segments that are fed are not read again; the feed lives longer than the follower. */
void pkv__follower_use(struct pkv__follower *follower, struct pkv__feed *feed);

/* One look at the archive: seals what dead writers left and takes in whatever is not done. With
 * `live`, open segments of living writers are read as they grow, so that little is left to do when
 * they are sealed. `progress` (may be NULL) is asked often. What fails is logged, and the first
 * such error returned when the rest is done; it is tried again later. PKV_E_CANCELED. */
int pkv__follower_step(struct pkv__follower *follower, bool live, pkv_progress_fn *progress,
                       void *context, pkv_error *error);

/* The next look tries again what failed, and lists every day: else both are done after a while. */
void pkv__follower_try_again(struct pkv__follower *follower);

void pkv__follower_report(const struct pkv__follower *follower, pkv_index_report *report);

/* Deletes what can be made again: index files and catalog. */
int pkv__follower_forget(const char *directory, pkv_error *error);

#endif
