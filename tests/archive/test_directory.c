/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/limits.h"

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

static void a_uuid_has_its_form(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x1b]0;t\x07-0123-4567-89ab-0123456789ab00000", "01234567-0123-4567-89ab_0123456789ab",
        "0123456-70123-4567-89ab-0123456789ab", "01234567-0123-4567-89ab-0123456789ag"};
    char path[512], uuid[37] = "";
    pkv_error error;
    assert_done(pkv__archive_create(directory, &error), error);
    (void)snprintf(path, sizeof path, "%s/chain.log", directory);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FILE *chain = fopen(path, "w");
        assert_non_null(chain);
        (void)fprintf(chain, "# pktvault archive %.36s host h created x\n", wrong[i]);
        assert_int_equal(fclose(chain), 0);
        assert_int_equal(pkv__archive_uuid(directory, uuid, &error), PKV_E_FORMAT);
    }
    assert_string_equal(uuid, "");
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

static unsigned syncs;

static int count_syncs(const char *operation)
{
    syncs += strcmp(operation, "sync") == 0;
    return 0;
}

/* Else the power may take the numbers that were given. */
static void a_lane_has_its_name_before_it_gives_a_number(void **state)
{
    (void)state;
    pkv_error error;
    uint64_t sequence;
    struct pkv__lane_lock *lock;
    assert_done(pkv__archive_create(directory, &error), error);
    pkv__fault_hook = count_syncs;
    assert_done(pkv__lane_lock(&lock, directory, 3, &error), error);
    assert_int_equal(syncs, 2); /* locks, archive */
    assert_done(pkv__lane_lock_next(lock, &sequence, &error), error);
    pkv__lane_unlock(lock);
    syncs = 0;
    assert_done(pkv__lane_lock(&lock, directory, 3, &error), error);
    assert_int_equal(syncs, 0);
    pkv__lane_unlock(lock);
    pkv__fault_hook = NULL;
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

/* The day of segment 2 is a link to itself: even who may do everything cannot list it. */
static void make_unlistable_day(void)
{
    pkv_error error;
    assert_done(pkv__archive_create(directory, &error), error);
    touch_segment(NOON_NS, 1, false);
    touch_segment(NOON_NS + 2 * DAY_NS, 3, false);
    assert_int_equal(symlink("19", at("segments/2026/11/19")), 0);
}

struct told {
    char dates[64];
    int answer;
};

static int tell(void *context, const char *date, const pkv_error *why)
{
    struct told *told = context;
    assert_int_equal(why->code, PKV_E_SYSTEM);
    assert_non_null(strstr(why->text, "segments"));
    (void)snprintf(told->dates + strlen(told->dates), sizeof told->dates - strlen(told->dates),
                   "%s ", date);
    return told->answer;
}

static void a_day_that_cannot_be_listed_is_told_and_the_rest_is_listed(void **state)
{
    struct pkv__segment_file *files = NULL;
    struct pkv__archive_day *days = NULL;
    struct told told = {.answer = 0};
    const struct pkv__unlisted unlisted = {tell, &told};
    size_t count = 0;
    pkv_error error;
    (void)state;
    make_unlistable_day();
    assert_done(
        pkv__archive_list(directory, INT64_MIN, INT64_MAX, &unlisted, &files, &count, &error),
        error);
    assert_int_equal(count, 2);
    assert_string_equal(told.dates, "20261119 ");
    pkv__free(files);
    assert_done(pkv__archive_days(directory, &unlisted, &days, &count, &error), error);
    assert_int_equal(count, 2);
    assert_string_equal(told.dates, "20261119 20261119 ");
    pkv__free(days);
}

static void nobody_to_tell_makes_it_an_error(void **state)
{
    struct pkv__segment_file *files = NULL;
    struct told told = {.answer = PKV_E_CANCELED};
    size_t count = 0;
    pkv_error error;
    (void)state;
    make_unlistable_day();
    assert_int_equal(
        pkv__archive_list(directory, INT64_MIN, INT64_MAX, NULL, &files, &count, &error),
        PKV_E_SYSTEM);
    assert_non_null(strstr(error.text, "segments/2026/11/19"));
    assert_int_equal(pkv__archive_list(directory, INT64_MIN, INT64_MAX,
                                       &(struct pkv__unlisted){tell, &told}, &files, &count,
                                       &error),
                     PKV_E_CANCELED);
}

static void what_is_no_directory_is_passed_over(void **state)
{
    pkv_error error;
    (void)state;
    assert_done(pkv__archive_create(directory, &error), error);
    touch_segment(NOON_NS, 1, false);
    write_whole(at("segments/2030"), "", 0);
    assert_int_equal(mkfifo(at("segments/2031"), 0600), 0);
    assert_int_equal(mkfifo(at("segments/2026/12"), 0600), 0);
    write_whole(at("segments/2026/11/19"), "", 0);
    expect_listed(INT64_MIN, INT64_MAX, "1 ");
    struct pkv__archive_day *days = NULL;
    size_t count = 0;
    assert_done(pkv__archive_days(directory, NULL, &days, &count, &error), error);
    assert_int_equal(count, 1);
    pkv__free(days);
}

static void the_path_and_the_beginning_of_what_is_not_listed(void **state)
{
    static const struct {
        const char *date, *path;
        int64_t start_ns;
    } table[] = {{"", "segments", INT64_MIN},
                 {"2026", "segments/2026", NOON_NS - DAY_NS / 2 - 321 * DAY_NS},
                 {"202611", "segments/2026/11", NOON_NS - DAY_NS / 2 - 17 * DAY_NS},
                 {"20261118", "segments/2026/11/18", NOON_NS - DAY_NS / 2},
                 {"20261399", "segments/2026/13/99", INT64_MIN}};
    char path[PKV__UNLISTED_PATH_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        pkv__unlisted_path(path, table[i].date);
        assert_string_equal(path, table[i].path);
        assert_int_equal(pkv__unlisted_start(table[i].date), table[i].start_ns);
    }
}

/* What a large directory shows whose segment 2 is sealed between two system calls: its old name is
 * not read any more, and the place of the new one was passed. In place of libc's, for this program;
 * counts the readings. */
static bool sealing;
static unsigned readings;

static void seal(void)
{
    const struct pkv__segment_name segment = {NOON_NS, 0, 2};
    char open[PKV__SEGMENT_PATH_TEXT], sealed[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(open, &segment, true);
    pkv__segment_path(sealed, &segment, false);
    assert_int_equal(rename(at(open), at(sealed)), 0);
}

struct dirent *readdir(DIR *day)
{
    static struct dirent *(*next)(DIR *);
    static bool in_day;
    if (!next) /* the standard's own way to turn an object into a function */
        *(void **)&next = dlsym(RTLD_NEXT, "readdir");
    struct dirent *entry = next(day);
    in_day |= entry && strstr(entry->d_name, "-0-000001.");
    while (sealing && readings == 0 && entry && strstr(entry->d_name, "-0-000002."))
        entry = next(day);
    if (!entry && in_day) {
        if (sealing && readings == 0)
            seal();
        readings++;
        in_day = false;
        errno = 0;
    }
    return entry;
}

static void age(const char *relative)
{
    pkv_error error;
    int64_t inode, changed_ns;
    do {
        (void)usleep(100000);
        assert_done(pkv__file_stamp(at(relative), &inode, &changed_ns, &error), error);
    } while (pkv__clock_ns() - changed_ns < PKV__SETTLED_NS + 100000000);
}

static void expect_sealing_seen(void)
{
    readings = 0;
    sealing = true;
    expect_listed(INT64_MIN, INT64_MAX, "1 2 ");
    sealing = false;
    assert_int_equal(readings, 2);
}

static void a_segment_that_is_sealed_while_its_day_is_listed_is_there(void **state)
{
    pkv_error error;
    (void)state;
    assert_done(pkv__archive_create(directory, &error), error);
    touch_segment(NOON_NS, 1, false);
    touch_segment(NOON_NS, 2, true);
    expect_sealing_seen(); /* within a tick of the clock nothing would show */
}

static void so_is_one_in_a_day_that_was_quiet_before(void **state)
{
    pkv_error error;
    (void)state;
    assert_done(pkv__archive_create(directory, &error), error);
    touch_segment(NOON_NS, 1, false);
    touch_segment(NOON_NS, 2, true);
    age("segments/2026/11/18");
    expect_sealing_seen();
}

static void a_quiet_day_is_read_once(void **state)
{
    pkv_error error;
    (void)state;
    assert_done(pkv__archive_create(directory, &error), error);
    touch_segment(NOON_NS, 1, false);
    age("segments/2026/11/18");
    readings = 0;
    expect_listed(INT64_MIN, INT64_MAX, "1 ");
    assert_int_equal(readings, 1);
}

static void expect_notes(const char *text, size_t expected)
{
    struct pkv__archive_day *notes = NULL;
    size_t count = 99;
    pkv_error error;
    write_whole(at("locks/days"), text, strlen(text));
    assert_done(pkv__archive_notes_read(directory, &notes, &count, &error), error);
    assert_int_equal(count, expected);
    pkv__free(notes);
}

static void notes_are_read_as_they_were_written(void **state)
{
    const struct pkv__archive_day written[] = {{"20261118", 7, 1795003200000000000, 3},
                                               {"20261119", -7, -5, UINT64_MAX}};
    struct pkv__archive_day *notes = NULL;
    size_t count = 0;
    pkv_error error;
    (void)state;
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__archive_notes_write(directory, written, 2, &error), error);
    assert_done(pkv__archive_notes_read(directory, &notes, &count, &error), error);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(notes[i].day, written[i].day);
        assert_int_equal(notes[i].inode, written[i].inode);
        assert_int_equal(notes[i].changed_ns, written[i].changed_ns);
        assert_int_equal(notes[i].segments, written[i].segments);
    }
    pkv__free(notes);
}

