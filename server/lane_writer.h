/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer thread of a lane: takes blocks and orders in the order in which they were given, waits
 * for each block's worker, and does what pkv__lane_output does. Only it touches the disk. */
#ifndef PKV_SERVER_LANE_WRITER_H
#define PKV_SERVER_LANE_WRITER_H

#include "server/lane_output.h"
#include "server/pool.h"
#include "server/workers.h"

struct pkv__lane_writer;

/* Memory, workers and options that the lanes of one recorder or writer share. */
struct pkv__pipeline {
    const char *directory;
    const struct pkv_options *options;
    struct pkv__pool *pool;
    struct pkv__workers *workers;
};

/* options: what `workers` and `buffer_bytes` say. The strings live longer than the pipeline. */
int pkv__pipeline_init(struct pkv__pipeline *pipeline, const char *directory,
                       const struct pkv_options *options, pkv_error *error);
void pkv__pipeline_deinit(struct pkv__pipeline *pipeline);

/* Takes a lane out of [first, last] and starts the thread. `ended` (NULL: none) is called on it as
 * the last thing. The strings of interface_ and origin live longer than the writer. */
int pkv__lane_writer_new(struct pkv__lane_writer **writer, struct pkv__pipeline *pipeline,
                         uint32_t first, uint32_t last, const pkv_interface *interface_,
                         const char *origin, void (*ended)(void *), void *context,
                         pkv_error *error);

/* Orders. The block is owned by the writer from here on, and may rest until others come, unless it
 * is to be done `at_once`; the others answer PKV_E_MEMORY, or PKV_E_LIMIT while too many wait for
 * the disk, and have then not been given. */
void pkv__lane_writer_block(struct pkv__lane_writer *writer, struct pkv__block *block,
                            bool at_once);
int pkv__lane_writer_begin(struct pkv__lane_writer *writer, int64_t start_ns, uint64_t first_packet,
                           const struct pkv__loss_reading *reading);
int pkv__lane_writer_sample(struct pkv__lane_writer *writer,
                            const struct pkv__loss_reading *reading);
/* Until the next begin none is open. */
int pkv__lane_writer_seal(struct pkv__lane_writer *writer, const struct pkv__loss_reading *reading);
/* The last order: the thread seals and ends. */
void pkv__lane_writer_end(struct pkv__lane_writer *writer, const struct pkv__loss_reading *reading);

/* Waits for the end of the thread and frees. The first error of the disk (once the thread has it
 * all), or 0. */
int pkv__lane_writer_free(struct pkv__lane_writer *writer, pkv_error *error);

/* The error for which counts->failed was set. */
int pkv__lane_writer_error(const struct pkv__lane_writer *writer, pkv_error *error);

const struct pkv__lane_counts *pkv__lane_writer_counts(const struct pkv__lane_writer *writer);

#endif
