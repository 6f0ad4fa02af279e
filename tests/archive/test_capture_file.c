/* SPDX-License-Identifier: BSD-2-Clause */
/* Capture files made byte by byte: times, options, lengths, breaks. What other programs make of
 * real ones is in test_capture_file.py. */
#include "tests/archive/support.h"

#include <unistd.h>

#include "archive/capture_file.h"
#include "archive/capture_internal.h"
#include "base/fault.h"

/* Bytes of a file in either byte order. */
struct file {
    struct pkv__buffer bytes;
    bool big;
};

static void put16(struct file *f, uint16_t value)
{
    pkv__buffer_u16le(&f->bytes, f->big ? __builtin_bswap16(value) : value);
}

static void put32(struct file *f, uint32_t value)
{
    pkv__buffer_u32le(&f->bytes, f->big ? __builtin_bswap32(value) : value);
}

static void put64(struct file *f, uint64_t value)
{
    pkv__buffer_u64le(&f->bytes, f->big ? __builtin_bswap64(value) : value);
}

static void put_bytes(struct file *f, const char *bytes, size_t length)
{
    pkv__buffer_bytes(&f->bytes, bytes, length);
    pkv__buffer_zeros(&f->bytes, (4 - length % 4) % 4);
}

static void put_pcap_header(struct file *f, uint32_t magic, uint16_t major, uint16_t minor)
{
    put32(f, magic);
    put16(f, major);
    put16(f, minor);
    put64(f, 0);
    put32(f, 65535);
    put32(f, 0xf4000001); /* Ethernet with a frame check sequence of 4 bytes */
}

static void put_record(struct file *f, uint32_t seconds, uint32_t fraction, uint32_t third,
                       uint32_t fourth)
{
    put32(f, seconds);
    put32(f, fraction);
    put32(f, third);
    put32(f, fourth);
}

/* Begins a pcapng block; its end is where `close_block` is called. */
static size_t open_block(struct file *f, uint32_t type)
{
    size_t start = f->bytes.length;
    put32(f, type);
    put32(f, 0);
    return start;
}

static void close_block(struct file *f, size_t start)
{
    uint32_t length = (uint32_t)(f->bytes.length - start) + 4;
    put32(f, length);
    memcpy(f->bytes.data + start + 4, f->bytes.data + f->bytes.length - 4, 4);
}

static void put_section(struct file *f)
{
    size_t block = open_block(f, 0x0a0d0d0a);
    put32(f, 0x1a2b3c4d);
    put16(f, 1);
    put16(f, 0);
    put64(f, UINT64_MAX);
    close_block(f, block);
}

static void put_interface(struct file *f, uint8_t resolution, int64_t offset_s)
{
    size_t block = open_block(f, 1);
    put32(f, f->big ? 1u << 16 : 1);
    put32(f, 96);
    put16(f, 9);
    put16(f, 1);
    put_bytes(f, (const char *)&resolution, 1);
    put16(f, 14);
    put16(f, 8);
    put64(f, (uint64_t)offset_s);
    put32(f, 0);
    close_block(f, block);
}

static void put_packet(struct file *f, uint32_t interface_id, uint64_t ticks, const char *data)
{
    size_t block = open_block(f, 6);
    put32(f, interface_id);
    put32(f, (uint32_t)(ticks >> 32));
    put32(f, (uint32_t)ticks);
    put32(f, (uint32_t)strlen(data));
    put32(f, 1000);
    put_bytes(f, data, strlen(data));
    close_block(f, block);
}

static struct pkv__capture_file *open_file(struct file *f)
{
    pkv_error error;
    struct pkv__capture_file *file = NULL;
    write_whole(at("capture"), f->bytes.data, f->bytes.length);
    pkv__buffer_deinit(&f->bytes);
    assert_done(pkv__capture_file_open(&file, at("capture"), &error), error);
    return file;
}

static void expect_next(struct pkv__capture_file *file, struct pkv__capture_item *item, int kind)
{
    pkv_error error = {.text = ""};
    int got = pkv__capture_file_next(file, item, &error);
    if (got != kind)
        fail_msg("%d, not %d: %s", got, kind, error.text);
}

