/* SPDX-License-Identifier: BSD-2-Clause */
/* The expected numbers come from `date -u -d TEXT +%s` of GNU coreutils. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pktvault/time.h>

#define S 1000000000ll

static int64_t parsed(const char *text, int utc)
{
    int64_t ns = 0;
    pkv_error error;
    assert_done(pkv_time_parse(&ns, text, PKV_TIME_MIN, utc, &error), error);
    return ns;
}

static void reads_what_people_and_programs_write(void **state)
{
    (void)state;
    assert_int_equal(parsed("2026-11-17T14:03:22Z", 0), 1794924202 * S);
    assert_int_equal(parsed("2026-11-17 14:03:22 UTC", 0), 1794924202 * S);
    assert_int_equal(parsed("2026-11-17T14:03:22.118234Z", 0), 1794924202 * S + 118234000);
    assert_int_equal(parsed("2026-11-17T14:03:22,5+01:00", 0), 1794920602 * S + 500000000);
    assert_int_equal(parsed("2026-11-17T14:03:22.118234+0000", 0), 1794924202 * S + 118234000);
    assert_int_equal(parsed("2026-11-17 14:03", 1), 1794924180 * S);
    assert_int_equal(parsed("2026-11-17", 1), 1794873600 * S);
    assert_int_equal(parsed("2026/11/17", 1), 1794873600 * S);
    assert_int_equal(parsed("@1763388202.118234567", 0), 1763388202 * S + 118234567);
    assert_int_equal(parsed("1763388202.118234", 0), 1763388202 * S + 118234000);
    assert_int_equal(parsed("-1.5", 0), -1500000000);
    assert_int_equal(parsed("1969-12-31T23:59:59.25Z", 0), -750000000);
}

static void reads_local_times_where_no_zone_is_given(void **state)
{
    (void)state;
    assert_int_equal(setenv("TZ", "Europe/Berlin", 1), 0);
    tzset();
    assert_int_equal(parsed("2026-11-17 14:03:22", 0), 1794920602 * S);
    assert_int_equal(parsed("2026-07-17 14:03:22", 0), 1784289802 * S);
    assert_int_equal(parsed("2026-07-17 14:03:22", 1), 1784297002 * S);
    char text[PKV_TIME_TEXT];
    assert_string_equal(pkv_time_format(text, 1784289802 * S, 0, 0), "2026-07-17T14:03:22+02:00");
    assert_int_equal(parsed(text, 0), 1784289802 * S);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
}

static void a_bare_clock_takes_the_day_of_the_base(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_int_equal(pkv_time_parse(&ns, "14:10", 1794924202 * S, 1, NULL), 0);
    assert_int_equal(ns, 1794924600 * S);
}

static void what_is_printed_is_read_back(void **state)
{
    (void)state;
    const int64_t times[] = {
        0, 1, -1, 1794924202118234567, -1794924202118234567, INT64_MAX, INT64_MIN + S};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        char text[PKV_TIME_TEXT];
        assert_int_equal(parsed(pkv_time_format(text, times[i], 9, 1), 0), times[i]);
        assert_int_equal(parsed(pkv_time_format(text, times[i], 9, 0), 0), times[i]);
    }
}

static void refuses_what_is_no_time_and_says_where(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int column;
    } wrong[] = {{"", 0},
                 {"soon", 0},
                 {"2026-13-01", 5},
                 {"2026-02-29", 10},
                 {"2026-11-17T25:00", 11},
                 {"2026-11-17T14:03:22X", 19},
                 {"1763388202.", 11},
                 {"99999999999999999999", 0},
                 {"9223372037", 10},
                 {"-2h30", 0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t ns = 42;
        pkv_error error = {0};
        assert_int_equal(pkv_time_parse(&ns, wrong[i].text, PKV_TIME_MIN, 1, &error), PKV_E_SYNTAX);
        assert_int_equal(ns, 42);
        assert_int_equal(error.offset, wrong[i].column);
    }
}

static void reads_durations(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t ns;
    } right[] = {{"500ms", S / 2},
                 {"5s", 5 * S},
                 {"1h30m", 5400 * S},
                 {"2d", 172800 * S},
                 {"1w", 604800 * S}};
    int64_t ns = 0;
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        assert_int_equal(pkv_duration_parse(&ns, right[i].text, NULL), 0);
        assert_int_equal(ns, right[i].ns);
    }
    assert_int_equal(pkv_duration_parse(&ns, "5", NULL), PKV_E_SYNTAX);
    assert_int_equal(pkv_duration_parse(&ns, "", NULL), PKV_E_SYNTAX);
    assert_int_equal(pkv_duration_parse(&ns, "99999999999w", NULL), PKV_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_people_and_programs_write),
        cmocka_unit_test(reads_local_times_where_no_zone_is_given),
        cmocka_unit_test(a_bare_clock_takes_the_day_of_the_base),
        cmocka_unit_test(what_is_printed_is_read_back),
        cmocka_unit_test(refuses_what_is_no_time_and_says_where),
        cmocka_unit_test(reads_durations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
