/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKV_QUERY_INDEX_INTERNAL_H
#define PKV_QUERY_INDEX_INTERNAL_H

#include "query/index_file.h"

/* Times as index.sql has them: differences that did not fit wrapped around. */
static inline int64_t pkv__index_plus(int64_t ns, int64_t after_ns)
{
    return (int64_t)((uint64_t)ns + (uint64_t)after_ns);
}

/* Steps and answers 1 for a row, 0 behind the last. */
int pkv__index_step(struct pkv__index_file *file, sqlite3_stmt *statement);
int pkv__index_damaged(struct pkv__index_file *file, const char *what);
/* The statement, prepared if need be, bound to an id and ready to step. */
int pkv__index_look_up(struct pkv__index_file *file, sqlite3_stmt **statement, const char *sql,
                       int64_t id);
int pkv__index_host(struct pkv__index_file *file, int64_t id, struct pkv__address *address);
/* Reads all hosts at once, for a walk over every flow. */
int pkv__index_read_hosts(struct pkv__index_file *file);

#endif
