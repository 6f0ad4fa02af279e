/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments by what may be in them. What the expression does not ask for is not read: an address
 * filter is some KB, and so is one of ports. */
#include "query/catalog_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/cursor.h"
#include "base/error.h"
#include "schema/database.h"

struct look {
    struct pkv__catalog *catalog;
    const struct pkv__filter *filter;
    unsigned wanted; /* PKV__SUMMARY_… */
    sqlite3_stmt *summary, *ports;
    pkv__catalog_segment_fn *row;
    void *context;
    pkv_error *error;
};

static void set_link_types(struct pkv__catalog_segment *segment, const uint8_t *data, size_t length)
{
    struct pkv__cursor c = pkv__cursor(data, length);
    segment->link_type = (uint16_t)pkv__cursor_varint(&c);
    segment->link_types = c.failed ? 0 : pkv__cursor_left(&c) ? 2 : 1;
}

/* A segment without any VNI has an empty list, which is another thing than none. */
static const uint8_t *bytes_of(sqlite3_stmt *s, int column, size_t *length)
{
    const uint8_t *data = sqlite3_column_blob(s, column);
    *length = (size_t)sqlite3_column_bytes(s, column);
    return data || sqlite3_column_type(s, column) == SQLITE_NULL ? data : (const uint8_t *)"";
}

static int look_at_ports(struct look *l, const char *stem, struct pkv__segment_summary *summary,
                         bool *may)
{
    (void)sqlite3_reset(l->ports);
    (void)sqlite3_bind_text(l->ports, 1, stem, -1, SQLITE_STATIC);
    int rc = pkv__catalog_step(l->catalog, l->ports, l->error);
    if (rc != 1)
        return rc ? rc
                  : pkv__error(l->error, PKV_E_FORMAT, -1, "the catalog lacks ports of %s", stem);
    summary->ports = bytes_of(l->ports, 0, &summary->ports_length);
    *may = pkv__filter_segment(l->filter, summary);
    (void)sqlite3_reset(l->ports);
    return PKV_OK;
}

/* The ports last: they stand elsewhere. */
static int may_match(struct look *l, const char *stem, bool *may)
{
    struct pkv__segment_summary summary = {.vnis = NULL};
    *may = true;
    if (!l->wanted)
        return PKV_OK;
    summary.vnis = bytes_of(l->summary, 5, &summary.vnis_length);
    summary.addresses = bytes_of(l->summary, 6, &summary.addresses_length);
    *may = pkv__filter_segment(l->filter, &summary);
    if (!*may || !(l->wanted & PKV__SUMMARY_PORTS) || !stem)
        return PKV_OK;
    return look_at_ports(l, stem, &summary, may);
}

static int judge(struct look *l)
{
    sqlite3_stmt *s = l->summary;
    const char *stem = (const char *)sqlite3_column_text(s, 0);
    struct pkv__catalog_segment segment = {.import = sqlite3_column_int(s, 1) != 0,
                                           .first_ns = sqlite3_column_int64(s, 2),
                                           .last_ns = sqlite3_column_int64(s, 3)};
    bool may;
    int rc = may_match(l, stem, &may);
    if (rc || !may || !stem || !pkv__segment_stem_parse(&segment.name, stem))
        return rc;
    set_link_types(&segment, sqlite3_column_blob(s, 4), (size_t)sqlite3_column_bytes(s, 4));
    return l->row(l->context, &segment);
}

static int prepare(struct look *l, const char *where)
{
    char sql[250];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT name, import, first_ns, last_ns, link_types, %s, %s FROM summary %s",
                   l->wanted & PKV__SUMMARY_VNIS ? "vnis" : "NULL",
                   l->wanted & PKV__SUMMARY_ADDRESSES ? "addresses" : "NULL", where);
    int rc = pkv__database_prepare(&l->summary, l->catalog->db, sql, l->error);
    if (rc || !(l->wanted & PKV__SUMMARY_PORTS))
        return rc;
    return pkv__database_prepare(&l->ports, l->catalog->db,
                                 "SELECT ports FROM summary_ports WHERE name = ?", l->error);
}

static int read_through(struct look *l, int64_t since_ns, int64_t until_ns, uint64_t *seen)
{
    int rc = prepare(l, "WHERE last_ns >= ? AND first_ns < ?");
    (void)sqlite3_bind_int64(l->summary, 1, since_ns);
    (void)sqlite3_bind_int64(l->summary, 2, until_ns);
    while (!rc && (rc = pkv__catalog_step(l->catalog, l->summary, l->error)) == 1) {
        ++*seen;
        rc = judge(l);
    }
    return rc;
}

static int look_up(struct look *l, const struct pkv__catalog_names *names, uint64_t *seen)
{
    int rc = prepare(l, "WHERE name = ?");
    for (size_t i = 0; i < names->count && !rc; i++) {
        (void)sqlite3_reset(l->summary);
        (void)sqlite3_bind_text(l->summary, 1, names->stems[i], -1, SQLITE_STATIC);
        rc = pkv__catalog_step(l->catalog, l->summary, l->error);
        if (rc == 0)
            return pkv__error(l->error, PKV_E_FORMAT, -1, "the catalog lacks a summary of %s",
                              names->stems[i]);
        ++*seen;
        rc = rc == 1 ? judge(l) : rc;
    }
    return rc;
}

int pkv__catalog_segments(struct pkv__catalog *catalog, const struct pkv__catalog_names *names,
                          int64_t since_ns, int64_t until_ns, const struct pkv__filter *filter,
                          uint64_t *seen, pkv__catalog_segment_fn *row, void *context,
                          pkv_error *error)
{
    struct look l = {.catalog = catalog,
                     .filter = filter,
                     .wanted = filter ? pkv__filter_summaries(filter) : 0,
                     .row = row,
                     .context = context,
                     .error = error};
    int rc = names ? look_up(&l, names, seen) : read_through(&l, since_ns, until_ns, seen);
    (void)sqlite3_finalize(l.summary);
    (void)sqlite3_finalize(l.ports);
    return rc;
}
