/* SPDX-License-Identifier: BSD-2-Clause */
/* A configuration file. What is accepted is what a plain reading of its lines says, no line of it
 * ignored, and reads back; what is refused is refused with a line of text. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pktvault/options.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

static pkv_options *new_options(void)
{
    pkv_options *options = NULL;
    require(pkv_options_new(&options) == 0);
    return options;
}

static char *strip(char *text)
{
    size_t length;
    while (isspace((unsigned char)*text))
        text++;
    for (length = strlen(text); length && isspace((unsigned char)text[length - 1]);)
        text[--length] = 0;
    return text;
}

/* A key of the section at hand ("" or "[…"), as pkv_options_set takes it. */
static void set_key(pkv_options *options, const char *section, char *line)
{
    char *equals = line + strcspn(line, "=:");
    char value[500];
    require(*equals != 0);
    *equals = 0;
    (void)snprintf(value, sizeof value, "%s", strip(equals + 1));
    if (strncmp(section, "[vni ", 5) == 0) {
        const char *range = section + 5 + strspn(section + 5, " \t");
        (void)snprintf(value, sizeof value, "%.*s %s", (int)strlen(range) - 1, range,
                       strip(equals + 1));
        line = strcpy(line, "vni");
    }
    require(pkv_options_set(options, strip(line), value, NULL) == 0);
}

/* What a reader sees who knows INI files and nothing of ours. */
static pkv_options *read_plainly(const uint8_t *data, size_t size)
{
    pkv_options *options = new_options();
    char line[500], section[500] = "";
    for (size_t at = 0, length; at < size; at += length + 1) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        length = end ? (size_t)(end - data) - at : size - at;
        require(length < 200);
        memcpy(line, data + at, length);
        line[length] = 0;
        require(strlen(line) == length);
        char *text = strip(line);
        if (at == 0 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
            text = strip(text + 3);
        if (*text == '[')
            require(strcpy(section, text)[strlen(text) - 1] == ']');
        else if (*text && *text != ';' && *text != '#')
            set_key(options, section, text);
    }
    return options;
}

static void require_equal(const pkv_options *a, const pkv_options *b)
{
    const char *key, *initial, *help;
    for (unsigned i = 0; pkv_options_describe(i, &key, &initial, &help) == 0; i++)
        for (unsigned at = 0;; at++) {
            const char *x = pkv_options_get(a, key, at), *y = pkv_options_get(b, key, at);
            require(!x == !y);
            if (!x)
                break;
            require(strcmp(x, y) == 0);
        }
}

static pkv_options *set_again(const pkv_options *from)
{
    pkv_options *options = new_options();
    const char *key, *initial, *help, *value;
    for (unsigned i = 0; pkv_options_describe(i, &key, &initial, &help) == 0; i++)
        for (unsigned at = 0; (value = pkv_options_get(from, key, at)) != NULL; at++)
            require(pkv_options_set(options, key, value, NULL) == 0);
    return options;
}

static void check_accepted(pkv_options *options, const uint8_t *data, size_t size)
{
    pkv_options *again = set_again(options), *plain = read_plainly(data, size);
    require_equal(options, again);
    require_equal(options, plain);
    (void)pkv_options_free(again);
    (void)pkv_options_free(plain);
}

static void check_refused(int rc, const pkv_error *error, const char *path)
{
    char place[100];
    (void)snprintf(place, sizeof place, "%s:%d: ", path, (int)error->offset);
    require(error->code == rc && error->offset > 0);
    require(strncmp(error->text, place, strlen(place)) == 0);
    require(strlen(error->text) > strlen(place) && !strchr(error->text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    pkv_options *options = new_options();
    pkv_error error = {0};
    int fd = memfd_create("configuration", 0);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = pkv_options_read(options, path, &error);
    if (rc == 0)
        check_accepted(options, data, size);
    else
        check_refused(rc, &error, path);
    (void)close(fd);
    (void)pkv_options_free(options);
    return 0;
}
