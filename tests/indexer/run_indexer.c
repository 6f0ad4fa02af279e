/* SPDX-License-Identifier: BSD-2-Clause */
/* run_indexer ARCHIVE [rebuild|wait|live|fail N]: prints what was indexed. With "fail" the Nth
 * operation that can fail does; "unreached" is printed where there are fewer. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pktvault/indexer.h>

#include "base/fault.h"

static void print_log(void *context, int level, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "<%d> %s\n", level, text);
}

static unsigned long operations_left;

static int fail_one(const char *operation)
{
    if (operations_left == 0 || --operations_left > 0)
        return 0;
    return strcmp(operation, "alloc") == 0 ? ENOMEM : ENOSPC;
}

static int live(const char *directory, const pkv_options *options, pkv_error *error)
{
    pkv_indexer *indexer;
    int rc = pkv_indexer_start(&indexer, directory, options, error);
    if (rc < 0)
        return rc;
    (void)getchar(); /* until standard input ends */
    pkv_indexer_stop(indexer);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[2] : "run";
    pkv_index_report report = {.segments = 0};
    pkv_options *options;
    pkv_error error = {.code = 0};
    if (argc < 2 || pkv_options_new(&options) < 0)
        return 2;
    pkv_options_set_log(options, print_log, NULL);
    int rc;
    if (strcmp(mode, "fail") == 0 && argc > 3) {
        operations_left = strtoul(argv[3], NULL, 10);
        pkv__fault_hook = fail_one;
    }
    if (strcmp(mode, "live") == 0)
        rc = live(argv[1], options, &error);
    else if (strcmp(mode, "wait") == 0)
        rc = pkv_index_wait(argv[1], options, NULL, NULL, &error);
    else
        rc = pkv_index_run(argv[1], strcmp(mode, "rebuild") == 0 ? PKV_INDEX_REBUILD : 0, options,
                           NULL, NULL, &report, &error);
    (void)pkv_options_free(options);
    if (pkv__fault_hook && operations_left > 0)
        (void)fputs("unreached\n", stderr);
    if (rc < 0)
        (void)fprintf(stderr, "run_indexer: %s\n", error.text);
    (void)printf("%d segments=%llu packets=%llu flows=%llu recovered=%llu failed=%llu\n", rc,
                 (unsigned long long)report.segments, (unsigned long long)report.packets,
                 (unsigned long long)report.flows, (unsigned long long)report.recovered,
                 (unsigned long long)report.failed);
    return rc < 0;
}
