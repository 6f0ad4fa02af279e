/* SPDX-License-Identifier: BSD-2-Clause */
/* What the library is made to do while its operations fail. */
#ifndef PKV_TESTS_FAULT_SCENARIO_H
#define PKV_TESTS_FAULT_SCENARIO_H

#include "tests/fault/archive.h"

#define OLD 30u /* every archive of a scenario holds the packets 0…29, sealed and indexed */

struct outcome {
    uint32_t offered;       /* numbers from OLD on that were given to the library */
    bool must_have_all;     /* what it answered says that all of them are stored */
    bool accounts;          /* what is not stored is told as lost */
    struct reading reading; /* of a scenario that reads */
};

struct scenario {
    const char *name;
    void (*prepare)(const char *directory); /* on an archive with the old packets */
    /* With faults; then once without, which must succeed (PKV_E_EXISTS where that is success). */
    int (*act)(const char *directory, struct outcome *outcome, pkv_error *error);
    uint32_t stored; /* numbers below it are in the archive before */
    bool reads;      /* changes nothing, and answers in outcome->reading */
    bool again;      /* the second run does the same work: nothing may be there twice */
};

extern const struct scenario scenarios[];

#endif
