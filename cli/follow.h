/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_CLI_FOLLOW_H
#define PKV_CLI_FOLLOW_H

#include "cli/search.h"

/* Called for each packet; the query is that of `search`. */
typedef void cli_follow_fn(void *context, const pkv_packet *packet);

/* Searches again and again for what has arrived meanwhile, from the start of the range (none: now)
 * on, until SIGINT, SIGTERM or -c. Each search ends a moment before now, so that what is still on
 * its way is not passed by. Exit status. */
int cli_follow(struct cli_search *search, cli_follow_fn *print, void *context);

#endif
