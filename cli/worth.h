/* SPDX-License-Identifier: BSD-2-Clause */
/* The last line of every query: what its answer is worth. */
#ifndef PKV_CLI_WORTH_H
#define PKV_CLI_WORTH_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/query.h>

#include "cli/range.h"

struct cli_worth {
    const struct cli_range *range;
    int64_t elapsed_ns;
    uint64_t stopped_at; /* of -c: the answer may go on; 0: it is complete */
    bool interrupted;    /* by a signal */
    bool strict;         /* losses and gaps count as CLI_UNREADABLE */
};

/* Whether there is nothing to tell: packets were found, nothing is missing, the range was covered.
 */
bool cli_worth_is_whole(const pkv_query *query, const struct cli_range *range);

/* Writes the line to standard error. Answers the exit status. */
int cli_worth(const pkv_query *query, const struct cli_worth *worth);

/* "2026-11-17 14:02:07-14:05:00", without the date where it is that of `day_of_ns`; two dates with
 * "to" between. */
#define CLI_STRETCH_TEXT 112
char *cli_stretch(char text[CLI_STRETCH_TEXT], int64_t from_ns, int64_t until_ns, int64_t day_of_ns,
                  int utc);

/* "kernel", "buffer", "disk", "refused" for losses. */
const char *cli_missing_cause(int cause);

#endif
