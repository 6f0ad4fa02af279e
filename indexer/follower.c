/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/follower.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "indexer/follower_internal.h"

#define DAY_NS (86400 * PKV__NS_PER_S)
#define LISTING_SHARE 50 /* of the time between two full listings may be spent on one */

PKV__DEFINE_CLEANUP(struct pkv__follower, pkv__follower_free);

static int make_sets(struct pkv__follower *f, pkv_error *error)
{
    size_t bytes = sizeof(struct pkv__segment_name);
    if (pkv__intern_new(&f->done, bytes) < 0 || pkv__intern_new(&f->failing, bytes) < 0 ||
        pkv__intern_new(&f->left_alone, bytes) < 0 ||
        pkv__intern_new(&f->unlisted_told, sizeof *f->unlisted) < 0)
        return pkv__error_memory(error);
    return 0;
}

int pkv__follower_new(struct pkv__follower **follower, const char *directory,
                      const pkv_options *options, pkv_error *error)
{
    struct pkv__follower *made PKV__AUTO(pkv__follower_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made || !(made->directory = pkv__strdup(directory)))
        return pkv__error_memory(error);
    made->options = options;
    int rc = make_sets(made, error);
    if (rc == 0)
        rc = pkv__follower_open_catalog(made, error);
    if (rc < 0)
        return rc;
    pkv__follower_open_chain(made);
    *follower = PKV__STEAL(made);
    return 0;
}

struct pkv__follower *pkv__follower_free(struct pkv__follower *follower)
{
    if (!follower)
        return NULL;
    for (unsigned i = 0; i < follower->followed_count; i++)
        (void)pkv__intake_free(follower->followed[i].intake);
    (void)pkv__catalog_free(follower->catalog);
    (void)pkv__chain_free(follower->chain);
    (void)pkv__intern_free(follower->done);
    (void)pkv__intern_free(follower->failing);
    (void)pkv__intern_free(follower->left_alone);
    (void)pkv__intern_free(follower->unlisted_told);
    pkv__free(follower->unlisted);
    pkv__follower_forget_days(follower);
    pkv__free(follower->days);
    pkv__free(follower->directory);
    pkv__free(follower);
    return NULL;
}

void pkv__follower_use(struct pkv__follower *follower, struct pkv__feed *feed)
{
    follower->feed = feed;
}

void pkv__follower_try_again(struct pkv__follower *follower)
{
    pkv__intern_clear(follower->failing);
    follower->next_full_ns = 0;
}

void pkv__follower_report(const struct pkv__follower *follower, pkv_index_report *report)
{
    *report = follower->report;
}

int pkv__follower_open_catalog(struct pkv__follower *f, pkv_error *error)
{
    bool anew = false;
    pkv_error why = {.code = 0};
    int rc = pkv__catalog_new(&f->catalog, f->directory, &anew, &why);
    if (rc < 0 && error)
        *error = why;
    if (anew)
        pkv__log(f->options, PKV_LOG_WARNING, "the catalog is made anew: %s", why.text);
    f->next_recheck_ns = 0;
    pkv__follower_forget_days(f);
    return rc;
}

void pkv__follower_open_chain(struct pkv__follower *f)
{
    pkv_error error;
    if (!f->chain && pkv__chain_open(&f->chain, f->directory, &error) < 0)
        pkv__log(f->options, PKV_LOG_ERROR, "segments are not chained: %s", error.text);
}

int pkv__follower_poll(struct pkv__follower *f, pkv_error *error)
{
    if (f->progress && f->progress(f->progress_context, f->step_done, f->step_all) != 0)
        return pkv__error(error, PKV_E_CANCELED, -1, "stopped on request");
    return 0;
}

/* Those that may have changed: from yesterday on, or from the oldest segment that is followed. */
static int64_t recent_ns(const struct pkv__follower *f)
{
    int64_t since_ns = pkv__clock_ns() - DAY_NS;
    for (unsigned i = 0; i < f->followed_count; i++)
        if (f->followed[i].name.start_ns < since_ns)
            since_ns = f->followed[i].name.start_ns;
    return since_ns;
}

/* What is there is taken in once it can be listed again; until then it is not gone. */
static int note_unlisted(void *context, const char *date, const pkv_error *why)
{
    struct pkv__follower *f = context;
    uint32_t number;
    if (pkv__grow(&f->unlisted, &f->unlisted_capacity, f->unlisted_count + 1, sizeof *f->unlisted) <
        0)
        return PKV_E_MEMORY;
    char *noted = f->unlisted[f->unlisted_count++];
    memset(noted, 0, sizeof *f->unlisted);
    memcpy(noted, date, strlen(date));
    if (f->unlisted_why.code == 0)
        f->unlisted_why = *why;
    if (!pkv__intern_has(f->unlisted_told, noted))
        pkv__log(f->options, PKV_LOG_ERROR, "%s", why->text);
    return pkv__intern_add(f->unlisted_told, noted, &number) < 0 ? PKV_E_MEMORY : 0;
}

bool pkv__follower_is_unlisted(const struct pkv__follower *f, const char *day)
{
    for (size_t i = 0; i < f->unlisted_count; i++)
        if (strncmp(day, f->unlisted[i], strlen(f->unlisted[i])) == 0)
            return true;
    return false;
}

static int look_at_days(struct pkv__follower *f, pkv_error *error)
{
    pkv__free(f->days);
    f->days = NULL;
    f->day_count = 0;
    f->settled_ns = pkv__clock_ns() - PKV__SETTLED_NS;
    return pkv__archive_days(f->directory, &(struct pkv__unlisted){note_unlisted, f}, &f->days,
                             &f->day_count, error);
}

