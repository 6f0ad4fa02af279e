/* SPDX-License-Identifier: BSD-2-Clause */
/* Databases with bits flipped, but right sums, so that SQLite reads them: reading every row of them
 * ends, and crashes nothing. */
#include "support.h"

#define FLIPS 1500u
#define PAGE 1024u

static uint8_t *content;
static size_t content_bytes;

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    content = malloc(1 << 20);
    assert_non_null(content);
    content_bytes = fread(content, 1, 1 << 20, file);
    assert_in_range(content_bytes, 10000, (1 << 20) - 1);
    (void)fclose(file);
}

static void write_file(const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (size_t page = 0; page < content_bytes / PAGE; page++)
        pkv__page_sum_put(content + page * PAGE, PAGE, (uint32_t)page + 1);
    assert_int_equal(fwrite(content, 1, content_bytes, file), content_bytes);
    (void)fclose(file);
}

static void make_index(const char *path)
{
    static const char rows[] =
        "BEGIN; INSERT INTO tunnel VALUES (0, 0, NULL, NULL, NULL), (1, 1, 100, x'0a000001', "
        "x'0a000002');"
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
        "INSERT INTO host SELECT i, zeroblob(4), zeroblob(i % 50) FROM n;"
        "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
        "INSERT INTO flow SELECT i, 1, 6, i, i, i, 80, i * 1000000000000, i, i, i, i, i, 2, 18, "
        "NULL, NULL, zeroblob(i * 5) FROM n; COMMIT";
    sqlite3 *db;
    pkv_error error;
    assert_done(pkv__index_create(&db, path, PAGE, &error), error);
    assert_done(pkv__database_exec(db, rows, &error), error);
    pkv__database_close(db);
}

static int read_rows(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int rows = 0;
    if (pkv__database_prepare(&statement, db, sql, NULL) < 0)
        return 0;
    while (rows < 100000 && sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const uint8_t *blob = sqlite3_column_blob(statement, i);
            for (int k = 0; k < sqlite3_column_bytes(statement, i); k++)
                rows += blob[k] == 0x42 ? 0 : 0;
        }
        rows++;
    }
    (void)sqlite3_finalize(statement);
    return rows;
}

static int read_all(const char *path)
{
    static const char *const queries[] = {"SELECT * FROM meta",
                                          "SELECT * FROM tunnel",
                                          "SELECT * FROM block",
                                          "SELECT * FROM interface",
                                          "SELECT * FROM host WHERE id >= 5 AND id < 300",
                                          "SELECT * FROM flow",
                                          "SELECT ordinals FROM flow WHERE id = 77"};
    sqlite3 *db;
    int rows = 0;
    if (pkv__index_open(&db, path, NULL) < 0)
        return 0;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        rows += read_rows(db, queries[i]);
    pkv__database_close(db);
    return rows;
}

static void an_index_with_a_flipped_bit_crashes_nothing(void **state)
{
    (void)state;
    uint32_t random = 1;
    int whole, less = 0;
    make_index(path_of("good.sqlite"));
    read_file(path_of("good.sqlite"));
    whole = read_all(path_of("good.sqlite"));
    assert_int_equal(whole, 2 + 295 + 401 + 1);
    for (unsigned i = 0; i < FLIPS; i++) {
        random = random * 1664525u + 1013904223u;
        size_t at = i < 800
                        ? i / 8
                        : random % content_bytes; /* every bit of SQLite's header, then anywhere */
        uint8_t bit = (uint8_t)(1u << (i < 800 ? i % 8 : random >> 29));
        content[at] ^= bit;
        write_file(path_of("bad.sqlite"));
        less += read_all(path_of("bad.sqlite")) < whole;
        content[at] ^= bit;
    }
    assert_in_range(less, 1, FLIPS);
    free(content);
}

static void an_index_that_ends_early_crashes_nothing(void **state)
{
    (void)state;
    make_index(path_of("good.sqlite"));
    read_file(path_of("good.sqlite"));
    size_t bytes = content_bytes;
    int whole = read_all(path_of("good.sqlite"));
    for (content_bytes = 0; content_bytes < bytes / 2; content_bytes += 509) {
        write_file(path_of("bad.sqlite"));
        assert_in_range(read_all(path_of("bad.sqlite")), 0, whole - 1);
    }
    free(content);
}

static void a_view_in_place_of_a_table_is_not_asked(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    sqlite3_stmt *statement;
    make_index(path_of("view.sqlite"));
    db = open_with_sums(path_of("view.sqlite"));
    assert_int_equal(
        sqlite3_exec(db, "DROP VIEW flow_view; DROP TABLE flow; CREATE VIEW flow AS SELECT 1 AS id",
                     NULL, NULL, NULL),
        SQLITE_OK);
    (void)sqlite3_close(db);
    assert_done(pkv__index_open(&db, path_of("view.sqlite"), &error), error);
    assert_true(pkv__database_prepare(&statement, db, "SELECT id FROM flow", &error) < 0);
    pkv__database_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_index_with_a_flipped_bit_crashes_nothing),
        TEST(an_index_that_ends_early_crashes_nothing),
        TEST(a_view_in_place_of_a_table_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
