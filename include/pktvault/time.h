/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_TIME_H
#define PKTVAULT_TIME_H

#include <stdint.h>

#include <pktvault/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PKV_TIME_MIN INT64_MIN /* since the beginning */
#define PKV_TIME_MAX INT64_MAX /* until the end of time */

/* Reads a time as people and programs write it: RFC 3339 (a space for the T, no seconds, no zone:
 * local),
 * "+0000", "@1763388202.118234", bare epoch seconds with a fraction (Zeek), "today", "yesterday",
 * "now", "-2h", "2h ago", a clock alone ("14:03": today, or the day of base_ns where that is not
 * PKV_TIME_MIN). A pcapng or text output of pktvault reads back to the same nanosecond. Errors:
 * PKV_E_SYNTAX, offset is the column. */
PKV_API int pkv_time_parse(int64_t *time_ns, const char *text, int64_t base_ns, int utc,
                           pkv_error *error);

/* "500ms", "5s", "10m", "1h30m", "2d", "1w". Errors: PKV_E_SYNTAX, negative or past 292 years. */
PKV_API int pkv_duration_parse(int64_t *duration_ns, const char *text, pkv_error *error);

/* RFC 3339 with `digits` (0 to 9) of fraction, in UTC ("…Z") or local time ("…+01:00"). Returns
 * `text`, always ended. */
#define PKV_TIME_TEXT 48
PKV_API char *pkv_time_format(char text[PKV_TIME_TEXT], int64_t time_ns, int digits, int utc);

#ifdef __cplusplus
}
#endif
#endif