#define NOTE "20261118 7 1795003200000000000 3\n"

static void notes_of_another_form_are_none(void **state)
{
    static const char *const texts[] = {
        "\n",
        NOTE "\n",
        NOTE "20261119 7 1 1",
        NOTE " 20261119 7 1 1\n",
        "2026111 7 1 1\n",
        "202611181 7 1 1\n",
        "20261118  7 1 1\n",
        "20261118 7 1 -1\n",
        "20261118 7 1\n",
        "20261118 7 1 1 1\n",
        "20261118 --7 1 1\n",
        "20261118 99999999999999999999 1 1\n",
        "20261118 7 1 99999999999999999999\n",
        "20261118 7 1 1\r\n",
    };
    pkv_error error;
    (void)state;
    assert_done(pkv__archive_create(directory, &error), error);
    expect_notes("", 0);
    expect_notes(NOTE NOTE, 2);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_notes(texts[i], 0);
}

/* Looking for the end of all that is left with each line took minutes. */
static void many_notes_are_read_in_one_pass(void **state)
{
    pkv_error error;
    size_t lines = PKV__DAY_NOTES_MAX_BYTES / strlen(NOTE);
    char *text = malloc(PKV__DAY_NOTES_MAX_BYTES + 1);
    (void)state;
    assert_non_null(text);
    assert_done(pkv__archive_create(directory, &error), error);
    for (size_t i = 0; i < lines; i++)
        memcpy(text + i * strlen(NOTE), NOTE, sizeof NOTE);
    int64_t start_ns = pkv__monotonic_ns();
    expect_notes(text, lines);
    memset(text, '\n', PKV__DAY_NOTES_MAX_BYTES);
    text[PKV__DAY_NOTES_MAX_BYTES] = '\0';
    expect_notes(text, 0);
    memset(text, '1', PKV__DAY_NOTES_MAX_BYTES);
    expect_notes(text, 0);
    assert_true(pkv__monotonic_ns() - start_ns < 5000000000);
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(an_archive_is_made_once_and_keeps_its_uuid),
        TEST(a_uuid_has_its_form),
        TEST(creators_that_race_agree_on_one_uuid),
        TEST(a_lane_has_one_writer_and_gives_no_number_twice),
        TEST(a_lane_has_its_name_before_it_gives_a_number),
        TEST(the_first_free_lane_is_taken),
        TEST(a_damaged_sequence_is_said),
        TEST(one_indexer_holds_the_archive),
        TEST(segments_are_listed_in_order_and_by_day),
        TEST(a_day_that_cannot_be_listed_is_told_and_the_rest_is_listed),
        TEST(nobody_to_tell_makes_it_an_error),
        TEST(what_is_no_directory_is_passed_over),
        TEST(the_path_and_the_beginning_of_what_is_not_listed),
        TEST(a_segment_that_is_sealed_while_its_day_is_listed_is_there),
        TEST(so_is_one_in_a_day_that_was_quiet_before),
        TEST(a_quiet_day_is_read_once),
        TEST(notes_are_read_as_they_were_written),
        TEST(notes_of_another_form_are_none),
        TEST(many_notes_are_read_in_one_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
