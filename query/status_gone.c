/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments that the catalog has and the archive has not: deleted or moved by hand. */
#include "query/status_gone.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"

struct count {
    const char *directory;
    uint64_t *gone;
    pkv_error *error;
};

/* What cannot be looked at is not known to be gone. */
static bool is_gone(const char *path)
{
    struct stat found;
    return stat(path, &found) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

static int count_if_gone(void *context, const char *stem)
{
    struct count *count = context;
    struct pkv__segment_name name;
    char relative[PKV__SEGMENT_PATH_TEXT], file[PKV__SEGMENT_PATH_TEXT];
    bool open;
    (void)snprintf(file, sizeof(file), "%.90s" PKV__SEGMENT_SUFFIX, stem);
    if (!pkv__segment_name_parse(&name, &open, file))
        return PKV_OK;
    pkv__segment_path(relative, &name, false);
    PKV__AUTO_FREE char *path = pkv__archive_join(count->directory, relative);
    if (!path)
        return pkv__error_memory(count->error);
    *count->gone += is_gone(path);
    return PKV_OK;
}

int pkv__status_count_gone(struct pkv__catalog *catalog, const char *directory, uint64_t *gone,
                           pkv_error *error)
{
    struct count count = {directory, gone, error};
    return pkv__catalog_stems(catalog, "", count_if_gone, &count, error);
}
