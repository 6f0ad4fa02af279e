/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/segments.h"

#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/stem_set.h"
#include "query/untold.h"

/* Past this share of an archive, reading all summaries in their order is cheaper than looking up
 * those of the range; a few cost nothing either way. */
#define LOOKED_UP_SHARE 16
#define LOOKED_UP_MIN 64

struct find {
    struct pkv__segments *segments;
    const char *directory;
    uint32_t archive;
    const struct pkv__segments_request *request;
    struct pkv__missing_list *missing;
    struct pkv__coverage *coverage;
    pkv_error *error;

    struct pkv__catalog *catalog; /* NULL: there is none that can be read */
    uint64_t catalogued;          /* segments in it */
    uint64_t in_range;            /* of them */
    struct pkv__catalog_names names;
    struct pkv__stem_set stems; /* of the catalog, of the days that are listed */

    struct pkv__archive_day *days; /* to be listed; behind them those that need not be */
    size_t day_count, all_days;
    uint64_t noted; /* segments of days that need not be listed */
    struct unlisted {
        char date[sizeof(((struct pkv__archive_day *)NULL)->day)];
    } * unlisted; /* directories that cannot be listed */
    size_t unlisted_count, unlisted_capacity;
};

static int add(struct find *f, const struct pkv__candidate *candidate)
{
    struct pkv__segments *s = f->segments;
    if (pkv__grow(&s->items, &s->capacity, s->count + 1, sizeof(*s->items)))
        return pkv__error_memory(f->error);
    s->items[s->count++] = *candidate;
    return PKV_OK;
}

static int catalog_segment(void *context, const struct pkv__catalog_segment *row)
{
    struct find *f = context;
    struct pkv__candidate candidate = {.name = row->name,
                                       .archive = f->archive,
                                       .indexed = true,
                                       .import = row->import,
                                       .first_ns = row->first_ns,
                                       .last_ns = row->last_ns,
                                       .link_types = row->link_types,
                                       .link_type = row->link_type};
    return add(f, &candidate);
}

static int catalog_missing(void *context, const pkv_missing *missing)
{
    struct find *f = context;
    pkv__missing_add(f->missing, missing);
    return PKV_OK;
}

static int catalog_stem(void *context, const char *stem)
{
    struct find *f = context;
    return pkv__stem_set_add(&f->stems, stem) ? pkv__error_memory(f->error) : PKV_OK;
}

static bool has_day(const struct find *f, const char *stem)
{
    for (size_t i = 0; i < f->all_days; i++)
        if (strncmp(f->days[i].day, stem, strlen(f->days[i].day)) == 0)
            return true;
    return pkv__stem_set_has(&f->stems, stem);
}

/* The directory of the day is gone. What the catalog has of it is looked for, and named as missing
 * then. */
static int catalog_stem_without_day(void *context, const char *stem)
{
    struct find *f = context;
    return has_day(f, stem) ? PKV_OK : catalog_stem(f, stem);
}

/* Names are kept while looking them up is cheaper than reading everything. */
static int keep_name(struct find *f, const char *stem)
{
    struct pkv__catalog_names *n = &f->names;
    if (f->in_range > LOOKED_UP_MIN && f->in_range > f->catalogued / LOOKED_UP_SHARE)
        return PKV_OK;
    if (!stem || strlen(stem) >= PKV__SEGMENT_STEM_TEXT)
        return pkv__error(f->error, PKV_E_FORMAT, -1, "the catalog has a segment without a name");
    if (pkv__grow(&n->stems, &n->capacity, n->count + 1, sizeof(*n->stems)))
        return pkv__error_memory(f->error);
    memcpy(n->stems[n->count++], stem, strlen(stem) + 1);
    return PKV_OK;
}

static int catalog_stretch(void *context, const struct pkv__catalog_stretch *stretch)
{
    struct find *f = context;
    const struct pkv__segments_request *r = f->request;
    if (pkv__coverage_add(f->coverage, stretch->start_ns, stretch->end_ns, stretch->live))
        return pkv__error_memory(f->error);
    if (stretch->near || !stretch->has_packets || stretch->last_ns < r->late_ns ||
        stretch->first_ns >= r->until_ns)
        return PKV_OK;
    f->in_range++;
    return keep_name(f, stretch->stem);
}

static int candidates(struct find *f)
{
    const struct pkv__segments_request *r = f->request;
    uint64_t seen = 0;
    size_t before = f->segments->count;
    bool few = f->names.count == f->in_range;
    int rc =
        pkv__catalog_segments(f->catalog, few ? &f->names : NULL, r->late_ns, r->until_ns,
                              r->no_index ? NULL : r->filter, &seen, catalog_segment, f, f->error);
    if (!rc && seen != f->in_range)
        rc =
            pkv__error(f->error, PKV_E_FORMAT, -1, "%s: the catalog lacks summaries", f->directory);
    if (!rc) {
        f->segments->in_range += seen;
        f->segments->skipped += seen - (f->segments->count - before);
    }
    return rc;
}

