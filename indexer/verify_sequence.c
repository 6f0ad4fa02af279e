/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "archive/loss_journal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "indexer/verify_internal.h"

#define LANE "lane-"
#define ADVICE                                                                                     \
    "a recorder that died before it had stored a packet leaves such a hole; else segments were "   \
    "removed before they were chained"

static int add(struct pkv__verify *v, uint32_t lane, uint64_t sequence)
{
    if (pkv__grow(&v->numbers, &v->number_capacity, v->number_count + 1, sizeof *v->numbers) < 0)
        return pkv__error_memory(v->error);
    v->numbers[v->number_count++] = (struct pkv__verify_number){lane, sequence};
    return 0;
}

/* A file of locks/ that went away since it was listed is no finding. */
static int tell_unreadable(struct pkv__verify *v, const char *name, int rc, const pkv_error *why)
{
    PKV__AUTO_FREE char *relative = pkv__archive_join("locks", name);
    if (!relative)
        return pkv__error_memory(v->error);
    return rc == PKV_E_NOT_FOUND ? 0 : pkv__verify_say_unreadable(v, relative, rc, why);
}

/* Numbers begin at 1. One that a living writer has just drawn may have no file yet. */
static int read_number(struct pkv__verify *v, const char *name, uint32_t lane)
{
    PKV__AUTO_FREE char *path = pkv__printf("%s/locks/%s", v->directory, name);
    PKV__AUTO_FREE char *text = NULL;
    size_t length = 0;
    uint64_t last;
    pkv_error why;
    if (!path)
        return pkv__error_memory(v->error);
    bool writes = pkv__file_is_locked(path);
    int rc = pkv__file_read_all(path, PKV__SIZELESS_MAX_BYTES, &text, &length, &why);
    if (rc < 0)
        return tell_unreadable(v, name, rc, &why);
    if (length == 0 || !pkv__text_number(&last, text, length - 1, UINT64_MAX - 1))
        return 0;
    rc = add(v, lane, 0);
    return rc < 0 ? rc : add(v, lane, writes ? last : last + 1);
}

static int look_at_losses(struct pkv__verify *v, const char *name, uint32_t lane)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    size_t count;
    pkv_error why;
    int rc = pkv__loss_journal_read(v->directory, lane, records, &count, &why);
    return rc < 0 ? tell_unreadable(v, name, rc, &why) : 0;
}

/* "lane-N", "lane-N.losses"; others are no business of ours. */
static int read_lane(struct pkv__verify *v, const char *name)
{
    const char *digits = name + strlen(LANE), *behind = digits + strspn(digits, "0123456789");
    uint64_t lane;
    if (!pkv__text_number(&lane, digits, (size_t)(behind - digits), UINT32_MAX))
        return 0;
    if (!*behind)
        return read_number(v, name, (uint32_t)lane);
    return strcmp(behind, ".losses") == 0 ? look_at_losses(v, name, (uint32_t)lane) : 0;
}

int pkv__verify_read_lanes(struct pkv__verify *v)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, "locks");
    char **names = NULL;
    size_t count = 0;
    if (!path)
        return pkv__error_memory(v->error);
    pkv_error why;
    int rc = pkv__file_list(path, &names, &count, &why);
    if (rc < 0)
        return pkv__verify_say_unreadable(v, "locks", rc, &why);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (strncmp(names[i], LANE, strlen(LANE)) == 0)
            rc = read_lane(v, names[i]);
    pkv__file_names_free(names, count);
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct pkv__verify_number *x = a, *y = b;
    if (x->lane != y->lane)
        return x->lane < y->lane ? -1 : 1;
    return x->sequence == y->sequence ? 0 : x->sequence < y->sequence ? -1 : 1;
}

static int tell_hole(struct pkv__verify *v, uint32_t lane, uint64_t first, uint64_t last)
{
    if (first == last)
        return pkv__verify_say(
            v, PKV_FINDING_NOTE, "segments", -1, ADVICE,
            "lane %" PRIu32 ": number %" PRIu64 " is neither there nor in the chain", lane, first);
    return pkv__verify_say(v, PKV_FINDING_NOTE, "segments", -1, ADVICE,
                           "lane %" PRIu32 ": numbers %" PRIu64 " to %" PRIu64
                           " are neither there nor in the chain",
                           lane, first, last);
}

int pkv__verify_sequences(struct pkv__verify *v)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < v->file_count; i++)
        rc = add(v, v->files[i].name.lane, v->files[i].name.sequence);
    for (size_t i = 0; rc == 0 && i < v->chained_count; i++)
        rc = add(v, v->chained[i].name.lane, v->chained[i].name.sequence);
    if (v->number_count)
        qsort(v->numbers, v->number_count, sizeof *v->numbers, compare);
    for (size_t i = 1; rc == 0 && i < v->number_count; i++) {
        const struct pkv__verify_number *before = &v->numbers[i - 1], *at = &v->numbers[i];
        if (at->lane == before->lane && at->sequence > before->sequence &&
            at->sequence - before->sequence > 1)
            rc = tell_hole(v, at->lane, before->sequence + 1, at->sequence - 1);
    }
    return rc;
}
