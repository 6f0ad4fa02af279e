/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/segments.h"

#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/catalog.h"

/* Stems that the catalog has: open addressing over their hashes, 0 is free. */
struct stems {
    uint64_t *slots;
    size_t slot_count;
};

static int stems_init(struct stems *stems, size_t count)
{
    stems->slot_count = 64;
    while (stems->slot_count < count * 2)
        stems->slot_count *= 2;
    stems->slots = pkv__alloc_zero(stems->slot_count, sizeof(*stems->slots));
    return stems->slots ? PKV_OK : PKV_E_MEMORY;
}

/* False: it was there already. */
static bool stems_add(struct stems *stems, const char *stem)
{
    uint64_t hash = pkv__hash_key(stem, strlen(stem)) | 1;
    size_t at = (size_t)(hash >> 8) & (stems->slot_count - 1);
    while (stems->slots[at] && stems->slots[at] != hash)
        at = (at + 1) & (stems->slot_count - 1);
    bool added = !stems->slots[at];
    stems->slots[at] = hash;
    return added;
}

struct find {
    struct pkv__segments *segments;
    const char *directory;
    uint32_t archive;
    const struct pkv__segments_request *request;
    struct pkv__missing_list *missing;
    struct pkv__coverage *coverage;
    struct stems catalogued;
    pkv_error *error;
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
    const struct pkv__segments_request *r = f->request;
    f->segments->in_range++;
    if (r->filter && !r->no_index && !pkv__filter_segment(r->filter, &row->summary)) {
        f->segments->skipped++;
        return PKV_OK;
    }
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

static int catalog_coverage(void *context, int64_t from_ns, int64_t until_ns, bool live)
{
    struct find *f = context;
    return pkv__coverage_add(f->coverage, from_ns, until_ns, live) ? pkv__error_memory(f->error)
                                                                   : PKV_OK;
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
    (void)stems_add(&f->catalogued, stem);
    return PKV_OK;
}

/* Without a catalog that opens, everything is found by listing. */
static int from_catalog(struct find *f)
{
    struct pkv__catalog *catalog = NULL;
    pkv_error inner = {0};
    int64_t count = 0;
    int rc = pkv__catalog_reader_open(&catalog, f->directory, &inner);
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(f->error);
    if (!rc)
        count = pkv__catalog_count(catalog);
    if (stems_init(&f->catalogued, count > 0 ? (size_t)count : 0))
        rc = pkv__error_memory(f->error);
    else if (!rc)
        rc = pkv__catalog_stems(catalog, catalog_stem, f, f->error);
    else
        return PKV_OK;
    if (!rc)
        rc = pkv__catalog_segments(catalog, f->request->since_ns, f->request->until_ns,
                                   catalog_segment, f, f->error);
    if (!rc)
        rc = pkv__catalog_coverage(catalog, catalog_coverage, f, f->error);
    if (!rc)
        rc = pkv__catalog_missing(catalog, f->request->since_ns, f->request->until_ns,
                                  catalog_missing, f, f->error);
    (void)pkv__catalog_reader_close(catalog);
    return rc;
}

/* A live segment has no packet before it was opened, but for a clock that was set back by up to a
 * second. */
static bool begins_too_late(const struct find *f, const struct pkv__segment_name *name)
{
    int64_t until = f->request->until_ns;
    return name->lane < PKV__IMPORT_LANE_FIRST && until < INT64_MAX - 2 * PKV__NS_PER_S &&
           name->start_ns >= until + 2 * PKV__NS_PER_S;
}

static int add_unindexed(struct find *f, const struct pkv__segment_file *file)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, &file->name);
    if (!file->open && !stems_add(&f->catalogued, stem))
        return PKV_OK;
    if (begins_too_late(f, &file->name))
        return PKV_OK;
    struct pkv__candidate candidate = {.name = file->name,
                                       .archive = f->archive,
                                       .open = file->open,
                                       .import = file->name.lane >= PKV__IMPORT_LANE_FIRST,
                                       .first_ns = PKV_TIME_MIN,
                                       .last_ns = PKV_TIME_MAX};
    f->segments->in_range++;
    return add(f, &candidate);
}

/* Listed after the catalog was read: what is indexed in between is then scanned; it is not missed.
 */
static int from_files(struct find *f)
{
    PKV__AUTO_FREE struct pkv__segment_file *files = NULL;
    size_t count = 0;
    int rc = pkv__archive_list(f->directory, PKV_TIME_MIN, PKV_TIME_MAX, &files, &count, f->error);
    f->segments->all += count;
    for (size_t i = 0; i < count && !rc; i++)
        rc = add_unindexed(f, &files[i]);
    return rc;
}

int pkv__segments_add(struct pkv__segments *segments, const char *directory, uint32_t archive,
                      const struct pkv__segments_request *request,
                      struct pkv__missing_list *missing, struct pkv__coverage *coverage,
                      pkv_error *error)
{
    struct find find = {.segments = segments,
                        .directory = directory,
                        .archive = archive,
                        .request = request,
                        .missing = missing,
                        .coverage = coverage,
                        .error = error};
    int rc = from_catalog(&find);
    if (rc == PKV_E_FORMAT) {
        /* A catalog that breaks while it is read is as good as none. */
        for (size_t i = segments->count; i > 0 && segments->items[i - 1].archive == archive; i--)
            segments->count--;
        memset(find.catalogued.slots, 0,
               find.catalogued.slot_count * sizeof(*find.catalogued.slots));
        rc = PKV_OK;
    }
    if (!rc)
        rc = from_files(&find);
    pkv__free(find.catalogued.slots);
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct pkv__candidate *x = a, *y = b;
    int order = pkv__segment_name_compare(&x->name, &y->name);
    return order ? order : x->archive < y->archive ? -1 : x->archive > y->archive;
}

void pkv__segments_sort(struct pkv__segments *segments)
{
    if (segments->count)
        qsort(segments->items, segments->count, sizeof(*segments->items), compare);
}

void pkv__segments_deinit(struct pkv__segments *segments)
{
    pkv__free(segments->items);
    *segments = (struct pkv__segments){0};
}
