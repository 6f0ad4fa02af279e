/* SPDX-License-Identifier: BSD-2-Clause */
#include "support.h"

#include <fcntl.h>
#include <sys/wait.h>

static int integer(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int value = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    return value;
}

static void make_index(const char *path)
{
    sqlite3 *db;
    pkv_error error;
    assert_done(pkv__index_create(&db, path, 1024, &error), error);
    assert_done(pkv__database_exec(db, "INSERT INTO meta VALUES ('packets', 5)", &error), error);
    pkv__database_close(db);
}

static void an_index_is_opened_as_it_was_made(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    make_index(path_of("i.sqlite"));
    assert_done(pkv__index_open(&db, path_of("i.sqlite"), &error), error);
    assert_int_equal(integer(db, "SELECT value FROM meta WHERE key = 'packets'"), 5);
    assert_int_equal(integer(db, "PRAGMA page_size"), 1024);
    assert_int_equal(integer(db, "PRAGMA cell_size_check"), 1);
    assert_int_equal(integer(db, "PRAGMA trusted_schema"), 0);
    pkv__database_close(db);
}

/* Of another process: whether somebody holds a lock on the file. */
static bool is_locked(const char *path)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR);
        _exit(fd < 0 || fcntl(fd, F_GETLK, &lock) < 0 ? 2 : lock.l_type != F_UNLCK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

/* A program that searches an archive and indexes it. */
static void a_writer_leaves_the_locks_of_readers(void **state)
{
    (void)state;
    sqlite3 *reader, *writer;
    pkv_error error;
    assert_done(pkv__catalog_open(&writer, directory, &error), error);
    pkv__database_close(writer);
    assert_done(pkv__catalog_open_read(&reader, directory, &error), error);
    assert_true(is_locked(path_of("catalog.sqlite")));
    assert_done(pkv__catalog_open(&writer, directory, &error), error);
    pkv__database_close(writer);
    assert_true(is_locked(path_of("catalog.sqlite")));
    pkv__database_close(reader);
}

static void an_index_is_never_written(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    make_index(path_of("i.sqlite"));
    assert_done(pkv__index_open(&db, path_of("i.sqlite"), &error), error);
    assert_int_equal(pkv__database_exec(db, "DELETE FROM meta", &error), PKV_E_SYSTEM);
    assert_non_null(strstr(error.text, "readonly"));
    pkv__database_close(db);
}

static void an_index_that_exists_is_not_made_again(void **state)
{
    (void)state;
    sqlite3 *db;
    make_index(path_of("i.sqlite"));
    assert_int_equal(pkv__index_create(&db, path_of("i.sqlite"), 1024, NULL), PKV_E_EXISTS);
}

static void a_path_may_hold_what_a_uri_gives_a_meaning(void **state)
{
    (void)state;
    static const char *const names[] = {"a?mode=memory&x=1", "b#c",   "d%41e", "f g",
                                        "\xc3\xbc\xff",      "h'i\"j"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        sqlite3 *db;
        pkv_error error;
        make_index(path_of(names[i]));
        assert_int_equal(access(path_of(names[i]), R_OK), 0);
        assert_done(pkv__index_open(&db, path_of(names[i]), &error), error);
        pkv__database_close(db);
    }
}

static void a_path_may_begin_with_two_slashes(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    char path[300];
    make_index(path_of("i.sqlite"));
    (void)snprintf(path, sizeof path, "/%s", path_of("i.sqlite"));
    assert_done(pkv__index_open(&db, path, &error), error);
    pkv__database_close(db);
}

static void what_is_not_an_index_of_this_version_is_refused(void **state)
{
    (void)state;
    static const char *const changes[] = {"PRAGMA user_version = 1", "PRAGMA application_id = 7"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        sqlite3 *db;
        pkv_error error;
        (void)unlink(path_of("i.sqlite"));
        make_index(path_of("i.sqlite"));
        db = open_with_sums(path_of("i.sqlite"));
        assert_int_equal(sqlite3_exec(db, changes[i], NULL, NULL, NULL), SQLITE_OK);
        (void)sqlite3_close(db);
        assert_int_equal(pkv__index_open(&db, path_of("i.sqlite"), &error), PKV_E_FORMAT);
        assert_non_null(strstr(error.text, "i.sqlite"));
    }
}

static void an_index_that_is_missing_is_named(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    assert_int_equal(pkv__index_open(&db, path_of("none.sqlite"), &error), PKV_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "none.sqlite"));
}

static void an_empty_file_is_no_index(void **state)
{
    (void)state;
    sqlite3 *db;
    FILE *file = fopen(path_of("empty.sqlite"), "w");
    assert_non_null(file);
    (void)fclose(file);
    assert_int_equal(pkv__index_open(&db, path_of("empty.sqlite"), NULL), PKV_E_FORMAT);
}

