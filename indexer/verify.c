/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/verify.h>

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "indexer/verify_internal.h"

int pkv__verify_say(struct pkv__verify *v, int severity, const char *path, int64_t offset,
                    const char *advice, const char *format, ...)
{
    char text[sizeof((pkv_error *)0)->text];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    v->report.damages += severity == PKV_FINDING_DAMAGE;
    v->report.missing += severity == PKV_FINDING_MISSING;
    v->report.notes += severity == PKV_FINDING_NOTE;
    pkv_finding finding = {severity, path, offset, text, advice};
    if (v->finding && v->finding(v->finding_context, &finding) != 0)
        return pkv__error(v->error, PKV_E_CANCELED, -1, "stopped on request");
    return 0;
}

int pkv__verify_say_unreadable(struct pkv__verify *v, const char *path, int rc,
                               const pkv_error *why)
{
    if (rc == PKV_E_MEMORY)
        return pkv__error_memory(v->error);
    return pkv__verify_say(v, PKV_FINDING_DAMAGE, path, -1,
                           "see that it can be read, and try again", "%s",
                           pkv__verify_reason(v, path, why));
}

int pkv__verify_poll(struct pkv__verify *v, uint64_t more_bytes)
{
    v->bytes_done += more_bytes;
    if (v->bytes_all < v->bytes_done)
        v->bytes_all = v->bytes_done;
    if (v->progress && v->progress(v->progress_context, v->bytes_done, v->bytes_all) != 0)
        return pkv__error(v->error, PKV_E_CANCELED, -1, "stopped on request");
    return 0;
}

bool pkv__verify_has(struct pkv__verify *v, const char *relative)
{
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, relative);
    if (!path)
        v->out_of_memory = true;
    return !path || !pkv__file_is_gone(path);
}

const char *pkv__verify_reason(const struct pkv__verify *v, const char *relative,
                               const pkv_error *error)
{
    size_t directory = strlen(v->directory), name = strlen(relative);
    const char *text = error->text;
    if (strncmp(text, v->directory, directory) != 0 || text[directory] != '/' ||
        strncmp(text + directory + 1, relative, name) != 0 ||
        strncmp(text + directory + 1 + name, ": ", 2) != 0)
        return text;
    return text + directory + 1 + name + 2;
}

/* A segment that vanished or was sealed since then counts for nothing here. */
static int64_t size_of(const struct pkv__verify *v, const struct pkv__segment_file *file)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, &file->name, file->open);
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, relative);
    PKV__AUTO_CLOSE int fd = path ? pkv__file_open(path, O_RDONLY, NULL) : -1;
    int64_t size = fd < 0 ? 0 : pkv__file_size(fd, path, NULL);
    return size < 0 ? 0 : size;
}

static int tell_unlisted(void *context, const char *date, const pkv_error *why)
{
    char path[PKV__UNLISTED_PATH_TEXT];
    pkv__unlisted_path(path, date);
    return pkv__verify_say_unreadable(context, path, why->code, why);
}

static int list(struct pkv__verify *v)
{
    return pkv__archive_list(v->directory, INT64_MIN, INT64_MAX,
                             &(struct pkv__unlisted){tell_unlisted, v}, &v->files, &v->file_count,
                             v->error);
}

/* The chain first: what stands in it was sealed before, so its file is in the list. */
static int look_around(struct pkv__verify *v)
{
    PKV__AUTO_FREE char *lock = pkv__archive_join(v->directory, "locks/indexer");
    v->indexer_runs = lock && pkv__file_is_locked(lock);
    if (pkv__archive_uuid(v->directory, v->uuid, NULL) < 0)
        v->uuid[0] = '\0';
    int rc = pkv__verify_chain(v);
    if (rc == 0)
        rc = pkv__verify_read_lanes(v);
    if (rc == 0)
        rc = list(v);
    for (size_t i = 0; rc == 0 && i < v->file_count; i++)
        v->bytes_all += (uint64_t)size_of(v, &v->files[i]);
    if (rc == 0 && !v->quick)
        rc = pkv__verify_catalog_open(v);
    return rc;
}

static int look_at_segments(struct pkv__verify *v)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < v->file_count; i++) {
        const struct pkv__segment_file *file = &v->files[i];
        rc = file->open ? pkv__verify_open_segment(v, &file->name)
                        : pkv__verify_segment(v, &file->name);
    }
    return rc;
}

/* What stands in the chain and was not in the list. */
static int look_for_missing(struct pkv__verify *v)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < v->chained_count; i++) {
        char path[PKV__SEGMENT_PATH_TEXT];
        if (v->chained[i].met)
            continue;
        pkv__segment_path(path, &v->chained[i].name, false);
        if (pkv__verify_has(v, path))
            rc = pkv__verify_segment(v, &v->chained[i].name);
        else
            rc = pkv__verify_say(v, PKV_FINDING_MISSING, path, -1,
                                 "restore it from a copy; its hash in chain.log proves the copy",
                                 "stands in chain.log, but is not there: it was deleted");
    }
    return rc;
}

static int verify_all(struct pkv__verify *v)
{
    int rc = look_around(v);
    if (rc == 0)
        rc = look_at_segments(v);
    if (rc == 0)
        rc = look_for_missing(v);
    if (rc == 0)
        rc = pkv__verify_sequences(v);
    if (rc == 0)
        rc = pkv__verify_strangers(v);
    if (rc == 0 && !v->quick)
        rc = pkv__verify_catalog_rest(v);
    if (rc == 0)
        rc = pkv__verify_unproven(v);
    return rc == 0 && v->out_of_memory ? pkv__error_memory(v->error) : rc;
}

static void deinit(struct pkv__verify *v)
{
    pkv__database_close(v->catalog);
    pkv__database_close(v->expected_catalog);
    pkv__free(v->chained);
    pkv__free(v->files);
    pkv__free(v->numbers);
    pkv__free(v->unproven);
}

int pkv_verify(const char *directory, unsigned flags, const pkv_options *options,
               pkv_progress_fn *progress, void *progress_context, pkv_finding_fn *finding,
               void *finding_context, pkv_verify_report *report, pkv_error *error)
{
    (void)options;
    struct pkv__verify v = {.directory = directory,
                            .quick = flags & PKV_VERIFY_QUICK,
                            .progress = progress,
                            .progress_context = progress_context,
                            .finding = finding,
                            .finding_context = finding_context,
                            .error = error};
    int rc = pkv__archive_check(directory, error);
    if (rc == 0)
        rc = verify_all(&v);
    deinit(&v);
    if (rc < 0)
        return rc;
    if (report)
        *report = v.report;
    return v.report.damages || v.report.missing ? PKV_VERIFY_FOUND : 0;
}
