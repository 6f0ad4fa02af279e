/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/inflate.h"

#include <lz4frame.h>

#include "base/memory.h"

static void *new_state(void)
{
    LZ4F_dctx *context = NULL;
    return LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) ? NULL : context;
}

static void free_state(void *state)
{
    (void)LZ4F_freeDecompressionContext(state);
}

static int run(void *state, struct pkv__inflate_view *view, const char **why)
{
    size_t in = view->in_length, out = view->out_length;
    size_t rc = LZ4F_decompress(state, view->out, &out, view->in, &in, NULL);
    if (LZ4F_isError(rc)) {
        *why = LZ4F_getErrorName(rc);
        return PKV_E_FORMAT;
    }
    view->in += in;
    view->in_length -= in;
    view->out += out;
    view->out_length -= out;
    return rc == 0;
}

const struct pkv__inflate_form pkv__inflate_lz4 = {"LZ4", new_state, run, free_state};
