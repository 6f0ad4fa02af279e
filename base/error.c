/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill(pkv_error *error, int code, int64_t offset, const char *format, va_list arguments)
{
    error->code = code;
    error->offset = offset;
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
}

int pkv__error(pkv_error *error, int code, int64_t offset, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, offset, format, arguments);
        va_end(arguments);
    }
    return code;
}

int pkv__error_errno(pkv_error *error, int errno_value, const char *format, ...)
{
    int code = errno_value == ENOMEM ? PKV_E_MEMORY : PKV_E_SYSTEM;
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, -1, format, arguments);
        va_end(arguments);
        size_t used = strlen(error->text);
        (void)snprintf(error->text + used, sizeof error->text - used, ": %s",
                       strerrordesc_np(errno_value));
    }
    return code;
}

int pkv__error_memory(pkv_error *error)
{
    return pkv__error(error, PKV_E_MEMORY, -1, "out of memory");
}

const char *pkv_code_name(int code)
{
    static const char *const names[] = {"done",           "out of memory", "system call failed",
                                        "invalid",        "syntax error",  "bad format",
                                        "exists already", "not found",     "busy",
                                        "past a limit",   "unsupported",   "canceled"};
    if (code > 0)
        return "done";
    size_t at = (size_t)-code;
    return at < sizeof names / sizeof *names ? names[at] : "unknown";
}

const char *pkv_version(void)
{
    return PKV_VERSION;
}
