/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses as configuration writes them: "[::]:4789" to listen on, "10.0.0.0/8" whose senders are
 * allowed. */
#ifndef PKV_SERVER_NETWORKS_H
#define PKV_SERVER_NETWORKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/options.h"

struct pkv__endpoint {
    struct sockaddr_storage address;
    socklen_t length;
    bool both; /* ":4789": IPv4 too, on the IPv6 socket */
    uint16_t port;
};

/* Errors: PKV_E_INVALID. */
int pkv__endpoint_parse(struct pkv__endpoint *endpoint, const char *text, pkv_error *error);

struct pkv__network {
    uint8_t bytes[16];
    uint8_t length; /* 4 or 16 */
    uint8_t bits;
};

struct pkv__networks {
    struct pkv__network *list;
    size_t count; /* 0: everybody may */
};

/* Errors: PKV_E_INVALID, PKV_E_MEMORY. */
int pkv__networks_init(struct pkv__networks *networks, const struct pkv__strings *texts,
                       pkv_error *error);
void pkv__networks_deinit(struct pkv__networks *networks);
bool pkv__networks_allow(const struct pkv__networks *networks, const uint8_t *address,
                         uint8_t length);

#endif
