/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/flow_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/text.h"

enum { VNI_WIDTH = 5, PROTOCOL_WIDTH = 4, ENDPOINT_WIDTH = 21, SENT_WIDTH = 5 };

static void put_head(struct cli_flow_table *table)
{
    static const char *const LEFT[] = {"INITIATOR", "A", "HOST", "PORT", ""};
    static const char *const RIGHT[] = {"RESPONDER", "B", "", "", ""};
    char first[24];
    (void)snprintf(first, sizeof first, "FIRST (%s)", table->utc ? "UTC" : "LOCAL");
    printf("%s%-19s LASTED %-*s %-4s %21s %c %-21s %4s RECVD FLAGS%s\n",
           cli_colour(stdout, CLI_BOLD), first, table->vni_width, "VNI",
           table->by == PKV_BY_FLOW || table->by == PKV_BY_PORT ? "PROT" : "", LEFT[table->by],
           *RIGHT[table->by] ? '>' : ' ', RIGHT[table->by], "SENT", cli_colour(stdout, CLI_PLAIN));
    table->headed = true;
}

/* "2026-11-17 14:00:07" */
static void first_text(char text[PKV_TIME_TEXT], int64_t time_ns, int utc)
{
    (void)pkv_time_format(text, time_ns, 0, utc);
    text[10] = ' ';
    text[19] = '\0';
}

/* Who stands left and right of ">"; by host, port or VNI nobody stands on the right. */
static bool put_ends(int by, const pkv_flow *flow, char left[CLI_ENDPOINT_TEXT],
                     char right[CLI_ENDPOINT_TEXT])
{
    left[0] = right[0] = '\0';
    if (by == PKV_BY_PORT && flow->has_ports)
        (void)snprintf(left, CLI_ENDPOINT_TEXT, "%u", flow->dst_port);
    if (by == PKV_BY_FLOW || by == PKV_BY_PAIR || by == PKV_BY_HOST)
        (void)cli_endpoint(left, &flow->src, flow->has_ports, flow->src_port);
    if (by != PKV_BY_FLOW && by != PKV_BY_PAIR)
        return false;
    (void)cli_endpoint(right, &flow->dst, flow->has_ports, flow->dst_port);
    return true;
}

/* Responder and size share a field: a long address takes room that a short size leaves. */
static void put_right(const char *right, const char *size)
{
    int room = ENDPOINT_WIDTH + SENT_WIDTH - (int)strlen(right);
    int width = room > (int)strlen(size) ? room : (int)strlen(size) + 1;
    printf("%s%*s", right, width, size);
}

static void put_time(const struct cli_flow_table *table, const pkv_flow *flow)
{
    char first[PKV_TIME_TEXT], lasted[CLI_NUMBER_TEXT];
    first_text(first, flow->first_ns, table->utc);
    printf("%s%s%s %6s ", cli_colour(stdout, CLI_DIM), first, cli_colour(stdout, CLI_PLAIN),
           cli_lasted(lasted, (int64_t)((uint64_t)flow->last_ns - (uint64_t)flow->first_ns)));
}

static void widen(struct cli_flow_table *table, const char *vni)
{
    if (table->vni_width < VNI_WIDTH)
        table->vni_width = VNI_WIDTH;
    if (table->vni_width < (int)strlen(vni))
        table->vni_width = (int)strlen(vni);
}

void cli_flow_text(struct cli_flow_table *table, const pkv_flow *flow)
{
    char vni[CLI_VNI_TEXT], left[CLI_ENDPOINT_TEXT], right[CLI_ENDPOINT_TEXT];
    char sent[CLI_NUMBER_TEXT], received[CLI_NUMBER_TEXT], flags[CLI_FLAGS_TEXT];
    int long_by = (int)strlen(flow->protocol) - PROTOCOL_WIDTH;
    widen(table, cli_vni(vni, flow->tunnel, flow->vni, flow->vni_name));
    if (!table->headed)
        put_head(table);
    put_time(table, flow);
    bool two = put_ends(table->by, flow, left, right);
    printf("%s%-*s%s %-*s %*s %c ", cli_colour(stdout, CLI_CYAN), table->vni_width, vni,
           cli_colour(stdout, CLI_PLAIN), PROTOCOL_WIDTH, flow->protocol,
           ENDPOINT_WIDTH - (long_by > 0 ? long_by : 0), left, two ? '>' : ' ');
    put_right(right, cli_size(sent, flow->src_bytes));
    (void)cli_flow_flags(flags, flow->src_flags | flow->dst_flags);
    printf(" %5s%s%s\n", cli_size(received, flow->dst_bytes), flags[0] ? " " : "", flags);
}

void cli_flow_csv_head(void)
{
    puts("first,last,tunnel,vni,name,outer_a,outer_b,proto,src,src_port,dst,dst_port,"
         "src_packets,src_bytes,dst_packets,dst_bytes,src_flags,dst_flags,community_id");
}
