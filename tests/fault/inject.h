/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes operation number N of a kind fail, once or from then on for good: the library's through its
 * seam (base/fault.h), SQLite's through a VFS and an allocator of the test's own. */
#ifndef PKV_TESTS_FAULT_INJECT_H
#define PKV_TESTS_FAULT_INJECT_H

#include <stdbool.h>

enum inject_kind {
    INJECT_FILES,  /* open, read, write, sync, rename, lock, mkdir … */
    INJECT_MEMORY, /* allocations */
    INJECT_THREADS,
    INJECT_SQLITE_FILES,
    INJECT_SQLITE_MEMORY,
    INJECT_KINDS
};

extern const char *const inject_kind_name[INJECT_KINDS];

/* Once, before anything uses SQLite. */
void inject_install(void);

void inject_arm(enum inject_kind kind, long number, bool for_good);
void inject_disarm(void);

/* Since inject_arm: operations of the kind, and those of them that were made to fail. */
long inject_calls(void);
long inject_failed(void);
/* The library's name of the operation that failed first; for a message. */
const char *inject_operation(void);

#endif
