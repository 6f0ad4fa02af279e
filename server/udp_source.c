/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/udp_source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "server/packet_block.h"
#include "server/port_guard.h"
#include "server/port_owner.h"
#include "server/udp_headers.h"

#define BATCH 64u /* datagrams a system call */
#define ROUNDS 16 /* system calls before other sources have their turn */
#define CONTROL_BYTES 256u
/* Not a power of two: slots that far apart would share a few sets of the cache. */
#define SLOT_BYTES (PKV__DATAGRAM_MAX_BYTES + 1u + 2112u)

struct pkv__udp_source {
    int fd;
    const struct pkv__networks *allow;
    const struct pkv_options *options;
    struct pkv__endpoint bound;
    uint32_t drops; /* as the kernel counts, modulo 2^32 */
    uint64_t lost;
    bool shut;
    char name[80], description[120];
    uint8_t *slots;
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_in6 senders[BATCH];
    _Alignas(struct cmsghdr) uint8_t control[BATCH][CONTROL_BYTES];
};

static int set_number(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int set_options(struct pkv__udp_source *source, pkv_error *error)
{
    int fd = source->fd, buffer = (int)source->options->receive_buffer_bytes, rc;
    bool ipv6 = source->bound.address.ss_family == AF_INET6;
    if (set_number(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer) < 0)
        (void)set_number(fd, SOL_SOCKET, SO_RCVBUF, buffer);
    rc = set_number(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (ipv6) {
        rc |= set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, !source->bound.both);
        rc |= set_number(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        rc |= set_number(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
        rc |= set_number(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    }
    if (!ipv6 || source->bound.both) {
        rc |= set_number(fd, IPPROTO_IP, IP_PKTINFO, 1);
        rc |= set_number(fd, IPPROTO_IP, IP_RECVTTL, 1);
        rc |= set_number(fd, IPPROTO_IP, IP_RECVTOS, 1);
    }
    return rc < 0 ? pkv__error_errno(error, errno, "cannot set up %s", source->name) : 0;
}

/* A smaller buffer than asked for means drops in bursts; whoever runs us should know why. */
static void check_buffer(const struct pkv__udp_source *source)
{
    int got = 0;
    socklen_t length = sizeof got;
    (void)getsockopt(source->fd, SOL_SOCKET, SO_RCVBUF, &got, &length);
    if (got / 2 < source->options->receive_buffer_bytes)
        pkv__log(
            source->options, PKV_LOG_WARNING,
            "%s: the kernel gives a receive buffer of %d KiB only: raise net.core.rmem_max, or "
            "start with CAP_NET_ADMIN",
            source->name, got / 2048);
}

static int bind_it(struct pkv__udp_source *source, pkv_error *error)
{
    char owner[300];
    if (bind(source->fd, (struct sockaddr *)&source->bound.address, source->bound.length) == 0) {
        check_buffer(source);
        source->bound.length = sizeof source->bound.address;
        return getsockname(source->fd, (struct sockaddr *)&source->bound.address,
                           &source->bound.length) < 0
                   ? pkv__error_errno(error, errno, "cannot read the address of %s", source->name)
                   : 0;
    }
    if (errno != EADDRINUSE)
        return pkv__error_errno(error, errno, "cannot listen on %s", source->name);
    pkv__port_owner(owner, sizeof owner, source->bound.port);
    return pkv__error(error, PKV_E_BUSY, -1, "cannot listen on %s: UDP port %u is taken by %s",
                      source->name, source->bound.port, owner);
}

/* Without IPv6 in the kernel, both families are IPv4. */
static int open_socket(struct pkv__udp_source *source, pkv_error *error)
{
    const int type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    source->fd = socket(source->bound.address.ss_family, type, 0);
    if (source->fd < 0 && errno == EAFNOSUPPORT && source->bound.both) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(source->bound.port)};
        memcpy(&source->bound.address, &v4, sizeof v4);
        source->bound.length = sizeof v4;
        source->bound.both = false;
        source->fd = socket(AF_INET, type, 0);
    }
    return source->fd < 0 ? pkv__error_errno(error, errno, "cannot open a UDP socket") : 0;
}

static int make_slots(struct pkv__udp_source *source, pkv_error *error)
{
    source->slots = pkv__alloc((size_t)BATCH * SLOT_BYTES);
    if (!source->slots)
        return pkv__error_memory(error);
    for (unsigned i = 0; i < BATCH; i++) {
        source->vectors[i] =
            (struct iovec){source->slots + i * SLOT_BYTES, PKV__DATAGRAM_MAX_BYTES};
        source->messages[i].msg_hdr = (struct msghdr){.msg_name = &source->senders[i],
                                                      .msg_iov = &source->vectors[i],
                                                      .msg_iovlen = 1,
                                                      .msg_control = source->control[i]};
    }
    return 0;
}

static void free_source(void *context)
{
    struct pkv__udp_source *source = context;
    pkv__file_close(source->fd);
    pkv__free(source->slots);
    pkv__free(source);
}

int pkv__udp_source_open(struct pkv__udp_source **source, const char *address,
                         const struct pkv_options *options, const struct pkv__networks *allow,
                         pkv_error *error)
{
    struct pkv__endpoint bound;
    int rc = pkv__endpoint_parse(&bound, address, error);
    if (rc < 0)
        return rc;
    struct pkv__udp_source *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->fd = -1;
    made->bound = bound;
    made->options = options;
    made->allow = allow;
    (void)snprintf(made->name, sizeof made->name, "udp %.70s", address);
    (void)snprintf(made->description, sizeof made->description,
                   "UDP socket: Ethernet, IP and UDP headers are rebuilt");
    rc = open_socket(made, error);
    if (rc == 0)
        rc = set_options(made, error);
    if (rc == 0)
        rc = bind_it(made, error);
    if (rc == 0)
        rc = make_slots(made, error);
    if (rc < 0)
        free_source(made);
    else
        *source = made;
    return rc;
}

int pkv__udp_source_fd(const struct pkv__udp_source *source)
{
    return source->fd;
}

void pkv__udp_source_interface(const struct pkv__udp_source *source, pkv_interface *interface_)
{
    *interface_ =
        (pkv_interface){.link_type = 1, /* LINKTYPE_ETHERNET */
                        .snap_length = PKV__DATAGRAM_MAX_BYTES + PKV__UDP_HEADERS_MAX_BYTES,
                        .name = source->name,
                        .description = source->description};
}

static uint64_t lost(void *context)
{
    struct pkv__udp_source *source = context;
    uint32_t information[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof information;
    if (!source->shut &&
        getsockopt(source->fd, SOL_SOCKET, SO_MEMINFO, information, &length) == 0) {
        source->lost += information[SK_MEMINFO_DROPS] - source->drops;
        source->drops = information[SK_MEMINFO_DROPS];
    }
    return source->lost;
}

/* The kernel counts as dropped what the filter takes. */
static bool shut(void *context)
{
    struct pkv__udp_source *source = context;
    if (pkv__port_guard_deafen(source->fd) < 0)
        return false;
    (void)lost(source);
    source->shut = true;
    return true;
}

static void read_control_v4(const struct cmsghdr *c, struct pkv__udp_path *path)
{
    struct in_pktinfo info;
    int value = 0;
    if (c->cmsg_type == IP_PKTINFO) {
        memcpy(&info, CMSG_DATA(c), sizeof info);
        memcpy(path->dst, &info.ipi_addr, 4);
    } else if (c->cmsg_type == IP_TTL) {
        memcpy(&value, CMSG_DATA(c), sizeof value);
        path->ttl = (uint8_t)value;
    } else if (c->cmsg_type == IP_TOS) {
        memcpy(&path->tos, CMSG_DATA(c), 1);
    }
}

static void read_control_v6(const struct cmsghdr *c, struct pkv__udp_path *path)
{
    struct in6_pktinfo info;
    int value = 0;
    if (c->cmsg_type == IPV6_PKTINFO && path->ipv6) {
        memcpy(&info, CMSG_DATA(c), sizeof info);
        memcpy(path->dst, &info.ipi6_addr, 16);
    } else if (c->cmsg_type == IPV6_HOPLIMIT) {
        memcpy(&value, CMSG_DATA(c), sizeof value);
        path->ttl = (uint8_t)value;
    } else if (c->cmsg_type == IPV6_TCLASS) {
        memcpy(&value, CMSG_DATA(c), sizeof value);
        path->tos = (uint8_t)value;
    }
}

/* The time, 0 where the kernel gave none; the rest into *path. */
static int64_t read_control(struct msghdr *header, struct pkv__udp_path *path)
{
    int64_t time_ns = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec time;
            memcpy(&time, CMSG_DATA(c), sizeof time);
            time_ns = time.tv_sec * PKV__NS_PER_S + time.tv_nsec;
        } else if (c->cmsg_level == IPPROTO_IP) {
            read_control_v4(c, path);
        } else if (c->cmsg_level == IPPROTO_IPV6) {
            read_control_v6(c, path);
        }
    }
    return time_ns ? time_ns : pkv__clock_ns();
}

static void read_sender(const struct pkv__udp_source *source, const struct sockaddr_in6 *sender,
                        struct pkv__udp_path *path)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&source->bound.address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sender;
    memcpy(path->dst_port, &v6->sin6_port, 2); /* where IPv4 has it too */
    memcpy(path->src_port, &sender->sin6_port, 2);
    if (sender->sin6_family == AF_INET) {
        memcpy(path->src, &v4->sin_addr, 4);
    } else if (IN6_IS_ADDR_V4MAPPED(&sender->sin6_addr)) {
        memcpy(path->src, sender->sin6_addr.s6_addr + 12, 4);
    } else {
        path->ipv6 = true;
        memcpy(path->src, &sender->sin6_addr, 16);
    }
}

