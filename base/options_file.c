/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration file, read by inih. */
#include "base/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ini.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

struct reader {
    FILE *file;
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

/* inih cuts a line at 200 bytes and at a ';' behind white space without a word: both are errors
 * here. */
static char *read_line(char *line, int size, void *context)
{
    struct reader *r = context;
    if (r->failure || !fgets(line, size, r->file))
        return NULL;
    r->line++;
    size_t length = strlen(line);
    if (length + 1 == (size_t)size && line[length - 1] != '\n') {
        (void)fail(r, PKV_E_LIMIT, "the line is too long");
        return NULL;
    }
    const char *text = line + strspn(line, " \t");
    if (*text == ';' || *text == '#')
        return line;
    if (strstr(text, " ;") || strstr(text, "\t;")) {
        (void)fail(r, PKV_E_SYNTAX, "a comment must have a line of its own");
        return NULL;
    }
    return line;
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

int pkv_options_read(pkv_options *options, const char *path, pkv_error *error)
{
    struct reader r = {.path = path, .options = options, .error = error};
    r.file = fopen(path, "re");
    if (!r.file)
        return pkv__error_errno(error, errno, "cannot open %s", path);
    int line = ini_parse_stream(read_line, &r, set_key, &r);
    if (line != 0 && r.failure == 0) {
        r.line = line > 0 ? line : r.line;
        (void)fail(&r, PKV_E_SYNTAX, "neither a key = value nor a [section]");
    }
    (void)fclose(r.file);
    return r.failure;
}
