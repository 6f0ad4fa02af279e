/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/stream.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "archive/inflate.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/memory.h"

#define PIECE_BYTES 65536u

struct pkv__stream *pkv__stream_free(struct pkv__stream *stream)
{
    if (!stream)
        return NULL;
    if (stream->owns_fd)
        pkv__file_close(stream->fd);
    if (stream->state)
        stream->form->free_state(stream->state);
    (void)pkv__hash128_free(stream->hash);
    pkv__free(stream->path);
    pkv__free(stream->window);
    pkv__free(stream->stored);
    pkv__free(stream);
    return NULL;
}
PKV__DEFINE_CLEANUP(struct pkv__stream, pkv__stream_free);

static void fail(struct pkv__stream *s, int code)
{
    s->failure = code;
    s->ended = true;
}

/* Reads from the file; the number of bytes, 0 at its end or after a failure. */
static size_t read_stored(struct pkv__stream *s, uint8_t *to, size_t length)
{
    ssize_t got = pkv__file_read(s->fd, to, length, s->path, &s->failure_text);
    if (got < 0)
        fail(s, (int)got);
    if (got <= 0)
        return 0;
    s->stored_bytes += (uint64_t)got;
    pkv__hash128_add(s->hash, to, (size_t)got);
    return (size_t)got;
}

/* Room for `length` bytes from `at` on, with what is there moved to the front. Answers where to
 * read to. */
static uint8_t *slide(struct pkv__stream *s, size_t length)
{
    size_t kept = (size_t)(s->end - s->at);
    if (kept)
        memmove(s->window, s->at, kept);
    if (length > s->window_capacity && pkv__grow(&s->window, &s->window_capacity, length, 1) < 0)
        fail(s, pkv__error_memory(&s->failure_text));
    s->at = s->window;
    s->end = s->window + kept;
    return s->window + kept;
}

static void fill_stored(struct pkv__stream *s)
{
    s->stored_at = 0;
    s->stored_end = read_stored(s, s->stored, PKV__READ_AHEAD_BYTES);
    s->stored_ended = s->stored_end == 0;
}

static void end_of_stored(struct pkv__stream *s)
{
    if (s->failure)
        return;
    s->ended = true;
    if (!s->between_frames)
        fail(s, pkv__error(&s->failure_text, PKV_E_FORMAT, -1, "%s: the %s data ends early",
                           s->path, s->form->name));
}

/* Decodes into the window until something comes, or the end. The number of bytes. */
static size_t inflate(struct pkv__stream *s, uint8_t *to, size_t length)
{
    struct pkv__inflate_view view = {.out = to, .out_length = length};
    while (view.out_length == length && !s->ended) {
        if (s->stored_at == s->stored_end && !s->stored_ended)
            fill_stored(s);
        size_t had = s->stored_end - s->stored_at;
        const char *why = NULL;
        view.in = s->stored + s->stored_at;
        view.in_length = had;
        int rc = s->failure ? 0 : s->form->run(s->state, &view, &why);
        s->stored_at = s->stored_end - view.in_length;
        if (rc < 0)
            fail(s, pkv__error(&s->failure_text, rc, -1, "%s: the %s data is damaged: %s", s->path,
                               s->form->name, why));
        else if (had != view.in_length || view.out_length != length)
            s->between_frames = rc == 1;
        else if (s->stored_ended)
            end_of_stored(s);
    }
    return length - view.out_length;
}

void pkv__stream_fill(struct pkv__stream *stream, size_t length)
{
    struct pkv__stream *s = stream;
    while (!s->ended && (size_t)(s->end - s->at) < length) {
        uint8_t *to = slide(s, length);
        size_t room = (size_t)(s->window + s->window_capacity - to);
        if (s->ended)
            return;
        size_t got = s->form ? inflate(s, to, room) : read_stored(s, to, room);
        s->end += got;
        if (!s->form && got < room)
            s->ended = true;
    }
}

bool pkv__stream_skip_far(struct pkv__stream *stream, uint64_t length)
{
    while (length > 0) {
        size_t there = pkv__stream_need(stream, 1);
        if (there == 0)
            return false;
        if (there > length)
            there = (size_t)length;
        pkv__stream_skip(stream, there);
        length -= there;
    }
    return true;
}

int pkv__stream_content(struct pkv__stream *stream, char hex[33], pkv_error *error)
{
    uint8_t piece[PIECE_BYTES];
    bool cannot_be_read = stream->failure && stream->failure != PKV_E_FORMAT;
    stream->at = stream->end;
    stream->ended = true;
    if (!cannot_be_read)
        stream->failure = 0;
    while (!stream->failure && read_stored(stream, piece, sizeof piece) > 0)
        continue;
    if (!stream->failure)
        pkv__hash128_hex(stream->hash, hex);
    return pkv__stream_failure(stream, error);
}

int pkv__stream_failure(const struct pkv__stream *stream, pkv_error *error)
{
    if (stream->failure && error)
        *error = stream->failure_text;
    return stream->failure;
}

/* Looks at the first bytes; if they are compressed, they become the input of the decoder. */
static int detect(struct pkv__stream *s, pkv_error *error)
{
    size_t there = pkv__stream_need(s, 4);
    s->form = pkv__inflate_form_of(s->at, there);
    if (!s->form)
        return 0;
    s->state = s->form->new_state();
    s->stored = s->window;
    s->stored_end = there;
    s->stored_ended = s->ended;
    s->window = pkv__alloc(PKV__READ_AHEAD_BYTES);
    if (!s->state || !s->window)
        return pkv__error_memory(error);
    s->window_capacity = PKV__READ_AHEAD_BYTES;
    s->at = s->end = s->window;
    s->ended = false;
    return 0;
}

int pkv__stream_open(struct pkv__stream **stream, const char *path, pkv_error *error)
{
    struct pkv__stream *made PKV__AUTO(pkv__stream_free) = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    bool standard_input = strcmp(path, "-") == 0;
    made->fd = -1;
    made->path = pkv__strdup(standard_input ? "standard input" : path);
    made->window = pkv__alloc(PKV__READ_AHEAD_BYTES);
    made->hash = pkv__hash128_new();
    if (!made->path || !made->window || !made->hash)
        return pkv__error_memory(error);
    made->window_capacity = PKV__READ_AHEAD_BYTES;
    made->at = made->end = made->window;
    made->owns_fd = !standard_input;
    made->fd = standard_input ? STDIN_FILENO : pkv__file_open_any(path, error);
    if (made->fd < 0)
        return made->fd;
    int rc = detect(made, error);
    if (rc < 0)
        return rc;
    *stream = PKV__STEAL(made);
    return 0;
}
