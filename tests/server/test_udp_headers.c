/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/check.h"

#include <string.h>

#include "server/packet_block.h"
#include "server/udp_headers.h"

static void ipv4_headers_are_rebuilt(void **state)
{
    (void)state;
    /* RFC 1071: 4500 + 001f + 4000 + 4011 + 0a00 + 0001 + 0a00 + 0002 = d933, of which 26cc is the
     * complement. */
    static const uint8_t expected[42] = {0,    0,    0,    0,    0,    0, 0,    0, 0,  0,    0,
                                         0,    8,    0,    0x45, 0,    0, 0x1f, 0, 0,  0x40, 0,
                                         0x40, 0x11, 0x26, 0xcc, 10,   0, 0,    1, 10, 0,    0,
                                         2,    0x9c, 0x40, 0x12, 0xb5, 0, 11,   0, 0};
    struct pkv__udp_path path = {.src = {10, 0, 0, 1},
                                 .dst = {10, 0, 0, 2},
                                 .src_port = {0x9c, 0x40},
                                 .dst_port = {0x12, 0xb5},
                                 .ttl = 64};
    uint8_t got[42];
    pkv__udp_headers_put(got, &path, (const uint8_t *)"abc", 3);
    assert_int_equal(pkv__udp_headers_bytes(&path), 42);
    assert_memory_equal(got, expected, sizeof expected);
}

/* Adds up what RFC 8200, section 8.1 says, byte by byte. */
static unsigned ipv6_sum(const uint8_t *ip, const uint8_t *payload, unsigned payload_bytes)
{
    unsigned long sum = 8u + payload_bytes + 17;
    for (unsigned i = 8; i < 40; i++)
        sum += i & 1 ? ip[i] : (unsigned)ip[i] << 8;
    for (unsigned i = 40; i < 48; i++)
        sum += i & 1 ? ip[i] : (unsigned)ip[i] << 8;
    for (unsigned i = 0; i < payload_bytes; i++)
        sum += i & 1 ? payload[i] : (unsigned)payload[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (unsigned)sum;
}

static void ipv6_checksums_are_right_for_every_length(void **state)
{
    (void)state;
    struct pkv__udp_path path = {.ipv6 = true,
                                 .src = {0x20, 1, 0xd, 0xb8, [15] = 1},
                                 .dst = {0x20, 1, 0xd, 0xb8, [15] = 2},
                                 .src_port = {0x9c, 0x40},
                                 .dst_port = {0x12, 0xb5},
                                 .ttl = 63,
                                 .tos = 0xb8};
    uint8_t got[62], payload[1500];
    for (unsigned i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 7 + 3);
    for (unsigned length = 0; length < sizeof payload; length++) {
        pkv__udp_headers_put(got, &path, payload, length);
        assert_int_equal(ipv6_sum(got + 14, payload, length), 0xffff);
    }
    assert_int_equal(got[14], 0x6b);
    assert_int_equal(got[15], 0x80);
    assert_int_equal(got[21], 63);
}

static void an_ipv6_checksum_is_never_zero(void **state)
{
    (void)state;
    struct pkv__udp_path path = {.ipv6 = true};
    uint8_t got[62];
    /* lengths 10 twice and protocol 17 make 0x25; this payload makes the sum 0xffff */
    pkv__udp_headers_put(got, &path, (const uint8_t[]){0xff, 0xda}, 2);
    assert_int_equal(got[60] << 8 | got[61], 0xffff);
}

static void a_packet_block_is_what_the_archive_writes(void **state)
{
    (void)state;
    static const uint8_t data[7] = {1, 2, 3, 4, 5, 6, 7};
    static const uint8_t options[8] = {1, 0, 3, 0, 'a', 'b', 'c', 0};
    for (uint32_t captured = 0; captured <= 7; captured++)
        for (uint32_t options_bytes = 0; options_bytes <= 8; options_bytes += 8) {
            pkv_packet packet = {.time_ns = 1763388202118234567,
                                 .data = data,
                                 .captured_bytes = captured,
                                 .original_bytes = 1000,
                                 .interface_id = 5,
                                 .options = options,
                                 .options_bytes = options_bytes};
            struct pkv__buffer expected = {0};
            uint8_t got[100];
            pkv__pcapng_put_packet(&expected, &packet);
            uint32_t bytes = (uint32_t)pkv__pcapng_packet_bytes(&packet);
            pkv__epb_put(got, bytes, 5, &packet);
            assert_int_equal(bytes, expected.length);
            assert_memory_equal(got, expected.data, bytes);
            pkv__buffer_deinit(&expected);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ipv4_headers_are_rebuilt),
        cmocka_unit_test(ipv6_checksums_are_right_for_every_length),
        cmocka_unit_test(an_ipv6_checksum_is_never_zero),
        cmocka_unit_test(a_packet_block_is_what_the_archive_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
