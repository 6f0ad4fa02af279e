/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>

#include <pktvault/slice.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/extcap.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/worth.h"

/* So soon does Wireshark see a packet that was found. */
#define FLUSH_NS (200ll * 1000000)

struct capture {
    struct cli_extcap *extcap;
    struct cli_file file;
    pkv_slice *slice;
    bool between;  /* two searches */
    bool is_whole; /* the slice has its end, whatever the answer was worth */
    int result;
    pkv_error error;
};

static void write_nothing(struct cli_file *file)
{
    /* draft-ietf-opsawg-pcapng, section 4.1: a section header of unknown length, without options */
    static const uint8_t SECTION[] = {0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0,    0,    0x4d, 0x3c,
                                      0x2b, 0x1a, 1,    0,    0,  0, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 28, 0, 0,    0};
    (void)cli_file_write(file, SECTION, sizeof SECTION);
}

void cli_extcap_nothing(const char *fifo)
{
    struct cli_file file;
    if (!cli_file_open(&file, fifo))
        return;
    write_nothing(&file);
    (void)cli_file_close(&file, true);
}

/* Whoever reads the FIFO takes several link types in one section, so none is refused. */
static int begin(struct capture *c)
{
    int status = cli_search_open(&c->extcap->search);
    if (status != CLI_DONE)
        return status;
    c->result = pkv_slice_new(&c->slice, c->extcap->search.query, PKV_FORMAT_PCAPNG, 0,
                              cli_file_write, &c->file, &c->error);
    if (c->result == 0)
        c->result = pkv_slice_flush(c->slice, &c->error);
    return CLI_DONE;
}

static void copy_packets(struct capture *c)
{
    pkv_packet packet;
    int64_t flushed_ns = cli_monotonic_ns();
    while (c->result >= 0) {
        c->result = pkv_query_next(c->extcap->search.query, &packet, &c->error);
        if (c->result != PKV_PACKET)
            break;
        c->result = pkv_slice_add(c->slice, &packet, &c->error);
        if (c->result == 0 && cli_monotonic_ns() - flushed_ns > FLUSH_NS) {
            c->result = pkv_slice_flush(c->slice, &c->error);
            flushed_ns = cli_monotonic_ns();
        }
    }
}

static void finish(struct capture *c)
{
    if (c->result >= 0)
        c->result = pkv_slice_finish(c->slice, &c->error);
    c->is_whole = c->result >= 0;
}

/* Wireshark shows whatever stands on standard error as an error, so what is whole says nothing. */
static int say_worth(struct capture *c)
{
    struct cli_search *search = &c->extcap->search;
    if (c->result >= 0 && cli_worth_is_whole(search->query, &search->range))
        return CLI_DONE;
    return cli_search_finish(search, c->result, &c->error, 0);
}

static int capture_stored(struct capture *c)
{
    int status = begin(c);
    if (status != CLI_DONE)
        return status;
    copy_packets(c);
    finish(c);
    if (c->file.error || cli_interrupted)
        return CLI_DONE;
    return say_worth(c);
}

static int take(void *context, const pkv_packet *packet)
{
    struct capture *c = context;
    if (c->between)
        pkv_slice_continue(c->slice, c->extcap->search.query);
    c->between = !packet;
    if (packet) {
        c->result = pkv_slice_add(c->slice, packet, &c->error);
    } else {
        c->result = pkv_slice_flush(c->slice, &c->error);
        pkv_slice_continue(c->slice, NULL);
    }
    return c->result < 0 || (!packet && cli_output_reader_left(c->file.fd));
}

static int capture_followed(struct capture *c)
{
    uint64_t given;
    int status = begin(c);
    if (status != CLI_DONE || c->result < 0)
        return status;
    pkv_slice_continue(c->slice, NULL);
    c->between = true;
    cli_search_close(&c->extcap->search);
    status = cli_follow(&c->extcap->search, take, c, &given);
    finish(c);
    return status == CLI_DONE ? c->extcap->search.worst : status;
}

int cli_extcap_capture(struct cli_extcap *extcap)
{
    struct capture c = {.extcap = extcap};
    if (!cli_file_open(&c.file, extcap->fifo))
        return CLI_FAILED;
    int status = extcap->follow ? capture_followed(&c) : capture_stored(&c);
    bool was_stopped = cli_file_reader_left(&c.file) || cli_interrupted;
    if (status == CLI_DONE && c.result < 0 && c.file.error == 0 && !was_stopped)
        status = cli_fail(&c.error, NULL);
    (void)pkv_slice_free(c.slice);
    if (!c.file.has_begun)
        write_nothing(&c.file);
    if (!cli_file_close(&c.file, status == CLI_DONE || c.is_whole) && !was_stopped)
        status = CLI_FAILED;
    return was_stopped ? CLI_DONE : status;
}
