/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "indexer/verify_internal.h"

#define SQL_TEXT 200

static int damage(struct pkv__verify *v, const struct pkv__verify_pair *pair, const char *text)
{
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, pair->path, -1, pair->advice, "%s", text);
}

/* What SQLite says of the stored database, unless memory is what it lacks. */
static int cannot_read(struct pkv__verify *v, const struct pkv__verify_pair *pair, int rc,
                       const pkv_error *error)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(v->error);
    return damage(v, pair, pkv__verify_reason(v, pair->path, error));
}

int pkv__verify_integrity(struct pkv__verify *v, const struct pkv__verify_pair *pair, bool *sound)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    pkv_error error;
    *sound = false;
    int rc = pkv__database_prepare(&statement, pair->stored, "PRAGMA integrity_check(1)", &error);
    if (rc < 0)
        return cannot_read(v, pair, rc, &error);
    int step = sqlite3_step(statement);
    if (step != SQLITE_ROW)
        return cannot_read(v, pair, pkv__database_error(pair->stored, step, &error), &error);
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    *sound = text && strcmp(text, "ok") == 0;
    return *sound ? 0 : damage(v, pair, text ? text : "the integrity check says nothing");
}

static bool same_value(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    int type = sqlite3_column_type(a, column);
    if (type != sqlite3_column_type(b, column))
        return false;
    if (type == SQLITE_INTEGER)
        return sqlite3_column_int64(a, column) == sqlite3_column_int64(b, column);
    if (type == SQLITE_NULL)
        return true;
    const void *x = sqlite3_column_blob(a, column), *y = sqlite3_column_blob(b, column);
    int length = sqlite3_column_bytes(a, column);
    return length == sqlite3_column_bytes(b, column) &&
           (length == 0 || (x && y && memcmp(x, y, (size_t)length) == 0));
}

static bool same_columns(sqlite3_stmt *stored, sqlite3_stmt *expected)
{
    int count = sqlite3_column_count(expected);
    if (sqlite3_column_count(stored) != count)
        return false;
    for (int column = 0; column < count; column++) {
        const char *is = sqlite3_column_name(stored, column);
        const char *should = sqlite3_column_name(expected, column);
        if (!is || !should || strcmp(is, should) != 0)
            return false;
    }
    return true;
}

/* The first column that differs, or -1. */
static int different_column(sqlite3_stmt *stored, sqlite3_stmt *expected)
{
    int count = sqlite3_column_count(expected);
    for (int column = 0; column < count; column++)
        if (!same_value(stored, expected, column))
            return column;
    return -1;
}

static int tell_difference(struct pkv__verify *v, const struct pkv__verify_pair *pair,
                           const char *table, uint64_t row, sqlite3_stmt *stored,
                           sqlite3_stmt *expected, int column)
{
    const char *name = sqlite3_column_name(expected, column);
    if (sqlite3_column_type(stored, column) == SQLITE_INTEGER &&
        sqlite3_column_type(expected, column) == SQLITE_INTEGER)
        return pkv__verify_say(v, PKV_FINDING_DAMAGE, pair->path, -1, pair->advice,
                               "table %s, row %" PRIu64 ": %s is %lld, by the segment %lld", table,
                               row, name, (long long)sqlite3_column_int64(stored, column),
                               (long long)sqlite3_column_int64(expected, column));
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, pair->path, -1, pair->advice,
                           "table %s, row %" PRIu64 ": %s is not what the segment gives", table,
                           row, name ? name : "a column");
}

/* Both statements row by row up to the first difference, which says enough. */
static int compare(struct pkv__verify *v, const struct pkv__verify_pair *pair, const char *table,
                   sqlite3_stmt *stored, sqlite3_stmt *expected)
{
    for (uint64_t row = 1;; row++) {
        pkv_error error;
        int is = sqlite3_step(stored), should = sqlite3_step(expected), column;
        if (should != SQLITE_ROW && should != SQLITE_DONE)
            return pkv__database_error(pair->expected, should, v->error);
        if (is != SQLITE_ROW && is != SQLITE_DONE)
            return cannot_read(v, pair, pkv__database_error(pair->stored, is, &error), &error);
        if (is != should)
            return pkv__verify_say(v, PKV_FINDING_DAMAGE, pair->path, -1, pair->advice,
                                   "table %s has %s rows than the segment gives", table,
                                   is == SQLITE_ROW ? "more" : "fewer");
        if (is == SQLITE_DONE)
            return 0;
        column = different_column(stored, expected);
        if (column >= 0)
            return tell_difference(v, pair, table, row, stored, expected, column);
        if (row % 4096 == 0 && pkv__verify_poll(v, 0) < 0)
            return PKV_E_CANCELED;
    }
}

