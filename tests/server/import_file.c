/* SPDX-License-Identifier: BSD-2-Clause */
/* import_file ARCHIVE [--again] [--stop-after=N | --kill-after=N] FILE…: what pkv_import_file says,
 * a line of key=value a file. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <pktvault/writer.h>

static int killing;

/* Stops an import, or dies, after so many calls of progress while packets are taken. */
static int stop(void *context, uint64_t done, uint64_t all)
{
    unsigned *left = context;
    (void)all;
    if (!done || !*left || --*left > 0)
        return 0;
    return killing ? raise(SIGKILL) : 1;
}

int main(int argc, char **argv)
{
    unsigned flags = 0, left = 0;
    if (argc < 3)
        return 2;
    for (int i = 2; i < argc; i++) {
        pkv_import_report r;
        pkv_error error = {0, -1, ""};
        if (strcmp(argv[i], "--again") == 0) {
            flags = PKV_IMPORT_AGAIN;
            continue;
        }
        if (sscanf(argv[i], "--stop-after=%u", &left) == 1)
            continue;
        if (sscanf(argv[i], "--kill-after=%u", &left) == 1) {
            killing = 1;
            continue;
        }
        int rc = pkv_import_file(argv[1], argv[i], flags, NULL, stop, &left, &r, &error);
        printf("rc=%d packets=%" PRIu64 " bytes=%" PRIu64 " segments=%u broken_at=%" PRId64
               " text=%s\n",
               rc, r.packets, r.bytes, r.segments, r.broken_at,
               rc                 ? error.text
               : r.broken_at >= 0 ? r.broken
                                  : "");
    }
    return 0;
}
