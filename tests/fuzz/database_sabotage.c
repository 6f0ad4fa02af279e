/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/database_sabotage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

enum { STEPS_MAX = 16, COLUMNS_MAX = 100, SQL_TEXT = 500 };
enum { COMPUTED_MAX = 1 << 20 }; /* bytes of a value, while rows are changed */

enum { TO_NULL, TO_BYTE, TO_NUMBER, TO_EXTREME, TO_TEXT, TO_BLOB, DELETE_ROW, RUN_SCRIPT, KINDS };

/* With table, column and key of the table. The last ones make values of any type possible; from a
 * view without end; and large out of nothing. */
static const char *const scripts[] = {
    "DROP TABLE %1$s",
    "ALTER TABLE %1$s DROP COLUMN %2$s",
    "DROP VIEW IF EXISTS host_view; DROP VIEW IF EXISTS flow_view; ALTER TABLE %1$s RENAME TO old; "
    "CREATE TABLE %1$s AS SELECT * FROM old",
    "DROP VIEW IF EXISTS host_view; DROP VIEW IF EXISTS flow_view; ALTER TABLE %1$s RENAME TO old; "
    "CREATE VIEW %1$s AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT old.* "
    "FROM old, c",
    "ALTER TABLE %1$s RENAME COLUMN %2$s TO old; ALTER TABLE %1$s ADD COLUMN %2$s ANY AS "
    "(zeroblob(200000000))",
    "ALTER TABLE %1$s RENAME COLUMN %2$s TO old; ALTER TABLE %1$s ADD COLUMN %2$s ANY AS "
    "(CAST(replace(hex(zeroblob(1000000)), '00', char(2)) AS BLOB))",
};

struct column {
    char table[32], name[32], key[32];
};

void fuzz_sabotage_file(const struct fuzz_database *database, struct pkv__cursor *input)
{
    fuzz_database_put(database, input->at, pkv__cursor_left(input));
}

static uint8_t *copy(const uint8_t *data, size_t size)
{
    uint8_t *made = malloc(size);
    fuzz_require(made != NULL);
    memcpy(made, data, size);
    return made;
}

static void change_bytes(uint8_t *data, size_t size, struct pkv__cursor *input)
{
    size_t at = pkv__cursor_u16le(input);
    unsigned count = 1 + pkv__cursor_u8(input) % 8;
    for (unsigned i = 0; i < count && pkv__cursor_left(input); i++)
        data[(at + i) % size] = pkv__cursor_u8(input);
}

void fuzz_sabotage_bytes(const struct fuzz_database *database, struct pkv__cursor *input)
{
    uint8_t *data = copy(database->data, database->size);
    while (pkv__cursor_left(input) > 3)
        change_bytes(data, database->size, input);
    fuzz_database_put(database, data, database->size);
    free(data);
}

