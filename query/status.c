/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/status.h>

#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "archive/chain.h"
#include "archive/directory.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "query/catalog.h"
#include "query/status_gone.h"
#include "query/stem_set.h"

#include <sys/stat.h>

/* Size of a file of the archive, 0 where it is gone. */
static uint64_t size_of(const char *directory, const char *relative)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
    struct stat found;
    return path && stat(path, &found) == 0 && found.st_size > 0 ? (uint64_t)found.st_size : 0;
}

static bool is_locked(const char *directory, const char *relative)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
    return path && pkv__file_is_locked(path);
}

#define FAULT_TEXT sizeof(((pkv_status *)NULL)->chain_fault)

/* The first is kept. Memory that ran out is no part of the state of an archive. */
static int note_fault(char fault[FAULT_TEXT], int rc, const pkv_error *why, pkv_error *error)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(error);
    if (rc && !*fault)
        (void)snprintf(fault, FAULT_TEXT, "%.190s", why->text);
    return PKV_OK;
}

static int add_uuid(pkv_status *status, const char *directory, pkv_error *error)
{
    pkv_error why;
    int rc = pkv__archive_uuid(directory, status->uuid, &why);
    return note_fault(status->chain_fault, rc, &why, error);
}

/* Paths of segments that have a line in chain.log. It is read and not opened for appending: nothing
 * may be changed here. */
static int read_chain(struct pkv__stem_set *chained, pkv_status *status, const char *directory,
                      pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, "chain.log");
    PKV__AUTO_FREE char *text = NULL;
    size_t length = 0;
    pkv_error why;
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__file_read_all(path, PKV__CHAIN_MAX_BYTES, &text, &length, &why);
    rc = note_fault(status->chain_fault, rc, &why, error);
    for (char *line = text, *end; !rc && line && (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        const char *separator = *line == '#' ? NULL : strstr(line, "  ");
        if (separator && pkv__stem_set_add(chained, separator + 2))
            rc = pkv__error_memory(error);
    }
    return rc;
}

static void add_file(pkv_status *status, const char *directory, const struct pkv__stem_set *chained,
                     const struct pkv__segment_file *file)
{
    char path[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(path, &file->name, file->open);
    status->stored_bytes += size_of(directory, path);
    if (!file->open) {
        status->sealed_segments++;
        status->unchained_segments += !pkv__stem_set_has(chained, path);
        pkv__index_path(path, &file->name);
        status->index_bytes += size_of(directory, path);
    } else if (is_locked(directory, path)) {
        status->open_segments++;
        status->lanes_active++;
    } else {
        status->open_segments++;
        status->dead_segments++;
    }
}

static int note_unlisted(void *context, const char *date, const pkv_error *why)
{
    pkv_status *status = context;
    (void)date;
    return note_fault(status->segments_fault, why->code, why, NULL);
}

static int add_files(pkv_status *status, const char *directory, pkv_error *error)
{
    PKV__AUTO_FREE struct pkv__segment_file *files = NULL;
    struct pkv__stem_set chained = {0};
    size_t count = 0;
    struct pkv__unlisted unlisted = {note_unlisted, status};
    int rc =
        pkv__archive_list(directory, PKV_TIME_MIN, PKV_TIME_MAX, &unlisted, &files, &count, error);
    if (!rc)
        rc = read_chain(&chained, status, directory, error);
    for (size_t i = 0; i < count && !rc; i++)
        add_file(status, directory, &chained, &files[i]);
    pkv__stem_set_deinit(&chained);
    return rc;
}

static int widen(void *context, const struct pkv__catalog_stretch *stretch)
{
    pkv_status *status = context;
    if (!status->covered_until_ns || stretch->start_ns < status->covered_from_ns)
        status->covered_from_ns = stretch->start_ns;
    if (!status->covered_until_ns || stretch->end_ns > status->covered_until_ns)
        status->covered_until_ns = stretch->end_ns;
    return PKV_OK;
}

static int add_totals(pkv_status *status, struct pkv__catalog *catalog, const char *directory,
                      pkv_error *error)
{
    struct pkv__catalog_totals totals = {0};
    int rc = pkv__catalog_totals(catalog, &totals, error);
    if (!rc)
        rc = pkv__status_count_gone(catalog, directory, &status->gone_segments, error);
    if (rc)
        return rc;
    uint64_t all = (uint64_t)totals.segments;
    status->indexed_segments = all > status->gone_segments ? all - status->gone_segments : 0;
    status->packets = (uint64_t)totals.packets;
    status->flows = (uint64_t)totals.flows;
    status->raw_bytes = (uint64_t)totals.raw_bytes;
    status->first_ns = totals.first_ns;
    status->last_ns = totals.last_ns;
    /* A range in which nothing can be: the first and the last of all are enough. */
    return pkv__catalog_stretches(catalog, PKV_TIME_MIN, PKV_TIME_MIN, widen, status, error);
}

/* An archive that is not indexed yet has no catalog, and a damaged one will be made anew: neither
 * is a fault. */
static int add_catalog(pkv_status *status, const char *directory, pkv_error *error)
{
    struct pkv__catalog *catalog = NULL;
    pkv_error why;
    int rc = pkv__catalog_reader_open(&catalog, directory, &why);
    if (!rc)
        rc = add_totals(status, catalog, directory, &why);
    (void)pkv__catalog_reader_close(catalog);
    status->index_bytes += size_of(directory, "catalog.sqlite");
    if (rc == PKV_E_NOT_FOUND || rc == PKV_E_FORMAT)
        return PKV_OK;
    return note_fault(status->catalog_fault, rc, &why, error);
}

int pkv_status_get(pkv_status *status, const char *directory, pkv_error *error)
{
    pkv_status made = {0};
    int rc = pkv__archive_check(directory, error);
    if (!rc)
        rc = add_uuid(&made, directory, error);
    if (!rc)
        rc = add_files(&made, directory, error);
    if (!rc)
        rc = pkv__file_free_space(directory, &made.free_bytes, &made.disk_bytes, error);
    if (!rc)
        rc = add_catalog(&made, directory, error);
    if (rc)
        return rc;
    made.indexer_runs = is_locked(directory, "locks/indexer");
    *status = made;
    return PKV_OK;
}

/* Whether a live writer holds some open segment is known only to a scan of it; a query of nothing
 * does that. */
int pkv_status_missing(const char *directory, int64_t since_ns, int64_t until_ns,
                       pkv_missing_fn *row, void *context, pkv_error *error)
{
    pkv_query *query = NULL;
    pkv_query_report report;
    pkv_packet packet;
    int rc = pkv_query_open(&query, &directory, 1, "vni 0 and not vni any", since_ns, until_ns, 0,
                            NULL, error);
    if (rc)
        return rc;
    rc = pkv_query_next(query, &packet, error);
    if (!rc) {
        (void)pkv_query_report_get(query, &report);
        for (size_t i = 0; i < report.missing_count; i++)
            if (row(context, &report.missing[i]))
                break;
        rc = report.missing_more > 0 ? PKV_STATUS_MORE : PKV_OK;
    }
    (void)pkv_query_free(query);
    return rc;
}
