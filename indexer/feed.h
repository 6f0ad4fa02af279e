/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments that are taken in while their writer, in this process, hands their blocks over: an
 * import is indexed without being read again. What is not there is read from the file once it is
 * sealed, and so is what goes wrong here. Writers' threads give, the indexer's takes. */
#ifndef PKV_INDEXER_FEED_H
#define PKV_INDEXER_FEED_H

#include "base/handover.h"
#include "indexer/intake.h"

struct pkv__feed;

int pkv__feed_new(struct pkv__feed **feed, const char *directory); /* PKV_E_MEMORY */
struct pkv__feed *pkv__feed_free(struct pkv__feed *feed);          /* NULL is fine; returns NULL */

/* A block of whatever archive; at most PKV__FED_MAX segments of this one are taken in at a time. */
void pkv__feed_give(struct pkv__feed *feed, const struct pkv__handed_block *block);

/* What was given of a segment that is sealed now, the caller's, or NULL. */
struct pkv__intake *pkv__feed_take(struct pkv__feed *feed, const struct pkv__segment_name *name);

#endif
