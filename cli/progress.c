/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/text.h"

enum { QUIET_NS = 1000000000, PERIOD_NS = 200000000 };

static const char *subject;
static int64_t next_ns;
static bool shown;

volatile sig_atomic_t cli_interrupted;
static void (*interrupt_also)(void);

static void handle_interrupt(int number)
{
    cli_interrupted = number;
    if (interrupt_also)
        interrupt_also();
}

void cli_interrupt_catch(void (*also)(void))
{
    struct sigaction action = {.sa_handler = handle_interrupt, .sa_flags = (int)SA_RESETHAND};
    interrupt_also = also;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

void cli_progress_begin(const char *what)
{
    cli_progress_clear();
    subject = isatty(STDERR_FILENO) ? what : NULL;
    next_ns = cli_monotonic_ns() + QUIET_NS;
}

static void show(bool is_bytes, uint64_t done, uint64_t all)
{
    char done_text[CLI_NUMBER_TEXT], all_text[CLI_NUMBER_TEXT];
    char *(*in_text)(char *, uint64_t) = is_bytes ? cli_size : cli_number;
    (void)fputs("\r\x1b[K", stderr);
    cli_put_safe(stderr, subject);
    (void)fprintf(stderr, ": %s", in_text(done_text, done));
    if (all > 0)
        (void)fprintf(stderr, " of %s, %.0f %%", in_text(all_text, all),
                      100.0 * (double)done / (double)all);
    (void)fflush(stderr);
    shown = true;
}

int cli_progress(void *is_bytes, uint64_t done, uint64_t all)
{
    if (cli_interrupted)
        return 1;
    if (!subject)
        return 0;
    int64_t now_ns = cli_monotonic_ns();
    if (now_ns >= next_ns) {
        next_ns = now_ns + PERIOD_NS;
        show(is_bytes != NULL, done, all);
    }
    return 0;
}

void cli_progress_clear(void)
{
    if (shown)
        (void)fputs("\r\x1b[K", stderr);
    shown = false;
}
