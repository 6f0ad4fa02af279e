/* SPDX-License-Identifier: BSD-2-Clause */
/* An archive as a capture interface of Wireshark: extcap(4). */
#ifndef PKV_CLI_EXTCAP_H
#define PKV_CLI_EXTCAP_H

#include <stdbool.h>

#include "cli/search.h"

#define CLI_EXTCAP_INTERFACE "pktvault"

struct cli_extcap {
    struct cli_search search;   /* settled: its expression is that of both filters */
    const char *filter;         /* of the dialog; NULL: none */
    const char *capture_filter; /* of the field that all interfaces have; NULL: none */
    const char *fifo;
    bool follow;
};

/* What Wireshark asks for before a capture. */
void cli_extcap_interfaces(void);
void cli_extcap_dlts(void);
void cli_extcap_config(const char *archive); /* the default; NULL: none */

/* Writes packets to the FIFO. Exit status. */
int cli_extcap_capture(struct cli_extcap *extcap);

/* Gives Wireshark a capture without packets: the complaint on standard error then stands alone in
 * its dialog, and not below one about a pipe that nobody opened. */
void cli_extcap_nothing(const char *fifo);

#endif
