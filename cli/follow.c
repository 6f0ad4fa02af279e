/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/follow.h"

#include <stdio.h>
#include <time.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/progress.h"
#include "cli/text.h"

/* What writing mostly takes, on top of flush_interval. */
#define WRITING_NS (500ll * 1000000)
#define PAUSE_NS (250ll * 1000000)
#define PAUSE_FACTOR 4 /* of the time that the last search took: the rest is for others */

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* So far behind, packets come in order; what is written later than that comes when it does. */
static int64_t arrival_ns(const struct cli_search *search)
{
    int64_t flush_ns = 0;
    const char *flush = pkv_options_get(search->archives.options, "flush_interval", 0);
    if (flush)
        (void)pkv_duration_parse(&flush_ns, flush, NULL);
    return flush_ns + WRITING_NS;
}

static void pause_for(int64_t ns)
{
    struct timespec span = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    if (!cli_interrupted)
        (void)nanosleep(&span, NULL);
}

static bool is_enough(const struct cli_search *search, uint64_t given)
{
    return cli_interrupted || (search->limit && given >= search->limit);
}

static void say_missing(struct cli_search *search)
{
    pkv_query_report report;
    struct cli_worth worth = {.range = &search->range,
                              .elapsed_ns = cli_monotonic_ns() - search->began_ns,
                              .strict = search->strict};
    if (pkv_query_report_get(search->query, &report) == 0 &&
        (report.missing_count > 0 || report.missing_more > 0) &&
        cli_worth(search->query, &worth) != CLI_DONE)
        search->worst = CLI_UNREADABLE;
}

static int search_once(struct cli_search *search, cli_follow_fn *take, void *context,
                       uint64_t *given, bool *enough)
{
    pkv_error error = {.code = 0};
    pkv_packet packet;
    int result = 0, status = search->query ? cli_search_next(search) : cli_search_open(search);
    if (status != CLI_DONE)
        return status;
    while (!*enough) {
        result = pkv_query_next(search->query, &packet, &error);
        if (result != PKV_PACKET)
            break;
        *enough = take(context, &packet) != 0;
        ++*given;
        *enough = *enough || is_enough(search, *given);
    }
    *enough = take(context, NULL) != 0 || *enough || cli_interrupted;
    if (result < 0 && !cli_interrupted)
        status = cli_fail(&error, NULL);
    else
        say_missing(search);
    return status;
}

int cli_follow(struct cli_search *search, cli_follow_fn *take, void *context, uint64_t *given)
{
    bool enough = false;
    int status = CLI_DONE;
    struct cli_range *range = &search->range;
    int64_t behind_ns = arrival_ns(search);
    *given = 0;
    if (range->since_ns == PKV_TIME_MIN)
        range->since_ns = now_ns();
    while (status == CLI_DONE && !enough && !cli_interrupted) {
        int64_t began_ns = cli_monotonic_ns(), until_ns = now_ns() - behind_ns;
        range->until_ns = until_ns > range->since_ns ? until_ns : range->since_ns;
        status = search_once(search, take, context, given, &enough);
        range->since_ns = range->until_ns;
        int64_t took_ns = cli_monotonic_ns() - began_ns;
        if (!enough)
            pause_for(took_ns > PAUSE_NS / PAUSE_FACTOR ? took_ns * PAUSE_FACTOR : PAUSE_NS);
    }
    return status;
}
