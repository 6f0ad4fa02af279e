/* SPDX-License-Identifier: BSD-2-Clause */
/* Datagrams of a UDP socket with the kernel's receive times, and their headers rebuilt. */
#ifndef PKV_SERVER_UDP_SOURCE_H
#define PKV_SERVER_UDP_SOURCE_H

#include "server/source.h"

struct pkv__udp_source;
extern const struct pkv__source_kind pkv__udp_source_kind;

/* Binds. `allow` lives as long as the source. Errors: PKV_E_INVALID the address, PKV_E_BUSY,
 * PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__udp_source_open(struct pkv__udp_source **source, const char *address,
                         const struct pkv_options *options, const struct pkv__networks *allow,
                         pkv_error *error);
int pkv__udp_source_fd(const struct pkv__udp_source *source);
/* Views into the source. */
void pkv__udp_source_interface(const struct pkv__udp_source *source, pkv_interface *interface_);

#endif
