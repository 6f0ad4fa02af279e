/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has a UDP port of this machine, as far as can be seen. */
#ifndef PKV_SERVER_PORT_OWNER_H
#define PKV_SERVER_PORT_OWNER_H

#include <stddef.h>
#include <stdint.h>

/* "the kernel's VXLAN device vxlan0 (…)", "process 123 (dnsmasq)", or "another program". Always
 * ended by a zero. */
void pkv__port_owner(char *text, size_t size, uint16_t port);

#endif
