/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

#define DAY_NS (86400 * PKV__NS_PER_S)
#define DAY_TEXT sizeof(((struct pkv__archive_day *)NULL)->day)

struct listing {
    char first_day[DAY_TEXT], last_day[DAY_TEXT];
    bool only_days;
    const struct pkv__unlisted *unlisted; /* NULL: nobody to tell */
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

static int ignore(void *context, const char *date, const pkv_error *why)
{
    (void)context;
    (void)date;
    (void)why;
    return 0;
}
const struct pkv__unlisted pkv__unlisted_ignored = {ignore, NULL};

void pkv__unlisted_path(char path[PKV__UNLISTED_PATH_TEXT], const char *date)
{
    size_t digits = strlen(date);
    int length = snprintf(path, PKV__UNLISTED_PATH_TEXT, "segments");
    for (size_t at = 0; at < digits; at += at == 0 ? 4 : 2)
        length += snprintf(path + length, PKV__UNLISTED_PATH_TEXT - (size_t)length, "/%.*s",
                           at == 0 ? 4 : 2, date + at);
}

int64_t pkv__unlisted_start(const char *date)
{
    char first[PKV__SEGMENT_STEM_TEXT];
    struct pkv__segment_name name;
    size_t digits = strlen(date);
    (void)snprintf(first, sizeof first, "%s%sT000000.000000000Z-0-000001", date,
                   digits == 4   ? "0101"
                   : digits == 6 ? "01"
                                 : "");
    return pkv__segment_stem_parse(&name, first) ? name.start_ns : INT64_MIN;
}

/* What goes away meanwhile, or is no directory, holds nothing; but segments/ must be one. */
static int cannot_list(struct listing *l, const char *date, const pkv_error *why, pkv_error *error)
{
    if (why->code == PKV_E_NOT_FOUND && *date)
        return 0;
    if (l->unlisted && why->code != PKV_E_MEMORY)
        return l->unlisted->tell(l->unlisted->context, date, why);
    if (error)
        *error = *why;
    return why->code;
}

static int add_day(struct listing *l, const char *path, const char *date, pkv_error *error)
{
    pkv_error why;
    if (pkv__grow(&l->days, &l->day_capacity, l->day_count + 1, sizeof *l->days) < 0)
        return pkv__error_memory(error);
    struct pkv__archive_day *day = &l->days[l->day_count];
    (void)snprintf(day->day, sizeof day->day, "%s", date);
    if (pkv__file_stamp(path, &day->inode, &day->changed_ns, &why) < 0)
        return cannot_list(l, date, &why, error);
    l->day_count++;
    return 0;
}

static int read_files(struct listing *l, const char *path, pkv_error *why)
{
    char **names = NULL;
    size_t count = 0;
    int rc = pkv__file_list(path, &names, &count, why);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = add_file(l, names[i], why);
    pkv__file_names_free(names, count);
    return rc;
}

/* Whether nothing in the directory was renamed since `before` was taken. */
static bool is_unchanged(const char *path, const struct pkv__archive_day *before)
{
    struct pkv__archive_day now;
    return pkv__file_stamp(path, &now.inode, &now.changed_ns, NULL) == 0 &&
           now.inode == before->inode && now.changed_ns == before->changed_ns;
}

/* A large directory is read in several calls, and what is sealed between two of them may show
 * neither its old name nor its new one. It is renamed once only: then it shows in what is read
 * after that, and what is renamed during the second reading was there, by its old name, all through
 * the first. */
static int list_files(struct listing *l, const char *path, const char *date, pkv_error *error)
{
    struct pkv__archive_day before;
    pkv_error why;
    int64_t settled_ns = pkv__clock_ns() - PKV__SETTLED_NS;
    bool settled = pkv__file_stamp(path, &before.inode, &before.changed_ns, NULL) == 0 &&
                   before.changed_ns <= settled_ns;
    int rc = read_files(l, path, &why);
    if (rc == 0 && !(settled && is_unchanged(path, &before)))
        rc = read_files(l, path, &why);
    return rc < 0 ? cannot_list(l, date, &why, error) : 0;
}

static int list_level(struct listing *l, const char *path, const char *date, pkv_error *error);

static int descend(struct listing *l, const char *path, const char *name, const char *date,
                   pkv_error *error)
{
    char longer[DAY_TEXT];
    size_t digits = strlen(date), next = digits == 0 ? 4 : 2;
    if (!is_number(name, next))
        return 0;
    (void)snprintf(longer, sizeof longer, "%s%s", date, name);
    if (!in_range(l, longer, digits + next))
        return 0;
    char *below PKV__AUTO_FREE = pkv__archive_join(path, name);
    return below ? list_level(l, below, longer, error) : pkv__error_memory(error);
}

/* Descends through YYYY/MM/DD; the depth is bounded by the date's eight digits. */
static int list_level(struct listing *l, const char *path, const char *date, pkv_error *error)
{
    char **names = NULL;
    size_t count = 0;
    pkv_error why;
    if (strlen(date) == 8)
        return l->only_days ? add_day(l, path, date, error) : list_files(l, path, date, error);
    if (pkv__file_list(path, &names, &count, &why) < 0)
        return cannot_list(l, date, &why, error);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = descend(l, path, names[i], date, error);
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
                      const struct pkv__unlisted *unlisted, struct pkv__segment_file **files,
                      size_t *count, pkv_error *error)
{
    struct listing l = {.unlisted = unlisted};
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

int pkv__archive_days(const char *directory, const struct pkv__unlisted *unlisted,
                      struct pkv__archive_day **days, size_t *count, pkv_error *error)
{
    struct listing l = {
        .first_day = "00000000", .last_day = "99999999", .only_days = true, .unlisted = unlisted};
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
    return path ? list_files(l, path, day, error) : pkv__error_memory(error);
}

int pkv__archive_list_days(const char *directory, const struct pkv__archive_day *days,
                           size_t day_count, const struct pkv__unlisted *unlisted,
                           struct pkv__segment_file **files, size_t *count, pkv_error *error)
{
    struct listing l = {.unlisted = unlisted};
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
