/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/catalog.h"

#include <stdio.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "indexer/index_summary.h"
#include "indexer/insert.h"
#include "indexer/segment_index_internal.h"

struct pkv__catalog {
    sqlite3 *db;
};

int pkv__catalog_forget(const char *directory, pkv_error *error)
{
    static const char *const names[] = {"catalog.sqlite-wal", "catalog.sqlite-shm",
                                        "catalog.sqlite"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PKV__AUTO_FREE char *path = pkv__archive_join(directory, names[i]);
        int rc = path ? pkv__file_unlink(path, error) : pkv__error_memory(error);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int put_uuid(sqlite3 *db, const char *directory, pkv_error *error)
{
    char uuid[37];
    int rc = pkv__archive_uuid(directory, uuid, error);
    if (rc < 0)
        return rc;
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT OR IGNORE INTO meta VALUES ('uuid', ?)");
    pkv__insert_text(&insert, uuid);
    pkv__insert_put(&insert);
    return pkv__insert_deinit(&insert, error);
}

static int open_catalog(sqlite3 **db, const char *directory, pkv_error *error)
{
    sqlite3 *opened;
    int rc = pkv__catalog_open(&opened, directory, error);
    if (rc < 0)
        return rc;
    rc = put_uuid(opened, directory, error);
    if (rc < 0)
        pkv__database_close(opened);
    else
        *db = opened;
    return rc;
}

/* Where it is made anew, *error says why. */
static int open_or_make(sqlite3 **db, const char *directory, bool *anew, pkv_error *error)
{
    pkv_error again;
    *anew = false;
    int rc = open_catalog(db, directory, error);
    if (rc != PKV_E_FORMAT)
        return rc;
    rc = pkv__catalog_forget(directory, &again);
    if (rc == 0)
        rc = open_catalog(db, directory, &again);
    *anew = rc == 0;
    if (rc < 0 && error)
        *error = again;
    return rc;
}

int pkv__catalog_new(struct pkv__catalog **catalog, const char *directory, bool *anew,
                     pkv_error *error)
{
    struct pkv__catalog *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    int rc = open_or_make(&made->db, directory, anew, error);
    if (rc < 0) {
        (void)pkv__catalog_free(made);
        return rc;
    }
    *catalog = made;
    return 0;
}

struct pkv__catalog *pkv__catalog_free(struct pkv__catalog *catalog)
{
    if (catalog)
        pkv__database_close(catalog->db);
    pkv__free(catalog);
    return NULL;
}

bool pkv__catalog_is_gone(const struct pkv__catalog *catalog)
{
    int moved = 0;
    int rc = sqlite3_file_control(catalog->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return rc == SQLITE_OK && moved;
}

static int remove_rows(sqlite3 *db, const char *stem, pkv_error *error)
{
    static const char *const tables[] = {"segment", "summary", "summary_ports",
                                         "loss",    "damage",  "vni_name"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "DELETE FROM %s WHERE name = ?", tables[i]);
        struct pkv__insert statement;
        pkv__insert_init(&statement, db, sql);
        pkv__insert_text(&statement, stem);
        pkv__insert_put(&statement);
        int rc = pkv__insert_deinit(&statement, error);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void put_time(struct pkv__insert *insert, const struct pkv__segment_index *index,
                     int64_t time_ns)
{
    if (index->has_packets)
        pkv__insert_integer(insert, time_ns);
    else
        pkv__insert_null(insert);
}

/* The number of bits of the time from the first of coverage and packets to the end of both. */
static int span_of(const struct pkv__segment_index *index, int64_t start_ns, int64_t end_ns)
{
    int64_t from_ns = index->has_packets && index->first_ns < start_ns ? index->first_ns : start_ns;
    uint64_t length_ns = (uint64_t)end_ns - (uint64_t)from_ns;
    int bits = 0;
    while (length_ns >> bits && ++bits < 64)
        continue;
    return bits;
}

static int put_segment(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__insert insert;
    int64_t start_ns, end_ns;
    pkv__segment_index_coverage(index, &start_ns, &end_ns);
    pkv__insert_init(
        &insert, db,
        "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    pkv__insert_text(&insert, index->stem);
    pkv__insert_integer(&insert, index->name.lane);
    pkv__insert_count(&insert, index->name.sequence);
    pkv__insert_integer(&insert, index->import);
    pkv__insert_integer(&insert, start_ns);
    pkv__insert_integer(&insert, end_ns);
    put_time(&insert, index, index->first_ns);
    put_time(&insert, index, index->last_ns);
    pkv__insert_count(&insert, index->packets);
    pkv__insert_count(&insert, pkv__segment_index_flows(index));
    pkv__insert_count(&insert, index->raw_bytes);
    pkv__insert_integer(&insert, index->stored_bytes);
    pkv__insert_count(&insert, index->blocks);
    pkv__insert_text(&insert, index->sha256);
    pkv__insert_integer(&insert, index->recovered);
    pkv__insert_text(&insert, index->origin);
    pkv__insert_integer(&insert, span_of(index, start_ns, end_ns));
    pkv__insert_put(&insert);
    return pkv__insert_deinit(&insert, error);
}

static int put_address_summary(sqlite3 *db, const struct pkv__segment_index *index,
                               const struct pkv__index_summary *summary, pkv_error *error)
{
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT INTO summary VALUES (?, ?, ?, ?, ?, ?, ?)");
    pkv__insert_text(&insert, index->stem);
    pkv__insert_integer(&insert, index->import);
    pkv__insert_integer(&insert, index->first_ns);
    pkv__insert_integer(&insert, index->last_ns);
    pkv__insert_blob(&insert, summary->link_types.data, summary->link_types.length);
    pkv__insert_blob(&insert, summary->vnis.data, summary->vnis.length);
    pkv__insert_blob(&insert, summary->addresses.data, summary->addresses.length);
    pkv__insert_put(&insert);
    return pkv__insert_deinit(&insert, error);
}

static int put_port_summary(sqlite3 *db, const struct pkv__segment_index *index,
                            const struct pkv__index_summary *summary, pkv_error *error)
{
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT INTO summary_ports VALUES (?, ?)");
    pkv__insert_text(&insert, index->stem);
    pkv__insert_blob(&insert, summary->ports.data, summary->ports.length);
    pkv__insert_put(&insert);
    return pkv__insert_deinit(&insert, error);
}

static int put_summary(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__index_summary summary;
    if (!index->has_packets)
        return 0;
    if (pkv__index_summary_init(&summary, index) < 0)
        return pkv__error_memory(error);
    int rc = put_address_summary(db, index, &summary, error);
    if (rc == 0)
        rc = put_port_summary(db, index, &summary, error);
    pkv__index_summary_deinit(&summary);
    return rc;
}

static int put_losses(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    size_t count;
    const struct pkv__loss *losses = pkv__losses_all(index->losses, &count);
    struct pkv__insert insert;
    pkv__insert_init(
        &insert, db,
        "INSERT INTO loss VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
        "packets = packets + excluded.packets, until_ns = max(until_ns, excluded.until_ns)");
    for (size_t i = 0; i < count; i++) {
        pkv__insert_text(&insert, index->stem);
        pkv__insert_integer(&insert, losses[i].interface_id);
        pkv__insert_text(&insert, pkv__loss_cause_name(losses[i].cause));
        pkv__insert_integer(&insert, losses[i].from_ns);
        pkv__insert_integer(&insert, losses[i].until_ns);
        pkv__insert_count(&insert, losses[i].packets);
        pkv__insert_put(&insert);
    }
    return pkv__insert_deinit(&insert, error);
}

static int put_damage(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT INTO damage VALUES (?, ?, ?)");
    for (size_t i = 0; i < index->damage_count; i++) {
        pkv__insert_text(&insert, index->stem);
        pkv__insert_integer(&insert, index->damage[i].offset);
        pkv__insert_text(&insert, index->damage[i].reason);
        pkv__insert_put(&insert);
    }
    return pkv__insert_deinit(&insert, error);
}

static int put_vni_names(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT INTO vni_name VALUES (?, ?, ?, ?)");
    for (size_t i = 0; i < index->vni_name_count; i++) {
        pkv__insert_text(&insert, index->stem);
        pkv__insert_integer(&insert, index->vni_name[i].first);
        pkv__insert_integer(&insert, index->vni_name[i].last);
        pkv__insert_text(&insert, index->vni_name[i].label);
        pkv__insert_put(&insert);
    }
    return pkv__insert_deinit(&insert, error);
}

int pkv__catalog_put_rows(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    int rc = remove_rows(db, index->stem, error);
    if (rc == 0)
        rc = put_segment(db, index, error);
    if (rc == 0)
        rc = put_summary(db, index, error);
    if (rc == 0)
        rc = put_losses(db, index, error);
    if (rc == 0)
        rc = put_damage(db, index, error);
    if (rc == 0)
        rc = put_vni_names(db, index, error);
    return rc;
}

static int begin(sqlite3 *db, pkv_error *error)
{
    return pkv__database_exec(db, "BEGIN IMMEDIATE", error);
}

static int end(sqlite3 *db, int rc, pkv_error *error)
{
    if (rc == 0)
        rc = pkv__database_exec(db, "COMMIT", error);
    if (rc < 0 && !sqlite3_get_autocommit(db))
        (void)pkv__database_exec(db, "ROLLBACK", NULL);
    return rc;
}

int pkv__catalog_put(struct pkv__catalog *catalog, const struct pkv__segment_index *index,
                     pkv_error *error)
{
    int rc = begin(catalog->db, error);
    return rc < 0 ? rc : end(catalog->db, pkv__catalog_put_rows(catalog->db, index, error), error);
}

int pkv__catalog_remove(struct pkv__catalog *catalog, const struct pkv__segment_name *name,
                        pkv_error *error)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, name);
    int rc = begin(catalog->db, error);
    return rc < 0 ? rc : end(catalog->db, remove_rows(catalog->db, stem, error), error);
}

/* A row that is not the name of a segment is passed over: no file can belong to it. */
int pkv__catalog_each(struct pkv__catalog *catalog, pkv__catalog_fn *segment, void *context,
                      pkv_error *error)
{
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    int rc = pkv__database_prepare(&statement, catalog->db, "SELECT name FROM segment", error);
    if (rc < 0)
        return rc;
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *stem = (const char *)sqlite3_column_text(statement, 0);
        struct pkv__segment_name name;
        if (!stem || !pkv__segment_stem_parse(&name, stem))
            continue;
        rc = segment(context, &name);
        if (rc < 0)
            return rc;
    }
    return step == SQLITE_DONE ? 0 : pkv__database_error(catalog->db, step, error);
}
