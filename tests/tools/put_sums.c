/* SPDX-License-Identifier: BSD-2-Clause */
/* put_sums FILE…: puts right sums on the pages of indexes and catalogs that a test has changed past
 * the library, so that what it looks for lies behind them. A WAL has to be in the file already. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/page_sum.h"

static void put_sums(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDWR);
    if (fd < 0 || fstat(fd, &status) < 0 || status.st_size < PKV__PAGE_HEADER_BYTES) {
        perror(path);
        exit(1);
    }
    size_t bytes = (size_t)status.st_size;
    uint8_t *data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    pkv__page_sum_put_all(data, bytes);
    (void)munmap(data, bytes);
    (void)close(fd);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        put_sums(argv[i]);
    return argc < 2;
}
