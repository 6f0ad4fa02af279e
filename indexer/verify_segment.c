/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "base/error.h"
#include "base/memory.h"
#include "indexer/file_hash.h"
#include "indexer/intake.h"
#include "indexer/segment_index_internal.h"
#include "indexer/verify_internal.h"

#define BLOCKS_AT_A_TIME 64u
#define ADVICE_DAMAGED                                                                             \
    "restore it from a copy; what is readable of it is still found, and queries name the rest"
#define ADVICE_STRANGER "find out where it comes from; it is no segment that this archive wrote"
#define ADVICE_WAIT "pktvault index does it, or the daemon within a second"

PKV__DEFINE_CLEANUP(struct pkv__intake, pkv__intake_free);
PKV__DEFINE_CLEANUP(struct pkv__file_hash, pkv__file_hash_free);

struct looking {
    struct pkv__verify *v;
    const struct pkv__segment_name *name;
    char path[PKV__SEGMENT_PATH_TEXT];
    bool faulty; /* something about the segment was told */
};

static int say_damage(struct looking *l, int64_t offset, const char *advice, const char *text)
{
    l->faulty = true;
    return pkv__verify_say(l->v, PKV_FINDING_DAMAGE, l->path, offset, advice, "%s", text);
}

/* The section header says which segment it is: a file that was renamed or swapped does not. */
static int look_at_section(struct looking *l, int64_t offset, const struct pkv__pcapng_block *block)
{
    struct pkv__section section;
    if (block->type != PKV__PCAPNG_SECTION)
        return say_damage(l, offset, ADVICE_STRANGER, "does not begin with a section header");
    if (pkv__pcapng_get_section(block, &section) < 0)
        return 0; /* told as damage of its block */
    if (!section.uuid[0])
        return say_damage(l, offset, ADVICE_STRANGER,
                          "its section header does not say which segment it is");
    l->faulty |= section.lane != l->name->lane || section.sequence != l->name->sequence;
    if (l->faulty)
        return pkv__verify_say(l->v, PKV_FINDING_DAMAGE, l->path, offset, ADVICE_STRANGER,
                               "its section header is that of lane %" PRIu32 ", number %" PRIu64
                               ": it was renamed or replaced",
                               section.lane, section.sequence);
    l->faulty = l->v->uuid[0] && strcmp(l->v->uuid, section.uuid) != 0;
    if (l->faulty)
        return pkv__verify_say(l->v, PKV_FINDING_DAMAGE, l->path, offset, ADVICE_STRANGER,
                               "belongs to another archive: %s", section.uuid);
    return 0;
}

/* The structure of what is inside each block is looked at where the index is made from it. */
static int look(void *context, const struct pkv__raw_block *block)
{
    struct looking *l = context;
    struct pkv__pcapng_block pcapng;
    bool first = block->offset == PKV__LZ4_HEADER_BYTES;
    size_t offset = 0;
    int rc = 0;
    while (rc == 0 && pkv__pcapng_next(block->raw, block->raw_bytes, &offset, &pcapng) > 0) {
        if (first)
            rc = look_at_section(l, block->offset, &pcapng);
        else if (pcapng.type == PKV__PCAPNG_SECTION)
            rc = say_damage(l, block->offset, ADVICE_DAMAGED, "has a second section header");
        first = false;
    }
    return rc < 0 ? rc : pkv__verify_poll(l->v, block->stored_bytes);
}

static int read_segment(struct looking *l, struct pkv__intake **intake, pkv_error *error)
{
    int rc = pkv__intake_open_to_look(intake, l->v->directory, l->name, look, l, error);
    if (rc == 0)
        do
            rc = pkv__intake_advance(*intake, BLOCKS_AT_A_TIME, error);
        while (rc > 0);
    return rc < 0 ? rc : pkv__intake_end(*intake, error);
}

