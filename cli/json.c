/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/json.h"

#include <inttypes.h>
#include <string.h>

#include <pktvault/time.h>

#include "cli/text.h"

static void put_string(FILE *stream, const char *value)
{
    const unsigned char *s = (const unsigned char *)value;
    (void)fputc('"', stream);
    while (*s) {
        size_t length = cli_utf8_length(s);
        if (length == 0) {
            (void)fputs("\\ufffd", stream);
            length = 1;
        } else if (cli_is_control(s, length)) {
            (void)fprintf(stream, "\\u%04x", s[length - 1]);
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
