/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of pcap-filter(7): and, or have one precedence and associate to the left; a value
 * alone takes the qualifiers of the term before it. */
#include "query/filter_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

static int parse_expression(struct pkv__parser *p, struct pkv__node **node);

int pkv__parse_error(const struct pkv__parser *p, const struct pkv__token *at, const char *format,
                     ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return pkv__error(p->error, PKV_E_SYNTAX, (int64_t)at->column - 1, "column %zu: %s", at->column,
                      text);
}

int pkv__parse_expected(const struct pkv__parser *p, const char *what)
{
    if (p->at->kind == PKV__TOKEN_END)
        return pkv__parse_error(p, p->at, "expected %s, but the expression ends", what);
    bool zero = pkv__parse_has_leading_zero(p->at->text);
    return pkv__parse_error(
        p, p->at, "expected %s, not '%.*s'%s", what, (int)(p->at->length > 80 ? 80 : p->at->length),
        p->at->text, zero ? ": numbers have no leading 0, which makes tcpdump read octal" : "");
}

int pkv__parse_weigh(struct pkv__parser *p, unsigned weight)
{
    p->weight += weight;
    if (!p->filter->exact || p->weight <= PKV__EXACT_TERMS_MAX)
        return PKV_OK;
    return pkv__error(p->error, PKV_E_LIMIT, (int64_t)p->at->column - 1,
                      "column %zu: more than %u terms (a range of ports is two, as is x[y[z]]) in "
                      "an exact expression; one that is not exact may have %u",
                      p->at->column, PKV__EXACT_TERMS_MAX, PKV__EXPRESSION_TERMS_MAX);
}

static bool is_term(enum pkv__node_kind kind)
{
    return kind != PKV__NODE_AND && kind != PKV__NODE_OR && kind != PKV__NODE_NOT;
}

int pkv__parse_node(struct pkv__parser *p, struct pkv__node **node, enum pkv__node_kind kind)
{
    if (++p->terms > PKV__EXPRESSION_TERMS_MAX)
        return pkv__error(p->error, PKV_E_LIMIT, (int64_t)p->at->column,
                          "column %zu: more than %u terms", p->at->column,
                          PKV__EXPRESSION_TERMS_MAX);
    int rc = is_term(kind) ? pkv__parse_weigh(p, 1) : PKV_OK;
    if (rc)
        return rc;
    struct pkv__node *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(p->error);
    made->kind = kind;
    made->all = p->filter->nodes;
    p->filter->nodes = made;
    *node = made;
    return PKV_OK;
}

int pkv__parse_set_text(struct pkv__parser *p, struct pkv__node *node, const char *format, ...)
{
    struct pkv__buffer text = {0};
    char piece[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(piece))
        return pkv__error(p->error, PKV_E_LIMIT, -1,
                          "a term of the expression is longer than %zu bytes", sizeof(piece));
    pkv__buffer_bytes(&text, piece, (size_t)length + 1);
    if (text.failed)
        return pkv__error_memory(p->error);
    pkv__free(node->text);
    node->text = (char *)text.data;
    return PKV_OK;
}

int pkv__parse_own(struct pkv__parser *p, struct pkv__node *node)
{
    node->own = ++p->filter->own_count;
    if (p->filter->exact && p->filter->own_count > PKV__FILTER_OWN_TERMS_MAX)
        return pkv__error(p->error, PKV_E_LIMIT, -1,
                          "more than %u terms of pktvault's own in an exact expression",
                          PKV__FILTER_OWN_TERMS_MAX);
    return PKV_OK;
}

static int deeper(struct pkv__parser *p)
{
    if (++p->depth <= PKV__EXPRESSION_DEPTH_MAX)
        return PKV_OK;
    return pkv__error(p->error, PKV_E_LIMIT, (int64_t)p->at->column,
                      "column %zu: nested deeper than %u", p->at->column,
                      PKV__EXPRESSION_DEPTH_MAX);
}

/* "(tcp[12] & 0xf0) >> 2 > 20": a parenthesis of arithmetic and not of terms. */
static bool opens_arithmetic(const struct pkv__token *at)
{
    unsigned depth = 0;
    for (; at->kind != PKV__TOKEN_END; at++) {
        if (at->kind == PKV__TOKEN_OPEN)
            depth++;
        if (at->kind == PKV__TOKEN_CLOSE && --depth == 0)
            return at[1].kind == PKV__TOKEN_OPERATOR || at[1].kind == PKV__TOKEN_SLASH;
    }
    return false;
}

