/* SPDX-License-Identifier: BSD-2-Clause */
/* Writer and reader of segments, as mirror images and against a file that is changed. */
#include "tests/archive/support.h"

#include "archive/segment_reader.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/limits.h"

static struct pkv__segment_reader *open_reader(const char *path)
{
    pkv_error error;
    struct pkv__segment_reader *reader = NULL;
    assert_done(pkv__segment_reader_open(&reader, path, &error), error);
    return reader;
}

static void seal(struct pkv__segment_writer *writer)
{
    pkv_error error;
    assert_done(pkv__segment_writer_seal(writer, &error), error);
    assert_null(pkv__segment_writer_free(writer));
}

/* Frames of the block, which must be those from number *frame on. */
static void expect_frames(const struct pkv__raw_block *block, uint32_t *frame)
{
    struct pkv__buffer wanted = {.length = 0};
    struct pkv__pcapng_block inner;
    size_t offset = 0;
    while (pkv__pcapng_next(block->raw, block->raw_bytes, &offset, &inner) > 0) {
        if (inner.type != PKV__PCAPNG_PACKET)
            continue;
        pkv__buffer_clear(&wanted);
        put_frame(&wanted, (*frame)++);
        assert_int_equal(inner.length, wanted.length);
        assert_memory_equal(inner.body - 8, wanted.data, wanted.length);
    }
    assert_int_equal(offset, block->raw_bytes);
    pkv__buffer_deinit(&wanted);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__raw_block block, again;
    uint32_t frame = 0;
    int64_t offset = PKV__LZ4_HEADER_BYTES;
    seal(write_segment(1, 40));
    struct pkv__segment_reader *reader = open_reader(segment_at(1, false));
    struct pkv__segment_reader *other = open_reader(segment_at(1, false));
    for (unsigned b = 0; b < 40; b++) {
        assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
        assert_int_equal(block.offset, offset);
        expect_frames(&block, &frame);
        offset += block.stored_bytes;
        assert_int_equal(pkv__segment_reader_offset(reader), offset);
        assert_done(pkv__segment_reader_at(other, block.offset, block.stored_bytes, &again, &error),
                    error);
        assert_int_equal(again.raw_bytes, block.raw_bytes);
        assert_memory_equal(again.raw, block.raw, block.raw_bytes);
        assert_memory_equal(again.stored, block.stored, block.stored_bytes);
    }
    assert_int_equal(frame, 200);
    assert_false(pkv__segment_reader_at_end(reader));
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    assert_true(pkv__segment_reader_at_end(reader));
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    assert_null(pkv__segment_reader_free(reader));
    pkv__segment_reader_free(other);
}

static void what_the_reader_gives_is_the_whole_file(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__raw_block block;
    uint8_t *file, header[PKV__LZ4_HEADER_BYTES];
    size_t length, at_byte = sizeof header;
    seal(write_segment(1, 7));
    read_whole(segment_at(1, false), &file, &length);
    struct pkv__segment_reader *reader = open_reader(segment_at(1, false));
    pkv__lz4_header(header);
    assert_memory_equal(file, header, sizeof header);
    while (pkv__segment_reader_next(reader, &block, &error) == 1) {
        assert_memory_equal(file + at_byte, block.stored, block.stored_bytes);
        at_byte += block.stored_bytes;
    }
    assert_true(pkv__segment_reader_at_end(reader));
    assert_int_equal(at_byte + PKV__LZ4_END_BYTES, length);
    pkv__segment_reader_free(reader);
    free(file);
}

