/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/missing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/limits.h"
#include "base/memory.h"

void pkv__missing_add(struct pkv__missing_list *list, const pkv_missing *missing)
{
    if (list->listed[missing->cause] >= PKV__MISSING_LISTED_MAX ||
        pkv__grow(&list->items, &list->capacity, list->count + 1, sizeof(*list->items))) {
        list->more[missing->cause]++;
        return;
    }
    list->listed[missing->cause]++;
    list->items[list->count++] = *missing;
}

void pkv__missing_add_unreadable(struct pkv__missing_list *list, int64_t from_ns, int64_t until_ns,
                                 const char *text)
{
    pkv_missing missing = {
        .cause = PKV_MISSING_UNREADABLE, .from_ns = from_ns, .until_ns = until_ns};
    (void)snprintf(missing.text, sizeof(missing.text), "%.190s", text);
    pkv__missing_add(list, &missing);
}

void pkv__missing_drop_gaps(struct pkv__missing_list *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i].cause != PKV_MISSING_GAP)
            list->items[kept++] = list->items[i];
    list->count = kept;
    list->listed[PKV_MISSING_GAP] = 0;
    list->more[PKV_MISSING_GAP] = 0;
}

void pkv__missing_go_back(struct pkv__missing_list *list, const struct pkv__missing_list *before)
{
    struct pkv__missing_list back = *before;
    back.items = list->items;
    back.capacity = list->capacity;
    *list = back;
}

static int compare_missing(const void *a, const void *b)
{
    const pkv_missing *x = a, *y = b;
    if (x->from_ns != y->from_ns)
        return x->from_ns < y->from_ns ? -1 : 1;
    return x->cause - y->cause;
}

void pkv__missing_sort(struct pkv__missing_list *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof(*list->items), compare_missing);
}

void pkv__missing_deinit(struct pkv__missing_list *list)
{
    pkv__free(list->items);
    *list = (struct pkv__missing_list){0};
}

int pkv__coverage_add(struct pkv__coverage *c, int64_t from_ns, int64_t until_ns, bool live)
{
    if (from_ns > until_ns)
        return PKV_OK;
    if (!c->any || from_ns < c->from_ns)
        c->from_ns = from_ns;
    if (!c->any || until_ns > c->until_ns)
        c->until_ns = until_ns;
    c->any = true;
    if (pkv__grow(&c->stretches, &c->capacity, c->count + 1, sizeof(*c->stretches)))
        return PKV_E_MEMORY;
    c->stretches[c->count++] = (struct pkv__stretch){from_ns, until_ns, live};
    return PKV_OK;
}

static int compare_stretches(const void *a, const void *b)
{
    const struct pkv__stretch *x = a, *y = b;
    return x->from_ns < y->from_ns ? -1 : x->from_ns > y->from_ns;
}

static void add_gap(int64_t from_ns, int64_t until_ns, int64_t since_ns, int64_t end_ns,
                    struct pkv__missing_list *list)
{
    pkv_missing gap = {.cause = PKV_MISSING_GAP,
                       .from_ns = from_ns > since_ns ? from_ns : since_ns,
                       .until_ns = until_ns < end_ns ? until_ns : end_ns};
    if (gap.from_ns < gap.until_ns)
        pkv__missing_add(list, &gap);
}

void pkv__coverage_gaps(struct pkv__coverage *c, int64_t since_ns, int64_t until_ns,
                        struct pkv__missing_list *list)
{
    if (!c->count)
        return;
    qsort(c->stretches, c->count, sizeof(*c->stretches), compare_stretches);
    int64_t covered = INT64_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct pkv__stretch *s = &c->stretches[i];
        if (!s->live)
            continue;
        if (covered == INT64_MAX)
            covered = s->until_ns;
        if (s->from_ns > covered) /* a lane's next segment starts where the one before ends */
            add_gap(covered, s->from_ns, since_ns, until_ns, list);
        covered = s->until_ns > covered ? s->until_ns : covered;
    }
}

void pkv__coverage_deinit(struct pkv__coverage *c)
{
    pkv__free(c->stretches);
    *c = (struct pkv__coverage){0};
}

static void add_loss(struct pkv__missing_list *list, const struct pkv__loss *loss)
{
    pkv__missing_add(list, &(pkv_missing){.cause = PKV_MISSING_KERNEL + (int)loss->cause,
                                          .from_ns = loss->from_ns,
                                          .until_ns = loss->until_ns,
                                          .packets = loss->packets});
}

void pkv__missing_add_losses(struct pkv__missing_list *list, const struct pkv__losses *losses,
                             int64_t since_ns, int64_t until_ns)
{
    size_t count;
    const struct pkv__loss *all = pkv__losses_all(losses, &count);
    for (size_t i = 0; i < count; i++)
        if (all[i].until_ns >= since_ns && all[i].from_ns < until_ns)
            add_loss(list, &all[i]);
}

void pkv__missing_add_late(struct pkv__missing_list *list, const struct pkv__losses *losses,
                           size_t first, size_t end, int64_t late_ns, int64_t since_ns)
{
    size_t count;
    const struct pkv__loss *all = pkv__losses_all(losses, &count);
    for (size_t i = first; i < end; i++)
        if (all[i].until_ns >= late_ns && all[i].until_ns < since_ns)
            add_loss(list, &all[i]);
}

int64_t pkv__coverage_within(struct pkv__coverage *c, int64_t since_ns, int64_t until_ns)
{
    uint64_t covered_ns = 0;
    int64_t behind_ns = since_ns;
    if (c->count)
        qsort(c->stretches, c->count, sizeof(*c->stretches), compare_stretches);
    for (size_t i = 0; i < c->count; i++) {
        const struct pkv__stretch *s = &c->stretches[i];
        int64_t from_ns = s->from_ns > behind_ns ? s->from_ns : behind_ns;
        int64_t end_ns = s->until_ns < until_ns ? s->until_ns + 1 : until_ns;
        if (from_ns >= end_ns)
            continue;
        covered_ns += (uint64_t)end_ns - (uint64_t)from_ns;
        behind_ns = end_ns;
    }
    return covered_ns > INT64_MAX ? INT64_MAX : (int64_t)covered_ns;
}

int pkv__missing_cause(const char *name)
{
    for (unsigned cause = 0; name && cause < PKV__LOSS_CAUSES; cause++)
        if (strcmp(name, pkv__loss_cause_name(cause)) == 0)
            return PKV_MISSING_KERNEL + (int)cause;
    return -1;
}
