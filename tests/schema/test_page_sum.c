/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums of pages: no bit of a database is believed that is not as it was written. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "support.h"

enum { PAGE = 1024, TRANSACTIONS = 3000, READINGS = 10 };

/* A file, to be changed in memory and on the disk. */
struct content {
    char path[200];
    uint8_t *data;
    size_t bytes;
    uint64_t digest; /* of all its rows, as they should be */
};

static void must(sqlite3 *db, const char *sql)
{
    pkv_error error;
    assert_done(pkv__database_exec(db, sql, &error), error);
}

static void digest_row(sqlite3_stmt *row, uint64_t *digest)
{
    for (int i = 0; i < sqlite3_column_count(row); i++) {
        const void *bytes = sqlite3_column_blob(row, i);
        size_t length = (size_t)sqlite3_column_bytes(row, i);
        *digest = pkv__hash64_seeded(bytes ? bytes : "", length, *digest + 1);
    }
}

static int digest_table(sqlite3 *db, const char *name, uint64_t *digest, pkv_error *error)
{
    char sql[200];
    sqlite3_stmt *rows = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%.100s\"", name);
    int rc = pkv__database_prepare(&rows, db, sql, error), step = SQLITE_DONE;
    while (rc == 0 && (step = sqlite3_step(rows)) == SQLITE_ROW)
        digest_row(rows, digest);
    if (rc == 0 && step != SQLITE_DONE)
        rc = pkv__database_error(db, step, error);
    (void)sqlite3_finalize(rows);
    return rc;
}

