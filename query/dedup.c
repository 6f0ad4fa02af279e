/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/dedup.h"

#include <pktvault/error.h>

#include "base/limits.h"
#include "base/memory.h"

struct pkv__dedup_seen {
    int64_t time_ns;
    uint64_t content, source;
    uint64_t previous; /* number of the one before it in its slot; 0: none */
    bool matched;      /* its second copy was dropped: the next alike is a packet of its own */
};

static int init(struct pkv__dedup *dedup)
{
    if (dedup->seen)
        return PKV_OK;
    dedup->seen = pkv__alloc_zero(PKV__DEDUP_PACKETS, sizeof(*dedup->seen));
    dedup->slots = pkv__alloc_zero(PKV__DEDUP_PACKETS, sizeof(*dedup->slots));
    return dedup->seen && dedup->slots ? PKV_OK : PKV_E_MEMORY;
}

static bool is_remembered(const struct pkv__dedup *dedup, uint64_t number)
{
    return number && dedup->count - number < PKV__DEDUP_PACKETS;
}

static struct pkv__dedup_seen *at(const struct pkv__dedup *dedup, uint64_t number)
{
    return &dedup->seen[(number - 1) % PKV__DEDUP_PACKETS];
}

static bool is_copy(const struct pkv__dedup *dedup, uint64_t latest, int64_t time_ns,
                    uint64_t content, uint64_t source)
{
    struct pkv__dedup_seen *first = NULL;
    for (uint64_t number = latest; is_remembered(dedup, number);
         number = at(dedup, number)->previous) {
        struct pkv__dedup_seen *seen = at(dedup, number);
        if (time_ns - seen->time_ns > PKV__DEDUP_WINDOW_NS)
            break;
        if (seen->content == content && seen->source != source && !seen->matched)
            first = seen;
    }
    if (first)
        first->matched = true;
    return first != NULL;
}

int pkv__dedup_check(struct pkv__dedup *dedup, int64_t time_ns, uint64_t content, uint64_t source)
{
    if (init(dedup))
        return PKV_E_MEMORY;
    uint64_t *slot = &dedup->slots[content % PKV__DEDUP_PACKETS];
    if (is_copy(dedup, *slot, time_ns, content, source))
        return 1;
    uint64_t number = ++dedup->count;
    *at(dedup, number) = (struct pkv__dedup_seen){time_ns, content, source, *slot, false};
    *slot = number;
    return 0;
}

void pkv__dedup_deinit(struct pkv__dedup *dedup)
{
    pkv__free(dedup->seen);
    pkv__free(dedup->slots);
    *dedup = (struct pkv__dedup){0};
}
