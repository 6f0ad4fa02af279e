/* SPDX-License-Identifier: BSD-2-Clause */
/* An expression that libpcap compiles, for whatever link types its packets have. */
#ifndef PKV_QUERY_FILTER_BPF_H
#define PKV_QUERY_FILTER_BPF_H

#include <stdbool.h>
#include <stdint.h>

#include <pktvault/error.h>

struct pkv__bpf;

/* Compiles for Ethernet at once, so that errors show. PKV_E_SYNTAX with libpcap's text. */
int pkv__bpf_new(struct pkv__bpf **bpf, const char *text, pkv_error *error);

/* Any thread. An expression that has no meaning on a link type matches nothing there. */
bool pkv__bpf_match(struct pkv__bpf *bpf, uint16_t link_type, const uint8_t *data,
                    uint32_t captured, uint32_t original);
struct pkv__bpf *pkv__bpf_free(struct pkv__bpf *bpf);

#endif
