/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/index_writer.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "indexer/host_order.h"
#include "indexer/insert.h"
#include "indexer/segment_index_internal.h"

#define SMALL_PAGE_BYTES 1024 /* an index without flows has 9 KB with it, 37 KB with the larger */
#define PAGE_BYTES 4096
#define LARGE_PAGE_BYTES 16384 /* of long lists, of which two would hardly fit the usual one */
#define LONG_ROW_BYTES 512
#define SMALL_INDEX_BYTES (256u << 10)

static void put_meta(struct pkv__insert *insert, const char *key, int64_t value)
{
    pkv__insert_text(insert, key);
    pkv__insert_integer(insert, value);
    pkv__insert_put(insert);
}

static void put_meta_text(struct pkv__insert *insert, const char *key, const char *value)
{
    pkv__insert_text(insert, key);
    pkv__insert_text(insert, value);
    pkv__insert_put(insert);
}

/* Differences that do not fit wrap around, and come back as they were. */
static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int write_meta(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    int64_t start_ns, end_ns;
    struct pkv__insert insert;
    pkv__segment_index_coverage(index, &start_ns, &end_ns);
    pkv__insert_init(&insert, db, "INSERT INTO meta VALUES (?, ?)");
    put_meta_text(&insert, "segment", index->stem);
    put_meta_text(&insert, "uuid", index->uuid);
    put_meta(&insert, "packets", (int64_t)index->packets);
    put_meta(&insert, "raw_bytes", (int64_t)index->raw_bytes);
    put_meta(&insert, "stored_bytes", index->stored_bytes);
    put_meta(&insert, "flows", (int64_t)pkv__segment_index_flows(index));
    put_meta(&insert, "start_ns", start_ns);
    put_meta(&insert, "end_ns", end_ns);
    put_meta(&insert, "base_ns", index->name.start_ns);
    if (index->has_packets) {
        put_meta(&insert, "first_ns", index->first_ns);
        put_meta(&insert, "last_ns", index->last_ns);
    }
    return pkv__insert_deinit(&insert, error);
}

static int write_interfaces(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT INTO interface VALUES (?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < index->interface_count; i++) {
        const pkv_interface *view = &index->interface_[i].description.view;
        pkv__insert_integer(&insert, (int64_t)i);
        pkv__insert_integer(&insert, view->link_type);
        pkv__insert_integer(&insert, view->snap_length);
        pkv__insert_count(&insert, index->interface_[i].packets);
        pkv__insert_text(&insert, view->name);
        pkv__insert_text(&insert, view->description);
        if (view->options_bytes)
            pkv__insert_blob(&insert, view->options, view->options_bytes);
        else
            pkv__insert_null(&insert);
        pkv__insert_put(&insert);
    }
    return pkv__insert_deinit(&insert, error);
}

static void put_no_tunnel(struct pkv__insert *insert)
{
    pkv__insert_integer(insert, 0);
    pkv__insert_integer(insert, PKV__TUNNEL_NONE);
    pkv__insert_null(insert);
    pkv__insert_null(insert);
    pkv__insert_null(insert);
    pkv__insert_put(insert);
}

static int write_tunnels(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__insert insert;
    uint32_t count = pkv__flow_rows_tunnels(index->flows);
    pkv__insert_init(&insert, db, "INSERT INTO tunnel VALUES (?, ?, ?, ?, ?)");
    put_no_tunnel(&insert);
    for (uint32_t i = 0; i < count; i++) {
        const struct pkv__flow_tunnel *tunnel = pkv__flow_rows_tunnel(index->flows, i);
        pkv__insert_integer(&insert, i + (int64_t)1);
        pkv__insert_integer(&insert, tunnel->kind);
        pkv__insert_integer(&insert, tunnel->vni);
        pkv__insert_blob(&insert, tunnel->outer[0], tunnel->outer_length);
        pkv__insert_blob(&insert, tunnel->outer[1], tunnel->outer_length);
        pkv__insert_put(&insert);
    }
    return pkv__insert_deinit(&insert, error);
}

static int write_blocks(sqlite3 *db, const struct pkv__segment_index *index, pkv_error *error)
{
    struct pkv__insert insert;
    pkv__insert_init(&insert, db, "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    for (size_t i = 0; i < index->block_count; i++) {
        const struct pkv__index_block *block = &index->block[i];
        pkv__insert_integer(&insert, (int64_t)i);
        pkv__insert_integer(&insert, block->offset);
        pkv__insert_integer(&insert, block->stored_bytes);
        pkv__insert_integer(&insert, block->raw_bytes);
        pkv__insert_count(&insert, block->first_ordinal);
        pkv__insert_integer(&insert, block->packets);
        pkv__insert_integer(&insert, minus(block->first_ns, index->name.start_ns));
        pkv__insert_integer(&insert, minus(block->last_ns, block->first_ns));
        pkv__insert_put(&insert);
    }
    return pkv__insert_deinit(&insert, error);
}

static int write_hosts(sqlite3 *db, const struct pkv__segment_index *index,
                       const struct pkv__host_order *order, pkv_error *error)
{
    struct pkv__insert insert;
    struct pkv__buffer list = {0};
    pkv__insert_init(&insert, db, "INSERT INTO host VALUES (?, ?, ?)");
    for (uint32_t id = 0; !list.failed && id < order->count; id++) {
        const struct pkv__flow_host *host = pkv__flow_rows_host(index->flows, order->numbers[id]);
        pkv__buffer_clear(&list);
        pkv__host_order_encode(order, id, &list);
        pkv__insert_integer(&insert, id);
        pkv__insert_blob(&insert, host->bytes, host->length);
        pkv__insert_blob(&insert, list.data, list.length);
        pkv__insert_put(&insert);
    }
    int rc = pkv__insert_deinit(&insert, error);
    if (list.failed)
        rc = pkv__error_memory(error);
    pkv__buffer_deinit(&list);
    return rc;
}

