/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/inflate.h"

#include <zstd.h>

#include "base/limits.h"

static void *new_state(void)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context)
        (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, PKV__ZSTD_WINDOW_LOG_MAX);
    return context;
}

static void free_state(void *state)
{
    (void)ZSTD_freeDCtx(state);
}

static int run(void *state, struct pkv__inflate_view *view, const char **why)
{
    ZSTD_inBuffer in = {view->in, view->in_length, 0};
    ZSTD_outBuffer out = {view->out, view->out_length, 0};
    size_t rc = ZSTD_decompressStream(state, &out, &in);
    view->in += in.pos;
    view->in_length -= in.pos;
    view->out += out.pos;
    view->out_length -= out.pos;
    if (ZSTD_isError(rc)) {
        *why = ZSTD_getErrorName(rc);
        return PKV_E_FORMAT;
    }
    return rc == 0;
}

const struct pkv__inflate_form pkv__inflate_zstd = {"zstd", new_state, run, free_state};
