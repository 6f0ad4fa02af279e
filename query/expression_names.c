/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of VNIs that an expression may use: those of the catalog, and of segments that it does
 * not know yet. */
#include <string.h>

#include <pktvault/time.h>

#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "query/catalog.h"
#include "query/query_internal.h"

static void take_name(void *context, const char *text, size_t length)
{
    char copy[80];
    uint32_t first, last;
    const char *label;
    if (length >= sizeof(copy))
        return;
    memcpy(copy, text, length);
    copy[length] = 0;
    if (pkv__options_vni(copy, &first, &last, &label) == 0)
        (void)pkv__vni_names_add(context, first, last, label, strlen(label));
}

/* They stand in the section header, at the start of the first block. What cannot be read has none.
 */
static void of_segment(struct pkv__vni_names *names, const char *path)
{
    struct pkv__segment_reader *reader;
    struct pkv__raw_block raw;
    struct pkv__pcapng_block block;
    size_t offset = 0;
    if (pkv__segment_reader_open(&reader, path, NULL) < 0)
        return;
    if (pkv__segment_reader_next(reader, &raw, NULL) == 1 &&
        pkv__pcapng_next(raw.raw, raw.raw_bytes, &offset, &block) == 1 &&
        block.type == PKV__PCAPNG_SECTION)
        pkv__pcapng_get_vni_names(&block, take_name, names);
    (void)pkv__segment_reader_free(reader);
}

static bool has_index(const char *directory, const struct pkv__segment_file *file)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__index_path(relative, &file->name);
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
    return !file->open && path && pkv__file_exists(path);
}

static int of_unindexed(struct pkv__vni_names *names, const char *directory, pkv_error *error)
{
    PKV__AUTO_FREE struct pkv__segment_file *files = NULL;
    size_t count = 0;
    int rc = pkv__archive_list(directory, PKV_TIME_MIN, PKV_TIME_MAX, &files, &count, error);
    for (size_t i = 0; i < count && !rc; i++) {
        char relative[PKV__SEGMENT_PATH_TEXT];
        if (has_index(directory, &files[i]))
            continue;
        pkv__segment_path(relative, &files[i].name, files[i].open);
        PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
        if (!path)
            return pkv__error_memory(error);
        of_segment(names, path);
    }
    return rc;
}

static int of_catalog(struct pkv__vni_names *names, const char *directory, pkv_error *error)
{
    struct pkv__catalog *catalog = NULL;
    if (pkv__catalog_reader_open(&catalog, directory, NULL))
        return PKV_OK;
    int rc = pkv__catalog_vni_names(catalog, NULL, names, error);
    (void)pkv__catalog_reader_close(catalog);
    return rc == PKV_E_MEMORY ? rc : PKV_OK;
}

int pkv__query_expression_names(void *context, const struct pkv__vni_names **names,
                                pkv_error *error)
{
    struct pkv_query *query = context;
    int rc = PKV_OK;
    *names = &query->names;
    for (size_t i = 0; i < query->directory_count && !query->has_names && !rc; i++) {
        rc = of_catalog(&query->names, query->directories[i], error);
        if (!rc)
            rc = of_unindexed(&query->names, query->directories[i], error);
    }
    query->has_names = !rc;
    return rc;
}
