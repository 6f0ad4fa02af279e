/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/query/support.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

char *test_directory_make(void)
{
    char *directory = strdup("/tmp/pkv-query-XXXXXX");
    assert_non_null(directory);
    assert_non_null(mkdtemp(directory));
    return directory;
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *at)
{
    (void)found, (void)type, (void)at;
    return remove(path);
}

void test_directory_remove(char *directory)
{
    (void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(directory);
}

static uint64_t import_one(const char *directory, const char *path)
{
    pkv_import_report report = {0};
    pkv_error error = {0};
    int rc = pkv_import_file(directory, path, PKV_IMPORT_AGAIN, NULL, NULL, NULL, &report, &error);
    /* Some captures are there because they are no captures. */
    if (rc != 0 && rc != PKV_E_FORMAT && rc != PKV_E_UNSUPPORTED)
        fail_msg("%s: %s", path, error.text);
    return rc ? 0 : report.packets;
}

uint64_t test_import_all(const char *directory)
{
    const char *captures = getenv("PKV_CAPTURES");
    char path[4096], file[8300], line[4096];
    uint64_t packets = 0;
    (void)snprintf(path, sizeof(path), "%s/LIST.tsv", captures ? captures : "tests/data");
    FILE *list = fopen(path, "r");
    if (!list) {
        (void)snprintf(path, sizeof(path), "%s/tests/data/LIST.tsv", getenv("PKV_SOURCE"));
        list = fopen(path, "r");
    }
    assert_non_null(list);
    *strrchr(path, '/') = 0;
    assert_non_null(fgets(line, sizeof(line), list));
    while (fgets(line, sizeof(line), list)) {
        line[strcspn(line, "\t\n")] = 0;
        (void)snprintf(file, sizeof(file), "%s/%s", path, line);
        packets += import_one(directory, file);
    }
    (void)fclose(list);
    return packets;
}

void test_index(const char *directory)
{
    pkv_error error = {0};
    if (pkv_index_wait(directory, NULL, NULL, NULL, &error))
        fail_msg("%s", error.text);
}

char *test_first_file(const char *directory, const char *folder)
{
    char command[300], *path = calloc(1, 300);
    (void)snprintf(command, sizeof(command), "find %s/%s -type f | sort | head -n 1", directory,
                   folder);
    FILE *found = popen(command, "r");
    assert_non_null(path);
    assert_non_null(found);
    assert_non_null(fgets(path, 300, found));
    path[strcspn(path, "\n")] = 0;
    (void)pclose(found);
    return path;
}

static void mix(struct test_answer *answer, const void *data, size_t length)
{
    uint64_t pair[2] = {answer->hash, pkv__hash64(data, length)};
    answer->hash = pkv__hash64(pair, sizeof(pair));
}

static void add(struct test_answer *answer, const pkv_packet *packet)
{
    int64_t numbers[] = {packet->time_ns, packet->captured_bytes, packet->original_bytes,
                         packet->interface_id, packet->options_bytes};
    answer->packets++;
    mix(answer, numbers, sizeof(numbers));
    mix(answer, packet->captured_bytes ? packet->data : (const uint8_t *)"",
        packet->captured_bytes);
}

int test_ask(struct test_answer *answer, const char *directory, const char *expression,
             int64_t since_ns, int64_t until_ns, unsigned flags, pkv_error *error)
{
    pkv_query *query = NULL;
    pkv_packet packet;
    pkv_query_report report;
    *answer = (struct test_answer){.packets = 0};
    int rc =
        pkv_query_open(&query, &directory, 1, expression, since_ns, until_ns, flags, NULL, error);
    while (!rc && (rc = pkv_query_next(query, &packet, error)) == PKV_PACKET) {
        add(answer, &packet);
        rc = 0;
    }
    if (!rc && !(rc = pkv_query_report_get(query, &report)))
        answer->scanned = report.segments_scanned;
    (void)pkv_query_free(query);
    return rc;
}

uint64_t test_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t test_number_of(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}
