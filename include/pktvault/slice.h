/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_SLICE_H
#define PKTVAULT_SLICE_H

#include <pktvault/query.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the packets of a query as one pcapng section or one pcap file with nanoseconds. */
typedef struct pkv_slice pkv_slice;

enum { PKV_FORMAT_PCAPNG, PKV_FORMAT_PCAP };

/* Takes bytes: 0, or non-zero to stop (the slice then answers PKV_E_CANCELED). */
typedef int pkv_slice_write_fn(void *context, const void *bytes, size_t length);

/* single_link_type: refuse more than one link type before the first byte (pcap always does; pipes
 * should). Errors: PKV_E_UNSUPPORTED several link types; as pkv_query_next. */
PKV_API int pkv_slice_new(pkv_slice **slice, pkv_query *query, int format, int single_link_type,
                          pkv_slice_write_fn *write, void *context, pkv_error *error);

/* A packet that pkv_query_next has just given. Errors, here and below: PKV_E_CANCELED,
 * PKV_E_MEMORY; of pcap also PKV_E_UNSUPPORTED a time outside of 1970 to 2106. */
PKV_API int pkv_slice_add(pkv_slice *slice, const pkv_packet *packet, pkv_error *error);

/* Writes out what was added so far: for a reader that waits. */
PKV_API int pkv_slice_flush(pkv_slice *slice, pkv_error *error);

/* Goes on, in the same section, with the packets of another query, such as the same one over a
 * later range. The one before is not used any more. NULL: the other one comes later. Interfaces
 * that are equal stay one. */
PKV_API void pkv_slice_continue(pkv_slice *slice, pkv_query *query);

/* Writes the closing statistics (pcapng) and flushes. */
PKV_API int pkv_slice_finish(pkv_slice *slice, pkv_error *error);
/* Does not finish. NULL is fine; returns NULL. */
PKV_API pkv_slice *pkv_slice_free(pkv_slice *slice);

#ifdef __cplusplus
}
#endif
#endif