/* A copy in memory: SQLite does not touch the file. */
static sqlite3 *open_copy(const struct fuzz_database *database)
{
    sqlite3 *db = NULL;
    uint8_t *data = sqlite3_malloc64(database->size);
    fuzz_require(data && sqlite3_open(":memory:", &db) == SQLITE_OK);
    memcpy(data, database->data, database->size);
    int rc = sqlite3_deserialize(db, "main", data, (sqlite3_int64)database->size,
                                 (sqlite3_int64)database->size,
                                 SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
    fuzz_require(rc == SQLITE_OK);
    (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, COMPUTED_MAX);
    return db;
}

static void put_copy(const struct fuzz_database *database, sqlite3 *db)
{
    sqlite3_int64 size = 0;
    const uint8_t *data = sqlite3_serialize(db, "main", &size, SQLITE_SERIALIZE_NOCOPY);
    fuzz_require(data != NULL);
    fuzz_database_put(database, data, (size_t)size);
    (void)sqlite3_close(db);
}

static size_t list_columns(sqlite3 *db, struct column columns[COLUMNS_MAX])
{
    sqlite3_stmt *s = NULL;
    size_t count = 0;
    fuzz_require(sqlite3_prepare_v2(db,
                                    "SELECT t.name, c.name, k.name FROM sqlite_schema t, "
                                    "pragma_table_info(t.name) c, pragma_table_info(t.name) k "
                                    "WHERE t.type = 'table' AND k.cid = 0 ORDER BY t.name, c.cid",
                                    -1, &s, NULL) == SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW) {
        fuzz_require(count < COLUMNS_MAX);
        struct column *c = &columns[count++];
        (void)snprintf(c->table, sizeof c->table, "%s", (const char *)sqlite3_column_text(s, 0));
        (void)snprintf(c->name, sizeof c->name, "%s", (const char *)sqlite3_column_text(s, 1));
        (void)snprintf(c->key, sizeof c->key, "%s", (const char *)sqlite3_column_text(s, 2));
    }
    (void)sqlite3_finalize(s);
    return count;
}

static int64_t extreme(uint8_t which)
{
    static const int64_t values[] = {
        INT64_MIN, INT64_MAX, -1, UINT32_MAX, (int64_t)1 << 32, INT32_MAX,    INT32_MIN, 65535,
        65536,     0,         1,  6,          (1 << 24),        INT64_MAX - 1};
    return values[which % (sizeof values / sizeof *values)];
}

static void bind_value(sqlite3_stmt *s, unsigned kind, struct pkv__cursor *input)
{
    size_t length = pkv__cursor_u8(input), left;
    if (kind == TO_NULL)
        (void)sqlite3_bind_null(s, 1);
    if (kind == TO_BYTE)
        (void)sqlite3_bind_int64(s, 1, (int8_t)length);
    if (kind == TO_NUMBER)
        (void)sqlite3_bind_int64(s, 1, (int64_t)(pkv__cursor_u64le(input) << 8 | length));
    if (kind == TO_EXTREME)
        (void)sqlite3_bind_int64(s, 1, extreme((uint8_t)length));
    if (kind != TO_TEXT && kind != TO_BLOB)
        return;
    left = pkv__cursor_left(input);
    length = length < left ? length : left;
    const void *bytes = pkv__cursor_take(input, length);
    if (kind == TO_TEXT)
        (void)sqlite3_bind_text(s, 1, bytes ? bytes : "", (int)length, SQLITE_STATIC);
    else
        (void)sqlite3_bind_blob(s, 1, bytes ? bytes : "", (int)length, SQLITE_STATIC);
}

/* What SQLite does not allow is left undone. */
static void change_row(sqlite3 *db, const struct column *c, uint8_t row, unsigned kind,
                       struct pkv__cursor *input)
{
    char sql[SQL_TEXT];
    sqlite3_stmt *s = NULL;
    (void)snprintf(sql, sizeof sql,
                   kind == DELETE_ROW ? "DELETE FROM %1$s WHERE %2$s = "
                                        "(SELECT %2$s FROM %1$s ORDER BY %2$s LIMIT 1 OFFSET ?2)"
                                      : "UPDATE OR IGNORE %1$s SET %3$s = ?1 WHERE %2$s = "
                                        "(SELECT %2$s FROM %1$s ORDER BY %2$s LIMIT 1 OFFSET ?2)",
                   c->table, c->key, c->name);
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK) {
        (void)sqlite3_bind_int(s, 2, row);
        bind_value(s, kind, input);
        (void)sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
}

static void run_script(sqlite3 *db, const struct column *c, uint8_t which)
{
    char sql[SQL_TEXT];
    (void)snprintf(sql, sizeof sql, scripts[which % (sizeof scripts / sizeof *scripts)], c->table,
                   c->name);
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
}

void fuzz_sabotage_rows(const struct fuzz_database *database, struct pkv__cursor *input)
{
    struct column columns[COLUMNS_MAX];
    sqlite3 *db = open_copy(database);
    size_t count = list_columns(db, columns);
    for (unsigned i = 0; i < STEPS_MAX && pkv__cursor_left(input) > 2; i++) {
        const struct column *c = &columns[pkv__cursor_u8(input) % count];
        uint8_t row = pkv__cursor_u8(input);
        unsigned kind = pkv__cursor_u8(input) % KINDS;
        if (kind == RUN_SCRIPT)
            run_script(db, c, row);
        else
            change_row(db, c, row, kind, input);
    }
    put_copy(database, db);
}

/* A write-ahead log that grows; all of its numbers are big endian, those of the sum little. */
struct log {
    uint8_t *data;
    size_t size;
    uint32_t sum[2];
};

enum { LOG_MAGIC = 0x377f0682, LOG_VERSION = 3007000, LOG_SALT = 0x1234567, LOG_FRAMES_MAX = 64 };

static void put_number(struct log *log, uint32_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        log->data[log->size++] = (uint8_t)(number >> shift);
}

static void add_to_sum(struct log *log, size_t from, size_t bytes)
{
    struct pkv__cursor c = pkv__cursor(log->data + from, bytes);
    while (pkv__cursor_left(&c)) {
        log->sum[0] += pkv__cursor_u32le(&c) + log->sum[1];
        log->sum[1] += pkv__cursor_u32le(&c) + log->sum[0];
    }
}

static void put_sum(struct log *log)
{
    put_number(log, log->sum[0]);
    put_number(log, log->sum[1]);
}

static void put_head(struct log *log, uint32_t page_bytes)
{
    const uint32_t head[] = {LOG_MAGIC, LOG_VERSION, page_bytes, 0, LOG_SALT, LOG_SALT};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        put_number(log, head[i]);
    add_to_sum(log, 0, log->size);
    put_sum(log);
}

static void put_frame(struct log *log, const struct fuzz_database *database, uint32_t page_bytes,
                      struct pkv__cursor *input)
{
    uint32_t number = pkv__cursor_u16le(input), pages = pkv__cursor_u16le(input);
    size_t from = log->size, at = number ? (number - 1) * (size_t)page_bytes : 0;
    put_number(log, number);
    put_number(log, pages);
    add_to_sum(log, from, 8);
    put_number(log, LOG_SALT);
    put_number(log, LOG_SALT);
    log->size += 8; /* of the sum, which comes last */
    uint8_t *page = log->data + log->size;
    memcpy(page, database->data + at % database->size, page_bytes);
    for (unsigned changes = pkv__cursor_u8(input) % 8; changes; changes--)
        change_bytes(page, page_bytes, input);
    add_to_sum(log, log->size, page_bytes);
    log->size -= 8;
    put_sum(log);
    log->size += page_bytes;
}

void fuzz_sabotage_log(const struct fuzz_database *database, struct pkv__cursor *input)
{
    enum { PAGE_BYTES_AT = 16, WRITE_VERSION_AT = 18, READ_VERSION_AT = 19, WAL_VERSION = 2 };
    uint8_t *data = copy(database->data, database->size);
    uint32_t page_bytes = (uint32_t)data[PAGE_BYTES_AT] << 8 | data[PAGE_BYTES_AT + 1];
    struct log log = {.data = malloc(32 + LOG_FRAMES_MAX * (24 + (size_t)page_bytes))};
    fuzz_require(log.data && page_bytes && database->size % page_bytes == 0);
    data[WRITE_VERSION_AT] = data[READ_VERSION_AT] = WAL_VERSION;
    put_head(&log, page_bytes);
    for (unsigned i = 0; i < LOG_FRAMES_MAX && pkv__cursor_left(input) > 4; i++)
        put_frame(&log, database, page_bytes, input);
    fuzz_database_put(database, data, database->size);
    fuzz_database_put_log(database, log.data, log.size);
    free(log.data);
    free(data);
}
