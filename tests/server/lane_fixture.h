/* SPDX-License-Identifier: BSD-2-Clause */
/* A lane whose clocks the test sets, and whose kernel drops what the test says. */
#ifndef PKV_TESTS_LANE_FIXTURE_H
#define PKV_TESTS_LANE_FIXTURE_H

#include "tests/server/archive_reader.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "server/lane.h"

#define S PKV__NS_PER_S
#define START_NS (1795000000 * S)

static pkv_options *options;
static struct pkv__pipeline pipeline;
static struct pkv__lane *lane;
static sem_t ended;
static atomic_llong clock_ns, monotonic_ns;

static int64_t set_clock(int64_t reading_ns)
{
    (void)reading_ns;
    return atomic_load(&clock_ns);
}

static int64_t set_monotonic(int64_t reading_ns)
{
    (void)reading_ns;
    return atomic_load(&monotonic_ns);
}

static void has_ended(void *context)
{
    (void)context;
    (void)sem_post(&ended);
}

static int set_up_lane(void **state, const char *buffer_bytes, uint64_t (*lost_kernel)(void *))
{
    const pkv_interface tap = {.link_type = 1, .name = "tap"};
    const struct pkv__lane_config config = {&tap, lost_kernel, NULL, has_ended};
    pkv_error error;
    if (make_directory(state) || pkv_options_new(&options) || sem_init(&ended, 0, 0) ||
        pkv_options_set(options, "buffer_bytes", buffer_bytes, &error))
        return -1;
    atomic_store(&clock_ns, START_NS);
    atomic_store(&monotonic_ns, pkv__monotonic_ns());
    pkv__clock_hook = set_clock;
    pkv__monotonic_hook = set_monotonic;
    if (pkv__archive_create(test_directory, &error) < 0 ||
        pkv__pipeline_init(&pipeline, test_directory, options, &error) < 0)
        return -1;
    return pkv__lane_new(&lane, &pipeline, &config, &error);
}

static int tear_down_lane(void **state)
{
    pkv__pipeline_deinit(&pipeline);
    (void)pkv_options_free(options);
    (void)sem_destroy(&ended);
    pkv__clock_hook = pkv__monotonic_hook = NULL;
    return remove_directory(state);
}

/* So much time passes, and the clock is set by so much besides. */
static void turn(int64_t passed_ns, int64_t set_ns)
{
    atomic_fetch_add(&monotonic_ns, passed_ns);
    atomic_fetch_add(&clock_ns, passed_ns + set_ns);
}

/* The same, and the lane's tick at its end. */
static void pass(int64_t passed_ns, int64_t set_ns)
{
    turn(passed_ns, set_ns);
    pkv__lane_tick(lane, atomic_load(&monotonic_ns));
}

static struct seen *end_lane(void)
{
    pkv__lane_end(lane);
    (void)sem_wait(&ended);
    pkv__lane_free(lane);
    return see_archive();
}

#endif
