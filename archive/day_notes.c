/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

#define NOTES "locks/days"

#define DAY_DIGITS 8u

/* Digits up to `end`, which is passed over. */
static bool take_number(const char **at, char end, uint64_t limit, uint64_t *number)
{
    size_t length = strspn(*at, "0123456789");
    if ((*at)[length] != end || !pkv__text_number(number, *at, length, limit))
        return false;
    *at += length + 1;
    return true;
}

/* An inode past 2^63 and a time before 1970 are negative. */
static bool take_signed(const char **at, char end, int64_t *number)
{
    uint64_t magnitude;
    bool negative = **at == '-';
    *at += negative;
    if (!take_number(at, end, INT64_MAX, &magnitude))
        return false;
    *number = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

static bool take_line(const char **at, struct pkv__archive_day *note)
{
    if (strspn(*at, "0123456789") != DAY_DIGITS || (*at)[DAY_DIGITS] != ' ')
        return false;
    memcpy(note->day, *at, DAY_DIGITS);
    note->day[DAY_DIGITS] = '\0';
    *at += DAY_DIGITS + 1;
    return take_signed(at, ' ', &note->inode) && take_signed(at, ' ', &note->changed_ns) &&
           take_number(at, '\n', UINT64_MAX, &note->segments);
}

/* A file with a line that is not of the form is not what an indexer wrote. */
static int read_lines(const char *text, size_t length, struct pkv__archive_day **notes,
                      size_t *count)
{
    size_t capacity = 0;
    for (const char *at = text; at < text + length;) {
        if (pkv__grow(notes, &capacity, *count + 1, sizeof **notes) < 0)
            return PKV_E_MEMORY;
        if (!take_line(&at, *notes + *count))
            return PKV_E_FORMAT;
        ++*count;
    }
    return 0;
}

int pkv__archive_notes_read(const char *directory, struct pkv__archive_day **notes, size_t *count,
                            pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, NOTES);
    PKV__AUTO_FREE char *text = NULL;
    PKV__AUTO_FREE struct pkv__archive_day *read = NULL;
    size_t length, found = 0;
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__file_read_all(path, PKV__DAY_NOTES_MAX_BYTES, &text, &length, error);
    if (rc == 0)
        rc = read_lines(text, length, &read, &found);
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(error);
    *count = rc == 0 ? found : 0;
    *notes = PKV__STEAL(read);
    return 0;
}

static int write_text(const char *path, const struct pkv__buffer *text, pkv_error *error)
{
    PKV__AUTO_FREE char *temporary = pkv__printf("%s.new", path);
    if (!temporary)
        return pkv__error_memory(error);
    PKV__AUTO_CLOSE int fd = pkv__file_open(temporary, O_WRONLY | O_CREAT | O_TRUNC, error);
    if (fd < 0)
        return fd;
    int rc = pkv__file_write(fd, text->data, text->length, temporary, error);
    return rc < 0 ? rc : pkv__file_rename(temporary, path, error);
}

int pkv__archive_notes_write(const char *directory, const struct pkv__archive_day *notes,
                             size_t count, pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, NOTES);
    struct pkv__buffer text = {0};
    for (size_t i = 0; i < count; i++)
        pkv__buffer_printf(&text, "%s %" PRId64 " %" PRId64 " %" PRIu64 "\n", notes[i].day,
                           notes[i].inode, notes[i].changed_ns, notes[i].segments);
    int rc = path && !text.failed ? write_text(path, &text, error) : pkv__error_memory(error);
    pkv__buffer_deinit(&text);
    return rc;
}
