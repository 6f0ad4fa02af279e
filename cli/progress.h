/* SPDX-License-Identifier: BSD-2-Clause */
/* A line on a terminal that shows how far something is which takes longer than a second. */
#ifndef PKV_CLI_PROGRESS_H
#define PKV_CLI_PROGRESS_H

#include <signal.h>
#include <stdint.h>

/* Starts the clock. `what` begins the line and lives until the next begin. */
void cli_progress_begin(const char *what);
/* Shows `done` of `all` (0: unknown), now and then. A pkv_progress_fn: stops where a signal asked
 * to. */
int cli_progress(void *is_bytes, uint64_t done, uint64_t all);
void cli_progress_clear(void); /* takes the line away */

/* SIGINT and SIGTERM set this; the second one ends the program. */
extern volatile sig_atomic_t cli_interrupted;
void cli_interrupt_catch(void (*also)(void)); /* called in the handler; NULL: nothing */

#endif
