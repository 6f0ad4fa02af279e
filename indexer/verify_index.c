/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/error.h"
#include "base/memory.h"
#include "indexer/index_writer.h"
#include "indexer/verify_internal.h"

#define ADVICE "delete it: pktvault index makes it again from its segment"

static void close_database(sqlite3 **db)
{
    pkv__database_close(*db);
}
#define AUTO_DATABASE __attribute__((cleanup(close_database)))

/* What the indexer would write now, table by table. */
static int compare(struct pkv__verify *v, const struct pkv__segment_index *index,
                   const struct pkv__verify_pair *pair)
{
    bool sound, same = false;
    int rc = pkv__verify_integrity(v, pair, &sound);
    if (rc == 0 && sound)
        rc = pkv__verify_schema(v, pair, &same);
    if (rc == 0 && same)
        rc = pkv__index_put(index, pair->expected, v->error);
    return rc == 0 && same ? pkv__verify_tables(v, pair, NULL) : rc;
}

/* The index of a segment is there before its line in the chain. */
int pkv__verify_index(struct pkv__verify *v, const struct pkv__segment_index *index, bool chained)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    AUTO_DATABASE sqlite3 *stored = NULL, *expected = NULL;
    pkv_error error;
    pkv__index_path(relative, pkv__segment_index_name(index));
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, relative);
    if (!path)
        return pkv__error_memory(v->error);
    int rc = pkv__index_open(&stored, path, &error);
    if (rc == PKV_E_NOT_FOUND)
        return chained ? pkv__verify_say(v, PKV_FINDING_MISSING, relative, -1,
                                         "pktvault index makes it again from its segment",
                                         "the index of a segment is not there")
                       : 0;
    v->report.indexes++;
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(v->error);
    if (rc < 0)
        return pkv__verify_say(v, PKV_FINDING_DAMAGE, relative, -1, ADVICE, "%s",
                               pkv__verify_reason(v, relative, &error));
    rc = pkv__index_create_temporary(&expected, v->error);
    if (rc < 0)
        return rc;
    struct pkv__verify_pair pair = {stored, expected, relative, ADVICE};
    return compare(v, index, &pair);
}
