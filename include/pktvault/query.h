/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_QUERY_H
#define PKTVAULT_QUERY_H

#include <pktvault/options.h>
#include <pktvault/packet.h>
#include <pktvault/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A search over one or more archives. One thread at a time, but for pkv_query_cancel. */
typedef struct pkv_query pkv_query;

enum {
    PKV_QUERY_NO_INDEX = 1, /* read every segment in the range: the same packets, slower */
    PKV_QUERY_EXACT = 2,    /* tcpdump's meaning of the expression, bit for bit */
    PKV_QUERY_DECAP = 4,    /* give the inner frames */
    PKV_QUERY_DEDUP = 8,    /* drop the second copy of a packet mirrored at both ends */
    PKV_QUERY_WHOLE = 16    /* all packets of the flows that matched, also outside the range */
};

/* Positive outcomes of pkv_query_next. */
enum { PKV_PACKET = 1 };

/* What a packet looks like inside: for a line of text. Addresses are 0 (none), 4 or 16 bytes,
 * MACs 6. */
typedef struct pkv_address {
    uint8_t bytes[16];
    uint8_t length;
} pkv_address;

enum { PKV_TUNNEL_NONE = 0, PKV_TUNNEL_VXLAN = 1, PKV_TUNNEL_GENEVE = 2 };
enum { PKV_SUMMARY_TRUNCATED = 1, PKV_SUMMARY_MALFORMED = 2, PKV_SUMMARY_FRAGMENT = 4 };

typedef struct pkv_summary {
    int tunnel; /* PKV_TUNNEL_… */
    uint32_t vni;
    const char
        *vni_name; /* from the archive; NULL: none. A letter, then letters, digits, '_', '.', '-' */
    pkv_address outer_src, outer_dst;
    uint16_t outer_src_port, outer_dst_port;
    pkv_address src, dst;        /* inner; MACs where there is no network layer */
    uint16_t src_port, dst_port; /* where has_ports */
    uint8_t has_ports;
    uint8_t flags;        /* PKV_SUMMARY_… */
    uint8_t tcp_flags;    /* RFC 9293, low byte */
    uint32_t inner_bytes; /* original length of the inner frame */
    char protocol[16];    /* "TCP", "ICMP6", "ARP", "0x88cc" … */
    char info[64]; /* flags, ICMP type/code, "who-has 10.0.0.1" …: never what a packet spells */
} pkv_summary;

/* expression NULL or "": everything. The range is [since_ns, until_ns). options NULL: defaults. An
 * archive that is named twice, by whatever path, is searched once. Errors: PKV_E_SYNTAX (offset:
 * column from 0), PKV_E_LIMIT past a limit of expressions or archives, PKV_E_UNSUPPORTED,
 * PKV_E_NOT_FOUND no archive, PKV_E_SYSTEM, PKV_E_MEMORY. */
PKV_API int pkv_query_open(pkv_query **query, const char *const *directories, size_t count,
                           const char *expression, int64_t since_ns, int64_t until_ns,
                           unsigned flags, const pkv_options *options, pkv_error *error);

/* The next packet in the order time, segment, ordinal. PKV_PACKET: *packet is a view valid until
 * the next call; 0: no more. Errors: PKV_E_CANCELED, PKV_E_SYSTEM, PKV_E_MEMORY. Stored data that
 * cannot be read is no error here but stands in the report. */
PKV_API int pkv_query_next(pkv_query *query, pkv_packet *packet, pkv_error *error);

/* The same search again, for who follows what is being recorded: over what comes behind the range
 * of `before`, until until_ns, and over what reached the archives too late for `before`. No packet
 * is given twice, nor passed over for being late, but for one that came an hour late in a segment
 * that was new then; reports are of the new range. `before` was read to its end, and can only be
 * freed afterwards. Errors: as pkv_query_open. */
PKV_API int pkv_query_open_next(pkv_query **query, pkv_query *before, int64_t until_ns,
                                pkv_error *error);

/* Facts of the packet given last. */
PKV_API void pkv_query_summary(const pkv_query *query, pkv_summary *summary);

/* Interfaces are numbered over all archives and segments; equal ones are one. 0, or PKV_E_NOT_FOUND
 * behind the last. Views valid until the query is closed. */
