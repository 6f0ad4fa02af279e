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
#define DAY_TEXT 9 /* "20261122" */

struct listing {
    char first_day[DAY_TEXT], last_day[DAY_TEXT];
    struct pkv__segment_file *files;
    size_t count, capacity;
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

/* Descends through YYYY/MM/DD; the depth is bounded by the date's eight digits. */
static int list_level(struct listing *l, const char *path, const char *date, pkv_error *error)
{
    size_t digits = strlen(date), next = digits == 0 ? 4 : 2, count = 0;
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
