/* SPDX-License-Identifier: BSD-2-Clause */
/* chain.log: SHA-256 of every sealed segment, chained; `sha256sum -c chain.log` checks it.
 *
 *   # pktvault archive UUID host HOST created RFC3339
 *   # chain 64HEX                                  the SHA-256 of the line above: where the chain
 * starts 64HEX  segments/2026/…pcapng.lz4               as sha256sum prints it # chain 64HEX
 * SHA-256 over: previous chain (64 hex digits), "\n", the line above, "\n"
 */
#ifndef PKV_ARCHIVE_CHAIN_H
#define PKV_ARCHIVE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__sha256; /* libcrypto's home: archive/sha256.c */
struct pkv__sha256 *pkv__sha256_new(void);
void pkv__sha256_add(struct pkv__sha256 *h, const void *data, size_t length);
void pkv__sha256_hex(struct pkv__sha256 *h, char hex[65]); /* ends it; starts anew */
struct pkv__sha256 *pkv__sha256_free(struct pkv__sha256 *h);

/* The header of a new archive: what pkv__archive_create writes. `to` has room for 512 bytes. */
void pkv__chain_header(char *to, const char *uuid, const char *host, int64_t created_ns);

struct pkv__chain;
/* Opens for appending; a torn last line (a crash) is cut off. Errors: PKV_E_FORMAT the file is
 * damaged. */
int pkv__chain_open(struct pkv__chain **chain, const char *directory, pkv_error *error);
bool pkv__chain_has(const struct pkv__chain *chain,
                    const char *segment_path); /* relative to the archive */
/* The hash that stands for a path, or NULL. */
const char *pkv__chain_hash(const struct pkv__chain *chain, const char *segment_path);
int pkv__chain_append(struct pkv__chain *chain, const char *segment_path, const char hex[65],
                      pkv_error *error); /* fsync */
struct pkv__chain *pkv__chain_free(struct pkv__chain *chain);

#endif
