/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports, and services by their names. */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

#include "query/filter_parse.h"

/* As libpcap: a service that only one transport has is bound to it. */
static bool service(const char *name, uint32_t *port, uint8_t *transports)
{
    struct servent entry, *found = NULL;
    char memory[1024];
    bool any = false;
    uint8_t of = 0;
    static const struct {
        const char *name;
        uint8_t bit;
    } names[] = {{"tcp", PKV__TRANSPORT_TCP}, {"udp", PKV__TRANSPORT_UDP}};
    for (size_t i = 0; i < 2; i++) {
        if (getservbyname_r(name, names[i].name, &entry, memory, sizeof(memory), &found) || !found)
            continue;
        uint32_t number = ntohs((uint16_t)found->s_port);
        if (any && number != *port)
            continue;
        *port = number;
        any = true;
        of |= names[i].bit;
    }
    if (of == PKV__TRANSPORT_TCP || of == PKV__TRANSPORT_UDP)
        *transports &= of;
    return any;
}

static int transports_of(struct pkv__parser *p, uint8_t *transports)
{
    switch (p->qualifier.family) {
    case PKV__FAMILY_ANY:
        *transports = PKV__TRANSPORT_TCP | PKV__TRANSPORT_UDP | PKV__TRANSPORT_SCTP;
        return PKV_OK;
    case PKV__FAMILY_TCP:
        *transports = PKV__TRANSPORT_TCP;
        return PKV_OK;
    case PKV__FAMILY_UDP:
        *transports = PKV__TRANSPORT_UDP;
        return PKV_OK;
    case PKV__FAMILY_SCTP:
        *transports = PKV__TRANSPORT_SCTP;
        return PKV_OK;
    default:
        return pkv__parse_error(p, p->at, "'%s' has no meaning: ports belong to tcp, udp and sctp",
                                p->qualifier.prefix);
    }
}

static bool port_of(const char *text, uint32_t *port, uint8_t *transports)
{
    uint64_t number = 0;
    if (!pkv__parse_digits(text, &number))
        return service(text, port, transports) && *transports;
    *port = (uint32_t)number;
    return number <= 65535;
}

/* As libpcap: a range is bound to a transport only where both its ends are. */
static bool port_range(char *text, uint32_t *first, uint32_t *last, uint8_t *transports)
{
    char *dash = strchr(text, '-');
    uint8_t of_first = *transports, of_last = *transports;
    if (dash)
        *dash = 0;
    bool good = port_of(text, first, &of_first) && port_of(dash ? dash + 1 : text, last, &of_last);
    if (dash)
        *dash = '-';
    if (of_first == of_last)
        *transports = of_first;
    return good;
}

int pkv__parse_port(struct pkv__parser *p, struct pkv__node **node)
{
    char text[80];
    bool range = p->qualifier.type == PKV__TYPE_PORTRANGE;
    int rc = pkv__parse_node(p, node, PKV__NODE_PORT);
    if (!rc && range)
        rc = pkv__parse_weigh(p, 1);
    if (!rc)
        rc = transports_of(p, &(*node)->transports);
    if (rc)
        return rc;
    struct pkv__node *n = *node;
    if (!pkv__parse_word(p->at, text, sizeof(text)))
        return pkv__parse_expected(p, range ? "two ports such as 8000-8080"
                                            : "a port such as 443 or https");
    bool good = range ? port_range(text, &n->first, &n->last, &n->transports)
                      : port_of(text, &n->first, &n->transports);
    if (!good)
        return pkv__parse_expected(
            p, range ? "two ports such as 8000-8080"
                     : "a port of 0 to 65535 or a name of /etc/services that has it here");
    if (!range)
        n->last = n->first;
    if (n->first > n->last) {
        uint32_t swap = n->first;
        n->first = n->last;
        n->last = swap;
    }
    p->at++;
    return pkv__parse_finish(p, n, text);
}
