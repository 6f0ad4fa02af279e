/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/catalog.h"

#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include <pktvault/time.h>

#include "base/cursor.h"
#include "base/error.h"
#include "base/memory.h"
#include "query/missing.h"
#include "query/plan.h"
#include "schema/database.h"

struct pkv__catalog {
    sqlite3 *db;
};

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

static int step(struct pkv__catalog *catalog, sqlite3_stmt *s, pkv_error *error)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : pkv__database_error(catalog->db, rc, error);
}

int64_t pkv__catalog_count(struct pkv__catalog *catalog)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    if (pkv__database_prepare(&s, catalog->db, "SELECT count(*) FROM segment", NULL) ||
        step(catalog, s, NULL) != 1)
        return -1;
    return sqlite3_column_int64(s, 0);
}

int pkv__catalog_totals(struct pkv__catalog *catalog, struct pkv__catalog_totals *totals,
                        pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc =
        pkv__database_prepare(&s, catalog->db,
                              "SELECT count(*), total(packets), total(flows), total(raw_bytes), "
                              "total(stored_bytes), min(first_ns), max(last_ns) FROM segment",
                              error);
    if (rc)
        return rc;
    rc = step(catalog, s, error);
    if (rc != 1)
        return rc;
    *totals = (struct pkv__catalog_totals){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                                           sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3),
                                           sqlite3_column_int64(s, 4), sqlite3_column_int64(s, 5),
                                           sqlite3_column_int64(s, 6)};
    return PKV_OK;
}

int pkv__catalog_stems(struct pkv__catalog *catalog, pkv__catalog_stem_fn *row, void *context,
                       pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(&s, catalog->db, "SELECT name FROM segment", error);
    if (rc)
        return rc;
    while ((rc = step(catalog, s, error)) == 1) {
        const char *stem = (const char *)sqlite3_column_text(s, 0);
        rc = stem ? row(context, stem) : 0;
        if (rc)
            return rc;
    }
    return rc;
}

static bool parse_stem(struct pkv__segment_name *name, const char *stem)
{
    char file[PKV__SEGMENT_STEM_TEXT + 16];
    bool open;
    if (!stem || strlen(stem) >= PKV__SEGMENT_STEM_TEXT)
        return false;
    (void)snprintf(file, sizeof(file), "%s%s", stem, PKV__SEGMENT_SUFFIX);
    return pkv__segment_name_parse(name, &open, file);
}

static void set_link_types(struct pkv__catalog_segment *segment, const uint8_t *data, size_t length)
{
    struct pkv__cursor c = pkv__cursor(data, length);
    segment->link_type = (uint16_t)pkv__cursor_varint(&c);
    segment->link_types = c.failed ? 0 : pkv__cursor_left(&c) ? 2 : 1;
}

static int segment_row(sqlite3_stmt *s, pkv__catalog_segment_fn *row, void *context)
{
    struct pkv__catalog_segment segment = {.import = sqlite3_column_int(s, 1) != 0,
                                           .first_ns = sqlite3_column_int64(s, 2),
                                           .last_ns = sqlite3_column_int64(s, 3)};
    if (!parse_stem(&segment.name, (const char *)sqlite3_column_text(s, 0)))
        return PKV_OK;
    segment.summary =
        (struct pkv__segment_summary){.addresses = sqlite3_column_blob(s, 4),
                                      .addresses_length = (size_t)sqlite3_column_bytes(s, 4),
                                      .ports = sqlite3_column_blob(s, 5),
                                      .ports_length = (size_t)sqlite3_column_bytes(s, 5),
                                      .vnis = sqlite3_column_blob(s, 6),
                                      .vnis_length = (size_t)sqlite3_column_bytes(s, 6)};
    /* A segment without any VNI has an empty list, which is another thing than none. */
    if (!segment.summary.vnis && sqlite3_column_type(s, 6) != SQLITE_NULL)
        segment.summary.vnis = (const uint8_t *)"";
    set_link_types(&segment, sqlite3_column_blob(s, 7), (size_t)sqlite3_column_bytes(s, 7));
    return row(context, &segment);
}

int pkv__catalog_segments(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                          pkv__catalog_segment_fn *row, void *context, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(
        &s, catalog->db,
        "SELECT s.name, s.import, s.first_ns, s.last_ns, m.addresses, m.ports, m.vnis, "
        "m.link_types FROM segment s "
        "LEFT JOIN summary m ON m.name = s.name WHERE s.last_ns >= ? AND s.first_ns < ?",
        error);
    if (rc)
        return rc;
    (void)sqlite3_bind_int64(s, 1, since_ns);
    (void)sqlite3_bind_int64(s, 2, until_ns);
    while ((rc = step(catalog, s, error)) == 1) {
        rc = segment_row(s, row, context);
        if (rc)
            return rc;
    }
    return rc;
}

int pkv__catalog_coverage(struct pkv__catalog *catalog, pkv__catalog_coverage_fn *row,
                          void *context, pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *s = NULL;
    int rc = pkv__database_prepare(&s, catalog->db, "SELECT start_ns, end_ns, import FROM segment",
                                   error);
    if (rc)
        return rc;
    while ((rc = step(catalog, s, error)) == 1) {
        rc = row(context, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                 sqlite3_column_int(s, 2) == 0);
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
    while ((rc = step(catalog, s, error)) == 1) {
        pkv_missing loss = {.cause = pkv__missing_cause((const char *)sqlite3_column_text(s, 0)),
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
    while ((rc = step(catalog, s, error)) == 1) {
        pkv_missing damage = {.cause = PKV_MISSING_UNREADABLE,
                              .from_ns = sqlite3_column_int64(s, 3),
                              .until_ns = sqlite3_column_int64(s, 4)};
        (void)snprintf(damage.text, sizeof(damage.text), "segment %s at byte %lld: %s",
                       (const char *)sqlite3_column_text(s, 0),
                       (long long)sqlite3_column_int64(s, 1),
                       (const char *)sqlite3_column_text(s, 2));
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
    while ((rc = step(catalog, s, error)) == 1) {
        const char *label = (const char *)sqlite3_column_text(s, 2);
        if (label && pkv__vni_names_add(names, (uint32_t)sqlite3_column_int64(s, 0),
                                        (uint32_t)sqlite3_column_int64(s, 1), label, strlen(label)))
            return pkv__error_memory(error);
    }
    return rc;
}
