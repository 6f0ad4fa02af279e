/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/heap.h"

#include <pktvault/error.h>

#include "base/memory.h"

static bool precedes(const struct pkv__heap_item *a, const struct pkv__heap_item *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (a->segment != b->segment)
        return a->segment < b->segment;
    if (a->ordinal != b->ordinal)
        return a->ordinal < b->ordinal;
    return a->kind < b->kind;
}

int pkv__heap_push(struct pkv__heap *heap, const struct pkv__heap_item *item)
{
    if (pkv__grow(&heap->items, &heap->capacity, heap->count + 1, sizeof(*heap->items)))
        return PKV_E_MEMORY;
    size_t at = heap->count++;
    while (at && precedes(item, &heap->items[(at - 1) / 2])) {
        heap->items[at] = heap->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->items[at] = *item;
    return PKV_OK;
}

struct pkv__heap_item *pkv__heap_top(struct pkv__heap *heap)
{
    return heap->count ? heap->items : NULL;
}

void pkv__heap_top_changed(struct pkv__heap *heap)
{
    struct pkv__heap_item item = heap->items[0];
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && precedes(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!precedes(&heap->items[child], &item))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = item;
}

void pkv__heap_pop(struct pkv__heap *heap)
{
    heap->items[0] = heap->items[--heap->count];
    if (heap->count)
        pkv__heap_top_changed(heap);
}

void pkv__heap_deinit(struct pkv__heap *heap)
{
    pkv__free(heap->items);
    *heap = (struct pkv__heap){0};
}
