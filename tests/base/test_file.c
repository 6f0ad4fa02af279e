/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "base/memory.h"

static char directory[64];

static int make(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/pktvault-test-XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int unmake(void **state)
{
    (void)state;
    char command[96];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command); /* NOLINT(cert-env33-c): a test's own directory */
}

static char *at(const char *name)
{
    static char path[2][128];
    static unsigned turn;
    turn ^= 1;
    (void)snprintf(path[turn], sizeof path[turn], "%s/%s", directory, name);
    return path[turn];
}

static void directories_are_made_with_their_parents_and_closed_to_others(void **state)
{
    (void)state;
    pkv_error error;
    struct stat st;
    assert_done(pkv__file_make_directories(at("a/b/c"), &error), error);
    assert_done(pkv__file_make_directories(at("a/b/c"), &error), error);
    assert_int_equal(stat(at("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 07, 0);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    pkv_error error;
    char *text;
    size_t length;
    int fd = pkv__file_open(at("f"), O_RDWR | O_CREAT | O_EXCL, &error);
    assert_true(fd >= 0);
    assert_done(pkv__file_write(fd, "hello", 5, "f", &error), error);
    assert_done(pkv__file_sync(fd, "f", &error), error);
    pkv__file_close(fd);
    assert_int_equal(pkv__file_open(at("f"), O_RDWR | O_CREAT | O_EXCL, &error), PKV_E_EXISTS);
    assert_done(pkv__file_read_all(at("f"), 100, &text, &length, &error), error);
    assert_string_equal(text, "hello");
    pkv__free(text);
    assert_int_equal(pkv__file_read_all(at("f"), 4, &text, &length, &error), PKV_E_LIMIT);
    assert_int_equal(pkv__file_open(at("none"), O_RDONLY, &error), PKV_E_NOT_FOUND);
}

static void a_lock_keeps_others_out_until_it_is_closed(void **state)
{
    (void)state;
    pkv_error error;
    int fd = pkv__file_open(at("lock"), O_RDWR | O_CREAT, &error);
    int other = pkv__file_open(at("lock"), O_RDWR, &error);
    assert_done(pkv__file_lock(fd, "lock", &error), error);
    assert_int_equal(pkv__file_lock(other, "lock", &error), PKV_E_BUSY);
    assert_true(pkv__file_is_locked(at("lock")));
    pkv__file_close(fd);
    assert_false(pkv__file_is_locked(at("lock")));
    pkv__file_close(other);
}

static void names_are_listed_in_order(void **state)
{
    (void)state;
    char **names;
    size_t count;
    pkv_error error;
    assert_done(pkv__file_make_directories(at("d/2"), &error), error);
    assert_done(pkv__file_make_directories(at("d/10"), &error), error);
    assert_done(pkv__file_list(at("d"), &names, &count, &error), error);
    assert_int_equal(count, 2);
    assert_string_equal(names[0], "10");
    pkv__file_names_free(names, count);
    assert_done(pkv__file_list(at("nothing"), &names, &count, &error), error);
    assert_int_equal(count, 0);
    pkv__file_names_free(names, count);
}

static int fail_alloc(const char *operation)
{
    return strcmp(operation, "alloc") == 0 ? ENOMEM : 0;
}

static int fail_readdir(const char *operation)
{
    return strcmp(operation, "readdir") == 0 ? EIO : 0;
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    (void)close(fd);
}

/* Nobody writes the pipe: an opening that waits ends with the alarm. */
static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    static const char *const names[] = {"pipe", "directory", "zero", "socket"};
    static const int flags[] = {O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_TRUNC};
    pkv_error error;
    char *text;
    size_t length;
    (void)state;
    (void)alarm(20);
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    assert_int_equal(mkdir(at("directory"), 0700), 0);
    assert_int_equal(symlink("/dev/zero", at("zero")), 0);
    make_socket(at("socket"));
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(pkv__file_open(at(names[i]), flags[k], &error), PKV_E_SYSTEM);
        assert_int_equal(pkv__file_check_regular(at(names[i]), &error), PKV_E_SYSTEM);
        assert_non_null(strstr(error.text, "is not a regular file"));
        assert_int_equal(pkv__file_read_all(at(names[i]), 10, &text, &length, &error),
                         PKV_E_SYSTEM);
        assert_non_null(strstr(error.text, names[i]));
        assert_non_null(strstr(error.text, "is not a regular file"));
        assert_false(pkv__file_is_locked(at(names[i])));
    }
    (void)alarm(0);
}

static void a_file_past_its_limit_is_refused_by_its_size(void **state)
{
    pkv_error error;
    char *text;
    size_t length;
    (void)state;
    assert_int_equal(close(creat(at("large"), 0600)), 0);
    assert_int_equal(truncate(at("large"), (off_t)1 << 40), 0);
    pkv__fault_hook = fail_alloc;
    int rc = pkv__file_read_all(at("large"), 1u << 30, &text, &length, &error);
    pkv__fault_hook = NULL;
    assert_int_equal(rc, PKV_E_LIMIT);
}

static void what_is_no_directory_has_no_names(void **state)
{
    char **names;
    size_t count;
    int64_t inode, changed_ns;
    pkv_error error;
    (void)state;
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    assert_int_equal(pkv__file_list(at("pipe"), &names, &count, &error), PKV_E_NOT_FOUND);
    assert_int_equal(pkv__file_stamp(at("pipe"), &inode, &changed_ns, &error), PKV_E_NOT_FOUND);
    assert_int_equal(pkv__file_stamp(at("none"), &inode, &changed_ns, &error), PKV_E_NOT_FOUND);
    assert_done(pkv__file_stamp(directory, &inode, &changed_ns, &error), error);
}

static void a_directory_that_cannot_be_read_to_its_end_is_not_listed(void **state)
{
    char **names;
    size_t count;
    pkv_error error;
    (void)state;
    assert_int_equal(mkdir(at("d"), 0700), 0);
    pkv__fault_hook = fail_readdir;
    int rc = pkv__file_list(at("d"), &names, &count, &error);
    pkv__fault_hook = NULL;
    assert_int_equal(rc, PKV_E_SYSTEM);
    assert_non_null(strstr(error.text, "Input/output error"));
}

static void one_directory_by_two_paths_is_the_same(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("d"), 0700), 0);
    assert_int_equal(symlink("d", at("link")), 0);
    assert_true(pkv__file_is_same(at("d"), at("d/.")));
    assert_true(pkv__file_is_same(at("d"), at("link")));
    assert_false(pkv__file_is_same(at("d"), directory));
    assert_false(pkv__file_is_same(at("none"), at("none")));
}

