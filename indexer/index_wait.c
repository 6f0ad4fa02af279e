/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/indexer.h>

#include <time.h>

#include "archive/directory.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "schema/database.h"

/* The segments that are waited for, in order. Those before `at` are in the catalog. */
struct waiting {
    const char *directory;
    struct pkv__segment_name *names;
    size_t count, at;
};

static int list_sealed(struct waiting *w, pkv_error *error)
{
    struct pkv__segment_file *files = NULL;
    size_t count = 0;
    int rc = pkv__archive_list(w->directory, INT64_MIN, INT64_MAX, &pkv__unlisted_ignored, &files,
                               &count, error);
    if (rc < 0)
        return rc;
    w->names = pkv__alloc_zero(count + 1, sizeof *w->names);
    for (size_t i = 0; w->names && i < count; i++)
        if (!files[i].open)
            w->names[w->count++] = files[i].name;
    pkv__free(files);
    return w->names ? 0 : pkv__error_memory(error);
}

/* 1: it has the segment, 0: not yet. */
static int catalog_has(sqlite3_stmt *statement, const struct pkv__segment_name *name)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, name);
    (void)sqlite3_bind_text(statement, 1, stem, -1, SQLITE_STATIC);
    int rc = sqlite3_step(statement);
    (void)sqlite3_reset(statement);
    return rc == SQLITE_ROW;
}

/* A catalog that cannot be read now is one that its indexer is making. */
static void look(struct waiting *w)
{
    sqlite3 *db = NULL;
    PKV__AUTO_STATEMENT sqlite3_stmt *statement = NULL;
    if (pkv__catalog_open_read(&db, w->directory, NULL) < 0)
        return;
    if (pkv__database_prepare(&statement, db, "SELECT 1 FROM segment WHERE name = ?", NULL) == 0)
        while (w->at < w->count && catalog_has(statement, &w->names[w->at]))
            w->at++;
    pkv__database_close(db);
}

static void pause_briefly(void)
{
    struct timespec pause = {.tv_nsec = PKV__INDEX_WAIT_POLL_NS};
    (void)nanosleep(&pause, NULL);
}

static int give_up(const struct waiting *w, pkv_error *error)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, &w->names[w->at]);
    return pkv__error(error, PKV_E_SYSTEM, -1,
                      "%s: the indexer that runs does not get on with segment %s: its log says why",
                      w->directory, stem);
}

/* Whoever holds the lock may die at any time, so each round tries to get it. */
static int wait(struct waiting *w, const pkv_options *options, pkv_progress_fn *progress,
                void *context, pkv_error *error)
{
    int64_t advanced_ns = pkv__monotonic_ns();
    for (;;) {
        int rc = pkv_index_run(w->directory, 0, options, progress, context, NULL, error);
        if (rc != PKV_E_BUSY)
            return rc;
        size_t before = w->at;
        look(w);
        if (w->at == w->count)
            return 0;
        if (progress && progress(context, w->at, w->count) != 0)
            return pkv__error(error, PKV_E_CANCELED, -1, "stopped on request");
        if (w->at != before)
            advanced_ns = pkv__monotonic_ns();
        if (pkv__monotonic_ns() - advanced_ns > PKV__INDEX_WAIT_NS)
            return give_up(w, error);
        pause_briefly();
    }
}

int pkv_index_wait(const char *directory, const pkv_options *options, pkv_progress_fn *progress,
                   void *context, pkv_error *error)
{
    int rc = pkv__archive_check(directory, error);
    if (rc < 0)
        return rc;
    struct waiting waiting = {.directory = directory};
    rc = list_sealed(&waiting, error);
    if (rc == 0)
        rc = wait(&waiting, options, progress, context, error);
    pkv__free(waiting.names);
    return rc;
}
