/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/archive/support.h"

#include "base/limits.h"

static struct pkv__buffer raw;

static int clear(void **state)
{
    (void)state;
    pkv__buffer_deinit(&raw);
    return 0;
}

/* The only block in `raw`. */
static struct pkv__pcapng_block only_block(void)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    assert_int_equal(pkv__pcapng_next(raw.data, raw.length, &offset, &block), 1);
    assert_int_equal(offset, raw.length);
    assert_int_equal(pkv__pcapng_next(raw.data, raw.length, &offset, &block), 0);
    return block;
}

static void a_packet_reads_back(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4, 5}, options[] = {1, 0, 2, 0, 'h', 'i', 0, 0};
    static const int64_t times[] = {0, 1, -1, NOON_NS, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        for (uint32_t length = 0; length <= sizeof data; length++) {
            pkv_packet packet = {times[i], data, length, 70000, 7, options, i % 2 ? 8 : 0}, read;
            pkv__buffer_clear(&raw);
            pkv__pcapng_put_packet(&raw, &packet);
            assert_int_equal(raw.length, pkv__pcapng_packet_bytes(&packet));
            struct pkv__pcapng_block block = only_block();
            assert_int_equal(pkv__pcapng_get_packet(&block, &read), 0);
            assert_true(read.time_ns == times[i] && read.captured_bytes == length &&
                        read.original_bytes == 70000 && read.interface_id == 7);
            assert_memory_equal(read.data, data, length);
            assert_int_equal(read.options_bytes, i % 2 ? 8 : 0);
            if (read.options_bytes)
                assert_memory_equal(read.options, options, 8);
        }
    }
}

static void padding_is_zero_whatever_the_buffer_held(void **state)
{
    (void)state;
    pkv__buffer_zeros(&raw, 64);
    memset(raw.data, 0xff, raw.length);
    pkv__buffer_clear(&raw);
    pkv__pcapng_put_packet(&raw, &(pkv_packet){.data = (const uint8_t *)"a", .captured_bytes = 1});
    assert_memory_equal(raw.data + 28, "a\0\0\0", 4);
}

