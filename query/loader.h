/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads blocks: on the caller's thread, and ahead of their use on threads that are started once a
 * query has more than a few of them. What is read ahead is bounded in number, and so are the files
 * that are open: one a thread. */
#ifndef PKV_QUERY_LOADER_H
#define PKV_QUERY_LOADER_H

#include "query/run.h"

struct pkv__loader;

/* Where the segment of a plan lies now; free with pkv__free. NULL: out of memory. From any thread.
 */
typedef char *pkv__loader_path_fn(void *context, const struct pkv__plan *plan);

int pkv__loader_new(struct pkv__loader **loader, pkv__loader_path_fn *path, void *context);

/* The blocks of a plan are taken in order, each once. Errors and *run as pkv__run_load; `request`
 * lasts until the plan's last block was taken or dropped. */
int pkv__loader_take(struct pkv__loader *loader, struct pkv__plan *plan, size_t block,
                     const struct pkv__plan_request *request, struct pkv__run **run,
                     uint64_t *checked, pkv_error *error);

/* Nothing of the plan, or with NULL of any plan, is being read afterwards; segments may then have
 * other numbers. */
void pkv__loader_drop(struct pkv__loader *loader, struct pkv__plan *plan);

struct pkv__loader *pkv__loader_free(struct pkv__loader *loader); /* NULL is fine; returns NULL */

#endif
