/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file, read by inih. */
#include "base/options.h"

#include <ctype.h>
#include <string.h>

#include <ini.h>

#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

struct reader {
    const char *at; /* in the text of the file */
    const char *path;
    struct pkv_options *options;
    pkv_error *error;
    int line;
    int failure;
};

static int fail(struct reader *r, int code, const char *text)
{
    if (r->failure == 0)
        r->failure = pkv__error(r->error, code, r->line, "%s:%d: %s", r->path, r->line, text);
    return 0;
}

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define SECTION_BYTES_MAX 49 /* inih cuts a longer name */

static bool has_comment(const char *text)
{
    for (size_t i = 1; *text && text[i]; i++)
        if (text[i] == ';' && isspace((unsigned char)text[i - 1]))
            return true;
    return false;
}

/* What inih would cut or pass over without a word is an error here: lines of 200 bytes, a ';'
 * behind white space, what stands behind a section, the end of its long name. */
static void check_line(struct reader *r, const char *text)
{
    size_t name = strcspn(text, "]");
    if (*text == ';' || *text == '#')
        return;
    if (has_comment(text))
        (void)fail(r, PKV_E_SYNTAX, "a comment must have a line of its own");
    else if (*text == '[' && name > SECTION_BYTES_MAX)
        (void)fail(r, PKV_E_LIMIT, "the name of the section is too long");
    else if (*text == '[' && text[name] && text[name + 1 + strspn(text + name + 1, " \t\r\n")])
        (void)fail(r, PKV_E_SYNTAX, "a [section] must have a line of its own");
}

static const char *skip_blank(const char *text)
{
    while (isspace((unsigned char)*text) && *text != '\n')
        text++;
    return text;
}

static char *read_line(char *line, int size, void *context)
{
    struct reader *r = context;
    if (r->failure || *r->at == 0)
        return NULL;
    r->line++;
    size_t length = strcspn(r->at, "\n");
    length += r->at[length] == '\n';
    if (length >= (size_t)size) {
        (void)fail(r, PKV_E_LIMIT, "the line is too long");
        return NULL;
    }
    /* Behind white space inih would take the line for more of the value before. */
    const char *from = skip_blank(r->at);
    r->at += length;
    length = (size_t)(r->at - from);
    memcpy(line, from, length);
    line[length] = 0;
    bool marked = r->line == 1 && strncmp(line, BYTE_ORDER_MARK, 3) == 0;
    check_line(r, skip_blank(marked ? line + 3 : line));
    return r->failure ? NULL : line;
}

static int set_vni_name(struct reader *r, const char *range, const char *name, const char *value)
{
    if (strcmp(name, "name") != 0)
        return fail(r, PKV_E_NOT_FOUND, "a [vni] section has one key: name");
    PKV__AUTO_FREE char *joined = pkv__printf("%s %s", range, value);
    if (!joined)
        return fail(r, PKV_E_MEMORY, "out of memory");
    pkv_error why;
    int rc = pkv_options_set(r->options, "vni", joined, &why);
    return rc < 0 ? fail(r, rc, why.text) : 1;
}

static int set_key(void *context, const char *section, const char *name, const char *value)
{
    struct reader *r = context;
    pkv_error why;
    if (r->failure)
        return 0;
    if (strncmp(section, "vni ", 4) == 0)
        return set_vni_name(r, section + 4 + strspn(section + 4, " \t"), name, value);
    if (strcmp(section, "") != 0 && strcmp(section, "pktvault") != 0)
        return fail(r, PKV_E_NOT_FOUND,
                    "there is no such section: [pktvault] and [vni N-M] are known");
    if (strcmp(name, "vni") == 0)
        return fail(r, PKV_E_INVALID, "names of VNIs have a section: [vni N-M] name = NAME");
    int rc = pkv_options_set(r->options, name, value, &why);
    return rc < 0 ? fail(r, rc, why.text) : 1;
}

/* As a power cut leaves them: what stands behind would be ignored. */
static void check_zeros(struct reader *r, size_t length)
{
    if (strlen(r->at) == length)
        return;
    r->line = 1;
    for (const char *at = r->at; (at = strchr(at, '\n')) != NULL; at++)
        r->line++;
    (void)fail(r, PKV_E_SYNTAX, "a zero byte");
}

int pkv_options_read(pkv_options *options, const char *path, pkv_error *error)
{
    PKV__AUTO_FREE char *text = NULL;
    size_t length;
    int rc = pkv__file_read_any(path, PKV__CONFIGURATION_MAX_BYTES, &text, &length, error);
    if (rc < 0)
        return rc;
    struct reader r = {.at = text, .path = path, .options = options, .error = error};
    check_zeros(&r, length);
    int line = ini_parse_stream(read_line, &r, set_key, &r);
    if (line != 0 && r.failure == 0) {
        r.line = line > 0 ? line : r.line;
        (void)fail(&r, PKV_E_SYNTAX, "neither a key = value nor a [section]");
    }
    return r.failure;
}
