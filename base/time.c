/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static void split(int64_t time_ns, time_t *seconds, int64_t *fraction_ns)
{
    int64_t whole = time_ns / PKV__NS_PER_S;
    int64_t rest = time_ns % PKV__NS_PER_S;
    if (rest < 0) {
        rest += PKV__NS_PER_S;
        whole--;
    }
    *seconds = (time_t)whole;
    *fraction_ns = rest;
}

char *pkv_time_format(char text[PKV_TIME_TEXT], int64_t time_ns, int digits, int utc)
{
    time_t seconds;
    int64_t fraction;
    struct tm tm;
    split(time_ns, &seconds, &fraction);
    if (!(utc ? gmtime_r(&seconds, &tm) : localtime_r(&seconds, &tm))) {
        (void)snprintf(text, PKV_TIME_TEXT, "@%lld", (long long)seconds);
        return text;
    }
    char part[11] = "", zone[8] = "Z";
    if (digits > 9)
        digits = 9;
    if (digits > 0) {
        (void)snprintf(part, sizeof part, ".%09d", (int)fraction);
        part[digits + 1] = 0;
    }
    if (!utc) {
        long minutes = tm.tm_gmtoff / 60;
        (void)snprintf(zone, sizeof zone, "%c%02d:%02d", minutes < 0 ? '-' : '+',
                       (int)(labs(minutes) / 60 % 100), (int)(labs(minutes) % 60));
    }
    (void)snprintf(text, PKV_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%s%s",
                   (int)(tm.tm_year + 1900ll), tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                   tm.tm_sec, part, zone);
    return text;
}
