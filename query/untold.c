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
static int read_record(const struct pkv__loss_record *record, struct pkv__statistics *told,
                       struct pkv__losses *losses)
{
    if (pkv__loss_record_is_told(record, told))
        return PKV_OK;
    told->time_ns = record->from_ns;
    int rc = pkv__losses_add(losses, 0, told);
    pkv__loss_record_add(record, told);
    told->time_ns = record->until_ns;
    return rc ? rc : pkv__losses_add(losses, 0, told);
}

static struct pkv__statistics nothing_told(void)
{
    return (struct pkv__statistics){.start_ns = PKV_TIME_MIN, .end_ns = PKV_TIME_MIN};
}

int pkv__untold_of_segment(const char *directory, const struct pkv__segment_name *name,
                           struct pkv__losses *losses, pkv_error *error)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    struct pkv__statistics told = nothing_told();
    size_t count;
    (void)pkv__losses_last(losses, 0, &told);
    int rc = pkv__loss_journal_read(directory, name->lane, records, &count, error);
    for (size_t i = 0; i < count && !rc; i++)
        if (pkv__loss_record_is_of(&records[i], name) && read_record(&records[i], &told, losses))
            rc = pkv__error_memory(error);
    return rc == PKV_E_MEMORY ? rc : PKV_OK;
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

/* The records of one segment, which stand together, up to that of the next. */
static int of_records(const struct lane *lane, const struct pkv__loss_record *records, size_t count,
                      const struct pkv__segments_request *request,
                      struct pkv__missing_list *missing, pkv_error *error)
{
    struct pkv__losses *losses = NULL;
    struct pkv__statistics told = nothing_told();
    int rc = pkv__losses_new(&losses, records->from_ns);
    for (size_t i = 0; i < count && !rc; i++)
        if (!is_told_elsewhere(lane, &records[i]))
            rc = read_record(&records[i], &told, losses);
    if (!rc)
        pkv__missing_add_losses(missing, losses, request->since_ns, request->until_ns);
    (void)pkv__losses_free(losses);
    return rc ? pkv__error_memory(error) : PKV_OK;
}

static int of_lane(const struct lane *lane, const struct pkv__segments_request *request,
                   struct pkv__missing_list *missing, pkv_error *error)
{
    struct pkv__loss_record records[PKV__LOSS_RECORDS];
    size_t count, end;
    int rc = pkv__loss_journal_read(lane->directory, lane->number, records, &count, error);
    for (size_t i = 0; i < count && !rc; i = end) {
        for (end = i + 1; end < count && records[end].sequence == records[i].sequence; end++)
            continue;
        rc = of_records(lane, records + i, end - i, request, missing, error);
    }
    return rc;
}

/* What was lost is not known then, nor when. */
static int tell_unreadable(int rc, struct pkv__missing_list *missing, const pkv_error *why,
                           pkv_error *error)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(error);
    if (rc)
        pkv__missing_add_unreadable(missing, PKV_TIME_MIN, PKV_TIME_MAX, why->text);
    return PKV_OK;
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
    pkv_error why;
    if (!path)
        return pkv__error_memory(error);
    int rc = tell_unreadable(pkv__file_list(path, &names, &count, &why), missing, &why, error);
    for (size_t i = 0; i < count && !rc; i++) {
        struct lane lane = {directory, archive, 0, segments};
        if (parse_name(&lane.number, names[i]))
            rc = tell_unreadable(of_lane(&lane, request, missing, &why), missing, &why, error);
    }
    pkv__file_names_free(names, count);
    return rc;
}

static int read_head(const struct pkv__raw_block *raw, const struct pkv__segment_name *name,
                     const struct pkv__segments_request *request, struct pkv__missing_list *missing)
{
    struct pkv__losses *losses = NULL;
    struct pkv__pcapng_block block;
    struct pkv__statistics statistics;
    uint32_t interface_id;
    size_t offset = 0;
    int rc = pkv__losses_new(&losses, name->start_ns);
    while (!rc && pkv__pcapng_next(raw->raw, raw->raw_bytes, &offset, &block) == 1)
        if (block.type == PKV__PCAPNG_STATISTICS &&
            pkv__pcapng_get_statistics(&block, &interface_id, &statistics) == 0)
            rc = pkv__losses_add(losses, interface_id, &statistics);
    if (!rc)
        pkv__missing_add_losses(missing, losses, request->since_ns, request->until_ns);
    (void)pkv__losses_free(losses);
    return rc;
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
    if (rc == 1 && read_head(&raw, name, request, missing))
        rc = pkv__error_memory(error);
    (void)pkv__segment_reader_free(reader);
    return rc < 0 ? rc : PKV_OK;
}

/* One that is open may be sealed meanwhile; one that is damaged, or cannot be read, is told of by
 * who reads all of it. */
int pkv__untold_of_head(const char *directory, const struct pkv__segment_file *file,
                        const struct pkv__segments_request *request,
                        struct pkv__missing_list *missing, pkv_error *error)
{
    int rc = of_file(directory, &file->name, file->open, request, missing, error);
    if (rc == PKV_E_NOT_FOUND && file->open)
        rc = of_file(directory, &file->name, false, request, missing, error);
    return rc == PKV_E_MEMORY ? rc : PKV_OK;
}
