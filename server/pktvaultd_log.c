/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/pktvaultd_log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <pktvault/time.h>

/* Whether standard error is the journal's: JOURNAL_STREAM is passed on to whoever is started, also
 * with another standard error. See systemd.exec(5). */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char text[64];
    struct stat status;
    if (!stream || fstat(STDERR_FILENO, &status) != 0)
        return false;
    (void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    return strcmp(stream, text) == 0;
}

void pktvaultd_log(void *context, int level, const char *text)
{
    char time_text[PKV_TIME_TEXT];
    struct timespec now;
    (void)context;
    if (level >= PKV_LOG_DEBUG)
        return;
    if (is_journal()) {
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

void pktvaultd_complain(const char *format, ...)
{
    va_list arguments;
    (void)fputs(is_journal() ? "<3>" : "pktvaultd: ", stderr);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}
