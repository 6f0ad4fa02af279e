/* SPDX-License-Identifier: BSD-2-Clause */
/* Flows with a limit that is soon reached, against the same flows without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "indexer/flow_rows.h"
#include "indexer/host_order.h"
#include "tests/check.h"

#define PACKETS 5000u
#define FLOWS 97u

static char directory[] = "/tmp/pkv-flow-rows-XXXXXX", spill_path[100];
static const char *spill_to = spill_path;

/* What a packet list says, added up over all rows of a connection. */
struct seen {
    uint32_t rows, last_id;
    uint64_t packets[2], bytes[2];
    int owner[PACKETS]; /* connection of each packet, by the source port of its row; -1: nobody yet
                         */
    unsigned direction[PACKETS];
};

static struct pkv__facts packet(unsigned i)
{
    struct pkv__facts facts = {
        .tunnel = PKV__TUNNEL_VXLAN, .vni = 100 + i % 3, .inner_original_bytes = 60 + i % 100};
    unsigned flow = i % FLOWS;
    bool back = i % 5 == 4;
    const struct pkv__address client = {{10, 0, 0, (uint8_t)(flow + 1)}, 4},
                              server = {{10, 9, 0, 1}, 4};
    facts.vni = 100 + flow % 3;
    facts.outer = (struct pkv__layer){
        .class_ = PKV__CLASS_IP, .src = {{192, 0, 2, 1}, 4}, .dst = {{192, 0, 2, 2}, 4}};
    facts.inner = (struct pkv__layer){.class_ = PKV__CLASS_IP,
                                      .ethertype = 0x0800,
                                      .protocol = 6,
                                      .has_ports = true,
                                      .src = back ? server : client,
                                      .dst = back ? client : server,
                                      .src_port = (uint16_t)(back ? 443 : 40000 + flow),
                                      .dst_port = (uint16_t)(back ? 40000 + flow : 443)};
    return facts;
}

static void see_list(struct seen *seen, const struct pkv__flow_row *row,
                     const struct pkv__buffer *list)
{
    uint64_t ordinal = 0, packets[2] = {0, 0};
    for (size_t i = 0; i < list->length;) {
        uint64_t value = 0;
        for (unsigned shift = 0;; shift += 7) {
            value |= (uint64_t)(list->data[i] & 0x7f) << shift;
            if (!(list->data[i++] & 0x80))
                break;
        }
        ordinal += value >> 1;
        assert_in_range(ordinal, 0, PACKETS - 1);
        assert_int_equal(seen->owner[ordinal], -1);
        seen->owner[ordinal] = row->ports[0] == 443 ? row->ports[1] : row->ports[0];
        seen->direction[ordinal] = row->ports[value & 1];
        packets[value & 1]++;
    }
    assert_int_equal(packets[0], row->packets[0]);
    assert_int_equal(packets[1], row->packets[1]);
}

static int see_flow(void *context, uint32_t id, const struct pkv__flow_row *row,
                    const struct pkv__buffer *list)
{
    struct seen *seen = context;
    assert_int_equal(id, seen->rows);
    seen->rows++;
    for (unsigned side = 0; side < 2; side++) {
        seen->packets[side] += row->packets[side];
        seen->bytes[side] += row->bytes[side];
    }
    see_list(seen, row, list);
    return 0;
}

static struct pkv__flow_rows *rows_with(uint32_t flows_max, uint32_t packets_max, struct seen *seen)
{
    struct pkv__flow_rows *rows;
    pkv_error error;
    assert_int_equal(pkv__flow_rows_new(&rows, spill_to), 0);
    pkv__flow_rows_limit(rows, flows_max, packets_max);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct pkv__facts facts = packet(i);
        assert_done(pkv__flow_rows_add(rows, &facts, 1000 + i, &error), error);
    }
    assert_done(pkv__flow_rows_finish(rows, &error), error);
    memset(seen, 0, sizeof *seen);
    memset(seen->owner, -1, sizeof seen->owner);
    assert_done(pkv__flow_rows_each(rows, see_flow, seen, &error), error);
    return rows;
}

