/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/untold.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

enum fate { OPEN, SEALED, GONE };

static bool is_there(const struct pkv__untold *untold, const struct pkv__segment_name *name,
                     bool open)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, name, open);
    char *path PKV__AUTO_FREE = pkv__archive_join(untold->directory, relative);
    return !path || pkv__file_exists(path);
}

/* In this order, since recovery renames from the one to the other. */
static enum fate fate_of(const struct pkv__untold *untold, const struct pkv__loss_record *record)
{
    struct pkv__segment_name name = {record->start_ns, untold->lane, record->sequence};
    if (!record->sequence)
        return GONE;
    if (is_there(untold, &name, true))
        return OPEN;
    return is_there(untold, &name, false) ? SEALED : GONE;
}

static uint64_t more(uint64_t after, uint64_t before)
{
    return after > before ? after - before : 0;
}

/* What the record adds to the one before it, of the same segment. */
static struct pkv__loss_counts added(const struct pkv__loss_record *record,
                                     const struct pkv__loss_record *before)
{
    return (struct pkv__loss_counts){.time_ns = record->until_ns,
                                     .kernel = more(record->kernel, before->kernel),
                                     .buffer = more(record->buffer, before->buffer),
                                     .disk = more(record->disk, before->disk),
                                     .refused = more(record->refused, before->refused)};
}

/* A segment that is sealed tells its losses; one that is open will when it is recovered; where
 * there is none, nothing of it was stored, and the next one tells them. */
static void sort_out(struct pkv__untold *untold, const struct pkv__loss_record *records,
                     size_t count, struct pkv__loss_log *log)
{
    static const struct pkv__loss_record none;
    for (size_t i = 0; i < count; i++) {
        bool follows = i > 0 && records[i].sequence == records[i - 1].sequence &&
                       records[i].start_ns == records[i - 1].start_ns;
        struct pkv__loss_counts lost = added(&records[i], follows ? &records[i - 1] : &none);
        enum fate fate = fate_of(untold, &records[i]);
        if (fate == OPEN && untold->kept_count < PKV__UNTOLD_KEPT) {
            untold->kept[untold->kept_count++] = records[i];
        } else if (fate != SEALED) {
            pkv__loss_counts_increase(&untold->carried, &lost);
            pkv__loss_log_carry(log, records[i].from_ns, &lost);
        }
    }
}

/* Complains once, and again only after it worked. */
static void failed(struct pkv__untold *untold, const pkv_error *error)
{
    if (!untold->complained)
        pkv__log(untold->options, PKV_LOG_WARNING,
                 "%s; should this process be killed, packets lost meanwhile are not counted",
                 error->text);
    untold->complained = true;
}

static void open_journal(struct pkv__untold *untold)
{
    pkv_error error;
    if (untold->taken && !untold->journal &&
        pkv__loss_journal_open(&untold->journal, untold->directory, untold->lane, &error) < 0)
        failed(untold, &error);
}

void pkv__untold_init(struct pkv__untold *untold, const char *directory, uint32_t lane,
                      const struct pkv_options *options)
{
    *untold = (struct pkv__untold){.directory = directory, .options = options, .lane = lane};
}

void pkv__untold_take(struct pkv__untold *untold, struct pkv__loss_log *log,
                      struct pkv__loss_counts *latest)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    size_t count;
    pkv_error error;
    if (untold->taken)
        return;
    if (pkv__loss_journal_read(untold->directory, untold->lane, records, &count, &error) < 0) {
        failed(untold, &error);
        return;
    }
    untold->taken = true;
    sort_out(untold, records, count, log);
    pkv__loss_counts_increase(latest, &untold->carried);
    open_journal(untold);
}

void pkv__untold_deinit(struct pkv__untold *untold)
{
    untold->journal = pkv__loss_journal_free(untold->journal);
}

/* Kept ones are needed until their segment is sealed. */
static void forget_told(struct pkv__untold *untold)
{
    size_t left = 0;
    for (size_t i = 0; i < untold->kept_count; i++)
        if (fate_of(untold, &untold->kept[i]) != SEALED)
            untold->kept[left++] = untold->kept[i];
    untold->kept_count = left;
}

static struct pkv__loss_record record_of(const struct pkv__loss_stretch *stretch,
                                         const struct pkv__segment_name *name,
                                         const struct pkv__loss_counts *base)
{
    return (struct pkv__loss_record){.start_ns = name ? name->start_ns : 0,
                                     .sequence = name ? name->sequence : 0,
                                     .from_ns = stretch->from_ns,
                                     .until_ns = stretch->until.time_ns,
                                     .kernel = stretch->until.kernel - base->kernel,
                                     .buffer = stretch->until.buffer - base->buffer,
                                     .disk = stretch->until.disk - base->disk,
                                     .refused = stretch->until.refused - base->refused};
}

void pkv__untold_save(struct pkv__untold *untold, const struct pkv__loss_log *log,
                      const struct pkv__segment_name *name, const struct pkv__loss_counts *base)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    unsigned untold_count;
    const struct pkv__loss_stretch *stretches = pkv__loss_log_get_untold(log, &untold_count);
    size_t first = 0;
    pkv_error error;
    open_journal(untold);
    if (!untold->journal)
        return;
    if (untold->kept_count && !untold_count)
        forget_told(untold);
    size_t count = untold->kept_count;
    memcpy(records, untold->kept, count * sizeof *records);
    /* Where there is no room for all, the first stretches are joined: the last one's counters
     * include them. */
    if (untold_count > PKV__LOSS_RECORDS - count)
        first = untold_count - (PKV__LOSS_RECORDS - count);
    for (size_t i = first; i < untold_count; i++)
        records[count++] = record_of(&stretches[i], name, base);
    if (first)
        records[untold->kept_count].from_ns = stretches[0].from_ns;
    if (pkv__loss_journal_put(untold->journal, records, count, &error) < 0)
        failed(untold, &error);
    else
        untold->complained = false;
}

void pkv__untold_sync(struct pkv__untold *untold)
{
    pkv_error error;
    bool fails = untold->journal && pkv__loss_journal_sync(untold->journal, &error) < 0;
    if (fails && !untold->sync_complained)
        pkv__log(untold->options, PKV_LOG_WARNING,
                 "%s; after a power cut, packets lost before may be counted twice", error.text);
    untold->sync_complained = fails;
}
