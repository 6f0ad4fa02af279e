/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads through the fault seam. They run with all signals blocked. */
#ifndef PKV_BASE_THREAD_H
#define PKV_BASE_THREAD_H

#include <pthread.h>

#include <pktvault/error.h>

int pkv__thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context,
                      pkv_error *error);
unsigned pkv__thread_processors(void); /* that this process may use; at least 1 */

#endif
