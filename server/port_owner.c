/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/port_owner.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"

/* Attribute `type` among those from `first` on. */
static const struct rtattr *find_attribute(const struct rtattr *first, size_t length, int type)
{
    const struct rtattr *at = first;
    for (; RTA_OK(at, length); at = RTA_NEXT(at, length))
        if ((at->rta_type & NLA_TYPE_MASK) == type)
            return at;
    return NULL;
}

static const struct rtattr *find_nested(const struct rtattr *parent, int type)
{
    return parent ? find_attribute(RTA_DATA(parent), RTA_PAYLOAD(parent), type) : NULL;
}

/* The device of a RTM_NEWLINK message if it is a tunnel that has the port. */
static bool is_owner(const struct nlmsghdr *message, uint16_t port, char *text, size_t size)
{
    const struct ifinfomsg *link = NLMSG_DATA(message);
    size_t length = IFLA_PAYLOAD(message);
    const struct rtattr *name = find_attribute(IFLA_RTA(link), length, IFLA_IFNAME);
    const struct rtattr *info = find_attribute(IFLA_RTA(link), length, IFLA_LINKINFO);
    const struct rtattr *kind = find_nested(info, IFLA_INFO_KIND);
    const struct rtattr *data = find_nested(info, IFLA_INFO_DATA);
    if (!name || !kind || !data)
        return false;
    bool vxlan = strcmp(RTA_DATA(kind), "vxlan") == 0,
         geneve = strcmp(RTA_DATA(kind), "geneve") == 0;
    if (!vxlan && !geneve)
        return false;
    const struct rtattr *attribute = find_nested(data, vxlan ? IFLA_VXLAN_PORT : IFLA_GENEVE_PORT);
    uint16_t has = 0;
    if (attribute && RTA_PAYLOAD(attribute) >= sizeof has)
        memcpy(&has, RTA_DATA(attribute), sizeof has);
    if (ntohs(has) != port)
        return false;
    const char *device = RTA_DATA(name);
    (void)snprintf(text, size,
                   "the kernel's %s device %s: capture from the interface below it, or remove it "
                   "(ip link delete %s)",
                   vxlan ? "VXLAN" : "GENEVE", device, device);
    return true;
}

/* One datagram of the answer: 1 found, 0 go on, -1 no more. */
static int look_through(void *answer, ssize_t got, uint16_t port, char *text, size_t size)
{
    size_t left = got > 0 ? (size_t)got : 0;
    const struct nlmsghdr *message = answer;
    if (!left)
        return -1;
    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
            return -1;
        if (message->nlmsg_type == RTM_NEWLINK && is_owner(message, port, text, size))
            return 1;
    }
    return 0;
}

static bool find_device(uint16_t port, char *text, size_t size)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = RTM_GETLINK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    const size_t room = 65536;
    char *answer PKV__AUTO_FREE = pkv__alloc(room);
    int fd PKV__AUTO_CLOSE = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (!answer || fd < 0 || send(fd, &request, sizeof request, 0) < 0)
        return false;
    int found = 0;
    while (found == 0)
        found = look_through(answer, recv(fd, answer, room, 0), port, text, size);
    return found == 1;
}

/* The inode of the socket that is bound to the port, from /proc/net/udp or udp6; 0: none. */
static unsigned long find_inode(const char *table, uint16_t port)
{
    char *text PKV__AUTO_FREE = NULL;
    size_t length;
    if (pkv__file_read_all(table, PKV__SIZELESS_MAX_BYTES, &text, &length, NULL) < 0)
        return 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        unsigned has;
        unsigned long inode;
        line += *line == '\n';
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*s %*s %*s %*s %*s %*s %*s %lu", &has, &inode) ==
                2 &&
            has == port)
            return inode;
    }
    return 0;
}

static bool has_socket(const char *process, const char *socket_name)
{
    char path[600], link[64], **names;
    size_t count;
    bool found = false;
    (void)snprintf(path, sizeof path, "/proc/%s/fd", process);
    if (pkv__file_list(path, &names, &count, NULL) < 0)
        return false;
    for (size_t i = 0; !found && i < count; i++) {
        (void)snprintf(path, sizeof path, "/proc/%s/fd/%s", process, names[i]);
        ssize_t length = readlink(path, link, sizeof link - 1);
        link[length > 0 ? length : 0] = '\0';
        found = strcmp(link, socket_name) == 0;
    }
    pkv__file_names_free(names, count);
    return found;
}

static void name_process(const char *process, char *text, size_t size)
{
    char path[600], *name PKV__AUTO_FREE = NULL;
    size_t length = 0;
    (void)snprintf(path, sizeof path, "/proc/%s/comm", process);
    if (pkv__file_read_all(path, 100, &name, &length, NULL) < 0)
        length = 0;
    (void)snprintf(text, size, "process %s (%.*s)", process, length ? (int)length - 1 : 0,
                   name ? name : "");
}

static bool find_process(unsigned long inode, char *text, size_t size)
{
    char socket_name[64], **names;
    size_t count;
    bool found = false;
    (void)snprintf(socket_name, sizeof socket_name, "socket:[%lu]", inode);
    if (!inode || pkv__file_list("/proc", &names, &count, NULL) < 0)
        return false;
    for (size_t i = 0; !found && i < count; i++) {
        found = names[i][0] >= '1' && names[i][0] <= '9' && has_socket(names[i], socket_name);
        if (found)
            name_process(names[i], text, size);
    }
    pkv__file_names_free(names, count);
    return found;
}

void pkv__port_owner(char *text, size_t size, uint16_t port)
{
    if (find_device(port, text, size) ||
        find_process(find_inode("/proc/net/udp", port), text, size) ||
        find_process(find_inode("/proc/net/udp6", port), text, size))
        return;
    (void)snprintf(text, size,
                   "another program, which cannot be seen from here (as root: ss -lnup 'sport = "
                   ":%u')",
                   port);
}
