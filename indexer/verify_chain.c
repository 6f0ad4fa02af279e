/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/chain_verify.h"
#include "base/error.h"
#include "base/memory.h"
#include "indexer/verify_internal.h"

#define CHAIN "chain.log"
#define ADVICE                                                                                     \
    "nothing is appended any more; compare with a copy of chain.log, and with the sha256 in the "  \
    "catalog"

/* A path that is that of a segment, in the one way that it is written. */
static bool parse_path(struct pkv__segment_name *name, const char *path)
{
    char canonical[PKV__SEGMENT_PATH_TEXT];
    const char *file = strrchr(path, '/');
    bool open;
    if (!file || !pkv__segment_name_parse(name, &open, file + 1) || open)
        return false;
    pkv__segment_path(canonical, name, false);
    return strcmp(canonical, path) == 0;
}

static int take_entry(void *context, int64_t offset, const char *path, const char *hex)
{
    struct pkv__verify *v = context;
    struct pkv__verify_chained chained = {.met = false};
    if (!parse_path(&chained.name, path)) {
        v->chain_holds = false;
        return pkv__verify_say(v, PKV_FINDING_DAMAGE, CHAIN, offset, ADVICE,
                               "names what no segment is called: %.100s", path);
    }
    (void)snprintf(chained.hash, sizeof chained.hash, "%s", hex);
    if (pkv__grow(&v->chained, &v->chained_capacity, v->chained_count + 1, sizeof *v->chained) < 0)
        return pkv__error_memory(v->error);
    v->chained[v->chained_count++] = chained;
    return 0;
}

static int take_fault(void *context, int64_t offset, bool torn, const char *text)
{
    struct pkv__verify *v = context;
    if (torn)
        return pkv__verify_say(v, PKV_FINDING_NOTE, CHAIN, offset,
                               "pktvault index cuts it off and goes on",
                               "%s: an indexer was stopped while it wrote, or writes now", text);
    v->chain_holds = false;
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, CHAIN, offset, ADVICE, "%s", text);
}

static int compare(const void *a, const void *b)
{
    return pkv__segment_name_compare(&((const struct pkv__verify_chained *)a)->name,
                                     &((const struct pkv__verify_chained *)b)->name);
}

/* Of two lines for one segment, either may be the true one. */
static int tell_twice(struct pkv__verify *v)
{
    int rc = 0;
    for (size_t i = 1; rc == 0 && i < v->chained_count; i++) {
        char path[PKV__SEGMENT_PATH_TEXT];
        if (compare(&v->chained[i - 1], &v->chained[i]) != 0)
            continue;
        v->chained[i].met = true;
        pkv__segment_path(path, &v->chained[i].name, false);
        rc = pkv__verify_say(v, PKV_FINDING_DAMAGE, CHAIN, -1, ADVICE, "has %s twice", path);
    }
    return rc;
}

/* What keeps it from being read is told, and nothing is read of it then. */
static int read_chain(struct pkv__verify *v, const struct pkv__chain_look *look)
{
    pkv_error why = {.code = 0};
    int rc = pkv__chain_verify(v->directory, look, &why);
    if (rc == PKV_E_NOT_FOUND) {
        v->chain_holds = false;
        return pkv__verify_say(v, PKV_FINDING_MISSING, CHAIN, -1,
                               "restore it from a copy: it cannot be made again",
                               "is not there: no segment can be proved");
    }
    if (rc == PKV_E_SYSTEM || rc == PKV_E_LIMIT) {
        v->chain_holds = false;
        v->chain_unread = true;
    }
    return rc == 0 || rc == PKV_E_CANCELED ? rc : pkv__verify_say_unreadable(v, CHAIN, rc, &why);
}

int pkv__verify_chain(struct pkv__verify *v)
{
    struct pkv__chain_look look = {take_entry, take_fault, v};
    v->chain_holds = true;
    int rc = read_chain(v, &look);
    if (v->chained_count)
        qsort(v->chained, v->chained_count, sizeof *v->chained, compare);
    v->report.chained = v->chained_count;
    return rc < 0 ? rc : tell_twice(v);
}

struct pkv__verify_chained *pkv__verify_chain_find(const struct pkv__verify *v,
                                                   const struct pkv__segment_name *name)
{
    struct pkv__verify_chained key = {.name = *name};
    return v->chained_count
               ? bsearch(&key, v->chained, v->chained_count, sizeof *v->chained, compare)
               : NULL;
}

int pkv__verify_note_unproven(struct pkv__verify *v, const struct pkv__segment_name *name)
{
    if (pkv__grow(&v->unproven, &v->unproven_capacity, v->unproven_count + 1, sizeof *v->unproven) <
        0)
        return pkv__error_memory(v->error);
    v->unproven[v->unproven_count++] = (struct pkv__verify_chained){.name = *name};
    return 0;
}

static int take_later(void *context, int64_t offset, const char *path, const char *hex)
{
    struct pkv__verify *v = context;
    struct pkv__verify_chained key = {.met = true}, *found = NULL;
    (void)offset;
    (void)hex;
    if (parse_path(&key.name, path))
        found = bsearch(&key, v->unproven, v->unproven_count, sizeof key, compare);
    if (found)
        found->met = true;
    return 0;
}

static int ignore_fault(void *context, int64_t offset, bool torn, const char *text)
{
    (void)context;
    (void)offset;
    (void)torn;
    (void)text;
    return 0;
}

/* A segment has its line before its row in the catalog. Those that were not in the chain when it
 * was read may be there now. */
int pkv__verify_unproven(struct pkv__verify *v)
{
    struct pkv__chain_look look = {take_later, ignore_fault, v};
    if (!v->unproven_count || !v->chain_holds)
        return 0;
    qsort(v->unproven, v->unproven_count, sizeof *v->unproven, compare);
    int rc = read_chain(v, &look);
    for (size_t i = 0; rc == 0 && v->chain_holds && i < v->unproven_count; i++) {
        char path[PKV__SEGMENT_PATH_TEXT];
        if (v->unproven[i].met)
            continue;
        pkv__segment_path(path, &v->unproven[i].name, false);
        rc = pkv__verify_say(v, PKV_FINDING_MISSING, CHAIN, -1, ADVICE,
                             "has no line for %s, which the catalog has: the line was removed",
                             path);
    }
    return rc;
}
