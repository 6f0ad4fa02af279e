/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fault/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pktvault/recorder.h>

#define STORED 60u /* before the scenarios that read or index */
#define PUSHED 40u

static void nothing(const char *directory)
{
    (void)directory;
}

/* Recording */

static void closed(void *context)
{
    *(bool *)context = true;
}

static void push(pkv_source *source, struct outcome *outcome, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        pkv_packet packet;
        make_packet(&packet, OLD + outcome->offered++);
        (void)pkv_recorder_push(source, &packet);
    }
}

static int record(uv_loop_t *loop, const char *directory, unsigned rotations,
                  struct outcome *outcome, pkv_error *error)
{
    pkv_recorder *recorder;
    pkv_source *source;
    const pkv_interface tap = {.link_type = 1, .name = "tap"};
    bool done = false;
    int rc = pkv_recorder_new(&recorder, loop, directory, archive_options, error);
    if (rc < 0)
        return rc;
    rc = pkv_recorder_add_interface(recorder, &source, &tap, error);
    for (unsigned i = 0; rc == 0 && i <= rotations; i++) {
        push(source, outcome, PUSHED / (rotations + 1));
        if (i < rotations)
            pkv_recorder_rotate(recorder);
    }
    pkv_recorder_close(recorder, closed, &done);
    while (!done)
        (void)uv_run(loop, UV_RUN_ONCE);
    return rc;
}

static int record_on_a_loop(const char *directory, unsigned rotations, struct outcome *outcome,
                            pkv_error *error)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) < 0)
        abort();
    int rc = record(&loop, directory, rotations, outcome, error);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&loop) < 0)
        abort(); /* a handle is still open */
    outcome->accounts = rc == 0;
    return rc;
}

static int act_record(const char *directory, struct outcome *outcome, pkv_error *error)
{
    return record_on_a_loop(directory, 0, outcome, error);
}

static int act_rotate(const char *directory, struct outcome *outcome, pkv_error *error)
{
    return record_on_a_loop(directory, 3, outcome, error);
}

/* Writing and importing */

static int write_all(pkv_writer *writer, struct outcome *outcome, pkv_error *error)
{
    uint32_t id;
    const pkv_interface tap = {.link_type = 1, .name = "tap"};
    int rc = pkv_writer_add_interface(writer, &id, &tap, error);
    for (uint32_t i = 0; rc == 0 && i < PUSHED; i++) {
        pkv_packet packet;
        make_packet(&packet, OLD + outcome->offered++);
        rc = pkv_writer_append(writer, &packet, error);
    }
    return rc;
}

static int act_write(const char *directory, struct outcome *outcome, pkv_error *error)
{
    pkv_writer *writer;
    pkv_error late;
    int rc = pkv_writer_open(&writer, directory, "fault suite", archive_options, error);
    if (rc < 0)
        return rc;
    rc = write_all(writer, outcome, error);
    int close_rc = pkv_writer_close(writer, &late);
    if (rc == 0 && close_rc < 0) {
        *error = late;
        rc = close_rc;
    }
    outcome->must_have_all = rc == 0;
    return rc;
}

static void capture_path(char *path, size_t room, const char *directory)
{
    (void)snprintf(path, room, "%s.pcap", directory);
}

/* pcap with nanoseconds, in this machine's byte order; beside the archive. */
static void make_capture(const char *directory)
{
    char path[4200];
    const uint32_t header[6] = {0xa1b23c4d, 4u << 16 | 2u, 0, 0, 65535, 1};
    capture_path(path, sizeof path, directory);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(header, sizeof header, 1, file) != 1)
        abort();
    for (uint32_t i = 0; i < PUSHED; i++) {
        pkv_packet packet;
        make_packet(&packet, OLD + i);
        const uint32_t record_header[4] = {(uint32_t)(packet.time_ns / 1000000000),
                                           (uint32_t)(packet.time_ns % 1000000000),
                                           packet.captured_bytes, packet.original_bytes};
        if (fwrite(record_header, sizeof record_header, 1, file) != 1 ||
            fwrite(packet.data, packet.captured_bytes, 1, file) != 1)
            abort();
    }
    (void)fclose(file);
}

static int act_import(const char *directory, struct outcome *outcome, pkv_error *error)
{
    char path[4200];
    pkv_import_report report = {.broken_at = -1};
    capture_path(path, sizeof path, directory);
    int rc = pkv_import_file(directory, path, 0, archive_options, NULL, NULL, &report, error);
    outcome->offered = PUSHED;
    outcome->must_have_all = rc == 0 && report.broken_at < 0;
    if (rc == 0 && report.broken_at >= 0) {
        (void)snprintf(error->text, sizeof error->text, "called broken: %.400s", report.broken);
        return error->code = PKV_E_FORMAT;
    }
    return rc;
}

/* Indexing */

