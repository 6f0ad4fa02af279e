/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes wrong, on standard error: "pktvault COMMAND: text". */
#ifndef PKV_CLI_COMPLAIN_H
#define PKV_CLI_COMPLAIN_H

#include <pktvault/options.h>

void cli_complain_as(const char *command);

void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Complains and points to --help. Answers CLI_USAGE. */
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Complains of an error of the library and answers the exit status that belongs to its code. A
 * syntax error shows `text`, which the user wrote (NULL: not his text), with a mark below the
 * column; a limit that his text is past is wrong usage. */
int cli_fail(const pkv_error *error, const char *text);

/* The library's log: warnings and worse, everything when *verbose (an int) is not 0. */
void cli_log(void *verbose, int level, const char *text);

#endif