static int digest_all(sqlite3 *db, uint64_t *digest, pkv_error *error)
{
    sqlite3_stmt *tables = NULL;
    int step = SQLITE_DONE;
    *digest = 0;
    int rc = pkv__database_prepare(
        &tables, db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", error);
    while (rc == 0 && (step = sqlite3_step(tables)) == SQLITE_ROW)
        rc = digest_table(db, (const char *)sqlite3_column_text(tables, 0), digest, error);
    if (rc == 0 && step != SQLITE_DONE)
        rc = pkv__database_error(db, step, error);
    (void)sqlite3_finalize(tables);
    return rc;
}

static int read_index(const struct content *c, uint64_t *digest, pkv_error *error)
{
    sqlite3 *db = NULL;
    int rc = pkv__index_open(&db, c->path, error);
    if (rc == 0)
        rc = digest_all(db, digest, error);
    pkv__database_close(db);
    return rc;
}

static int read_catalog(const struct content *c, uint64_t *digest, pkv_error *error)
{
    sqlite3 *db = NULL;
    (void)c;
    int rc = pkv__catalog_open_read(&db, directory, error);
    if (rc == 0)
        rc = digest_all(db, digest, error);
    pkv__database_close(db);
    return rc;
}

static void load(struct content *c)
{
    FILE *file = fopen(c->path, "rb");
    assert_non_null(file);
    c->data = malloc(1 << 20);
    assert_non_null(c->data);
    c->bytes = fread(c->data, 1, 1 << 20, file);
    assert_in_range(c->bytes, 5 * PAGE, (1 << 20) - 1);
    (void)fclose(file);
}

static void write_part(const struct content *c, size_t at, const void *data, size_t bytes)
{
    FILE *file = fopen(c->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    (void)fclose(file);
}

static void make_index(struct content *c)
{
    static const char rows[] =
        "BEGIN; INSERT INTO meta VALUES ('packets', 5); INSERT INTO host VALUES (0, x'0a000001', "
        "x'00'); INSERT INTO flow SELECT 0, 1, 6, 0, 0, 1, 80, 5, 6, 7, 8, 9, 10, 2, 18, NULL, "
        "NULL, zeroblob(2500); COMMIT";
    sqlite3 *db;
    pkv_error error;
    (void)snprintf(c->path, sizeof c->path, "%s", path_of("i.sqlite"));
    assert_done(pkv__index_create(&db, c->path, PAGE, &error), error);
    must(db, rows);
    pkv__database_close(db);
    load(c);
    assert_done(read_index(c, &c->digest, &error), error);
}

static void make_catalog(struct content *c)
{
    static const char rows[] =
        "BEGIN; INSERT INTO meta VALUES ('uuid', 'x'); WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL "
        "SELECT i + 1 FROM n WHERE i < 20) INSERT INTO summary SELECT i, 0, i, i, x'01', x'02', "
        "randomblob(4096) FROM n; COMMIT";
    sqlite3 *db;
    pkv_error error;
    (void)snprintf(c->path, sizeof c->path, "%s", path_of("catalog.sqlite"));
    assert_done(pkv__catalog_open(&db, directory, &error), error);
    must(db, rows);
    pkv__database_close(db);
    load(c);
    assert_done(read_catalog(c, &c->digest, &error), error);
}

static void the_sum_is_as_it_is_written_down(void **state)
{
    (void)state;
    uint8_t page[512] = "some bytes";
    static const uint8_t sum[2][8] = {{0x94, 0xcd, 0x39, 0x40, 0xac, 0xc1, 0xb0, 0xc5},
                                      {0xf9, 0x4b, 0xce, 0x11, 0x71, 0x06, 0x84, 0xf4}};
    for (uint32_t number = 1; number <= 2; number++) {
        pkv__page_sum_put(page, sizeof page, number);
        assert_memory_equal(page + sizeof page - 8, sum[number - 1], 8);
        assert_true(pkv__page_sum_fits(page, sizeof page, number));
        assert_false(pkv__page_sum_fits(page, sizeof page, number + 1));
    }
}

static void with_a_flipped_bit_no_sum_fits(void **state)
{
    struct content c;
    (void)state;
    make_index(&c);
    for (size_t bit = 0; bit < c.bytes * 8; bit++) {
        size_t page = bit / 8 / PAGE;
        c.data[bit / 8] = (uint8_t)(c.data[bit / 8] ^ 1u << bit % 8);
        assert_false(pkv__page_sum_fits(c.data + page * PAGE, PAGE, (uint32_t)page + 1));
        c.data[bit / 8] = (uint8_t)(c.data[bit / 8] ^ 1u << bit % 8);
        assert_true(pkv__page_sum_fits(c.data + page * PAGE, PAGE, (uint32_t)page + 1));
    }
    free(c.data);
}

/* All pages are read. Every bit of the first, which has SQLite's header and the schema; one of each
 * byte behind it. */
static void a_flipped_bit_of_an_index_is_found(void **state)
{
    struct content c;
    (void)state;
    make_index(&c);
    for (size_t bit = 0; bit < c.bytes * 8; bit += bit < PAGE * 8 ? 1 : 9) {
        uint8_t flipped = (uint8_t)(c.data[bit / 8] ^ 1u << bit % 8);
        uint64_t digest;
        pkv_error error;
        write_part(&c, bit / 8, &flipped, 1);
        if (read_index(&c, &digest, &error) != PKV_E_FORMAT)
            fail_msg("byte %zu, bit %zu: %d", bit / 8, bit % 8, error.code);
        write_part(&c, bit / 8, &c.data[bit / 8], 1);
    }
    free(c.data);
}

/* Pages of its indexes are not read. Every so many bits, since it has large pages. */
static void a_flipped_bit_of_a_catalog_makes_no_other_rows(void **state)
{
    struct content c;
    size_t found = 0, tried = 0;
    (void)state;
    make_catalog(&c);
    for (size_t bit = 0; bit < c.bytes * 8; bit += 401, tried++) {
        uint8_t flipped = (uint8_t)(c.data[bit / 8] ^ 1u << bit % 8);
        uint64_t digest;
        pkv_error error;
        write_part(&c, bit / 8, &flipped, 1);
        int rc = read_catalog(&c, &digest, &error);
        if (rc != PKV_E_FORMAT && (rc != 0 || digest != c.digest))
            fail_msg("byte %zu, bit %zu: %d", bit / 8, bit % 8, rc);
        found += rc == PKV_E_FORMAT;
        write_part(&c, bit / 8, &c.data[bit / 8], 1);
    }
    assert_in_range(found, tried / 2, tried);
    free(c.data);
}

static void assert_page_is_damaged(const struct content *c, unsigned page)
{
    uint64_t digest;
    pkv_error error;
    char text[40];
    (void)snprintf(text, sizeof text, "i.sqlite: page %u is damaged", page);
    assert_int_equal(read_index(c, &digest, &error), PKV_E_FORMAT);
    assert_non_null(strstr(error.text, text));
}

static void a_page_in_the_place_of_another_is_found(void **state)
{
    struct content c;
    size_t last;
    (void)state;
    make_index(&c);
    last = c.bytes / PAGE;
    write_part(&c, (last - 1) * PAGE, c.data + (last - 2) * PAGE, PAGE);
    assert_page_is_damaged(&c, (unsigned)last);
    write_part(&c, (last - 2) * PAGE, c.data + (last - 1) * PAGE, PAGE);
    assert_page_is_damaged(&c, (unsigned)last - 1);
    free(c.data);
}

static void a_page_of_zeros_is_found(void **state)
{
    static const uint8_t zeros[PAGE];
    struct content c;
    (void)state;
    make_index(&c);
    for (unsigned page = 2; page <= c.bytes / PAGE; page++) {
        write_part(&c, (page - 1) * PAGE, zeros, PAGE);
        assert_page_is_damaged(&c, page);
        write_part(&c, (page - 1) * PAGE, c.data + (page - 1) * PAGE, PAGE);
    }
    free(c.data);
}

/* As SQLite reads it that is made with SQLITE_DIRECT_OVERFLOW_READ. */
static void part_of_a_page_is_checked_by_all_of_it(void **state)
{
    struct content c;
    sqlite3 *db;
    sqlite3_file *file;
    pkv_error error;
    uint8_t part[512];
    (void)state;
    make_index(&c);
    write_part(&c, 3 * PAGE + 5, "rotten", 6);
    assert_done(pkv__index_open(&db, c.path, &error), error);
    assert_int_equal(sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file), SQLITE_OK);
    for (size_t at = 0; at < PAGE; at += sizeof part) {
        assert_int_equal(file->pMethods->xRead(file, part, 512, (sqlite3_int64)(2 * PAGE + at)), 0);
        assert_memory_equal(part, c.data + 2 * PAGE + at, 512);
        assert_int_equal(file->pMethods->xRead(file, part, 512, (sqlite3_int64)(3 * PAGE + at)),
                         SQLITE_IOERR_DATA);
    }
    pkv__database_close(db);
    free(c.data);
}

static void other_programs_read_it(void **state)
{
    struct content c;
    sqlite3 *db;
    sqlite3_stmt *check;
    (void)state;
    make_index(&c);
    assert_int_equal(sqlite3_open(c.path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    (void)sqlite3_finalize(check);
    (void)sqlite3_close(db);
    free(c.data);
}

static void what_other_programs_write_is_found(void **state)
{
    struct content c;
    sqlite3 *db;
    uint64_t digest;
    (void)state;
    make_index(&c);
    assert_int_equal(sqlite3_open(c.path, &db), SQLITE_OK);
    must(db, "UPDATE meta SET value = 6");
    (void)sqlite3_close(db);
    assert_int_equal(read_index(&c, &digest, NULL), PKV_E_FORMAT);
    free(c.data);
}

/* Nor does anybody else's database get sums. */
static void the_default_vfs_stays(void **state)
{
    sqlite3_vfs *before = sqlite3_vfs_find(NULL);
    (void)state;
    assert_int_equal(pkv__page_sum_vfs_register(), SQLITE_OK);
    assert_int_equal(pkv__page_sum_vfs_register(), SQLITE_OK);
    assert_ptr_equal(sqlite3_vfs_find(NULL), before);
    assert_non_null(sqlite3_vfs_find(PKV__PAGE_SUM_VFS));
}

static void make_without_sums(const char *path)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    must(db, "PRAGMA page_size = 1024; PRAGMA journal_mode = WAL; PRAGMA application_id = "
             "0x504b5643; PRAGMA user_version = 3; CREATE TABLE meta (key, value); "
             "INSERT INTO meta VALUES (1, zeroblob(9000))");
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_close(db);
}

/* Neither what is in the file, nor what is in the WAL only, is written. */
static void a_catalog_without_sums_is_refused_and_stays(void **state)
{
    struct content c = {.path = ""};
    sqlite3 *db;
    pkv_error error;
    (void)state;
    (void)snprintf(c.path, sizeof c.path, "%s", path_of("catalog.sqlite"));
    make_without_sums(c.path);
    assert_int_equal(pkv__catalog_open(&db, directory, &error), PKV_E_FORMAT);
    assert_int_equal(pkv__catalog_open_read(&db, directory, &error), PKV_E_FORMAT);
    assert_int_equal(sqlite3_open(c.path, &db), SQLITE_OK);
    must(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_done(digest_all(db, &c.digest, &error), error);
    (void)sqlite3_close(db);
    assert_int_equal(pkv__catalog_open(&db, directory, &error), PKV_E_FORMAT);
    assert_non_null(strstr(error.text, "have no sums: pktvault index --rebuild"));
    assert_int_equal(sqlite3_open(c.path, &db), SQLITE_OK);
    uint64_t digest;
    assert_done(digest_all(db, &digest, &error), error);
    assert_int_equal(digest, c.digest);
    (void)sqlite3_close(db);
}

static atomic_bool written;
static atomic_uint times_read;

static void *read_on(void *context)
{
    pkv_error *error = context;
    struct content c = {.path = ""};
    uint64_t digest;
    int rc = 0;
    while (rc == 0 && !atomic_load(&written)) {
        rc = read_catalog(&c, &digest, error);
        atomic_fetch_add(&times_read, 1);
    }
    atomic_store(&written, true);
    return NULL;
}

/* Until both have done enough, or the reader has failed. */
static void put_segments(sqlite3 *db)
{
    static const char sql[] = "INSERT INTO summary VALUES (?1, 0, 1, 2, x'01', x'02', "
                              "randomblob(?1 * 37 % 20000)) ON CONFLICT DO UPDATE SET addresses = "
                              "excluded.addresses; ";
    sqlite3_stmt *put;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &put, NULL), SQLITE_OK);
    for (int i = 0;
         (i < TRANSACTIONS || atomic_load(&times_read) < READINGS) && !atomic_load(&written); i++) {
        (void)sqlite3_bind_int(put, 1, i * 7919 % 300);
        assert_int_equal(sqlite3_step(put), SQLITE_DONE);
        assert_int_equal(sqlite3_reset(put), SQLITE_OK);
        if (i % 100 == 99)
            must(db, "DELETE FROM summary WHERE rowid % 3 = 0");
    }
    (void)sqlite3_finalize(put);
}

static void readers_beside_checkpoints_find_nothing_damaged(void **state)
{
    pthread_t reader;
    sqlite3 *db;
    pkv_error error, of_reader = {.code = 0};
    (void)state;
    atomic_store(&written, false);
    atomic_store(&times_read, 0);
    assert_done(pkv__catalog_open(&db, directory, &error), error);
    must(db, "PRAGMA wal_autocheckpoint = 3");
    assert_int_equal(pthread_create(&reader, NULL, read_on, &of_reader), 0);
    put_segments(db);
    atomic_store(&written, true);
    assert_int_equal(pthread_join(reader, NULL), 0);
    if (of_reader.code)
        fail_msg("%s", of_reader.text);
    must(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    assert_done(read_catalog(NULL, &(uint64_t){0}, &error), error);
    pkv__database_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_sum_is_as_it_is_written_down),
        TEST(with_a_flipped_bit_no_sum_fits),
        TEST(a_flipped_bit_of_an_index_is_found),
        TEST(a_flipped_bit_of_a_catalog_makes_no_other_rows),
        TEST(a_page_in_the_place_of_another_is_found),
        TEST(a_page_of_zeros_is_found),
        TEST(part_of_a_page_is_checked_by_all_of_it),
        TEST(other_programs_read_it),
        TEST(what_other_programs_write_is_found),
        TEST(the_default_vfs_stays),
        TEST(a_catalog_without_sums_is_refused_and_stays),
        TEST(readers_beside_checkpoints_find_nothing_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
