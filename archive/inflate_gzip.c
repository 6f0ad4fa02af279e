/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/inflate.h"

#include <limits.h>
#include <zlib.h>

#include "base/memory.h"

#define GZIP_ONLY 16 /* added to the window bits: no zlib or raw streams */

struct gzip {
    z_stream stream;
    bool between; /* members */
};

static void *allocate(void *context, unsigned count, unsigned bytes)
{
    (void)context;
    return pkv__alloc_zero(count, bytes);
}

static void release(void *context, void *memory)
{
    (void)context;
    pkv__free(memory);
}

static void *new_state(void)
{
    struct gzip *gzip = pkv__alloc_zero(1, sizeof *gzip);
    if (!gzip)
        return NULL;
    gzip->stream.zalloc = allocate;
    gzip->stream.zfree = release;
    if (inflateInit2(&gzip->stream, MAX_WBITS + GZIP_ONLY) != Z_OK) {
        pkv__free(gzip);
        return NULL;
    }
    return gzip;
}

static void free_state(void *state)
{
    struct gzip *gzip = state;
    (void)inflateEnd(&gzip->stream);
    pkv__free(gzip);
}

static unsigned clamp(size_t length)
{
    return length < UINT_MAX ? (unsigned)length : UINT_MAX;
}

static int run_inflate(struct gzip *gzip, struct pkv__inflate_view *view)
{
    z_stream *z = &gzip->stream;
    unsigned in = clamp(view->in_length), out = clamp(view->out_length);
    z->next_in = (z_const Bytef *)(uintptr_t)view->in;
    z->avail_in = in;
    z->next_out = view->out;
    z->avail_out = out;
    int rc = inflate(z, Z_NO_FLUSH);
    view->in += in - z->avail_in;
    view->in_length -= in - z->avail_in;
    view->out += out - z->avail_out;
    view->out_length -= out - z->avail_out;
    return rc;
}

static int run(void *state, struct pkv__inflate_view *view, const char **why)
{
    struct gzip *gzip = state;
    if (gzip->between) {
        for (; view->in_length && *view->in == 0; view->in++) /* padding of tapes and disks */
            view->in_length--;
        if (!view->in_length)
            return 1;
        (void)inflateReset(&gzip->stream);
        gzip->between = false;
    }
    int rc = run_inflate(gzip, view);
    if (rc == Z_STREAM_END) {
        gzip->between = true;
        return 1;
    }
    if (rc == Z_OK || rc == Z_BUF_ERROR)
        return 0;
    *why = gzip->stream.msg ? gzip->stream.msg : "damaged";
    return PKV_E_FORMAT;
}

const struct pkv__inflate_form pkv__inflate_gzip = {"gzip", new_state, run, free_state};
