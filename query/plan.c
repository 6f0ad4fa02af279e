/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

int pkv__plan_new(struct pkv__plan **plan, const char *path, uint32_t segment, pkv_error *error)
{
    struct pkv__plan *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made || !(made->path = pkv__strdup(path))) {
        pkv__free(made);
        return pkv__error_memory(error);
    }
    made->segment = segment;
    *plan = made;
    return PKV_OK;
}

void pkv__plan_clear(struct pkv__plan *plan)
{
    for (size_t i = 0; i < plan->interface_count; i++)
        pkv__interface_deinit(&plan->interfaces[i]);
    pkv__free(plan->interfaces);
    pkv__free(plan->interface_map);
    pkv__free(plan->blocks);
    pkv__free(plan->entries);
    pkv__free(plan->flows);
    pkv__vni_names_deinit(&plan->names);
    struct pkv__plan kept = {.path = plan->path,
                             .segment = plan->segment,
                             .known_bytes = plan->known_bytes,
                             .late_ns = plan->late_ns};
    *plan = kept;
}

struct pkv__plan *pkv__plan_free(struct pkv__plan *plan)
{
    if (!plan)
        return NULL;
    pkv__plan_clear(plan);
    pkv__free(plan->path);
    pkv__free(plan);
    return NULL;
}

int64_t pkv__plan_since(const struct pkv__plan *plan, const struct pkv__plan_request *request,
                        int64_t offset)
{
    return offset < plan->known_bytes ? request->since_ns : plan->late_ns;
}

int pkv__plan_add_flow(struct pkv__plan *plan, struct pkv__plan_flow **flow)
{
    /* Entries keep the number of a flow in 30 bits. */
    if (plan->flow_count >= UINT32_MAX / 4)
        return PKV_E_LIMIT;
    if (pkv__grow(&plan->flows, &plan->flow_capacity, plan->flow_count + 1, sizeof(*plan->flows)))
        return PKV_E_MEMORY;
    *flow = &plan->flows[plan->flow_count++];
    memset(*flow, 0, sizeof(**flow));
    return PKV_OK;
}

int pkv__plan_add_entry(struct pkv__plan *plan, uint32_t ordinal, uint32_t flow)
{
    if (pkv__grow(&plan->entries, &plan->entry_capacity, plan->entry_count + 1,
                  sizeof(*plan->entries)))
        return PKV_E_MEMORY;
    plan->entries[plan->entry_count++] = (struct pkv__plan_entry){ordinal, flow};
    return PKV_OK;
}

int pkv__plan_add_block(struct pkv__plan *plan, const struct pkv__plan_block *block)
{
    if (pkv__grow(&plan->blocks, &plan->block_capacity, plan->block_count + 1,
                  sizeof(*plan->blocks)))
        return PKV_E_MEMORY;
    plan->blocks[plan->block_count++] = *block;
    return PKV_OK;
}

int pkv__plan_add_interface(struct pkv__plan *plan, const pkv_interface *view)
{
    size_t capacity = plan->interface_capacity;
    if (plan->interface_count >= PKV__INTERFACES_MAX)
        return PKV_E_LIMIT;
    if (pkv__grow(&plan->interfaces, &plan->interface_capacity, plan->interface_count + 1,
                  sizeof(*plan->interfaces)) ||
        pkv__grow(&plan->interface_map, &capacity, plan->interface_count + 1,
                  sizeof(*plan->interface_map)))
        return PKV_E_MEMORY;
    int rc = pkv__interface_init(&plan->interfaces[plan->interface_count], view);
    if (!rc)
        plan->interface_map[plan->interface_count++] = UINT32_MAX;
    return rc;
}

/* Radix sort, a byte a pass: a busy host has hundreds of thousands of entries in a segment. */
static void sort_pass(struct pkv__plan_entry *to, const struct pkv__plan_entry *from, size_t count,
                      unsigned shift)
{
    size_t at[257] = {0};
    for (size_t i = 0; i < count; i++)
        at[(from[i].ordinal >> shift & 0xff) + 1]++;
    for (unsigned i = 0; i < 256; i++)
        at[i + 1] += at[i];
    for (size_t i = 0; i < count; i++)
        to[at[from[i].ordinal >> shift & 0xff]++] = from[i];
}

static bool is_sorted(const struct pkv__plan *plan, uint32_t *largest)
{
    bool sorted = true;
    *largest = 0;
    for (size_t i = 0; i < plan->entry_count; i++) {
        if (plan->entries[i].ordinal < *largest)
            sorted = false;
        else
            *largest = plan->entries[i].ordinal;
    }
    return sorted;
}

int pkv__plan_sort_entries(struct pkv__plan *plan)
{
    uint32_t largest;
    if (is_sorted(plan, &largest))
        return PKV_OK;
    struct pkv__plan_entry *other = pkv__realloc(NULL, plan->entry_count, sizeof(*other));
    if (!other)
        return PKV_E_MEMORY;
    for (unsigned shift = 0; shift < 32 && largest >> shift; shift += 8) {
        sort_pass(other, plan->entries, plan->entry_count, shift);
        struct pkv__plan_entry *swap = plan->entries;
        plan->entries = other;
        other = swap;
    }
    plan->entry_capacity = plan->entry_count;
    pkv__free(other);
    return PKV_OK;
}

static int compare_blocks(const void *a, const void *b)
{
    const struct pkv__plan_block *x = a, *y = b;
    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return x->first_ordinal < y->first_ordinal ? -1 : x->first_ordinal > y->first_ordinal;
}

void pkv__plan_sort_blocks(struct pkv__plan *plan)
{
    if (plan->block_count)
        qsort(plan->blocks, plan->block_count, sizeof(*plan->blocks), compare_blocks);
}
