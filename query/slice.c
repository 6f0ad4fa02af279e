/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/slice.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "archive/pcapng.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "query/query_internal.h"

#define SNAP_LENGTH 262144u /* libpcap refuses a file of several, and none larger */
#define FLUSH_BYTES (128u << 10)
#define PCAP_MAGIC_NS 0xa1b23c4du /* draft-ietf-opsawg-pcap, section 4 */

/* What the closing statistics say. */
struct totals {
    int64_t first_ns, last_ns;
    struct pkv__statistics lost;
    size_t missing;
    int64_t missing_ns; /* where the latest of them began */
};

struct pkv_slice {
    pkv_query *query; /* NULL: between two */
    int format;
    pkv_slice_write_fn *write;
    void *context;
    struct pkv__buffer out;
    uint32_t *ids;      /* of the query's interfaces in the slice; UINT32_MAX: not written */
    uint64_t *received; /* packets of each, by number in the slice */
    size_t id_capacity, received_capacity;
    uint32_t interfaces;
    size_t known;                     /* entries of `ids` */
    struct pkv__interface *described; /* those of the slice, to be recognized in a later query */
    size_t described_capacity;
    uint32_t inherited;    /* of them written for earlier queries */
    struct totals earlier; /* of earlier queries */
};

static int flush(struct pkv_slice *slice, pkv_error *error)
{
    if (slice->out.failed)
        return pkv__error_memory(error);
    if (slice->out.length && slice->write(slice->context, slice->out.data, slice->out.length))
        return pkv__error(error, PKV_E_CANCELED, -1, "the reader of the slice stopped");
    pkv__buffer_clear(&slice->out);
    return PKV_OK;
}

static void put_pcap_header(struct pkv__buffer *b, uint16_t link_type)
{
    pkv__buffer_u32le(b, PCAP_MAGIC_NS);
    pkv__buffer_u16le(b, 2);
    pkv__buffer_u16le(b, 4);
    pkv__buffer_u32le(b, 0);
    pkv__buffer_u32le(b, 0);
    pkv__buffer_u32le(b, SNAP_LENGTH);
    pkv__buffer_u32le(b, link_type);
}

static void describe_range(struct pkv__buffer *b, const pkv_query *query)
{
    char text[PKV_TIME_TEXT];
    if (query->since_ns != PKV_TIME_MIN)
        pkv__buffer_printf(b, ", since %s", pkv_time_format(text, query->since_ns, 9, 1));
    if (query->until_ns != PKV_TIME_MAX)
        pkv__buffer_printf(b, ", until %s", pkv_time_format(text, query->until_ns, 9, 1));
    if (query->flags & PKV_QUERY_DECAP)
        pkv__buffer_printf(b, ", decapsulated");
    if (query->flags & PKV_QUERY_DEDUP)
        pkv__buffer_printf(b, ", without duplicates");
}

static void put_section(struct pkv_slice *slice)
{
    struct pkv__buffer comment = {0};
    const pkv_query *query = slice->query;
    pkv__buffer_printf(&comment, "pktvault slice of");
    for (size_t i = 0; i < query->directory_count; i++)
        pkv__buffer_printf(&comment, "%s %s", i ? "," : "", query->directories[i]);
    pkv__buffer_printf(&comment, ": %s", *query->expression ? query->expression : "everything");
    describe_range(&comment, query);
    pkv__buffer_u8(&comment, 0);
    pkv__pcapng_put_plain_section(&slice->out, NULL, NULL, "pktvault " PKV_VERSION,
                                  comment.failed ? NULL : (const char *)comment.data);
    pkv__buffer_deinit(&comment);
}

static int check_link_types(struct pkv_slice *slice, uint16_t *link_type, pkv_error *error)
{
    unsigned count;
    uint32_t snap_length;
    int rc = pkv_query_link_types(slice->query, &count, link_type, &snap_length, error);
    if (rc || count < 2)
        return rc;
    return pkv__error(error, PKV_E_UNSUPPORTED, -1,
                      "the packets have several link types, which only a pcapng file can hold: "
                      "write to a file in "
                      "pcapng, use --decap, or narrow the expression");
}

