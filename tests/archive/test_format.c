/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes in docs/FORMAT.md are those that the code writes and reads. */
#include "tests/archive/support.h"

#include <ctype.h>

#include "archive/chain.h"
#include "archive/loss_journal.h"

static char *document;

static int read_document(void **state)
{
    (void)state;
    char path[512];
    size_t length;
    const char *source = getenv("PKV_SOURCE");
    (void)snprintf(path, sizeof path, "%s/docs/FORMAT.md", source ? source : ".");
    read_whole(path, (uint8_t **)&document, &length);
    document[length] = '\0';
    return 0;
}

static int free_document(void **state)
{
    (void)state;
    free(document);
    return 0;
}

/* The text of the golden block `name`, up to *end. */
static const char *golden_text(const char *name, const char **end)
{
    char fence[64];
    (void)snprintf(fence, sizeof fence, "```golden %s\n", name);
    const char *start = strstr(document, fence);
    assert_non_null(start);
    start += strlen(fence);
    *end = strstr(start, "```");
    assert_non_null(*end);
    return start;
}

static int digit(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Pairs of hexadecimal digits; from a semicolon to the end of the line is comment. */
static struct pkv__buffer golden(const char *name)
{
    const char *end, *c = golden_text(name, &end);
    struct pkv__buffer bytes = {.length = 0};
    while (c < end) {
        if (*c == ';')
            c = strchr(c, '\n');
        else if (isspace((unsigned char)*c))
            c++;
        else {
            assert_true(isxdigit((unsigned char)c[0]) && isxdigit((unsigned char)c[1]));
            pkv__buffer_u8(&bytes, (uint8_t)(digit(c[0]) << 4 | digit(c[1])));
            c += 2;
        }
    }
    return bytes;
}

static void expect(const char *name, const uint8_t *bytes, size_t length)
{
    struct pkv__buffer wanted = golden(name);
    assert_int_equal(length, wanted.length);
    assert_memory_equal(bytes, wanted.data, length);
    pkv__buffer_deinit(&wanted);
}

static struct pkv__pcapng_block golden_block(const char *name, struct pkv__buffer *bytes)
{
    struct pkv__pcapng_block block;
    size_t offset = 0;
    *bytes = golden(name);
    assert_int_equal(pkv__pcapng_next(bytes->data, bytes->length, &offset, &block), 1);
    assert_int_equal(offset, bytes->length);
    return block;
}

static void the_frame(void **state)
{
    (void)state;
    static const uint8_t zeros[64] = {0};
    uint8_t header[PKV__LZ4_HEADER_BYTES];
    uint32_t length;
    pkv__lz4_header(header);
    expect("frame-header", header, sizeof header);
    uint8_t *block = encode("pktvault", 8, &length);
    expect("block-stored", block, length);
    free(block);
    block = encode(zeros, sizeof zeros, &length);
    expect("block-zeros", block, length);
    free(block);
}

/* shb_userappl names the version, so it is taken out on both sides. */
static void remove_userappl(struct pkv__buffer *b)
{
    size_t option = 24, length = 4 + ((b->data[option + 2] + 3u) & ~3u);
    assert_int_equal(b->data[option], 4);
    memmove(b->data + option, b->data + option + length, b->length - option - length);
    b->length -= length;
    b->data[4] = (uint8_t)(b->data[4] - length);
    b->data[b->length - 4] = b->data[4];
}

static const struct pkv__section the_section = {.uuid = "c0ffee00-1234-4abc-8def-0123456789ab",
                                                .lane = 1000,
                                                .sequence = 7,
                                                .import = true,
                                                .origin = "import a.pcap",
                                                .origin_length = 13};

static void add_name(void *context, const char *name, size_t length)
{
    assert_int_equal(length, strlen("100-149 web"));
    assert_memory_equal(name, "100-149 web", length);
    ++*(int *)context;
}

static void a_section_header(void **state)
{
    (void)state;
    static const char *const vnis[] = {"100-149 web"};
    struct pkv__section section = the_section, read;
    struct pkv__buffer bytes, made = {.length = 0};
    int names = 0;
    struct pkv__pcapng_block block = golden_block("section", &bytes);
    assert_int_equal(pkv__pcapng_get_section(&block, &read), 0);
    assert_string_equal(read.uuid, section.uuid);
    assert_true(read.lane == 1000 && read.sequence == 7 && read.import);
    assert_int_equal(read.origin_length, 13);
    assert_memory_equal(read.origin, section.origin, 13);
    pkv__pcapng_get_vni_names(&block, add_name, &names);
    assert_int_equal(names, 1);

    section.vni_names = vnis;
    section.vni_names_count = 1;
    pkv__pcapng_put_section(&made, &section);
    remove_userappl(&made);
    remove_userappl(&bytes);
    assert_int_equal(made.length, bytes.length);
    assert_memory_equal(made.data, bytes.data, made.length);
    pkv__buffer_deinit(&bytes);
    pkv__buffer_deinit(&made);
}

static void an_interface(void **state)
{
    (void)state;
    pkv_interface view = {1, 65535, "eth0", "mirror", NULL, 0};
    struct pkv__interface read;
    struct pkv__buffer bytes, made = {.length = 0};
    struct pkv__pcapng_block block = golden_block("interface", &bytes);
    assert_int_equal(pkv__pcapng_get_interface(&block, &read), 0);
    assert_true(pkv__interface_equal(&read.view, &view));
    pkv__pcapng_put_interface(&made, &view);
    expect("interface", made.data, made.length);
    pkv__interface_deinit(&read);
    pkv__buffer_deinit(&bytes);
    pkv__buffer_deinit(&made);
}

static void a_packet(void **state)
{
    (void)state;
    pkv_packet read;
    struct pkv__buffer bytes, made = {.length = 0};
    struct pkv__pcapng_block block = golden_block("packet", &bytes);
    assert_int_equal(pkv__pcapng_get_packet(&block, &read), 0);
    assert_true(read.time_ns == 1795000000123456789 && read.captured_bytes == 15 &&
                read.original_bytes == 60 && read.interface_id == 0);
    assert_memory_equal(read.data, "\x02\0\0\0\0\1\x02\0\0\0\0\2\x88\xb5*", 15);
    assert_int_equal(read.options_bytes, 8);
    assert_memory_equal(read.options, "\1\0\2\0hi\0\0", 8);
    pkv__pcapng_put_packet(&made, &read);
    expect("packet", made.data, made.length);
    pkv__buffer_deinit(&bytes);
    pkv__buffer_deinit(&made);
}

static void statistics(void **state)
{
    (void)state;
    struct pkv__statistics read;
    uint32_t id = 9;
    struct pkv__buffer bytes, made = {.length = 0};
    struct pkv__pcapng_block block = golden_block("statistics", &bytes);
    assert_int_equal(pkv__pcapng_get_statistics(&block, &id, &read), 0);
    assert_int_equal(id, 0);
    assert_true(read.time_ns == 1795000060000000000 && read.start_ns == 1795000000000000000 &&
                read.end_ns == read.time_ns && read.received == 6 && read.lost_kernel == 3 &&
                read.lost_buffer == 2 && read.lost_disk == 0 && read.refused == 0 &&
                read.complete && !read.recovered);
    pkv__pcapng_put_statistics(&made, 0, &read, NULL);
    expect("statistics", made.data, made.length);
    pkv__buffer_deinit(&bytes);
    pkv__buffer_deinit(&made);
}

static void the_header_of_the_chain(void **state)
{
    (void)state;
    char made[512];
    const char *end, *text = golden_text("chain-header", &end);
    pkv__chain_header(made, the_section.uuid, "sensor1", 1795000000000000000);
    assert_int_equal(strlen(made), end - text);
    assert_memory_equal(made, text, strlen(made));
}

static void a_record_of_losses(void **state)
{
    (void)state;
    struct pkv__loss_journal *journal;
    const struct pkv__loss_record record = {.start_ns = 1795000000000000000,
                                            .sequence = 42,
                                            .from_ns = 1795000001000000000,
                                            .until_ns = 1795000003000000000,
                                            .disk = 7};
    pkv_error error;
    uint8_t *made;
    size_t length;
    assert_int_equal(make_directory(state), 0);
    assert_done(pkv__archive_create(directory, &error), error);
    assert_done(pkv__loss_journal_open(&journal, directory, 3, &error), error);
    assert_done(pkv__loss_journal_put(journal, &record, 1, &error), error);
    (void)pkv__loss_journal_free(journal);
    read_whole(at("locks/lane-3.losses"), &made, &length);
    assert_int_equal(length, 8192);
    expect("loss-record", made, 72);
    free(made);
    assert_int_equal(remove_directory(state), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frame),          cmocka_unit_test(a_section_header),
        cmocka_unit_test(an_interface),       cmocka_unit_test(a_packet),
        cmocka_unit_test(statistics),         cmocka_unit_test(the_header_of_the_chain),
        cmocka_unit_test(a_record_of_losses),
    };
    return cmocka_run_group_tests(tests, read_document, free_document);
}