/* Larger than what is read ahead, and incompressible, so that the block is stored. */
static void the_largest_block_fits(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__raw_block block;
    struct pkv__buffer large = {.length = 0};
    uint8_t *data = malloc(PKV__PACKET_MAX_BYTES);
    srand(1);
    for (size_t i = 0; i < PKV__PACKET_MAX_BYTES; i++)
        data[i] = (uint8_t)(rand() >> 7);
    pkv__pcapng_put_packet(&large,
                           &(pkv_packet){.data = data, .captured_bytes = PKV__PACKET_MAX_BYTES});
    free(data);
    struct pkv__segment_writer *writer = write_segment(1, 1);
    for (unsigned i = 0; i < 3; i++)
        write_raw(writer, &large);
    seal(writer);
    struct pkv__segment_reader *reader = open_reader(segment_at(1, false));
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
        assert_int_equal(block.raw_bytes, large.length);
        assert_int_equal(block.stored_bytes, large.length + PKV__LZ4_OVERHEAD_BYTES);
        assert_memory_equal(block.raw, large.data, large.length);
    }
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    pkv__segment_reader_free(reader);
    pkv__buffer_deinit(&large);
}

static void a_reader_follows_an_open_segment_until_it_is_sealed(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__raw_block block;
    struct pkv__segment_writer *writer = write_segment(1, 0);
    struct pkv__segment_reader *reader = open_reader(segment_at(1, true));
    uint32_t frame = 0;
    for (uint32_t b = 0; b < 10; b++) {
        struct pkv__buffer raw = {.length = 0};
        assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
        assert_false(pkv__segment_reader_at_end(reader));
        put_frame(&raw, b);
        write_raw(writer, &raw);
        assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
        expect_frames(&block, &frame);
        pkv__buffer_deinit(&raw);
    }
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    seal(writer);
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    assert_true(pkv__segment_reader_at_end(reader));
    pkv__segment_reader_free(reader);
}

/* An open file as it grows byte by byte, with zeros of a power cut or without: what is whole is
 * read, nothing is wrong. */
static void an_open_segment_is_readable_at_every_length(void **state)
{
    (void)state;
    pkv_error error;
    uint8_t *file;
    size_t length;
    seal(write_segment(1, 6));
    read_whole(segment_at(1, false), &file, &length);
    for (size_t zeros = 0; zeros <= 5000; zeros += 5000) {
        unsigned blocks_before = 0;
        for (size_t cut = 0; cut < length - PKV__LZ4_END_BYTES; cut++) {
            struct pkv__raw_block block;
            uint8_t *part = calloc(1, length + zeros + 1);
            memcpy(part, file, cut);
            write_whole(at("part.pcapng.lz4.open"), part, cut + (cut < 7 ? 0 : zeros));
            free(part);
            struct pkv__segment_reader *reader = open_reader(at("part.pcapng.lz4.open"));
            unsigned blocks = 0;
            uint32_t frame = 0;
            int rc;
            while ((rc = pkv__segment_reader_next(reader, &block, &error)) == 1) {
                expect_frames(&block, &frame);
                blocks++;
            }
            assert_true(rc == 0 || (zeros && rc == PKV_E_FORMAT)); /* zeros for a block's rest */
            assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
            assert_false(pkv__segment_reader_at_end(reader));
            assert_true(blocks == blocks_before || blocks == blocks_before + 1);
            blocks_before = blocks;
            pkv__segment_reader_free(reader);
        }
        assert_int_equal(blocks_before, 5); /* the sixth ends with the loop's last byte but one */
    }
    free(file);
}

/* The number of errors that a reader meets in the sealed file; 0 with a complete end. */
static unsigned errors_in(const char *path)
{
    pkv_error error;
    struct pkv__segment_reader *reader = NULL;
    struct pkv__raw_block block;
    uint32_t frame = 0;
    unsigned errors = 0;
    int rc = pkv__segment_reader_open(&reader, path, &error);
    if (rc < 0)
        return 1;
    while ((rc = pkv__segment_reader_next(reader, &block, &error)) != 0) {
        assert_true(rc == 1 || rc == PKV_E_FORMAT);
        errors += rc < 0;
        assert_true(errors < 100);
        if (errors == 0)
            expect_frames(&block, &frame);
    }
    if (errors == 0)
        assert_true(pkv__segment_reader_at_end(reader));
    pkv__segment_reader_free(reader);
    return errors;
}

