/* SPDX-License-Identifier: BSD-2-Clause */
/* make_segment ARCHIVE CAPTURE LANE [unsealed|import|live]: one segment that holds a capture file.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "archive/directory.h"
#include "archive/lz4_block.h"
#include "archive/pcapng.h"
#include "archive/segment_writer.h"
#include "base/limits.h"

static const char *const usage =
    "usage: make_segment ARCHIVE CAPTURE LANE [unsealed|import|live [ROTATE_BYTES]]\n";

struct making {
    const char *directory, *mode;
    uint32_t lane;
    uint64_t sequence, raw_bytes, rotate_bytes;
    struct pkv__segment_writer *writer;
    struct pkv__buffer raw;
    pkv_interface interface_;
    int64_t first_ns, last_ns;
    void *state;
    uint8_t *stored;
};

static void check(int rc, const pkv_error *error)
{
    if (rc >= 0)
        return;
    (void)fprintf(stderr, "make_segment: %s\n", error->text);
    exit(1);
}

static void flush(struct making *m)
{
    pkv_error error;
    if (!m->raw.length)
        return;
    uint32_t length = pkv__lz4_encode(m->state, m->stored, m->raw.data, (uint32_t)m->raw.length);
    check(pkv__segment_writer_write(m->writer, m->stored, length, &error), &error);
    m->raw_bytes += m->raw.length;
    pkv__buffer_clear(&m->raw);
}

static void begin(struct making *m, int64_t start_ns)
{
    pkv_error error;
    struct pkv__segment_name name = {start_ns, m->lane, m->sequence++};
    check(pkv__segment_writer_open(&m->writer, m->directory, &name, NULL, 0, &error), &error);
    const char *names[] = {"100-149 web", "4711 db"};
    struct pkv__section section = {.lane = name.lane,
                                   .sequence = name.sequence,
                                   .import = strcmp(m->mode, "import") == 0,
                                   .origin = "test",
                                   .origin_length = 4,
                                   .vni_names = names,
                                   .vni_names_count = 2};
    check(pkv__archive_uuid(m->directory, section.uuid, &error), &error);
    m->raw_bytes = 0;
    m->first_ns = start_ns;
    pkv__pcapng_put_section(&m->raw, &section);
    pkv__pcapng_put_interface(&m->raw, &m->interface_);
}

static void end(struct making *m)
{
    pkv_error error;
    struct pkv__statistics statistics = {.time_ns = m->last_ns,
                                         .start_ns = m->first_ns,
                                         .end_ns = m->last_ns + 1000,
                                         .lost_kernel = 7};
    bool sealed = strcmp(m->mode, "unsealed") != 0;
    if (sealed)
        pkv__pcapng_put_statistics(&m->raw, 0, &statistics, NULL);
    flush(m);
    if (sealed)
        check(pkv__segment_writer_seal(m->writer, &error), &error);
    m->writer = pkv__segment_writer_free(m->writer);
}

static void put(struct making *m, const struct pcap_pkthdr *header, const uint8_t *data)
{
    pkv_packet packet = {.time_ns = header->ts.tv_sec * 1000000000ll + header->ts.tv_usec,
                         .data = data,
                         .captured_bytes = header->caplen,
                         .original_bytes = header->len};
    if (m->writer && m->raw_bytes + m->raw.length > m->rotate_bytes)
        end(m);
    if (!m->writer)
        begin(m, packet.time_ns);
    if (m->raw.length + pkv__pcapng_packet_bytes(&packet) > PKV__BLOCK_TARGET_BYTES)
        flush(m);
    pkv__pcapng_put_packet(&m->raw, &packet);
    m->last_ns = packet.time_ns;
}

int main(int argc, char **argv)
{
    char text[PCAP_ERRBUF_SIZE];
    pkv_error error;
    if (argc < 4) {
        (void)fputs(usage, stderr);
        return 2;
    }
    struct making m = {.directory = argv[1],
                       .mode = argc > 4 ? argv[4] : "live",
                       .lane = (uint32_t)strtoul(argv[3], NULL, 10),
                       .rotate_bytes = argc > 5 ? strtoull(argv[5], NULL, 10) : 256ull << 20,
                       .state = malloc(pkv__lz4_state_bytes()),
                       .stored = malloc(pkv__lz4_bound(PKV__BLOCK_MAX_BYTES))};
    pcap_t *capture =
        pcap_open_offline_with_tstamp_precision(argv[2], PCAP_TSTAMP_PRECISION_NANO, text);
    if (!capture || !m.state || !m.stored) {
        (void)fprintf(stderr, "make_segment: %s\n", capture ? "out of memory" : text);
        return 1;
    }
    check(pkv__archive_create(m.directory, &error), &error);
    m.interface_ = (pkv_interface){.link_type = (uint16_t)pcap_datalink(capture),
                                   .snap_length = (uint32_t)pcap_snapshot(capture),
                                   .name = "eth0"};
    struct pcap_pkthdr *header;
    const uint8_t *data;
    while (pcap_next_ex(capture, &header, &data) == 1)
        put(&m, header, data);
    if (!m.writer)
        begin(&m, 1000000000);
    end(&m);
    pcap_close(capture);
    pkv__buffer_deinit(&m.raw);
    free(m.state);
    free(m.stored);
    return 0;
}
