/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/flow_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/text.h"

enum { VNI_WIDTH = 5, ENDPOINT_WIDTH = 21, SENT_WIDTH = 5 };

static void put_head(struct cli_flow_table *table)
{
    char first[24];
    (void)snprintf(first, sizeof first, "FIRST (%s)", table->utc ? "UTC" : "LOCAL");
    printf("%s%-19s LASTED %-*s PROT %21s > %-21s %4s RECVD FLAGS%s\n",
           cli_colour(stdout, CLI_BOLD), first, table->vni_width, "VNI",
           table->by == PKV_BY_FLOW ? "INITIATOR" : "A",
           table->by == PKV_BY_FLOW ? "RESPONDER" : "B", "SENT", cli_colour(stdout, CLI_PLAIN));
    table->headed = true;
}

/* "2026-11-17 14:00:07" */
static void first_text(char text[PKV_TIME_TEXT], int64_t time_ns, int utc)
{
    (void)pkv_time_format(text, time_ns, 0, utc);
    text[10] = ' ';
    text[19] = '\0';
}

/* Responder and size share a field: a long address takes room that a short size leaves. */
static void put_responder(const char *responder, const char *size)
{
    int room = ENDPOINT_WIDTH + SENT_WIDTH - (int)strlen(responder);
    int width = room > (int)strlen(size) ? room : (int)strlen(size) + 1;
    printf("%s%*s", responder, width, size);
}

void cli_flow_text(struct cli_flow_table *table, const pkv_flow *flow)
{
    char first[PKV_TIME_TEXT], lasted[CLI_NUMBER_TEXT], vni[CLI_VNI_TEXT];
    char src[CLI_ENDPOINT_TEXT], dst[CLI_ENDPOINT_TEXT];
    char sent[CLI_NUMBER_TEXT], received[CLI_NUMBER_TEXT], flags[CLI_FLAGS_TEXT];
    int vni_width = (int)strlen(cli_vni(vni, flow->tunnel, flow->vni, flow->vni_name));
    if (table->vni_width < VNI_WIDTH)
        table->vni_width = VNI_WIDTH;
    if (table->vni_width < vni_width)
        table->vni_width = vni_width;
    if (!table->headed)
        put_head(table);
    first_text(first, flow->first_ns, table->utc);
    printf("%s%s%s %6s %s%-*s%s %-4s %*s > ", cli_colour(stdout, CLI_DIM), first,
           cli_colour(stdout, CLI_PLAIN), cli_lasted(lasted, flow->last_ns - flow->first_ns),
           cli_colour(stdout, CLI_CYAN), table->vni_width, vni, cli_colour(stdout, CLI_PLAIN),
           flow->protocol, (int)(strlen(flow->protocol) > 4 ? 25 - strlen(flow->protocol) : 21),
           cli_endpoint(src, &flow->src, flow->has_ports, flow->src_port));
    put_responder(cli_endpoint(dst, &flow->dst, flow->has_ports, flow->dst_port),
                  cli_size(sent, flow->src_bytes));
    printf(" %5s %s\n", cli_size(received, flow->dst_bytes),
           cli_flow_flags(flags, flow->src_flags | flow->dst_flags));
}

void cli_flow_csv_head(void)
{
    puts("first,last,tunnel,vni,name,outer_a,outer_b,proto,src,src_port,dst,dst_port,"
         "src_packets,src_bytes,dst_packets,dst_bytes,src_flags,dst_flags,community_id");
}
