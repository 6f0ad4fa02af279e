/* SPDX-License-Identifier: BSD-2-Clause */
/* cmocka with the headers that it wants before it. */
#ifndef PKV_TESTS_CHECK_H
#define PKV_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 0 expected of a function that fills in `error`: says the error's text if not. */
#define assert_done(rc, error)                                                                     \
    do {                                                                                           \
        int rc_ = (rc);                                                                            \
        if (rc_ != 0)                                                                              \
            fail_msg("%s: %d: %s", #rc, rc_, (error).text);                                        \
    } while (0)

#endif
