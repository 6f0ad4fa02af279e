/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/interfaces.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"

#define FIRST_SLOTS 16u

static int add(struct pkv__interfaces *interfaces, const pkv_interface *view, uint32_t *id,
               pkv_error *error)
{
    if (pkv__grow(&interfaces->items, &interfaces->capacity, interfaces->count + 1,
                  sizeof(*interfaces->items)) ||
        pkv__interface_init(&interfaces->items[interfaces->count], view))
        return pkv__error_memory(error);
    *id = (uint32_t)interfaces->count++;
    return PKV_OK;
}

static uint64_t hash_text(const char *text)
{
    return text ? pkv__hash_key(text, strlen(text)) : 0;
}

static uint64_t hash_of(const pkv_interface *view)
{
    const uint64_t parts[] = {(uint64_t)view->link_type << 32 | view->snap_length,
                              hash_text(view->name), hash_text(view->description),
                              pkv__hash_key(view->options, view->options_bytes)};
    return pkv__hash_key(parts, sizeof(parts));
}

/* The slot of an interface that is equal, or the free one where it belongs. */
static uint32_t *find(const struct pkv__interfaces *interfaces, const pkv_interface *view)
{
    size_t mask = interfaces->slots_count - 1, at = (size_t)hash_of(view) & mask;
    while (interfaces->slots[at] &&
           !pkv__interface_equal(&interfaces->items[interfaces->slots[at] - 1].view, view))
        at = (at + 1) & mask;
    return &interfaces->slots[at];
}

static int grow_slots(struct pkv__interfaces *interfaces)
{
    struct pkv__interfaces grown = *interfaces;
    grown.slots_count = interfaces->slots_count ? interfaces->slots_count * 2 : FIRST_SLOTS;
    grown.slots = pkv__alloc_zero(grown.slots_count, sizeof(*grown.slots));
    if (!grown.slots)
        return PKV_E_MEMORY;
    for (size_t i = 0; i < interfaces->slots_count; i++)
        if (interfaces->slots[i])
            *find(&grown, &interfaces->items[interfaces->slots[i] - 1].view) = interfaces->slots[i];
    pkv__free(interfaces->slots);
    *interfaces = grown;
    return PKV_OK;
}

static int unite(struct pkv__interfaces *interfaces, const pkv_interface *view, uint32_t *id,
                 pkv_error *error)
{
    if (interfaces->united * 2 >= interfaces->slots_count && grow_slots(interfaces))
        return pkv__error_memory(error);
    uint32_t *slot = find(interfaces, view);
    if (!*slot) {
        int rc = add(interfaces, view, id, error);
        if (rc)
            return rc;
        *slot = *id + 1;
        interfaces->united++;
    }
    *id = *slot - 1;
    return PKV_OK;
}

int pkv__interfaces_of_plan(struct pkv__interfaces *interfaces, struct pkv__plan *plan,
                            uint32_t local, uint32_t *id, pkv_error *error)
{
    if (plan->interface_map[local] == UINT32_MAX) {
        int rc =
            unite(interfaces, &plan->interfaces[local].view, &plan->interface_map[local], error);
        if (rc)
            return rc;
    }
    *id = plan->interface_map[local];
    return PKV_OK;
}

static int add_tunnel(struct pkv__interfaces *interfaces, const struct pkv__facts *facts,
                      const char *label, uint32_t *id, pkv_error *error)
{
    char name[128], address[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(facts->outer.src.length == 16 ? AF_INET6 : AF_INET, facts->outer.src.bytes,
                    address, sizeof(address));
    (void)snprintf(name, sizeof(name), "vni %u%s%s%s %s", (unsigned)facts->vni, label ? " (" : "",
                   label ? label : "", label ? ")" : "", address);
    pkv_interface view = {.link_type = PKV__LINK_ETHERNET, .name = name};
    return add(interfaces, &view, id, error);
}

int pkv__interfaces_of_tunnel(struct pkv__interfaces *interfaces, const struct pkv__flow_key *flow,
                              const struct pkv__facts *facts, const char *label, uint32_t *id,
                              pkv_error *error)
{
    struct pkv__flow_key key = {
        .tunnel = flow->tunnel, .outer_length = flow->outer_length, .vni = flow->vni};
    memcpy(key.outer, flow->outer, sizeof(key.outer));
    int rc = pkv__flow_set_add(&interfaces->tunnels, &key, error);
    if (rc < 0)
        return rc;
    size_t number = pkv__flow_set_find(&interfaces->tunnels, &key);
    if (rc == 1) {
        if (pkv__grow(&interfaces->tunnel_ids, &interfaces->tunnel_capacity, number + 1,
                      sizeof(*interfaces->tunnel_ids)))
            return pkv__error_memory(error);
        rc = add_tunnel(interfaces, facts, label, &interfaces->tunnel_ids[number], error);
        if (rc)
            return rc;
    }
    *id = interfaces->tunnel_ids[number];
    return PKV_OK;
}

void pkv__interfaces_deinit(struct pkv__interfaces *interfaces)
{
    for (size_t i = 0; i < interfaces->count; i++)
        pkv__interface_deinit(&interfaces->items[i]);
    pkv__free(interfaces->items);
    pkv__free(interfaces->slots);
    pkv__free(interfaces->tunnel_ids);
    pkv__flow_set_deinit(&interfaces->tunnels);
    *interfaces = (struct pkv__interfaces){0};
}
