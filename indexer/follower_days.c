/* SPDX-License-Identifier: BSD-2-Clause */
/* Days that a query need not list. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "indexer/follower_internal.h"

#define DAY_NS (86400 * PKV__NS_PER_S)

void pkv__follower_forget_days(struct pkv__follower *f)
{
    pkv__free(f->noted);
    f->noted = NULL;
    f->noted_count = 0;
    f->days_noted = false;
}

static bool is_noted(const struct pkv__follower *f, const struct pkv__archive_day *days,
                     size_t count)
{
    if (!f->days_noted || count != f->noted_count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(days[i].day, f->noted[i].day) != 0 || days[i].inode != f->noted[i].inode ||
            days[i].changed_ns != f->noted[i].changed_ns ||
            days[i].segments != f->noted[i].segments)
            return false;
    return true;
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
static bool take_files(const struct pkv__follower *f, struct pkv__archive_day *day,
                       const struct pkv__segment_file *files, size_t count, size_t *at)
{
    struct date date = {.number = INT64_MIN};
    bool all = true;
    day->segments = 0;
    for (; *at < count; ++*at) {
        int order = strncmp(date_of(&date, &files[*at].name), day->day, strlen(day->day));
        if (order > 0)
            break;
        if (order < 0)
            continue;
        all = all && !files[*at].open && pkv__follower_knows(f->done, &files[*at].name);
        day->segments++;
    }
    return all;
}

void pkv__follower_note_days(struct pkv__follower *f, const struct pkv__segment_file *files,
                             size_t count)
{
    size_t file = 0, kept = 0;
    for (size_t i = 0; f->catalog && i < f->day_count; i++)
        if (take_files(f, &f->days[i], files, count, &file) &&
            !pkv__follower_is_unlisted(f, f->days[i].day) && f->days[i].changed_ns <= f->settled_ns)
            f->days[kept++] = f->days[i];
    f->days_noted = is_noted(f, f->days, kept) ||
                    pkv__archive_notes_write(f->directory, f->days, kept, NULL) == 0;
    pkv__free(f->noted);
    f->noted = f->days;
    f->noted_count = kept;
    f->days = NULL;
    f->day_count = 0;
}
