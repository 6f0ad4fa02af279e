/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/intake.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "indexer/file_hash.h"

struct pkv__intake {
    char *path;
    bool opened_open;                   /* the reader reads on behind what is flushed */
    struct pkv__segment_reader *reader; /* NULL: the file is no segment at all */
    struct pkv__file_hash *hash;
    struct pkv__segment_index *index;
    pkv__intake_look_fn *look; /* NULL: nobody */
    void *look_context;
    char sha256[65];
};

PKV__DEFINE_CLEANUP(struct pkv__intake, pkv__intake_free);

struct pkv__intake *pkv__intake_free(struct pkv__intake *intake)
{
    if (!intake)
        return NULL;
    (void)pkv__segment_reader_free(intake->reader);
    (void)pkv__file_hash_free(intake->hash);
    (void)pkv__segment_index_free(intake->index);
    pkv__free(intake->path);
    pkv__free(intake);
    return NULL;
}

/* The reason alone: the path would differ where the archive is mounted elsewhere. */
static int note(struct pkv__intake *intake, const pkv_error *error)
{
    size_t prefix = strlen(intake->path);
    const char *reason = error->text;
    if (strncmp(reason, intake->path, prefix) == 0 && strncmp(reason + prefix, ": ", 2) == 0)
        reason += prefix + 2;
    return pkv__segment_index_add_damage(intake->index, error->offset, reason);
}

static int open_reader(struct pkv__intake *intake, pkv_error *error)
{
    pkv_error damage = {.offset = 0};
    int rc = pkv__segment_reader_open(&intake->reader, intake->path, &damage);
    if (rc == PKV_E_FORMAT && !intake->opened_open)
        return note(intake, &damage) < 0 ? pkv__error_memory(error) : 0;
    if (rc < 0 && error)
        *error = damage;
    return rc;
}

static int open_intake(struct pkv__intake **intake, const char *directory, const char *scratch,
                       const struct pkv__segment_name *name, bool open, pkv_error *error)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    pkv__segment_path(relative, name, open);
    struct pkv__intake *made PKV__AUTO(pkv__intake_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made || !(made->path = pkv__archive_join(directory, relative)) ||
        pkv__segment_index_new(&made->index, scratch, name) < 0)
        return pkv__error_memory(error);
    made->opened_open = open;
    int rc = pkv__file_hash_open(&made->hash, made->path, error);
    if (rc == 0)
        rc = open_reader(made, error);
    if (rc < 0)
        return rc;
    *intake = PKV__STEAL(made);
    return 0;
}

int pkv__intake_open(struct pkv__intake **intake, const char *directory,
                     const struct pkv__segment_name *name, bool open, pkv_error *error)
{
    return open_intake(intake, directory, directory, name, open, error);
}

int pkv__intake_open_to_look(struct pkv__intake **intake, const char *directory,
                             const struct pkv__segment_name *name, pkv__intake_look_fn *look,
                             void *context, pkv_error *error)
{
    int rc = open_intake(intake, directory, NULL, name, false, error);
    if (rc < 0)
        return rc;
    (*intake)->look = look;
    (*intake)->look_context = context;
    return 0;
}

static int take(struct pkv__intake *intake, const struct pkv__raw_block *block, pkv_error *error)
{
    int rc =
        pkv__file_hash_add(intake->hash, block->offset, block->stored, block->stored_bytes, error);
    return rc < 0 ? rc : pkv__segment_index_add(intake->index, block, error);
}

/* 1: a block was taken, or a broken one noted; 0: no more. */
static int take_block(struct pkv__intake *intake, pkv_error *error)
{
    struct pkv__raw_block block;
    pkv_error damage = {.offset = -1};
    int rc = pkv__segment_reader_next(intake->reader, &block, &damage);
    if (rc == PKV_E_FORMAT && !intake->opened_open)
        return note(intake, &damage) < 0 ? pkv__error_memory(error) : 1;
    if (rc < 0 && error)
        *error = damage;
    if (rc <= 0)
        return rc;
    rc = intake->look ? intake->look(intake->look_context, &block) : 0;
    if (rc == 0)
        rc = take(intake, &block, error);
    return rc < 0 ? rc : 1;
}

int pkv__intake_advance(struct pkv__intake *intake, unsigned blocks, pkv_error *error)
{
    int rc = intake->reader ? 1 : 0;
    while (rc > 0 && blocks-- > 0)
        rc = take_block(intake, error);
    return rc;
}

int pkv__intake_give(struct pkv__intake *intake, const struct pkv__raw_block *block,
                     pkv_error *error)
{
    int rc = 1;
    while (rc > 0 && pkv__segment_reader_offset(intake->reader) < block->offset)
        rc = take_block(intake, error);
    if (rc <= 0 || pkv__segment_reader_offset(intake->reader) != block->offset)
        return rc < 0 ? rc : PKV_E_FORMAT;
    rc = take(intake, block, error);
    if (rc == 0)
        pkv__segment_reader_pass(intake->reader, block->stored_bytes);
    return rc;
}

int pkv__intake_end(struct pkv__intake *intake, pkv_error *error)
{
    if (intake->opened_open && !pkv__segment_reader_at_end(intake->reader))
        return pkv__error(error, PKV_E_FORMAT, pkv__segment_reader_offset(intake->reader),
                          "%s: no end mark where it was followed to", intake->path);
    int64_t stored_bytes;
    int rc = pkv__file_hash_end(intake->hash, intake->sha256, &stored_bytes, error);
    if (rc == 0)
        rc = pkv__segment_index_end(intake->index, stored_bytes, intake->sha256, error);
    return rc;
}

struct pkv__segment_index *pkv__intake_index(struct pkv__intake *intake)
{
    return intake->index;
}

const char *pkv__intake_sha256(const struct pkv__intake *intake)
{
    return intake->sha256;
}
