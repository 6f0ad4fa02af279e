/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/lane_writer.h"

#include "base/thread.h"

int pkv__pipeline_init(struct pkv__pipeline *pipeline, const char *directory,
                       const struct pkv_options *options, pkv_error *error)
{
    *pipeline = (struct pkv__pipeline){.directory = directory, .options = options};
    unsigned count = options->workers ? (unsigned)options->workers : pkv__thread_processors();
    int rc = pkv__pool_new(&pipeline->pool, (uint64_t)options->buffer_bytes, error);
    if (rc == 0)
        rc = pkv__workers_new(&pipeline->workers, count, error);
    if (rc < 0)
        pkv__pipeline_deinit(pipeline);
    return rc;
}

void pkv__pipeline_deinit(struct pkv__pipeline *pipeline)
{
    pipeline->workers = pkv__workers_free(pipeline->workers);
    pipeline->pool = pkv__pool_free(pipeline->pool);
}
