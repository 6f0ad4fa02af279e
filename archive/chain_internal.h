/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of chain.log, for who appends to it and who checks it. */
#ifndef PKV_ARCHIVE_CHAIN_INTERNAL_H
#define PKV_ARCHIVE_CHAIN_INTERNAL_H

#include "archive/chain.h"
#include "archive/directory.h"

#define PKV__CHAIN_HEX 64u
#define PKV__CHAIN_LINE "# chain "
#define PKV__CHAIN_SEPARATOR "  "
#define PKV__CHAIN_PAIR_TEXT (2 * PKV__CHAIN_HEX + PKV__SEGMENT_PATH_TEXT + 16)

struct pkv__chain_entry {
    char hash[PKV__CHAIN_HEX + 1];
    char path[PKV__SEGMENT_PATH_TEXT];
};

/* Without its newline. */
struct pkv__chain_line {
    const char *text;
    size_t length;
};

/* The line at *offset, which moves behind it. False: no whole line is left. */
bool pkv__chain_next_line(const char *text, size_t length, size_t *offset,
                          struct pkv__chain_line *line);

/* The chain behind a line: over the chain before it, if there is one, and the line, each with its
 * newline. */
void pkv__chain_link(struct pkv__sha256 *sha256, const char *before, const char *line,
                     size_t length, char after[PKV__CHAIN_HEX + 1]);

bool pkv__chain_line_is(const struct pkv__chain_line *line, const char hex[PKV__CHAIN_HEX + 1]);
bool pkv__chain_parse_entry(const struct pkv__chain_line *line, struct pkv__chain_entry *entry);

/* A crash leaves the beginning of the two lines that were being appended, perhaps with zeros
 * behind. */
bool pkv__chain_is_torn(const char *tail, size_t length);

#endif