static void add_sealed(const char *directory)
{
    put_segment(directory, OLD, STORED);
}

static void add_dead(const char *directory)
{
    put_segment(directory, OLD, STORED);
    kill_newest(directory);
}

static void add_indexed(const char *directory)
{
    put_segment(directory, OLD, STORED);
    index_all(directory);
}

static int act_index(const char *directory, struct outcome *outcome, pkv_error *error)
{
    (void)outcome;
    return pkv_index_run(directory, 0, archive_options, NULL, NULL, NULL, error);
}

static int act_rebuild(const char *directory, struct outcome *outcome, pkv_error *error)
{
    (void)outcome;
    return pkv_index_run(directory, PKV_INDEX_REBUILD, archive_options, NULL, NULL, NULL, error);
}

static int act_follow(const char *directory, struct outcome *outcome, pkv_error *error)
{
    pkv_indexer *indexer;
    (void)outcome;
    int rc = pkv_indexer_start(&indexer, directory, archive_options, error);
    if (rc == 0)
        pkv_indexer_stop(indexer);
    return rc;
}

/* Reading */

#define EXPRESSION "vni web and port 80 and udp[0] >= 0"

static int act_query(const char *directory, struct outcome *outcome, pkv_error *error)
{
    return read_query(directory, EXPRESSION, 0, &outcome->reading, error);
}

static int act_scan(const char *directory, struct outcome *outcome, pkv_error *error)
{
    return read_query(directory, EXPRESSION, PKV_QUERY_NO_INDEX, &outcome->reading, error);
}

static int act_whole(const char *directory, struct outcome *outcome, pkv_error *error)
{
    return read_query(directory, EXPRESSION, PKV_QUERY_WHOLE | PKV_QUERY_EXACT, &outcome->reading,
                      error);
}

struct slice_bytes {
    uint8_t *data;
    size_t length;
};

static int keep(void *context, const void *bytes, size_t length)
{
    struct slice_bytes *slice = context;
    slice->data = realloc(slice->data, slice->length + length);
    if (!slice->data)
        abort();
    memcpy(slice->data + slice->length, bytes, length);
    slice->length += length;
    return 0;
}

/* The Enhanced Packet Blocks of a section, counted and recognised. */
static void read_slice(const struct slice_bytes *slice, struct reading *reading)
{
    unsigned packets = 0;
    memset(reading->times, 0, sizeof reading->times);
    for (size_t at = 0; slice->length - at >= 12;) {
        uint32_t head[7];
        memcpy(head, slice->data + at, 12);
        if (head[1] < 12 || head[1] > slice->length - at)
            break;
        if (head[0] == 6 && head[1] >= 32) {
            memcpy(head, slice->data + at, sizeof head);
            pkv_packet packet = {.data = slice->data + at + 28, .captured_bytes = head[5]};
            uint32_t number = number_of(&packet);
            packets++;
            if (number < NUMBERS)
                reading->times[number]++;
        }
        at += head[1];
    }
    reading->disordered = reading->disordered || packets != reading->packets;
}

static int slice_all(pkv_query *query, struct slice_bytes *bytes, struct reading *reading,
                     pkv_error *error)
{
    pkv_slice *slice;
    pkv_packet packet;
    int rc = pkv_slice_new(&slice, query, PKV_FORMAT_PCAPNG, 1, keep, bytes, error);
    if (rc < 0)
        return rc;
    while ((rc = pkv_query_next(query, &packet, error)) == PKV_PACKET) {
        if ((rc = pkv_slice_add(slice, &packet, error)) < 0)
            break;
        reading->packets++;
    }
    if (rc == 0)
        rc = pkv_slice_finish(slice, error);
    (void)pkv_slice_free(slice);
    return rc;
}

static int act_slice(const char *directory, struct outcome *outcome, pkv_error *error)
{
    pkv_query *query;
    pkv_query_report report;
    struct slice_bytes bytes = {NULL, 0};
    outcome->reading = (struct reading){.packets = 0};
    int rc = pkv_query_open(&query, &directory, 1, "port 80", PKV_TIME_MIN, PKV_TIME_MAX,
                            PKV_QUERY_DEDUP, archive_options, error);
    if (rc < 0)
        return rc;
    rc = slice_all(query, &bytes, &outcome->reading, error);
    if (rc == 0) {
        (void)pkv_query_report_get(query, &report);
        outcome->reading.unreadable = report.missing_more > 0;
        for (size_t i = 0; i < report.missing_count; i++)
            if (report.missing[i].cause == PKV_MISSING_UNREADABLE)
                outcome->reading.unreadable = true;
        read_slice(&bytes, &outcome->reading);
    }
    (void)pkv_query_free(query);
    free(bytes.data);
    return rc;
}

