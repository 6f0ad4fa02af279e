/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/port_guard.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/file.h"

int pkv__port_guard_deafen(int fd)
{
    struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog program = {1, &drop};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int guard_family(int family, uint16_t port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int one = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    const struct sockaddr *address = family == AF_INET6 ? (void *)&v6 : (void *)&v4;
    if (pkv__port_guard_deafen(fd) == 0 &&
        bind(fd, address, family == AF_INET6 ? sizeof v6 : sizeof v4) == 0)
        return fd;
    pkv__file_close(fd);
    return -1;
}

void pkv__port_guard_open(struct pkv__port_guard *guard, uint16_t port)
{
    *guard =
        (struct pkv__port_guard){port, {guard_family(AF_INET, port), guard_family(AF_INET6, port)}};
}

void pkv__port_guard_close(struct pkv__port_guard *guard)
{
    for (unsigned i = 0; i < 2; i++) {
        pkv__file_close(guard->fds[i]);
        guard->fds[i] = -1;
    }
}