/* Brings the days that have to be listed to the front. Days and notes come in the same order. */
static void pass_over_noted(struct find *f, const struct pkv__archive_day *notes, size_t count)
{
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < f->day_count; i++) {
        const struct pkv__archive_day day = f->days[i];
        while (at < count && strcmp(notes[at].day, day.day) < 0)
            at++;
        if (at < count && strcmp(notes[at].day, day.day) == 0 && notes[at].inode == day.inode &&
            notes[at].changed_ns == day.changed_ns) {
            f->noted += notes[at].segments;
            continue;
        }
        f->days[i] = f->days[kept];
        f->days[kept++] = day;
    }
    f->day_count = kept;
}

/* What was noted as in the catalog must be there: rows may have been deleted by hand. */
static int choose_days(struct find *f)
{
    PKV__AUTO_FREE struct pkv__archive_day *notes = NULL;
    size_t count = 0;
    int rc = pkv__archive_notes_read(f->directory, &notes, &count, f->error);
    if (rc)
        return rc;
    pass_over_noted(f, notes, count);
    for (size_t i = 0; i < f->day_count && !rc; i++)
        rc = pkv__catalog_stems(f->catalog, f->days[i].day, catalog_stem, f, f->error);
    for (size_t i = 0; i < f->unlisted_count && !rc; i++)
        rc = pkv__catalog_stems(f->catalog, f->unlisted[i].date, catalog_stem, f, f->error);
    if (!rc && f->noted + f->stems.count < f->catalogued)
        rc = pkv__catalog_stems(f->catalog, "", catalog_stem_without_day, f, f->error);
    if (!rc && f->noted + f->stems.count != f->catalogued)
        rc = pkv__error(f->error, PKV_E_FORMAT, -1, "%s: the catalog lacks segments", f->directory);
    return rc;
}

static bool is_behind(const struct find *f, int64_t start_ns)
{
    int64_t until = f->request->until_ns;
    return until < INT64_MAX - PKV__LATE_PACKET_NS && start_ns >= until + PKV__LATE_PACKET_NS;
}

/* Imports of a day may have packets of any later time. */
static int tell_unlisted(void *context, const char *date, const pkv_error *why)
{
    struct find *f = context;
    int64_t from_ns = pkv__unlisted_start(date);
    if (!is_behind(f, from_ns))
        pkv__missing_add_unreadable(f->missing, from_ns, PKV_TIME_MAX, why->text);
    return PKV_OK;
}

/* The catalog may have what is there. */
static int note_unlisted(void *context, const char *date, const pkv_error *why)
{
    struct find *f = context;
    if (pkv__grow(&f->unlisted, &f->unlisted_capacity, f->unlisted_count + 1, sizeof(*f->unlisted)))
        return pkv__error_memory(f->error);
    memcpy(f->unlisted[f->unlisted_count++].date, date, strlen(date) + 1);
    return tell_unlisted(f, date, why);
}

static int read_days(struct find *f)
{
    pkv__free(f->days);
    f->days = NULL;
    f->day_count = 0;
    f->unlisted_count = 0;
    int rc = pkv__archive_days(f->directory, &(struct pkv__unlisted){note_unlisted, f}, &f->days,
                               &f->day_count, f->error);
    f->all_days = f->day_count;
    return rc;
}

/* The directories are looked at after the catalog's moment: what is indexed in between is then
 * scanned; it is not missed. */
static int read_catalog(struct find *f)
{
    const struct pkv__segments_request *r = f->request;
    int64_t count = -1;
    int rc = pkv__catalog_begin(f->catalog, f->error);
    if (!rc)
        count = pkv__catalog_count(f->catalog);
    if (count < 0)
        return PKV_E_FORMAT;
    f->catalogued = (uint64_t)count;
    rc = pkv__catalog_stretches(f->catalog, r->late_ns, r->until_ns, catalog_stretch, f, f->error);
    if (!rc)
        rc = candidates(f);
    if (!rc)
        rc = pkv__catalog_missing(f->catalog, r->since_ns, r->until_ns, catalog_missing, f,
                                  f->error);
    if (!rc)
        rc = read_days(f);
    return rc ? rc : choose_days(f);
}

/* A live segment has no packet that is much older than it. */
static bool begins_too_late(const struct find *f, const struct pkv__segment_name *name)
{
    return name->lane < PKV__IMPORT_LANE_FIRST && is_behind(f, name->start_ns);
}

/* It is not read, but that it begins there ends a gap. */
static int add_later(struct find *f, const struct pkv__segment_file *file)
{
    if (pkv__coverage_add(f->coverage, file->name.start_ns, file->name.start_ns, true))
        return pkv__error_memory(f->error);
    return pkv__untold_of_head(f->directory, file, f->request, f->missing, f->error);
}

