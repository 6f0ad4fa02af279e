/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fault/inject.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/fault.h"
#include "tests/fault/inject_sqlite.h"

const char *const inject_kind_name[INJECT_KINDS] = {"files", "memory", "threads", "SQLite files",
                                                    "SQLite memory"};

static atomic_bool armed, for_good;
static atomic_int armed_kind;
static atomic_long fail_at, calls, failed;
static const char *_Atomic operation_name;

bool inject_now(enum inject_kind kind, const char *operation)
{
    if (!atomic_load(&armed) || atomic_load(&armed_kind) != (int)kind)
        return false;
    long number = atomic_fetch_add(&calls, 1) + 1, at = atomic_load(&fail_at);
    if (number < at || (number > at && !atomic_load(&for_good)))
        return false;
    if (atomic_fetch_add(&failed, 1) == 0)
        atomic_store(&operation_name, operation);
    return true;
}

static int hook(const char *operation)
{
    static const struct {
        const char *operation;
        enum inject_kind kind;
        int failure;
    } known[] = {{"alloc", INJECT_MEMORY, ENOMEM}, {"thread", INJECT_THREADS, EAGAIN},
                 {"write", INJECT_FILES, ENOSPC},  {"open", INJECT_FILES, EMFILE},
                 {"lock", INJECT_FILES, ENOLCK},   {"mkdir", INJECT_FILES, ENOSPC},
                 {"rename", INJECT_FILES, EROFS},  {"", INJECT_FILES, EIO}};
    size_t i = 0;
    while (*known[i].operation && strcmp(known[i].operation, operation) != 0)
        i++;
    return inject_now(known[i].kind, operation) ? known[i].failure : 0;
}

void inject_install(void)
{
    inject_sqlite_install();
    pkv__fault_hook = hook;
}

void inject_arm(enum inject_kind kind, long number, bool good)
{
    atomic_store(&armed_kind, (int)kind);
    atomic_store(&fail_at, number);
    atomic_store(&for_good, good);
    atomic_store(&calls, 0);
    atomic_store(&failed, 0);
    atomic_store(&operation_name, "nothing");
    atomic_store(&armed, true);
}

void inject_disarm(void)
{
    atomic_store(&armed, false);
}

long inject_calls(void)
{
    return atomic_load(&calls);
}

long inject_failed(void)
{
    return atomic_load(&failed);
}

const char *inject_operation(void)
{
    return atomic_load(&operation_name);
}