static void options_that_cannot_be_are_left_out(void **state)
{
    (void)state;
    static const uint8_t cut[] = {1, 0, 9, 0, 'h', 'i', 0, 0}, ended[] = {1, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t odd[] = {1, 0, 0};
    pkv_packet packet = {.options = cut, .options_bytes = sizeof cut}, read;
    uint8_t *many = calloc(1, PKV__PACKET_OPTIONS_MAX_BYTES + 4);
    for (size_t i = 0; i < PKV__PACKET_OPTIONS_MAX_BYTES + 4; i += 4)
        many[i] = 1; /* empty comments */
    struct {
        const uint8_t *options;
        uint32_t length, kept;
    } cases[] = {{cut, sizeof cut, 0},
                 {ended, sizeof ended, 0},
                 {odd, sizeof odd, 0},
                 {many, PKV__PACKET_OPTIONS_MAX_BYTES + 4, 0},
                 {many, PKV__PACKET_OPTIONS_MAX_BYTES, PKV__PACKET_OPTIONS_MAX_BYTES}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        packet.options = cases[i].options;
        packet.options_bytes = cases[i].length;
        pkv__buffer_clear(&raw);
        pkv__pcapng_put_packet(&raw, &packet);
        assert_int_equal(raw.length, pkv__pcapng_packet_bytes(&packet));
        struct pkv__pcapng_block block = only_block();
        assert_int_equal(pkv__pcapng_get_packet(&block, &read), 0);
        assert_int_equal(read.options_bytes, cases[i].kept);
    }
    free(many);
}

static void the_largest_packet_fits_a_block(void **state)
{
    (void)state;
    uint8_t *data = calloc(1, PKV__PACKET_MAX_BYTES);
    uint8_t *options = calloc(1, PKV__PACKET_OPTIONS_MAX_BYTES);
    for (size_t i = 0; i < PKV__PACKET_OPTIONS_MAX_BYTES; i += 4)
        options[i] = 1;
    pkv_packet packet = {.data = data,
                         .captured_bytes = PKV__PACKET_MAX_BYTES,
                         .options = options,
                         .options_bytes = PKV__PACKET_OPTIONS_MAX_BYTES};
    assert_true(pkv__pcapng_packet_bytes(&packet) <= PKV__BLOCK_MAX_BYTES);
    free(data);
    free(options);
}

static void an_interface_reads_back(void **state)
{
    (void)state;
    static const uint8_t speed[] = {8, 0, 8, 0, 0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0};
    pkv_interface views[] = {
        {1, 262144, "eth0", "the tap", speed, sizeof speed}, {276, 0, "", NULL, NULL, 0}, {0}};
    for (size_t i = 0; i < 3; i++) {
        struct pkv__interface read, copy;
        pkv__buffer_clear(&raw);
        pkv__pcapng_put_interface(&raw, &views[i]);
        struct pkv__pcapng_block block = only_block();
        assert_int_equal(pkv__pcapng_get_interface(&block, &read), 0);
        assert_true(pkv__interface_equal(&read.view, &views[i]));
        for (size_t j = 0; j < 3; j++)
            assert_int_equal(pkv__interface_equal(&read.view, &views[j]), i == j);
        assert_int_equal(pkv__interface_init(&copy, &read.view), 0);
        pkv__interface_deinit(&read);
        assert_true(pkv__interface_equal(&copy.view, &views[i]));
        pkv__interface_deinit(&copy);
    }
}

static void an_interface_has_its_fields_once(void **state)
{
    (void)state;
    static const uint8_t options[] = {2, 0, 1, 0, 'x', 0, 0, 0, 9, 0, 1, 0, 6, 0, 0,   0, 14, 0,
                                      8, 0, 1, 0, 0,   0, 0, 0, 0, 0, 1, 0, 1, 0, 'c', 0, 0,  0};
    struct pkv__interface read;
    pkv__pcapng_put_interface(
        &raw, &(pkv_interface){.name = "n", .options = options, .options_bytes = sizeof options});
    struct pkv__pcapng_block block = only_block();
    assert_int_equal(pkv__pcapng_get_interface(&block, &read), 0);
    assert_string_equal(read.name, "n");
    assert_int_equal(read.view.options_bytes, 8); /* the comment is what is left */
    pkv__interface_deinit(&read);
}

static void an_interface_of_another_resolution_is_not_ours(void **state)
{
    (void)state;
    struct pkv__interface read;
    pkv__pcapng_put_interface(&raw, &(pkv_interface){.link_type = 1});
    raw.data[20] = 6; /* the value of if_tsresol */
    struct pkv__pcapng_block block = only_block();
    assert_int_equal(pkv__pcapng_get_interface(&block, &read), PKV_E_FORMAT);
}

static void statistics_read_back(void **state)
{
    (void)state;
    struct pkv__statistics all[] = {
        {NOON_NS, NOON_NS - 5, NOON_NS, 1000, 1, 2, 3, 4, true, false, ""},
        {1, INT64_MIN, INT64_MIN, 0, 0, 0, 0, 0, false, true, ""},
        {-1, -3, -2, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, true, true,
         "00112233445566778899aabbccddeeff"}};
    for (size_t i = 0; i < 3; i++) {
        struct pkv__statistics read;
        uint32_t id = 0;
        pkv__buffer_clear(&raw);
        pkv__pcapng_put_statistics(&raw, 70000, &all[i], i ? "a comment" : NULL);
        struct pkv__pcapng_block block = only_block();
        assert_int_equal(pkv__pcapng_get_statistics(&block, &id, &read), 0);
        assert_int_equal(id, 70000);
        assert_true(read.time_ns == all[i].time_ns && read.start_ns == all[i].start_ns &&
                    read.end_ns == all[i].end_ns && read.received == all[i].received &&
                    read.lost_kernel == all[i].lost_kernel &&
                    read.lost_buffer == all[i].lost_buffer && read.lost_disk == all[i].lost_disk &&
                    read.refused == all[i].refused && read.recovered == all[i].recovered &&
                    read.complete == all[i].complete);
        assert_string_equal(read.content, all[i].content);
    }
}

static void add_name(void *context, const char *name, size_t length)
{
    char *names = context;
    (void)snprintf(names + strlen(names), 64 - strlen(names), "%.*s;", (int)length, name);
}

static void a_section_reads_back(void **state)
{
    (void)state;
    static const char *const vnis[] = {"100-149 web", "7 db"};
    struct pkv__section section = {"c0ffee00-1234-4abc-8def-0123456789ab", 9999, UINT64_MAX, true,
                                   "import a b xxh128 00 bytes 5",         28,   vnis,       2};
    struct pkv__section read;
    char names[64] = "";
    pkv__pcapng_put_section(&raw, &section);
    struct pkv__pcapng_block block = only_block();
    assert_int_equal(pkv__pcapng_get_section(&block, &read), 0);
    assert_string_equal(read.uuid, section.uuid);
    assert_true(read.lane == 9999 && read.sequence == UINT64_MAX && read.import);
    assert_int_equal(read.origin_length, 28);
    assert_memory_equal(read.origin, section.origin, 28);
    pkv__pcapng_get_vni_names(&block, add_name, names);
    assert_string_equal(names, "100-149 web;7 db;");
}

static void a_section_of_another_program_says_nothing(void **state)
{
    (void)state;
    struct pkv__section read;
    char names[64] = "";
    pkv__pcapng_put_plain_section(&raw, "a laptop", "Linux", NULL, "pktvault archive x");
    struct pkv__pcapng_block block = only_block();
    assert_int_equal(pkv__pcapng_get_section(&block, &read), 0);
    assert_true(read.uuid[0] == '\0' && read.lane == 0 && !read.import && !read.origin);
    pkv__pcapng_get_vni_names(&block, add_name, names);
    assert_string_equal(names, "");
}

static void texts_longer_than_an_option_are_left_out(void **state)
{
    (void)state;
    char *text = malloc(70001);
    struct pkv__interface read;
    memset(text, 'x', 70000);
    text[70000] = '\0';
    pkv__pcapng_put_interface(&raw, &(pkv_interface){.name = text, .description = "short"});
    struct pkv__pcapng_block block = only_block();
    assert_int_equal(pkv__pcapng_get_interface(&block, &read), 0);
    assert_null(read.name);
    assert_string_equal(read.description, "short");
    pkv__interface_deinit(&read);
    free(text);
}

/* Whatever a decoder is given, it answers; what it accepts lies within the block. */
static void decode_all(const uint8_t *data, size_t length)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    while (pkv__pcapng_next(data, length, &offset, &block) > 0) {
        pkv_packet packet;
        struct pkv__section section;
        struct pkv__statistics statistics;
        struct pkv__interface made;
        uint32_t id;
        char names[64] = "";
        const uint8_t *end = block.body + block.body_length;
        if (pkv__pcapng_get_packet(&block, &packet) == 0) {
            assert_true(packet.data >= block.body && packet.data + packet.captured_bytes <= end);
            assert_true(!packet.options || packet.options + packet.options_bytes <= end);
        }
        if (pkv__pcapng_get_section(&block, &section) == 0 && section.origin)
            assert_true((const uint8_t *)section.origin + section.origin_length <= end);
        (void)pkv__pcapng_get_statistics(&block, &id, &statistics);
        pkv__pcapng_get_vni_names(&block, add_name, names);
        if (pkv__pcapng_get_interface(&block, &made) == 0)
            pkv__interface_deinit(&made);
    }
}

