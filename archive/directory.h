/* SPDX-License-Identifier: BSD-2-Clause */
/* The layout of an archive on disk: names and locks. */
#ifndef PKV_ARCHIVE_DIRECTORY_H
#define PKV_ARCHIVE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

/* What the name of a segment says: "20261122T143000.123456789Z-0-000042". */
struct pkv__segment_name {
    int64_t start_ns; /* start of coverage */
    uint32_t lane;
    uint64_t sequence; /* of the lane; at least six digits */
};

#define PKV__SEGMENT_STEM_TEXT 64  /* the name without directory and suffix */
#define PKV__SEGMENT_PATH_TEXT 112 /* relative to the archive */
#define PKV__SEGMENT_SUFFIX ".pcapng.lz4"
#define PKV__OPEN_SUFFIX ".open" /* appended while a segment is being written */
#define PKV__INDEX_SUFFIX ".sqlite"

void pkv__segment_stem(char stem[PKV__SEGMENT_STEM_TEXT], const struct pkv__segment_name *name);
bool pkv__segment_stem_parse(struct pkv__segment_name *name, const char *stem); /* false: none */
/* "segments/2026/11/22/STEM.pcapng.lz4" (".open" appended), and "index/2026/11/22/STEM.sqlite". */
void pkv__segment_path(char path[PKV__SEGMENT_PATH_TEXT], const struct pkv__segment_name *name,
                       bool open);
void pkv__index_path(char path[PKV__SEGMENT_PATH_TEXT], const struct pkv__segment_name *name);
/* Parses a file name (no directory) with either suffix: false if it is no segment's name. */
bool pkv__segment_name_parse(struct pkv__segment_name *name, bool *open, const char *file_name);
/* The total order of segments: start, lane, sequence. As strcmp. */
int pkv__segment_name_compare(const struct pkv__segment_name *a, const struct pkv__segment_name *b);

struct pkv__segment_file {
    struct pkv__segment_name name;
    bool open;
};

/* Receives a directory of segments/ that cannot be listed, so that nobody knows what it holds.
 * `date`: as many digits as its path names, "" for segments/ itself to "20261122". A negative
 * answer ends the listing. */
typedef int pkv__unlisted_fn(void *context, const char *date, const pkv_error *why);
struct pkv__unlisted {
    pkv__unlisted_fn *tell;
    void *context;
};
extern const struct pkv__unlisted pkv__unlisted_ignored; /* for who is told of it elsewhere */
#define PKV__UNLISTED_PATH_TEXT 32
int64_t pkv__unlisted_start(const char *date); /* PKV_TIME_MIN: not known */
void pkv__unlisted_path(char path[PKV__UNLISTED_PATH_TEXT],
                        const char *date); /* "segments/2026/11" */

/* Every segment file of the archive in total order; a name that exists both open and sealed counts
 * as sealed, and one that is being renamed from one to the other is there in any case. Where a
 * directory is expected, anything else is passed over. `unlisted` NULL: a directory that cannot be
 * listed is an error. Days outside [since_ns - 1 day, until_ns] by their name are not even listed:
 * enough for live segments, which end within half a day and an hour; an import's may hold packets
 * of any later time, so who has no catalog asks from PKV_TIME_MIN. Free with pkv__free. */
int pkv__archive_list(const char *directory, int64_t since_ns, int64_t until_ns,
                      const struct pkv__unlisted *unlisted, struct pkv__segment_file **files,
                      size_t *count, pkv_error *error);

/* A day's directory of segments/ as it is: it has changed if and only if the stamp has, but for
 * what happens within the grain of the file system's clock. */
struct pkv__archive_day {
    char day[9]; /* "20261122" */
    int64_t inode, changed_ns;
    uint64_t segments; /* of a note: how many it held */
};
/* Every day that has a directory, in order. Free with pkv__free. */
int pkv__archive_days(const char *directory, const struct pkv__unlisted *unlisted,
                      struct pkv__archive_day **days, size_t *count, pkv_error *error);
/* As pkv__archive_list, of some days. */
int pkv__archive_list_days(const char *directory, const struct pkv__archive_day *days,
                           size_t day_count, const struct pkv__unlisted *unlisted,
                           struct pkv__segment_file **files, size_t *count, pkv_error *error);

/* locks/days: days whose directory a query need not list, since all its segments were sealed and in
 * the catalog. The indexer's, a help that may be missing, stale or of another catalog: who reads it
 * compares stamps, and the number of segments with the catalog's. */
int pkv__archive_notes_read(
    const char *directory, struct pkv__archive_day **notes, size_t *count,
    pkv_error *error); /* what cannot be read is no note; free with pkv__free */
int pkv__archive_notes_write(const char *directory, const struct pkv__archive_day *notes,
                             size_t count, pkv_error *error);

/* Syncs the directories from that of the file, or directory, at `path` up to the archive: a synced
 * file whose name is lost with the power is lost too. */
int pkv__archive_sync_names(const char *directory, const char *path, pkv_error *error);

/* Makes the directories of an archive and chain.log with its header (UUID, host, creation time) if
 * it is not there. Safe to race. */
int pkv__archive_create(const char *directory, pkv_error *error);
/* 0, or PKV_E_NOT_FOUND with a text that says how to make one. */
int pkv__archive_check(const char *directory, pkv_error *error);
int pkv__archive_uuid(const char *directory, char uuid[37], pkv_error *error);

/* directory + "/" + relative; free with pkv__free. NULL: out of memory. */
char *pkv__archive_join(const char *directory, const char *relative);

/* A lane: locks/lane-N, held by flock; keeps the lane's last sequence (decimal text) so that
 * numbers are never given twice. */
struct pkv__lane_lock;
/* PKV_E_BUSY: another writer has it. */
int pkv__lane_lock(struct pkv__lane_lock **lock, const char *directory, uint32_t lane,
                   pkv_error *error);
/* The first lane in [first, last] that is free and whose file is good. PKV_E_LIMIT: none is free.
 */
int pkv__lane_lock_any(struct pkv__lane_lock **lock, const char *directory, uint32_t first,
                       uint32_t last, pkv_error *error);
uint32_t pkv__lane_lock_number(const struct pkv__lane_lock *lock);
/* The next sequence, recorded before it is returned. May block on the disk. */
int pkv__lane_lock_next(struct pkv__lane_lock *lock, uint64_t *sequence, pkv_error *error);
struct pkv__lane_lock *
pkv__lane_unlock(struct pkv__lane_lock *lock); /* NULL is fine; returns NULL */

/* locks/indexer: the descriptor that holds it (close to release), or PKV_E_BUSY. */
int pkv__indexer_lock(const char *directory, pkv_error *error);

#endif