static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    uint8_t *file;
    size_t length;
    seal(write_segment(1, 3));
    read_whole(segment_at(1, false), &file, &length);
    assert_int_equal(errors_in(segment_at(1, false)), 0);
    for (size_t bit = 0; bit < length * 8; bit++) {
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        write_whole(at("flipped"), file, length);
        if (errors_in(at("flipped")) == 0)
            fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
        file[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(file);
}

static void every_cut_and_every_byte_behind_the_end_is_noticed(void **state)
{
    (void)state;
    uint8_t *file;
    size_t length;
    seal(write_segment(1, 3));
    read_whole(segment_at(1, false), &file, &length);
    for (size_t cut = 0; cut < length; cut++) {
        write_whole(at("cut"), file, cut);
        assert_int_equal(errors_in(at("cut")), 1);
    }
    file = realloc(file, length + 8);
    memset(file + length, 0, 8);
    for (size_t more = 1; more <= 8; more++) {
        write_whole(at("longer"), file, length + more);
        assert_true(errors_in(at("longer")) > 0);
    }
    free(file);
}

static void a_corrupt_block_costs_that_block(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__raw_block block;
    uint8_t *file;
    size_t length;
    int64_t offsets[4];
    seal(write_segment(1, 4));
    struct pkv__segment_reader *reader = open_reader(segment_at(1, false));
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
        offsets[i] = block.offset;
    }
    pkv__segment_reader_free(reader);
    read_whole(segment_at(1, false), &file, &length);
    file[offsets[1] + 20] ^= 1;
    write_whole(at("corrupt"), file, length);
    reader = open_reader(at("corrupt"));
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), PKV_E_FORMAT);
    assert_int_equal(error.offset, offsets[1]);
    assert_non_null(strstr(error.text, "corrupt"));
    for (unsigned i = 2; i < 4; i++) {
        assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 1);
        assert_int_equal(block.offset, offsets[i]);
    }
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    assert_true(pkv__segment_reader_at_end(reader));
    uint32_t stored = (uint32_t)(offsets[2] - offsets[1]);
    assert_int_equal(pkv__segment_reader_at(reader, offsets[1], stored, &block, &error),
                     PKV_E_FORMAT);
    assert_int_equal(pkv__segment_reader_at(reader, 0, stored, &block, &error), PKV_E_FORMAT);
    assert_int_equal(pkv__segment_reader_at(reader, INT64_MAX - 9, stored, &block, &error) < 0, 1);
    assert_int_equal(pkv__segment_reader_at(reader, offsets[2], UINT32_MAX, &block, &error),
                     PKV_E_FORMAT);
    pkv__segment_reader_free(reader);
    free(file);
}

static void no_segment_is_made_twice(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_name name = {.start_ns = NOON_NS, .sequence = 1};
    struct pkv__segment_writer *writer = write_segment(1, 1), *second = NULL;
    assert_int_equal(pkv__segment_writer_open(&second, directory, &name, NULL, 0, &error),
                     PKV_E_EXISTS);
    seal(writer);
    assert_int_equal(pkv__segment_writer_open(&second, directory, &name, NULL, 0, &error),
                     PKV_E_EXISTS);
    assert_null(second);
    assert_int_equal(errors_in(segment_at(1, false)), 0);
}

static void a_writer_holds_its_file_and_leaves_it_open_without_a_seal(void **state)
{
    (void)state;
    struct pkv__segment_writer *writer = write_segment(1, 2);
    assert_true(pkv__file_is_locked(segment_at(1, true)));
    pkv__segment_writer_free(writer);
    assert_false(pkv__file_is_locked(segment_at(1, true)));
    assert_false(pkv__file_exists(segment_at(1, false)));
}

static const char *failing;
static unsigned let_pass;

