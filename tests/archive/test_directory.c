/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static void an_archive_is_made_once_and_keeps_its_uuid(void **state)
{
    (void)state;
    pkv_error error;
    char first[37], second[37];
    assert_int_equal(pkv__archive_check(directory, &error), PKV_E_NOT_FOUND);
    assert_non_null(strstr(error.text, "pktvault import"));
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__archive_check(directory, &error), error);
    assert_done(pkv__archive_uuid(directory, first, &error), error);
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__archive_uuid(directory, second, &error), error);
    assert_string_equal(first, second);
    assert_int_equal(strspn(first, "0123456789abcdef-"), 36);
    assert_int_equal(first[14], '4');
}

static void creators_that_race_agree_on_one_uuid(void **state)
{
    (void)state;
    enum { CREATORS = 8 };
    char uuid[37], theirs[37];
    int pipes[2];
    pkv_error error;
    assert_int_equal(pipe(pipes), 0);
    for (unsigned i = 0; i < CREATORS; i++)
        if (fork() == 0) {
            bool good = pkv__archive_create(directory, &error) == 0 &&
                        pkv__archive_uuid(directory, uuid, &error) == 0 &&
                        write(pipes[1], uuid, sizeof uuid) == (ssize_t)sizeof uuid;
            _exit(good ? 0 : 1);
        }
    for (unsigned i = 0; i < CREATORS; i++) {
        int status = 1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_done(pkv__archive_uuid(directory, uuid, &error), error);
    for (unsigned i = 0; i < CREATORS; i++) {
        assert_int_equal(read(pipes[0], theirs, sizeof theirs), sizeof theirs);
        assert_string_equal(uuid, theirs);
    }
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

static void a_lane_has_one_writer_and_gives_no_number_twice(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__lane_lock *lock, *other = NULL;
    uint64_t sequence;
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__lane_lock(&lock, directory, 3, &error), error);
    assert_int_equal(pkv__lane_lock(&other, directory, 3, &error), PKV_E_BUSY);
    assert_null(other);
    for (uint64_t expected = 1; expected <= 3; expected++) {
        assert_done(pkv__lane_lock_next(lock, &sequence, &error), error);
        assert_int_equal(sequence, expected);
    }
    assert_null(pkv__lane_unlock(lock));
    assert_done(pkv__lane_lock(&lock, directory, 3, &error), error);
    assert_done(pkv__lane_lock_next(lock, &sequence, &error), error);
    assert_int_equal(sequence, 4);
    pkv__lane_unlock(lock);
    assert_null(pkv__lane_unlock(NULL));
}

static void the_first_free_lane_is_taken(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__lane_lock *locks[3], *more;
    assert_done(pkv__archive_create(directory, &error), error);
    for (uint32_t i = 0; i < 3; i++) {
        assert_done(pkv__lane_lock_any(&locks[i], directory, 1000, 1002, &error), error);
        assert_int_equal(pkv__lane_lock_number(locks[i]), 1000 + i);
    }
    assert_int_equal(pkv__lane_lock_any(&more, directory, 1000, 1002, &error), PKV_E_LIMIT);
    pkv__lane_unlock(locks[1]);
    assert_done(pkv__lane_lock_any(&more, directory, 1000, 1002, &error), error);
    assert_int_equal(pkv__lane_lock_number(more), 1001);
    pkv__lane_unlock(more);
    pkv__lane_unlock(locks[0]);
    pkv__lane_unlock(locks[2]);
}

static void a_damaged_sequence_is_said(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__lane_lock *lock;
    assert_done(pkv__archive_create(directory, &error), error);
    write_whole(at("locks/lane-0"), "nonsense\n", 9);
    assert_int_equal(pkv__lane_lock(&lock, directory, 0, &error), PKV_E_FORMAT);
    assert_non_null(strstr(error.text, "lane-0"));
}

static void one_indexer_holds_the_archive(void **state)
{
    (void)state;
    pkv_error error;
    assert_done(pkv__archive_create(directory, &error), error);
    int fd = pkv__indexer_lock(directory, &error);
    assert_true(fd >= 0);
    assert_int_equal(pkv__indexer_lock(directory, &error), PKV_E_BUSY);
    pkv__file_close(fd);
    fd = pkv__indexer_lock(directory, &error);
    assert_true(fd >= 0);
    pkv__file_close(fd);
}

#define DAY_NS 86400000000000ll

static void touch_segment(int64_t start_ns, uint64_t sequence, bool open)
{
    char path[PKV__SEGMENT_PATH_TEXT];
    pkv_error error;
    struct pkv__segment_name name = {start_ns, 0, sequence};
    pkv__segment_path(path, &name, open);
    char *file = at(path), *day = at(path);
    *strrchr(day, '/') = '\0';
    assert_done(pkv__file_make_directories(day, &error), error);
    write_whole(file, "", 0);
}

static void expect_listed(int64_t since_ns, int64_t until_ns, const char *expected)
{
    pkv_error error;
    struct pkv__segment_file *files = NULL;
    size_t count = 99;
    char got[64] = "";
    assert_done(pkv__archive_list(directory, since_ns, until_ns, NULL, &files, &count, &error),
                error);
    for (size_t i = 0; i < count; i++)
        (void)snprintf(got + strlen(got), sizeof got - strlen(got), "%u%s ",
                       (unsigned)files[i].name.sequence, files[i].open ? "o" : "");
    pkv__free(files);
    assert_string_equal(got, expected);
}

static void segments_are_listed_in_order_and_by_day(void **state)
{
    (void)state;
    pkv_error error;
    assert_done(pkv__archive_create(directory, &error), error);
    expect_listed(INT64_MIN, INT64_MAX, "");
    touch_segment(NOON_NS + 3 * DAY_NS, 4, true);
    touch_segment(NOON_NS + DAY_NS, 2, false);
    touch_segment(NOON_NS, 1, false);
    touch_segment(NOON_NS + 2 * DAY_NS, 3, true);
    touch_segment(NOON_NS + 2 * DAY_NS, 3, false); /* open and sealed: sealed */
    touch_segment(-5, 9, false);
    write_whole(at("segments/2026/11/18/README"), "", 0);
    write_whole(at("segments/20x6"), "", 0);
    assert_int_equal(mkdir(at("segments/2026/1"), 0700), 0);
    expect_listed(INT64_MIN, INT64_MAX, "9 1 2 3 4o ");
    expect_listed(NOON_NS + 2 * DAY_NS, INT64_MAX, "2 3 4o ");
    expect_listed(INT64_MIN, NOON_NS + 2 * DAY_NS, "9 1 2 3 ");
    expect_listed(NOON_NS + DAY_NS, NOON_NS + DAY_NS, "1 2 ");
    expect_listed(NOON_NS + 5 * DAY_NS, INT64_MAX, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(an_archive_is_made_once_and_keeps_its_uuid),
        TEST(creators_that_race_agree_on_one_uuid),
        TEST(a_lane_has_one_writer_and_gives_no_number_twice),
        TEST(the_first_free_lane_is_taken),
        TEST(a_damaged_sequence_is_said),
        TEST(one_indexer_holds_the_archive),
        TEST(segments_are_listed_in_order_and_by_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
