/* SPDX-License-Identifier: BSD-2-Clause */
/* pktvaultd: wires the recorder, the indexer and the service manager together. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include <pktvault/pktvault.h>
#include <pktvault/recorder.h>

#include "server/pktvaultd_arguments.h"
#include "server/pktvaultd_health.h"
#include "server/pktvaultd_log.h"
#include "server/pktvaultd_notify.h"
#include "server/pktvaultd_user.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

#define TICK_MS 1000
#define CLOSE_MS 30000 /* a disk that hangs for longer must not keep the service from stopping */

struct daemon {
    uv_loop_t loop;
    pkv_options *options;
    pkv_recorder *recorder;
    pkv_indexer *indexer;
    struct pktvaultd_health health;
    uv_signal_t terminate, interrupt, hang_up;
    uv_timer_t tick, deadline;
    pkv_recorder_counts counts; /* the latest */
    unsigned sources;           /* that were opened */
    int closing, status;
};

static const char *option(const struct daemon *daemon, const char *key, unsigned at)
{
    const char *value = pkv_options_get(daemon->options, key, at);
    return value && *value ? value : NULL;
}

static void tell_status(const struct daemon *daemon)
{
    const pkv_recorder_counts *c = &daemon->counts;
    const char *state = c->storing ? "recording" : "packets cannot be stored";
    if (c->storing && c->sources < daemon->sources)
        state = "recording, but not from all sources";
    else if (c->storing && c->down)
        state = c->down < c->sources ? "recording, but an interface is down"
                                     : "waiting for an interface that is down";
    pktvaultd_notify("WATCHDOG=1\nSTATUS=%s: %" PRIu64 " packets, %" PRIu64 " lost", state,
                     c->packets, c->lost_kernel + c->lost_buffer + c->lost_disk);
}

static void on_deadline(uv_timer_t *timer)
{
    (void)timer;
    pktvaultd_say(PKV_LOG_ERROR,
                  "the disk does not answer: leaving with segments unsealed, which the "
                  "next start recovers");
    _exit(FAILED);
}

static void summarise(const struct daemon *daemon)
{
    const pkv_recorder_counts *c = &daemon->counts;
    pktvaultd_say(PKV_LOG_INFO,
                  "recorded %" PRIu64 " packets, %" PRIu64 " bytes; lost %" PRIu64
                  " in the kernel, %" PRIu64 " for want of buffers, %" PRIu64
                  " to the disk; refused %" PRIu64,
                  c->packets, c->bytes, c->lost_kernel, c->lost_buffer, c->lost_disk, c->refused);
}

static void close_handles(struct daemon *daemon)
{
    uv_close((uv_handle_t *)&daemon->terminate, NULL);
    uv_close((uv_handle_t *)&daemon->interrupt, NULL);
    uv_close((uv_handle_t *)&daemon->hang_up, NULL);
    uv_close((uv_handle_t *)&daemon->tick, NULL);
    uv_close((uv_handle_t *)&daemon->deadline, NULL);
    pktvaultd_health_stop(&daemon->health);
}

static void on_recorder_closed(void *context)
{
    struct daemon *daemon = context;
    pkv_recorder_get_counts(daemon->recorder, &daemon->counts);
    close_handles(daemon);
}

static void stop(struct daemon *daemon)
{
    pktvaultd_notify("STOPPING=1");
    daemon->closing = 1;
    (void)uv_timer_stop(&daemon->tick);
    (void)uv_timer_start(&daemon->deadline, on_deadline, CLOSE_MS, 0);
    pkv_recorder_close(daemon->recorder, on_recorder_closed, daemon);
}

static void on_tick(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    pkv_recorder_get_counts(daemon->recorder, &daemon->counts);
    pktvaultd_health_set(&daemon->health, daemon->counts.storing);
    tell_status(daemon);
    if (daemon->counts.sources > 0)
        return;
    pktvaultd_say(PKV_LOG_ERROR, "there is no source left to record from");
    daemon->status = FAILED;
    stop(daemon);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    if (daemon->closing)
        return;
    if (number == SIGHUP)
        pkv_recorder_rotate(daemon->recorder);
    else
        stop(daemon);
}

