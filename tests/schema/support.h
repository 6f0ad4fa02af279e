/* SPDX-License-Identifier: BSD-2-Clause */
/* A directory for the databases of one test. */
#ifndef PKV_TESTS_SCHEMA_SUPPORT_H
#define PKV_TESTS_SCHEMA_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/database.h"
#include "schema/page_sum.h"
#include "tests/check.h"

static char directory[] = "/tmp/pkv-schema-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    if (!mkdtemp(directory))
        return -1;
    char locks[100];
    (void)snprintf(locks, sizeof locks, "%s/locks", directory);
    return mkdir(locks, 0750);
}

static int remove_directory(void **state)
{
    (void)state;
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

/* To change it past us, but with right sums. */
static inline sqlite3 *open_with_sums(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(pkv__page_sum_vfs_register(), SQLITE_OK);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, PKV__PAGE_SUM_VFS),
                     SQLITE_OK);
    return db;
}

#endif
