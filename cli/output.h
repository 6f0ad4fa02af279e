/* SPDX-License-Identifier: BSD-2-Clause */
/* Where results go: standard output, or the file of -w. A reader that goes away is no error. */
#ifndef PKV_CLI_OUTPUT_H
#define PKV_CLI_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Large writes into pipes and files, lines on a terminal. Before the first output. */
void cli_output_begin(void);
bool cli_output_failed(void);        /* standard output takes no more: stop early */
bool cli_output_flush(void);         /* false: it takes no more */
bool cli_output_reader_left(int fd); /* of a pipe: nobody reads it any more */

/* At the very end: flushes standard output. `status`, CLI_DONE where the reader went away, or
 * CLI_FAILED with a complaint. */
int cli_output_end(int status);

/* The file of -w. */
struct cli_file {
    const char *path; /* "-": standard output */
    int fd;
    int error;                          /* errno of the write that failed, or 0 */
    bool is_regular, is_new, has_begun; /* new: made here */
    dev_t device;
    ino_t inode;
};

/* Opens for writing; what is there already stays until the first byte. False: complained. */
bool cli_file_open(struct cli_file *file, const char *path);
int cli_file_write(void *file, const void *bytes, size_t length); /* a pkv_slice_write_fn */
bool cli_file_reader_left(const struct cli_file *file);
/* Closes. Where `keep` is false or writing failed, removes a file that was made here, and empties
 * one that was there. False: complained. */
bool cli_file_close(struct cli_file *file, bool keep);

#endif
