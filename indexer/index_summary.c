/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/index_summary.h"

#include <stdlib.h>

#include "base/memory.h"
#include "indexer/segment_index_internal.h"
#include "schema/summary.h"

PKV__DEFINE_CLEANUP(struct pkv__filter_builder, pkv__filter_builder_free);

static void add_address(struct pkv__filter_builder *builder, const uint8_t *address, uint8_t length)
{
    if (length == 0)
        return;
    pkv__filter_builder_add(builder, pkv__summary_address(address, length, length * 8u));
    for (unsigned bits = pkv__summary_prefix(length, length * 8u - 1); bits;
         bits = pkv__summary_prefix(length, bits - 1))
        pkv__filter_builder_add(builder, pkv__summary_address(address, length, bits));
}

static int fill_addresses(struct pkv__buffer *filter, const struct pkv__flow_rows *flows)
{
    struct pkv__filter_builder *builder PKV__AUTO(pkv__filter_builder_free) = NULL;
    if (pkv__filter_builder_new(&builder) < 0)
        return PKV_E_MEMORY;
    for (uint32_t i = 0, count = pkv__flow_rows_hosts(flows); i < count; i++) {
        const struct pkv__flow_host *host = pkv__flow_rows_host(flows, i);
        add_address(builder, host->bytes, host->length);
    }
    for (uint32_t i = 0, count = pkv__flow_rows_tunnels(flows); i < count; i++) {
        const struct pkv__flow_tunnel *tunnel = pkv__flow_rows_tunnel(flows, i);
        add_address(builder, tunnel->outer[0], tunnel->outer_length);
        add_address(builder, tunnel->outer[1], tunnel->outer_length);
    }
    return pkv__filter_builder_finish(builder, filter);
}

static int fill_ports(struct pkv__buffer *filter, const struct pkv__segment_index *index)
{
    struct pkv__filter_builder *builder PKV__AUTO(pkv__filter_builder_free) = NULL;
    if (pkv__filter_builder_new(&builder) < 0)
        return PKV_E_MEMORY;
    for (uint32_t port = 0; port < 65536; port++)
        if (index->ports[port / 64] >> port % 64 & 1)
            pkv__filter_builder_add(builder, pkv__summary_port((uint16_t)port));
    return pkv__filter_builder_finish(builder, filter);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Ascending, each once, as LEB128 differences. */
static void put_set(struct pkv__buffer *to, uint32_t *values, size_t count)
{
    uint32_t last = 0;
    qsort(values, count, sizeof *values, compare);
    for (size_t i = 0; i < count; i++) {
        if (i && values[i] == last)
            continue;
        pkv__buffer_varint(to, values[i] - last);
        last = values[i];
    }
}

static int fill_vnis(struct pkv__buffer *list, const struct pkv__flow_rows *flows)
{
    uint32_t count = pkv__flow_rows_tunnels(flows);
    PKV__AUTO_FREE uint32_t *vnis = pkv__alloc_zero(count + (size_t)1, sizeof *vnis);
    if (!vnis)
        return PKV_E_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        vnis[i] = pkv__flow_rows_tunnel(flows, i)->vni;
    put_set(list, vnis, count);
    return list->failed ? PKV_E_MEMORY : 0;
}

static int fill_link_types(struct pkv__buffer *list, const struct pkv__segment_index *index)
{
    size_t count = 0;
    PKV__AUTO_FREE uint32_t *types = pkv__alloc_zero(index->interface_count + 1, sizeof *types);
    if (!types)
        return PKV_E_MEMORY;
    for (size_t i = 0; i < index->interface_count; i++)
        if (index->interface_[i].packets)
            types[count++] = index->interface_[i].description.view.link_type;
    put_set(list, types, count);
    return list->failed ? PKV_E_MEMORY : 0;
}

int pkv__index_summary_init(struct pkv__index_summary *summary,
                            const struct pkv__segment_index *index)
{
    *summary = (struct pkv__index_summary){.addresses = {0}};
    if (fill_addresses(&summary->addresses, index->flows) < 0 ||
        fill_ports(&summary->ports, index) < 0 || fill_vnis(&summary->vnis, index->flows) < 0 ||
        fill_link_types(&summary->link_types, index) < 0) {
        pkv__index_summary_deinit(summary);
        return PKV_E_MEMORY;
    }
    return 0;
}

void pkv__index_summary_deinit(struct pkv__index_summary *summary)
{
    pkv__buffer_deinit(&summary->addresses);
    pkv__buffer_deinit(&summary->ports);
    pkv__buffer_deinit(&summary->vnis);
    pkv__buffer_deinit(&summary->link_types);
}
