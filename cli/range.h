/* SPDX-License-Identifier: BSD-2-Clause */
/* The time range of -S, -U and --at, and how times are printed. */
#ifndef PKV_CLI_RANGE_H
#define PKV_CLI_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/time.h>

struct cli_range {
    const char *since, *until, *at; /* as the user wrote them; NULL: not given */
    int utc;                        /* --utc, or a local zone that is UTC */
    int64_t since_ns, until_ns;     /* [since, until) */
};

/* Reads the words. Exit status. */
int cli_range_settle(struct cli_range *range);

#endif
