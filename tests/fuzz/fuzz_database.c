/* SPDX-License-Identifier: BSD-2-Clause */
/* The index of a segment, or the catalog, from a stranger: opened and searched as `query`, `flows`
 * and `status` do it. The first byte of the input says which database and how it is made hostile
 * (database_sabotage.h), the second what is asked.
 *
 * The databases are derived, so they may lie: about what matches, and what is there at all. They
 * may not crash, delay or stop a query. What is given is stored, and given once; who does not use
 * the database gets the true answer, and so does everybody where a change left the sums of its
 * pages as they were. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <pktvault/pktvault.h>

#include "base/hash.h"
#include "tests/fuzz/database_sabotage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ALL_PACKETS = 100 };

static const int64_t middle_ns = 1700000000030000000;

static const struct question {
    const char *expression;
    unsigned flags;
    int64_t since_ns;
    int has_names; /* the answer depends on names, which the catalog tells */
} questions[] = {
    {"", 0, PKV_TIME_MIN, 0},
    {"ip and udp", PKV_QUERY_DECAP, PKV_TIME_MIN, 0},
    {"host 10.0.0.3", 0, PKV_TIME_MIN, 0},
    {"vni 100 and port 53", PKV_QUERY_DECAP, PKV_TIME_MIN, 0},
    {"net 10.0.0.0/8 and not tcp", PKV_QUERY_WHOLE, middle_ns, 0},
    {"host 10.0.0.201 and port 80", PKV_QUERY_WHOLE | PKV_QUERY_DECAP, middle_ns, 0},
    {"vni web", PKV_QUERY_DEDUP, PKV_TIME_MIN, 1},
    {"outer host 192.0.2.1 or arp", 0, middle_ns, 0},
    {"tcp[tcpflags] & tcp-syn != 0", PKV_QUERY_EXACT, PKV_TIME_MIN, 0},
    {"malformed or truncated", 0, PKV_TIME_MIN, 0},
    {"src host 10.0.0.1 and dst port 80", PKV_QUERY_NO_INDEX, PKV_TIME_MIN, 0},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

struct answer {
    uint64_t packets[ALL_PACKETS];
    size_t count;
    pkv_query_report report;
};

static struct fuzz_archive archive;
static struct answer truth[QUESTIONS]; /* by reading the segments */
static pid_t owner;                    /* afl-fuzz forks */

static uint64_t hash_of(const pkv_packet *packet)
{
    uint64_t parts[] = {(uint64_t)packet->time_ns, packet->original_bytes,
                        pkv__hash64(packet->data, packet->captured_bytes)};
    return pkv__hash64(parts, sizeof parts);
}

static void check_address(const pkv_address *address)
{
    fuzz_require(address->length == 0 || address->length == 4 || address->length == 6 ||
                 address->length == 16);
}

static void check_packet(const pkv_query *query, const pkv_packet *packet)
{
    pkv_summary summary;
    pkv_interface interface_;
    pkv_query_summary(query, &summary);
    check_address(&summary.src);
    check_address(&summary.dst);
    fuzz_require(strlen(summary.protocol) < sizeof summary.protocol);
    fuzz_require(!summary.vni_name || strlen(summary.vni_name) <= 32);
    fuzz_require(pkv_query_interface(query, packet->interface_id, &interface_) == 0);
}

static void check_report(const pkv_query_report *report)
{
    fuzz_require(report->covered_from_ns <= report->covered_until_ns && report->covered_ns >= 0);
    for (size_t i = 0; i < report->missing_count; i++) {
        fuzz_require(report->missing[i].cause >= PKV_MISSING_KERNEL &&
                     report->missing[i].cause <= PKV_MISSING_UNREADABLE);
        fuzz_require(memchr(report->missing[i].text, 0, sizeof report->missing[i].text) != NULL);
    }
}

/* 0, or PKV_E_SYNTAX where a name is not known. */
static int open_query(pkv_query **query, const struct question *q, unsigned flags)
{
    const char *directory = archive.directory;
    int rc = pkv_query_open(query, &directory, 1, q->expression, q->since_ns, PKV_TIME_MAX, flags,
                            NULL, NULL);
    fuzz_require(rc == 0 || (q->has_names && rc == PKV_E_SYNTAX));
    return rc;
}

static int ask(struct answer *answer, const struct question *q, unsigned flags)
{
    pkv_query *query = NULL;
    pkv_packet packet;
    int rc = open_query(&query, q, flags);
    answer->count = 0;
    if (rc)
        return rc;
    while ((rc = pkv_query_next(query, &packet, NULL)) == PKV_PACKET) {
        fuzz_require(answer->count < ALL_PACKETS);
        answer->packets[answer->count++] = hash_of(&packet);
        check_packet(query, &packet);
    }
    fuzz_require(rc == 0);
    fuzz_require(pkv_query_report_get(query, &answer->report) == 0);
    fuzz_require(answer->report.packets == answer->count);
    check_report(&answer->report);
    (void)pkv_query_free(query);
    return 0;
}

static void remove_archive(void)
{
    if (owner == getpid())
        fuzz_archive_remove(&archive);
}

static void prepare(void)
{
    if (owner == getpid())
        return;
    if (!owner)
        (void)atexit(remove_archive);
    owner = getpid();
    fuzz_archive_make(&archive);
    for (size_t i = 0; i < QUESTIONS; i++)
        fuzz_require(ask(&truth[i], &questions[i], questions[i].flags | PKV_QUERY_NO_INDEX) == 0 &&
                     truth[i].count > 0);
}

/* Everything that is given is one of all packets, and each of these is given once. */
static void check_stored(const struct answer *answer, const struct answer *all)
{
    uint8_t given[ALL_PACKETS] = {0};
    for (size_t i = 0; i < answer->count; i++) {
        size_t at = 0;
        while (at < all->count && (given[at] || all->packets[at] != answer->packets[i]))
            at++;
        fuzz_require(at < all->count);
        given[at] = 1;
    }
}

static void check_true(const struct answer *answer, const struct answer *true_)
{
    fuzz_require(answer->count == true_->count);
    fuzz_require(memcmp(answer->packets, true_->packets, true_->count * sizeof *true_->packets) ==
                 0);
}

static void ask_for_packets(unsigned number, int of_index, int is_seen)
{
    const struct question *q = &questions[number];
    struct answer answer;
    if (ask(&answer, q, q->flags)) {
        fuzz_require(!is_seen);
        return;
    }
    if (is_seen)
        check_true(&answer, &truth[number]);
    /* What is inside depends on the link type, about which an index may lie. */
    if (q->flags & PKV_QUERY_DECAP)
        fuzz_require(answer.count <= truth[0].count);
    else
        check_stored(&answer, &truth[0]);
    /* Of two segments one has a good index: a scan means that the other's was not used. (--whole
     * asks twice, and may have used it the first time.) */
    if (of_index && answer.report.segments_scanned && !(q->flags & PKV_QUERY_WHOLE))
        check_true(&answer, &truth[number]);
}

static int see_flow(void *context, const pkv_flow *flow)
{
    unsigned *count = context;
    ++*count;
    check_address(&flow->src);
    check_address(&flow->dst);
    check_address(&flow->outer_a);
    check_address(&flow->outer_b);
    fuzz_require(flow->tunnel >= PKV_TUNNEL_NONE && flow->tunnel <= PKV_TUNNEL_GENEVE);
    fuzz_require(flow->vni < 1u << 24);
    fuzz_require(strlen(flow->protocol) < sizeof flow->protocol);
    fuzz_require(strlen(flow->community_id) < sizeof flow->community_id);
    return 0;
}

static void ask_for_flows(const struct question *q, int by)
{
    pkv_query *query = NULL;
    pkv_query_report report;
    unsigned count = 0;
    if (open_query(&query, q, q->flags & ~(unsigned)(PKV_QUERY_WHOLE | PKV_QUERY_DEDUP)))
        return;
    fuzz_require(pkv_query_flows(query, by, by % 3, 0, see_flow, &count, NULL) == 0);
    fuzz_require(pkv_query_report_get(query, &report) == 0);
    check_report(&report);
    (void)pkv_query_free(query);
}

static void ask_for_link_types(const struct question *q)
{
    pkv_query *query = NULL;
    unsigned count;
    uint16_t link_type;
    uint32_t snap_length;
    if (open_query(&query, q, q->flags))
        return;
    fuzz_require(pkv_query_link_types(query, &count, &link_type, &snap_length, NULL) == 0);
    (void)pkv_query_free(query);
}

static int see_missing(void *context, const pkv_missing *missing)
{
    (void)context;
    fuzz_require(memchr(missing->text, 0, sizeof missing->text) != NULL);
    return 0;
}

static void ask_for_status(void)
{
    pkv_status status;
    fuzz_require(pkv_status_get(&status, archive.directory, NULL) == 0);
    fuzz_require(status.sealed_segments == 2);
    fuzz_require(pkv_status_missing(archive.directory, PKV_TIME_MIN, PKV_TIME_MAX, see_missing,
                                    NULL, NULL) == 0);
}

/* 1: nothing of it may be believed, since it is a change of the valid file with the sums of that.
 */
static int sabotage(const struct fuzz_database *database, uint8_t how, struct pkv__cursor *input)
{
    static void (*const ways[])(const struct fuzz_database *, struct pkv__cursor *) = {
        fuzz_sabotage_file, fuzz_sabotage_bytes, fuzz_sabotage_rows};
    if (how / 12 % 2) {
        fuzz_sabotage_log(database, input);
        return 0;
    }
    ways[how % 3](database, input);
    return database->leaves_sums && ways[how % 3] != fuzz_sabotage_file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pkv__cursor input = pkv__cursor(data, size);
    uint8_t how = pkv__cursor_u8(&input), what = pkv__cursor_u8(&input);
    unsigned number = what % QUESTIONS;
    prepare();
    int of_index = how % 2 == 0;
    struct fuzz_database database = of_index ? archive.index : archive.catalog;
    database.leaves_sums = how / 48 % 2;
    int is_seen = sabotage(&database, how / 2, &input);
    unsigned only = how / 6 % 4; /* one of three, for speed; 0: all */
    if (!only || only == 1)
        ask_for_packets(number, of_index, is_seen);
    if (!only || only == 2)
        ask_for_flows(&questions[number], what / QUESTIONS % 5);
    if (!only || only == 3)
        ask_for_link_types(&questions[number]);
    if (!of_index && (!only || only == 3))
        ask_for_status();
    fuzz_database_put(&database, database.data, database.size);
    return 0;
}
