/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/segment_index.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"
#include "indexer/segment_index_internal.h"

PKV__DEFINE_CLEANUP(struct pkv__segment_index, pkv__segment_index_free);

int pkv__segment_index_new(struct pkv__segment_index **index, const char *directory,
                           const struct pkv__segment_name *name)
{
    struct pkv__segment_index *made PKV__AUTO(pkv__segment_index_free) =
        pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    made->name = *name;
    made->end_ns = INT64_MIN;
    pkv__segment_stem(made->stem, name);
    PKV__AUTO_FREE char *spill_path =
        directory ? pkv__printf("%s/index/%s.spill", directory, made->stem) : NULL;
    if ((directory && !spill_path) || pkv__flow_rows_new(&made->flows, spill_path) < 0 ||
        pkv__losses_new(&made->losses, name->start_ns) < 0)
        return PKV_E_MEMORY;
    *index = PKV__STEAL(made);
    return 0;
}

struct pkv__segment_index *pkv__segment_index_free(struct pkv__segment_index *index)
{
    if (!index)
        return NULL;
    for (size_t i = 0; i < index->interface_count; i++)
        pkv__interface_deinit(&index->interface_[i].description);
    for (size_t i = 0; i < index->damage_count; i++)
        pkv__free(index->damage[i].reason);
    for (size_t i = 0; i < index->vni_name_count; i++)
        pkv__free(index->vni_name[i].label);
    (void)pkv__flow_rows_free(index->flows);
    (void)pkv__losses_free(index->losses);
    pkv__free(index->origin);
    pkv__free(index->block);
    pkv__free(index->interface_);
    pkv__free(index->damage);
    pkv__free(index->vni_name);
    pkv__free(index);
    return NULL;
}

int pkv__segment_index_add_damage(struct pkv__segment_index *index, int64_t offset,
                                  const char *reason)
{
    for (size_t i = 0; i < index->damage_count; i++)
        if (index->damage[i].offset == offset)
            return 0;
    if (index->damage_count >= PKV__DAMAGES_MAX)
        return 0;
    if (pkv__grow(&index->damage, &index->damage_capacity, index->damage_count + 1,
                  sizeof *index->damage) < 0)
        return PKV_E_MEMORY;
    char *copy = pkv__strdup(reason);
    if (!copy)
        return PKV_E_MEMORY;
    index->damage[index->damage_count++] = (struct pkv__index_damage){offset, copy};
    return 0;
}

static int add_interface(struct pkv__segment_index *index, const struct pkv__pcapng_block *block)
{
    if (index->interface_count >= PKV__INTERFACES_MAX)
        return PKV_E_FORMAT;
    if (pkv__grow(&index->interface_, &index->interface_capacity, index->interface_count + 1,
                  sizeof *index->interface_) < 0)
        return PKV_E_MEMORY;
    struct pkv__index_interface *added = &index->interface_[index->interface_count];
    *added = (struct pkv__index_interface){.packets = 0};
    int rc = pkv__pcapng_get_interface(block, &added->description);
    if (rc == 0)
        index->interface_count++;
    return rc;
}

static int add_statistics(struct pkv__segment_index *index, const struct pkv__pcapng_block *block)
{
    struct pkv__statistics statistics;
    uint32_t interface_id;
    if (pkv__pcapng_get_statistics(block, &interface_id, &statistics) < 0)
        return PKV_E_FORMAT;
    int64_t end_ns = statistics.end_ns == INT64_MIN ? statistics.time_ns : statistics.end_ns;
    if (end_ns > index->end_ns)
        index->end_ns = end_ns;
    index->recovered |= statistics.recovered;
    return pkv__losses_add(index->losses, interface_id, &statistics);
}

static void widen(int64_t *first_ns, int64_t *last_ns, int64_t time_ns)
{
    if (time_ns < *first_ns)
        *first_ns = time_ns;
    if (time_ns > *last_ns)
        *last_ns = time_ns;
}

static void note_ports(struct pkv__segment_index *index, const struct pkv__layer *layer)
{
    if (!layer->has_ports)
        return;
    index->ports[layer->src_port / 64] |= 1ull << layer->src_port % 64;
    index->ports[layer->dst_port / 64] |= 1ull << layer->dst_port % 64;
}

