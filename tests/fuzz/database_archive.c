/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/database_archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pktvault/indexer.h>
#include <pktvault/time.h>

#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "archive/segment_writer.h"
#include "schema/database.h"
#include "schema/page_sum.h"

enum { PACKETS_A_BLOCK = 6, STEP_NS = 1000000 };

void fuzz_require(int holds)
{
    if (!holds)
        abort();
}

/* Ethernet, IPv4 192.0.2.1 > 192.0.2.2, UDP 12345 > 4789, VXLAN without its VNI. */
static const uint8_t outer[46] = {
    2,  0, 0, 0,   0, 3, 2, 0,   0, 0, 0, 4,    8,    0,    0x45, 0, 0,  90, 0, 0, 0, 0, 64,
    17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x12, 0xb5, 0, 70, 0,  0, 8, 0, 0, 0};

/* Ethernet, IPv4 10.0.0.1 > 10.0.0.2, TCP 1000 > 53 SYN. */
static const uint8_t inner[54] = {2, 0,  0, 0, 0,  1, 2, 0, 0,  0, 0,    2, 8,  0, 0x45, 0, 0, 40,
                                  0, 0,  0, 0, 64, 6, 0, 0, 10, 0, 0,    1, 10, 0, 0,    2, 3, 0xe8,
                                  0, 53, 0, 0, 0,  0, 0, 0, 0,  0, 0x50, 2, 0,  0, 0,    0, 0, 0};

/* Packet number n: of several hosts, ports and VNIs, some without a tunnel, of other protocols,
 * later fragments, or cut. */
static uint32_t frame(uint8_t *data, unsigned n)
{
    size_t head = n % 7 == 6 ? 0 : sizeof outer + 4;
    uint8_t *to = data + head;
    memset(data, 0, 128);
    if (head) {
        memcpy(data, outer, sizeof outer);
        data[48] = n % 3 ? 100 : 200;
    }
    memcpy(to, inner, sizeof inner);
    to[29] = (uint8_t)(1 + n % 4);
    to[33] = (uint8_t)(n % 5 ? 200 : 201);
    to[37] = (uint8_t)(n % 2 ? 53 : 80);
    if (n % 11 == 5)
        to[23] = 17;
    if (n % 11 == 6)
        to[21] = 3;
    if (n % 11 == 7)
        to[13] = 6;
    return (uint32_t)(head + (n % 13 == 12 ? 20 : sizeof inner));
}

static void put_head(struct pkv__buffer *raw, const struct pkv__segment_name *name)
{
    static const char *const names[] = {"100-149 web"};
    struct pkv__section section = {.lane = name->lane,
                                   .sequence = name->sequence,
                                   .import = name->lane > 0,
                                   .vni_names = names,
                                   .vni_names_count = 1};
    pkv__pcapng_put_section(raw, &section);
    pkv__pcapng_put_interface(raw, &(pkv_interface){.link_type = 1, .name = "eth0"});
    pkv__pcapng_put_interface(raw, &(pkv_interface){.link_type = 1, .description = "a tap"});
}

static void put_packets(struct pkv__buffer *raw, unsigned first, int64_t time_ns)
{
    uint8_t data[128];
    for (unsigned n = first; n < first + PACKETS_A_BLOCK; n++) {
        uint32_t length = frame(data, n);
        pkv__pcapng_put_packet(raw, &(pkv_packet){.time_ns = time_ns + (int64_t)n * STEP_NS,
                                                  .data = data,
                                                  .captured_bytes = length,
                                                  .original_bytes = length,
                                                  .interface_id = n % 2});
    }
}

static void put_losses(struct pkv__buffer *raw, int64_t start_ns, int64_t end_ns)
{
    struct pkv__statistics s = {.time_ns = start_ns, .start_ns = start_ns, .end_ns = PKV_TIME_MIN};
    pkv__pcapng_put_statistics(raw, 0, &s, NULL);
    s.time_ns = end_ns - STEP_NS;
    s.lost_kernel = 5;
    s.lost_disk = 6;
    pkv__pcapng_put_statistics(raw, 0, &s, NULL);
    s.time_ns = s.end_ns = end_ns;
    pkv__pcapng_put_statistics(raw, 0, &s, NULL);
}

static void put_block(struct pkv__segment_writer *writer, struct pkv__buffer *raw)
{
    void *state = malloc(pkv__lz4_state_bytes());
    uint8_t *block = malloc(pkv__lz4_bound((uint32_t)raw->length) + PKV__LZ4_OVERHEAD_BYTES);
    fuzz_require(state && block && !raw->failed);
    size_t length = pkv__lz4_encode(state, block, raw->data, (uint32_t)raw->length);
    fuzz_require(pkv__segment_writer_write(writer, block, length, NULL) == 0);
    pkv__buffer_clear(raw);
    free(block);
    free(state);
}

