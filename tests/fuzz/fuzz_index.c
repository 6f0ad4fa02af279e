/* SPDX-License-Identifier: BSD-2-Clause */
/* What a block of a segment holds, through the index builder into an index file and a catalog. An
 * input is the block as it is when decompressed; it is taken twice, so that it also meets
 * interfaces that are there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/chain.h"
#include "archive/directory.h"
#include "base/limits.h"
#include "indexer/catalog.h"
#include "indexer/index_writer.h"
#include "schema/database.h"

static char directory[] = "/tmp/pkv-fuzz-index-XXXXXX"; /* one a process */
static struct pkv__catalog *catalog;
static const struct pkv__segment_name name = {1700000000000000000, 0, 1};
static pid_t owner; /* afl-fuzz forks */

static void require(int holds)
{
    if (!holds)
        abort();
}

static void remove_directory(void)
{
    char command[100];
    if (owner != getpid())
        return;
    (void)pkv__catalog_free(catalog);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    (void)!system(command);
}

static void prepare(void)
{
    bool anew;
    if (owner == getpid())
        return;
    if (!owner)
        (void)atexit(remove_directory);
    owner = getpid();
    (void)strcpy(directory, "/tmp/pkv-fuzz-index-XXXXXX");
    require(mkdtemp(directory) != NULL);
    require(pkv__archive_create(directory, NULL) == 0);
    require(pkv__catalog_new(&catalog, directory, &anew, NULL) == 0);
}

static int64_t ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    require(pkv__database_prepare(&statement, db, sql, NULL) == 0);
    require(sqlite3_step(statement) == SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return value;
}

/* Every packet is in one flow, and every flow has its packets. */
static void check(uint64_t packets)
{
    char relative[PKV__SEGMENT_PATH_TEXT], path[300];
    sqlite3 *db;
    pkv__index_path(relative, &name);
    (void)snprintf(path, sizeof path, "%s/%s", directory, relative);
    require(pkv__index_open(&db, path, NULL) == 0);
    require((uint64_t)ask(db, "SELECT total(src_packets + dst_packets) FROM flow") == packets);
    require((uint64_t)ask(db, "SELECT total(packets) FROM block") == packets);
    require((uint64_t)ask(db, "SELECT total(packets) FROM interface") == packets);
    require(
        ask(db, "SELECT count(*) FROM flow WHERE length(ordinals) < src_packets + dst_packets") ==
        0);
    require(
        ask(db,
            "SELECT count(*) FROM flow f JOIN host s ON s.id = f.src JOIN host d ON d.id = f.dst "
            "JOIN tunnel t ON t.id = f.tunnel") == ask(db, "SELECT count(*) FROM flow"));
    require(ask(db, "SELECT count(*) FROM host WHERE length(address) NOT IN (0, 4, 6, 16)") == 0);
    require(ask(db, "SELECT count(*) FROM tunnel WHERE kind NOT BETWEEN 0 AND 2 OR vni >> 24 OR "
                    "length(a) NOT IN (0, 4, 6, 16) OR length(b) NOT IN (0, 4, 6, 16)") == 0);
    pkv__database_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pkv__segment_index *index;
    char hash[65] = "0";
    prepare();
    if (size > PKV__BLOCK_MAX_BYTES)
        return 0;
    require(pkv__segment_index_new(&index, directory, &name) == 0);
    for (int64_t i = 0; i < 2; i++) {
        struct pkv__raw_block block = {7 + i * 2000000, (uint32_t)size + 8, (uint32_t)size, data,
                                       data};
        require(pkv__segment_index_add(index, &block, NULL) == 0);
    }
    require(pkv__segment_index_end(index, 4000000, hash, NULL) == 0);
    require(pkv__index_write(index, directory, NULL) == 0);
    require(pkv__catalog_put(catalog, index, NULL) == 0);
    check(pkv__segment_index_packets(index));
    (void)pkv__segment_index_free(index);
    return 0;
}
