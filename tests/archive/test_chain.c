/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include "archive/chain.h"
#include "base/fault.h"

static const char *const first =
    "segments/2026/11/18/20261118T120000.000000000Z-0-000001.pcapng.lz4";
static const char *const second =
    "segments/2026/11/18/20261118T120000.000000000Z-0-000002.pcapng.lz4";
static const char *const third =
    "segments/2026/11/18/20261118T120000.000000000Z-0-000003.pcapng.lz4";

/* SHA-256 of "abc" and of nothing: FIPS 180-2, appendix B.1, and sha256sum < /dev/null. */
static const char *const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char *const nothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static struct pkv__chain *open_chain(void)
{
    pkv_error error;
    struct pkv__chain *chain = NULL;
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__chain_open(&chain, directory, &error), error);
    return chain;
}

static void append(struct pkv__chain *chain, const char *path, const char *hex)
{
    pkv_error error;
    assert_done(pkv__chain_append(chain, path, hex, &error), error);
}

static void hashes_are_sha256(void **state)
{
    (void)state;
    char hex[65];
    struct pkv__sha256 *h = pkv__sha256_new();
    assert_non_null(h);
    pkv__sha256_add(h, "a", 1);
    pkv__sha256_add(h, "bc", 2);
    pkv__sha256_hex(h, hex);
    assert_string_equal(hex, abc);
    pkv__sha256_hex(h, hex);
    assert_string_equal(hex, nothing);
    assert_null(pkv__sha256_free(h));
}

static void what_is_appended_is_known_also_to_the_next(void **state)
{
    (void)state;
    struct pkv__chain *chain = open_chain();
    assert_false(pkv__chain_has(chain, first));
    append(chain, first, abc);
    append(chain, second, nothing);
    pkv__chain_free(chain);
    chain = open_chain();
    assert_string_equal(pkv__chain_hash(chain, first), abc);
    assert_string_equal(pkv__chain_hash(chain, second), nothing);
    assert_null(pkv__chain_hash(chain, third));
    assert_null(pkv__chain_free(chain));
}

static void many_entries_are_found(void **state)
{
    (void)state;
    struct pkv__chain *chain = open_chain();
    char path[PKV__SEGMENT_PATH_TEXT];
    for (uint64_t n = 1; n <= 300; n++) {
        pkv__segment_path(path, &(struct pkv__segment_name){NOON_NS, 0, n}, false);
        append(chain, path, n % 2 ? abc : nothing);
    }
    pkv__chain_free(chain);
    chain = open_chain();
    for (uint64_t n = 1; n <= 300; n++) {
        pkv__segment_path(path, &(struct pkv__segment_name){NOON_NS, 0, n}, false);
        assert_string_equal(pkv__chain_hash(chain, path), n % 2 ? abc : nothing);
    }
    pkv__chain_free(chain);
}

/* As long as the file with one entry less, whatever part of the last pair stands in it. */
static void a_torn_end_is_cut_off(void **state)
{
    (void)state;
    struct pkv__chain *chain = open_chain();
    uint8_t *one, *two, *now;
    size_t one_length, two_length, now_length;
    append(chain, first, abc);
    read_whole(at("chain.log"), &one, &one_length);
    append(chain, second, nothing);
    pkv__chain_free(chain);
    read_whole(at("chain.log"), &two, &two_length);
    for (size_t length = one_length; length < two_length; length++) {
        for (unsigned zeros = 0; zeros < 2; zeros++) {
            uint8_t *torn = calloc(1, two_length + 4096);
            memcpy(torn, two, length);
            write_whole(at("chain.log"), torn, zeros ? two_length + 4096 : length);
            free(torn);
            chain = open_chain();
            assert_true(pkv__chain_has(chain, first));
            assert_false(pkv__chain_has(chain, second));
            append(chain, third, nothing);
            pkv__chain_free(chain);
            chain = open_chain();
            assert_true(pkv__chain_has(chain, first));
            assert_true(pkv__chain_has(chain, third));
            pkv__chain_free(chain);
            read_whole(at("chain.log"), &now, &now_length);
            assert_int_equal(now_length, two_length);
            assert_memory_equal(now, one, one_length);
            free(now);
        }
    }
    free(one);
    free(two);
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__chain *chain = open_chain();
    uint8_t *good;
    size_t length;
    append(chain, first, abc);
    append(chain, second, nothing);
    pkv__chain_free(chain);
    read_whole(at("chain.log"), &good, &length);
    for (size_t i = 0; i + 1 < length; i++) {
        good[i] ^= 1;
        write_whole(at("chain.log"), good, length);
        chain = NULL;
        int rc = pkv__chain_open(&chain, directory, &error);
        if (rc != PKV_E_FORMAT)
            fail_msg("byte %zu changed: %d", i, rc);
        assert_null(chain);
        good[i] ^= 1;
    }
    free(good);
}

