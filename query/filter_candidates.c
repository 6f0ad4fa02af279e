/* SPDX-License-Identifier: BSD-2-Clause */
/* Which flows to look at, by the addresses that an expression cannot do without. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "query/filter_node.h"

void pkv__id_set_deinit(struct pkv__id_set *set)
{
    pkv__free(set->ids);
    *set = (struct pkv__id_set){0};
}

struct search {
    pkv__flows_of_fn *flows_of;
    void *context;
    pkv_error *error;
};

static int candidates(const struct pkv__node *node, const struct search *search,
                      struct pkv__id_set *set);

/* The smallest of what any child allows: sets are cheap to look through, so they are not
 * intersected. */
static int of_and(const struct pkv__node *node, const struct search *search,
                  struct pkv__id_set *set)
{
    set->all = true;
    for (node = node->child; node; node = node->next) {
        struct pkv__id_set one = {0};
        int rc = candidates(node, search, &one);
        bool better = !rc && !one.all && (set->all || one.count < set->count);
        if (better) {
            pkv__id_set_deinit(set);
            *set = one;
        } else {
            pkv__id_set_deinit(&one);
        }
        if (rc)
            return rc;
        if (!set->all && !set->count)
            break;
    }
    return PKV_OK;
}

static int merge(struct pkv__id_set *a, const struct pkv__id_set *b, pkv_error *error)
{
    struct pkv__id_set out = {0};
    if (pkv__grow(&out.ids, &out.capacity, a->count + b->count + 1, sizeof(*out.ids)))
        return pkv__error_memory(error);
    for (size_t i = 0, k = 0; i < a->count || k < b->count;) {
        bool take_a = k == b->count || (i < a->count && a->ids[i] <= b->ids[k]);
        uint32_t id = take_a ? a->ids[i++] : b->ids[k++];
        if (!out.count || out.ids[out.count - 1] != id)
            out.ids[out.count++] = id;
    }
    pkv__id_set_deinit(a);
    *a = out;
    return PKV_OK;
}

static int of_or(const struct pkv__node *node, const struct search *search, struct pkv__id_set *set)
{
    for (node = node->child; node && !set->all; node = node->next) {
        struct pkv__id_set one = {0};
        int rc = candidates(node, search, &one);
        if (!rc && one.all)
            set->all = true;
        else if (!rc)
            rc = merge(set, &one, search->error);
        pkv__id_set_deinit(&one);
        if (rc)
            return rc;
    }
    return PKV_OK;
}

static int candidates(const struct pkv__node *node, const struct search *search,
                      struct pkv__id_set *set)
{
    if (node->kind == PKV__NODE_AND)
        return of_and(node, search, set);
    if (node->kind == PKV__NODE_OR)
        return of_or(node, search, set);
    if (node->kind == PKV__NODE_ADDRESS && !node->outer)
        return search->flows_of(search->context, &node->address, node->mask, set, search->error);
    set->all = true;
    return PKV_OK;
}

int pkv__filter_candidates(const struct pkv__filter *filter, pkv__flows_of_fn *flows_of,
                           void *context, struct pkv__id_set *set, pkv_error *error)
{
    struct search search = {flows_of, context, error};
    if (filter->exact) {
        /* tcpdump finds addresses also where the decoder saw none. */
        set->all = true;
        return PKV_OK;
    }
    return candidates(filter->root, &search, set);
}
