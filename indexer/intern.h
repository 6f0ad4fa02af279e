/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives equal keys of one size the same number: 0, 1, … in the order in which they first came. One
 * thread. */
#ifndef PKV_INDEXER_INTERN_H
#define PKV_INDEXER_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pkv__intern;

int pkv__intern_new(struct pkv__intern **intern, size_t key_bytes);
struct pkv__intern *pkv__intern_free(struct pkv__intern *intern); /* NULL is fine; returns NULL */
void pkv__intern_clear(struct pkv__intern *intern);               /* keeps the memory */

/* The number of a key, new or known. PKV_E_MEMORY: unchanged. */
int pkv__intern_add(struct pkv__intern *intern, const void *key, uint32_t *number);
bool pkv__intern_has(const struct pkv__intern *intern, const void *key);
const void *pkv__intern_at(const struct pkv__intern *intern,
                           uint32_t number); /* valid until the next add */
uint32_t pkv__intern_count(const struct pkv__intern *intern);
uint64_t pkv__intern_bytes(const struct pkv__intern *intern); /* memory held */

#endif
