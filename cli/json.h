/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON (RFC 8259), an object a line. Each function writes a comma first where one is due. */
#ifndef PKV_CLI_JSON_H
#define PKV_CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cli_json {
    FILE *stream;
    bool comma;
};

void cli_json_begin(struct cli_json *json, const char *key,
                    char bracket);                      /* '{' or '['; key NULL: none */
void cli_json_end(struct cli_json *json, char bracket); /* '}' or ']' */
void cli_json_line(struct cli_json *json);              /* ends the line */
void cli_json_string(struct cli_json *json, const char *key,
                     const char *value); /* NULL: null; not UTF-8: U+FFFD */
void cli_json_text(struct cli_json *json, const char *key, const char *value); /* "" is null, too */
void cli_json_number(struct cli_json *json, const char *key, uint64_t value);
void cli_json_null(struct cli_json *json, const char *key);
void cli_json_bool(struct cli_json *json, const char *key, bool value);
void cli_json_time(struct cli_json *json, const char *key,
                   int64_t time_ns); /* RFC 3339, UTC, nanoseconds */

#endif
