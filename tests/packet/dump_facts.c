/* SPDX-License-Identifier: BSD-2-Clause */
/* Prints what decoder and flow table say of every packet of a capture, a line each, for
 * test_reference.py and test_tshark.py: tab-separated fields, in the order of the columns below. */
#include <stdbool.h>
#include <stdio.h>

#include <arpa/inet.h>

#include <pcap/pcap.h>

#include "flow/flow.h"

static const char columns[] =
    "tunnel\tvni\touter_src\touter_dst\touter_sport\touter_dport\tclass\tvlan\tethertype\tsrc\t"
    "dst\tprotocol\tsport\tdport\tflags\ticmp\tfragment\ttruncated\tmalformed\tflow\torphan";

static const char *address_text(char text[INET6_ADDRSTRLEN], const struct pkv__address *address)
{
    const uint8_t *b = address->bytes;
    text[0] = '\0';
    if (address->length == 4)
        (void)inet_ntop(AF_INET, b, text, INET6_ADDRSTRLEN);
    else if (address->length == 16)
        (void)inet_ntop(AF_INET6, b, text, INET6_ADDRSTRLEN);
    else if (address->length == 6)
        (void)snprintf(text, INET6_ADDRSTRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
                       b[3], b[4], b[5]);
    return text;
}

static void print_addresses(const struct pkv__layer *layer)
{
    char text[INET6_ADDRSTRLEN];
    printf("%s\t", address_text(text, &layer->src));
    printf("%s\t", address_text(text, &layer->dst));
}

static void print_ports(const struct pkv__layer *layer)
{
    if (layer->has_ports)
        printf("%u\t%u\t", layer->src_port, layer->dst_port);
    else
        printf("\t\t");
}

static void print_inner(const struct pkv__layer *layer)
{
    static const char *const classes[] = {"ip", "arp", "other", "malformed"};
    printf("%s\t", classes[layer->class_]);
    for (unsigned n = 0; n < layer->vlan_count; n++)
        printf("%s%u", n ? "," : "", layer->vlan[n] & 0xfffu);
    printf("\t%04x\t", layer->ethertype);
    print_addresses(layer);
    if (layer->class_ == PKV__CLASS_IP)
        printf("%u", layer->protocol);
    printf("\t");
    print_ports(layer);
    if (layer->has_tcp_flags)
        printf("%u", layer->tcp_flags);
    printf("\t");
    if (layer->has_icmp)
        printf("%u/%u", layer->icmp_type, layer->icmp_code);
    printf("\t%s\t", !layer->fragment ? "" : layer->first_fragment ? "first" : "later");
}

static void print_facts(const struct pkv__facts *facts, const struct pkv__flow *flow)
{
    static const char *const tunnels[] = {"", "vxlan", "geneve"};
    printf("%s\t", tunnels[facts->tunnel]);
    if (facts->tunnel != PKV__TUNNEL_NONE)
        printf("%u", facts->vni);
    printf("\t");
    print_addresses(&facts->outer);
    print_ports(&facts->outer);
    print_inner(&facts->inner);
    printf("%d\t%d\t%u\t%d\n", facts->truncated, facts->malformed, flow->id, flow->key.orphan);
}

/* libpcap gives its own number of raw IP, not that of files. */
static uint16_t link_type(pcap_t *capture)
{
    int link = pcap_datalink(capture);
    return (uint16_t)(link == DLT_RAW ? PKV__LINK_RAW : link);
}

static int dump(pcap_t *capture, struct pkv__flow_table *table)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int result;
    while ((result = pcap_next_ex(capture, &header, &data)) == 1) {
        struct pkv__facts facts;
        struct pkv__flow *flow;
        unsigned side;
        pkv__decode(&facts, (uint16_t)link_type(capture), data, header->caplen, header->len);
        int64_t time_ns = header->ts.tv_sec * 1000000000ll + header->ts.tv_usec;
        if (pkv__flow_table_add(table, &facts, time_ns, &flow, &side) < 0)
            return -1;
        print_facts(&facts, flow);
    }
    return result == PCAP_ERROR_BREAK ? 0 : -1;
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pkv__flow_table *table;
    if (argc != 2 || pkv__flow_table_new(&table) < 0)
        return 2;
    pcap_t *capture =
        pcap_open_offline_with_tstamp_precision(argv[1], PCAP_TSTAMP_PRECISION_NANO, error);
    if (!capture) {
        (void)fprintf(stderr, "%s\n", error);
        return 1;
    }
    puts(columns);
    int result = dump(capture, table);
    pcap_close(capture);
    (void)pkv__flow_table_free(table);
    return result == 0 ? 0 : 1;
}
