/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/recovery.h"
#include "base/options.h"
#include "indexer/follower_internal.h"

#define BLOCKS_AT_A_TIME 64u

int pkv__follower_seal_dead(struct pkv__follower *f, const struct pkv__segment_name *name,
                            pkv_error *error)
{
    char path[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(path, name, false);
    int rc = pkv__recover(f->directory, name, error);
    if (rc == PKV_E_BUSY || rc == PKV_E_NOT_FOUND)
        return 0;
    if (rc < 0) {
        (void)pkv__follower_remember(f->failing, name);
        return rc;
    }
    (void)pkv__intake_free(pkv__follower_unfollow(f, name)); /* recovery cuts and appends */
    if (f->feed)
        (void)pkv__intake_free(pkv__feed_take(f->feed, name));
    bool sealed = rc != PKV__RECOVERY_REMOVED;
    f->report.recovered += sealed;
    pkv__log(f->options, PKV_LOG_WARNING, "%s: its writer died or gave it up; %s", path,
             sealed ? "what it had flushed is sealed" : "it held nothing and is removed");
    return sealed;
}

struct pkv__intake *pkv__follower_unfollow(struct pkv__follower *f,
                                           const struct pkv__segment_name *name)
{
    for (unsigned i = 0; i < f->followed_count; i++) {
        if (pkv__segment_name_compare(&f->followed[i].name, name) != 0)
            continue;
        struct pkv__intake *intake = f->followed[i].intake;
        f->followed[i] = f->followed[--f->followed_count];
        return intake;
    }
    return NULL;
}

static bool is_followed(const struct pkv__follower *f, const struct pkv__segment_name *name)
{
    for (unsigned i = 0; i < f->followed_count; i++)
        if (pkv__segment_name_compare(&f->followed[i].name, name) == 0)
            return true;
    return false;
}

int pkv__follower_follow(struct pkv__follower *f, const struct pkv__segment_name *name,
                         pkv_error *error)
{
    if (name->lane >= PKV__IMPORT_LANE_FIRST || f->followed_count == PKV__FOLLOWED_MAX ||
        is_followed(f, name) || pkv__follower_knows(f->left_alone, name))
        return 0;
    struct pkv__intake *intake;
    int rc = pkv__intake_open(&intake, f->directory, name, true, error);
    if (rc == PKV_E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    f->followed[f->followed_count++] = (struct pkv__followed){*name, intake};
    return 0;
}

/* It will be read once it is sealed. */
static void leave_alone(struct pkv__follower *f, unsigned at)
{
    struct pkv__segment_name name = f->followed[at].name;
    (void)pkv__follower_remember(f->left_alone, &name);
    (void)pkv__intake_free(pkv__follower_unfollow(f, &name));
}

static void bound_memory(struct pkv__follower *f)
{
    uint64_t all, largest;
    unsigned at;
    do {
        all = largest = 0;
        at = 0;
        for (unsigned i = 0; i < f->followed_count; i++) {
            uint64_t bytes = pkv__segment_index_bytes(pkv__intake_index(f->followed[i].intake));
            all += bytes;
            if (bytes > largest) {
                largest = bytes;
                at = i;
            }
        }
        if (all > PKV__FOLLOWED_BYTES)
            leave_alone(f, at);
    } while (all > PKV__FOLLOWED_BYTES);
}

int pkv__follower_advance(struct pkv__follower *f, pkv_error *error)
{
    for (unsigned i = f->followed_count; i-- > 0;) {
        int rc;
        while ((rc = pkv__intake_advance(f->followed[i].intake, BLOCKS_AT_A_TIME, NULL)) > 0) {
            bound_memory(f);
            if (i >= f->followed_count)
                break;
            rc = pkv__follower_poll(f, error);
            if (rc < 0)
                return rc;
        }
        if (rc < 0)
            leave_alone(f, i);
    }
    bound_memory(f);
    return 0;
}
