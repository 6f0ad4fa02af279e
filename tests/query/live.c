/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/query/live.h"

#include <stdlib.h>
#include <string.h>

#include "archive/lz4_block.h"
#include "archive/segment_writer.h"

/* Ethernet, IPv4 10.0.0.1 to 10.0.0.2, UDP 1000 to 53, no payload; in a tunnel (RFC 7348) between
 * 192.0.2.1 and 192.0.2.2 where there is a VNI. */
static uint32_t frame(uint8_t data[128], uint32_t vni)
{
    static const uint8_t inner[] = {2,    0, 0,  0,  0, 1, 2,    0,    0,  0,  0, 2, 8,  0,
                                    0x45, 0, 0,  28, 0, 0, 0,    0,    64, 17, 0, 0, 10, 0,
                                    0,    1, 10, 0,  0, 2, 0x03, 0xe8, 0,  53, 0, 8, 0,  0};
    static const uint8_t outer[] = {
        2,  0, 0, 0,   0, 3, 2, 0,   0, 0, 0, 4,    8,    0,    0x45, 0, 0,  78, 0, 0, 0, 0, 64,
        17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x12, 0xb5, 0, 58, 0,  0, 8, 0, 0, 0};
    uint8_t *to = data;
    if (vni) {
        memcpy(to, outer, sizeof(outer));
        to += sizeof(outer);
        *to++ = (uint8_t)(vni >> 16), *to++ = (uint8_t)(vni >> 8), *to++ = (uint8_t)vni, *to++ = 0;
    }
    memcpy(to, inner, sizeof(inner));
    return (uint32_t)(to - data) + (uint32_t)sizeof(inner);
}

static void put_contents(struct pkv__buffer *raw, const struct test_live *live)
{
    struct pkv__section section = {.sequence = live->sequence,
                                   .vni_names = &live->vni_name,
                                   .vni_names_count = live->vni_name ? 1 : 0};
    struct pkv__statistics last = {.time_ns = live->end_ns};
    uint8_t data[128];
    uint32_t length = frame(data, live->vni);
    pkv__pcapng_put_section(raw, &section);
    pkv__pcapng_put_interface(raw, &(pkv_interface){.link_type = 1, .name = "live0"});
    for (size_t i = 0; i < live->packet_count; i++)
        pkv__pcapng_put_packet(raw, &(pkv_packet){.time_ns = live->packets_ns[i],
                                                  .data = data,
                                                  .captured_bytes = length,
                                                  .original_bytes = length});
    for (size_t i = 0; i < live->statistics_count; i++) {
        pkv__pcapng_put_statistics(raw, 0, &live->statistics[i], NULL);
        last = live->statistics[i];
    }
    last.time_ns = last.end_ns = live->end_ns;
    last.start_ns = live->start_ns;
    pkv__pcapng_put_statistics(raw, 0, &last, NULL);
}

void test_live_write(const char *directory, const struct test_live *live)
{
    struct pkv__segment_name name = {.start_ns = live->start_ns, .sequence = live->sequence};
    struct pkv__segment_writer *writer = NULL;
    struct pkv__buffer raw = {.length = 0};
    pkv_error error = {0};
    if (pkv__archive_create(directory, &error) ||
        pkv__segment_writer_open(&writer, directory, &name, NULL, 0, &error))
        fail_msg("%s", error.text);
    put_contents(&raw, live);
    void *state = malloc(pkv__lz4_state_bytes());
    uint8_t *block = malloc(pkv__lz4_bound((uint32_t)raw.length) + PKV__LZ4_OVERHEAD_BYTES);
    size_t length = pkv__lz4_encode(state, block, raw.data, (uint32_t)raw.length);
    assert_int_equal(pkv__segment_writer_write(writer, block, length, &error), 0);
    if (pkv__segment_writer_seal(writer, &error))
        fail_msg("%s", error.text);
    (void)pkv__segment_writer_free(writer);
    pkv__buffer_deinit(&raw);
    free(block);
    free(state);
}
