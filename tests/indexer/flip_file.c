/* SPDX-License-Identifier: BSD-2-Clause */
/* flip_file ARCHIVE FILE all|one: flips one bit of FILE at a time and verifies the ARCHIVE. "all":
 * every bit; "one": one bit of each byte, of zero bytes only now and then. Prints "OFFSET BIT" for
 * each flip that is found neither as damage nor as missing, "note" behind it where something was
 * noted, and last the number of flips. The file is as before. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pktvault/verify.h>

enum { ZEROS_TRIED = 61 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* A flip of something that was noted before the flip is no news. */
static void try_flip(const char *archive, int fd, off_t offset, unsigned bit, uint64_t notes_before)
{
    unsigned char byte, flipped;
    pkv_verify_report report;
    pkv_error error;
    if (pread(fd, &byte, 1, offset) != 1)
        fail("pread");
    flipped = (unsigned char)(byte ^ 1u << bit);
    if (pwrite(fd, &flipped, 1, offset) != 1)
        fail("pwrite");
    int result = pkv_verify(archive, 0, NULL, NULL, NULL, NULL, NULL, &report, &error);
    if (pwrite(fd, &byte, 1, offset) != 1)
        fail("pwrite");
    if (result < 0) {
        fprintf(stderr, "%lld %u: %s\n", (long long)offset, bit, error.text);
        exit(1);
    }
    if (result == 0)
        printf("%lld %u%s\n", (long long)offset, bit, report.notes > notes_before ? " note" : "");
}

int main(int argc, char **argv)
{
    struct stat status;
    pkv_verify_report before;
    unsigned long flips = 0;
    if (argc != 4)
        return 2;
    int fd = open(argv[2], O_RDWR);
    if (fd < 0 || fstat(fd, &status) < 0)
        fail(argv[2]);
    int all = strcmp(argv[3], "all") == 0;
    if (pkv_verify(argv[1], 0, NULL, NULL, NULL, NULL, NULL, &before, NULL) != 0)
        return 3;
    for (off_t offset = 0; offset < status.st_size; offset++) {
        unsigned char byte;
        if (pread(fd, &byte, 1, offset) != 1)
            fail("pread");
        if (!all && byte == 0 && offset % ZEROS_TRIED != 0)
            continue;
        for (unsigned bit = all ? 0 : (unsigned)(offset % 8); bit < 8; bit += all ? 1 : 8, flips++)
            try_flip(argv[1], fd, offset, bit, before.notes);
    }
    printf("%lu\n", flips);
    return close(fd);
}
