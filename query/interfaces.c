/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/interfaces.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

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

static int unite(struct pkv__interfaces *interfaces, const pkv_interface *view, uint32_t *id,
                 pkv_error *error)
{
    for (size_t i = 0; i < interfaces->count; i++)
        if (pkv__interface_equal(&interfaces->items[i].view, view)) {
            *id = (uint32_t)i;
            return PKV_OK;
        }
    return add(interfaces, view, id, error);
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
    pkv__free(interfaces->tunnel_ids);
    pkv__flow_set_deinit(&interfaces->tunnels);
    *interfaces = (struct pkv__interfaces){0};
}
