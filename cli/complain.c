/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/complain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"

enum { SAID_MAX = 8192 }; /* of a message: two paths of any length */

static const char *command_name;

void cli_complain_as(const char *command)
{
    command_name = command;
}

/* Whether standard error is the journal's, as under pktvault-index.service: see systemd.exec(5). */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char text[64];
    struct stat status;
    if (!stream || fstat(STDERR_FILENO, &status) != 0)
        return false;
    (void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    return strcmp(stream, text) == 0;
}

static void begin(int level)
{
    (void)cli_output_flush();
    cli_progress_clear();
    if (is_journal())
        (void)fprintf(stderr, "<%d>", level);
    (void)fprintf(stderr, command_name ? "pktvault %s: " : "pktvault: ", command_name);
}

/* Names of files and what stands in files may be in any message. */
static void say(const char *format, va_list arguments)
{
    char text[SAID_MAX];
    begin(PKV_LOG_ERROR);
    (void)vsnprintf(text, sizeof text, format, arguments);
    cli_put_safe(stderr, text);
}

void cli_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

int cli_usage(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "; see pktvault %s%s--help\n", command_name ? command_name : "",
                  command_name ? " " : "");
    return CLI_USAGE;
}

/* At most this many characters of a long expression, so that the mark stays on the line. */
enum { SHOWN_BEFORE = 60, SHOWN_BEHIND = 30 };

static void show_mark(const char *text, int64_t offset)
{
    size_t length = strlen(text);
    size_t column = (uint64_t)offset < length ? (size_t)offset : length;
    size_t from = column > SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
    size_t until = length - column > SHOWN_BEHIND ? column + SHOWN_BEHIND : length;
    char shown[CLI_SAFE_TEXT];
    cli_safe_text(shown, text + from, until - from);
    (void)fprintf(stderr, "  %s\n  %*s%s^%s\n", shown, (int)(column - from), "",
                  cli_colour(stderr, CLI_RED), cli_colour(stderr, CLI_PLAIN));
}

/* Of what the user wrote, a limit that is passed is wrong usage. */
static int exit_status(int code, bool of_user)
{
    switch (code) {
    case PKV_E_SYNTAX:
    case PKV_E_INVALID:
        return CLI_USAGE;
    case PKV_E_LIMIT:
        return of_user ? CLI_USAGE : CLI_FAILED;
    case PKV_E_FORMAT:
        return CLI_UNREADABLE;
    default:
        return CLI_FAILED;
    }
}

int cli_fail(const pkv_error *error, const char *text)
{
    cli_complain("%s", error->text[0] ? error->text : pkv_code_name(error->code));
    if (error->code == PKV_E_SYNTAX && text && error->offset >= 0)
        show_mark(text, error->offset);
    return exit_status(error->code, text != NULL);
}

void cli_log(void *verbose, int level, const char *text)
{
    if (level > PKV_LOG_WARNING && !*(const int *)verbose)
        return;
    begin(level);
    (void)fputs(level == PKV_LOG_WARNING ? "warning: " : "", stderr);
    cli_put_safe(stderr, text);
    (void)fputc('\n', stderr);
}