static void put_segment(const char *directory, const struct pkv__segment_name *name,
                        unsigned blocks)
{
    struct pkv__segment_writer *writer = NULL;
    struct pkv__buffer raw = {.length = 0};
    int64_t end_ns = name->start_ns + (int64_t)blocks * PACKETS_A_BLOCK * STEP_NS;
    fuzz_require(pkv__segment_writer_open(&writer, directory, name, NULL, 0, NULL) == 0);
    put_head(&raw, name);
    for (unsigned i = 0; i < blocks; i++) {
        put_packets(&raw, i * PACKETS_A_BLOCK, name->start_ns);
        put_block(writer, &raw);
    }
    put_losses(&raw, name->start_ns, end_ns);
    put_block(writer, &raw);
    fuzz_require(pkv__segment_writer_seal(writer, NULL) == 0);
    (void)pkv__segment_writer_free(writer);
    pkv__buffer_deinit(&raw);
}

/* Small pages, so that less of the file is empty; as every kind of row is there, damage is too. */
static void make_small(const char *path)
{
    sqlite3 *db = NULL;
    fuzz_require(pkv__page_sum_vfs_register() == SQLITE_OK);
    fuzz_require(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, PKV__PAGE_SUM_VFS) == SQLITE_OK);
    fuzz_require(sqlite3_exec(db,
                              "PRAGMA journal_mode = DELETE; PRAGMA page_size = 1024; "
                              "INSERT INTO damage SELECT name, 7, 'broken' FROM segment; VACUUM",
                              NULL, NULL, NULL) == SQLITE_OK);
    (void)sqlite3_close(db);
}

static void read_database(struct fuzz_database *database)
{
    struct stat found;
    int fd = open(database->path, O_RDONLY);
    fuzz_require(fd >= 0 && fstat(fd, &found) == 0 && found.st_size > 0);
    database->size = (size_t)found.st_size;
    database->data = malloc(database->size);
    fuzz_require(database->data &&
                 read(fd, database->data, database->size) == (ssize_t)database->size);
    (void)close(fd);
}

void fuzz_archive_make(struct fuzz_archive *archive)
{
    const struct pkv__segment_name live = {1700000000000000000, 0, 1};
    const struct pkv__segment_name import = {1700000000020000000, 1000, 1};
    char relative[PKV__SEGMENT_PATH_TEXT];
    (void)strcpy(archive->directory, "/tmp/pkv-fuzz-database-XXXXXX");
    fuzz_require(mkdtemp(archive->directory) != NULL);
    fuzz_require(pkv__archive_create(archive->directory, NULL) == 0);
    put_segment(archive->directory, &live, 10);
    put_segment(archive->directory, &import, 4);
    fuzz_require(pkv_index_run(archive->directory, 0, NULL, NULL, NULL, NULL, NULL) == 0);
    pkv__index_path(relative, &live);
    (void)snprintf(archive->index.path, sizeof archive->index.path, "%s/%s", archive->directory,
                   relative);
    (void)snprintf(archive->catalog.path, sizeof archive->catalog.path, "%s/catalog.sqlite",
                   archive->directory);
    make_small(archive->catalog.path);
    read_database(&archive->index);
    read_database(&archive->catalog);
}

void fuzz_archive_remove(struct fuzz_archive *archive)
{
    char command[100];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", archive->directory);
    (void)!system(command);
    free(archive->index.data);
    free(archive->catalog.data);
}

static void write_file(const char *path, int flags, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_TRUNC | flags, 0640);
    fuzz_require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)close(fd);
}

void fuzz_database_put(const struct fuzz_database *database, const uint8_t *data, size_t size)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    char path[220];
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        (void)snprintf(path, sizeof path, "%s%s", database->path, beside[i]);
        (void)unlink(path);
    }
    uint8_t *copy = malloc(size + 1);
    fuzz_require(copy != NULL);
    if (size)
        memcpy(copy, data, size);
    if (!database->leaves_sums)
        pkv__page_sum_put_all(copy, size);
    write_file(database->path, 0, copy, size);
    free(copy);
}

void fuzz_database_put_log(const struct fuzz_database *database, const uint8_t *data, size_t size)
{
    char path[220];
    (void)snprintf(path, sizeof path, "%s-wal", database->path);
    write_file(path, O_CREAT, data, size);
}
