/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/catalog.h"

#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/error.h"
#include "base/memory.h"
#include "query/catalog_internal.h"
#include "query/missing.h"
#include "query/plan.h"
#include "schema/database.h"

int pkv__catalog_reader_open(struct pkv__catalog **catalog, const char *directory, pkv_error *error)
{
    struct pkv__catalog *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    int rc = pkv__catalog_open_read(&made->db, directory, error);
    if (rc) {
        pkv__free(made);
        return rc;
    }
    pkv__database_limit_work(&made->work, made->db);
    *catalog = made;
    return PKV_OK;
}

struct pkv__catalog *pkv__catalog_reader_close(struct pkv__catalog *catalog)
{
    if (catalog)
        pkv__database_close(catalog->db);
    pkv__free(catalog);
    return NULL;
}

int pkv__catalog_step(struct pkv__catalog *catalog, sqlite3_stmt *s, pkv_error *error)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : pkv__database_error(catalog->db, rc, error);
}

/* A text of the row, NULL where there is none; its memory may fail. */
static int text_of(const struct pkv__catalog *catalog, sqlite3_stmt *s, int column,
                   const char **text, pkv_error *error)
{
    bool is_null = sqlite3_column_type(s, column) == SQLITE_NULL;
    *text = (const char *)sqlite3_column_text(s, column);
    return *text || is_null ? PKV_OK : pkv__database_error(catalog->db, SQLITE_NOMEM, error);
}

int64_t pkv__catalog_count(struct pkv__catalog *catalog)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    /* count(*) is one instruction, however long it takes. */
    if (pkv__database_prepare(&s, catalog->db, "SELECT count(import) FROM segment", NULL) ||
        pkv__catalog_step(catalog, s, NULL) != 1)
        return -1;
    return sqlite3_column_int64(s, 0);
}

int pkv__catalog_totals(struct pkv__catalog *catalog, struct pkv__catalog_totals *totals,
                        pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, catalog->db,
        "SELECT count(import), total(packets), total(flows), total(raw_bytes), "
        "total(stored_bytes), min(first_ns), max(last_ns) FROM segment",
        error);
    if (rc)
        return rc;
    rc = pkv__catalog_step(catalog, s, error);
    if (rc != 1)
        return rc;
    *totals = (struct pkv__catalog_totals){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                                           sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3),
                                           sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5),
                                           sqlite3_column_int64(s, 6)};
    return PKV_OK;
}

int pkv__catalog_begin(struct pkv__catalog *catalog, pkv_error *error)
{
    pkv__database_limit_work(&catalog->work, catalog->db);
    return pkv__database_exec(catalog->db, "BEGIN", error);
}

void pkv__catalog_end(struct pkv__catalog *catalog)
{
    if (!sqlite3_get_autocommit(catalog->db))
        (void)pkv__database_exec(catalog->db, "COMMIT", NULL);
}

int pkv__catalog_stems(struct pkv__catalog *catalog, const char *day, pkv__catalog_stem_fn *row,
                       void *context, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, catalog->db, "SELECT name FROM segment WHERE name > ?1 AND name < ?1 || 'U'", error);
    if (rc)
        return rc;
    (void)sqlite3_bind_text(s, 1, day, -1, SQLITE_STATIC);
    while ((rc = pkv__catalog_step(catalog, s, error)) == 1) {
        const char *stem = (const char *)sqlite3_column_text(s, 0);
        rc = stem ? row(context, stem) : 0;
        if (rc)
            return rc;
    }
    return rc;
}

static int missing_losses(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                          pkv__catalog_missing_fn *row, void *context, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(&s, catalog->db,
                                   "SELECT cause, from_ns, until_ns, packets FROM loss WHERE "
                                   "until_ns >= ? AND from_ns < ? ORDER BY from_ns",
                                   error);
    if (rc)
        return rc;
    (void)sqlite3_bind_int64(s, 1, since_ns);
    (void)sqlite3_bind_int64(s, 2, until_ns);
    while ((rc = pkv__catalog_step(catalog, s, error)) == 1) {
        const char *cause;
        rc = text_of(catalog, s, 0, &cause, error);
        if (rc)
            return rc;
        pkv_missing loss = {.cause = pkv__missing_cause(cause),
                            .from_ns = sqlite3_column_int64(s, 1),
                            .until_ns = sqlite3_column_int64(s, 2),
                            .packets = (uint64_t)sqlite3_column_int64(s, 3)};
        rc = loss.cause >= 0 ? row(context, &loss) : PKV_OK;
        if (rc)
            return rc;
    }
    return rc;
}

static int missing_damage(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                          pkv__catalog_missing_fn *row, void *context, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, catalog->db,
        "SELECT d.name, d.offset, d.reason, g.start_ns, g.end_ns FROM damage d JOIN segment g ON "
        "g.name = d.name "
        "WHERE g.end_ns >= ? AND g.start_ns < ? ORDER BY g.start_ns, d.offset",
        error);
    if (rc)
        return rc;
    (void)sqlite3_bind_int64(s, 1, since_ns);
    (void)sqlite3_bind_int64(s, 2, until_ns);
    while ((rc = pkv__catalog_step(catalog, s, error)) == 1) {
        pkv_missing damage = {.cause = PKV_MISSING_UNREADABLE,
                              .from_ns = sqlite3_column_int64(s, 3),
                              .until_ns = sqlite3_column_int64(s, 4)};
        const char *name, *reason = NULL;
        rc = text_of(catalog, s, 0, &name, error);
        if (!rc)
            rc = text_of(catalog, s, 2, &reason, error);
        if (rc)
            return rc;
        (void)snprintf(damage.text, sizeof(damage.text), "segment %s at byte %lld: %s",
                       name ? name : "?", (long long)sqlite3_column_int64(s, 1),
                       reason ? reason : "damaged");
        rc = row(context, &damage);
        if (rc)
            return rc;
    }
    return rc;
}

int pkv__catalog_missing(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                         pkv__catalog_missing_fn *row, void *context, pkv_error *error)
{
    int rc = missing_losses(catalog, since_ns, until_ns, row, context, error);
    return rc ? rc : missing_damage(catalog, since_ns, until_ns, row, context, error);
}

int pkv__catalog_vni_names(struct pkv__catalog *catalog, const char *stem,
                           struct pkv__vni_names *names, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, catalog->db,
        stem ? "SELECT first, last, label FROM vni_name WHERE name = ?"
             : "SELECT DISTINCT first, last, label FROM vni_name ORDER BY label, first",
        error);
    if (rc)
        return rc;
    if (stem)
        (void)sqlite3_bind_text(s, 1, stem, -1, SQLITE_STATIC);
    while ((rc = pkv__catalog_step(catalog, s, error)) == 1) {
        const char *label;
        rc = text_of(catalog, s, 2, &label, error);
        if (rc)
            return rc;
        if (label && pkv__vni_names_add(names, (uint32_t)sqlite3_column_int64(s, 0),
                                        (uint32_t)sqlite3_column_int64(s, 1), label, strlen(label)))
            return pkv__error_memory(error);
    }
    return rc;
}
