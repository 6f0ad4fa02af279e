/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments that the catalog has and the archive has not: deleted or moved by hand. */
#include "query/status_gone.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

struct count {
    const char *directory;
    uint64_t *gone;
    pkv_error *error;
};

static int count_if_gone(void *context, const char *stem)
{
    struct count *count = context;
    struct pkv__segment_name name;
    char relative[PKV__SEGMENT_PATH_TEXT];
    if (!pkv__segment_stem_parse(&name, stem))
        return PKV_OK;
    pkv__segment_path(relative, &name, false);
    PKV__AUTO_FREE char *path = pkv__archive_join(count->directory, relative);
    if (!path)
        return pkv__error_memory(count->error);
    *count->gone += pkv__file_is_gone(path);
    return PKV_OK;
}

int pkv__status_count_gone(struct pkv__catalog *catalog, const char *directory, uint64_t *gone,
                           pkv_error *error)
{
    struct count count = {directory, gone, error};
    return pkv__catalog_stems(catalog, "", count_if_gone, &count, error);
}
