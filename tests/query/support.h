/* SPDX-License-Identifier: BSD-2-Clause */
/* Archives for the tests of queries. */
#ifndef TESTS_QUERY_SUPPORT_H
#define TESTS_QUERY_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pktvault/pktvault.h>

/* A new directory; removed with test_directory_remove. */
char *test_directory_make(void);
void test_directory_remove(char *directory);

/* Imports every capture of LIST.tsv that can be; the number of packets. */
uint64_t test_import_all(const char *directory);
void test_index(const char *directory);

/* The path of the first file below a folder of the archive; free with free(). */
char *test_first_file(const char *directory, const char *folder);

/* What a query gives, as one number: times, lengths, bytes, order, interfaces. */
struct test_answer {
    uint64_t packets, hash;
    uint64_t scanned; /* segments that were read from their start */
};
int test_ask(struct test_answer *answer, const char *directory, const char *expression,
             int64_t since_ns, int64_t until_ns, unsigned flags, pkv_error *error);

/* A generator whose every step follows from its seed: splitmix64. */
uint64_t test_random(uint64_t *state);
uint64_t test_number_of(const char *variable, uint64_t otherwise); /* from the environment */

#endif