static int parse_group(struct pkv__parser *p, struct pkv__node **node)
{
    const struct pkv__token *open = p->at++;
    int rc = parse_expression(p, node);
    if (rc)
        return rc;
    if (p->at->kind != PKV__TOKEN_CLOSE) {
        char what[80];
        (void)snprintf(what, sizeof(what), "and, or, or the ) of column %zu", open->column);
        return pkv__parse_expected(p, what);
    }
    p->at++;
    return PKV_OK;
}

static bool is_value(const struct pkv__parser *p)
{
    if (p->qualifier.type == PKV__TYPE_NONE || p->at->kind != PKV__TOKEN_WORD)
        return false;
    return !pkv__parse_is_keyword(p->at) && p->at[1].kind != PKV__TOKEN_OPERATOR;
}

static int parse_operand(struct pkv__parser *p, struct pkv__node **node);

static int parse_not(struct pkv__parser *p, struct pkv__node **node)
{
    struct pkv__node *made = NULL;
    int rc = pkv__parse_node(p, &made, PKV__NODE_NOT);
    if (rc)
        return rc;
    p->at++;
    rc = parse_operand(p, &made->child);
    *node = made;
    return rc;
}

/* After qualifiers: a value, "not" a value, or values in parentheses. */
static int parse_values(struct pkv__parser *p, struct pkv__node **node)
{
    if (p->at->kind == PKV__TOKEN_NOT)
        return parse_not(p, node);
    if (p->at->kind == PKV__TOKEN_OPEN)
        return parse_group(p, node);
    return pkv__parse_value(p, node);
}

static int parse_unguarded(struct pkv__parser *p, struct pkv__node **node)
{
    if (p->at->kind == PKV__TOKEN_NOT)
        return parse_not(p, node);
    if (p->at->kind == PKV__TOKEN_OPEN)
        return opens_arithmetic(p->at) ? pkv__parse_bpf(p, p->at, node) : parse_group(p, node);
    if (is_value(p))
        return pkv__parse_value(p, node);
    if (p->at->kind != PKV__TOKEN_WORD)
        return pkv__parse_expected(p,
                                   "a term such as 'host 10.0.0.1', 'port 80', 'vni 100' or 'tcp'");
    int rc = pkv__parse_term(p, node);
    return rc || *node ? rc : parse_values(p, node);
}

static int parse_operand(struct pkv__parser *p, struct pkv__node **node)
{
    int rc = deeper(p);
    *node = NULL;
    rc = rc ? rc : parse_unguarded(p, node);
    p->depth--;
    return rc;
}

static enum pkv__node_kind kind_of(enum pkv__token_kind token)
{
    return token == PKV__TOKEN_AND ? PKV__NODE_AND : PKV__NODE_OR;
}

/* A chain of one operator is one node, so that long lists do not nest. */
static int parse_expression(struct pkv__parser *p, struct pkv__node **node)
{
    struct pkv__node *left = NULL, *last = NULL, *chain = NULL;
    int rc = parse_operand(p, &left);
    while (!rc && (p->at->kind == PKV__TOKEN_AND || p->at->kind == PKV__TOKEN_OR)) {
        enum pkv__node_kind kind = kind_of(p->at++->kind);
        if (!chain || chain->kind != kind) {
            rc = pkv__parse_node(p, &chain, kind);
            if (rc)
                return rc;
            chain->child = last = left;
            left = chain;
        }
        rc = parse_operand(p, &last->next);
        last = last->next;
    }
    *node = left;
    return rc;
}

int pkv__filter_parse(struct pkv__filter *filter, const char *text, pkv__vni_names_fn *names,
                      void *context, pkv_error *error)
{
    PKV__AUTO_FREE struct pkv__token *tokens = NULL;
    int rc = pkv__filter_lex(&tokens, text, error);
    if (rc)
        return rc;
    struct pkv__parser p = {.filter = filter,
                            .text = text,
                            .at = tokens,
                            .names = names,
                            .context = context,
                            .error = error};
    if (tokens->kind == PKV__TOKEN_END)
        return pkv__parse_node(&p, &filter->root, PKV__NODE_TRUE);
    rc = parse_expression(&p, &filter->root);
    if (!rc && p.at->kind != PKV__TOKEN_END)
        rc = pkv__parse_expected(&p, "and, or, or the end of the expression");
    return rc;
}
