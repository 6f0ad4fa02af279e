/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include "archive/chain_internal.h"

void pkv__chain_link(struct pkv__sha256 *sha256, const char *before, const char *line,
                     size_t length, char after[PKV__CHAIN_HEX + 1])
{
    if (before) {
        pkv__sha256_add(sha256, before, PKV__CHAIN_HEX);
        pkv__sha256_add(sha256, "\n", 1);
    }
    pkv__sha256_add(sha256, line, length);
    pkv__sha256_add(sha256, "\n", 1);
    pkv__sha256_hex(sha256, after);
}

bool pkv__chain_next_line(const char *text, size_t length, size_t *offset,
                          struct pkv__chain_line *line)
{
    const char *start = text + *offset;
    const char *end = memchr(start, '\n', length - *offset);
    if (!end)
        return false;
    *line = (struct pkv__chain_line){start, (size_t)(end - start)};
    *offset += line->length + 1;
    return true;
}

bool pkv__chain_line_is(const struct pkv__chain_line *line, const char hex[PKV__CHAIN_HEX + 1])
{
    return line->length == strlen(PKV__CHAIN_LINE) + PKV__CHAIN_HEX &&
           memcmp(line->text, PKV__CHAIN_LINE, strlen(PKV__CHAIN_LINE)) == 0 &&
           memcmp(line->text + strlen(PKV__CHAIN_LINE), hex, PKV__CHAIN_HEX) == 0;
}

bool pkv__chain_parse_entry(const struct pkv__chain_line *line, struct pkv__chain_entry *entry)
{
    size_t start = PKV__CHAIN_HEX + strlen(PKV__CHAIN_SEPARATOR);
    if (line->length <= start || line->length - start >= sizeof entry->path ||
        memcmp(line->text + PKV__CHAIN_HEX, PKV__CHAIN_SEPARATOR, strlen(PKV__CHAIN_SEPARATOR)) !=
            0 ||
        memchr(line->text, '\0', line->length))
        return false;
    (void)snprintf(entry->hash, sizeof entry->hash, "%.*s", (int)PKV__CHAIN_HEX, line->text);
    (void)snprintf(entry->path, sizeof entry->path, "%.*s", (int)(line->length - start),
                   line->text + start);
    return strspn(entry->hash, "0123456789abcdef") == PKV__CHAIN_HEX;
}

bool pkv__chain_is_torn(const char *tail, size_t length)
{
    size_t offset = 0;
    struct pkv__chain_line line;
    struct pkv__chain_entry entry;
    while (length && tail[length - 1] == '\0')
        length--;
    if (pkv__chain_next_line(tail, length, &offset, &line) &&
        !pkv__chain_parse_entry(&line, &entry))
        return false;
    return length - offset < PKV__CHAIN_PAIR_TEXT && !memchr(tail + offset, '\n', length - offset);
}
