/* SPDX-License-Identifier: BSD-2-Clause */
/* A packet as a line of text or JSON on standard output. */
#ifndef PKV_CLI_PACKET_TEXT_H
#define PKV_CLI_PACKET_TEXT_H

#include <stdbool.h>

#include <pktvault/query.h>

void cli_packet_text(const pkv_packet *packet, const pkv_summary *summary, int utc, bool verbose);
void cli_packet_json(const pkv_packet *packet, const pkv_summary *summary);

#endif
