/* SPDX-License-Identifier: BSD-2-Clause */
/* Where frames are captured that are addressed to this machine and nobody listens on their UDP
 * port, the kernel would answer each with an ICMP error to the mirror's source. A bound socket that
 * drops everything keeps it from that. */
#ifndef PKV_SERVER_PORT_GUARD_H
#define PKV_SERVER_PORT_GUARD_H

#include <stdint.h>

struct pkv__port_guard {
    uint16_t port;
    int fds[2]; /* IPv4, IPv6; negative: somebody else listens */
};

void pkv__port_guard_open(struct pkv__port_guard *guard, uint16_t port);
/* Makes any socket one that drops whatever comes; what it has it keeps. 0, or -1 with errno. */
int pkv__port_guard_deafen(int fd);

void pkv__port_guard_close(struct pkv__port_guard *guard);

#endif
