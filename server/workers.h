/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads that compress blocks, for all lanes of a recorder or writer. */
#ifndef PKV_SERVER_WORKERS_H
#define PKV_SERVER_WORKERS_H

#include "server/pool.h"

struct pkv__workers;

/* Errors: PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__workers_new(struct pkv__workers **workers, unsigned count, pkv_error *error);
/* Ends the threads; nothing is queued any more. NULL is fine; returns NULL. */
struct pkv__workers *pkv__workers_free(struct pkv__workers *workers);

/* Hands a raw block over; a worker turns it into its stored form and calls block->compressed. It
 * may rest until some more have come, unless it is to be done `at_once`. */
void pkv__workers_submit(struct pkv__workers *workers, struct pkv__block *block, bool at_once);

/* A thread that runs this gives up the network capabilities that it may have inherited. */
void pkv__workers_drop_capabilities(void);

#endif
