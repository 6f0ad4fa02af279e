/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of an expression, shared by the files of the filter. */
#ifndef PKV_QUERY_FILTER_NODE_H
#define PKV_QUERY_FILTER_NODE_H

#include "query/filter.h"
#include "query/filter_bpf.h"

enum pkv__node_kind {
    PKV__NODE_TRUE,
    PKV__NODE_AND, /* of its children */
    PKV__NODE_OR,
    PKV__NODE_NOT, /* of its one child */
    PKV__NODE_ADDRESS,
    PKV__NODE_MAC,
    PKV__NODE_PORT,
    PKV__NODE_PROTOCOL,  /* first: number */
    PKV__NODE_ETHERTYPE, /* first: number */
    PKV__NODE_VLAN,
    PKV__NODE_VNI,
    PKV__NODE_TRUNCATED,
    PKV__NODE_MALFORMED,
    PKV__NODE_COMMUNITY_ID,
    PKV__NODE_BPF /* libpcap's alone */
};

enum pkv__direction { PKV__EITHER, PKV__SRC, PKV__DST, PKV__BOTH };

/* Networks and transports that a term is bound to: sets. */
enum { PKV__NET_IP = 1, PKV__NET_IP6 = 2, PKV__NET_ARP = 4, PKV__NET_RARP = 8 };
enum { PKV__TRANSPORT_TCP = 1, PKV__TRANSPORT_UDP = 2, PKV__TRANSPORT_SCTP = 4 };

struct pkv__node {
    enum pkv__node_kind kind;
    struct pkv__node *child, *next; /* next: of the same parent */
    enum pkv__direction direction;
    bool outer;
    uint8_t networks, transports;
    struct pkv__address address;
    uint8_t mask[16];
    uint32_t first, last;
    char *text;           /* of a term: as libpcap reads it; of a community ID: the ID */
    struct pkv__bpf *bpf; /* of PKV__NODE_BPF */
    unsigned own; /* number among the terms that only we know, from 1; 0: libpcap knows it */
    struct pkv__node *all; /* every node, for freeing */
};

struct pkv__filter {
    struct pkv__node *root;
    struct pkv__node *nodes;
    bool exact;
    unsigned own_count;
    struct pkv__exact *programs; /* of an exact filter */
};

/* The tree of an expression; nodes are owned by *nodes. */
int pkv__filter_parse(struct pkv__filter *filter, const char *text, pkv__vni_names_fn *names,
                      void *context, pkv_error *error);

/* The expression as libpcap reads it; bit N-1 of `own` is the value of our term number N. */
void pkv__node_print(const struct pkv__node *node, uint64_t own, struct pkv__buffer *to);

bool pkv__node_prefix(const struct pkv__node *node,
                      unsigned *bits); /* of the mask; false: it has holes */
bool pkv__node_covers(const struct pkv__node *node, const uint8_t *address, uint8_t length);
bool pkv__node_match(const struct pkv__node *node, const struct pkv__subject *subject);

/* Our terms of an expression, evaluated: a bit each. */
uint64_t pkv__node_own(const struct pkv__node *node, const struct pkv__subject *subject);

/* Programs of an exact filter, one for each combination of values that our own terms take. */
int pkv__exact_new(struct pkv__exact **exact, const struct pkv__filter *filter, const char *text,
                   pkv_error *error);
bool pkv__exact_match(struct pkv__exact *exact, const struct pkv__subject *subject);
struct pkv__exact *pkv__exact_free(struct pkv__exact *exact);

#endif