static int compare_selects(struct pkv__verify *v, const struct pkv__verify_pair *pair,
                           const char *table, const char *sql, const char *stem)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *stored = NULL, *expected = NULL;
    pkv_error error;
    int rc = pkv__database_prepare(&expected, pair->expected, sql, v->error);
    if (rc < 0)
        return rc;
    rc = pkv__database_prepare(&stored, pair->stored, sql, &error);
    if (rc < 0)
        return cannot_read(v, pair, rc, &error);
    if (stem && (sqlite3_bind_text(stored, 1, stem, -1, SQLITE_STATIC) != SQLITE_OK ||
                 sqlite3_bind_text(expected, 1, stem, -1, SQLITE_STATIC) != SQLITE_OK))
        return pkv__error_memory(v->error);
    if (!same_columns(stored, expected))
        return pkv__verify_say(v, PKV_FINDING_DAMAGE, pair->path, -1, pair->advice,
                               "table %s has other columns", table);
    return compare(v, pair, table, stored, expected);
}

static int compare_table(struct pkv__verify *v, const struct pkv__verify_pair *pair,
                         const char *table, const char *stem)
{
    char sql[SQL_TEXT];
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%.60s\" %s ORDER BY 1", table,
                   stem ? "WHERE name = ?1" : "");
    return compare_selects(v, pair, table, sql, stem);
}

/* Comments in it may differ between releases that read each other's files. */
static int compare_schema_texts(struct pkv__verify *v, const struct pkv__verify_pair *pair)
{
    static const char sql[] = "SELECT coalesce(group_concat(sql, ';'), '') FROM "
                              "(SELECT sql FROM sqlite_schema ORDER BY name, type)";
    PKV__AUTO_STATEMENT sqlite3_stmt *stored = NULL, *expected = NULL;
    pkv_error error;
    int rc = pkv__database_prepare(&expected, pair->expected, sql, v->error);
    if (rc < 0)
        return rc;
    rc = pkv__database_prepare(&stored, pair->stored, sql, &error);
    if (rc < 0)
        return cannot_read(v, pair, rc, &error);
    if (sqlite3_step(stored) == SQLITE_ROW && sqlite3_step(expected) == SQLITE_ROW &&
        same_value(stored, expected, 0))
        return 0;
    v->schema_told = true;
    return pkv__verify_say(v, PKV_FINDING_NOTE, pair->path, -1,
                           "if another release made it all is well; pktvault index --rebuild "
                           "makes all of them anew",
                           "its schema reads differently from that of this release");
}

int pkv__verify_schema(struct pkv__verify *v, const struct pkv__verify_pair *pair, bool *same)
{
    uint64_t before = v->report.damages;
    int rc =
        compare_selects(v, pair, "sqlite_schema",
                        "SELECT type, name, tbl_name FROM sqlite_schema ORDER BY name, type", NULL);
    *same = v->report.damages == before;
    return rc < 0 || !*same || v->schema_told ? rc : compare_schema_texts(v, pair);
}

bool pkv__verify_is_of_segments(const char *table)
{
    return strcmp(table, "meta") != 0;
}

int pkv__verify_tables(struct pkv__verify *v, const struct pkv__verify_pair *pair, const char *stem)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *tables = NULL;
    int rc = pkv__database_prepare(&tables, pair->expected,
                                   "SELECT name FROM sqlite_schema WHERE type = 'table'", v->error);
    while (rc == 0) {
        int step = sqlite3_step(tables);
        if (step == SQLITE_DONE)
            return 0;
        if (step != SQLITE_ROW)
            return pkv__database_error(pair->expected, step, v->error);
        const char *name = (const char *)sqlite3_column_text(tables, 0);
        if (!name)
            return pkv__error_memory(v->error);
        if (!stem || pkv__verify_is_of_segments(name))
            rc = compare_table(v, pair, name, stem);
    }
    return rc;
}