/* An import may bring segments of any day, but listing them all takes long in a large archive. */
static int list(struct pkv__follower *f, bool *full, struct pkv__segment_file **files,
                size_t *count, pkv_error *error)
{
    int64_t start_ns = pkv__monotonic_ns();
    *full = start_ns >= f->next_full_ns || start_ns >= f->next_recheck_ns;
    int64_t since_ns = *full ? INT64_MIN : recent_ns(f);
    f->unlisted_count = 0;
    f->unlisted_why.code = 0;
    int rc = *full ? look_at_days(f, error) : 0;
    if (rc == 0)
        rc = pkv__archive_list(f->directory, since_ns, INT64_MAX,
                               &(struct pkv__unlisted){note_unlisted, f}, files, count, error);
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(error);
    int64_t now_ns = pkv__monotonic_ns();
    if (*full && rc == 0)
        f->next_full_ns = now_ns + (now_ns - start_ns) * LISTING_SHARE;
    return rc;
}

static bool is_wanted(const struct pkv__follower *f, const struct pkv__segment_file *file)
{
    return !file->open && !pkv__follower_knows(f->done, &file->name) &&
           !pkv__follower_knows(f->failing, &file->name);
}

static void note_failure(struct pkv__follower *f, const pkv_error *failure, pkv_error *first)
{
    pkv__log(f->options, PKV_LOG_ERROR, "%s", failure->text);
    if (first->code == 0)
        *first = *failure;
}

/* A segment whose writer died is sealed, and wanted from now on. */
static int look_at_open(struct pkv__follower *f, struct pkv__segment_file *file, bool live,
                        pkv_error *first)
{
    pkv_error failure;
    int rc = pkv__follower_seal_dead(f, &file->name, &failure);
    if (rc == 1)
        file->open = false;
    else if (rc == 0 && live)
        rc = pkv__follower_follow(f, &file->name, &failure);
    if (rc < 0)
        note_failure(f, &failure, first);
    return rc == PKV_E_MEMORY ? rc : 0;
}

static int look_at_all_open(struct pkv__follower *f, struct pkv__segment_file *files, size_t count,
                            bool live, pkv_error *first)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (files[i].open && !pkv__follower_knows(f->failing, &files[i].name))
            rc = look_at_open(f, &files[i], live, first);
    return rc;
}

static int take_all(struct pkv__follower *f, const struct pkv__segment_file *files, size_t count,
                    pkv_error *first, pkv_error *error)
{
    f->step_done = f->step_all = 0;
    for (size_t i = 0; i < count; i++)
        f->step_all += is_wanted(f, &files[i]);
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(f, &files[i]))
            continue;
        pkv_error failure;
        int rc = pkv__follower_take(f, &files[i].name, &failure);
        if (rc == PKV_E_CANCELED) {
            if (error)
                *error = failure;
            return rc;
        }
        if (rc < 0)
            note_failure(f, &failure, first);
        f->step_done++;
    }
    return pkv__follower_poll(f, error);
}

/* A segment that vanished without being sealed is followed no longer. */
static void drop_vanished(struct pkv__follower *f, const struct pkv__segment_file *files,
                          size_t count)
{
    for (unsigned i = f->followed_count; i-- > 0;) {
        bool there = false;
        for (size_t k = count; !there && k-- > 0;)
            there = files[k].open &&
                    pkv__segment_name_compare(&files[k].name, &f->followed[i].name) == 0;
        if (!there)
            (void)pkv__intake_free(pkv__follower_unfollow(f, &f->followed[i].name));
    }
}

static int look(struct pkv__follower *f, struct pkv__segment_file *files, size_t count, bool full,
                bool live, pkv_error *error)
{
    pkv_error first = f->unlisted_why;
    int rc = 0;
    if (full && pkv__monotonic_ns() >= f->next_recheck_ns)
        rc = pkv__follower_recheck(f, files, count, error);
    if (rc == 0 && look_at_all_open(f, files, count, live, &first) < 0)
        rc = pkv__error_memory(error);
    if (rc == 0)
        rc = take_all(f, files, count, &first, error);
    if (rc == 0 && full)
        pkv__follower_note_days(f, files, count);
    if (rc == 0 && live) {
        drop_vanished(f, files, count);
        rc = pkv__follower_advance(f, error);
    }
    if (rc == 0 && first.code != 0) {
        rc = first.code;
        if (error)
            *error = first;
    }
    return rc;
}

int pkv__follower_step(struct pkv__follower *follower, bool live, pkv_progress_fn *progress,
                       void *context, pkv_error *error)
{
    struct pkv__follower *f = follower;
    f->progress = progress;
    f->progress_context = context;
    if (f->catalog && pkv__catalog_is_gone(f->catalog)) {
        pkv__log(f->options, PKV_LOG_WARNING, "the catalog has been deleted: it is made again");
        f->catalog = pkv__catalog_free(f->catalog);
    }
    int rc = pkv__archive_check(f->directory, error);
    if (rc == 0 && !f->catalog)
        rc = pkv__follower_open_catalog(f, error);
    if (rc < 0)
        return rc;
    struct pkv__segment_file *files = NULL;
    size_t count = 0;
    bool full;
    rc = list(f, &full, &files, &count, error);
    if (rc == 0)
        rc = look(f, files, count, full, live, error);
    pkv__free(files);
    return rc;
}
