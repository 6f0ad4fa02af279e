/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments by time. Those of one span, ordered by their end, begin less than 2^span before it: a
 * walk from `since` on ends at `until` and a span behind it. */
#include "query/catalog_internal.h"

#include <pktvault/time.h>

#include "base/error.h"
#include "schema/database.h"

struct walk {
    struct pkv__catalog *catalog;
    int64_t since_ns, until_ns;
    int64_t import, span; /* at hand */
    sqlite3_stmt *next_span, *from, *before, *last;
    pkv__catalog_stretch_fn *row;
    void *context;
    pkv_error *error;
};

#define OF_SPAN                                                                                    \
    "SELECT name, start_ns, end_ns, first_ns, last_ns FROM segment WHERE import = ?1 AND span = "  \
    "?2 "

static int prepare(struct walk *w)
{
    sqlite3 *db = w->catalog->db;
    int rc = pkv__database_prepare(&w->next_span, db,
                                   "SELECT import, span FROM segment WHERE (import, span) > "
                                   "(?1, ?2) ORDER BY import, span LIMIT 1",
                                   w->error);
    if (!rc)
        rc = pkv__database_prepare(&w->from, db, OF_SPAN "AND end_ns >= ?3 ORDER BY end_ns",
                                   w->error);
    if (!rc)
        rc = pkv__database_prepare(
            &w->before, db, OF_SPAN "AND end_ns < ?3 ORDER BY end_ns DESC LIMIT 1", w->error);
    if (!rc)
        rc = pkv__database_prepare(&w->last, db, OF_SPAN "ORDER BY end_ns DESC LIMIT 1", w->error);
    return rc;
}

static void finish(struct walk *w)
{
    (void)sqlite3_finalize(w->next_span);
    (void)sqlite3_finalize(w->from);
    (void)sqlite3_finalize(w->before);
    (void)sqlite3_finalize(w->last);
}

/* 1, or 0 behind the last. An index that is damaged may lead back, and round. */
static int next_span(struct walk *w)
{
    int64_t import = w->import, span = w->span;
    (void)sqlite3_reset(w->next_span);
    (void)sqlite3_bind_int64(w->next_span, 1, w->import);
    (void)sqlite3_bind_int64(w->next_span, 2, w->span);
    int rc = pkv__catalog_step(w->catalog, w->next_span, w->error);
    if (rc != 1)
        return rc;
    w->import = sqlite3_column_int64(w->next_span, 0);
    w->span = sqlite3_column_int64(w->next_span, 1);
    (void)sqlite3_reset(w->next_span);
    if (w->import < import || (w->import == import && w->span <= span))
        return pkv__error(w->error, PKV_E_FORMAT, -1, "spans of the catalog are not in order");
    return 1;
}

static void bind(const struct walk *w, sqlite3_stmt *s, int64_t end_ns)
{
    (void)sqlite3_reset(s);
    (void)sqlite3_bind_int64(s, 1, w->import);
    (void)sqlite3_bind_int64(s, 2, w->span);
    (void)sqlite3_bind_int64(s, 3, end_ns);
}

static void read_row(const struct walk *w, sqlite3_stmt *s, struct pkv__catalog_stretch *stretch)
{
    *stretch =
        (struct pkv__catalog_stretch){.stem = (const char *)sqlite3_column_text(s, 0),
                                      .live = w->import == 0,
                                      .has_packets = sqlite3_column_type(s, 3) != SQLITE_NULL,
                                      .start_ns = sqlite3_column_int64(s, 1),
                                      .end_ns = sqlite3_column_int64(s, 2),
                                      .first_ns = sqlite3_column_int64(s, 3),
                                      .last_ns = sqlite3_column_int64(s, 4)};
    int64_t from_ns = stretch->has_packets && stretch->first_ns < stretch->start_ns
                          ? stretch->first_ns
                          : stretch->start_ns;
    stretch->near = stretch->end_ns < w->since_ns || from_ns >= w->until_ns;
}

/* No segment of this span that ends at end_ns or later begins before this. */
static int64_t earliest_start(const struct walk *w, int64_t end_ns)
{
    int64_t start_ns;
    if (w->span < 0 || w->span > 62 ||
        __builtin_sub_overflow(end_ns, (int64_t)1 << w->span, &start_ns))
        return INT64_MIN;
    return start_ns;
}

/* From an end on, those that touch the range, and the first to begin behind it. */
static int walk_range(struct walk *w, int64_t end_ns)
{
    struct pkv__catalog_stretch stretch;
    int64_t behind_ns = INT64_MAX;
    int rc;
    bind(w, w->from, end_ns);
    while ((rc = pkv__catalog_step(w->catalog, w->from, w->error)) == 1) {
        read_row(w, w->from, &stretch);
        if (earliest_start(w, stretch.end_ns) >= behind_ns)
            break;
        if (stretch.near && stretch.start_ns >= behind_ns)
            continue;
        if (stretch.near)
            behind_ns = stretch.start_ns;
        rc = w->row(w->context, &stretch);
        if (rc)
            break;
    }
    (void)sqlite3_reset(w->from);
    return rc == 1 ? 0 : rc;
}

/* The one that begins first of all: it ends within a span of the first end. */
static int walk_beginning(struct walk *w)
{
    struct pkv__catalog_stretch stretch;
    int64_t first_ns = INT64_MAX;
    int rc;
    bind(w, w->from, INT64_MIN);
    while ((rc = pkv__catalog_step(w->catalog, w->from, w->error)) == 1) {
        read_row(w, w->from, &stretch);
        if (earliest_start(w, stretch.end_ns) >= first_ns)
            break;
        if (stretch.start_ns >= first_ns)
            continue;
        first_ns = stretch.start_ns;
        stretch.near = true;
        rc = w->row(w->context, &stretch);
        if (rc)
            break;
    }
    (void)sqlite3_reset(w->from);
    return rc == 1 ? 0 : rc;
}

static int show_one(struct walk *w, sqlite3_stmt *s)
{
    struct pkv__catalog_stretch stretch;
    bind(w, s, w->since_ns);
    int rc = pkv__catalog_step(w->catalog, s, w->error);
    if (rc != 1)
        return rc;
    read_row(w, s, &stretch);
    stretch.near = true;
    rc = w->row(w->context, &stretch);
    (void)sqlite3_reset(s);
    return rc;
}

static int walk_span(struct walk *w)
{
    bool all = w->since_ns == PKV_TIME_MIN && w->until_ns == PKV_TIME_MAX;
    int rc = walk_range(w, w->since_ns);
    if (!rc && !all)
        rc = show_one(w, w->before);
    if (!rc && !all)
        rc = show_one(w, w->last);
    return rc || all ? rc : walk_beginning(w);
}

int pkv__catalog_stretches(struct pkv__catalog *catalog, int64_t since_ns, int64_t until_ns,
                           pkv__catalog_stretch_fn *row, void *context, pkv_error *error)
{
    struct walk w = {.catalog = catalog,
                     .since_ns = since_ns,
                     .until_ns = until_ns,
                     .import = INT64_MIN,
                     .row = row,
                     .context = context,
                     .error = error};
    int rc = prepare(&w);
    while (!rc && (rc = next_span(&w)) == 1)
        rc = walk_span(&w);
    finish(&w);
    return rc;
}
