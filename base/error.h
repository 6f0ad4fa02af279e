/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_BASE_ERROR_H
#define PKV_BASE_ERROR_H

#include <pktvault/error.h>

/* Fills in *error (NULL is fine) and returns `code`. */
int pkv__error(pkv_error *error, int code, int64_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* PKV_E_SYSTEM (or PKV_E_MEMORY for ENOMEM from malloc) with ": " and errno's meaning appended. */
int pkv__error_errno(pkv_error *error, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int pkv__error_memory(pkv_error *error);

#endif
