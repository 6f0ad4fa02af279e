/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers in text, as configuration and options have them. */
#ifndef PKV_BASE_TEXT_H
#define PKV_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits alone, all of [text, text + length). False: none, another character, or more than `limit`.
 */
bool pkv__text_number(uint64_t *number, const char *text, size_t length, uint64_t limit);

/* "4096", "64K", "256M", "10G", "1T": powers of 1024. */
bool pkv__text_size(int64_t *bytes, const char *text);

/* "yes", "no", "true", "false", "on", "off", "1", "0". */
bool pkv__text_boolean(bool *value, const char *text);

#endif
