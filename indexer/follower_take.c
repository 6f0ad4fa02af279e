/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "indexer/follower_internal.h"
#include "indexer/index_writer.h"

#define BLOCKS_AT_A_TIME 64u /* 4 MiB raw: some 10 ms */

PKV__DEFINE_CLEANUP(struct pkv__intake, pkv__intake_free);

static int read_to_end(struct pkv__follower *f, struct pkv__intake *intake, pkv_error *error)
{
    int rc;
    while ((rc = pkv__intake_advance(intake, BLOCKS_AT_A_TIME, error)) > 0) {
        rc = pkv__follower_poll(f, error);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? rc : pkv__intake_end(intake, error);
}

/* What was read as it grew is used, unless something about it was wrong. */
static int read_segment(struct pkv__follower *f, const struct pkv__segment_name *name,
                        struct pkv__intake **intake, pkv_error *error)
{
    struct pkv__intake *reading PKV__AUTO(pkv__intake_free) = pkv__follower_unfollow(f, name);
    if (!reading && f->feed)
        reading = pkv__feed_take(f->feed, name);
    int rc = reading ? read_to_end(f, reading, error) : PKV_E_FORMAT;
    if (rc == PKV_E_FORMAT) {
        reading = pkv__intake_free(reading);
        rc = pkv__intake_open(&reading, f->directory, name, false, error);
        if (rc == 0)
            rc = read_to_end(f, reading, error);
    }
    if (rc < 0)
        return rc;
    *intake = PKV__STEAL(reading);
    return 0;
}

/* What chain.log says of a segment is never changed: a file that differs now is reported. */
static int chain(struct pkv__follower *f, struct pkv__intake *intake, const char *path,
                 pkv_error *error)
{
    if (!f->chain)
        return 0;
    const char *before = pkv__chain_hash(f->chain, path), *now = pkv__intake_sha256(intake);
    if (!before)
        return pkv__chain_append(f->chain, path, now, error);
    if (strcmp(before, now) == 0)
        return 0;
    pkv__log(f->options, PKV_LOG_ERROR,
             "%s/%s: its hash differs from chain.log: it has been changed or damaged", f->directory,
             path);
    if (pkv__segment_index_add_damage(pkv__intake_index(intake), -1,
                                      "hash differs from chain.log") < 0)
        return pkv__error_memory(error);
    return 0;
}

/* The rows of other segments come back with the next step. */
static int replace_catalog(struct pkv__follower *f, pkv_error *error)
{
    f->catalog = pkv__catalog_free(f->catalog);
    int rc = pkv__catalog_forget(f->directory, error);
    return rc < 0 ? rc : pkv__follower_open_catalog(f, error);
}

static int put_in_catalog(struct pkv__follower *f, const struct pkv__segment_index *index,
                          pkv_error *error)
{
    pkv_error damage;
    int rc = pkv__catalog_put(f->catalog, index, &damage);
    if (rc == PKV_E_FORMAT) {
        pkv__log(f->options, PKV_LOG_WARNING, "the catalog is made anew: %s", damage.text);
        rc = replace_catalog(f, &damage);
        if (rc == 0)
            rc = pkv__catalog_put(f->catalog, index, &damage);
    }
    if (rc < 0 && error)
        *error = damage;
    return rc;
}

static int write_all(struct pkv__follower *f, struct pkv__intake *intake, pkv_error *error)
{
    const struct pkv__segment_index *index = pkv__intake_index(intake);
    char path[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(path, pkv__segment_index_name(index), false);
    int rc = pkv__index_write(index, f->directory, error);
    if (rc == 0)
        rc = chain(f, intake, path, error);
    if (rc == 0)
        rc = put_in_catalog(f, index, error);
    return rc;
}

static void count(struct pkv__follower *f, const struct pkv__segment_index *index)
{
    f->report.segments++;
    f->report.packets += pkv__segment_index_packets(index);
    f->report.flows += pkv__segment_index_flows(index);
    f->report.failed += pkv__segment_index_is_damaged(index);
}

static int take(struct pkv__follower *f, const struct pkv__segment_name *name, pkv_error *error)
{
    struct pkv__intake *intake PKV__AUTO(pkv__intake_free) = NULL;
    if (!f->catalog)
        return pkv__error(error, PKV_E_SYSTEM, -1, "%s: no catalog", f->directory);
    int rc = read_segment(f, name, &intake, error);
    if (rc == 0)
        rc = write_all(f, intake, error);
    if (rc < 0)
        return rc;
    count(f, pkv__intake_index(intake));
    return pkv__follower_remember(f->done, name) < 0 ? pkv__error_memory(error) : 0;
}

int pkv__follower_take(struct pkv__follower *f, const struct pkv__segment_name *name,
                       pkv_error *error)
{
    int rc = take(f, name, error);
    if (rc == PKV_E_NOT_FOUND) /* deleted meanwhile */
        return 0;
    if (rc < 0 && rc != PKV_E_CANCELED) {
        f->report.failed++;
        (void)pkv__follower_remember(f->failing, name);
    }
    return rc;
}
