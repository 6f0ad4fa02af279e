/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "indexer/catalog.h"
#include "indexer/verify_internal.h"

#define CATALOG "catalog.sqlite"
#define ADVICE "pktvault index --rebuild makes it anew from the segments"

static struct pkv__verify_pair pair_of(const struct pkv__verify *v)
{
    return (struct pkv__verify_pair){v->catalog, v->expected_catalog, CATALOG, ADVICE};
}

static void forget(struct pkv__verify *v)
{
    pkv__database_close(v->catalog);
    v->catalog = NULL;
}

static int tell_unreadable(struct pkv__verify *v, int rc, const pkv_error *error)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(v->error);
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, CATALOG, -1, ADVICE, "%s",
                           pkv__verify_reason(v, CATALOG, error));
}

/* An archive in which no indexer has ever run has none. */
static int tell_no_catalog(struct pkv__verify *v)
{
    if (!v->chained_count)
        return 0;
    return pkv__verify_say(v, PKV_FINDING_MISSING, CATALOG, -1,
                           "pktvault index makes it anew from the segments", "is not there");
}

static int check_uuid(struct pkv__verify *v)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    pkv_error error;
    const char *uuid = NULL;
    int rc = pkv__database_prepare(&statement, v->catalog,
                                   "SELECT value FROM meta WHERE key = 'uuid'", &error);
    if (rc < 0)
        return tell_unreadable(v, rc, &error);
    int step = sqlite3_step(statement);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        return tell_unreadable(v, pkv__database_error(v->catalog, step, &error), &error);
    if (step == SQLITE_ROW)
        uuid = (const char *)sqlite3_column_text(statement, 0);
    if (uuid && (!v->uuid[0] || strcmp(uuid, v->uuid) == 0))
        return 0;
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, CATALOG, -1, ADVICE,
                           "does not name this archive, but %s", uuid ? uuid : "none");
}

/* A damaged one is told once; its rows are then not looked at. */
static int check_whole(struct pkv__verify *v)
{
    struct pkv__verify_pair pair = pair_of(v);
    bool sound, same = false;
    int rc = pkv__verify_integrity(v, &pair, &sound);
    if (rc == 0 && sound)
        rc = pkv__verify_schema(v, &pair, &same);
    if (!same)
        forget(v);
    return rc == 0 && same ? check_uuid(v) : rc;
}

int pkv__verify_catalog_open(struct pkv__verify *v)
{
    pkv_error error;
    int rc = pkv__catalog_create_temporary(&v->expected_catalog, v->error);
    if (rc < 0)
        return rc;
    rc = pkv__catalog_open_read(&v->catalog, v->directory, &error);
    if (rc == PKV_E_NOT_FOUND)
        return tell_no_catalog(v);
    return rc < 0 ? tell_unreadable(v, rc, &error) : check_whole(v);
}

/* 1: it has; 0: not; PKV_E_FORMAT: cannot be read, which comparing the rows tells. */
static int has_row(struct pkv__verify *v, const char *stem)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    if (pkv__database_prepare(&statement, v->catalog, "SELECT 1 FROM segment WHERE name = ?1",
                              NULL) < 0 ||
        sqlite3_bind_text(statement, 1, stem, -1, SQLITE_STATIC) != SQLITE_OK)
        return PKV_E_FORMAT;
    int step = sqlite3_step(statement);
    return step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : PKV_E_FORMAT;
}

/* A segment stands in the chain a moment before it does in the catalog. */
static int wait_for_row(struct pkv__verify *v, const char *stem)
{
    const struct timespec pause = {0, PKV__INDEX_WAIT_POLL_NS};
    int64_t end_ns = pkv__monotonic_ns() + PKV__VERIFY_WAIT_NS;
    int has;
    while ((has = has_row(v, stem)) == 0 && v->indexer_runs && pkv__monotonic_ns() < end_ns)
        (void)nanosleep(&pause, NULL);
    v->indexer_runs = v->indexer_runs && has;
    return has;
}

static int compare_rows(struct pkv__verify *v, const struct pkv__segment_index *index,
                        const char *stem)
{
    struct pkv__verify_pair pair = pair_of(v);
    int rc = pkv__database_exec(v->expected_catalog, "BEGIN", v->error);
    if (rc < 0)
        return rc;
    rc = pkv__catalog_put_rows(v->expected_catalog, index, v->error);
    if (rc == 0)
        rc = pkv__verify_tables(v, &pair, stem);
    int ended = pkv__database_exec(v->expected_catalog, "ROLLBACK", rc < 0 ? NULL : v->error);
    return rc < 0 ? rc : ended;
}

int pkv__verify_catalog_of(struct pkv__verify *v, const struct pkv__segment_index *index,
                           bool chained)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    if (!v->catalog)
        return 0;
    pkv__segment_stem(stem, pkv__segment_index_name(index));
    int has = chained ? wait_for_row(v, stem) : has_row(v, stem);
    if (has == 0 && chained)
        return pkv__verify_say(v, PKV_FINDING_MISSING, CATALOG, -1,
                               "pktvault index adds it, or a running indexer within a minute",
                               "has no row for the segment %s", stem);
    if (has == 0)
        return 0;
    int rc = chained ? 0 : pkv__verify_note_unproven(v, pkv__segment_index_name(index));
    return rc < 0 ? rc : compare_rows(v, index, stem);
}

/* *known: the chain has it, and tells that it is missing. */
static bool is_segment_there(struct pkv__verify *v, const char *stem, bool *known)
{
    char path[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_name name;
    *known = false;
    if (!pkv__segment_stem_parse(&name, stem))
        return false;
    *known = pkv__verify_chain_find(v, &name) != NULL;
    pkv__segment_path(path, &name, false);
    return pkv__verify_has(v, path);
}

/* Rows of segments that are not there; those of others have been compared. */
static int look_for_orphans(struct pkv__verify *v, const char *table)
{
    char sql[100];
    pkv_error error;
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT DISTINCT name FROM \"%.60s\"", table);
    int rc = pkv__database_prepare(&statement, v->catalog, sql, &error);
    if (rc < 0)
        return tell_unreadable(v, rc, &error);
    while (rc == 0) {
        int step = sqlite3_step(statement);
        if (step == SQLITE_DONE)
            return 0;
        if (step != SQLITE_ROW)
            return tell_unreadable(v, pkv__database_error(v->catalog, step, &error), &error);
        const char *stem = (const char *)sqlite3_column_text(statement, 0);
        bool known;
        if (stem && !is_segment_there(v, stem, &known))
            rc = pkv__verify_say(v, known ? PKV_FINDING_NOTE : PKV_FINDING_MISSING, CATALOG, -1,
                                 "restore the segment, or pktvault index forgets the row",
                                 "table %s has rows of %.100s, which is not there", table, stem);
    }
    return rc;
}

int pkv__verify_catalog_rest(struct pkv__verify *v)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *tables = NULL;
    if (!v->catalog)
        return 0;
    int rc = pkv__database_prepare(&tables, v->expected_catalog,
                                   "SELECT name FROM sqlite_schema WHERE type = 'table'", v->error);
    while (rc == 0 && sqlite3_step(tables) == SQLITE_ROW) {
        const char *table = (const char *)sqlite3_column_text(tables, 0);
        if (table && pkv__verify_is_of_segments(table))
            rc = look_for_orphans(v, table);
    }
    return rc;
}
