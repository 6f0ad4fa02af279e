/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_CLI_STATUS_TEXT_H
#define PKV_CLI_STATUS_TEXT_H

#include "cli/range.h"

/* Print the state of an archive and what it lacks in the range. Exit status. */
int cli_status_text(const char *directory, const struct cli_range *range);
int cli_status_json(const char *directory, const struct cli_range *range);

#endif
