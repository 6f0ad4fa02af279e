/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "archive/pcapng.h"
#include "archive/segment_reader.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "indexer/verify_internal.h"

PKV__DEFINE_CLEANUP(struct pkv__segment_reader, pkv__segment_reader_free);

struct reading {
    struct pkv__segment_reader *reader;
    uint64_t blocks, packets;
    int64_t broken; /* offset of the first block that cannot be read; -1: none */
    bool goes_on;   /* there are good blocks behind it */
};

static uint64_t count_packets(const struct pkv__raw_block *block)
{
    struct pkv__pcapng_block pcapng;
    size_t offset = 0;
    uint64_t count = 0;
    while (pkv__pcapng_next(block->raw, block->raw_bytes, &offset, &pcapng) > 0)
        count += pcapng.type == PKV__PCAPNG_PACKET;
    return count;
}

/* What cannot be read at the end has not been written whole: recovery cuts it off. In the middle it
 * is damage. */
static int read_blocks(struct pkv__verify *v, struct reading *r, pkv_error *error)
{
    struct pkv__raw_block block;
    int rc;
    while ((rc = pkv__segment_reader_next(r->reader, &block, error)) > 0 || rc == PKV_E_FORMAT) {
        if (rc == PKV_E_FORMAT) {
            r->broken = r->broken < 0 ? error->offset : r->broken;
            continue;
        }
        r->goes_on |= r->broken >= 0;
        r->blocks++;
        r->packets += count_packets(&block);
        rc = pkv__verify_poll(v, block.stored_bytes);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int tell(struct pkv__verify *v, const struct reading *r, const char *path, bool lives)
{
    v->report.open_segments++;
    v->report.blocks += r->blocks;
    v->report.packets += r->packets;
    v->report.stored_bytes += (uint64_t)pkv__segment_reader_offset(r->reader);
    if (r->goes_on)
        return pkv__verify_say(v, PKV_FINDING_DAMAGE, path, r->broken,
                               "the rest of it is still found, and queries name what is not",
                               "a block that cannot be read stands among good ones");
    if (lives)
        return 0;
    return pkv__verify_say(v, PKV_FINDING_NOTE, path, pkv__segment_reader_offset(r->reader),
                           "pktvault index seals it up to there, or the daemon when it runs again",
                           "its writer died; %" PRIu64 " blocks with %" PRIu64
                           " packets are readable",
                           r->blocks, r->packets);
}

/* One that was sealed meanwhile is read to its end as well. */
int pkv__verify_open_segment(struct pkv__verify *v, const struct pkv__segment_name *name)
{
    char relative[PKV__SEGMENT_PATH_TEXT];
    struct pkv__segment_reader *reader PKV__AUTO(pkv__segment_reader_free) = NULL;
    pkv_error error = {.code = 0};
    pkv__segment_path(relative, name, true);
    PKV__AUTO_FREE char *path = pkv__archive_join(v->directory, relative);
    if (!path)
        return pkv__error_memory(v->error);
    bool lives = pkv__file_is_locked(path);
    int rc = pkv__segment_reader_open(&reader, path, &error);
    struct reading reading = {.reader = reader, .broken = -1};
    if (rc == 0 && !v->quick)
        rc = read_blocks(v, &reading, &error);
    if (rc == PKV_E_NOT_FOUND)
        return 0;
    if (rc == 0)
        return tell(v, &reading, relative, lives || !pkv__file_exists(path));
    if (rc == PKV_E_SYSTEM || rc == PKV_E_FORMAT)
        return pkv__verify_say(v, PKV_FINDING_DAMAGE, relative, error.offset,
                               "see that it can be read, and try again", "%s",
                               pkv__verify_reason(v, relative, &error));
    if (v->error && rc != PKV_E_CANCELED)
        *v->error = error;
    return rc;
}