static int count_flow(void *context, const pkv_flow *flow)
{
    struct reading *reading = context;
    reading->packets += (unsigned)(flow->src_packets + flow->dst_packets);
    reading->disordered = reading->disordered || !flow->vni_name || flow->dst_port != 80;
    return 0;
}

/* Four flows; the numbers cannot be told, only their count. */
static int act_flows(const char *directory, struct outcome *outcome, pkv_error *error)
{
    pkv_query *query;
    pkv_query_report report;
    struct reading *reading = &outcome->reading;
    *reading = (struct reading){.packets = 0};
    int rc = pkv_query_open(&query, &directory, 1, "vni web", PKV_TIME_MIN, PKV_TIME_MAX, 0,
                            archive_options, error);
    if (rc < 0)
        return rc;
    rc = pkv_query_flows(query, PKV_BY_FLOW, PKV_SORT_BYTES, 0, count_flow, reading, error);
    if (rc == 0) {
        (void)pkv_query_report_get(query, &report);
        reading->unreadable = report.missing_more > 0;
        for (size_t i = 0; i < report.missing_count; i++)
            if (report.missing[i].cause == PKV_MISSING_UNREADABLE)
                reading->unreadable = true;
        for (uint32_t i = 0; i < reading->packets && i < NUMBERS; i++)
            reading->times[i] = 1;
    }
    (void)pkv_query_free(query);
    return rc;
}

static int count_missing(void *context, const pkv_missing *missing)
{
    struct reading *reading = context;
    if (missing->cause == PKV_MISSING_UNREADABLE)
        reading->unreadable = true;
    return 0;
}

static int act_status(const char *directory, struct outcome *outcome, pkv_error *error)
{
    pkv_status status;
    struct reading *reading = &outcome->reading;
    *reading = (struct reading){.packets = 0};
    int rc = pkv_status_get(&status, directory, error);
    if (rc == 0)
        rc = pkv_status_missing(directory, PKV_TIME_MIN, PKV_TIME_MAX, count_missing, reading,
                                error);
    if (rc < 0)
        return rc;
    reading->packets = (unsigned)status.packets;
    reading->unreadable |= *status.segments_fault || *status.catalog_fault || *status.chain_fault;
    reading->disordered =
        !reading->unreadable && (status.sealed_segments != 2 || status.unchained_segments != 0 ||
                                 status.open_segments != 0);
    for (uint32_t i = 0; i < reading->packets && i < NUMBERS; i++)
        reading->times[i] = 1;
    return 0;
}

static int act_verify(const char *directory, struct outcome *outcome, pkv_error *error)
{
    pkv_verify_report report;
    struct reading *reading = &outcome->reading;
    *reading = (struct reading){.packets = 0};
    int rc = pkv_verify(directory, 0, archive_options, NULL, NULL, NULL, NULL, &report, error);
    if (rc < 0)
        return rc;
    reading->packets = (unsigned)report.packets;
    reading->unreadable = rc == PKV_VERIFY_FOUND; /* it names a file that it could not read */
    for (uint32_t i = 0; i < reading->packets && i < NUMBERS; i++)
        reading->times[i] = 1;
    return 0;
}

const struct scenario scenarios[] = {
    {.name = "record", .prepare = nothing, .act = act_record, .stored = OLD},
    {.name = "rotate", .prepare = nothing, .act = act_rotate, .stored = OLD},
    {.name = "write", .prepare = nothing, .act = act_write, .stored = OLD},
    {.name = "import", .prepare = make_capture, .act = act_import, .stored = OLD, .again = true},
    {.name = "index", .prepare = add_sealed, .act = act_index, .stored = STORED, .again = true},
    {.name = "recover", .prepare = add_dead, .act = act_index, .stored = STORED, .again = true},
    {.name = "rebuild",
     .prepare = add_indexed,
     .act = act_rebuild,
     .stored = STORED,
     .again = true},
    {.name = "follow", .prepare = add_dead, .act = act_follow, .stored = STORED, .again = true},
    {.name = "query", .prepare = add_indexed, .act = act_query, .stored = STORED, .reads = true},
    {.name = "query unindexed",
     .prepare = add_sealed,
     .act = act_query,
     .stored = STORED,
     .reads = true},
    {.name = "query --no-index",
     .prepare = add_indexed,
     .act = act_scan,
     .stored = STORED,
     .reads = true},
    {.name = "query --whole --exact",
     .prepare = add_indexed,
     .act = act_whole,
     .stored = STORED,
     .reads = true},
    {.name = "slice", .prepare = add_indexed, .act = act_slice, .stored = STORED, .reads = true},
    {.name = "flows", .prepare = add_indexed, .act = act_flows, .stored = STORED, .reads = true},
    {.name = "status", .prepare = add_indexed, .act = act_status, .stored = STORED, .reads = true},
    {.name = "verify", .prepare = add_indexed, .act = act_verify, .stored = STORED, .reads = true},
    {.name = NULL},
};
