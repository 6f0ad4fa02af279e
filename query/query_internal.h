/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of a query share. */
#ifndef PKV_QUERY_QUERY_INTERNAL_H
#define PKV_QUERY_QUERY_INTERNAL_H

#include <pktvault/query.h>

#include "base/options.h"
#include "query/catalog.h"
#include "query/dedup.h"
#include "query/flow_count.h"
#include "query/heap.h"
#include "query/interfaces.h"
#include "query/loader.h"
#include "query/missing.h"
#include "query/plan.h"
#include "query/run.h"
#include "query/segments.h"
#include "query/spill.h"

/* A query reads in this order: segments that may match are put into the heap by their earliest
 * time; one that comes to the top is planned, and its blocks are put there; a block that comes to
 * the top is read, and its packets are. So a packet leaves when nothing unread can precede it, and
 * no more is open than overlaps. */
struct pkv_query {
    char *expression;
    int64_t since_ns, until_ns;
    int64_t begin_ns;      /* since_ns of the first of those that go on one from another */
    int64_t gaps_since_ns; /* since_ns, or what was covered last: a gap is known when it ends */
    unsigned flags;
    struct pkv__filter *filter;
    struct pkv__plan_request request;
    struct pkv__flow_set whole;

    char **directories;
    struct pkv__catalog **catalogs; /* of the directories, opened with the first use; NULL: not */
    size_t directory_count;
    struct pkv__segments segments;
    struct pkv__vni_names names; /* of all archives: for the expression */
    bool has_names;
    pkv_error names_unread;

    bool started;
    struct pkv__heap heap;
    struct pkv__loader *loader; /* NULL: nothing was read yet */
    struct pkv__spill *spill;
    size_t held_bytes;

    struct pkv__run *current; /* gave the last packet; still the top of the heap */
    pkv_packet packet;        /* the last, as stored */
    struct pkv__buffer frame; /* the last, decapsulated */
    char vni_name[33];
    struct pkv__interfaces interfaces;
    struct pkv__dedup dedup;
    struct pkv__flow_count flows; /* of the packets given, or counted */

    struct pkv__missing_list missing;
    struct pkv__coverage coverage;
    pkv_query_report report;
    int canceled;
};

/* The catalog of a directory, or NULL: it cannot be read. It is the query's. */
struct pkv__catalog *pkv__query_catalog(struct pkv_query *query, size_t directory);

/* Fills in the segments and what the catalogs say; how far segments were read is kept. */
int pkv__query_find_segments(struct pkv_query *query, pkv_error *error);

/* A pkv__vni_names_fn; context: the query. */
int pkv__query_expression_names(void *query, const struct pkv__vni_names **names, pkv_error *error);

/* Plans a segment: by its index, else by a scan. A segment that cannot be read is reported and
 * gives an empty plan. PKV__PLAN_SPOILED: the request's `row` was given flows of an index that is
 * damaged; they are to be forgotten, and asked for twice. */
enum { PKV__PLAN_SPOILED = 1 };
int pkv__query_plan(struct pkv_query *query, uint32_t segment,
                    const struct pkv__plan_request *request, struct pkv__plan **plan,
                    pkv_error *error);

/* No packet of the segment that is wanted is earlier. */
int64_t pkv__query_late_ns(const struct pkv__candidate *candidate,
                           const struct pkv__plan_request *request);

/* Names of VNIs at the time of the segment, once: a scan finds them in the segment itself. */
void pkv__query_read_names(struct pkv_query *query, struct pkv__plan *plan);

/* The path of a segment now: one that was open may have been sealed since it was listed. Free with
 * pkv__free. */
char *pkv__query_segment_path(struct pkv_query *query, const struct pkv__candidate *candidate);
void pkv__query_add_unreadable(struct pkv_query *query, int64_t from_ns, int64_t until_ns,
                               const char *text);
/* Whether an error ends the query; others cost a segment or a block, and are reported. */
bool pkv__query_is_fatal(int code);

/* Frees a plan of which blocks may still be read ahead. */
void pkv__query_drop_plan(struct pkv_query *query, struct pkv__plan *plan);

/* Loads a block; one that cannot be read is reported, and *run is NULL, as it is without a packet.
 */
int pkv__query_load(struct pkv_query *query, struct pkv__plan *plan, size_t block,
                    const struct pkv__plan_request *request, struct pkv__run **run,
                    pkv_error *error);

/* The next packet as it is stored. 1, 0 no more, or an error. */
int pkv__query_step(struct pkv_query *query, pkv_error *error);
void pkv__query_rewind(struct pkv_query *query);

/* The entry of the packet given last. */
const struct pkv__plan_entry *pkv__query_entry(const struct pkv_query *query);

int pkv__query_check_canceled(const struct pkv_query *query, pkv_error *error);

#endif
