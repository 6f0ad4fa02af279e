/* SPDX-License-Identifier: BSD-2-Clause */
/* Log lines on standard error: with syslog's priority for the journal, else with the time. */
#ifndef PKTVAULTD_LOG_H
#define PKTVAULTD_LOG_H

#include <pktvault/error.h>

void pktvaultd_log(void *context, int level,
                   const char *text); /* a pkv_log_fn; context is not used */
void pktvaultd_say(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What is wrong with the arguments or the configuration: an error, without a time. */
void pktvaultd_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
