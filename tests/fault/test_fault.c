/* SPDX-License-Identifier: BSD-2-Clause */
/* Fails operation 1, 2, 3 … of every kind in every scenario, once and for good, until nothing fails
 * any more. After each: a documented error or success, nothing left open, what was stored before is
 * readable, no wrong answer, and the next run without faults succeeds and leaves a whole archive.
 *
 *   test_fault [SCENARIO]…
 *
 * By default a part of the points of the longer scenarios, spread over all of them; with
 * PKV_FAULT_FULL=1 every one. */
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tests/fault/inject.h"
#include "tests/fault/scenario.h"

#define POINTS 30 /* of a scenario, kind and mode, unless all */
#define SHOWN 40

static char root[64], base[96], template[96], work[96];
static bool full, verbose;
static unsigned long points, points_of[INJECT_KINDS], failures;

/* What is being tried. */
static const struct scenario *scenario;
static enum inject_kind kind;
static long number;
static bool for_good;

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...)
{
    char text[900];
    va_list arguments;
    if (failures++ >= SHOWN && !verbose)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("FAILED %s: %s operation %ld (%s) fails %s: %s\n", scenario->name,
           inject_kind_name[kind], number, inject_operation(), for_good ? "for good" : "once",
           text);
}

static unsigned open_files(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        count++;
    if (directory)
        (void)closedir(directory);
    return count;
}

static void check_error(int rc, const pkv_error *error)
{
    if (rc == 0)
        return;
    if (rc != PKV_E_MEMORY && rc != PKV_E_SYSTEM)
        fail("answers %d (%s)", rc, error->text);
    else if (error->code != rc || !*error->text)
        fail("answers %d, but the error says %d, \"%s\"", rc, error->code, error->text);
}

static void check_packets(const struct reading *reading, uint32_t stored, const char *when)
{
    if (reading->disordered)
        fail("%s: out of order, or packets that were never stored", when);
    if (reading->unreadable)
        fail("%s: something is called unreadable", when);
    for (uint32_t i = 0; i < stored; i++)
        if (reading->times[i] != 1) {
            fail("%s: packet %u of the stored ones is there %u times", when, i, reading->times[i]);
            return;
        }
    for (uint32_t i = stored; i < NUMBERS; i++)
        if (reading->times[i] > 1) {
            fail("%s: packet %u is there %u times", when, i, reading->times[i]);
            return;
        }
}

/* A reading scenario under faults: right, or it says that it is not. */
static void check_answer(const struct reading *reading)
{
    bool of_memory = kind == INJECT_MEMORY || kind == INJECT_SQLITE_MEMORY;
    if (reading->disordered)
        fail("a wrong answer");
    if (reading->unreadable && of_memory)
        fail("something is called unreadable, but memory ran out");
    for (uint32_t i = 0; i < NUMBERS; i++) {
        unsigned wanted = i < scenario->stored;
        if (reading->times[i] > wanted || (reading->times[i] < wanted && !reading->unreadable)) {
            fail("packet %u is there %u times, and nothing says so", i, reading->times[i]);
            return;
        }
    }
}

static bool look(struct reading *reading, unsigned flags, const char *when)
{
    pkv_error error;
    int rc = read_query(work, NULL, flags, reading, &error);
    if (rc < 0)
        fail("%s: %d (%s)", when, rc, error.text);
    return rc == 0;
}

static void check_account(const struct outcome *outcome, const struct reading *reading)
{
    uint64_t stored = reading->packets - scenario->stored;
    if (outcome->must_have_all && stored != outcome->offered)
        fail("success, but %u of %u are stored", (unsigned)stored, outcome->offered);
    if (!outcome->accounts)
        return;
    if (stored + reading->lost > outcome->offered ||
        (!for_good && stored + reading->lost != outcome->offered))
        fail("%u offered, %u stored, %u told as lost", outcome->offered, (unsigned)stored,
             (unsigned)reading->lost);
}

static int show(void *context, const pkv_finding *finding)
{
    (void)context;
    if (finding->severity != PKV_FINDING_NOTE)
        fail("verify: %s: %s", finding->path, finding->text);
    return 0;
}

static void check_strays(void)
{
    static const char *const strays[] = {".open", ".sqlite.new", ".spill"};
    for (size_t i = 0; i < sizeof strays / sizeof *strays; i++)
        if (count_files(work, strays[i]) > 0)
            fail("a file %s is left", strays[i]);
    if (count_files(work, ".pcapng.lz4") !=
        count_files(work, ".sqlite") - count_files(work, "catalog.sqlite"))
        fail("not every segment has its index");
}

static void run_again(struct outcome *outcome)
{
    pkv_error error;
    bool had_all = outcome->must_have_all;
    *outcome = (struct outcome){.offered = 0};
    int rc = scenario->act(work, outcome, &error);
    if (rc < 0 && !(rc == PKV_E_EXISTS && scenario->again))
        fail("the next run: %d (%s)", rc, error.text);
    else if (had_all && strcmp(scenario->name, "import") == 0 && rc != PKV_E_EXISTS)
        fail("the next run imports again what was complete");
}