static void decoders_survive_every_byte_changed_and_every_cut(void **state)
{
    (void)state;
    static const char *const vnis[] = {"1 a"};
    struct pkv__section section = {.uuid = "c0ffee00-1234-4abc-8def-0123456789ab",
                                   .origin = "o",
                                   .origin_length = 1,
                                   .vni_names = vnis,
                                   .vni_names_count = 1};
    pkv__pcapng_put_section(&raw, &section);
    put_head(&raw);
    put_frame(&raw, 1);
    for (size_t i = 0; i < raw.length; i++) {
        static const uint8_t values[] = {0x00, 0x01, 0x04, 0x7f, 0x80, 0xff};
        uint8_t was = raw.data[i];
        for (size_t v = 0; v < sizeof values; v++) {
            raw.data[i] = values[v];
            uint8_t *copy = malloc(raw.length);
            memcpy(copy, raw.data, raw.length);
            decode_all(copy, raw.length);
            free(copy);
        }
        raw.data[i] = was;
        uint8_t *cut = malloc(i + 1);
        memcpy(cut, raw.data, i);
        decode_all(cut, i);
        free(cut);
    }
}

static void broken_structure_is_refused(void **state)
{
    (void)state;
    struct pkv__pcapng_block block;
    put_frame(&raw, 1);
    size_t offset = 0, length = raw.length;
    assert_int_equal(pkv__pcapng_next(raw.data, length - 1, &offset, &block), PKV_E_FORMAT);
    assert_int_equal(pkv__pcapng_next(raw.data, 11, &offset, &block), PKV_E_FORMAT);
    raw.data[length - 4] ^= 4; /* the length behind */
    assert_int_equal(pkv__pcapng_next(raw.data, length, &offset, &block), PKV_E_FORMAT);
    raw.data[4] = 8; /* shorter than the three words of every block */
    assert_int_equal(pkv__pcapng_next(raw.data, length, &offset, &block), PKV_E_FORMAT);
    offset = length + 1;
    assert_int_equal(pkv__pcapng_next(raw.data, length, &offset, &block), PKV_E_FORMAT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, clear)
    const struct CMUnitTest tests[] = {
        TEST(a_packet_reads_back),
        TEST(padding_is_zero_whatever_the_buffer_held),
        TEST(options_that_cannot_be_are_left_out),
        TEST(the_largest_packet_fits_a_block),
        TEST(an_interface_reads_back),
        TEST(an_interface_has_its_fields_once),
        TEST(an_interface_of_another_resolution_is_not_ours),
        TEST(statistics_read_back),
        TEST(a_section_reads_back),
        TEST(a_section_of_another_program_says_nothing),
        TEST(texts_longer_than_an_option_are_left_out),
        TEST(decoders_survive_every_byte_changed_and_every_cut),
        TEST(broken_structure_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
