/* SPDX-License-Identifier: BSD-2-Clause */
/* Hostile databases made of a valid one and the bytes of an input. */
#ifndef TESTS_FUZZ_DATABASE_SABOTAGE_H
#define TESTS_FUZZ_DATABASE_SABOTAGE_H

#include "base/cursor.h"
#include "tests/fuzz/database_archive.h"

/* The input is the file. */
void fuzz_sabotage_file(const struct fuzz_database *database, struct pkv__cursor *input);

/* Bytes of the file are overwritten. The input is a list of: offset (2 bytes, little endian),
 * number (1 byte: 1 to 8), so many bytes. */
void fuzz_sabotage_bytes(const struct fuzz_database *database, struct pkv__cursor *input);

/* Rows and tables are changed by SQL, so that SQLite finds nothing wrong. The input is a list of:
 * column (1 byte, of all of the database), row (1 byte), what is done (1 byte: enum in the .c), and
 * the value. */
void fuzz_sabotage_rows(const struct fuzz_database *database, struct pkv__cursor *input);

#endif
