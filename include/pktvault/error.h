/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_ERROR_H
#define PKTVAULT_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PKV_API __attribute__((visibility("default")))
#else
#define PKV_API
#endif

/* Every function of the library answers 0 when it is done, one of these when it failed, and a
 * positive number for an outcome that its own description names. Outputs are untouched on failure,
 * but for reports that say how far it came. */
enum pkv_code {
    PKV_OK = 0,
    PKV_E_MEMORY = -1,  /* an allocation failed */
    PKV_E_SYSTEM = -2,  /* a system call failed; the text names it, the file and errno's meaning */
    PKV_E_INVALID = -3, /* an argument, option or configuration that cannot be */
    PKV_E_SYNTAX =
        -4, /* a filter expression, time or configuration; offset is the column or line */
    PKV_E_FORMAT =
        -5, /* stored data or a capture file is not what it should be; offset is the byte */
    PKV_E_EXISTS = -6,       /* it is there already */
    PKV_E_NOT_FOUND = -7,    /* no such archive, file, interface or name */
    PKV_E_BUSY = -8,         /* another process holds it; the text names what */
    PKV_E_LIMIT = -9,        /* past a limit of docs/OPERATIONS.md */
    PKV_E_UNSUPPORTED = -10, /* well-formed, but not something pktvault reads or writes */
    PKV_E_CANCELED = -11     /* the caller asked to stop */
};

/* What went wrong, for a person and for a program. Filled in by the function that fails; a caller
 * may pass NULL. The text is one line without a full stop. */
typedef struct pkv_error {
    int code;       /* enum pkv_code */
    int64_t offset; /* byte or column (from 0), or line (from 1), by code; -1: none */
    char text[500];
} pkv_error;

/* "system call failed" and so on: a constant string for a code. */
PKV_API const char *pkv_code_name(int code);

/* The version of the library, such as "0.1.0". */
PKV_API const char *pkv_version(void);

/* Log levels: syslog's numbers. */
enum pkv_level { PKV_LOG_ERROR = 3, PKV_LOG_WARNING = 4, PKV_LOG_INFO = 6, PKV_LOG_DEBUG = 7 };

/* Receives a line of log. Called from any thread of the library, one call at a time for one object.
 */
typedef void pkv_log_fn(void *context, int level, const char *text);

#ifdef __cplusplus
}
#endif
#endif
