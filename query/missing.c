/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/missing.h"

#include <stdlib.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/limits.h"
#include "base/memory.h"

void pkv__missing_add(struct pkv__missing_list *list, const pkv_missing *missing)
{
    if (list->count >= PKV__MISSING_LISTED_MAX ||
        pkv__grow(&list->items, &list->capacity, list->count + 1, sizeof(*list->items))) {
        list->more++;
        return;
    }
    list->items[list->count++] = *missing;
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
    if (!live)
        return PKV_OK;
    if (pkv__grow(&c->stretches, &c->capacity, c->count + 1, sizeof(*c->stretches)))
        return PKV_E_MEMORY;
    c->stretches[c->count++] = (struct pkv__stretch){from_ns, until_ns};
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

/* Between two segments of a lane there is a moment for the rename and the new file: no gap. */
#define SEAM_NS 100000000

void pkv__coverage_gaps(struct pkv__coverage *c, int64_t since_ns, int64_t until_ns,
                        struct pkv__missing_list *list)
{
    if (!c->count)
        return;
    qsort(c->stretches, c->count, sizeof(*c->stretches), compare_stretches);
    int64_t covered = c->stretches[0].until_ns;
    for (size_t i = 1; i < c->count; i++) {
        const struct pkv__stretch *s = &c->stretches[i];
        if (s->from_ns > covered && s->from_ns - covered > SEAM_NS)
            add_gap(covered, s->from_ns, since_ns, until_ns, list);
        covered = s->until_ns > covered ? s->until_ns : covered;
    }
}

void pkv__coverage_deinit(struct pkv__coverage *c)
{
    pkv__free(c->stretches);
    *c = (struct pkv__coverage){0};
}

static struct pkv__loss_reading *reading_of(struct pkv__loss_readings *readings,
                                            uint32_t interface_id, int64_t time_ns)
{
    for (size_t i = 0; i < readings->count; i++)
        if (readings->readings[i].interface_id == interface_id)
            return &readings->readings[i];
    if (pkv__grow(&readings->readings, &readings->capacity, readings->count + 1,
                  sizeof(*readings->readings)))
        return NULL;
    struct pkv__loss_reading *made = &readings->readings[readings->count++];
    *made = (struct pkv__loss_reading){.interface_id = interface_id, .last = {.time_ns = time_ns}};
    return made;
}

static void add_loss(int cause, uint64_t before, uint64_t now, int64_t from_ns, int64_t until_ns,
                     int64_t since_ns, int64_t end_ns, struct pkv__missing_list *list)
{
    pkv_missing loss = {
        .cause = cause, .from_ns = from_ns, .until_ns = until_ns, .packets = now - before};
    if (now > before && until_ns >= since_ns && from_ns < end_ns)
        pkv__missing_add(list, &loss);
}

void pkv__loss_read(struct pkv__loss_readings *readings, uint32_t interface_id,
                    const struct pkv__statistics *now, int64_t since_ns, int64_t until_ns,
                    struct pkv__missing_list *list)
{
    struct pkv__loss_reading *reading = reading_of(readings, interface_id, now->time_ns);
    if (now->start_ns != PKV_TIME_MIN && now->start_ns < readings->start_ns)
        readings->start_ns = now->start_ns;
    int64_t end_ns = now->end_ns != PKV_TIME_MIN ? now->end_ns : now->time_ns;
    if (end_ns > readings->end_ns)
        readings->end_ns = end_ns;
    if (!reading) {
        list->more++;
        return;
    }
    struct pkv__statistics *last = &reading->last;
    add_loss(PKV_MISSING_KERNEL, last->lost_kernel, now->lost_kernel, last->time_ns, now->time_ns,
             since_ns, until_ns, list);
    add_loss(PKV_MISSING_BUFFER, last->lost_buffer, now->lost_buffer, last->time_ns, now->time_ns,
             since_ns, until_ns, list);
    add_loss(PKV_MISSING_DISK, last->lost_disk, now->lost_disk, last->time_ns, now->time_ns,
             since_ns, until_ns, list);
    add_loss(PKV_MISSING_REFUSED, last->refused, now->refused, last->time_ns, now->time_ns,
             since_ns, until_ns, list);
    *last = *now;
}

void pkv__loss_readings_deinit(struct pkv__loss_readings *readings)
{
    pkv__free(readings->readings);
    *readings = (struct pkv__loss_readings){0};
}

int pkv__missing_cause(const char *name)
{
    static const char *const names[] = {"kernel", "buffer", "disk", "refused"};
    for (int i = 0; name && i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return PKV_MISSING_KERNEL + i;
    return -1;
}
