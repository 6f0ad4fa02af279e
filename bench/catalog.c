/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes an archive that is nothing but a catalog: bench/catalog DIRECTORY SEGMENTS. A segment each
 * five minutes from 2024-01-01, 600 addresses in each: 400 of a VPC of 2,000, 200 of the internet,
 * 1,500 ports, 20 VNIs. The segments' files are empty, for their names are all that a query that
 * finds nothing in the catalog looks at; one segment in the middle has the address 192.0.2.77, port
 * 31337 and VNI 4711, which no other has. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/directory.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "schema/database.h"
#include "schema/summary.h"

#define FIRST_NS 1704067200000000000
#define LENGTH_NS (300 * PKV__NS_PER_S)

static uint64_t state = 1;

/* splitmix64 */
static uint32_t draw(uint32_t below)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) % below);
}

static void check(int rc, const pkv_error *error)
{
    if (!rc)
        return;
    (void)fprintf(stderr, "%s\n", error->text);
    exit(1);
}

static void add_address(struct pkv__filter_builder *builder, uint32_t number)
{
    uint8_t address[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                          (uint8_t)number};
    pkv__filter_builder_add(builder, pkv__summary_address(address, 4, 32));
    pkv__filter_builder_add(builder, pkv__summary_address(address, 4, 24));
    pkv__filter_builder_add(builder, pkv__summary_address(address, 4, 16));
}

static void fill(struct pkv__filter_builder *builder, struct pkv__buffer *filter)
{
    pkv__buffer_clear(filter);
    check(pkv__filter_builder_finish(builder, filter), &(pkv_error){.text = "out of memory"});
    pkv__filter_builder_clear(builder);
}

static void addresses(struct pkv__filter_builder *builder, struct pkv__buffer *filter, bool rare)
{
    for (unsigned i = 0; i < 400; i++)
        add_address(builder, 0x0a000000u + draw(2000));
    for (unsigned i = 0; i < 200; i++) /* 1.0.0.0 to 9.255.255.255 */
        add_address(builder, 0x01000000u + draw(0x09000000u));
    if (rare)
        add_address(builder, 0xc000024du);
    fill(builder, filter);
}

static void ports(struct pkv__filter_builder *builder, struct pkv__buffer *filter, bool rare)
{
    for (unsigned i = 0; i < 1500; i++)
        pkv__filter_builder_add(builder, pkv__summary_port((uint16_t)(32768 + draw(28000))));
    for (uint16_t port = 1; port < 1024; port = (uint16_t)(port * 2))
        pkv__filter_builder_add(builder, pkv__summary_port(port));
    if (rare)
        pkv__filter_builder_add(builder, pkv__summary_port(31337));
    fill(builder, filter);
}

static void vnis(struct pkv__buffer *list, bool rare)
{
    pkv__buffer_clear(list);
    for (unsigned i = 0; i < 20; i++)
        pkv__buffer_varint(list, i == 0 ? 100 : 1);
    if (rare)
        pkv__buffer_varint(list, 4711 - 119);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    pkv_error error;
    check(pkv__database_prepare(&statement, db, sql, &error), &error);
    return statement;
}

static void put(sqlite3 *db, sqlite3_stmt *statement)
{
    pkv_error error;
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_DONE)
        check(pkv__database_error(db, rc, &error), &error);
    (void)sqlite3_reset(statement);
}

static void bind_blob(sqlite3_stmt *s, int column, const struct pkv__buffer *value)
{
    (void)sqlite3_bind_blob(s, column, value->data, (int)value->length, SQLITE_STATIC);
}

struct maker {
    sqlite3 *db;
    sqlite3_stmt *segment, *summary, *ports;
    struct pkv__filter_builder *builder;
    struct pkv__buffer addresses, port_list, vnis, link_types;
};

