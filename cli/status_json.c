/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>

#include <pktvault/status.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/json.h"
#include "cli/status_text.h"
#include "cli/worth.h"

static void put_time_if(struct cli_json *json, const char *key, bool given, int64_t time_ns)
{
    if (given)
        cli_json_time(json, key, time_ns);
    else
        cli_json_null(json, key);
}

static void put_times(struct cli_json *json, const pkv_status *status)
{
    bool covers = status->covered_until_ns > status->covered_from_ns;
    put_time_if(json, "first", status->packets > 0, status->first_ns);
    put_time_if(json, "last", status->packets > 0, status->last_ns);
    put_time_if(json, "covered_from", covers, status->covered_from_ns);
    put_time_if(json, "covered_until", covers, status->covered_until_ns);
}

static void put_faults(struct cli_json *json, const pkv_status *status)
{
    if (status->segments_fault[0])
        cli_json_string(json, "segments_fault", status->segments_fault);
    if (status->catalog_fault[0])
        cli_json_string(json, "catalog_fault", status->catalog_fault);
    if (status->chain_fault[0])
        cli_json_string(json, "chain_fault", status->chain_fault);
}

static void put_numbers(struct cli_json *json, const pkv_status *status)
{
    const struct {
        const char *key;
        uint64_t value;
    } NUMBERS[] = {{"lanes_active", status->lanes_active},
                   {"sealed_segments", status->sealed_segments},
                   {"open_segments", status->open_segments},
                   {"dead_segments", status->dead_segments},
                   {"indexed_segments", status->indexed_segments},
                   {"gone_segments", status->gone_segments},
                   {"unchained_segments", status->unchained_segments},
                   {"packets", status->packets},
                   {"flows", status->flows},
                   {"raw_bytes", status->raw_bytes},
                   {"stored_bytes", status->stored_bytes},
                   {"index_bytes", status->index_bytes},
                   {"free_bytes", status->free_bytes},
                   {"disk_bytes", status->disk_bytes}};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        cli_json_number(json, NUMBERS[i].key, NUMBERS[i].value);
}

static int put_missing(void *context, const pkv_missing *missing)
{
    static const char *const NAMES[] = {"kernel", "buffer",  "disk",      "refused",
                                        "gap",    "deleted", "unreadable"};
    struct cli_json *json = context;
    cli_json_begin(json, NULL, '{');
    cli_json_string(json, "cause", NAMES[missing->cause]);
    put_time_if(json, "from", missing->from_ns != PKV_TIME_MIN, missing->from_ns);
    put_time_if(json, "until", missing->until_ns != PKV_TIME_MAX, missing->until_ns);
    if (missing->cause <= PKV_MISSING_REFUSED)
        cli_json_number(json, "packets", missing->packets);
    if (missing->cause == PKV_MISSING_UNREADABLE)
        cli_json_string(json, "text", missing->text);
    cli_json_end(json, '}');
    return 0;
}

int cli_status_json(const char *directory, const struct cli_range *range)
{
    pkv_status status;
    pkv_error error = {.code = 0};
    struct cli_json json = {.stream = stdout};
    if (pkv_status_get(&status, directory, &error) < 0)
        return cli_fail(&error, NULL);
    cli_json_begin(&json, NULL, '{');
    cli_json_string(&json, "archive", directory);
    cli_json_string(&json, "uuid", status.uuid);
    put_faults(&json, &status);
    put_times(&json, &status);
    put_numbers(&json, &status);
    cli_json_bool(&json, "indexer_runs", status.indexer_runs);
    cli_json_begin(&json, "missing", '[');
    int result =
        pkv_status_missing(directory, range->since_ns, range->until_ns, put_missing, &json, &error);
    cli_json_end(&json, ']');
    cli_json_bool(&json, "missing_more", result == PKV_STATUS_MORE);
    cli_json_end(&json, '}');
    cli_json_line(&json);
    return result < 0 ? cli_fail(&error, NULL) : CLI_DONE;
}
