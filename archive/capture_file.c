/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/capture_file.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "archive/capture_internal.h"
#include "archive/pcapng.h"
#include "base/error.h"
#include "base/memory.h"

#define PCAP_MICROSECONDS 0xa1b2c3d4u
#define PCAP_NANOSECONDS 0xa1b23c4du
#define PCAP_MODIFIED 0xa1b2cd34u
#define LOOK_BYTES 16u

/* Formats that are known, but not read. */
static const struct {
    const char *magic;
    size_t length;
    const char *name;
} others[] = {
    {"snoop\0\0\0", 8, "a snoop capture (RFC 1761)"},
    {"\xfd"
     "7zXZ",
     5, "compressed with xz"},
    {"BZh", 3, "compressed with bzip2"},
    {"\x02\x21\x4c\x18", 4, "compressed in LZ4's legacy format"},
    {"PK\3\4", 4, "a ZIP archive"},
    {"7z\xbc\xaf", 4, "a 7-Zip archive"},
    {"GMBU", 4, "a Microsoft Network Monitor 2 capture"},
    {"RTSS", 4, "a Microsoft Network Monitor 1 capture"},
    {"TRSNIFF data", 12, "a Sniffer capture"},
    {"iptrace ", 8, "an AIX iptrace capture"},
    {"\xa1\xe2\xcb\x12", 4, "a Nokia pcap"},
    {"\x12\xcb\xe2\xa1", 4, "a Nokia pcap"},
    {"\x1c\x00\x01\xac", 4, "an IXIA lcap capture"},
    {"\x1c\x00\x01\xab", 4, "an IXIA lcap capture"},
    {"\xac\x01\x00\x1c", 4, "an IXIA lcap capture"},
    {"\xab\x01\x00\x1c", 4, "an IXIA lcap capture"},
    {"SQLite format 3", 15, "an SQLite database"},
};

struct pkv__capture_file *pkv__capture_file_free(struct pkv__capture_file *file)
{
    if (!file)
        return NULL;
    pkv__stream_free(file->stream);
    pkv__free(file->pcapng.interfaces);
    pkv__buffer_deinit(&file->pcapng.options);
    pkv__buffer_deinit(&file->pcapng.texts);
    pkv__buffer_deinit(&file->pcapng.comments);
    pkv__free(file->path);
    pkv__free(file);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__capture_file, pkv__capture_file_free);

int pkv__capture_broken(struct pkv__capture_file *file, pkv_error *error, const char *format, ...)
{
    char text[300];
    int64_t offset = (int64_t)file->stream->offset;
    int rc = pkv__stream_failure(file->stream, error);
    if (rc < 0 && rc != PKV_E_FORMAT)
        return rc;
    if (rc < 0)
        return pkv__error(error, rc, offset, "%s (byte %" PRId64 " of what it holds)",
                          file->stream->failure_text.text, offset);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return pkv__error(error, PKV_E_FORMAT, offset, "%s: byte %" PRId64 ": %s", file->path, offset,
                      text);
}

static int open_unknown(const struct pkv__capture_file *file, const uint8_t *data, size_t length,
                        pkv_error *error)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (length >= others[i].length && memcmp(data, others[i].magic, others[i].length) == 0)
            return pkv__error(error, PKV_E_UNSUPPORTED, 0,
                              "%s: %s, which pktvault does not read; convert it with editcap or "
                              "unpack it first",
                              file->path, others[i].name);
    return pkv__error(
        error, PKV_E_FORMAT, 0,
        "%s: not a capture file: begins with %02x %02x %02x %02x, and is neither pcap "
        "nor pcapng",
        file->path, data[0], data[1], data[2], data[3]);
}

static int open_format(struct pkv__capture_file *file, pkv_error *error)
{
    size_t there = pkv__stream_need(file->stream, LOOK_BYTES);
    const uint8_t *data = file->stream->at;
    if (there < 4 && file->stream->failure)
        return pkv__capture_broken(file, error, "nothing can be read");
    if (there == 0)
        return pkv__error(error, PKV_E_FORMAT, 0, "%s: empty", file->path);
    if (there < 4)
        return pkv__error(error, PKV_E_FORMAT, 0, "%s: not a capture file: only %zu bytes",
                          file->path, there);
    struct pkv__cursor little = pkv__cursor(data, there), big = little;
    uint32_t magic = pkv__cursor_u32le(&little), swapped = pkv__cursor_u32be(&big);
    if (magic == PKV__PCAPNG_SECTION)
        return pkv__capture_open_pcapng(file, error);
    file->big_endian =
        swapped == PCAP_MICROSECONDS || swapped == PCAP_NANOSECONDS || swapped == PCAP_MODIFIED;
    magic = file->big_endian ? swapped : magic;
    if (magic == PCAP_MICROSECONDS || magic == PCAP_NANOSECONDS || magic == PCAP_MODIFIED)
        return pkv__capture_open_pcap(file, magic, error);
    return open_unknown(file, data, there, error);
}

int pkv__capture_file_open(struct pkv__capture_file **file, const char *path, pkv_error *error)
{
    struct pkv__capture_file *made PKV__AUTO(pkv__capture_file_free) =
        pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->path = pkv__strdup(strcmp(path, "-") == 0 ? "standard input" : path);
    if (!made->path)
        return pkv__error_memory(error);
    int rc = pkv__stream_open(&made->stream, path, error);
    if (rc == 0)
        rc = open_format(made, error);
    if (rc < 0)
        return rc;
    *file = PKV__STEAL(made);
    return 0;
}

int pkv__capture_file_next(struct pkv__capture_file *file, struct pkv__capture_item *item,
                           pkv_error *error)
{
    if (!file->failure) {
        int rc = file->next(file, item, &file->failure_text);
        if (rc >= 0)
            return rc;
        file->failure = rc;
    }
    if (error)
        *error = file->failure_text;
    return file->failure;
}

uint64_t pkv__capture_file_bytes_read(const struct pkv__capture_file *file)
{
    return file->stream->stored_bytes;
}

uint64_t pkv__capture_file_skipped(const struct pkv__capture_file *file)
{
    return file->skipped;
}

int pkv__capture_file_content(struct pkv__capture_file *file, char hex[33], pkv_error *error)
{
    return pkv__stream_content(file->stream, hex, error);
}
