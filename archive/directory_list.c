/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#define DAY_NS (86400 * PKV__NS_PER_S)
#define DAY_TEXT sizeof(((struct pkv__archive_day *)NULL)->day)

struct listing {
    char first_day[DAY_TEXT], last_day[DAY_TEXT];
    bool only_days;
    struct pkv__segment_file *files;
    size_t count, capacity;
    struct pkv__archive_day *days;
    size_t day_count, day_capacity;
};

static void day_of(char day[DAY_TEXT], int64_t time_ns)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, &(struct pkv__segment_name){.start_ns = time_ns});
    (void)snprintf(day, DAY_TEXT, "%.8s", stem);
}

static int add_file(struct listing *l, const char *name, pkv_error *error)
{
    struct pkv__segment_file file;
    if (!pkv__segment_name_parse(&file.name, &file.open, name))
        return 0;
    if (pkv__grow(&l->files, &l->capacity, l->count + 1, sizeof *l->files) < 0)
        return pkv__error_memory(error);
    l->files[l->count++] = file;
    return 0;
}

static bool is_number(const char *name, size_t digits)
{
    return strlen(name) == digits && strspn(name, "0123456789") == digits;
}

/* `digits`: those of the date that the path names so far: 0, 4, 6, 8. */
static bool in_range(const struct listing *l, const char *date, size_t digits)
{
    return strncmp(date, l->first_day, digits) >= 0 && strncmp(date, l->last_day, digits) <= 0;
}

/* A directory that goes away meanwhile holds nothing. */
static int add_day(struct listing *l, const char *path, const char *date, pkv_error *error)
{
    if (pkv__grow(&l->days, &l->day_capacity, l->day_count + 1, sizeof *l->days) < 0)
        return pkv__error_memory(error);
    struct pkv__archive_day *day = &l->days[l->day_count];
    (void)snprintf(day->day, sizeof day->day, "%s", date);
    if (pkv__file_stamp(path, &day->inode, &day->changed_ns, error) == 0)
        l->day_count++;
    else if (pkv__file_exists(path))
        return PKV_E_SYSTEM;
    return 0;
}

/* Descends through YYYY/MM/DD; the depth is bounded by the date's eight digits. */
static int list_level(struct listing *l, const char *path, const char *date, pkv_error *error)
{
    size_t digits = strlen(date), next = digits == 0 ? 4 : 2, count = 0;
    if (digits == 8 && l->only_days)
        return add_day(l, path, date, error);
    char **names = NULL;
    int rc = pkv__file_list(path, &names, &count, error);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (digits == 8) {
            rc = add_file(l, names[i], error);
            continue;
        }
        char longer[DAY_TEXT];
        if (!is_number(names[i], next))
            continue;
        (void)snprintf(longer, sizeof longer, "%s%s", date, names[i]);
        if (!in_range(l, longer, digits + next))
            continue;
        char *below = pkv__archive_join(path, names[i]);
        rc = below ? list_level(l, below, longer, error) : pkv__error_memory(error);
        pkv__free(below);
    }
    pkv__file_names_free(names, count);
    return rc;
}

/* Of an open and a sealed file of one name, the sealed one comes first. */
static int compare(const void *a, const void *b)
{
    const struct pkv__segment_file *x = a, *y = b;
    int order = pkv__segment_name_compare(&x->name, &y->name);
    return order ? order : (int)x->open - (int)y->open;
}

static void sort_and_unite(struct listing *l)
{
    size_t kept = 0;
    if (l->count)
        qsort(l->files, l->count, sizeof *l->files, compare);
    for (size_t i = 0; i < l->count; i++)
        if (kept == 0 ||
            pkv__segment_name_compare(&l->files[kept - 1].name, &l->files[i].name) != 0)
            l->files[kept++] = l->files[i];
    l->count = kept;
}

int pkv__archive_list(const char *directory, int64_t since_ns, int64_t until_ns,
                      struct pkv__segment_file **files, size_t *count, pkv_error *error)
{
    struct listing l = {.count = 0};
    day_of(l.first_day, since_ns < INT64_MIN + DAY_NS ? INT64_MIN : since_ns - DAY_NS);
    day_of(l.last_day, until_ns);
    char *segments PKV__AUTO_FREE = pkv__archive_join(directory, "segments");
    if (!segments)
        return pkv__error_memory(error);
    int rc = list_level(&l, segments, "", error);
    if (rc < 0) {
        pkv__free(l.files);
        return rc;
    }
    sort_and_unite(&l);
    *files = l.files;
    *count = l.count;
    return 0;
}

int pkv__archive_days(const char *directory, struct pkv__archive_day **days, size_t *count,
                      pkv_error *error)
{
    struct listing l = {.first_day = "00000000", .last_day = "99999999", .only_days = true};
    char *segments PKV__AUTO_FREE = pkv__archive_join(directory, "segments");
    if (!segments)
        return pkv__error_memory(error);
    int rc = list_level(&l, segments, "", error);
    if (rc < 0) {
        pkv__free(l.days);
        return rc;
    }
    *days = l.days;
    *count = l.day_count;
    return 0;
}

static int list_day(struct listing *l, const char *directory, const char *day, pkv_error *error)
{
    char *path PKV__AUTO_FREE =
        pkv__printf("%s/segments/%.4s/%.2s/%.2s", directory, day, day + 4, day + 6);
    return path ? list_level(l, path, day, error) : pkv__error_memory(error);
}

int pkv__archive_list_days(const char *directory, const struct pkv__archive_day *days,
                           size_t day_count, struct pkv__segment_file **files, size_t *count,
                           pkv_error *error)
{
    struct listing l = {.count = 0};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < day_count; i++)
        rc = list_day(&l, directory, days[i].day, error);
    if (rc < 0) {
        pkv__free(l.files);
        return rc;
    }
    sort_and_unite(&l);
    *files = l.files;
    *count = l.count;
    return 0;
}
