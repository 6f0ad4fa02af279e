/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "indexer/follower_internal.h"

#define RECHECK_SHARE 100 /* of the time between two rechecks may be spent on one */

/* Keys are compared as bytes, padding included. */
static struct pkv__segment_name key_of(const struct pkv__segment_name *name)
{
    struct pkv__segment_name key;
    memset(&key, 0, sizeof key);
    key.start_ns = name->start_ns;
    key.lane = name->lane;
    key.sequence = name->sequence;
    return key;
}

int pkv__follower_remember(struct pkv__intern *set, const struct pkv__segment_name *name)
{
    struct pkv__segment_name key = key_of(name);
    uint32_t number;
    return pkv__intern_add(set, &key, &number);
}

bool pkv__follower_knows(const struct pkv__intern *set, const struct pkv__segment_name *name)
{
    struct pkv__segment_name key = key_of(name);
    return pkv__intern_has(set, &key);
}

struct checking {
    struct pkv__follower *f;
    const struct pkv__segment_file *files;
    size_t count;
    struct pkv__segment_name *vanished;
    size_t vanished_count, vanished_capacity;
};

static int compare(const void *name, const void *file)
{
    return pkv__segment_name_compare(name, &((const struct pkv__segment_file *)file)->name);
}

static bool has_index(const struct pkv__follower *f, const struct pkv__segment_name *name)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__index_path(relative, name);
    PKV__AUTO_FREE char *path = pkv__archive_join(f->directory, relative);
    return path && pkv__file_exists(path);
}

static bool is_chained(const struct pkv__follower *f, const struct pkv__segment_name *name)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, name, false);
    return !f->chain || pkv__chain_has(f->chain, relative);
}

static int note_vanished(struct checking *c, const struct pkv__segment_name *name)
{
    if (pkv__grow(&c->vanished, &c->vanished_capacity, c->vanished_count + 1, sizeof *c->vanished) <
        0)
        return PKV_E_MEMORY;
    c->vanished[c->vanished_count++] = *name;
    return 0;
}

static bool is_unlisted(const struct pkv__follower *f, const struct pkv__segment_name *name)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    if (!f->unlisted_count)
        return false;
    pkv__segment_stem(stem, name);
    return pkv__follower_is_unlisted(f, stem);
}

static int check(void *context, const struct pkv__segment_name *name)
{
    struct checking *c = context;
    const struct pkv__segment_file *file =
        c->count ? bsearch(name, c->files, c->count, sizeof *file, compare) : NULL;
    if (!file && is_unlisted(c->f, name))
        return 0;
    if (!file || file->open)
        return note_vanished(c, name);
    if (has_index(c->f, name) && is_chained(c->f, name))
        return pkv__follower_remember(c->f->done, name);
    return 0;
}

static int remove_one(struct pkv__follower *f, const struct pkv__segment_name *name,
                      pkv_error *error)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__index_path(relative, name);
    PKV__AUTO_FREE char *path = pkv__archive_join(f->directory, relative);
    int rc = path ? pkv__catalog_remove(f->catalog, name, error) : pkv__error_memory(error);
    if (rc == 0)
        rc = pkv__file_unlink(path, error);
    if (rc == 0)
        pkv__log(f->options, PKV_LOG_WARNING,
                 "the segment of %s is gone: its index and catalog rows are deleted", relative);
    return rc;
}

/* Without a single segment, it is more likely that the file system with the segments is not
 * mounted. */
static int remove_vanished(struct checking *c, pkv_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && c->count && i < c->vanished_count; i++)
        rc = remove_one(c->f, &c->vanished[i], error);
    return rc;
}

static int make_index_directory(const struct pkv__follower *f, pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(f->directory, "index");
    return path ? pkv__file_make_directories(path, error) : pkv__error_memory(error);
}

/* A damaged catalog is replaced, and then has nothing. */
static int check_catalog(struct checking *c, pkv_error *error)
{
    struct pkv__follower *f = c->f;
    int rc = pkv__catalog_each(f->catalog, check, c, error);
    if (rc == 0)
        rc = remove_vanished(c, error);
    if (rc != PKV_E_FORMAT)
        return rc == PKV_E_MEMORY ? pkv__error_memory(error) : rc;
    pkv__log(f->options, PKV_LOG_WARNING, "the catalog is made anew: %s",
             error ? error->text : "it is damaged");
    f->catalog = pkv__catalog_free(f->catalog);
    pkv__intern_clear(f->done);
    rc = pkv__catalog_forget(f->directory, error);
    return rc < 0 ? rc : pkv__follower_open_catalog(f, error);
}

int pkv__follower_recheck(struct pkv__follower *f, const struct pkv__segment_file *files,
                          size_t count, pkv_error *error)
{
    int64_t start_ns = pkv__monotonic_ns();
    struct checking checking = {.f = f, .files = files, .count = count};
    pkv__intern_clear(f->done);
    pkv__intern_clear(f->failing);
    pkv__intern_clear(f->left_alone);
    pkv__intern_clear(f->unlisted_told);
    pkv__follower_open_chain(f);
    int rc = make_index_directory(f, error);
    if (rc == 0)
        rc = check_catalog(&checking, error);
    pkv__free(checking.vanished);
    int64_t now_ns = pkv__monotonic_ns(), pause_ns = (now_ns - start_ns) * RECHECK_SHARE;
    f->next_recheck_ns = now_ns + (pause_ns > PKV__RECHECK_NS ? pause_ns : PKV__RECHECK_NS);
    return rc;
}

/* The levels below index/: years, months, days, files. */
static int forget_below(const char *path, unsigned levels, pkv_error *error)
{
    char **names = NULL;
    size_t count = 0;
    int rc = pkv__file_list(path, &names, &count, error);
    if (rc == PKV_E_NOT_FOUND) /* no directory */
        return 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        PKV__AUTO_FREE char *below = pkv__archive_join(path, names[i]);
        if (!below)
            rc = pkv__error_memory(error);
        else if (levels)
            rc = forget_below(below, levels - 1, error);
        else if (strstr(names[i], PKV__INDEX_SUFFIX))
            rc = pkv__file_unlink(below, error);
    }
    pkv__file_names_free(names, count);
    return rc;
}

int pkv__follower_forget(const char *directory, pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, "index");
    int rc = path ? forget_below(path, 3, error) : pkv__error_memory(error);
    return rc < 0 ? rc : pkv__catalog_forget(directory, error);
}
