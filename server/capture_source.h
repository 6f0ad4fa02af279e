/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames of a network interface, by libpcap. */
#ifndef PKV_SERVER_CAPTURE_SOURCE_H
#define PKV_SERVER_CAPTURE_SOURCE_H

#include "server/source.h"

struct pkv__capture_source;
extern const struct pkv__source_kind pkv__capture_source_kind;

/* What is taken without a filter: UDP to the ports of VXLAN and GENEVE and the later fragments of
 * any UDP, over IPv4 and IPv6, with up to two VLAN tags. A zero-terminated pcap-filter(7). */
const char *pkv__capture_default_filter(void);

/* filter NULL: the default. `allow` lives as long as the source. Errors: PKV_E_NOT_FOUND no such
 * interface, PKV_E_SYNTAX the filter, PKV_E_SYSTEM, PKV_E_MEMORY. */
int pkv__capture_source_open(struct pkv__capture_source **source, const char *interface_name,
                             const char *filter, const struct pkv_options *options,
                             const struct pkv__networks *allow, pkv_error *error);
int pkv__capture_source_fd(const struct pkv__capture_source *source);
/* Views into the source. */
void pkv__capture_source_interface(const struct pkv__capture_source *source,
                                   pkv_interface *interface_);

#endif
