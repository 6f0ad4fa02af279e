/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/progress.h"
#include "cli/text.h"

static pkv_query *running; /* for the signal handler */

static void cancel_running(void)
{
    if (running)
        pkv_query_cancel(running);
}

int cli_search_init(struct cli_search *search)
{
    *search = (struct cli_search){.limit = 0};
    return cli_archives_init(&search->archives);
}

void cli_search_close(struct cli_search *search)
{
    running = NULL;
    search->query = pkv_query_free(search->query);
}

void cli_search_deinit(struct cli_search *search)
{
    cli_search_close(search);
    free(search->expression);
    cli_archives_deinit(&search->archives);
}

int cli_option_bad(int option, char **argv)
{
    const char *word = argv[optind - 1];
    if (option == ':')
        return cli_usage("%s needs a value", word);
    if (optopt > 0 && optopt < 256 && word[0] == '-' && word[1] != '-')
        return cli_usage("there is no option -%c", optopt);
    return cli_usage("there is no option %s, or it takes no value", word);
}

bool cli_option_number(uint64_t *number, const char *option, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || end == text || *end || text[0] == '-' || value == 0) {
        (void)cli_usage("%s takes a number from 1 up, not '%s'", option, text);
        return false;
    }
    *number = value;
    return true;
}

int cli_search_option(struct cli_search *search, int option, char **argv)
{
    switch (option) {
    case 'a':
        return cli_archives_add(&search->archives, optarg);
    case 'S':
        search->range.since = optarg;
        return CLI_DONE;
    case 'U':
        search->range.until = optarg;
        return CLI_DONE;
    case 'c':
        return cli_option_number(&search->limit, "-c", optarg) ? CLI_DONE : CLI_USAGE;
    case 'n':
        return CLI_DONE;
    case 'v':
        search->archives.verbose++;
        return CLI_DONE;
    case CLI_AT:
        search->range.at = optarg;
        return CLI_DONE;
    case CLI_UTC:
        search->range.utc = 1;
        return CLI_DONE;
    case CLI_CONFIG:
        search->archives.config = optarg;
        return CLI_DONE;
    case CLI_NO_INDEX:
        search->flags |= PKV_QUERY_NO_INDEX;
        return CLI_DONE;
    case CLI_EXACT:
        search->flags |= PKV_QUERY_EXACT;
        return CLI_DONE;
    case CLI_STRICT:
        search->strict = true;
        return CLI_DONE;
    default:
        return cli_option_bad(option, argv);
    }
}

static char *join(int count, char **words)
{
    size_t bytes = 1;
    for (int i = 0; i < count; i++)
        bytes += strlen(words[i]) + 1;
    char *joined = malloc(bytes), *to = joined;
    for (int i = 0; joined && i < count; i++) {
        if (i > 0)
            *to++ = ' ';
        to = stpcpy(to, words[i]);
    }
    if (joined)
        *to = '\0';
    return joined;
}

int cli_search_settle(struct cli_search *search, int argc, char **argv)
{
    pkv_error error = {.code = PKV_E_MEMORY};
    search->expression = join(argc - optind, argv + optind);
    if (!search->expression)
        return cli_fail(&error, NULL);
    int status = cli_range_settle(&search->range);
    return status == CLI_DONE ? cli_archives_settle(&search->archives, false) : status;
}

int cli_search_open(struct cli_search *search)
{
    pkv_error error = {.code = 0};
    search->began_ns = cli_monotonic_ns();
    if (pkv_query_open(&search->query, search->archives.directories, search->archives.count,
                       search->expression, search->range.since_ns, search->range.until_ns,
                       search->flags, search->archives.options, &error) < 0)
        return cli_fail(&error, search->expression);
    running = search->query;
    cli_interrupt_catch(cancel_running);
    return CLI_DONE;
}

int cli_search_next(struct cli_search *search)
{
    pkv_error error = {.code = 0};
    pkv_query *before = search->query;
    running = search->query = NULL;
    search->began_ns = cli_monotonic_ns();
    int result = pkv_query_open_next(&search->query, before, search->range.until_ns, &error);
    (void)pkv_query_free(before);
    if (result < 0)
        return cli_fail(&error, NULL);
    running = search->query;
    return CLI_DONE;
}

int cli_search_finish(struct cli_search *search, int result, const pkv_error *error,
                      uint64_t stopped_at)
{
    struct cli_worth worth = {.range = &search->range,
                              .elapsed_ns = cli_monotonic_ns() - search->began_ns,
                              .stopped_at = stopped_at,
                              .interrupted = cli_interrupted != 0,
                              .strict = search->strict};
    if (result < 0 && !(result == PKV_E_CANCELED && cli_interrupted))
        return cli_fail(error, NULL);
    int status = cli_worth(search->query, &worth);
    return cli_interrupted ? CLI_FAILED : status;
}