PKV_API int pkv_query_interface(const pkv_query *query, uint32_t interface_id,
                                pkv_interface *description);

/* Sets of link types over all packets that will be given: *count is their number, *link_type one of
 * them, *snap_length enough for all of them. May read all that the query reads, so ask only where
 * it matters. Before the first pkv_query_next. Errors: as pkv_query_next. */
PKV_API int pkv_query_link_types(pkv_query *query, unsigned *count, uint16_t *link_type,
                                 uint32_t *snap_length, pkv_error *error);

PKV_API void pkv_query_cancel(pkv_query *query); /* from any thread, also a signal handler */

/* A stretch of time in which something is missing. */
enum {
    PKV_MISSING_KERNEL,
    PKV_MISSING_BUFFER,
    PKV_MISSING_DISK,
    PKV_MISSING_REFUSED,
    PKV_MISSING_GAP,
    PKV_MISSING_DELETED,
    PKV_MISSING_UNREADABLE,
    PKV_MISSING_CAUSES /* their number */
};
typedef struct pkv_missing {
    int cause;
    int64_t from_ns, until_ns;
    uint64_t packets; /* of losses */
    char text[200];   /* of PKV_MISSING_UNREADABLE: the segment, block and reason */
} pkv_missing;

typedef struct pkv_query_report {
    uint64_t packets, bytes; /* given */
    uint64_t flows;          /* that had at least one of them */
    int flows_more;          /* 1: there were more flows, which were not counted */
    uint64_t segments, segments_in_range, segments_skipped, segments_scanned, segments_read;
    uint64_t indexes_opened, flows_matched, flows_seen;
    uint64_t blocks, blocks_read; /* of the segments read */
    uint64_t packets_checked, duplicates;
    int64_t first_ns, last_ns;                 /* of the packets given */
    int64_t covered_from_ns, covered_until_ns; /* what the archives hold at all */
    int64_t covered_ns; /* of the range: recorded, or from its first to its last imported packet */
    const pkv_missing *missing; /* valid until the next call with this query */
    size_t missing_count;
    /* Not listed, past a limit that each cause has for itself; of each, and of all. */
    uint64_t missing_more_of[PKV_MISSING_CAUSES];
    uint64_t missing_more;
} pkv_query_report;

/* What the answer is worth. Complete once pkv_query_next has answered 0; before, as far as it got.
 */
PKV_API int pkv_query_report_get(const pkv_query *query, pkv_query_report *report);

PKV_API pkv_query *pkv_query_free(pkv_query *query); /* NULL is fine; returns NULL */

/* Flows over the range, one a key, whatever the segments; only packets in the range count. */
enum { PKV_BY_FLOW, PKV_BY_PAIR, PKV_BY_HOST, PKV_BY_PORT, PKV_BY_VNI };
enum { PKV_SORT_TIME, PKV_SORT_BYTES, PKV_SORT_PACKETS };

typedef struct pkv_flow {
    int64_t first_ns, last_ns;
    int tunnel;
    uint32_t vni;
    const char *vni_name;         /* NULL: none; as in pkv_summary */
    pkv_address outer_a, outer_b; /* unordered: the lower first */
    char protocol[16];
    uint8_t protocol_number, has_ports;
    pkv_address src, dst; /* src: the initiator */
    uint16_t src_port, dst_port;
    uint64_t src_packets, src_bytes, dst_packets,
        dst_bytes;                /* inner frames, sent by src and by dst */
    uint8_t src_flags, dst_flags; /* TCP flags seen */
    char community_id[40];        /* "" where there is none */
} pkv_flow;

/* Runs the whole query (opened with pkv_query_open, not read yet) and calls `row` in order; a
 * non-zero answer stops, and is no error. Views of the flow last for the call. limit 0: all.
 * Errors: as pkv_query_next, and PKV_E_UNSUPPORTED with PKV_QUERY_WHOLE or PKV_QUERY_DEDUP. */
typedef int pkv_flow_fn(void *context, const pkv_flow *flow);
PKV_API int pkv_query_flows(pkv_query *query, int by, int sort, uint64_t limit, pkv_flow_fn *row,
                            void *context, pkv_error *error);

#ifdef __cplusplus
}
#endif
#endif
