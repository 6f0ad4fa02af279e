/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_CLI_FOLLOW_H
#define PKV_CLI_FOLLOW_H

#include "cli/search.h"

/* Takes each packet, and NULL at the end of each search; the query is that of the search. Non-zero:
 * no more. */
typedef int cli_follow_fn(void *context, const pkv_packet *packet);

/* Searches again and again for what has arrived meanwhile, from the start of the range (none: now)
 * on, until SIGINT, SIGTERM, -c, or `take` wants no more. Each search ends a moment before now, so
 * that packets come in order; what is written later than that comes with a later search. *given:
 * how many packets. Exit status; search->worst says what the answers were worth. */
int cli_follow(struct cli_search *search, cli_follow_fn *take, void *context, uint64_t *given);

#endif