static void the_catalog_is_made_once_and_stays(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    assert_done(pkv__catalog_open(&db, directory, &error), error);
    assert_done(pkv__database_exec(db, "INSERT INTO meta VALUES ('uuid', 'x')", &error), error);
    pkv__database_close(db);
    assert_done(pkv__catalog_open(&db, directory, &error), error);
    assert_int_equal(integer(db, "SELECT count(*) FROM meta"), 1);
    pkv__database_close(db);
}

static void a_reader_sees_the_catalog_while_it_is_being_written(void **state)
{
    (void)state;
    sqlite3 *writer, *reader;
    pkv_error error;
    assert_done(pkv__catalog_open(&writer, directory, &error), error);
    assert_done(pkv__database_exec(writer, "BEGIN IMMEDIATE; INSERT INTO meta VALUES ('uuid', 'x')",
                                   &error),
                error);
    assert_done(pkv__catalog_open_read(&reader, directory, &error), error);
    assert_int_equal(integer(reader, "SELECT count(*) FROM meta"), 0);
    assert_done(pkv__database_exec(writer, "COMMIT", &error), error);
    assert_int_equal(integer(reader, "SELECT count(*) FROM meta"), 1);
    pkv__database_close(reader);
    pkv__database_close(writer);
}

static void readers_leave_the_wal_where_it_is(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    assert_done(pkv__catalog_open(&db, directory, &error), error);
    pkv__database_close(db);
    assert_done(pkv__catalog_open_read(&db, directory, &error), error);
    pkv__database_close(db);
    assert_int_equal(access(path_of("catalog.sqlite-wal"), F_OK), 0);
    assert_int_equal(access(path_of("catalog.sqlite-shm"), F_OK), 0);
}

static void a_catalog_that_is_something_else_is_refused(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    FILE *file = fopen(path_of("catalog.sqlite"), "w");
    assert_non_null(file);
    (void)fputs(
        "this is no database at all, but long enough to be looked at as if it were one of SQLite's",
        file);
    for (unsigned i = 0; i < 2000; i++)
        (void)fputs("\xff\xfe garbage ", file);
    (void)fclose(file);
    assert_int_equal(pkv__catalog_open(&db, directory, &error), PKV_E_FORMAT);
    assert_int_equal(pkv__catalog_open_read(&db, directory, &error), PKV_E_FORMAT);
}

static void no_catalog_says_what_makes_one(void **state)
{
    (void)state;
    sqlite3 *db;
    pkv_error error;
    assert_int_equal(pkv__catalog_open_read(&db, directory, &error), PKV_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "pktvault index"));
}

/* A column that is computed: much of little. */
static void no_value_is_longer_than_its_file(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *statement;
    pkv_error error;
    make_index(path_of("i.sqlite"));
    db = open_with_sums(path_of("i.sqlite"));
    assert_done(pkv__database_exec(db,
                                   "INSERT INTO meta VALUES ('a', 1); ALTER TABLE meta ADD COLUMN "
                                   "much ANY AS (zeroblob(1000000))",
                                   &error),
                error);
    pkv__database_close(db);
    assert_done(pkv__index_open(&db, path_of("i.sqlite"), &error), error);
    assert_done(pkv__database_prepare(&statement, db, "SELECT much FROM meta", &error), error);
    int rc = sqlite3_step(statement);
    assert_int_equal(pkv__database_error(db, rc, &error), PKV_E_FORMAT);
    (void)sqlite3_finalize(statement);
    pkv__database_close(db);
}

static void errors_name_the_file(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *statement;
    pkv_error error;
    make_index(path_of("i.sqlite"));
    assert_done(pkv__index_open(&db, path_of("i.sqlite"), &error), error);
    assert_int_equal(pkv__database_prepare(&statement, db, "SELECT * FROM nowhere", &error),
                     PKV_E_FORMAT);
    assert_non_null(strstr(error.text, "i.sqlite: SQLite: no such table: nowhere"));
    pkv__database_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_index_is_opened_as_it_was_made),
        TEST(a_writer_leaves_the_locks_of_readers),
        TEST(an_index_is_never_written),
        TEST(an_index_that_exists_is_not_made_again),
        TEST(a_path_may_hold_what_a_uri_gives_a_meaning),
        TEST(a_path_may_begin_with_two_slashes),
        TEST(what_is_not_an_index_of_this_version_is_refused),
        TEST(an_index_that_is_missing_is_named),
        TEST(an_empty_file_is_no_index),
        TEST(the_catalog_is_made_once_and_stays),
        TEST(a_reader_sees_the_catalog_while_it_is_being_written),
        TEST(readers_leave_the_wal_where_it_is),
        TEST(a_catalog_that_is_something_else_is_refused),
        TEST(no_catalog_says_what_makes_one),
        TEST(no_value_is_longer_than_its_file),
        TEST(errors_name_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
