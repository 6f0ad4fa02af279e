/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/chain_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "archive/chain_internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

#define HEADER "# pktvault archive "
#define FAULT_TEXT 160

struct checking {
    const struct pkv__chain_look *look;
    struct pkv__sha256 *sha256;
    const char *text;
    size_t length, offset;
    uint64_t line_number; /* of the line taken last */
    char before[PKV__CHAIN_HEX + 1];
};

static int fault(const struct checking *c, size_t offset, uint64_t line_number, const char *why)
{
    char text[FAULT_TEXT];
    (void)snprintf(text, sizeof text, "line %" PRIu64 " %s", line_number, why);
    return c->look->fault(c->look->context, (int64_t)offset, false, text);
}

static bool begins_with(const struct pkv__chain_line *line, const char *start)
{
    return line->length >= strlen(start) && memcmp(line->text, start, strlen(start)) == 0;
}

/* A line that gives a chain, right or wrong. */
static bool parse_proof(const struct pkv__chain_line *line, char hex[PKV__CHAIN_HEX + 1])
{
    if (line->length != strlen(PKV__CHAIN_LINE) + PKV__CHAIN_HEX ||
        !begins_with(line, PKV__CHAIN_LINE))
        return false;
    memcpy(hex, line->text + strlen(PKV__CHAIN_LINE), PKV__CHAIN_HEX);
    hex[PKV__CHAIN_HEX] = '\0';
    return true;
}

/* Takes the line behind if it is a chain line. */
static bool take_proof(struct checking *c, char hex[PKV__CHAIN_HEX + 1])
{
    size_t offset = c->offset;
    struct pkv__chain_line line;
    if (!pkv__chain_next_line(c->text, c->length, &offset, &line) || !parse_proof(&line, hex))
        return false;
    c->offset = offset;
    c->line_number++;
    return true;
}

/* What is wrong with a line and the chain line behind it, or NULL. The chain goes on from what the
 * file says, so that one change is told once. */
static const char *judge(struct checking *c, const struct pkv__chain_line *line, bool header,
                         bool known)
{
    char wanted[PKV__CHAIN_HEX + 1], found[PKV__CHAIN_HEX + 1];
    pkv__chain_link(c->sha256, header ? NULL : c->before, line->text, line->length, wanted);
    bool proven = take_proof(c, found);
    if (proven || known)
        memcpy(c->before, proven ? found : wanted, sizeof c->before);
    if (!known)
        return header ? "does not begin with \"" HEADER "UUID\"" : "is no line of a chain";
    if (!proven)
        return "has no chain line behind it";
    return strcmp(wanted, found) == 0 ? NULL
                                      : "does not continue the chain: it or a line before it was "
                                        "changed, moved or removed";
}

static int take_line(struct checking *c, size_t start, const struct pkv__chain_line *line)
{
    struct pkv__chain_entry entry;
    bool header = start == 0;
    uint64_t number = c->line_number;
    if (!header && parse_proof(line, c->before))
        return fault(c, start, number, "has a chain, but the line before it is missing");
    bool known = header ? begins_with(line, HEADER) : pkv__chain_parse_entry(line, &entry);
    const char *why = judge(c, line, header, known);
    int rc = why ? fault(c, start, number, why) : 0;
    if (rc == 0 && known && !header)
        rc = c->look->entry(c->look->context, (int64_t)start, entry.path, entry.hash);
    return rc;
}

static int take_all(struct checking *c)
{
    struct pkv__chain_line line;
    int rc = 0;
    while (rc == 0 && c->offset < c->length) {
        size_t start = c->offset;
        if (start && pkv__chain_is_torn(c->text + start, c->length - start))
            return c->look->fault(c->look->context, (int64_t)start, true,
                                  "the last line is not whole");
        if (!pkv__chain_next_line(c->text, c->length, &c->offset, &line))
            return fault(c, start, c->line_number + 1, "is not whole");
        c->line_number++;
        rc = take_line(c, start, &line);
    }
    return rc;
}

PKV__DEFINE_CLEANUP(struct pkv__sha256, pkv__sha256_free);

int pkv__chain_verify(const char *directory, const struct pkv__chain_look *look, pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, "chain.log");
    PKV__AUTO_FREE char *text = NULL;
    struct pkv__sha256 *sha256 PKV__AUTO(pkv__sha256_free) = pkv__sha256_new();
    size_t length = 0;
    if (!path || !sha256)
        return pkv__error_memory(error);
    int rc = pkv__file_read_all(path, PKV__CHAIN_MAX_BYTES, &text, &length, error);
    if (rc < 0)
        return rc;
    struct checking checking = {.look = look, .sha256 = sha256, .text = text, .length = length};
    if (length == 0)
        return fault(&checking, 0, 1, "is missing: the file is empty");
    return take_all(&checking);
}