static int fail_operation(const char *operation)
{
    if (!failing || strcmp(operation, failing) != 0)
        return 0;
    if (let_pass == 0)
        return 28; /* ENOSPC */
    let_pass--;
    return 0;
}

static void a_write_that_fails_leaves_whole_blocks(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_writer *writer = write_segment(1, 2);
    struct pkv__buffer raw = {.length = 0};
    uint32_t length;
    put_frame(&raw, 10);
    uint8_t *block = encode(raw.data, raw.length, &length);
    int64_t bytes = pkv__segment_writer_bytes(writer);
    pkv__fault_hook = fail_operation;
    failing = "write";
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pkv__segment_writer_write(writer, block, length, &error), PKV_E_SYSTEM);
    assert_int_equal(pkv__segment_writer_bytes(writer), bytes);
    failing = NULL;
    assert_done(pkv__segment_writer_write(writer, block, length, &error), error);
    pkv__fault_hook = NULL;
    assert_int_equal(pkv__segment_writer_bytes(writer), bytes + length);
    seal(writer);
    assert_int_equal(errors_in(segment_at(1, false)), 0);
    pkv__buffer_deinit(&raw);
    free(block);
}

/* A part of a block got to the disk, and could not even be cut off at once. */
static void a_torn_block_is_cut_off_before_the_next(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_writer *writer = write_segment(1, 2);
    struct pkv__raw_block read;
    struct pkv__buffer raw = {.length = 0};
    uint32_t length;
    put_frame(&raw, 10);
    uint8_t *block = encode(raw.data, raw.length, &length);
    int64_t bytes = pkv__segment_writer_bytes(writer);
    pkv__fault_hook = fail_operation;
    failing = "write";
    assert_int_equal(pkv__segment_writer_write(writer, block, length, &error), PKV_E_SYSTEM);
    failing = "truncate";
    assert_int_equal(pkv__segment_writer_write(writer, block, length, &error) == 0, 1);
    pkv__fault_hook = NULL;
    struct pkv__segment_reader *reader = open_reader(segment_at(1, true));
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pkv__segment_reader_next(reader, &read, &error), 1);
    assert_int_equal(pkv__segment_reader_offset(reader), bytes + length);
    pkv__segment_reader_free(reader);
    pkv__segment_writer_free(writer);
    pkv__buffer_deinit(&raw);
    free(block);
}

static void a_seal_that_fails_can_be_tried_again_and_written_behind(void **state)
{
    (void)state;
    static const char *const operations[] = {"write", "sync", "rename"};
    for (unsigned i = 0; i < 3; i++) {
        pkv_error error;
        struct pkv__segment_writer *writer = write_segment(i + 1, 2);
        struct pkv__buffer raw = {.length = 0};
        pkv__fault_hook = fail_operation;
        failing = operations[i];
        assert_int_equal(pkv__segment_writer_seal(writer, &error), PKV_E_SYSTEM);
        assert_int_equal(pkv__segment_writer_seal(writer, &error), PKV_E_SYSTEM);
        pkv__fault_hook = NULL;
        assert_false(pkv__file_exists(segment_at(i + 1, false)));
        put_frame(&raw, 10);
        write_raw(writer, &raw);
        pkv__buffer_deinit(&raw);
        seal(writer);
        assert_int_equal(errors_in(segment_at(i + 1, false)), 0);
    }
}

static void what_is_not_synced_is_cut_off(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_writer *writer = write_segment(1, 2);
    assert_done(pkv__segment_writer_sync(writer, &error), error);
    int64_t synced = pkv__segment_writer_bytes(writer);
    struct pkv__buffer raw = {.length = 0};
    put_frame(&raw, 10);
    write_raw(writer, &raw);
    pkv__buffer_deinit(&raw);
    assert_int_equal(pkv__segment_writer_unsynced_bytes(writer),
                     pkv__segment_writer_bytes(writer) - synced);
    pkv__fault_hook = fail_operation;
    failing = "sync";
    assert_int_equal(pkv__segment_writer_sync(writer, &error), PKV_E_SYSTEM);
    pkv__fault_hook = NULL;
    assert_true(pkv__segment_writer_unsynced_bytes(writer) > 0);
    assert_done(pkv__segment_writer_cut(writer, &error), error);
    assert_int_equal(pkv__segment_writer_bytes(writer), synced);
    seal(writer);
    assert_int_equal(errors_in(segment_at(1, false)), 0);
}

