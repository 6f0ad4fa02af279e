/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/dedup.h"

#include <pktvault/error.h>

#include "base/limits.h"
#include "base/memory.h"

/* Packets that wait for their copy; a place is that in the ring + 1, 0: none. Those alike are a
 * queue, and all of one source: another source's would have been the copy of one of them, unless it
 * was late. The oldest of each queue is in the chain of its slot. */
struct pkv__dedup_seen {
    int64_t time_ns;
    uint64_t content, source;
    bool waits;
    uint32_t newer;  /* the next in the queue */
    uint32_t newest; /* of the oldest: the end of its queue */
    uint32_t chain;  /* of the oldest: the next queue of the slot */
};

static int init(struct pkv__dedup *dedup)
{
    if (dedup->seen)
        return PKV_OK;
    dedup->seen = pkv__alloc_zero(PKV__DEDUP_PACKETS, sizeof(*dedup->seen));
    dedup->slots = pkv__alloc_zero(PKV__DEDUP_PACKETS, sizeof(*dedup->slots));
    return dedup->seen && dedup->slots ? PKV_OK : PKV_E_MEMORY;
}

static struct pkv__dedup_seen *at(const struct pkv__dedup *dedup, uint32_t place)
{
    return &dedup->seen[place - 1];
}

/* What leads to the oldest of a content, or to nothing: the end of the chain. */
static uint32_t *find(const struct pkv__dedup *dedup, uint64_t content)
{
    uint32_t *link = &dedup->slots[content % PKV__DEDUP_PACKETS];
    while (*link && at(dedup, *link)->content != content)
        link = &at(dedup, *link)->chain;
    return link;
}

/* The oldest waits no more. The link then leads to the next of its queue or, behind its last, to
 * another queue. */
static void take(const struct pkv__dedup *dedup, uint32_t *link)
{
    struct pkv__dedup_seen *oldest = at(dedup, *link);
    oldest->waits = false;
    *link = oldest->newer ? oldest->newer : oldest->chain;
    if (oldest->newer) {
        at(dedup, oldest->newer)->newest = oldest->newest;
        at(dedup, oldest->newer)->chain = oldest->chain;
    }
}

/* Times may lie further apart than a difference can say. */
static bool is_past_window(int64_t time_ns, int64_t other_ns)
{
    return time_ns > other_ns && (uint64_t)time_ns - (uint64_t)other_ns > PKV__DEDUP_WINDOW_NS;
}

static bool is_copy(const struct pkv__dedup *dedup, int64_t time_ns, uint64_t content,
                    uint64_t source)
{
    uint32_t *link = find(dedup, content);
    while (*link && at(dedup, *link)->content == content &&
           is_past_window(time_ns, at(dedup, *link)->time_ns))
        take(dedup, link);
    if (!*link || at(dedup, *link)->content != content || at(dedup, *link)->source == source ||
        is_past_window(at(dedup, *link)->time_ns, time_ns)) /* this one is late */
        return false;
    take(dedup, link);
    return true;
}

/* In the place of the oldest of all, which is the oldest of its queue. */
static void wait_for_copy(struct pkv__dedup *dedup, int64_t time_ns, uint64_t content,
                          uint64_t source)
{
    uint32_t place = (uint32_t)(dedup->count++ % PKV__DEDUP_PACKETS) + 1;
    struct pkv__dedup_seen *seen = at(dedup, place);
    if (seen->waits)
        take(dedup, find(dedup, seen->content));
    *seen = (struct pkv__dedup_seen){time_ns, content, source, true, 0, place, 0};
    uint32_t *link = find(dedup, content);
    if (*link) {
        struct pkv__dedup_seen *oldest = at(dedup, *link);
        at(dedup, oldest->newest)->newer = place;
        oldest->newest = place;
    } else {
        *link = place;
    }
}

int pkv__dedup_check(struct pkv__dedup *dedup, int64_t time_ns, uint64_t content, uint64_t source)
{
    if (init(dedup))
        return PKV_E_MEMORY;
    if (is_copy(dedup, time_ns, content, source))
        return 1;
    wait_for_copy(dedup, time_ns, content, source);
    return 0;
}

void pkv__dedup_deinit(struct pkv__dedup *dedup)
{
    pkv__free(dedup->seen);
    pkv__free(dedup->slots);
    *dedup = (struct pkv__dedup){0};
}
