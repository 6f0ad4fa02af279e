/* SPDX-License-Identifier: BSD-2-Clause */
/* Expressions made up from what an archive holds. */
#ifndef TESTS_QUERY_EXPRESSIONS_H
#define TESTS_QUERY_EXPRESSIONS_H

#include <stddef.h>
#include <stdint.h>

#include <pktvault/query.h>

struct test_words {
    pkv_address *addresses, *outer;
    uint16_t *ports;
    uint32_t *vnis;
    int64_t *times;
    size_t count; /* of each: one a packet */
};

void test_words_collect(struct test_words *words, const char *directory);
void test_words_free(struct test_words *words);

/* pure: only what tcpdump knows. */
void test_expression(char *text, size_t room, const struct test_words *words, uint64_t *state,
                     int pure);

#endif
