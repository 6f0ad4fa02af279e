/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/thread.h"

#include <sched.h>
#include <signal.h>

#include "base/error.h"
#include "base/fault.h"

int pkv__thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context,
                      pkv_error *error)
{
    sigset_t all, before;
    pthread_t started;
    int failure = pkv__fault("thread");
    if (!failure) {
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        failure = pthread_create(&started, NULL, run, context);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (failure)
        return pkv__error_errno(error, failure, "cannot start thread %s", name);
    (void)pthread_setname_np(started, name);
    *thread = started;
    return 0;
}

unsigned pkv__thread_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (unsigned)count : 1;
}