static void pcap_in_both_orders_and_all_forms(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic, header_more;
        int64_t unit_ns;
    } forms[] = {{0xa1b2c3d4, 0, 1000}, {0xa1b23c4d, 0, 1}, {0xa1b2cd34, 8, 1000}};
    for (unsigned i = 0; i < 6; i++) {
        struct file f = {.big = i >= 3};
        struct pkv__capture_item item;
        put_pcap_header(&f, forms[i % 3].magic, 2, 4);
        put_record(&f, 0xfffffffe, 999999, 4, 60);
        pkv__buffer_zeros(&f.bytes, forms[i % 3].header_more);
        put_bytes(&f, "abcd", 4);
        struct pkv__capture_file *file = open_file(&f);
        expect_next(file, &item, PKV__CAPTURE_INTERFACE);
        assert_true(item.interface_id == 0 && item.interface_.link_type == 1 &&
                    item.interface_.snap_length == 65535 && !item.interface_.name);
        expect_next(file, &item, PKV__CAPTURE_PACKET);
        assert_int_equal(item.packet.time_ns, 4294967294000000000 + 999999 * forms[i % 3].unit_ns);
        assert_true(item.packet.captured_bytes == 4 && item.packet.original_bytes == 60 &&
                    item.packet.options_bytes == 0 && !item.without_time);
        assert_memory_equal(item.packet.data, "abcd", 4);
        expect_next(file, &item, 0);
        expect_next(file, &item, 0);
        assert_int_equal(pkv__capture_file_bytes_read(file),
                         24 + 16 + forms[i % 3].header_more + 4);
        pkv__capture_file_free(file);
    }
}

/* pcap-savefile(5) and libpcap: the lengths changed places with version 2.3. */
static void old_pcap_versions_have_the_lengths_swapped(void **state)
{
    (void)state;
    static const struct {
        uint16_t major, minor;
        uint32_t third, fourth;
    } cases[] = {{2, 2, 60, 4}, {2, 3, 60, 4}, {2, 3, 4, 60}, {543, 0, 60, 4}, {2, 0, 60, 4}};
    for (unsigned i = 0; i < 5; i++) {
        struct file f = {.big = false};
        struct pkv__capture_item item;
        put_pcap_header(&f, 0xa1b2c3d4, cases[i].major, cases[i].minor);
        put_record(&f, 1, 0, cases[i].third, cases[i].fourth);
        put_bytes(&f, "abcd", 4);
        struct pkv__capture_file *file = open_file(&f);
        expect_next(file, &item, PKV__CAPTURE_INTERFACE);
        expect_next(file, &item, PKV__CAPTURE_PACKET);
        assert_true(item.packet.captured_bytes == 4 && item.packet.original_bytes == 60);
        pkv__capture_file_free(file);
    }
}

static void a_fraction_past_a_second_is_carried(void **state)
{
    (void)state;
    struct file f = {.big = false};
    struct pkv__capture_item item;
    put_pcap_header(&f, 0xa1b2c3d4, 2, 4);
    put_record(&f, 10, 2500000, 0, 0);
    struct pkv__capture_file *file = open_file(&f);
    expect_next(file, &item, PKV__CAPTURE_INTERFACE);
    expect_next(file, &item, PKV__CAPTURE_PACKET);
    assert_int_equal(item.packet.time_ns, 12500000000);
    pkv__capture_file_free(file);
}

