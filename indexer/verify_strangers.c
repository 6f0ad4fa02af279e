/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "indexer/verify_internal.h"

#define LEVELS 3u /* YYYY/MM/DD */
#define ADVICE "pktvault passes over it; it can be moved away"

typedef int file_fn(struct pkv__verify *v, const char *relative, const char *name);

static int say_stranger(struct pkv__verify *v, const char *relative)
{
    return pkv__verify_say(v, PKV_FINDING_NOTE, relative, -1, ADVICE, "does not belong here");
}

/* Of segments/ it was told when they were listed; that an index cannot be looked into is told with
 * its segment. */
static int tell_unlisted(struct pkv__verify *v, const char *relative, unsigned level, int rc,
                         const pkv_error *why)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(v->error);
    if (rc == PKV_E_NOT_FOUND && level > 0)
        return say_stranger(v, relative);
    if (strncmp(relative, "segments", strlen("segments")) == 0)
        return 0;
    return pkv__verify_say(v, PKV_FINDING_NOTE, relative, -1,
                           "see that it can be read, and try again", "%s", why->text);
}

static bool is_date_part(const char *name, unsigned level)
{
    size_t digits = level == 0 ? 4 : 2;
    return strlen(name) == digits && strspn(name, "0123456789") == digits;
}

static int walk(struct pkv__verify *v, const char *relative, unsigned level, file_fn *file)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, relative);
    char **names = NULL;
    size_t count = 0;
    if (!path)
        return pkv__error_memory(v->error);
    pkv_error why;
    int rc = pkv__file_list(path, &names, &count, &why);
    if (rc < 0)
        return tell_unlisted(v, relative, level, rc, &why);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        PKV__AUTO_FREE char *below = pkv__archive_join(relative, names[i]);
        if (!below)
            rc = pkv__error_memory(v->error);
        else if (level < LEVELS && is_date_part(names[i], level))
            rc = walk(v, below, level + 1, file);
        else
            rc = file(v, below, names[i]);
    }
    pkv__file_names_free(names, count);
    return rc;
}

static int look_at_segment(struct pkv__verify *v, const char *relative, const char *name)
{
    char canonical[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_name parsed;
    bool open;
    if (!pkv__segment_name_parse(&parsed, &open, name))
        return say_stranger(v, relative);
    pkv__segment_path(canonical, &parsed, open);
    if (strcmp(canonical, relative) == 0)
        return open ? pkv__verify_twin(v, &parsed) : 0;
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, relative, -1, "move it where its name says",
                           "is a segment in a wrong directory: it belongs to %s", canonical);
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool parse_index(struct pkv__segment_name *name, const char *file)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    if (!ends_with(file, PKV__INDEX_SUFFIX))
        return false;
    size_t length = strlen(file) - strlen(PKV__INDEX_SUFFIX);
    if (length >= sizeof stem)
        return false;
    memcpy(stem, file, length);
    stem[length] = '\0';
    return pkv__segment_stem_parse(name, stem);
}

/* The chain has told of a segment that it knows. */
static int tell_orphan(struct pkv__verify *v, const char *relative,
                       const struct pkv__segment_name *name)
{
    return pkv__verify_say(
        v, pkv__verify_chain_find(v, name) ? PKV_FINDING_NOTE : PKV_FINDING_MISSING, relative, -1,
        "restore the segment, or delete the index", "the segment of this index is not there");
}

static int look_at_index(struct pkv__verify *v, const char *relative, const char *name)
{
    char path[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_name parsed;
    if (v->indexer_runs && (ends_with(name, ".new") || ends_with(name, ".spill")))
        return 0;
    if (!parse_index(&parsed, name))
        return say_stranger(v, relative);
    pkv__index_path(path, &parsed);
    if (strcmp(path, relative) != 0)
        return say_stranger(v, relative);
    pkv__segment_path(path, &parsed, false);
    return pkv__verify_has(v, path) ? 0 : tell_orphan(v, relative, &parsed);
}

int pkv__verify_strangers(struct pkv__verify *v)
{
    int rc = walk(v, "segments", 0, look_at_segment);
    return rc < 0 ? rc : walk(v, "index", 0, look_at_index);
}
