/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fault/archive.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_NS 1795000000000000000ll
#define PAYLOAD 92u /* where the number stands in a frame */
#define FRAME_BYTES 96u
#define OPEN_FILES 16

pkv_options *archive_options;

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "the test itself: %s\n", what);
    exit(2);
}

static void must_do(int rc, const pkv_error *error)
{
    must(rc == 0, error->text);
}

static uint8_t *put_ethernet(uint8_t *to)
{
    memcpy(to, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0", 14);
    return to + 14;
}

/* IPv4 and UDP with `payload` bytes behind them. */
static uint8_t *put_udp(uint8_t *to, uint8_t net, uint16_t from, uint16_t port, unsigned payload)
{
    const uint8_t header[28] = {0x45,
                                0,
                                0,
                                (uint8_t)(28 + payload),
                                0,
                                0,
                                0,
                                0,
                                64,
                                17,
                                0,
                                0,
                                10,
                                net,
                                0,
                                1,
                                10,
                                net,
                                0,
                                2,
                                (uint8_t)(from >> 8),
                                (uint8_t)from,
                                (uint8_t)(port >> 8),
                                (uint8_t)port,
                                0,
                                (uint8_t)(8 + payload)};
    memcpy(to, header, sizeof header);
    return to + sizeof header;
}

void make_packet(pkv_packet *packet, uint32_t number)
{
    static uint8_t frame[FRAME_BYTES];
    uint8_t *at = put_udp(put_ethernet(frame), 0, 40000, 4789, 54);
    memcpy(at, "\x08\0\0\0\0\0\x64\0", 8);
    at = put_udp(put_ethernet(at + 8), 1, (uint16_t)(1000 + number % 4), 80, 4);
    memcpy(at, &number, sizeof number);
    *packet = (pkv_packet){.time_ns = START_NS + number * 1000000ll,
                           .data = frame,
                           .captured_bytes = sizeof frame,
                           .original_bytes = sizeof frame};
}

uint32_t number_of(const pkv_packet *packet)
{
    uint32_t number;
    pkv_packet expected;
    if (packet->captured_bytes != FRAME_BYTES)
        return NUMBERS;
    memcpy(&number, packet->data + PAYLOAD, sizeof number);
    if (number >= NUMBERS)
        return NUMBERS;
    make_packet(&expected, number);
    return memcmp(expected.data, packet->data, FRAME_BYTES) == 0 ? number : NUMBERS;
}

void put_segment(const char *directory, uint32_t first, uint32_t end)
{
    pkv_writer *writer;
    pkv_error error;
    uint32_t id;
    const pkv_interface tap = {.link_type = 1, .name = "tap"};
    must_do(pkv_writer_open(&writer, directory, NULL, archive_options, &error), &error);
    must_do(pkv_writer_add_interface(writer, &id, &tap, &error), &error);
    for (uint32_t number = first; number < end; number++) {
        pkv_packet packet;
        make_packet(&packet, number);
        must_do(pkv_writer_append(writer, &packet, &error), &error);
    }
    must_do(pkv_writer_close(writer, &error), &error);
}

void index_all(const char *directory)
{
    pkv_error error;
    must_do(pkv_index_run(directory, 0, archive_options, NULL, NULL, NULL, &error), &error);
}

static const char *wanted_suffix;
static unsigned found_count;
static char found_last[4096];

static int look(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    size_t length = strlen(path), suffix = strlen(wanted_suffix);
    (void)status;
    (void)walk;
    if (kind != FTW_F || length < suffix || strcmp(path + length - suffix, wanted_suffix) != 0)
        return 0;
    found_count++;
    if (strcmp(path, found_last) > 0)
        (void)snprintf(found_last, sizeof found_last, "%s", path);
    return 0;
}

unsigned count_files(const char *path, const char *suffix)
{
    wanted_suffix = suffix;
    found_count = 0;
    found_last[0] = '\0';
    (void)nftw(path, look, OPEN_FILES, FTW_PHYS);
    return found_count;
}

void kill_newest(const char *directory)
{
    char open_path[sizeof found_last + 8];
    struct stat status;
    must(count_files(directory, ".pcapng.lz4") > 0, "no sealed segment");
    (void)snprintf(open_path, sizeof open_path, "%s.open", found_last);
    must(rename(found_last, open_path) == 0 && stat(open_path, &status) == 0, open_path);
    must(truncate(open_path, status.st_size - 4) == 0, open_path);
    int fd = open(open_path, O_WRONLY | O_APPEND);
    must(fd >= 0 && write(fd, "\x40\0\0\0torn", 8) == 8, open_path);
    (void)close(fd);
}

static void take(struct reading *reading, const pkv_packet *packet, int64_t *last_ns)
{
    uint32_t number = number_of(packet);
    reading->packets++;
    if (number == NUMBERS || packet->time_ns < *last_ns)
        reading->disordered = true;
    else
        reading->times[number]++;
    if (packet->interface_id >= reading->interfaces)
        reading->interfaces = packet->interface_id + 1;
    *last_ns = packet->time_ns;
}

static void take_report(struct reading *reading, pkv_query *query)
{
    pkv_query_report report;
    (void)pkv_query_report_get(query, &report);
    reading->unreadable = report.missing_more > 0;
    for (size_t i = 0; i < report.missing_count; i++) {
        if (report.missing[i].cause == PKV_MISSING_UNREADABLE)
            reading->unreadable = true;
        if (report.missing[i].cause <= PKV_MISSING_DISK)
            reading->lost += report.missing[i].packets;
    }
}

int read_query(const char *directory, const char *expression, unsigned flags,
               struct reading *reading, pkv_error *error)
{
    pkv_query *query;
    pkv_packet packet;
    pkv_summary summary;
    int64_t last_ns = PKV_TIME_MIN;
    *reading = (struct reading){.packets = 0};
    int rc = pkv_query_open(&query, &directory, 1, expression, PKV_TIME_MIN, PKV_TIME_MAX, flags,
                            archive_options, error);
    if (rc < 0)
        return rc;
    while ((rc = pkv_query_next(query, &packet, error)) == PKV_PACKET) {
        take(reading, &packet, &last_ns);
        pkv_query_summary(query, &summary);
    }
    if (rc == 0)
        take_report(reading, query);
    (void)pkv_query_free(query);
    return rc;
}

static char copy_target[4096];
static size_t copy_source_length;

static void copy_file(const char *from, const char *to, mode_t mode)
{
    static char buffer[1 << 16];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, mode);
    ssize_t got = 0;
    must(in >= 0 && out >= 0, to);
    while ((got = read(in, buffer, sizeof buffer)) > 0)
        must(write(out, buffer, (size_t)got) == got, to);
    must(got == 0, from);
    (void)close(in);
    (void)close(out);
}

static int copy_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    char to[sizeof copy_target * 2];
    (void)walk;
    (void)snprintf(to, sizeof to, "%s%s", copy_target, path + copy_source_length);
    if (kind == FTW_D)
        must(mkdir(to, 0750) == 0, to);
    else
        copy_file(path, to, status->st_mode & 0777);
    return 0;
}

void copy_tree(const char *from, const char *to)
{
    (void)snprintf(copy_target, sizeof copy_target, "%s", to);
    copy_source_length = strlen(from);
    must(nftw(from, copy_one, OPEN_FILES, FTW_PHYS) == 0, from);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, OPEN_FILES, FTW_PHYS | FTW_DEPTH);
}