static int add_unindexed(struct find *f, const struct pkv__segment_file *file)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, &file->name);
    if (!file->open && pkv__stem_set_has(&f->stems, stem))
        return PKV_OK;
    f->segments->all++;
    if (begins_too_late(f, &file->name))
        return add_later(f, file);
    struct pkv__candidate candidate = {.name = file->name,
                                       .archive = f->archive,
                                       .open = file->open,
                                       .import = file->name.lane >= PKV__IMPORT_LANE_FIRST,
                                       .first_ns = PKV_TIME_MIN,
                                       .last_ns = PKV_TIME_MAX};
    f->segments->in_range++;
    return add(f, &candidate);
}

static int from_files(struct find *f)
{
    PKV__AUTO_FREE struct pkv__segment_file *files = NULL;
    size_t count = 0;
    struct pkv__unlisted unlisted = {tell_unlisted, f};
    int rc = pkv__archive_list_days(f->directory, f->days, f->day_count, &unlisted, &files, &count,
                                    f->error);
    f->segments->all += f->catalogued;
    for (size_t i = 0; i < count && !rc; i++)
        rc = add_unindexed(f, &files[i]);
    return rc ? rc
              : pkv__untold_of_lanes(f->directory, f->archive, f->segments, f->request, f->missing,
                                     f->error);
}

/* What an archive had added before a catalog broke while it was read. */
struct before {
    struct pkv__segments segments;
    struct pkv__missing_list missing;
    size_t stretches;
    struct pkv__coverage coverage;
};

static struct before remember(const struct find *f)
{
    return (struct before){*f->segments, *f->missing, f->coverage->count, *f->coverage};
}

static void go_back(struct find *f, const struct before *before)
{
    f->segments->count = before->segments.count;
    f->segments->all = before->segments.all;
    f->segments->in_range = before->segments.in_range;
    f->segments->skipped = before->segments.skipped;
    pkv__missing_go_back(f->missing, &before->missing);
    f->coverage->count = before->stretches;
    f->coverage->from_ns = before->coverage.from_ns;
    f->coverage->until_ns = before->coverage.until_ns;
    f->coverage->any = before->coverage.any;
    f->catalogued = 0;
    pkv__stem_set_deinit(&f->stems);
}

/* Without a catalog that can be read, everything is found by listing. */
static int find(struct find *f)
{
    struct before before = remember(f);
    int rc = f->catalog ? read_catalog(f) : PKV_E_FORMAT;
    if (f->catalog)
        pkv__catalog_end(f->catalog);
    if (rc && rc != PKV_E_MEMORY) {
        go_back(f, &before);
        rc = read_days(f);
    }
    return rc ? rc : from_files(f);
}

int pkv__segments_add(struct pkv__segments *segments, const char *directory, uint32_t archive,
                      struct pkv__catalog *catalog, const struct pkv__segments_request *request,
                      struct pkv__missing_list *missing, struct pkv__coverage *coverage,
                      pkv_error *error)
{
    struct find f = {.segments = segments,
                     .directory = directory,
                     .archive = archive,
                     .request = request,
                     .missing = missing,
                     .coverage = coverage,
                     .catalog = catalog,
                     .error = error};
    int rc = find(&f);
    pkv__stem_set_deinit(&f.stems);
    pkv__free(f.names.stems);
    pkv__free(f.days);
    pkv__free(f.unlisted);
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct pkv__candidate *x = a, *y = b;
    int order = pkv__segment_name_compare(&x->name, &y->name);
    return order ? order : x->archive < y->archive ? -1 : x->archive > y->archive;
}

/* A catalog that is damaged may name a segment twice; its packets are given once. */
static void drop_repeated(struct pkv__segments *segments)
{
    struct pkv__candidate *items = segments->items;
    size_t kept = 0;
    for (size_t i = 0; i < segments->count; i++)
        if (!kept || compare(&items[kept - 1], &items[i]) != 0)
            items[kept++] = items[i];
    segments->count = kept;
}

void pkv__segments_sort(struct pkv__segments *segments)
{
    if (segments->count)
        qsort(segments->items, segments->count, sizeof(*segments->items), compare);
    drop_repeated(segments);
}

void pkv__segments_go_on(struct pkv__segments *segments, const struct pkv__segments *before)
{
    size_t at = 0;
    for (size_t i = 0; i < segments->count; i++) {
        struct pkv__candidate *candidate = &segments->items[i];
        while (at < before->count && compare(&before->items[at], candidate) < 0)
            at++;
        if (at < before->count && compare(&before->items[at], candidate) == 0)
            candidate->known_bytes = candidate->read_bytes = before->items[at].read_bytes;
    }
}

void pkv__segments_deinit(struct pkv__segments *segments)
{
    pkv__free(segments->items);
    *segments = (struct pkv__segments){0};
}
