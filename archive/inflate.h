/* SPDX-License-Identifier: BSD-2-Clause */
/* Home of zlib, zstd and LZ4's frame decoder, for compressed capture files: gzip (RFC 1952, several
 * members), LZ4 frames and zstd frames (RFC 8878, several, windows up to 128 MiB). */
#ifndef PKV_ARCHIVE_INFLATE_H
#define PKV_ARCHIVE_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

/* What is to be decoded and where to; both are advanced. */
struct pkv__inflate_view {
    const uint8_t *in;
    size_t in_length;
    uint8_t *out;
    size_t out_length;
};

/* A compressed form. */
struct pkv__inflate_form {
    const char *name;
    /* NULL: out of memory. */
    void *(*new_state)(void);
    /* 0: all that can be done with this input and room; 1: a member or frame has ended;
     * PKV_E_FORMAT: *why says what. What was decoded before a failure is in the output. */
    int (*run)(void *state, struct pkv__inflate_view *view, const char **why);
    void (*free_state)(void *state);
};

extern const struct pkv__inflate_form pkv__inflate_gzip, pkv__inflate_lz4, pkv__inflate_zstd;

/* The form that data begins with; NULL: none of them. */
const struct pkv__inflate_form *pkv__inflate_form_of(const uint8_t *data, size_t length);

#endif
