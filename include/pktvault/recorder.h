/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_RECORDER_H
#define PKTVAULT_RECORDER_H

#include <uv.h>

#include <pktvault/options.h>
#include <pktvault/packet.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Records from live sources into an archive. All functions are called on the thread of the loop and
 * never block on a disk; compression, writing and syncing run on threads of the recorder's own. The
 * recorder opens no database. */
typedef struct pkv_recorder pkv_recorder;
typedef struct pkv_source pkv_source; /* owned by its recorder */

/* PKV_DROPPED: the packet was not stored, but counted and stamped with its time in the archive. */
enum { PKV_DROPPED = 1 };

typedef struct pkv_recorder_counts {
    uint64_t packets, bytes; /* taken into buffers */
    uint64_t stored_bytes;   /* written to segments, compressed */
    uint64_t lost_kernel;    /* dropped by the kernel before us */
    uint64_t lost_buffer;    /* all buffers full: the disk or the processors are too slow */
    uint64_t lost_disk;      /* a write failed: disk full, quota, read-only, gone */
    uint64_t refused;        /* from a sender outside `allow` */
    uint64_t segments;       /* sealed */
    uint64_t buffered_bytes; /* raw bytes waiting for a worker or for the disk */
    int64_t last_packet_ns;  /* 0: none yet */
    int storing;             /* 0: the disk refuses them, or buffers were full in the last second */
    unsigned sources;        /* that are recorded from: an interface may go away */
    unsigned down;           /* of these: the interface is down, and nothing can come */
} pkv_recorder_counts;

/* Opens or creates the archive in `directory` (0750). Errors: PKV_E_SYSTEM, PKV_E_INVALID,
 * PKV_E_MEMORY. */
PKV_API int pkv_recorder_new(pkv_recorder **recorder, uv_loop_t *loop, const char *directory,
                             const pkv_options *options, pkv_error *error);

/* Receives tunnelled packets on a UDP socket: "0.0.0.0:4789", "[::]:6081", ":4789" (both families).
 * The socket is bound when this returns. Errors: PKV_E_BUSY the port is taken (the text names by
 * whom, as far as can be seen), PKV_E_SYSTEM, PKV_E_INVALID, PKV_E_LIMIT too many sources,
 * PKV_E_MEMORY. */
PKV_API int pkv_recorder_listen(pkv_recorder *recorder, const char *address, pkv_error *error);

/* Captures frames from a network interface; filter: pcap-filter(7) on the outer packet, NULL: UDP
 * to 4789 and 6081, tagged or not, and later fragments of UDP. Needs CAP_NET_RAW until it returns.
 * Errors: PKV_E_NOT_FOUND, PKV_E_SYSTEM, PKV_E_SYNTAX the filter, PKV_E_UNSUPPORTED times without
 * nanoseconds, PKV_E_LIMIT too many sources, PKV_E_MEMORY. */
PKV_API int pkv_recorder_capture(pkv_recorder *recorder, const char *interface_name,
                                 const char *filter, pkv_error *error);

/* A source of the embedding program's own; each has a lane. The interface's strings are copied.
 * Errors: PKV_E_LIMIT too many sources, PKV_E_SYSTEM, PKV_E_MEMORY. */
PKV_API int pkv_recorder_add_interface(pkv_recorder *recorder, pkv_source **source,
                                       const pkv_interface *description, pkv_error *error);

/* Copies a packet (interface_id is ignored). Its time is at most a minute ago: an older one is
 * found by queries of its time only once its segment is indexed. 0 taken; PKV_DROPPED counted as
 * lost; PKV_E_LIMIT longer than PKV_PACKET_BYTES_MAX, or with more than 40,000 bytes of options.
 * Never waits. */
PKV_API int pkv_recorder_push(pkv_source *source, const pkv_packet *packet);

/* Adds packets that the embedding program lost before it could push them, e.g. its own ring's
 * drops: told as lost in the kernel. */
PKV_API void pkv_recorder_count_lost(pkv_source *source, uint64_t packets);

/* Seals the open segments at once and goes on in new ones (what SIGHUP does in pktvaultd). */
PKV_API void pkv_recorder_rotate(pkv_recorder *recorder);

PKV_API void pkv_recorder_get_counts(const pkv_recorder *recorder, pkv_recorder_counts *counts);

/* As uv_close: takes no more packets, writes and seals what there is, then calls `callback` (NULL
 * is fine) on the loop, and frees. Until then only pkv_recorder_get_counts may be called; in the
 * callback its numbers are the last. Of a captured interface the kernel holds packets back for up
 * to a quarter of a second, for which the call waits. */
typedef void pkv_close_cb(void *context);
PKV_API void pkv_recorder_close(pkv_recorder *recorder, pkv_close_cb *callback, void *context);

#define PKV_PACKET_BYTES_MAX 1000000u

#ifdef __cplusplus
}
#endif
#endif
