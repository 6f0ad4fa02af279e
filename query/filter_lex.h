/* SPDX-License-Identifier: BSD-2-Clause */
/* Words and signs of an expression. */
#ifndef PKV_QUERY_FILTER_LEX_H
#define PKV_QUERY_FILTER_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include <pktvault/error.h>

enum pkv__token_kind {
    PKV__TOKEN_END,
    PKV__TOKEN_WORD,   /* a name, number, address, range */
    PKV__TOKEN_STRING, /* in double quotes; without them */
    PKV__TOKEN_OPEN,
    PKV__TOKEN_CLOSE,
    PKV__TOKEN_AND,
    PKV__TOKEN_OR,
    PKV__TOKEN_NOT,
    PKV__TOKEN_SLASH,
    PKV__TOKEN_BRACKET_OPEN,
    PKV__TOKEN_BRACKET_CLOSE,
    PKV__TOKEN_OPERATOR /* of arithmetic: libpcap's alone */
};

struct pkv__token {
    enum pkv__token_kind kind;
    const char *text;      /* a view into the expression */
    size_t length, column; /* column from 1 */
};

/* All of them, an END last; free with pkv__free. Errors: PKV_E_SYNTAX, PKV_E_LIMIT, PKV_E_MEMORY.
 */
int pkv__filter_lex(struct pkv__token **tokens, const char *text, pkv_error *error);

bool pkv__token_is(const struct pkv__token *token, const char *word);

#endif