static int tell_damages(struct looking *l, const struct pkv__segment_index *index)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < index->damage_count; i++)
        rc = say_damage(l, index->damage[i].offset, ADVICE_DAMAGED, index->damage[i].reason);
    if (rc == 0 && !index->blocks && !index->damage_count)
        rc = say_damage(l, -1, ADVICE_DAMAGED, "holds nothing, not even a section header");
    return rc;
}

static int tell_hash(struct looking *l, const struct pkv__verify_chained *chained, const char *hex)
{
    if (!chained && l->v->chain_unread)
        return 0;
    if (!chained)
        return pkv__verify_say(l->v, PKV_FINDING_NOTE, l->path, -1, ADVICE_WAIT,
                               "is sealed, but does not stand in chain.log yet");
    if (strcmp(chained->hash, hex) == 0)
        return 0;
    return say_damage(l, -1, ADVICE_DAMAGED,
                      "its SHA-256 differs from chain.log: it has been changed or damaged");
}

/* What index and catalog say is held against a segment that is as recorded: one that has changed
 * differs in any case, and a sound index may be all that is left of it. */
static int look_at_derived(struct looking *l, const struct pkv__segment_index *index,
                           const struct pkv__verify_chained *chained)
{
    bool as_recorded = chained && strcmp(chained->hash, index->sha256) == 0;
    if (l->faulty && !as_recorded)
        return 0;
    int rc = pkv__verify_index(l->v, index, chained != NULL);
    return rc < 0 ? rc : pkv__verify_catalog_of(l->v, index, chained != NULL);
}

static int look_inside(struct looking *l, const struct pkv__verify_chained *chained,
                       pkv_error *error)
{
    struct pkv__intake *intake PKV__AUTO(pkv__intake_free) = NULL;
    int rc = read_segment(l, &intake, error);
    if (rc < 0)
        return rc;
    const struct pkv__segment_index *index = pkv__intake_index(intake);
    l->v->report.blocks += index->blocks;
    l->v->report.packets += index->packets;
    l->v->report.stored_bytes += (uint64_t)index->stored_bytes;
    *error = (pkv_error){.code = 0};
    rc = tell_damages(l, index);
    if (rc == 0)
        rc = tell_hash(l, chained, index->sha256);
    return rc < 0 ? rc : look_at_derived(l, index, chained);
}

static int look_at_hash(struct looking *l, const struct pkv__verify_chained *chained,
                        pkv_error *error)
{
    char hex[65];
    int64_t bytes = 0;
    struct pkv__file_hash *hash PKV__AUTO(pkv__file_hash_free) = NULL;
    PKV__AUTO_FREE char *path = pkv__archive_join(l->v->directory, l->path);
    int rc = path ? pkv__file_hash_open(&hash, path, error) : pkv__error_memory(error);
    if (rc == 0)
        rc = pkv__file_hash_end(hash, hex, &bytes, error);
    if (rc < 0)
        return rc;
    l->v->report.stored_bytes += (uint64_t)bytes;
    rc = tell_hash(l, chained, hex);
    return rc < 0 ? rc : pkv__verify_poll(l->v, (uint64_t)bytes);
}

/* One that cannot be read at all is a finding like others; one that is gone is told with the
 * chain. */
int pkv__verify_segment(struct pkv__verify *v, const struct pkv__segment_name *name)
{
    struct looking l = {.v = v, .name = name};
    pkv_error error = {.code = 0};
    struct pkv__verify_chained *chained = pkv__verify_chain_find(v, name);
    pkv__segment_path(l.path, name, false);
    int rc = v->quick ? look_at_hash(&l, chained, &error) : look_inside(&l, chained, &error);
    if (rc == PKV_E_NOT_FOUND)
        return 0;
    if (chained)
        chained->met = true;
    v->report.segments++;
    if (rc == PKV_E_SYSTEM || rc == PKV_E_FORMAT)
        return say_damage(&l, error.offset, "see that it can be read, and try again",
                          pkv__verify_reason(v, l.path, &error));
    if (rc < 0 && error.code < 0 && v->error)
        *v->error = error;
    return rc;
}