static int fail_sync(const char *operation)
{
    return strcmp(operation, "sync") == 0 ? EIO : 0;
}

static void a_fault_gives_the_error_of_the_call(void **state)
{
    (void)state;
    pkv_error error;
    int fd = pkv__file_open(at("f"), O_RDWR | O_CREAT, &error);
    pkv__fault_hook = fail_sync;
    int rc = pkv__file_sync(fd, "f", &error);
    pkv__fault_hook = NULL;
    pkv__file_close(fd);
    assert_int_equal(rc, PKV_E_SYSTEM);
    assert_string_equal(error.text, "cannot sync f: Input/output error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            directories_are_made_with_their_parents_and_closed_to_others, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back, make, unmake),
        cmocka_unit_test_setup_teardown(a_lock_keeps_others_out_until_it_is_closed, make, unmake),
        cmocka_unit_test_setup_teardown(names_are_listed_in_order, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_no_regular_file_is_refused_at_once, make, unmake),
        cmocka_unit_test_setup_teardown(a_file_past_its_limit_is_refused_by_its_size, make, unmake),
        cmocka_unit_test_setup_teardown(what_is_no_directory_has_no_names, make, unmake),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_read_to_its_end_is_not_listed,
                                        make, unmake),
        cmocka_unit_test_setup_teardown(one_directory_by_two_paths_is_the_same, make, unmake),
        cmocka_unit_test_setup_teardown(a_fault_gives_the_error_of_the_call, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
