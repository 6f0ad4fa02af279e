/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_CLI_EXPLAIN_H
#define PKV_CLI_EXPLAIN_H

#include "cli/search.h"

/* Prints what a search that has run took to answer. */
void cli_explain(const struct cli_search *search);

#endif