static void store(struct pkv__udp_source *source, unsigned i, struct pkv__lane *lane)
{
    struct mmsghdr *message = &source->messages[i];
    struct pkv__udp_path path;
    path.ipv6 = false;
    path.ttl = path.tos = 0;
    memset(path.dst, 0, sizeof path.dst);
    read_sender(source, &source->senders[i], &path);
    int64_t time_ns = read_control(&message->msg_hdr, &path);
    if (!pkv__networks_allow(source->allow, path.src, path.ipv6 ? 16 : 4)) {
        pkv__lane_refuse(lane, time_ns);
        return;
    }
    const uint8_t *payload = source->vectors[i].iov_base;
    uint32_t headers = pkv__udp_headers_bytes(&path), captured = headers + message->msg_len;
    uint32_t bytes = pkv__epb_bytes(captured);
    uint8_t *place = pkv__lane_reserve(lane, bytes, captured, time_ns);
    if (!place)
        return;
    uint8_t *data = pkv__epb_head(place, bytes, 0, time_ns, captured, captured);
    pkv__udp_headers_put(data, &path, payload, message->msg_len);
    memcpy(data + headers, payload, message->msg_len);
    pkv__epb_tail(data + captured, bytes, captured);
}

/* What a call has changed. */
static void prepare(struct pkv__udp_source *source, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        source->messages[i].msg_hdr.msg_namelen = sizeof source->senders[i];
        source->messages[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
}

static int receive(void *context, struct pkv__lane *lane, pkv_error *error)
{
    struct pkv__udp_source *source = context;
    int received = 0;
    (void)error;
    for (int round = 0; round < ROUNDS; round++) {
        prepare(source, BATCH);
        int count = recvmmsg(source->fd, source->messages, BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++)
            store(source, (unsigned)i, lane);
        received += count > 0 ? count : 0;
        if (count < (int)BATCH)
            break;
    }
    return received;
}

const struct pkv__source_kind pkv__udp_source_kind = {receive, lost, shut, NULL, true, free_source};
