/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_BASE_CLOCK_H
#define PKV_BASE_CLOCK_H

#include <stdint.h>

int64_t pkv__clock_ns(void);     /* CLOCK_REALTIME since the epoch */
int64_t pkv__monotonic_ns(void); /* CLOCK_MONOTONIC */

/* What these answer in the place of the clock's reading. Set by tests only. */
extern int64_t (*pkv__clock_hook)(int64_t reading_ns);
extern int64_t (*pkv__monotonic_hook)(int64_t reading_ns);

#define PKV__NS_PER_S 1000000000ll

#endif
