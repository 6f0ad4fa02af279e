/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/pktvaultd_health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/pktvaultd_log.h"

static int parse(struct sockaddr_storage *to, const char *text)
{
    char host[64] = "";
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    char *end = NULL;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!colon || *end || end == colon + 1 || port < 1 || port > 65535 || length >= sizeof host)
        return -1;
    memcpy(host, text, length);
    if (!length)
        return uv_ip6_addr("::", (int)port, (struct sockaddr_in6 *)to);
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        return uv_ip6_addr(host + 1, (int)port, (struct sockaddr_in6 *)to);
    }
    return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)to);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void accept_and_close(uv_stream_t *listener, int status)
{
    uv_tcp_t *visitor = status == 0 ? malloc(sizeof *visitor) : NULL;
    if (!visitor)
        return;
    (void)uv_tcp_init(listener->loop, visitor);
    (void)uv_accept(listener, (uv_stream_t *)visitor);
    uv_close((uv_handle_t *)visitor, free_handle);
}

static int open_listener(struct pktvaultd_health *health)
{
    int rc = uv_tcp_init(health->loop, &health->listener);
    if (rc < 0)
        return rc;
    health->listener.data = health;
    health->open = 1;
    rc = uv_tcp_bind(&health->listener, (const struct sockaddr *)&health->address, 0);
    return rc < 0 ? rc : uv_listen((uv_stream_t *)&health->listener, 16, accept_and_close);
}

static void closed(uv_handle_t *handle)
{
    struct pktvaultd_health *health = handle->data;
    health->open = 0;
}

int pktvaultd_health_start(struct pktvaultd_health *health, uv_loop_t *loop, const char *address)
{
    *health = (struct pktvaultd_health){.loop = loop};
    if (!address)
        return 0;
    if (parse(&health->address, address) < 0) {
        pktvaultd_say(PKV_LOG_ERROR, "health: '%s' is not ADDRESS:PORT", address);
        return PKV_E_INVALID;
    }
    int rc = open_listener(health);
    if (rc < 0) {
        pktvaultd_say(PKV_LOG_ERROR, "health: cannot listen on %s: %s", address, uv_strerror(rc));
        return PKV_E_SYSTEM;
    }
    health->configured = 1;
    return 0;
}

void pktvaultd_health_set(struct pktvaultd_health *health, int storing)
{
    uv_handle_t *handle = (uv_handle_t *)&health->listener;
    if (!health->configured)
        return;
    if (!storing && health->open && !uv_is_closing(handle))
        uv_close(handle, closed);
    else if (storing && !health->open && open_listener(health) < 0 && !uv_is_closing(handle))
        uv_close(handle, closed);
}

void pktvaultd_health_stop(struct pktvaultd_health *health)
{
    uv_handle_t *handle = (uv_handle_t *)&health->listener;
    health->configured = 0;
    if (health->open && !uv_is_closing(handle))
        uv_close(handle, closed);
}