struct writing {
    struct pkv__insert insert;
    int64_t base_ns;
    const struct pkv__host_order *order;
};

static void put_port(struct pkv__insert *insert, const struct pkv__flow_row *row, unsigned end)
{
    if (row->has_ports)
        pkv__insert_integer(insert, row->ports[end]);
    else
        pkv__insert_null(insert);
}

static int put_flow(void *context, uint32_t id, const struct pkv__flow_row *row,
                    const struct pkv__buffer *list)
{
    struct writing *writing = context;
    struct pkv__insert *insert = &writing->insert;
    pkv__insert_integer(insert, id);
    pkv__insert_integer(insert, row->tunnel);
    pkv__insert_integer(insert, row->protocol);
    pkv__insert_integer(insert, writing->order->ids[row->hosts[0]]);
    pkv__insert_integer(insert, writing->order->ids[row->hosts[1]]);
    put_port(insert, row, 0);
    put_port(insert, row, 1);
    pkv__insert_integer(insert, minus(row->first_ns, writing->base_ns));
    pkv__insert_integer(insert, row->duration_ns);
    for (unsigned end = 0; end < 2; end++) {
        pkv__insert_count(insert, row->packets[end]);
        pkv__insert_count(insert, row->bytes[end]);
    }
    pkv__insert_integer(insert, row->tcp_flags[0]);
    pkv__insert_integer(insert, row->tcp_flags[1]);
    if (row->orphan)
        pkv__insert_integer(insert, 1);
    else
        pkv__insert_null(insert);
    if (row->icmp >= 0)
        pkv__insert_integer(insert, row->icmp);
    else
        pkv__insert_null(insert);
    pkv__insert_blob(insert, list->data, list->length);
    pkv__insert_put(insert);
    return insert->rc == SQLITE_OK ? 0 : PKV_E_SYSTEM;
}

static int write_flows(sqlite3 *db, const struct pkv__segment_index *index,
                       const struct pkv__host_order *order, pkv_error *error)
{
    struct writing writing = {.base_ns = index->name.start_ns, .order = order};
    pkv__insert_init(
        &writing.insert, db,
        "INSERT INTO flow VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    int rc = pkv__flow_rows_each(index->flows, put_flow, &writing, error);
    int insert_rc = pkv__insert_deinit(&writing.insert, error);
    return insert_rc < 0 ? insert_rc : rc;
}

int pkv__index_put(const struct pkv__segment_index *index, sqlite3 *db, pkv_error *error)
{
    struct pkv__host_order order;
    if (pkv__host_order_init(&order, index->flows) < 0)
        return pkv__error_memory(error);
    int rc = pkv__database_exec(db, "BEGIN", error);
    if (rc == 0)
        rc = write_meta(db, index, error);
    if (rc == 0)
        rc = write_interfaces(db, index, error);
    if (rc == 0)
        rc = write_tunnels(db, index, error);
    if (rc == 0)
        rc = write_blocks(db, index, error);
    if (rc == 0)
        rc = write_hosts(db, index, &order, error);
    if (rc == 0)
        rc = write_flows(db, index, &order, error);
    if (rc == 0)
        rc = pkv__database_exec(db, "COMMIT", error);
    pkv__host_order_deinit(&order);
    return rc;
}

static int page_bytes(const struct pkv__segment_index *index)
{
    uint64_t flows = pkv__segment_index_flows(index), rows = index->packets * 2 + flows * 80;
    if (rows + index->block_count * 40 < SMALL_INDEX_BYTES)
        return SMALL_PAGE_BYTES;
    return rows / (flows + 1) > LONG_ROW_BYTES ? LARGE_PAGE_BYTES : PAGE_BYTES;
}

static int write_file(const struct pkv__segment_index *index, const char *path, pkv_error *error)
{
    sqlite3 *db = NULL;
    int rc = pkv__file_unlink(path, error);
    if (rc == 0)
        rc = pkv__index_create(&db, path, page_bytes(index), error);
    if (rc == 0)
        rc = pkv__index_put(index, db, error);
    pkv__database_close(db);
    if (rc < 0)
        return rc;
    PKV__AUTO_CLOSE int fd = pkv__file_open(path, O_RDWR, error);
    return fd < 0 ? fd : pkv__file_sync(fd, path, error);
}

static int publish(const char *temporary, const char *path, const char *day, pkv_error *error)
{
    int rc = pkv__file_rename(temporary, path, error);
    return rc < 0 ? rc : pkv__file_sync_directory(day, error);
}

int pkv__index_write(const struct pkv__segment_index *index, const char *directory,
                     pkv_error *error)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__index_path(relative, &index->name);
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
    PKV__AUTO_FREE char *day = path ? pkv__strdup(path) : NULL;
    PKV__AUTO_FREE char *temporary = pkv__printf("%s/%s.new", directory, relative);
    if (!path || !day || !temporary)
        return pkv__error_memory(error);
    *strrchr(day, '/') = 0;
    int rc = pkv__file_make_directories(day, error);
    if (rc == 0)
        rc = write_file(index, temporary, error);
    if (rc == 0)
        rc = publish(temporary, path, day, error);
    if (rc < 0)
        (void)pkv__file_unlink(temporary, NULL);
    return rc;
}