static int add_packet(struct pkv__segment_index *index, const struct pkv__pcapng_block *block,
                      struct pkv__index_block *row, pkv_error *error)
{
    pkv_packet packet;
    if (pkv__pcapng_get_packet(block, &packet) < 0 || packet.interface_id >= index->interface_count)
        return PKV_E_FORMAT;
    struct pkv__index_interface *interface_ = &index->interface_[packet.interface_id];
    struct pkv__facts facts;
    pkv__decode(&facts, interface_->description.view.link_type, packet.data, packet.captured_bytes,
                packet.original_bytes);
    int rc = pkv__flow_rows_add(index->flows, &facts, packet.time_ns, error);
    if (rc < 0)
        return rc;
    interface_->packets++;
    note_ports(index, &facts.inner);
    if (facts.tunnel != PKV__TUNNEL_NONE)
        note_ports(index, &facts.outer);
    if (!row->packets++)
        row->first_ns = row->last_ns = packet.time_ns;
    widen(&row->first_ns, &row->last_ns, packet.time_ns);
    return 0;
}

static int add_pcapng(struct pkv__segment_index *index, const struct pkv__pcapng_block *block,
                      struct pkv__index_block *row, pkv_error *error)
{
    switch (block->type) {
    case PKV__PCAPNG_PACKET:
        return add_packet(index, block, row, error);
    case PKV__PCAPNG_SECTION:
        return pkv__segment_index_add_section(index, block);
    case PKV__PCAPNG_INTERFACE:
        return add_interface(index, block);
    case PKV__PCAPNG_STATISTICS:
        return add_statistics(index, block);
    default:
        return 0;
    }
}

static int add_block_row(struct pkv__segment_index *index, const struct pkv__index_block *row)
{
    if (pkv__grow(&index->block, &index->block_capacity, index->block_count + 1,
                  sizeof *index->block) < 0)
        return PKV_E_MEMORY;
    index->block[index->block_count++] = *row;
    if (!index->has_packets) {
        index->first_ns = row->first_ns;
        index->last_ns = row->last_ns;
    }
    index->has_packets = true;
    widen(&index->first_ns, &index->last_ns, row->first_ns);
    widen(&index->first_ns, &index->last_ns, row->last_ns);
    index->packets += row->packets;
    return 0;
}

static int note_broken(struct pkv__segment_index *index, const struct pkv__raw_block *block)
{
    return pkv__segment_index_add_damage(index, block->offset, "a pcapng block in it is broken");
}

/* PKV_E_FORMAT: what follows in this block is not understood. */
static int add_contents(struct pkv__segment_index *index, const struct pkv__raw_block *block,
                        struct pkv__index_block *row, pkv_error *error)
{
    struct pkv__pcapng_block pcapng;
    size_t offset = 0;
    int rc;
    while ((rc = pkv__pcapng_next(block->raw, block->raw_bytes, &offset, &pcapng)) > 0) {
        rc = add_pcapng(index, &pcapng, row, error);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int pkv__segment_index_add(struct pkv__segment_index *index, const struct pkv__raw_block *block,
                           pkv_error *error)
{
    struct pkv__index_block row = {.offset = block->offset,
                                   .stored_bytes = block->stored_bytes,
                                   .raw_bytes = block->raw_bytes,
                                   .first_ordinal = index->packets};
    index->blocks++;
    index->raw_bytes += block->raw_bytes;
    int rc = add_contents(index, block, &row, error);
    if (rc == PKV_E_FORMAT)
        rc = note_broken(index, block);
    if (rc == 0 && row.packets)
        rc = add_block_row(index, &row);
    return rc == PKV_E_MEMORY ? pkv__error_memory(error) : rc;
}

int pkv__segment_index_end(struct pkv__segment_index *index, int64_t stored_bytes,
                           const char sha256[65], pkv_error *error)
{
    index->stored_bytes = stored_bytes;
    memcpy(index->sha256, sha256, sizeof index->sha256);
    return pkv__flow_rows_finish(index->flows, error);
}

/* A live source was listened to from the time in the name to its last statistics, and at least
 * until its last packet; an import covers its packets. */
void pkv__segment_index_coverage(const struct pkv__segment_index *index, int64_t *start_ns,
                                 int64_t *end_ns)
{
    *start_ns = index->import && index->has_packets ? index->first_ns : index->name.start_ns;
    *end_ns = index->import ? *start_ns : index->end_ns;
    if (index->has_packets && index->last_ns > *end_ns)
        *end_ns = index->last_ns;
    if (*end_ns < *start_ns)
        *end_ns = *start_ns;
}

const struct pkv__segment_name *pkv__segment_index_name(const struct pkv__segment_index *index)
{
    return &index->name;
}

uint64_t pkv__segment_index_packets(const struct pkv__segment_index *index)
{
    return index->packets;
}

uint64_t pkv__segment_index_flows(const struct pkv__segment_index *index)
{
    return pkv__flow_rows_count(index->flows);
}

uint64_t pkv__segment_index_bytes(const struct pkv__segment_index *index)
{
    return pkv__flow_rows_bytes(index->flows) + index->block_capacity * sizeof *index->block;
}

bool pkv__segment_index_is_damaged(const struct pkv__segment_index *index)
{
    return index->damage_count > 0;
}
