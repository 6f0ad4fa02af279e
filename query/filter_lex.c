/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/filter_lex.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.:-\\$", c));
}

bool pkv__token_is(const struct pkv__token *token, const char *word)
{
    return token->kind == PKV__TOKEN_WORD && token->length == strlen(word) &&
           memcmp(token->text, word, token->length) == 0;
}

static void lex_word(struct pkv__token *token)
{
    while (is_word(token->text[token->length]))
        token->length++;
    token->kind = PKV__TOKEN_WORD;
    if (pkv__token_is(token, "and"))
        token->kind = PKV__TOKEN_AND;
    else if (pkv__token_is(token, "or"))
        token->kind = PKV__TOKEN_OR;
    else if (pkv__token_is(token, "not"))
        token->kind = PKV__TOKEN_NOT;
}

static int lex_string(struct pkv__token *token, pkv_error *error)
{
    const char *end = strchr(token->text + 1, '"');
    if (!end)
        return pkv__error(error, PKV_E_SYNTAX, (int64_t)token->column - 1,
                          "column %zu: the quoted text has no end: expected a \"", token->column);
    token->kind = PKV__TOKEN_STRING;
    token->length = (size_t)(end - token->text) + 1;
    return PKV_OK;
}

/* Two characters where both belong to one sign. */
static void lex_pair(struct pkv__token *token, char second, enum pkv__token_kind pair,
                     enum pkv__token_kind single)
{
    bool both = token->text[1] == second;
    token->kind = both ? pair : single;
    token->length = both ? 2 : 1;
}

static int lex_sign(struct pkv__token *token, pkv_error *error)
{
    token->length = 1;
    token->kind = PKV__TOKEN_OPERATOR;
    switch (*token->text) {
    case '(':
        token->kind = PKV__TOKEN_OPEN;
        break;
    case ')':
        token->kind = PKV__TOKEN_CLOSE;
        break;
    case '[':
        token->kind = PKV__TOKEN_BRACKET_OPEN;
        break;
    case ']':
        token->kind = PKV__TOKEN_BRACKET_CLOSE;
        break;
    case '/':
        token->kind = PKV__TOKEN_SLASH;
        break;
    case '&':
        lex_pair(token, '&', PKV__TOKEN_AND, PKV__TOKEN_OPERATOR);
        break;
    case '|':
        lex_pair(token, '|', PKV__TOKEN_OR, PKV__TOKEN_OPERATOR);
        break;
    case '!':
        lex_pair(token, '=', PKV__TOKEN_OPERATOR, PKV__TOKEN_NOT);
        break;
    case '"':
        return lex_string(token, error);
    default:
        if (!strchr("<>=+*%^~", *token->text))
            return pkv__error(error, PKV_E_SYNTAX, (int64_t)token->column - 1,
                              "column %zu: a character that no expression has (byte 0x%02x)",
                              token->column, (unsigned)(unsigned char)*token->text);
    }
    return PKV_OK;
}

static int lex_one(struct pkv__token *token, const char *text, const char *start, pkv_error *error)
{
    *token = (struct pkv__token){.text = start, .column = (size_t)(start - text) + 1};
    if (!*start)
        return PKV_OK;
    if (is_word(*start)) {
        lex_word(token);
        return PKV_OK;
    }
    return lex_sign(token, error);
}

int pkv__filter_lex(struct pkv__token **tokens, const char *text, pkv_error *error)
{
    if (strlen(text) > PKV__EXPRESSION_MAX_BYTES)
        return pkv__error(error, PKV_E_LIMIT, -1, "the expression is longer than %u bytes",
                          PKV__EXPRESSION_MAX_BYTES);
    PKV__AUTO_FREE struct pkv__token *list = NULL;
    size_t count = 0, capacity = 0;
    const char *at = text;
    do {
        while (is_space(*at))
            at++;
        if (pkv__grow(&list, &capacity, count + 1, sizeof(*list)))
            return pkv__error_memory(error);
        int rc = lex_one(&list[count], text, at, error);
        if (rc)
            return rc;
        at += list[count].length;
    } while (list[count++].kind != PKV__TOKEN_END);
    *tokens = PKV__STEAL(list);
    return PKV_OK;
}
