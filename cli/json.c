/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/json.h"

#include <inttypes.h>
#include <string.h>

#include <pktvault/time.h>

/* The length of the UTF-8 sequence (RFC 3629) at `s`, or 0: none. */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } FORMS[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                 {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    if (s[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        if (s[0] < FORMS[i].first || s[0] > FORMS[i].last)
            continue;
        if (s[1] < FORMS[i].second_first || s[1] > FORMS[i].second_last)
            return 0;
        for (size_t k = 2; k < FORMS[i].length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return FORMS[i].length;
    }
    return 0;
}

static void put_string(FILE *stream, const char *value)
{
    const unsigned char *s = (const unsigned char *)value;
    (void)fputc('"', stream);
    while (*s) {
        size_t length = utf8_length(s);
        if (length == 0) {
            (void)fputs("\\ufffd", stream);
            length = 1;
        } else if (*s < 0x20 || *s == 0x7f) {
            (void)fprintf(stream, "\\u%04x", *s);
        } else {
            if (*s == '"' || *s == '\\')
                (void)fputc('\\', stream);
            (void)fwrite(s, 1, length, stream);
        }
        s += length;
    }
    (void)fputc('"', stream);
}

static void put_key(struct cli_json *json, const char *key)
{
    if (json->comma)
        (void)fputc(',', json->stream);
    if (key)
        (void)fprintf(json->stream, "\"%s\":", key);
    json->comma = true;
}

void cli_json_begin(struct cli_json *json, const char *key, char bracket)
{
    put_key(json, key);
    (void)fputc(bracket, json->stream);
    json->comma = false;
}

void cli_json_end(struct cli_json *json, char bracket)
{
    (void)fputc(bracket, json->stream);
    json->comma = true;
}

void cli_json_line(struct cli_json *json)
{
    (void)fputc('\n', json->stream);
    json->comma = false;
}

void cli_json_string(struct cli_json *json, const char *key, const char *value)
{
    put_key(json, key);
    if (value)
        put_string(json->stream, value);
    else
        (void)fputs("null", json->stream);
}

void cli_json_text(struct cli_json *json, const char *key, const char *value)
{
    cli_json_string(json, key, value && *value ? value : NULL);
}

void cli_json_number(struct cli_json *json, const char *key, uint64_t value)
{
    put_key(json, key);
    (void)fprintf(json->stream, "%" PRIu64, value);
}

void cli_json_null(struct cli_json *json, const char *key)
{
    cli_json_string(json, key, NULL);
}

void cli_json_bool(struct cli_json *json, const char *key, bool value)
{
    put_key(json, key);
    (void)fputs(value ? "true" : "false", json->stream);
}

void cli_json_time(struct cli_json *json, const char *key, int64_t time_ns)
{
    char text[PKV_TIME_TEXT];
    cli_json_string(json, key, pkv_time_format(text, time_ns, 9, 1));
}