static int exit_status(int rc)
{
    if (rc == 0)
        return DONE;
    return rc == PKV_E_INVALID || rc == PKV_E_SYNTAX ? USAGE : FAILED;
}

static int open_sources(struct daemon *daemon)
{
    const char *value;
    pkv_error error;
    int rc = 0;
    for (unsigned at = 0;
         rc == 0 && (value = pkv_options_get(daemon->options, "listen", at)) != NULL; at++) {
        rc = pkv_recorder_listen(daemon->recorder, value, &error);
        if (rc == 0)
            pktvaultd_say(PKV_LOG_INFO, "listening on %s", value);
    }
    for (unsigned at = 0;
         rc == 0 && (value = pkv_options_get(daemon->options, "capture", at)) != NULL; at++) {
        rc = pkv_recorder_capture(daemon->recorder, value, option(daemon, "filter", 0), &error);
        if (rc == 0)
            pktvaultd_say(PKV_LOG_INFO, "capturing from %s", value);
    }
    pkv_recorder_get_counts(daemon->recorder, &daemon->counts);
    daemon->sources = daemon->counts.sources;
    if (rc < 0)
        pktvaultd_say(PKV_LOG_ERROR, "%s", error.text);
    return exit_status(rc);
}

/* Recording does not depend on it. */
static int start_indexer(struct daemon *daemon, const char *archive)
{
    pkv_error error;
    const char *index = option(daemon, "index", 0);
    if (index && strcmp(index, "yes") != 0)
        return DONE;
    if (pkv_indexer_start_patiently(&daemon->indexer, archive, daemon->options, &error) == 0)
        return DONE;
    pktvaultd_say(PKV_LOG_ERROR, "%s", error.text);
    return FAILED;
}

static void add_handles(struct daemon *daemon)
{
    uv_signal_t *signals[] = {&daemon->terminate, &daemon->interrupt, &daemon->hang_up};
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (unsigned i = 0; i < 3; i++) {
        (void)uv_signal_init(&daemon->loop, signals[i]);
        signals[i]->data = daemon;
        (void)uv_signal_start(signals[i], on_signal, numbers[i]);
    }
    (void)uv_timer_init(&daemon->loop, &daemon->tick);
    (void)uv_timer_init(&daemon->loop, &daemon->deadline);
    daemon->tick.data = daemon;
    (void)uv_timer_start(&daemon->tick, on_tick, TICK_MS, TICK_MS);
}

/* The loop runs until the recorder is closed; a start that fails closes it at once. */
static int run(struct daemon *daemon)
{
    const char *archive = option(daemon, "archive", 0);
    pkv_error error;
    int rc = pktvaultd_become(option(daemon, "user", 0), archive);
    if (rc < 0)
        return exit_status(rc);
    rc = pkv_recorder_new(&daemon->recorder, &daemon->loop, archive, daemon->options, &error);
    if (rc < 0) {
        pktvaultd_say(PKV_LOG_ERROR, "%s", error.text);
        return exit_status(rc);
    }
    add_handles(daemon);
    daemon->status = open_sources(daemon);
    pktvaultd_drop_capabilities();
    if (daemon->status == DONE)
        daemon->status = exit_status(
            pktvaultd_health_start(&daemon->health, &daemon->loop, option(daemon, "health", 0)));
    if (daemon->status == DONE)
        daemon->status = start_indexer(daemon, archive);
    int started = daemon->status == DONE;
    if (started)
        pktvaultd_notify("READY=1");
    else
        stop(daemon);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    pkv_indexer_stop(daemon->indexer);
    if (started)
        summarise(daemon);
    return daemon->status;
}

int main(int argc, char **argv)
{
    static struct daemon daemon;
    int rc = pktvaultd_arguments(&daemon.options, argc, argv);
    if (rc != 0)
        return rc > 0 ? DONE : USAGE;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file past its limit is an error like another */
    pkv_options_set_log(daemon.options, pktvaultd_log, NULL);
    (void)uv_loop_init(&daemon.loop);
    int status = run(&daemon);
    (void)uv_loop_close(&daemon.loop);
    (void)pkv_options_free(daemon.options);
    return status;
}
