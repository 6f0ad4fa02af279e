/* SPDX-License-Identifier: BSD-2-Clause */
/* What an answer lacks: losses, gaps, parts that cannot be read. */
#ifndef PKV_QUERY_MISSING_H
#define PKV_QUERY_MISSING_H

#include <stdbool.h>

#include <pktvault/query.h>

#include "archive/losses.h"

struct pkv__missing_list {
    pkv_missing *items;
    size_t count, capacity;
    size_t listed[PKV_MISSING_CAUSES];
    uint64_t more[PKV_MISSING_CAUSES]; /* past PKV__MISSING_LISTED_MAX, or out of memory */
};
/* Each cause has room of its own: many losses do not hide a block that cannot be read. */
void pkv__missing_add(struct pkv__missing_list *list, const pkv_missing *missing);
/* Something that cannot be read; a longer text is cut. */
void pkv__missing_add_unreadable(struct pkv__missing_list *list, int64_t from_ns, int64_t until_ns,
                                 const char *text);
void pkv__missing_drop_gaps(struct pkv__missing_list *list);
/* To what it was when it was copied; not once it was sorted. */
void pkv__missing_go_back(struct pkv__missing_list *list, const struct pkv__missing_list *before);
void pkv__missing_sort(struct pkv__missing_list *list);
void pkv__missing_deinit(struct pkv__missing_list *list);

/* Stretches that are covered: live sources were listened to, or an import has packets. */
struct pkv__stretch {
    int64_t from_ns, until_ns;
    bool live;
};
struct pkv__coverage {
    struct pkv__stretch *stretches;
    size_t count, capacity;
    int64_t from_ns, until_ns; /* of everything, imports too; from > until: nothing */
    bool any;
};
int pkv__coverage_add(struct pkv__coverage *coverage, int64_t from_ns, int64_t until_ns, bool live);
/* Adds the gaps between the first and the last live coverage that lie in [since, until). */
void pkv__coverage_gaps(struct pkv__coverage *coverage, int64_t since_ns, int64_t until_ns,
                        struct pkv__missing_list *list);
/* How much of [since, until) is covered. */
int64_t pkv__coverage_within(struct pkv__coverage *coverage, int64_t since_ns, int64_t until_ns);
void pkv__coverage_deinit(struct pkv__coverage *coverage);

/* Adds those that touch [since, until). */
void pkv__missing_add_losses(struct pkv__missing_list *list, const struct pkv__losses *losses,
                             int64_t since_ns, int64_t until_ns);
/* Adds those numbered [first, end) that ended in [late, since): told too late for an earlier
 * search.
 */
void pkv__missing_add_late(struct pkv__missing_list *list, const struct pkv__losses *losses,
                           size_t first, size_t end, int64_t late_ns, int64_t since_ns);

int pkv__missing_cause(const char *name); /* "kernel" …; -1: none */

#endif
