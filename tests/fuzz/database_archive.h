/* SPDX-License-Identifier: BSD-2-Clause */
/* A small valid archive in a temporary directory, of which a fuzzer replaces a database. */
#ifndef TESTS_FUZZ_DATABASE_ARCHIVE_H
#define TESTS_FUZZ_DATABASE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_database {
    char path[200];
    uint8_t *data; /* as it is when nobody has touched it */
    size_t size;
    int leaves_sums; /* what is put in its place gets no sums of pages */
};

struct fuzz_archive {
    char directory[40];
    struct fuzz_database index; /* of one of the two segments */
    struct fuzz_database catalog;
};

/* Two segments: one of a live source, which also tells of losses, and one imported. Aborts where it
 * cannot be made. */
void fuzz_archive_make(struct fuzz_archive *archive);
void fuzz_archive_remove(struct fuzz_archive *archive);

/* Puts these bytes in the place of the database, and nothing beside it. Its pages get right sums,
 * so that what is wrong with them is read. */
void fuzz_database_put(const struct fuzz_database *database, const uint8_t *data, size_t size);

/* Its write-ahead log, beside it. */
void fuzz_database_put_log(const struct fuzz_database *database, const uint8_t *data, size_t size);

void fuzz_require(int holds);

#endif
