/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * PKV__NS_PER_S + now.tv_nsec;
}

int64_t pkv__clock_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t pkv__monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}
