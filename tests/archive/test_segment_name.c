/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "archive/directory.h"

static void expect_stem(int64_t start_ns, uint32_t lane, uint64_t sequence, const char *expected)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    struct pkv__segment_name name = {start_ns, lane, sequence};
    pkv__segment_stem(stem, &name);
    assert_string_equal(stem, expected);
}

/* Seconds from `date -u -d … +%s`. */
static void names_say_start_lane_and_sequence(void **state)
{
    (void)state;
    expect_stem(1795357800123456789, 0, 42, "20261122T143000.123456789Z-0-000042");
    expect_stem(951782400000000001, 1000, 1234567, "20000229T000000.000000001Z-1000-1234567");
    expect_stem(0, 0, 0, "19700101T000000.000000000Z-0-000000");
    expect_stem(-1, 0, 1, "19691231T235959.999999999Z-0-000001");
    expect_stem(INT64_MAX, UINT32_MAX, UINT64_MAX,
                "22620411T234716.854775807Z-4294967295-18446744073709551615");
    expect_stem(INT64_MIN, 0, 1, "16770921T001243.145224192Z-0-000001");
}

static void paths_are_by_day(void **state)
{
    (void)state;
    char path[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_name name = {1795357800123456789, 0, 42};
    pkv__segment_path(path, &name, false);
    assert_string_equal(path, "segments/2026/11/22/20261122T143000.123456789Z-0-000042.pcapng.lz4");
    pkv__segment_path(path, &name, true);
    assert_string_equal(path,
                        "segments/2026/11/22/20261122T143000.123456789Z-0-000042.pcapng.lz4.open");
    pkv__index_path(path, &name);
    assert_string_equal(path, "index/2026/11/22/20261122T143000.123456789Z-0-000042.sqlite");
}

static void every_name_reads_back(void **state)
{
    (void)state;
    srand(1);
    for (unsigned i = 0; i < 20000; i++) {
        struct pkv__segment_name name, read;
        char path[PKV__SEGMENT_PATH_TEXT];
        bool open = i % 2 != 0, read_open;
        name.start_ns =
            (int64_t)((uint64_t)rand() << 33 ^ (uint64_t)rand() << 11 ^ (uint64_t)rand());
        if (i % 3 == 0)
            name.start_ns = -name.start_ns;
        if (i < 2)
            name.start_ns = i ? INT64_MAX : INT64_MIN;
        name.lane = (uint32_t)rand();
        name.sequence = (uint64_t)rand() << (i % 32);
        pkv__segment_path(path, &name, open);
        assert_true(pkv__segment_name_parse(&read, &read_open, strrchr(path, '/') + 1));
        assert_int_equal(pkv__segment_name_compare(&name, &read), 0);
        assert_int_equal(read_open, open);
    }
}

static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        ".",
        "x",
        "20261122T143000.123456789Z-0-000042",
        "20261122T143000.123456789Z-0-000042.pcapng",
        "20261122T143000.123456789Z-0-000042.pcapng.lz4.ope",
        "20261122T143000.123456789Z-0-000042.pcapng.lz4.open.open",
        "20261122T143000.123456789Z-0-000042.pcapng.lz4~",
        " 20261122T143000.123456789Z-0-000042.pcapng.lz4",
        "20261122T143000.123456789Z-0-42.pcapng.lz4",
        "20261122T143000.123456789Z-0-0000042.pcapng.lz4",
        "20261122T143000.123456789Z-00-000042.pcapng.lz4",
        "20261122T143000.123456789Z--000042.pcapng.lz4",
        "20261122T143000.123456789Z-0-.pcapng.lz4",
        "20261122T143000.12345678Z-0-000042.pcapng.lz4",
        "20261322T143000.123456789Z-0-000042.pcapng.lz4",
        "20260022T143000.123456789Z-0-000042.pcapng.lz4",
        "20260230T143000.123456789Z-0-000042.pcapng.lz4",
        "20261122T243000.123456789Z-0-000042.pcapng.lz4",
        "20261122T146000.123456789Z-0-000042.pcapng.lz4",
        "20261122T143060.123456789Z-0-000042.pcapng.lz4",
        "99991122T143000.123456789Z-0-000042.pcapng.lz4",
        "00001122T143000.123456789Z-0-000042.pcapng.lz4",
        "22620411T234716.854775808Z-0-000001.pcapng.lz4",
        "16770921T001243.145224191Z-0-000001.pcapng.lz4",
        "20261122T143000.123456789Z-4294967296-000042.pcapng.lz4",
        "20261122T143000.123456789Z-0-18446744073709551616.pcapng.lz4",
        "20261122T143000.123456789Z-0-99999999999999999999999.pcapng.lz4",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct pkv__segment_name name = {7, 7, 7};
        bool open = true;
        if (pkv__segment_name_parse(&name, &open, others[i]))
            fail_msg("%s was taken for a segment", others[i]);
        assert_true(name.start_ns == 7 && name.lane == 7 && name.sequence == 7 && open);
    }
}

static void order_is_start_then_lane_then_sequence(void **state)
{
    (void)state;
    static const struct pkv__segment_name ordered[] = {{-5, 9, 9}, {1, 0, 7}, {1, 0, 8},
                                                       {1, 2, 1},  {2, 0, 0}, {2, 0, UINT64_MAX}};
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++)
            assert_int_equal(pkv__segment_name_compare(&ordered[i], &ordered[j]),
                             i < j ? -1 : i > j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_start_lane_and_sequence),
        cmocka_unit_test(paths_are_by_day),
        cmocka_unit_test(every_name_reads_back),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(order_is_start_then_lane_then_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
