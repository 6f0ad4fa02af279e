/* SPDX-License-Identifier: BSD-2-Clause */
/* locks/lane-N.losses: what a live lane lost and could not tell in a segment yet. The file has its
 * size from the start and is written in place, so that a full disk does not keep the count from
 * being kept, nor a kill. docs/FORMAT.md has its bytes. */
#ifndef PKV_ARCHIVE_LOSS_JOURNAL_H
#define PKV_ARCHIVE_LOSS_JOURNAL_H

#include "archive/directory.h"
#include "archive/pcapng.h"
#include "base/limits.h"

/* Packets lost from from_ns to until_ns. The counters are those at until_ns, and grow from record
 * to record of the same segment: what its statistics say already is told, the rest is not. */
struct pkv__loss_record {
    int64_t start_ns;  /* with the lane and `sequence` the name of the segment that will tell it */
    uint64_t sequence; /* 0: the lane's next segment, with counters from 0 */
    int64_t from_ns, until_ns;
    uint64_t kernel, buffer, disk, refused;
};

/* For the holder of the lane. */
struct pkv__loss_journal;

/* Makes the file where it is not there. Errors: PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__loss_journal_open(struct pkv__loss_journal **journal, const char *directory, uint32_t lane,
                           pkv_error *error);
struct pkv__loss_journal *
pkv__loss_journal_free(struct pkv__loss_journal *journal); /* NULL is fine; returns NULL */

/* These, at most PKV__LOSS_RECORDS, are what the journal holds from now on. Only what differs is
 * written. May block on the disk. */
int pkv__loss_journal_put(struct pkv__loss_journal *journal, const struct pkv__loss_record *records,
                          size_t count, pkv_error *error);

/* The disk has what was put. */
int pkv__loss_journal_sync(struct pkv__loss_journal *journal, pkv_error *error);

/* For everybody: the records of a lane, at most PKV__LOSS_RECORDS. None where there is no file; one
 * that is damaged is left out. */
int pkv__loss_journal_read(const char *directory, uint32_t lane, struct pkv__loss_record *records,
                           size_t *count, pkv_error *error);

/* Whether a record belongs to the segment, which is of the journal's lane. */
bool pkv__loss_record_is_of(const struct pkv__loss_record *record,
                            const struct pkv__segment_name *name);

/* Whether counters that a segment tells include the record. */
bool pkv__loss_record_is_told(const struct pkv__loss_record *record,
                              const struct pkv__statistics *told);

/* Takes the record's counters over, where they are larger. */
void pkv__loss_record_add(const struct pkv__loss_record *record, struct pkv__statistics *to);

#endif
