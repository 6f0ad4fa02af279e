/* SPDX-License-Identifier: BSD-2-Clause */
/* record DIR COUNT: records packets of a program's own, on its own loop. Every millisecond it makes
 * a ping in VXLAN, as a mirror would send it, and pushes it into the archive; after COUNT of them
 * it closes, which seals. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pktvault/pktvault.h>
#include <pktvault/recorder.h>

struct program {
    pkv_recorder *recorder;
    pkv_source *source;
    uv_timer_t timer;
    uint64_t pushed, wanted, dropped;
};

/* Ethernet, IPv4 172.16.0.1 > 172.16.0.2, UDP to 4789, VXLAN with VNI 100; inside: Ethernet, IPv4
 * 10.0.0.10 > 10.0.0.20, ICMP echo request. The inner checksum covers the packet with sequence 0.
 */
/* clang-format off */
static const uint8_t PING[] = {
    /* Ethernet */ 0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, 0x08, 0x00,
    /* IPv4 */     0x45, 0, 0, 78, 0, 0, 0, 0, 64, 17, 0x22, 0x7c, 172, 16, 0, 1, 172, 16, 0, 2,
    /* UDP */      0xc0, 0x00, 0x12, 0xb5, 0, 58, 0, 0,
    /* VXLAN */    0x08, 0, 0, 0, 0, 0, 100, 0,
    /* Ethernet */ 0x02, 0, 0, 0, 0x01, 0x02, 0x02, 0, 0, 0, 0x01, 0x01, 0x08, 0x00,
    /* IPv4 */     0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0x66, 0xc4, 10, 0, 0, 10, 10, 0, 0, 20,
    /* ICMP */     8, 0, 0xf7, 0xfe, 0, 1, 0, 0};
/* clang-format on */
enum { SEQUENCE_AT = sizeof PING - 2, CHECKSUM_AT = sizeof PING - 6 };

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void put_u16(uint8_t *to, unsigned value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void on_closed(void *context)
{
    struct program *program = context;
    printf("%" PRIu64 " packets pushed, %" PRIu64 " dropped\n", program->pushed, program->dropped);
}

static void on_timer(uv_timer_t *timer)
{
    struct program *program = timer->data;
    uint8_t data[sizeof PING];
    unsigned sequence = (unsigned)(program->pushed & 0x7fff);
    memcpy(data, PING, sizeof PING);
    put_u16(data + SEQUENCE_AT, sequence);
    put_u16(data + CHECKSUM_AT, 0xf7fe - sequence);
    pkv_packet packet = {.time_ns = now_ns(),
                         .data = data,
                         .captured_bytes = sizeof data,
                         .original_bytes = sizeof data};
    /* Never waits: a packet that cannot be stored is counted, and stamped with its time in the
     * archive. */
    if (pkv_recorder_push(program->source, &packet) == PKV_DROPPED)
        program->dropped++;
    if (++program->pushed < program->wanted)
        return;
    uv_close((uv_handle_t *)timer, NULL);
    pkv_recorder_close(program->recorder, on_closed, program);
}

static int start(struct program *program, uv_loop_t *loop, const char *directory, pkv_error *error)
{
    const pkv_interface interface = {.link_type = 1 /* Ethernet */, .name = "example"};
    pkv_options *options;
    int result = pkv_options_new(&options);
    if (result == 0)
        result = pkv_options_set(options, "vni", "100-149 web", error);
    if (result == 0)
        result = pkv_recorder_new(&program->recorder, loop, directory, options, error);
    pkv_options_free(options);
    if (result == 0)
        result = pkv_recorder_add_interface(program->recorder, &program->source, &interface, error);
    return result;
}

int main(int argc, char **argv)
{
    struct program program = {.wanted = argc == 3 ? strtoull(argv[2], NULL, 10) : 0};
    pkv_error error = {.text = "out of memory"};
    uv_loop_t loop;
    if (program.wanted == 0) {
        fprintf(stderr, "usage: record DIR COUNT\n");
        return 2;
    }
    uv_loop_init(&loop);
    if (start(&program, &loop, argv[1], &error) != 0) {
        fprintf(stderr, "record: %s\n", error.text);
        return 1;
    }
    uv_timer_init(&loop, &program.timer);
    program.timer.data = &program;
    uv_timer_start(&program.timer, on_timer, 1, 1);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);

    /* So that it can be searched by index. Without, queries read the segment: the same answer,
     * slower. */
    if (pkv_index_wait(argv[1], NULL, NULL, NULL, &error) != 0) {
        fprintf(stderr, "record: %s\n", error.text);
        return 1;
    }
    return 0;
}