static void assert_every_packet_is_in_its_flow(const struct seen *seen)
{
    for (unsigned i = 0; i < PACKETS; i++) {
        struct pkv__facts facts = packet(i);
        assert_int_equal(seen->owner[i], 40000 + i % FLOWS);
        assert_int_equal(seen->direction[i], facts.inner.src_port);
    }
}

static void every_packet_is_in_its_flow(void **state)
{
    (void)state;
    static struct seen seen;
    struct pkv__flow_rows *rows = rows_with(1000, 1000000, &seen);
    assert_int_equal(seen.rows, FLOWS);
    assert_every_packet_is_in_its_flow(&seen);
    (void)pkv__flow_rows_free(rows);
}

static void past_the_limit_of_flows_nothing_is_lost(void **state)
{
    (void)state;
    static struct seen seen, whole;
    struct pkv__flow_rows *rows = rows_with(10, 1000000, &seen);
    assert_in_range(seen.rows, FLOWS + 1, PACKETS);
    assert_every_packet_is_in_its_flow(&seen);
    (void)pkv__flow_rows_free(rows);
    (void)pkv__flow_rows_free(rows_with(1000, 1000000, &whole));
    assert_int_equal(seen.bytes[0] + seen.bytes[1], whole.bytes[0] + whole.bytes[1]);
    assert_int_equal(seen.packets[0] + seen.packets[1], PACKETS);
}

static void nor_for_one_who_may_not_write_into_the_archive(void **state)
{
    (void)state;
    static struct seen seen;
    spill_to = NULL;
    struct pkv__flow_rows *rows = rows_with(10, 1000000, &seen);
    spill_to = spill_path;
    assert_in_range(seen.rows, FLOWS + 1, PACKETS);
    assert_every_packet_is_in_its_flow(&seen);
    (void)pkv__flow_rows_free(rows);
}

static void past_the_limit_of_packets_nothing_is_lost(void **state)
{
    (void)state;
    static struct seen seen;
    struct pkv__flow_rows *rows = rows_with(1000, 700, &seen);
    assert_int_equal(seen.rows, FLOWS * 8); /* 5000 packets in parts of 700 */
    assert_every_packet_is_in_its_flow(&seen);
    (void)pkv__flow_rows_free(rows);
}

static void no_temporary_file_is_left(void **state)
{
    (void)state;
    static struct seen seen;
    struct pkv__flow_rows *rows = rows_with(10, 1000000, &seen);
    assert_int_not_equal(access(spill_path, F_OK), 0);
    (void)pkv__flow_rows_free(rows);
}

static void hosts_stand_in_order_with_each_of_their_flows_once(void **state)
{
    (void)state;
    static struct seen seen;
    struct pkv__flow_rows *rows = rows_with(1000, 1000000, &seen);
    struct pkv__host_order order;
    struct pkv__buffer list = {0};
    assert_int_equal(pkv__host_order_init(&order, rows), 0);
    assert_int_equal(order.count, FLOWS + 1);
    for (uint32_t id = 1; id < order.count; id++)
        assert_true(memcmp(pkv__flow_rows_host(rows, order.numbers[id - 1]),
                           pkv__flow_rows_host(rows, order.numbers[id]), 17) < 0);
    pkv__host_order_encode(&order, FLOWS, &list); /* the server, whose address is the highest */
    assert_int_equal(list.length, FLOWS);
    assert_int_equal(list.data[0], 0);
    for (unsigned i = 1; i < FLOWS; i++)
        assert_int_equal(list.data[i], 1);
    pkv__buffer_deinit(&list);
    pkv__host_order_deinit(&order);
    (void)pkv__flow_rows_free(rows);
}

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    return snprintf(spill_path, sizeof spill_path, "%s/spill", directory) < 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_packet_is_in_its_flow),
        cmocka_unit_test(past_the_limit_of_flows_nothing_is_lost),
        cmocka_unit_test(nor_for_one_who_may_not_write_into_the_archive),
        cmocka_unit_test(past_the_limit_of_packets_nothing_is_lost),
        cmocka_unit_test(no_temporary_file_is_left),
        cmocka_unit_test(hosts_stand_in_order_with_each_of_their_flows_once),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
