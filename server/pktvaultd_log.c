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

enum { COMPLAINT_MAX = 8192 }; /* two paths of any length */

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

/* Names of files and what stands in files may be in any message: what steers a terminal (C0, DEL
 * and, in UTF-8, C1) is a question mark. */
static void put_safe(const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
        bool is_c1 = s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0;
        (void)fputc(is_c1 || *s < 0x20 || *s == 0x7f ? '?' : *s, stderr);
        s += is_c1;
    }
    (void)fputc('\n', stderr);
}

void pktvaultd_log(void *context, int level, const char *text)
{
    char time_text[PKV_TIME_TEXT];
    struct timespec now;
    (void)context;
    if (level >= PKV_LOG_DEBUG)
        return;
    if (is_journal()) {
        (void)fprintf(stderr, "<%d>", level);
        put_safe(text);
        return;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)pkv_time_format(time_text, now.tv_sec * 1000000000ll + now.tv_nsec, 3, 0);
    (void)fprintf(stderr, "%s pktvaultd: ", time_text);
    put_safe(text);
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
    char text[COMPLAINT_MAX];
    va_list arguments;
    (void)fputs(is_journal() ? "<3>" : "pktvaultd: ", stderr);
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_safe(text);
}
