/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"

/* Both families where the text names no host; the length then is that of IPv6. */
static bool set_address(struct pkv__endpoint *endpoint, const char *host, uint16_t port)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&endpoint->address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&endpoint->address;
    endpoint->port = port;
    endpoint->both = !*host;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        endpoint->length = sizeof *v4;
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    endpoint->length = sizeof *v6;
    return !*host || inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

int pkv__endpoint_parse(struct pkv__endpoint *endpoint, const char *text, pkv_error *error)
{
    struct pkv__endpoint made = {.length = 0};
    char host[INET6_ADDRSTRLEN] = "";
    const char *colon = strrchr(text, ':'), *from = text;
    size_t length = colon ? (size_t)(colon - text) : 0;
    uint64_t port = 0;
    bool valid = colon && pkv__text_number(&port, colon + 1, strlen(colon + 1), 65535);
    bool brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (brackets) {
        from++;
        length -= 2;
    }
    valid = valid && length < sizeof host && (brackets || !memchr(from, ':', length));
    if (valid) {
        memcpy(host, from, length);
        valid = (!brackets || length) && set_address(&made, host, (uint16_t)port);
    }
    if (!valid)
        return pkv__error(error, PKV_E_INVALID, -1,
                          "'%.100s' is not ADDRESS:PORT, such as 0.0.0.0:4789, [::]:4789 or :4789",
                          text);
    *endpoint = made;
    return 0;
}

static bool parse_network(struct pkv__network *network, const char *text)
{
    char host[INET6_ADDRSTRLEN] = "";
    size_t length = strcspn(text, "/");
    uint64_t bits;
    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    if (inet_pton(AF_INET, host, network->bytes) == 1)
        network->length = 4;
    else if (inet_pton(AF_INET6, host, network->bytes) == 1)
        network->length = 16;
    else
        return false;
    bits = network->length * 8u;
    if (text[length] &&
        !pkv__text_number(&bits, text + length + 1, strlen(text + length + 1), bits))
        return false;
    network->bits = (uint8_t)bits;
    return true;
}

int pkv__networks_init(struct pkv__networks *networks, const struct pkv__strings *texts,
                       pkv_error *error)
{
    *networks = (struct pkv__networks){NULL, 0};
    if (!texts->count)
        return 0;
    networks->list = pkv__alloc_zero(texts->count, sizeof *networks->list);
    if (!networks->list)
        return pkv__error_memory(error);
    for (size_t i = 0; i < texts->count; i++)
        if (!parse_network(&networks->list[i], texts->values[i])) {
            pkv__networks_deinit(networks);
            return pkv__error(error, PKV_E_INVALID, -1,
                              "allow: '%.100s' is not a network such as 10.0.0.0/8",
                              texts->values[i]);
        }
    networks->count = texts->count;
    return 0;
}

void pkv__networks_deinit(struct pkv__networks *networks)
{
    pkv__free(networks->list);
    *networks = (struct pkv__networks){NULL, 0};
}

static bool contains(const struct pkv__network *network, const uint8_t *address)
{
    unsigned whole = network->bits / 8u, rest = network->bits % 8u;
    if (memcmp(network->bytes, address, whole) != 0)
        return false;
    return !rest || ((network->bytes[whole] ^ address[whole]) >> (8u - rest)) == 0;
}

bool pkv__networks_allow(const struct pkv__networks *networks, const uint8_t *address,
                         uint8_t length)
{
    for (size_t i = 0; i < networks->count; i++)
        if (networks->list[i].length == length && contains(&networks->list[i], address))
            return true;
    return networks->count == 0;
}
