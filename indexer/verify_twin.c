/* SPDX-License-Identifier: BSD-2-Clause */
/* An open file beside the sealed one of its name: no writer leaves that, but a backup that was
 * brought back may. Everybody reads the sealed one alone, so what only the other holds is not
 * found. */
#include <string.h>

#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/memory.h"
#include "indexer/verify_internal.h"

PKV__DEFINE_CLEANUP(struct pkv__segment_reader, pkv__segment_reader_free);

static int open_reader(struct pkv__segment_reader **reader, struct pkv__verify *v,
                       const char *relative, pkv_error *why)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, relative);
    return path ? pkv__segment_reader_open(reader, path, why) : pkv__error_memory(why);
}

static bool has_block(struct pkv__segment_reader *sealed, const struct pkv__raw_block *block)
{
    struct pkv__raw_block same;
    return pkv__segment_reader_at(sealed, block->offset, block->stored_bytes, &same, NULL) == 0 &&
           same.raw_bytes == block->raw_bytes && memcmp(same.raw, block->raw, same.raw_bytes) == 0;
}

/* Whether the sealed file has every block that can be read of the open one. */
static int compare(struct pkv__verify *v, struct pkv__segment_reader *open,
                   struct pkv__segment_reader *sealed, bool *all, pkv_error *why)
{
    struct pkv__raw_block block;
    int rc;
    while (*all && (rc = pkv__segment_reader_next(open, &block, why)) != 0) {
        if (rc < 0 && rc != PKV_E_FORMAT)
            return rc;
        if (rc > 0)
            *all = has_block(sealed, &block);
        if (pkv__verify_poll(v, 0) < 0)
            return PKV_E_CANCELED;
    }
    return 0;
}

static int tell(struct pkv__verify *v, const char *path, bool all)
{
    if (all)
        return pkv__verify_say(v, PKV_FINDING_NOTE, path, -1, "it can be deleted",
                               "stands beside the sealed segment of its name, which has all of it");
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, path, -1,
                           "find out which of the two was recorded; queries read the sealed one",
                           "stands beside the sealed segment of its name, and differs from it");
}

/* The sealed one is looked for first: while a segment is being sealed, the open one is then gone.
 */
int pkv__verify_twin(struct pkv__verify *v, const struct pkv__segment_name *name)
{
    char open_path[PKV__SEGMENT_PATH_TEXT], sealed_path[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_reader *open PKV__AUTO(pkv__segment_reader_free) = NULL;
    struct pkv__segment_reader *sealed PKV__AUTO(pkv__segment_reader_free) = NULL;
    pkv_error why = {.code = 0};
    pkv__segment_path(open_path, name, true);
    pkv__segment_path(sealed_path, name, false);
    if (!pkv__verify_has(v, sealed_path) || !pkv__verify_has(v, open_path))
        return 0;
    int rc = open_reader(&open, v, open_path, &why);
    if (rc == 0 && open_reader(&sealed, v, sealed_path, &why) == PKV_E_MEMORY)
        rc = PKV_E_MEMORY;
    bool all = sealed != NULL;
    if (rc == 0)
        rc = compare(v, open, sealed, &all, &why);
    if (rc == PKV_E_NOT_FOUND || rc == PKV_E_CANCELED)
        return rc == PKV_E_CANCELED ? rc : 0;
    if (rc == PKV_E_MEMORY || rc == PKV_E_SYSTEM)
        return pkv__verify_say_unreadable(v, open_path, rc, &why);
    return tell(v, open_path, all && rc == 0);
}