/* Values by hand and by `bc`. */
static void ticks_of_every_resolution_are_nanoseconds(void **state)
{
    (void)state;
    static const struct {
        uint64_t ticks;
        uint8_t resolution;
        int64_t offset_s, ns;
    } cases[] = {
        {1500000, 6, 0, 1500000000},
        {1795000000123456789, 9, 0, 1795000000123456789},
        {15, 1, 0, 1500000000},
        {7, 0, -7, 0},
        {7, 0, -8, -1000000000},
        {1999, 12, 0, 1}, /* picoseconds are cut off */
        {UINT64_MAX, 19, 0, 1844674407},
        {UINT64_MAX, 127, 0, 0},
        {UINT64_MAX, 9, 0, INT64_MAX - 1}, /* 2554, kept within 64 bits */
        {UINT64_MAX, 0, 0, INT64_MAX - 1},
        {0, 9, INT64_MIN, INT64_MIN + 1},
        {UINT64_MAX, 9, -9223372037, 9223372036709551615},
        {3, 0x81, 0, 1500000000},                /* halves */
        {(1ull << 20) + 1, 0x94, 0, 1000000953}, /* 2^-20 s is 953.67 ns */
        {UINT64_MAX, 0xbf, 0, 1999999999},       /* 2^-63 */
        {UINT64_MAX, 0xc0, 0, 999999999},        /* 2^-64 */
        {UINT64_MAX, 0xff, 0, 0},
        {5, 0x80, 0, 5000000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ns = pkv__capture_time(cases[i].ticks, cases[i].resolution, cases[i].offset_s);
        if (ns != cases[i].ns)
            fail_msg("case %zu: %lld", i, (long long)ns);
    }
}

static void sections_of_both_orders_number_interfaces_on(void **state)
{
    (void)state;
    struct file f = {.big = false};
    struct pkv__capture_item item;
    for (unsigned section = 0; section < 4; section++) {
        f.big = section % 2 != 0;
        put_section(&f);
        put_interface(&f, 9, 0);
        put_interface(&f, 3, 100);
        put_packet(&f, 1, 5000, "hello");
        put_packet(&f, 0, 7, "you");
    }
    struct pkv__capture_file *file = open_file(&f);
    for (uint32_t section = 0; section < 4; section++) {
        expect_next(file, &item, PKV__CAPTURE_INTERFACE);
        assert_int_equal(item.interface_id, 2 * section);
        assert_int_equal(item.interface_.snap_length, 96);
        assert_int_equal(item.interface_.options_bytes, 0);
        expect_next(file, &item, PKV__CAPTURE_INTERFACE);
        expect_next(file, &item, PKV__CAPTURE_PACKET);
        assert_true(item.packet.interface_id == 2 * section + 1 &&
                    item.packet.time_ns == 105000000000 && item.packet.captured_bytes == 5 &&
                    item.packet.original_bytes == 1000);
        assert_memory_equal(item.packet.data, "hello", 5);
        expect_next(file, &item, PKV__CAPTURE_PACKET);
        assert_true(item.packet.interface_id == 2 * section && item.packet.time_ns == 7);
    }
    expect_next(file, &item, 0);
    pkv__capture_file_free(file);
}

static void expect_options(const uint8_t *wanted, size_t length, bool big, const uint8_t *given,
                           enum pkv__option_set set)
{
    struct pkv__buffer got = {.length = 0};
    pkv__capture_options(&got, pkv__cursor(given, length), set, big);
    assert_int_equal(got.length, length);
    assert_memory_equal(got.data, wanted, length);
    pkv__buffer_deinit(&got);
}

static void numbers_in_options_change_their_byte_order(void **state)
{
    (void)state;
    static const uint8_t big[] = {
        0,    1,    0, 3, 'a', 'b', 'c',  0,                  /* comment */
        0,    2,    0, 4, 1,   2,   3,    4,                  /* flags */
        0,    4,    0, 8, 1,   2,   3,    4,    5,   6, 7, 8, /* drops */
        0,    7,    0, 9, 1,   1,   2,    3,    4,   5, 6, 7, 8, 0,
        0,    0,    0, 8, 0,   8,   1,    2,    3,   4, 5, 6, 7, 8, /* process, thread */
        0x0b, 0xac, 0, 5, 0,   0,   0x7e, 0xd9, 'x', 0, 0, 0};      /* custom */
    static const uint8_t little[] = {
        1, 0, 3, 0, 'a', 'b', 'c', 0, 2, 0, 4,    0,    4, 3, 2,    1,    4, 0, 8,   0, 8, 7, 6,
        5, 4, 3, 2, 1,   7,   0,   9, 0, 1, 8,    7,    6, 5, 4,    3,    2, 1, 0,   0, 0, 8, 0,
        8, 0, 4, 3, 2,   1,   8,   7, 6, 5, 0xac, 0x0b, 5, 0, 0xd9, 0x7e, 0, 0, 'x', 0, 0, 0};
    static const uint8_t big_speed[] = {0, 8, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t little_speed[] = {8, 0, 8, 0, 8, 7, 6, 5, 4, 3, 2, 1};
    expect_options(little, sizeof little, true, big, PKV__OPTIONS_PACKET);
    expect_options(little, sizeof little, false, little, PKV__OPTIONS_PACKET);
    expect_options(little_speed, sizeof little_speed, true, big_speed, PKV__OPTIONS_INTERFACE);
}

static void options_end_where_they_break(void **state)
{
    (void)state;
    static const uint8_t given[] = {1, 0, 1, 0, 'a', 9, 9, 9, 1, 0, 99, 0, 'b', 0, 0, 0};
    static const uint8_t kept[] = {1, 0, 1, 0, 'a', 0, 0, 0};
    struct pkv__buffer got = {.length = 0};
    pkv__capture_options(&got, pkv__cursor(given, sizeof given), PKV__OPTIONS_PACKET, false);
    assert_int_equal(got.length, sizeof kept);
    assert_memory_equal(got.data, kept, sizeof kept);
    pkv__buffer_deinit(&got);
}

/* Cut anywhere, a file gives every packet that is whole, and where it breaks. */
static void a_cut_file_gives_all_before_the_break(void **state)
{
    (void)state;
    struct file f = {.big = true};
    size_t ends[4], length;
    put_section(&f);
    put_interface(&f, 9, 0);
    for (unsigned i = 0; i < 3; i++) {
        ends[i] = f.bytes.length;
        put_packet(&f, 0, i, "some data");
    }
    ends[3] = length = f.bytes.length;
    uint8_t *whole = malloc(length);
    memcpy(whole, f.bytes.data, length);
    pkv__buffer_deinit(&f.bytes);
    for (size_t cut = ends[0]; cut <= length; cut++) {
        struct pkv__capture_item item;
        pkv_error error;
        unsigned wanted = 0;
        while (wanted < 3 && ends[wanted + 1] <= cut)
            wanted++;
        pkv__buffer_bytes(&f.bytes, whole, cut);
        struct pkv__capture_file *file = open_file(&f);
        expect_next(file, &item, PKV__CAPTURE_INTERFACE);
        for (unsigned i = 0; i < wanted; i++)
            expect_next(file, &item, PKV__CAPTURE_PACKET);
        int rc = pkv__capture_file_next(file, &item, &error);
        assert_int_equal(rc, cut == ends[wanted] ? 0 : PKV_E_FORMAT);
        if (rc < 0) {
            assert_int_equal(error.offset, ends[wanted]);
            assert_int_equal(pkv__capture_file_next(file, &item, &error), PKV_E_FORMAT);
        }
        pkv__capture_file_free(file);
    }
    free(whole);
}

static void expect_refused(const void *bytes, size_t length, int code, const char *text)
{
    struct pkv__capture_file *file = NULL;
    pkv_error error;
    write_whole(at("refused"), bytes, length);
    assert_int_equal(pkv__capture_file_open(&file, at("refused"), &error), code);
    assert_null(file);
    if (!strstr(error.text, text))
        fail_msg("%s", error.text);
}

static void what_is_no_capture_is_named(void **state)
{
    (void)state;
    struct file f = {.big = false};
    struct pkv__capture_file *file = NULL;
    pkv_error error;
    expect_refused("", 0, PKV_E_FORMAT, "empty");
    expect_refused("abc", 3, PKV_E_FORMAT, "3 bytes");
    expect_refused("some text\n", 10, PKV_E_FORMAT, "73 6f 6d 65");
    expect_refused("snoop\0\0\0\0\0\0\2", 12, PKV_E_UNSUPPORTED, "snoop");
    expect_refused("\xfd"
                   "7zXZ\0",
                   6, PKV_E_UNSUPPORTED, "xz");
    expect_refused("\x1f\x8b\x08\0", 4, PKV_E_FORMAT, "gzip");
    expect_refused("\xd4\xc3\xb2\xa1\2\0\4\0", 8, PKV_E_FORMAT, "pcap header");
    put_pcap_header(&f, 0xa1b2c3d4, 2, 5);
    expect_refused(f.bytes.data, f.bytes.length, PKV_E_UNSUPPORTED, "version 2.5");
    pkv__buffer_clear(&f.bytes);
    put_section(&f);
    f.bytes.data[12] = 2;
    expect_refused(f.bytes.data, f.bytes.length, PKV_E_UNSUPPORTED, "version 2.0");
    pkv__buffer_deinit(&f.bytes);
    assert_int_equal(pkv__capture_file_open(&file, at("none"), &error), PKV_E_NOT_FOUND);
    assert_int_equal(pkv__capture_file_open(&file, directory, &error), PKV_E_SYSTEM);
}

static void impossible_lengths_break_the_file(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__capture_item item;
    for (unsigned i = 0; i < 2; i++) {
        struct file f = {.big = false};
        put_section(&f);
        put_interface(&f, 9, 0);
        put_packet(&f, i, 0, "data");
        if (i == 0)
            f.bytes.data[f.bytes.length - 16] = 0xff; /* the captured length */
        struct pkv__capture_file *file = open_file(&f);
        expect_next(file, &item, PKV__CAPTURE_INTERFACE);
        assert_int_equal(pkv__capture_file_next(file, &item, &error), PKV_E_FORMAT);
        assert_non_null(strstr(error.text, i ? "interface 1" : "does not fit"));
        pkv__capture_file_free(file);
    }
}

static unsigned until_failure;

static int fail_once(const char *operation)
{
    (void)operation;
    return until_failure > 0 && --until_failure == 0 ? 12 /* ENOMEM */ : 0;
}

/* Whatever call fails: an error, no leak, and never a clean end. */
static void failing_calls_are_told(void **state)
{
    (void)state;
    static const char *const seeds[] = {"little-us.pcap", "both.pcapng", "two-members.pcap.gz",
                                        "two-frames.pcap.lz4", "one.pcap.zst"};
    const char *source = getenv("PKV_SOURCE");
    for (unsigned i = 0; i < 5; i++) {
        char path[512];
        unsigned failed = 0;
        (void)snprintf(path, sizeof path, "%s/tests/fuzz/seeds/capture_file/%s",
                       source ? source : ".", seeds[i]);
        for (unsigned n = 1;; n++) {
            struct pkv__capture_file *file = NULL;
            struct pkv__capture_item item;
            pkv_error error;
            until_failure = n;
            pkv__fault_hook = fail_once;
            int rc = pkv__capture_file_open(&file, path, &error);
            while (rc >= 0 && (rc = pkv__capture_file_next(file, &item, &error)) > 0)
                continue;
            pkv__fault_hook = NULL;
            bool reached = until_failure == 0;
            pkv__capture_file_free(file);
            if (!reached) {
                assert_int_equal(rc, 0);
                break;
            }
            assert_true(rc < 0);
            failed++;
        }
        assert_true(failed > 3);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(pcap_in_both_orders_and_all_forms),
        TEST(old_pcap_versions_have_the_lengths_swapped),
        TEST(a_fraction_past_a_second_is_carried),
        TEST(ticks_of_every_resolution_are_nanoseconds),
        TEST(sections_of_both_orders_number_interfaces_on),
        TEST(numbers_in_options_change_their_byte_order),
        TEST(options_end_where_they_break),
        TEST(a_cut_file_gives_all_before_the_break),
        TEST(what_is_no_capture_is_named),
        TEST(impossible_lengths_break_the_file),
        TEST(failing_calls_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
