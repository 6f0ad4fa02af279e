/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/options.h"

static pkv_options *options;

static int make(void **state)
{
    (void)state;
    return pkv_options_new(&options);
}

static int unmake(void **state)
{
    (void)state;
    options = pkv_options_free(options);
    return 0;
}

static int read_text(const char *text, pkv_error *error)
{
    char path[] = "/tmp/pktvault-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
    int rc = pkv_options_read(options, path, error);
    (void)unlink(path);
    return rc;
}

static void a_configuration_sets_its_keys(void **state)
{
    (void)state;
    pkv_error error;
    assert_done(read_text("# comment\n[pktvault]\narchive = /srv/vault\nlisten = "
                          "0.0.0.0:4789\nlisten = [::]:6081\n"
                          "rotate_bytes = 64M\n  flush_interval = 250ms\nindex = no\n"
                          "[vni 100-149]\nname = web\n[vni 4711]\nname = db\n",
                          &error),
                error);
    assert_string_equal(options->archive, "/srv/vault");
    assert_string_equal(pkv_options_get(options, "listen", 1), "[::]:6081");
    assert_null(pkv_options_get(options, "listen", 2));
    assert_int_equal(options->rotate_bytes, 64 << 20);
    assert_int_equal(options->flush_interval_ns, 250000000);
    assert_false(options->index);
    assert_string_equal(pkv_options_get(options, "vni", 0), "100-149 web");
    assert_string_equal(pkv_options_get(options, "rotate_bytes", 0), "64M");
    assert_string_equal(pkv_options_get(options, "sync_interval", 0), "5s");
}

static void a_copy_has_the_same_values(void **state)
{
    (void)state;
    pkv_options *copy;
    assert_int_equal(pkv_options_set(options, "listen", "127.0.0.1:4789", NULL), 0);
    assert_int_equal(pkv_options_set(options, "archive", "/a", NULL), 0);
    assert_int_equal(pkv_options_set(options, "archive", "/b", NULL), 0);
    assert_int_equal(pkv__options_copy(&copy, options), 0);
    assert_string_equal(copy->archive, "/b");
    assert_int_equal(copy->listen.count, 1);
    assert_int_equal(copy->rotate_bytes, 256 << 20);
    (void)pkv_options_free(copy);
}

static void a_boolean_is_given_back_as_yes_or_no(void **state)
{
    static const char *const on[] = {"YES", "On", "true", "1"}, *const off[] = {"NO", "Off", "0"};
    (void)state;
    for (size_t i = 0; i < sizeof on / sizeof *on; i++) {
        assert_int_equal(pkv_options_set(options, "index", on[i], NULL), 0);
        assert_string_equal(pkv_options_get(options, "index", 0), "yes");
    }
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        assert_int_equal(pkv_options_set(options, "index", off[i], NULL), 0);
        assert_string_equal(pkv_options_get(options, "index", 0), "no");
    }
}

static void errors_name_file_and_line(void **state)
{
    (void)state;
    char longer[400];
    (void)memset(longer, 'x', sizeof longer);
    memcpy(longer, "archive = ", 10);
    memcpy(longer + sizeof longer - 2, "\n", 2);
    const struct {
        const char *text;
        int code, line;
        const char *says;
    } wrong[] = {
        {"\nrotate = 5\n", PKV_E_NOT_FOUND, 2, "no option 'rotate'"},
        {"rotate_bytes = 5 apples\n", PKV_E_INVALID, 1, "not a size"},
        {"rotate_bytes = 1\n", PKV_E_INVALID, 1, "out of range"},
        {"sync_interval = 366d\n", PKV_E_INVALID, 1, "out of range: 1ms to 365d"},
        {"flush_interval = 9223372036s\n", PKV_E_INVALID, 1, "out of range: 1ms to 365d"},
        {"rotate_interval = 1ms\n", PKV_E_INVALID, 1, "out of range: 1000ms to 365d"},
        {"workers = 65\n", PKV_E_INVALID, 1, "out of range: 0 to 64"},
        {"archive = /srv ; the big disk\n", PKV_E_SYNTAX, 1, "line of its own"},
        {"[elsewhere]\narchive = /srv\n", PKV_E_NOT_FOUND, 2, "no such section"},
        {"archive\n", PKV_E_SYNTAX, 1, "neither a key"},
        {"[vni 5]\nname = web\n[vni 1-9]\nname = db\n", PKV_E_INVALID, 4, "overlaps"},
        {"[vni 9-1]\nname = web\n", PKV_E_INVALID, 2, "a VNI or a range"},
        {"[vni 16777216]\nname = web\n", PKV_E_INVALID, 2, "a VNI or a range"},
        {longer, PKV_E_LIMIT, 1, "too long"},
        {"archive = /srv\v; the big disk\n", PKV_E_SYNTAX, 1, "line of its own"},
        {"[vni 5] name = web\n", PKV_E_SYNTAX, 1, "line of its own"},
        {"[vni 0000000000000000000000000000000000000000000000009]\n", PKV_E_LIMIT, 1, "too long"},
        {"archive = /srv\n  listen\n", PKV_E_SYNTAX, 2, "neither a key"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pkv_error error = {0};
        assert_int_equal(read_text(wrong[i].text, &error), wrong[i].code);
        assert_int_equal(error.offset, wrong[i].line);
        if (!strstr(error.text, wrong[i].says) || !strstr(error.text, "/tmp/pktvault-test-"))
            fail_msg("'%s' does not say '%s'", error.text, wrong[i].says);
    }
}

static void every_key_is_described_and_has_its_default(void **state)
{
    (void)state;
    const char *key, *initial, *help;
    unsigned n = 0;
    while (pkv_options_describe(n, &key, &initial, &help) == 0) {
        const char *value = pkv_options_get(options, key, 0);
        assert_true(strlen(help) > 0 && strlen(help) < 75);
        assert_true(value == initial || strcmp(value, initial) == 0);
        n++;
    }
    assert_true(n > 10 && n < PKV__OPTION_KEYS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_configuration_sets_its_keys, make, unmake),
        cmocka_unit_test_setup_teardown(a_copy_has_the_same_values, make, unmake),
        cmocka_unit_test_setup_teardown(a_boolean_is_given_back_as_yes_or_no, make, unmake),
        cmocka_unit_test_setup_teardown(errors_name_file_and_line, make, unmake),
        cmocka_unit_test_setup_teardown(every_key_is_described_and_has_its_default, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
