/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/host_order.h"

#include <stdlib.h>
#include <string.h>

#include <pktvault/error.h>

#include "base/memory.h"

/* The length stands first in a host, so its bytes order as index.sql wants. */
static int compare(const void *a, const void *b, void *context)
{
    const struct pkv__flow_rows *rows = context;
    const struct pkv__flow_host *x = pkv__flow_rows_host(rows, *(const uint32_t *)a);
    const struct pkv__flow_host *y = pkv__flow_rows_host(rows, *(const uint32_t *)b);
    return memcmp(x, y, sizeof *x);
}

static void sort_hosts(struct pkv__host_order *order, const struct pkv__flow_rows *rows)
{
    for (uint32_t i = 0; i < order->count; i++)
        order->numbers[i] = i;
    qsort_r(order->numbers, order->count, sizeof *order->numbers, compare, (void *)(uintptr_t)rows);
    for (uint32_t id = 0; id < order->count; id++)
        order->ids[order->numbers[id]] = id;
}

/* A flow between a host and itself stands once. */
static unsigned ends_of(const struct pkv__flow_rows *rows, uint32_t flow, const uint32_t **ends)
{
    *ends = pkv__flow_rows_ends(rows, flow);
    return (*ends)[0] == (*ends)[1] ? 1 : 2;
}

static void sort_flows(struct pkv__host_order *order, const struct pkv__flow_rows *rows)
{
    const uint32_t *ends;
    uint32_t flows = pkv__flow_rows_count(rows), sum = 0;
    for (uint32_t flow = 0; flow < flows; flow++)
        for (unsigned i = 0, n = ends_of(rows, flow, &ends); i < n; i++)
            order->starts[ends[i]]++;
    for (uint32_t host = 0; host <= order->count; host++) {
        uint32_t count = order->starts[host];
        order->starts[host] = sum;
        sum += count;
    }
    for (uint32_t flow = 0; flow < flows; flow++)
        for (unsigned i = 0, n = ends_of(rows, flow, &ends); i < n; i++)
            order->flows[order->starts[ends[i]]++] = flow;
    memmove(order->starts + 1, order->starts, order->count * sizeof *order->starts);
    order->starts[0] = 0;
}

int pkv__host_order_init(struct pkv__host_order *order, const struct pkv__flow_rows *rows)
{
    uint32_t count = pkv__flow_rows_hosts(rows);
    *order = (struct pkv__host_order){
        .count = count,
        .numbers = pkv__alloc_zero(count + (size_t)1, sizeof(uint32_t)),
        .ids = pkv__alloc_zero(count + (size_t)1, sizeof(uint32_t)),
        .starts = pkv__alloc_zero(count + (size_t)1, sizeof(uint32_t)),
        .flows = pkv__alloc_zero(pkv__flow_rows_count(rows) + (size_t)1, 2 * sizeof(uint32_t)),
    };
    if (!order->numbers || !order->ids || !order->starts || !order->flows) {
        pkv__host_order_deinit(order);
        return PKV_E_MEMORY;
    }
    sort_hosts(order, rows);
    sort_flows(order, rows);
    return 0;
}

void pkv__host_order_deinit(struct pkv__host_order *order)
{
    pkv__free(order->numbers);
    pkv__free(order->ids);
    pkv__free(order->starts);
    pkv__free(order->flows);
    *order = (struct pkv__host_order){.count = 0};
}

void pkv__host_order_encode(const struct pkv__host_order *order, uint32_t id,
                            struct pkv__buffer *list)
{
    uint32_t number = order->numbers[id], last = 0;
    for (uint32_t i = order->starts[number]; i < order->starts[number + 1]; i++) {
        pkv__buffer_varint(list, order->flows[i] - last);
        last = order->flows[i];
    }
}
