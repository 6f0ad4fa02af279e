/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of VNIs that an expression may use: those of the catalog, and of segments that it does
 * not know yet; of all segments where there is no catalog. */
#include <string.h>

#include <pktvault/time.h>

#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "query/query_internal.h"

struct taking {
    struct pkv__vni_names *names;
    int rc;
};

static void take_name(void *context, const char *text, size_t length)
{
    struct taking *taking = context;
    char copy[80];
    uint32_t first, last;
    const char *label;
    if (length >= sizeof(copy))
        return;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (pkv__options_vni(copy, &first, &last, &label) == 0 &&
        pkv__vni_names_add(taking->names, first, last, label, strlen(label)))
        taking->rc = PKV_E_MEMORY;
}

/* They stand in the section header, at the start of the first block. What is damaged has none. */
static int of_segment(struct pkv__vni_names *names, const char *path, pkv_error *error)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block raw;
    struct pkv__pcapng_block block;
    struct taking taking = {names, PKV_OK};
    size_t offset = 0;
    int rc = pkv__segment_reader_open(&reader, path, error);
    if (rc)
        return rc;
    rc = pkv__segment_reader_next(reader, &raw, error);
    if (rc == 1 && pkv__pcapng_next(raw.raw, raw.raw_bytes, &offset, &block) == 1 &&
        block.type == PKV__PCAPNG_SECTION)
        pkv__pcapng_get_vni_names(&block, take_name, &taking);
    (void)pkv__segment_reader_free(reader);
    if (taking.rc)
        return pkv__error_memory(error);
    return rc < 0 ? rc : PKV_OK;
}

static bool has_index(const char *directory, const struct pkv__segment_file *file)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__index_path(relative, &file->name);
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
    return !file->open && path && pkv__file_exists(path);
}

/* What is damaged has no names, and what is gone was sealed or deleted since it was listed: then
 * the catalog tells its names, or the next one does. Anything else may have the name that is asked
 * for.
 */
static int note_unread(struct pkv_query *query, int rc, const pkv_error *why, pkv_error *error)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(error);
    if (!rc || rc == PKV_E_FORMAT || rc == PKV_E_NOT_FOUND)
        return PKV_OK;
    if (!query->names.unread)
        query->names_unread = *why;
    query->names.unread = &query->names_unread;
    return PKV_OK;
}

static int note_unlisted(void *context, const char *date, const pkv_error *why)
{
    (void)date;
    return note_unread(context, why->code, why, NULL);
}

/* catalogued: the names of what is indexed are known. */
static int of_segments(struct pkv_query *query, const char *directory, bool catalogued,
                       pkv_error *error)
{
    PKV__AUTO_FREE struct pkv__segment_file *files = NULL;
    size_t count = 0;
    pkv_error why;
    struct pkv__unlisted unlisted = {note_unlisted, query};
    int rc =
        pkv__archive_list(directory, PKV_TIME_MIN, PKV_TIME_MAX, &unlisted, &files, &count, error);
    for (size_t i = 0; i < count && !rc; i++) {
        char relative[PKV__SEGMENT_PATH_TEXT];
        if (catalogued && has_index(directory, &files[i]))
            continue;
        pkv__segment_path(relative, &files[i].name, files[i].open);
        PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
        if (!path)
            return pkv__error_memory(error);
        rc = note_unread(query, of_segment(&query->names, path, &why), &why, error);
    }
    return rc;
}

/* False: there is none that can be read. */
static bool of_catalog(struct pkv_query *query, size_t directory)
{
    struct pkv__catalog *catalog = pkv__query_catalog(query, directory);
    return catalog && !pkv__catalog_vni_names(catalog, NULL, &query->names, NULL);
}

int pkv__query_expression_names(void *context, const struct pkv__vni_names **names,
                                pkv_error *error)
{
    struct pkv_query *query = context;
    int rc = PKV_OK;
    *names = &query->names;
    for (size_t i = 0; i < query->directory_count && !query->has_names && !rc; i++) {
        bool catalogued = of_catalog(query, i);
        rc = of_segments(query, query->directories[i], catalogued, error);
    }
    query->has_names = !rc;
    return rc;
}