static void make_segment(struct maker *m, const char *stem, int64_t start_ns, unsigned number,
                         bool rare)
{
    addresses(m->builder, &m->addresses, rare);
    ports(m->builder, &m->port_list, rare);
    vnis(&m->vnis, rare);
    (void)sqlite3_bind_text(m->segment, 1, stem, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(m->segment, 2, number);
    (void)sqlite3_bind_int64(m->segment, 3, start_ns);
    (void)sqlite3_bind_int64(m->segment, 4, start_ns + LENGTH_NS);
    put(m->db, m->segment);
    (void)sqlite3_bind_text(m->summary, 1, stem, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(m->summary, 2, start_ns);
    (void)sqlite3_bind_int64(m->summary, 3, start_ns + LENGTH_NS);
    bind_blob(m->summary, 4, &m->link_types);
    bind_blob(m->summary, 5, &m->vnis);
    bind_blob(m->summary, 6, &m->addresses);
    put(m->db, m->summary);
    (void)sqlite3_bind_text(m->ports, 1, stem, -1, SQLITE_STATIC);
    bind_blob(m->ports, 2, &m->port_list);
    put(m->db, m->ports);
}

static void make_file(const char *directory, const struct pkv__segment_name *name)
{
    char relative[PKV__SEGMENT_PATH_TEXT], path[4096];
    pkv_error error;
    pkv__segment_path(relative, name, false);
    (void)snprintf(path, sizeof path, "%s/%s", directory, relative);
    int fd = open(path, O_WRONLY | O_CREAT, 0640);
    if (fd < 0) {
        *strrchr(path, '/') = 0;
        check(pkv__file_make_directories(path, &error), &error);
        path[strlen(path)] = '/';
        fd = open(path, O_WRONLY | O_CREAT, 0640);
    }
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    (void)close(fd);
}

/* As the indexer notes days that it has whole, so that a query need not list them. */
static void note_days(sqlite3 *db, const char *directory)
{
    struct pkv__archive_day *days = NULL;
    size_t count = 0;
    pkv_error error;
    check(pkv__archive_days(directory, NULL, &days, &count, &error), &error);
    sqlite3_stmt *s =
        prepare(db, "SELECT count(*) FROM segment WHERE name > ?1 AND name < ?1 || 'U'");
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_text(s, 1, days[i].day, -1, SQLITE_STATIC);
        (void)sqlite3_step(s);
        days[i].segments = (uint64_t)sqlite3_column_int64(s, 0);
        (void)sqlite3_reset(s);
    }
    check(pkv__archive_notes_write(directory, days, count, &error), &error);
    (void)sqlite3_finalize(s);
    free(days);
}

int main(int argc, char **argv)
{
    struct maker m = {.builder = NULL};
    pkv_error error = {.text = "out of memory"};
    unsigned count = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    if (!count) {
        (void)fprintf(stderr, "usage: catalog DIRECTORY SEGMENTS\n");
        return 2;
    }
    check(pkv__archive_create(argv[1], &error), &error);
    check(pkv__catalog_open(&m.db, argv[1], &error), &error);
    check(pkv__filter_builder_new(&m.builder), &error);
    pkv__buffer_varint(&m.link_types, 1);
    m.segment =
        prepare(m.db, "INSERT INTO segment VALUES (?1, 0, ?2, 0, ?3, ?4, ?3, ?4, 1, 1, 1, 1, 1, "
                      "printf('%064x', ?2), 0, NULL, 39)");
    m.summary = prepare(m.db, "INSERT INTO summary VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6)");
    m.ports = prepare(m.db, "INSERT INTO summary_ports VALUES (?1, ?2)");
    check(pkv__database_exec(m.db, "BEGIN", &error), &error);
    for (unsigned i = 0; i < count; i++) {
        struct pkv__segment_name name = {.start_ns = FIRST_NS + i * LENGTH_NS, .sequence = i};
        char stem[PKV__SEGMENT_STEM_TEXT];
        pkv__segment_stem(stem, &name);
        make_file(argv[1], &name);
        make_segment(&m, stem, name.start_ns, i, i == count / 2);
    }
    note_days(m.db, argv[1]);
    check(pkv__database_exec(m.db, "COMMIT", &error), &error);
    (void)sqlite3_finalize(m.segment);
    (void)sqlite3_finalize(m.summary);
    (void)sqlite3_finalize(m.ports);
    (void)pkv__filter_builder_free(m.builder);
    pkv__buffer_deinit(&m.addresses);
    pkv__buffer_deinit(&m.port_list);
    pkv__buffer_deinit(&m.vnis);
    pkv__buffer_deinit(&m.link_types);
    pkv__database_close(m.db);
    return 0;
}
