/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for libFuzzer: runs every file below the given directories (or given itself) through
 * the fuzz target once. No file at all is a failure, so that a lost seed directory is seen. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <fts.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of just its size, so that a sanitizer sees a step too far. */
static int run_file(const char *path, size_t size)
{
    uint8_t *data = malloc(size ? size : 1);
    FILE *file = fopen(path, "rb");
    int result = data && file && fread(data, 1, size, file) == size ? 0 : -1;
    if (result == 0)
        (void)LLVMFuzzerTestOneInput(data, size);
    else
        perror(path);
    if (file)
        (void)fclose(file);
    free(data);
    return result;
}

static int run_tree(char **paths, unsigned long *count)
{
    FTS *tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    if (!tree) {
        perror("fts_open");
        return -1;
    }
    int result = 0;
    for (FTSENT *entry; (entry = fts_read(tree)) != NULL;)
        if (entry->fts_info == FTS_F) {
            result |= run_file(entry->fts_path, (size_t)entry->fts_statp->st_size);
            ++*count;
        }
    (void)fts_close(tree);
    return result;
}

int main(int argc, char **argv)
{
    unsigned long count = 0;
    if (argc < 2 || run_tree(argv + 1, &count) < 0)
        return 1;
    printf("%lu seeds\n", count);
    return count > 0 ? 0 : 1;
}