int pkv_slice_new(pkv_slice **slice, pkv_query *query, int format, int single_link_type,
                  pkv_slice_write_fn *write, void *context, pkv_error *error)
{
    uint16_t link_type = PKV__LINK_ETHERNET;
    struct pkv_slice *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    *made =
        (struct pkv_slice){.query = query, .format = format, .write = write, .context = context};
    made->earlier =
        (struct totals){.first_ns = INT64_MAX, .last_ns = INT64_MIN, .missing_ns = INT64_MIN};
    int rc = single_link_type || format == PKV_FORMAT_PCAP
                 ? check_link_types(made, &link_type, error)
                 : PKV_OK;
    if (rc) {
        pkv__free(made);
        return rc;
    }
    if (format == PKV_FORMAT_PCAP)
        put_pcap_header(&made->out, link_type);
    else
        put_section(made);
    *slice = made;
    return PKV_OK;
}

/* Equal interfaces of one query are one already; here those of an earlier query count. */
static uint32_t find_inherited(const struct pkv_slice *slice, const pkv_interface *view)
{
    uint32_t number = 0;
    while (number < slice->inherited && !pkv__interface_equal(&slice->described[number].view, view))
        number++;
    return number;
}

static int write_interface(struct pkv_slice *slice, const pkv_interface *view, pkv_error *error)
{
    size_t count = slice->interfaces + 1u;
    if (pkv__grow(&slice->received, &slice->received_capacity, count, sizeof(*slice->received)) ||
        pkv__grow(&slice->described, &slice->described_capacity, count,
                  sizeof(*slice->described)) ||
        pkv__interface_init(&slice->described[slice->interfaces], view))
        return pkv__error_memory(error);
    pkv__pcapng_put_interface(&slice->out, view);
    slice->received[slice->interfaces++] = 0;
    return PKV_OK;
}

static int put_interface(struct pkv_slice *slice, uint32_t id, pkv_error *error)
{
    pkv_interface view;
    if (pkv_query_interface(slice->query, id, &view))
        return pkv__error(error, PKV_E_INVALID, -1, "the packet has no interface of this query");
    view.snap_length = SNAP_LENGTH;
    uint32_t number = find_inherited(slice, &view);
    int rc = number < slice->inherited ? PKV_OK : write_interface(slice, &view, error);
    if (rc == PKV_OK)
        slice->ids[id] = number < slice->inherited ? number : slice->interfaces - 1;
    return rc;
}

static int interface_of(struct pkv_slice *slice, uint32_t id, uint32_t *number, pkv_error *error)
{
    if (id >= slice->known) {
        if (pkv__grow(&slice->ids, &slice->id_capacity, (size_t)id + 1, sizeof(*slice->ids)))
            return pkv__error_memory(error);
        while (slice->known <= id)
            slice->ids[slice->known++] = UINT32_MAX;
    }
    int rc = slice->ids[id] == UINT32_MAX ? put_interface(slice, id, error) : PKV_OK;
    *number = slice->ids[id];
    return rc;
}

static int add_pcapng(struct pkv_slice *slice, const pkv_packet *packet, pkv_error *error)
{
    pkv_packet numbered = *packet;
    int rc = interface_of(slice, packet->interface_id, &numbered.interface_id, error);
    if (rc)
        return rc;
    slice->received[numbered.interface_id]++;
    pkv__pcapng_put_packet(&slice->out, &numbered);
    return PKV_OK;
}

/* pcap has 32 unsigned bits of seconds. */
static int add_pcap(struct pkv_slice *slice, const pkv_packet *packet, pkv_error *error)
{
    int64_t seconds = packet->time_ns / 1000000000;
    if (packet->time_ns < 0 || seconds > UINT32_MAX)
        return pkv__error(error, PKV_E_UNSUPPORTED, -1,
                          "a packet's time is outside 1970 to 2106, which pcap cannot "
                          "hold: write pcapng");
    pkv__buffer_u32le(&slice->out, (uint32_t)seconds);
    pkv__buffer_u32le(&slice->out, (uint32_t)(packet->time_ns % 1000000000));
    pkv__buffer_u32le(&slice->out, packet->captured_bytes);
    pkv__buffer_u32le(&slice->out, packet->original_bytes);
    pkv__buffer_bytes(&slice->out, packet->data, packet->captured_bytes);
    return PKV_OK;
}

