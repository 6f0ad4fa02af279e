/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

#define NOTES "locks/days"

static bool read_line(const char *line, struct pkv__archive_day *note)
{
    return sscanf(line, "%8[0-9] %" SCNd64 " %" SCNd64 " %" SCNu64, note->day, &note->inode,
                  &note->changed_ns, &note->segments) == 4 &&
           strlen(note->day) == 8;
}

static int read_lines(const char *text, struct pkv__archive_day **notes, size_t *count)
{
    size_t capacity = 0;
    for (const char *line = text; *line; line += *line == '\n') {
        if (pkv__grow(notes, &capacity, *count + 1, sizeof **notes) < 0)
            return PKV_E_MEMORY;
        *count += read_line(line, *notes + *count);
        line += strcspn(line, "\n");
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
        rc = read_lines(text, &read, &found);
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