/* Without faults. */
static void check_archive(struct outcome *outcome)
{
    static struct reading reading, scanned;
    pkv_error error;
    if (!look(&reading, 0, "after it"))
        return;
    check_packets(&reading, scenario->stored, "after it");
    check_account(outcome, &reading);
    if (scenario->again) {
        run_again(outcome);
        if (!look(&reading, 0, "after the next run"))
            return;
        check_packets(&reading, scenario->stored + outcome->offered, "after the next run");
    }
    int rc = pkv_index_run(work, 0, archive_options, NULL, NULL, NULL, &error);
    if (rc < 0)
        fail("indexing after it: %d (%s)", rc, error.text);
    if (!look(&scanned, PKV_QUERY_NO_INDEX, "scan") || !look(&reading, 0, "index"))
        return;
    if (memcmp(reading.times, scanned.times, sizeof reading.times) != 0)
        fail("index and scan differ");
    if (outcome->accounts)
        check_account(outcome, &reading);
    rc = pkv_verify(work, 0, archive_options, NULL, NULL, show, NULL, NULL, &error);
    if (rc < 0)
        fail("verify: %d (%s)", rc, error.text);
    check_strays();
}

static void try_once(void)
{
    static struct outcome outcome;
    pkv_error error = {.code = 0};
    outcome = (struct outcome){.offered = 0};
    copy_tree(template, work);
    unsigned files = open_files();
    sqlite3_int64 memory = sqlite3_memory_used();
    inject_arm(kind, number, for_good);
    int rc = scenario->act(work, &outcome, &error);
    inject_disarm();
    if (open_files() != files)
        fail("%d files stay open", (int)open_files() - (int)files);
    if (sqlite3_memory_used() != memory)
        fail("%d bytes of SQLite's stay allocated", (int)(sqlite3_memory_used() - memory));
    if (rc < 0 && inject_failed() == 0)
        fail("fails without a fault: %d (%s)", rc, error.text);
    check_error(rc, &error);
    if (scenario->reads && rc == 0)
        check_answer(&outcome.reading);
    if (scenario->reads) {
        if (look(&outcome.reading, 0, "after it"))
            check_packets(&outcome.reading, scenario->stored, "after it");
    } else {
        check_archive(&outcome);
    }
    points += inject_failed() > 0;
    remove_tree(work);
}

/* How many operations of the kind the scenario has when nothing fails. */
static long count_operations(void)
{
    number = LONG_MAX;
    try_once();
    return inject_calls();
}

static unsigned long try_kind(void)
{
    unsigned long before = points;
    for_good = false;
    long all = count_operations();
    for (int mode = 0; mode < 2; mode++) {
        for_good = mode;
        long step = full || all <= POINTS ? 1 : (all + POINTS - 1) / POINTS;
        for (number = 1; number <= all || full; number += step) {
            try_once();
            if (inject_failed() == 0)
                break;
        }
    }
    return points - before;
}

static void try_scenario(void)
{
    unsigned long before = points;
    copy_tree(base, template);
    scenario->prepare(template);
    if (strcmp(scenario->name, "import") == 0) {
        char from[128], to[128];
        (void)snprintf(from, sizeof from, "%s.pcap", template);
        (void)snprintf(to, sizeof to, "%s.pcap", work);
        (void)rename(from, to);
    }
    printf("%-22s", scenario->name);
    for (kind = 0; kind < INJECT_KINDS; kind++) {
        unsigned long count = try_kind();
        points_of[kind] += count;
        printf(" %s %lu,", inject_kind_name[kind], count);
        (void)fflush(stdout);
    }
    printf(" together %lu\n", points - before);
    remove_tree(template);
}

/* A hook that nobody asks would find nothing wrong. */
static void expect_every_kind(void)
{
    for (kind = 0; kind < INJECT_KINDS; kind++)
        if (points_of[kind] == 0) {
            printf("FAILED: nothing failed of %s\n", inject_kind_name[kind]);
            failures++;
        }
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc < 2;
}

/* libuv opens files of its own once a process. */
static void warm_up(void)
{
    static struct outcome outcome;
    pkv_error error;
    (void)scenarios[0].act(work, &outcome, &error);
    remove_tree(work);
}

static void set_up(void)
{
    pkv_error error;
    const char *memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    full = getenv("PKV_FAULT_FULL") != NULL;
    verbose = getenv("PKV_FAULT_VERBOSE") != NULL;
    (void)snprintf(root, sizeof root, "%s/pktvault-fault-XXXXXX", memory);
    if (!mkdtemp(root) || pkv_options_new(&archive_options) < 0 ||
        pkv_options_set(archive_options, "vni", "100 web", &error) < 0 ||
        pkv_options_set(archive_options, "workers", "1", &error) < 0)
        exit(2);
    (void)snprintf(base, sizeof base, "%s/base", root);
    (void)snprintf(template, sizeof template, "%s/template", root);
    (void)snprintf(work, sizeof work, "%s/work", root);
    put_segment(base, 0, OLD);
    index_all(base);
    warm_up();
}

int main(int argc, char **argv)
{
    inject_install();
    set_up();
    for (scenario = scenarios; scenario->name; scenario++)
        if (is_wanted(scenario->name, argc, argv))
            try_scenario();
    if (argc < 2)
        expect_every_kind();
    (void)pkv_options_free(archive_options);
    remove_tree(root);
    printf("%lu injection points, %lu failures\n", points, failures);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