int pkv_slice_add(pkv_slice *slice, const pkv_packet *packet, pkv_error *error)
{
    int rc = slice->format == PKV_FORMAT_PCAP ? add_pcap(slice, packet, error)
                                              : add_pcapng(slice, packet, error);
    if (rc)
        return rc;
    if (slice->out.failed)
        return pkv__error_memory(error);
    return slice->out.length >= FLUSH_BYTES ? flush(slice, error) : PKV_OK;
}

static void add_loss(struct pkv__statistics *to, const pkv_missing *missing)
{
    to->lost_kernel += missing->cause == PKV_MISSING_KERNEL ? missing->packets : 0;
    to->lost_buffer += missing->cause == PKV_MISSING_BUFFER ? missing->packets : 0;
    to->lost_disk += missing->cause == PKV_MISSING_DISK ? missing->packets : 0;
    to->refused += missing->cause == PKV_MISSING_REFUSED ? missing->packets : 0;
}

/* Losses and gaps that reach from the range of one query into the next are told by both. */
static bool was_counted(const struct totals *earlier, const pkv_query *query,
                        const pkv_missing *missing)
{
    if (earlier->missing_ns == INT64_MIN)
        return false;
    bool goes_on = missing->cause == PKV_MISSING_GAP && missing->from_ns == query->since_ns;
    return goes_on || missing->from_ns <= earlier->missing_ns;
}

static void add_missing(struct totals *totals, const pkv_query *query,
                        const pkv_query_report *report)
{
    const struct totals earlier = *totals;
    for (size_t i = 0; i < report->missing_count; i++) {
        const pkv_missing *missing = &report->missing[i];
        if (was_counted(&earlier, query, missing))
            continue;
        totals->missing++;
        add_loss(&totals->lost, missing);
        if (missing->from_ns > totals->missing_ns)
            totals->missing_ns = missing->from_ns;
    }
}

static void add_query(struct totals *totals, const pkv_query *query)
{
    pkv_query_report report;
    if (!query || pkv_query_report_get(query, &report) != PKV_OK)
        return;
    if (report.packets > 0 && report.first_ns < totals->first_ns)
        totals->first_ns = report.first_ns;
    if (report.packets > 0 && report.last_ns > totals->last_ns)
        totals->last_ns = report.last_ns;
    add_missing(totals, query, &report);
}

/* One a written interface; losses are known by lane and not by packet, so they stand with the
 * first. */
static void put_statistics(struct pkv_slice *slice)
{
    struct totals totals = slice->earlier;
    add_query(&totals, slice->query);
    for (uint32_t i = 0; i < slice->interfaces; i++) {
        struct pkv__statistics statistics = i == 0 ? totals.lost : (struct pkv__statistics){0};
        char comment[120];
        statistics.time_ns = statistics.end_ns = totals.last_ns;
        statistics.start_ns = totals.first_ns;
        statistics.received = slice->received[i] + statistics.lost_kernel + statistics.lost_buffer +
                              statistics.lost_disk;
        (void)snprintf(comment, sizeof(comment),
                       "%llu packets in this slice; %zu losses, gaps or unreadable parts",
                       (unsigned long long)slice->received[i], totals.missing);
        pkv__pcapng_put_statistics(&slice->out, i, &statistics, comment);
    }
}

int pkv_slice_flush(pkv_slice *slice, pkv_error *error)
{
    return flush(slice, error);
}

void pkv_slice_continue(pkv_slice *slice, pkv_query *query)
{
    add_query(&slice->earlier, slice->query);
    slice->query = query;
    slice->known = 0;
    slice->inherited = slice->interfaces;
}

int pkv_slice_finish(pkv_slice *slice, pkv_error *error)
{
    if (slice->format == PKV_FORMAT_PCAPNG)
        put_statistics(slice);
    return flush(slice, error);
}

pkv_slice *pkv_slice_free(pkv_slice *slice)
{
    if (!slice)
        return NULL;
    pkv__buffer_deinit(&slice->out);
    for (uint32_t i = 0; i < slice->interfaces; i++)
        pkv__interface_deinit(&slice->described[i]);
    pkv__free(slice->described);
    pkv__free(slice->ids);
    pkv__free(slice->received);
    pkv__free(slice);
    return NULL;
}
