/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <time.h>

int64_t (*pkv__clock_hook)(int64_t reading_ns);
int64_t (*pkv__monotonic_hook)(int64_t reading_ns);

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * PKV__NS_PER_S + now.tv_nsec;
}

int64_t pkv__clock_ns(void)
{
    int64_t now_ns = read_clock(CLOCK_REALTIME);
    return __builtin_expect(pkv__clock_hook != 0, 0) ? pkv__clock_hook(now_ns) : now_ns;
}

int64_t pkv__monotonic_ns(void)
{
    int64_t now_ns = read_clock(CLOCK_MONOTONIC);
    return __builtin_expect(pkv__monotonic_hook != 0, 0) ? pkv__monotonic_hook(now_ns) : now_ns;
}
