/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/chain.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "archive/chain_internal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"

struct pkv__chain {
    int fd;
    char *path;
    int64_t bytes;
    char last[PKV__CHAIN_HEX + 1]; /* of the chain */
    struct pkv__sha256 *sha256;
    struct pkv__chain_entry *entries;
    size_t count, capacity;
    uint32_t *slots; /* open addressing; 0: free, else 1 + number of the entry */
    size_t slot_count;
};

struct pkv__chain *pkv__chain_free(struct pkv__chain *chain)
{
    if (!chain)
        return NULL;
    pkv__file_close(chain->fd);
    pkv__sha256_free(chain->sha256);
    pkv__free(chain->path);
    pkv__free(chain->entries);
    pkv__free(chain->slots);
    pkv__free(chain);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__chain, pkv__chain_free);

/* The slot of a path: of its entry, or the free one where it belongs. */
static uint32_t *find_slot(const struct pkv__chain *chain, const char *path)
{
    size_t at = pkv__hash_key(path, strlen(path)) & (chain->slot_count - 1);
    while (chain->slots[at] && strcmp(chain->entries[chain->slots[at] - 1].path, path) != 0)
        at = (at + 1) & (chain->slot_count - 1);
    return &chain->slots[at];
}

static int grow_slots(struct pkv__chain *chain, pkv_error *error)
{
    if (chain->count * 2 < chain->slot_count)
        return 0;
    size_t count = chain->slot_count ? chain->slot_count * 2 : 64;
    uint32_t *slots = pkv__alloc_zero(count, sizeof *slots);
    if (!slots)
        return pkv__error_memory(error);
    pkv__free(chain->slots);
    chain->slots = slots;
    chain->slot_count = count;
    for (size_t i = 0; i < chain->count; i++)
        *find_slot(chain, chain->entries[i].path) = (uint32_t)i + 1;
    return 0;
}

/* Room for one more, so that what is written to the file can be remembered. */
static int make_room(struct pkv__chain *chain, pkv_error *error)
{
    if (pkv__grow(&chain->entries, &chain->capacity, chain->count + 1, sizeof *chain->entries) < 0)
        return pkv__error_memory(error);
    return grow_slots(chain, error);
}

static void remember(struct pkv__chain *chain, const struct pkv__chain_entry *entry)
{
    chain->entries[chain->count++] = *entry;
    *find_slot(chain, entry->path) = (uint32_t)chain->count;
}

void pkv__chain_header(char *to, const char *uuid, const char *host, int64_t created_ns)
{
    char time[PKV_TIME_TEXT], chain_hex[PKV__CHAIN_HEX + 1] = "";
    int length = snprintf(to, 256, "# pktvault archive %s host %s created %s", uuid, host,
                          pkv_time_format(time, created_ns, 0, 1));
    struct pkv__sha256 *sha256 = pkv__sha256_new();
    if (sha256)
        pkv__chain_link(sha256, NULL, to, (size_t)length, chain_hex);
    pkv__sha256_free(sha256);
    (void)snprintf(to + length, 512 - (size_t)length, "\n" PKV__CHAIN_LINE "%s\n", chain_hex);
}

/* Takes the header's and the entries' pairs of lines up to the end or the first that is not right.
 */
static int take_pairs(struct pkv__chain *chain, const char *text, size_t length, pkv_error *error)
{
    size_t offset = 0;
    struct pkv__chain_line line, proof;
    while (pkv__chain_next_line(text, length, &offset, &line) &&
           pkv__chain_next_line(text, length, &offset, &proof)) {
        char hex[PKV__CHAIN_HEX + 1];
        struct pkv__chain_entry entry;
        bool header = chain->bytes == 0;
        if (!header && !pkv__chain_parse_entry(&line, &entry))
            break;
        pkv__chain_link(chain->sha256, header ? NULL : chain->last, line.text, line.length, hex);
        if (!pkv__chain_line_is(&proof, hex))
            break;
        int rc = header ? 0 : make_room(chain, error);
        if (rc < 0)
            return rc;
        if (!header)
            remember(chain, &entry);
        memcpy(chain->last, hex, sizeof hex);
        chain->bytes = (int64_t)offset;
    }
    return 0;
}