static void a_removed_pair_is_noticed(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__chain *chain = open_chain();
    uint8_t *one, *three;
    size_t header_length, one_length, length;
    read_whole(at("chain.log"), &one, &header_length);
    free(one);
    append(chain, first, abc);
    read_whole(at("chain.log"), &one, &one_length);
    append(chain, second, nothing);
    append(chain, third, nothing);
    pkv__chain_free(chain);
    read_whole(at("chain.log"), &three, &length);
    memmove(three + header_length, three + one_length, length - one_length);
    write_whole(at("chain.log"), three, length - one_length + header_length);
    assert_int_equal(pkv__chain_open(&chain, directory, &error), PKV_E_FORMAT);
    assert_int_equal(error.offset, header_length);
    free(one);
    free(three);
}

static void what_is_no_path_or_hash_is_refused(void **state)
{
    (void)state;
    pkv_error error;
    char long_path[400];
    struct pkv__chain *chain = open_chain();
    memset(long_path, 'a', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(pkv__chain_append(chain, long_path, abc, &error), PKV_E_INVALID);
    assert_int_equal(pkv__chain_append(chain, "", abc, &error), PKV_E_INVALID);
    assert_int_equal(pkv__chain_append(chain, "a\nb", abc, &error), PKV_E_INVALID);
    assert_int_equal(
        pkv__chain_append(chain, first,
                          "BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
                          &error),
        PKV_E_INVALID);
    assert_false(pkv__chain_has(chain, first));
    append(chain, first, abc);
    pkv__chain_free(chain);
}

static const char *failing;

static int fail_operation(const char *operation)
{
    return failing && strcmp(operation, failing) == 0 ? 28 /* ENOSPC */ : 0;
}

static void an_append_that_fails_leaves_the_chain_as_it_was(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__chain *chain = open_chain();
    append(chain, first, abc);
    pkv__fault_hook = fail_operation;
    for (unsigned i = 0; i < 2; i++) {
        failing = i ? "sync" : "write";
        assert_int_equal(pkv__chain_append(chain, second, abc, &error), PKV_E_SYSTEM);
        assert_false(pkv__chain_has(chain, second));
    }
    pkv__fault_hook = NULL;
    append(chain, third, nothing);
    pkv__chain_free(chain);
    chain = open_chain();
    assert_true(pkv__chain_has(chain, first));
    assert_false(pkv__chain_has(chain, second));
    assert_true(pkv__chain_has(chain, third));
    pkv__chain_free(chain);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(hashes_are_sha256),
        TEST(what_is_appended_is_known_also_to_the_next),
        TEST(many_entries_are_found),
        TEST(a_torn_end_is_cut_off),
        TEST(every_changed_byte_is_noticed),
        TEST(a_removed_pair_is_noticed),
        TEST(what_is_no_path_or_hash_is_refused),
        TEST(an_append_that_fails_leaves_the_chain_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
