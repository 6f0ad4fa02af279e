/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/untold.h"

#include <stdio.h>
#include <string.h>

#include "archive/loss_journal.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define PREFIX "lane-"
#define SUFFIX ".losses"

/* What a record adds to what is told, between its two times. */
static void read_record(const struct pkv__loss_record *record, struct pkv__statistics *told,
                        struct pkv__loss_readings *readings, int64_t since_ns, int64_t until_ns,
                        struct pkv__missing_list *missing)
{
    if (pkv__loss_record_is_told(record, told))
        return;
    told->time_ns = record->from_ns;
    pkv__loss_read(readings, 0, told, since_ns, until_ns, missing);
    pkv__loss_record_add(record, told);
    told->time_ns = record->until_ns;
    pkv__loss_read(readings, 0, told, since_ns, until_ns, missing);
}

static struct pkv__statistics told_of_first(const struct pkv__loss_readings *readings)
{
    for (size_t i = 0; i < readings->count; i++)
        if (readings->readings[i].interface_id == 0)
            return readings->readings[i].last;
    return (struct pkv__statistics){.start_ns = PKV_TIME_MIN, .end_ns = PKV_TIME_MIN};
}

int pkv__untold_of_segment(const char *directory, const struct pkv__segment_name *name,
                           struct pkv__loss_readings *readings, int64_t since_ns, int64_t until_ns,
                           struct pkv__missing_list *missing, pkv_error *error)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    struct pkv__statistics told = told_of_first(readings);
    size_t count;
    int rc = pkv__loss_journal_read(directory, name->lane, records, &count, error);
    for (size_t i = 0; i < count && !rc; i++)
        if (pkv__loss_record_is_of(&records[i], name))
            read_record(&records[i], &told, readings, since_ns, until_ns, missing);
    return rc;
}

struct lane {
    const char *directory;
    uint32_t archive, number;
    const struct pkv__segments *segments;
};

static bool is_candidate(const struct lane *lane, const struct pkv__segment_name *name)
{
    for (size_t i = lane->segments->count; i-- > 0;) {
        const struct pkv__candidate *c = &lane->segments->items[i];
        if (c->archive == lane->archive && pkv__segment_name_compare(&c->name, name) == 0)
            return true;
    }
    return false;
}

static bool is_sealed(const struct lane *lane, const struct pkv__segment_name *name)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, name, false);
    PKV__AUTO_FREE char *path = pkv__archive_join(lane->directory, relative);
    return path && pkv__file_exists(path);
}

/* A segment that is sealed tells it itself. */
static bool is_told_elsewhere(const struct lane *lane, const struct pkv__loss_record *record)
{
    struct pkv__segment_name name = {record->start_ns, lane->number, record->sequence};
    return record->sequence && (is_candidate(lane, &name) || is_sealed(lane, &name));
}

static int of_lane(const struct lane *lane, const struct pkv__segments_request *request,
                   struct pkv__missing_list *missing, pkv_error *error)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    struct pkv__loss_readings readings = {0};
    struct pkv__statistics told = {.start_ns = PKV_TIME_MIN, .end_ns = PKV_TIME_MIN};
    size_t count;
    int rc = pkv__loss_journal_read(lane->directory, lane->number, records, &count, error);
    for (size_t i = 0; i < count && !rc; i++) {
        if (i > 0 && records[i].sequence != records[i - 1].sequence) {
            told = (struct pkv__statistics){.start_ns = PKV_TIME_MIN, .end_ns = PKV_TIME_MIN};
            pkv__loss_readings_deinit(&readings);
        }
        if (!is_told_elsewhere(lane, &records[i]))
            read_record(&records[i], &told, &readings, request->since_ns, request->until_ns,
                        missing);
    }
    pkv__loss_readings_deinit(&readings);
    return rc;
}

/* "lane-N.losses" */
static bool parse_name(uint32_t *number, const char *name)
{
    size_t length = strlen(name), prefix = strlen(PREFIX), suffix = strlen(SUFFIX);
    uint64_t parsed;
    if (length <= prefix + suffix || strncmp(name, PREFIX, prefix) != 0 ||
        strcmp(name + length - suffix, SUFFIX) != 0 ||
        !pkv__text_number(&parsed, name + prefix, length - prefix - suffix, UINT32_MAX))
        return false;
    *number = (uint32_t)parsed;
    return true;
}

int pkv__untold_of_lanes(const char *directory, uint32_t archive,
                         const struct pkv__segments *segments,
                         const struct pkv__segments_request *request,
                         struct pkv__missing_list *missing, pkv_error *error)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, "locks");
    char **names = NULL;
    size_t count = 0;
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__file_list(path, &names, &count, error);
    for (size_t i = 0; i < count && !rc; i++) {
        struct lane lane = {directory, archive, 0, segments};
        if (parse_name(&lane.number, names[i]))
            rc = of_lane(&lane, request, missing, error);
    }
    pkv__file_names_free(names, count);
    return rc;
}

static void read_head(const struct pkv__raw_block *raw, const struct pkv__segments_request *request,
                      struct pkv__missing_list *missing)
{
    struct pkv__loss_readings readings = {0};
    struct pkv__pcapng_block block;
    struct pkv__statistics statistics;
    uint32_t interface_id;
    size_t offset = 0;
    while (pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block) == 1)
        if (block.type == PKV__PCAPNG_STATISTICS &&
            pkv__pcapng_get_statistics(&block, &interface_id, &statistics) == 0)
            pkv__loss_read(&readings, interface_id, &statistics, request->since_ns,
                           request->until_ns, missing);
    pkv__loss_readings_deinit(&readings);
}

static int of_file(const char *directory, const struct pkv__segment_name *name, bool open,
                   const struct pkv__segments_request *request, struct pkv__missing_list *missing,
                   pkv_error *error)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_reader *reader;
    struct pkv__raw_block raw;
    pkv__segment_path(relative, name, open);
    PKV__AUTO_FREE char *path = pkv__archive_join(directory, relative);
    if (!path)
        return pkv__error_memory(error);
    int rc = pkv__segment_reader_open(&reader, path, error);
    if (rc)
        return rc;
    rc = pkv__segment_reader_next(reader, &raw, error);
    if (rc == 1)
        read_head(&raw, request, missing);
    (void)pkv__segment_reader_free(reader);
    return rc < 0 ? rc : PKV_OK;
}

/* One that is open may be sealed meanwhile; one that is damaged is told of by who reads all of it.
 */
int pkv__untold_of_head(const char *directory, const struct pkv__segment_file *file,
                        const struct pkv__segments_request *request,
                        struct pkv__missing_list *missing, pkv_error *error)
{
    int rc = of_file(directory, &file->name, file->open, request, missing, error);
    if (rc == PKV_E_NOT_FOUND && file->open)
        rc = of_file(directory, &file->name, false, request, missing, error);
    return rc == PKV_E_NOT_FOUND || rc == PKV_E_FORMAT ? PKV_OK : rc;
}
