/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/pktvaultd_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <pktvault/time.h>

void pktvaultd_log(void *context, int level, const char *text)
{
    char time_text[PKV_TIME_TEXT];
    struct timespec now;
    (void)context;
    if (level >= PKV_LOG_DEBUG)
        return;
    if (getenv("JOURNAL_STREAM")) {
        (void)fprintf(stderr, "<%d>%s\n", level, text);
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)pkv_time_format(time_text, now.tv_sec * 1000000000ll + now.tv_nsec, 3, 0);
    (void)fprintf(stderr, "%s pktvaultd: %s\n", time_text, text);
}

void pktvaultd_say(int level, const char *format, ...)
{
    char text[1000];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pktvaultd_log(NULL, level, text);
}
