/* SPDX-License-Identifier: BSD-2-Clause */
/* A TCP port that accepts connections while packets can be stored, and refuses them while not: what
 * a load balancer's health check sees. */
#ifndef PKTVAULTD_HEALTH_H
#define PKTVAULTD_HEALTH_H

#include <uv.h>

struct pktvaultd_health {
    uv_loop_t *loop;
    struct sockaddr_storage address;
    uv_tcp_t listener;
    int configured, open;
};

/* address: "127.0.0.1:8080", "[::1]:8080", ":8080", NULL: none. 0, or what was said why:
 * PKV_E_INVALID the address, PKV_E_SYSTEM. */
int pktvaultd_health_start(struct pktvaultd_health *health, uv_loop_t *loop, const char *address);
void pktvaultd_health_set(struct pktvaultd_health *health, int storing);
void pktvaultd_health_stop(struct pktvaultd_health *health);

#endif