static void opening_that_fails_leaves_no_segment(void **state)
{
    (void)state;
    static const char *const operations[] = {"open", "write", "sync", "rename", "alloc"};
    pkv_error error;
    struct pkv__segment_file *files = NULL;
    size_t count = 9;
    assert_done(pkv__archive_create(directory, &error), error);
    for (unsigned i = 0; i < 5; i++) {
        struct pkv__segment_writer *writer = NULL;
        struct pkv__segment_name name = {.start_ns = NOON_NS, .sequence = 1};
        int rc = -1;
        pkv__fault_hook = fail_operation;
        failing = operations[i];
        for (unsigned passed = 0; rc < 0; passed++) {
            let_pass = passed;
            rc = pkv__segment_writer_open(&writer, directory, &name, NULL, 0, &error);
            assert_true(rc == 0 || !writer);
            if (rc < 0) {
                pkv__fault_hook = NULL;
                assert_done(pkv__archive_list(directory, INT64_MIN, INT64_MAX, NULL, &files, &count,
                                              &error),
                            error);
                assert_int_equal(count, 0);
                pkv__free(files);
                pkv__fault_hook = fail_operation;
            }
        }
        pkv__fault_hook = NULL;
        let_pass = 0;
        pkv__segment_writer_free(writer);
        assert_done(pkv__file_unlink(segment_at(1, true), &error), error);
    }
}

static void what_is_no_segment_is_refused(void **state)
{
    (void)state;
    pkv_error error;
    struct pkv__segment_reader *reader = NULL;
    struct pkv__raw_block block;
    assert_int_equal(pkv__segment_reader_open(&reader, at("none"), &error), PKV_E_NOT_FOUND);
    write_whole(at("text"), "not a segment", 13);
    assert_int_equal(pkv__segment_reader_open(&reader, at("text"), &error), PKV_E_FORMAT);
    write_whole(at("text.open"), "not a segment", 13);
    assert_int_equal(pkv__segment_reader_open(&reader, at("text.open"), &error), PKV_E_FORMAT);
    write_whole(at("empty"), "", 0);
    assert_int_equal(pkv__segment_reader_open(&reader, at("empty"), &error), PKV_E_FORMAT);
    assert_null(reader);
    write_whole(at("empty.open"), "", 0);
    reader = open_reader(at("empty.open"));
    assert_int_equal(pkv__segment_reader_next(reader, &block, &error), 0);
    assert_false(pkv__segment_reader_at_end(reader));
    pkv__segment_reader_free(reader);
    assert_null(pkv__segment_reader_free(NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(what_the_reader_gives_is_the_whole_file),
        TEST(the_largest_block_fits),
        TEST(a_reader_follows_an_open_segment_until_it_is_sealed),
        TEST(an_open_segment_is_readable_at_every_length),
        TEST(every_flipped_bit_is_noticed),
        TEST(every_cut_and_every_byte_behind_the_end_is_noticed),
        TEST(a_corrupt_block_costs_that_block),
        TEST(no_segment_is_made_twice),
        TEST(a_writer_holds_its_file_and_leaves_it_open_without_a_seal),
        TEST(a_write_that_fails_leaves_whole_blocks),
        TEST(a_torn_block_is_cut_off_before_the_next),
        TEST(a_seal_that_fails_can_be_tried_again_and_written_behind),
        TEST(what_is_not_synced_is_cut_off),
        TEST(opening_that_fails_leaves_no_segment),
        TEST(what_is_no_segment_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
