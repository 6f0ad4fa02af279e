/* SPDX-License-Identifier: BSD-2-Clause */
/* Days that a query need not list. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "indexer/follower_internal.h"

#define DAY_NS (86400 * PKV__NS_PER_S)

/* A file that comes within a tick of the file system's clock after the directory was looked at does
 * not show in its time: two seconds are the coarsest in use (FAT). */
#define SETTLED_NS (2 * PKV__NS_PER_S)

void pkv__follower_forget_days(struct pkv__follower *f)
{
    pkv__free(f->noted);
    f->noted = NULL;
    f->noted_count = 0;
}

static bool is_noted(const struct pkv__follower *f, const struct pkv__archive_day *day, size_t *at)
{
    while (*at < f->noted_count && strcmp(f->noted[*at].day, day->day) < 0)
        ++*at;
    if (*at == f->noted_count)
        return false;
    const struct pkv__archive_day *noted = &f->noted[*at];
    return strcmp(noted->day, day->day) == 0 && noted->inode == day->inode &&
           noted->changed_ns == day->changed_ns;
}

/* The day of a segment's directory; only the first of a day is written as text. */
struct date {
    int64_t number; /* of days since 1970; INT64_MIN: none yet */
    char stem[PKV__SEGMENT_STEM_TEXT];
};

static const char *date_of(struct date *date, const struct pkv__segment_name *name)
{
    int64_t number = name->start_ns / DAY_NS - (name->start_ns % DAY_NS < 0);
    if (number != date->number)
        pkv__segment_stem(date->stem, name);
    date->number = number;
    return date->stem;
}

/* Those of a day stand together, in the order of days. False: one is not in the catalog. */
static bool take_files(const struct pkv__follower *f, const struct pkv__archive_day *day,
                       const struct pkv__segment_file *files, size_t count, size_t *at,
                       uint64_t *segments)
{
    struct date date = {.number = INT64_MIN};
    bool all = true;
    *segments = 0;
    for (; *at < count; ++*at) {
        int order = strncmp(date_of(&date, &files[*at].name), day->day, strlen(day->day));
        if (order > 0)
            break;
        if (order < 0)
            continue;
        all = all && !files[*at].open && pkv__follower_knows(f->done, &files[*at].name);
        ++*segments;
    }
    return all;
}

void pkv__follower_note_days(struct pkv__follower *f, const struct pkv__segment_file *files,
                             size_t count)
{
    size_t file = 0, before = 0, kept = 0;
    int64_t settled_ns = pkv__clock_ns() - SETTLED_NS;
    for (size_t i = 0; i < f->day_count; i++) {
        struct pkv__archive_day *day = &f->days[i];
        uint64_t segments;
        bool complete = take_files(f, day, files, count, &file, &segments);
        if (!complete || day->changed_ns > settled_ns || !f->catalog)
            continue;
        if (is_noted(f, day, &before) || pkv__catalog_put_day(f->catalog, day, segments, NULL) == 0)
            f->days[kept++] = *day;
    }
    pkv__free(f->noted);
    f->noted = f->days;
    f->noted_count = kept;
    f->days = NULL;
    f->day_count = 0;
}
