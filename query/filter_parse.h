/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the parser share. */
#ifndef PKV_QUERY_FILTER_PARSE_H
#define PKV_QUERY_FILTER_PARSE_H

#include "query/filter_lex.h"
#include "query/filter_node.h"

enum pkv__type {
    PKV__TYPE_NONE,
    PKV__TYPE_HOST,
    PKV__TYPE_NET,
    PKV__TYPE_PORT,
    PKV__TYPE_PORTRANGE,
    PKV__TYPE_PROTO,
    PKV__TYPE_VNI
};

/* A protocol name in front of a term, as tcpdump knows them. */
enum pkv__family {
    PKV__FAMILY_ANY,
    PKV__FAMILY_LINK,
    PKV__FAMILY_IP,
    PKV__FAMILY_IP6,
    PKV__FAMILY_ARP,
    PKV__FAMILY_RARP,
    PKV__FAMILY_TCP,
    PKV__FAMILY_UDP,
    PKV__FAMILY_SCTP,
    PKV__FAMILY_OTHER /* icmp and so on: a term, but no qualifier */
};

/* What stands in front of a value, and is inherited by the values after it. */
struct pkv__qualifier {
    enum pkv__type type; /* NONE: nothing to inherit */
    enum pkv__family family;
    enum pkv__direction direction;
    bool outer;
    char prefix[64]; /* as libpcap reads it: "tcp src port" */
};

struct pkv__parser {
    struct pkv__filter *filter;
    const char *text;
    const struct pkv__token *at;
    struct pkv__qualifier qualifier;
    unsigned depth, terms;
    unsigned weight; /* of the terms for libpcap's optimizer */
    pkv__vni_names_fn *names;
    void *context;
    pkv_error *error;
};

/* PKV_E_SYNTAX at the parser's token: "column 5: expected …, not 'x'". */
int pkv__parse_expected(const struct pkv__parser *p, const char *what);
int pkv__parse_error(const struct pkv__parser *p, const struct pkv__token *at, const char *format,
                     ...) __attribute__((format(printf, 3, 4)));

int pkv__parse_node(struct pkv__parser *p, struct pkv__node **node, enum pkv__node_kind kind);
/* Adds to the weight: a term, or what makes one heavier. PKV_E_LIMIT past that of an exact filter.
 */
int pkv__parse_weigh(struct pkv__parser *p, unsigned weight);
/* Text of a term for libpcap; owned by the node. */
int pkv__parse_set_text(struct pkv__parser *p, struct pkv__node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A term that only pktvault knows. */
int pkv__parse_own(struct pkv__parser *p, struct pkv__node *node);

/* From `start` to the next and, or, or closing parenthesis: libpcap's. Moves the parser behind it.
 */
int pkv__parse_bpf(struct pkv__parser *p, const struct pkv__token *start, struct pkv__node **node);

/* A zero-terminated copy of a word; false: none, or longer than any value. */
bool pkv__parse_word(const struct pkv__token *token, char *to, size_t room);
/* 010 is 8 for tcpdump, 10 for most people, and nothing here. */
bool pkv__parse_has_leading_zero(const char *text);
/* Decimal or 0x, at most 32 bits; false: not a number. */
bool pkv__parse_digits(const char *text, uint64_t *value);
/* Gives a term of an address or port its direction and its text for libpcap. */
int pkv__parse_finish(struct pkv__parser *p, struct pkv__node *node, const char *id);

int pkv__parse_mac(struct pkv__parser *p, struct pkv__node **node);
int pkv__parse_address(struct pkv__parser *p, struct pkv__node **node);
int pkv__parse_port(struct pkv__parser *p, struct pkv__node **node);

/* The value at the parser's token under its qualifier. */
int pkv__parse_value(struct pkv__parser *p, struct pkv__node **node);

/* A term with its qualifiers: "src host 10.0.0.1", "tcp", "vlan 5", or one of libpcap's. Where a
 * value or a list of values is to follow, *node is NULL and the qualifier is set. */
int pkv__parse_term(struct pkv__parser *p, struct pkv__node **node);

bool pkv__parse_is_keyword(const struct pkv__token *token);
int pkv__parse_number(const struct pkv__token *token,
                      uint64_t *value); /* decimal or 0x; PKV_E_SYNTAX */

#endif