static int load(struct pkv__chain *chain, pkv_error *error)
{
    char *text PKV__AUTO_FREE = NULL;
    size_t length = 0;
    int rc = pkv__file_read_all(chain->path, PKV__CHAIN_MAX_BYTES, &text, &length, error);
    if (rc == 0)
        rc = take_pairs(chain, text, length, error);
    if (rc < 0)
        return rc;
    size_t good = (size_t)chain->bytes;
    if (good == length)
        return 0;
    if (good == 0 || !pkv__chain_is_torn(text + good, length - good))
        return pkv__error(error, PKV_E_FORMAT, chain->bytes,
                          "%s: damaged or changed at byte %" PRId64
                          ": the line there is not one that continues the chain",
                          chain->path, chain->bytes);
    return pkv__file_truncate(chain->fd, chain->bytes, chain->path, error);
}

int pkv__chain_open(struct pkv__chain **chain, const char *directory, pkv_error *error)
{
    struct pkv__chain *made PKV__AUTO(pkv__chain_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    made->sha256 = pkv__sha256_new();
    made->path = pkv__archive_join(directory, "chain.log");
    if (!made->sha256 || !made->path || grow_slots(made, error) < 0)
        return pkv__error_memory(error);
    made->fd = pkv__file_open(made->path, O_RDWR, error);
    if (made->fd < 0)
        return made->fd;
    int rc = load(made, error);
    if (rc < 0)
        return rc;
    *chain = PKV__STEAL(made);
    return 0;
}

const char *pkv__chain_hash(const struct pkv__chain *chain, const char *segment_path)
{
    uint32_t slot = *find_slot(chain, segment_path);
    return slot ? chain->entries[slot - 1].hash : NULL;
}

bool pkv__chain_has(const struct pkv__chain *chain, const char *segment_path)
{
    return pkv__chain_hash(chain, segment_path) != NULL;
}

static int write_pair(struct pkv__chain *chain, const char *text, size_t length, pkv_error *error)
{
    int rc = pkv__file_write_at(chain->fd, text, length, chain->bytes, chain->path, error);
    if (rc == 0)
        rc = pkv__file_sync(chain->fd, chain->path, error);
    if (rc < 0)
        (void)pkv__file_truncate(chain->fd, chain->bytes, chain->path, NULL);
    return rc;
}

int pkv__chain_append(struct pkv__chain *chain, const char *segment_path, const char hex[65],
                      pkv_error *error)
{
    struct pkv__chain_entry entry;
    char pair[PKV__CHAIN_PAIR_TEXT], after[PKV__CHAIN_HEX + 1];
    struct pkv__chain_line line = {pair, PKV__CHAIN_HEX + strlen(PKV__CHAIN_SEPARATOR) +
                                             strlen(segment_path)};
    (void)snprintf(pair, sizeof pair, "%.64s" PKV__CHAIN_SEPARATOR "%s", hex, segment_path);
    if (line.length >= sizeof pair || !pkv__chain_parse_entry(&line, &entry) ||
        strchr(entry.path, '\n'))
        return pkv__error(error, PKV_E_INVALID, -1, "%s: not a segment's path and hash",
                          segment_path);
    int rc = make_room(chain, error);
    if (rc < 0)
        return rc;
    pkv__chain_link(chain->sha256, chain->last, pair, line.length, after);
    (void)snprintf(pair + line.length, sizeof pair - line.length, "\n" PKV__CHAIN_LINE "%s\n",
                   after);
    rc = write_pair(chain, pair, strlen(pair), error);
    if (rc < 0)
        return rc;
    chain->bytes += (int64_t)strlen(pair);
    memcpy(chain->last, after, sizeof after);
    remember(chain, &entry);
    return 0;
}
