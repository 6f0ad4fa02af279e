/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/range.h"

#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/text.h"

#define AROUND_NS (30ll * 1000000000)

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return b < 0 ? PKV_TIME_MIN : PKV_TIME_MAX;
    return sum;
}

static int settle_at(struct cli_range *range)
{
    pkv_error error;
    char time[256];
    int64_t middle_ns, around_ns = AROUND_NS;
    const char *slash = strrchr(range->at, '/');
    size_t length = slash ? (size_t)(slash - range->at) : strlen(range->at);
    if (range->since || range->until)
        return cli_usage("--at goes without -S and -U");
    (void)snprintf(time, sizeof time, "%.*s", (int)(length < 255 ? length : 255), range->at);
    if (pkv_time_parse(&middle_ns, time, PKV_TIME_MIN, range->utc, &error) < 0)
        return cli_fail(&error, time);
    if (slash && pkv_duration_parse(&around_ns, slash + 1, &error) < 0)
        return cli_fail(&error, slash + 1);
    range->since_ns = add(middle_ns, -around_ns);
    range->until_ns = add(middle_ns, around_ns);
    return CLI_DONE;
}

int cli_range_settle(struct cli_range *range)
{
    pkv_error error;
    range->utc = range->utc || cli_zone_is_utc();
    range->since_ns = PKV_TIME_MIN;
    range->until_ns = PKV_TIME_MAX;
    if (range->at)
        return settle_at(range);
    if (range->since &&
        pkv_time_parse(&range->since_ns, range->since, PKV_TIME_MIN, range->utc, &error) < 0)
        return cli_fail(&error, range->since);
    if (range->until &&
        pkv_time_parse(&range->until_ns, range->until, range->since_ns, range->utc, &error) < 0)
        return cli_fail(&error, range->until);
    if (range->since_ns >= range->until_ns)
        return cli_usage("the range is empty: -S %s is not before -U %s",
                         range->since ? range->since : "(the beginning)",
                         range->until ? range->until : "(the end)");
    return CLI_DONE;
}
