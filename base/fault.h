/* SPDX-License-Identifier: BSD-2-Clause */
/* The seam of the fault tests: every allocation, file operation and thread creation asks here
 * first. */
#ifndef PKV_BASE_FAULT_H
#define PKV_BASE_FAULT_H

/* The errno with which the operation ("alloc", "write", "fsync", "thread" …) shall fail now, or 0.
 * Set by tests only. */
extern int (*pkv__fault_hook)(const char *operation);

static inline int pkv__fault(const char *operation)
{
    return __builtin_expect(pkv__fault_hook != 0, 0) ? pkv__fault_hook(operation) : 0;
}

#endif
