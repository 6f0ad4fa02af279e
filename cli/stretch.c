/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/worth.h"

enum { DATE_LENGTH = 10, CLOCK_AT = 11, CLOCK_LENGTH = 8 };

static void moment(char text[PKV_TIME_TEXT], int64_t time_ns, int utc)
{
    if (time_ns == PKV_TIME_MIN || time_ns == PKV_TIME_MAX)
        (void)snprintf(text, PKV_TIME_TEXT, "%s",
                       time_ns == PKV_TIME_MIN ? "the beginning" : "now");
    else
        (void)pkv_time_format(text, time_ns, 0, utc);
}

static bool is_open(int64_t time_ns)
{
    return time_ns == PKV_TIME_MIN || time_ns == PKV_TIME_MAX;
}

char *cli_stretch(char text[CLI_STRETCH_TEXT], int64_t from_ns, int64_t until_ns, int64_t day_of_ns,
                  int utc)
{
    char from[PKV_TIME_TEXT], until[PKV_TIME_TEXT], day[PKV_TIME_TEXT];
    moment(from, from_ns, utc);
    moment(until, until_ns, utc);
    moment(day, day_of_ns, utc);
    if (is_open(from_ns) || is_open(until_ns)) {
        (void)snprintf(text, CLI_STRETCH_TEXT, "%s to %s", from, until);
        return text;
    }
    bool one_day = strncmp(from, until, DATE_LENGTH) == 0;
    bool that_day = one_day && strncmp(from, day, DATE_LENGTH) == 0;
    if (!one_day)
        (void)snprintf(text, CLI_STRETCH_TEXT, "%.*s %.*s to %.*s %.*s", DATE_LENGTH, from,
                       CLOCK_LENGTH, from + CLOCK_AT, DATE_LENGTH, until, CLOCK_LENGTH,
                       until + CLOCK_AT);
    else
        (void)snprintf(text, CLI_STRETCH_TEXT, "%.*s%s%.*s-%.*s", that_day ? 0 : DATE_LENGTH, from,
                       that_day ? "" : " ", CLOCK_LENGTH, from + CLOCK_AT, CLOCK_LENGTH,
                       until + CLOCK_AT);
    return text;
}

const char *cli_missing_cause(int cause)
{
    static const char *const NAMES[] = {"kernel", "buffer", "disk", "refused"};
    return cause >= PKV_MISSING_KERNEL && cause <= PKV_MISSING_REFUSED ? NAMES[cause] : "";
}
