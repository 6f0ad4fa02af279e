/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include "base/buffer.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/text.h"

static void a_cursor_reads_both_byte_orders(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    struct pkv__cursor c = pkv__cursor(data, sizeof data);
    assert_int_equal(pkv__cursor_u16be(&c), 0x0102);
    assert_int_equal(pkv__cursor_u16le(&c), 0x0403);
    assert_int_equal(pkv__cursor_u24be(&c), 0x050607);
    assert_int_equal(pkv__cursor_left(&c), 3);
    assert_false(c.failed);
}

static void a_read_past_the_end_gives_zero_and_sticks(void **state)
{
    (void)state;
    const uint8_t data[] = {1, 2, 3};
    struct pkv__cursor c = pkv__cursor(data, sizeof data);
    assert_int_equal(pkv__cursor_u32be(&c), 0);
    assert_true(c.failed);
    assert_int_equal(pkv__cursor_u8(&c), 0);
    assert_int_equal(pkv__cursor_left(&c), 3);
    struct pkv__cursor sub = pkv__cursor_sub(&c, 1);
    assert_true(sub.failed);
}

static void variable_length_integers_come_back(void **state)
{
    (void)state;
    const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
    struct pkv__buffer b = {0};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        pkv__buffer_varint(&b, values[i]);
    struct pkv__cursor c = pkv__cursor(b.data, b.length);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        assert_true(pkv__cursor_varint(&c) == values[i]);
    assert_int_equal(pkv__cursor_left(&c), 0);
    pkv__buffer_deinit(&b);
}

/* DWARF 5, section 7.6, table 7.7: examples of unsigned LEB128. */
static void variable_length_integers_are_leb128(void **state)
{
    (void)state;
    struct pkv__buffer b = {0};
    pkv__buffer_varint(&b, 128);
    pkv__buffer_varint(&b, 12857);
    const uint8_t expected[] = {0x80, 0x01, 0xb9, 0x64};
    assert_int_equal(b.length, sizeof expected);
    assert_memory_equal(b.data, expected, sizeof expected);
    pkv__buffer_deinit(&b);
}

static void an_endless_variable_length_integer_fails(void **state)
{
    (void)state;
    uint8_t data[12];
    memset(data, 0xff, sizeof data);
    struct pkv__cursor c = pkv__cursor(data, sizeof data);
    assert_int_equal(pkv__cursor_varint(&c), 0);
    assert_true(c.failed);
}

/* Test vectors of xxHash's own sanity check and of `xxhsum -H0` / `-H3` / `-H2` of "abc". */
static void hashes_are_those_of_xxhash(void **state)
{
    (void)state;
    assert_int_equal(pkv__hash32("", 0), 0x02cc5d05);
    assert_int_equal(pkv__hash32("abc", 3), 0x32d153ff);
    assert_true(pkv__hash64("abc", 3) == 0x78af5f94892f3950ull);
    struct pkv__hash128 *h = pkv__hash128_new();
    char hex[33];
    pkv__hash128_add(h, "a", 1);
    pkv__hash128_add(h, "bc", 2);
    pkv__hash128_hex(h, hex);
    assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
    (void)pkv__hash128_free(h);
}

static void sizes_have_units_of_1024(void **state)
{
    (void)state;
    int64_t bytes = 0;
    assert_true(pkv__text_size(&bytes, "64K") && bytes == 65536);
    assert_true(pkv__text_size(&bytes, "10G") && bytes == 10ll << 30);
    assert_true(pkv__text_size(&bytes, "7") && bytes == 7);
    assert_false(pkv__text_size(&bytes, ""));
    assert_false(pkv__text_size(&bytes, "K"));
    assert_false(pkv__text_size(&bytes, "-1"));
    assert_false(pkv__text_size(&bytes, "9223372036854775807K"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_reads_both_byte_orders),
        cmocka_unit_test(a_read_past_the_end_gives_zero_and_sticks),
        cmocka_unit_test(variable_length_integers_come_back),
        cmocka_unit_test(variable_length_integers_are_leb128),
        cmocka_unit_test(an_endless_variable_length_integer_fails),
        cmocka_unit_test(hashes_are_those_of_xxhash),
        cmocka_unit_test(sizes_have_units_of_1024),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
