/* SPDX-License-Identifier: BSD-2-Clause */
/* A set of flow identities. */
#ifndef PKV_QUERY_FLOW_SET_H
#define PKV_QUERY_FLOW_SET_H

#include <pktvault/error.h>

#include "flow/flow.h"

struct pkv__flow_set {
    struct pkv__flow_key *keys; /* in the order of adding */
    uint32_t *slots;            /* number in `keys` + 1 */
    size_t count, capacity, slot_count;
};

/* 0 it was there, 1 added, or an error. */
int pkv__flow_set_add(struct pkv__flow_set *set, const struct pkv__flow_key *key, pkv_error *error);
bool pkv__flow_set_has(const struct pkv__flow_set *set, const struct pkv__flow_key *key);
/* The number of the key in order of adding, or SIZE_MAX. */
size_t pkv__flow_set_find(const struct pkv__flow_set *set, const struct pkv__flow_key *key);
void pkv__flow_set_deinit(struct pkv__flow_set *set);

#endif
