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

/* The file is whole, in WAL mode, and beside it is a write-ahead log with right checksums
 * (https://www.sqlite.org/fileformat2.html, section 4). The input is a list of frames: number of
 * the page and pages after the commit, 0 for none (2 bytes each, little endian); how many changes
 * are made to that page of the file (1 byte: 0 to 7), and these, as above. */
void fuzz_sabotage_log(const struct fuzz_database *database, struct pkv__cursor *input);

#endif
