/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers, sizes, durations, addresses and colours for people. */
#ifndef PKV_CLI_TEXT_H
#define PKV_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <pktvault/query.h>

enum cli_colour { CLI_PLAIN, CLI_BOLD, CLI_DIM, CLI_RED, CLI_GREEN, CLI_YELLOW, CLI_CYAN };

/* The sequence that switches to a colour; "" where the stream is no terminal, or NO_COLOR is set
 * (no-color.org). */
const char *cli_colour(FILE *stream, enum cli_colour colour);

#define CLI_NUMBER_TEXT 32
char *cli_number(char text[CLI_NUMBER_TEXT], uint64_t value); /* 1,203 */
char *cli_size(char text[CLI_NUMBER_TEXT],
               uint64_t bytes); /* 74, 1.2M, 88.4M: at most 5 characters; 1K is 1024 */
char *cli_lasted(char text[CLI_NUMBER_TEXT],
                 int64_t ns); /* 118ms, 8m12s, 3d04h: at most 6 characters */
char *cli_elapsed(char text[CLI_NUMBER_TEXT], int64_t ns); /* 6 ms, 12.3 s */

/* "10.0.0.10:51234", "[2001:db8::1]:443", "00:11:22:33:44:55"; "" for no address. */
#define CLI_ENDPOINT_TEXT 64
char *cli_endpoint(char text[CLI_ENDPOINT_TEXT], const pkv_address *address, int has_port,
                   uint16_t port);

/* "SPF": SYN, PSH, FIN, RST, URG, ECE, CWR seen; ACK is said only where there is nothing else. */
#define CLI_FLAGS_TEXT 12
char *cli_flow_flags(char text[CLI_FLAGS_TEXT], uint8_t flags);
char *cli_all_flags(char text[CLI_FLAGS_TEXT], uint8_t flags); /* with ACK */

/* The name of a VNI, else its number, else "-" without a tunnel. */
#define CLI_VNI_TEXT 64
char *cli_vni(char text[CLI_VNI_TEXT], int tunnel, uint32_t vni, const char *name);
const char *cli_tunnel(int tunnel); /* "vxlan", "geneve", "" */

/* Copies text that others may have written, so that it cannot steer a terminal; cut to what fits.
 */
#define CLI_SAFE_TEXT 256
char *cli_safe_text(char safe[CLI_SAFE_TEXT], const char *text, size_t length);

/* The length of the UTF-8 sequence (RFC 3629) at `s`, or 0: none. */
size_t cli_utf8_length(const unsigned char *s);
/* Whether a sequence of this length steers a terminal: C0, DEL, C1. */
bool cli_is_control(const unsigned char *s, size_t length);

/* Writes text that others may have written, such as the name of a file or what SQLite makes of a
 * schema; what steers a terminal, or is not UTF-8, is a question mark. */
void cli_put_safe(FILE *stream, const char *text);

/* 1 where the local zone is UTC all year. */
int cli_zone_is_utc(void);

int64_t cli_monotonic_ns(void);

#endif
