/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_TESTS_FAULT_INJECT_SQLITE_H
#define PKV_TESTS_FAULT_INJECT_SQLITE_H

#include "tests/fault/inject.h"

/* Whether this operation shall fail; counts it. */
bool inject_now(enum inject_kind kind, const char *operation);

void inject_sqlite_install(void);

#endif
