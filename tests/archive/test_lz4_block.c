/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include <lz4.h>

#include "archive/lz4_pack.h"
#include "base/limits.h"

/* Encodes and decodes; the number of bytes that are stored. */
static uint32_t round_trip(const uint8_t *raw, uint32_t length)
{
    uint8_t *decoded = malloc(PKV__BLOCK_MAX_BYTES);
    uint32_t stored;
    uint8_t *block = encode(raw, length, &stored);
    assert_true(stored <= pkv__lz4_bound(length));
    assert_true(stored <= length + PKV__LZ4_OVERHEAD_BYTES);
    assert_int_equal(pkv__lz4_decode(decoded, block, stored, true), length);
    assert_memory_equal(decoded, raw, length);
    free(block);
    free(decoded);
    return stored;
}

/* Content of kinds from nothing but zeros to nothing but chance. */
static void fill(uint8_t *raw, uint32_t length, unsigned kind)
{
    for (uint32_t i = 0; i < length; i++) {
        uint8_t chance = (uint8_t)(rand() >> 8);
        raw[i] = kind == 0   ? 0
                 : kind == 1 ? chance
                 : kind == 2 ? (uint8_t)(i % 7)
                 : kind == 3 ? (uint8_t)(chance & 1)
                 : kind == 4 ? (uint8_t)(i % 97 < 50 ? i % 97 : chance)
                             : (uint8_t)(i / 300 % 2 ? chance : i % 251);
    }
}

static void everything_reads_back(void **state)
{
    (void)state;
    uint8_t *raw = malloc(PKV__BLOCK_MAX_BYTES);
    srand(1);
    for (unsigned kind = 0; kind < 6; kind++) {
        static const uint32_t large[] = {65535, 65536, 65537, 65547, 262144, PKV__BLOCK_MAX_BYTES};
        for (uint32_t length = 1; length < 700; length++) {
            fill(raw, length, kind);
            (void)round_trip(raw, length);
        }
        for (unsigned i = 0; i < 6; i++) {
            fill(raw, large[i], kind);
            (void)round_trip(raw, large[i]);
        }
    }
    free(raw);
}

/* Its room is just what the header asks for, so that a sanitizer sees a byte too far. */
static void nothing_is_written_past_the_room(void **state)
{
    (void)state;
    uint16_t *table = malloc(PKV__LZ4_PACK_STATE_BYTES);
    char decoded[2000];
    srand(2);
    for (uint32_t length = 0; length < 2000; length += 1 + length / 50) {
        for (unsigned kind = 0; kind < 6; kind++) {
            uint8_t *raw = malloc(length + 1), *to = malloc(length + length / 255 + 16);
            fill(raw, length, kind);
            raw = realloc(raw, length ? length : 1);
            uint32_t made = pkv__lz4_pack(table, to, raw, length);
            assert_true(made <= length + length / 255 + 16);
            assert_int_equal(LZ4_decompress_safe((char *)to, decoded, (int)made, (int)length),
                             length);
            assert_memory_equal(decoded, raw, length);
            free(raw);
            free(to);
        }
    }
    free(table);
}

/* Packets whose payload does not compress, but whose headers do. */
static void put_traffic(struct pkv__buffer *raw)
{
    uint8_t data[1000];
    srand(3);
    for (uint32_t n = 0;; n++) {
        pkv_packet packet = {.time_ns = NOON_NS + n * 12345, .data = data};
        packet.captured_bytes = packet.original_bytes = 300 + n % 600;
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (uint8_t)(i < 92 ? i * 7 : (unsigned)rand() >> 9);
        if (raw->length + pkv__pcapng_packet_bytes(&packet) > PKV__BLOCK_TARGET_BYTES)
            return;
        pkv__pcapng_put_packet(raw, &packet);
    }
}

static void packets_take_less_than_with_liblz4(void **state)
{
    (void)state;
    struct pkv__buffer raw = {.length = 0};
    put_traffic(&raw);
    char *theirs = malloc(pkv__lz4_bound((uint32_t)raw.length));
    int their_bytes = LZ4_compress_default((char *)raw.data, theirs, (int)raw.length,
                                           (int)pkv__lz4_bound((uint32_t)raw.length));
    uint32_t ours = round_trip(raw.data, (uint32_t)raw.length) - PKV__LZ4_OVERHEAD_BYTES;
    assert_true(their_bytes > 0);
    assert_true(ours < (uint32_t)their_bytes);
    pkv__buffer_deinit(&raw);
    free(theirs);
}

static void lengths_that_lie_do_no_harm(void **state)
{
    (void)state;
    struct pkv__buffer raw = {.length = 0};
    put_traffic(&raw);
    for (unsigned i = 0; i < 3000; i++) {
        raw.data[(unsigned)rand() % raw.length] = (uint8_t)rand();
        if (i % 100 == 0)
            (void)round_trip(raw.data, (uint32_t)raw.length);
    }
    pkv__buffer_deinit(&raw);
}

static void a_block_decodes_only_whole_and_right(void **state)
{
    (void)state;
    uint8_t raw[300], *decoded = malloc(PKV__BLOCK_MAX_BYTES);
    uint32_t length;
    fill(raw, sizeof raw, 4);
    uint8_t *block = encode(raw, sizeof raw, &length);
    for (uint32_t cut = 0; cut < length; cut++)
        assert_int_equal(pkv__lz4_decode(decoded, block, cut, true), PKV_E_FORMAT);
    for (uint32_t bit = 32; bit < length * 8; bit++) {
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(pkv__lz4_decode(decoded, block, length, true), PKV_E_FORMAT);
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    block[length - 1] ^= 1; /* of the checksum */
    assert_int_equal(pkv__lz4_decode(decoded, block, length, false), sizeof raw);
    free(block);
    free(decoded);
}

static void size_words_are_bounded(void **state)
{
    (void)state;
    uint32_t stored = 7;
    bool uncompressed;
    assert_false(pkv__lz4_size_word(0, &stored, &uncompressed));
    assert_false(pkv__lz4_size_word(0x80000000, &stored, &uncompressed));
    assert_false(pkv__lz4_size_word((1u << 20) + 1, &stored, &uncompressed));
    assert_false(pkv__lz4_size_word(UINT32_MAX, &stored, &uncompressed));
    assert_int_equal(stored, 7);
    assert_true(pkv__lz4_size_word(1u << 20, &stored, &uncompressed));
    assert_true(stored == 1u << 20 && !uncompressed);
    assert_true(pkv__lz4_size_word(0x80000001, &stored, &uncompressed));
    assert_true(stored == 1 && uncompressed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_reads_back),
        cmocka_unit_test(nothing_is_written_past_the_room),
        cmocka_unit_test(packets_take_less_than_with_liblz4),
        cmocka_unit_test(lengths_that_lie_do_no_harm),
        cmocka_unit_test(a_block_decodes_only_whole_and_right),
        cmocka_unit_test(size_words_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
