/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/flow_text.h"
#include "cli/json.h"
#include "cli/text.h"

/* RFC 4180. Quotes would not keep a spreadsheet from taking a field for a formula: none can begin
 * as one does, since names of VNIs begin with a letter, also those of a hostile archive. */
static void put_field(const char *text)
{
    char safe[CLI_SAFE_TEXT];
    (void)cli_safe_text(safe, text, strlen(text));
    if (!strpbrk(safe, ",\"")) {
        (void)fputs(safe, stdout);
        return;
    }
    (void)fputc('"', stdout);
    for (const char *c = safe; *c; c++) {
        if (*c == '"')
            (void)fputc('"', stdout);
        (void)fputc(*c, stdout);
    }
    (void)fputc('"', stdout);
}

static void put_address(const pkv_address *address)
{
    char text[CLI_ENDPOINT_TEXT];
    printf("%s,", cli_endpoint(text, address, 0, 0));
}

/* By port, only one end has one. */
static bool has_port(const pkv_flow *flow, const pkv_address *address, uint16_t port)
{
    return flow->has_ports && (address->length > 0 || port != 0);
}

static void put_endpoint(const pkv_flow *flow, const pkv_address *address, uint16_t port)
{
    put_address(address);
    if (has_port(flow, address, port))
        printf("%u", port);
    (void)fputc(',', stdout);
}

static void put_tunnel(const pkv_flow *flow)
{
    printf("%s,", cli_tunnel(flow->tunnel));
    if (flow->tunnel != PKV_TUNNEL_NONE)
        printf("%" PRIu32, flow->vni);
    (void)fputc(',', stdout);
    put_field(flow->vni_name ? flow->vni_name : "");
    (void)fputc(',', stdout);
    put_address(&flow->outer_a);
    put_address(&flow->outer_b);
}

void cli_flow_csv(const pkv_flow *flow)
{
    char first[PKV_TIME_TEXT], last[PKV_TIME_TEXT];
    char src_flags[CLI_FLAGS_TEXT], dst_flags[CLI_FLAGS_TEXT];
    printf("%s,%s,", pkv_time_format(first, flow->first_ns, 9, 1),
           pkv_time_format(last, flow->last_ns, 9, 1));
    put_tunnel(flow);
    printf("%s,", flow->protocol);
    put_endpoint(flow, &flow->src, flow->src_port);
    put_endpoint(flow, &flow->dst, flow->dst_port);
    printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%s,%s,", flow->src_packets,
           flow->src_bytes, flow->dst_packets, flow->dst_bytes,
           cli_all_flags(src_flags, flow->src_flags), cli_all_flags(dst_flags, flow->dst_flags));
    put_field(flow->community_id);
    (void)fputc('\n', stdout);
}

static void json_address(struct cli_json *json, const char *key, const pkv_address *address)
{
    char text[CLI_ENDPOINT_TEXT];
    cli_json_text(json, key, cli_endpoint(text, address, 0, 0));
}

static void json_number_if(struct cli_json *json, const char *key, bool given, uint64_t number)
{
    if (given)
        cli_json_number(json, key, number);
    else
        cli_json_null(json, key);
}

static void json_ends(struct cli_json *json, const pkv_flow *flow)
{
    json_address(json, "src", &flow->src);
    json_number_if(json, "src_port", has_port(flow, &flow->src, flow->src_port), flow->src_port);
    json_address(json, "dst", &flow->dst);
    json_number_if(json, "dst_port", has_port(flow, &flow->dst, flow->dst_port), flow->dst_port);
    cli_json_number(json, "src_packets", flow->src_packets);
    cli_json_number(json, "src_bytes", flow->src_bytes);
    cli_json_number(json, "dst_packets", flow->dst_packets);
    cli_json_number(json, "dst_bytes", flow->dst_bytes);
}

void cli_flow_json(const pkv_flow *flow)
{
    struct cli_json json = {.stream = stdout};
    char flags[CLI_FLAGS_TEXT];
    cli_json_begin(&json, NULL, '{');
    cli_json_time(&json, "first", flow->first_ns);
    cli_json_time(&json, "last", flow->last_ns);
    cli_json_text(&json, "tunnel", cli_tunnel(flow->tunnel));
    json_number_if(&json, "vni", flow->tunnel != PKV_TUNNEL_NONE, flow->vni);
    cli_json_string(&json, "name", flow->vni_name);
    json_address(&json, "outer_a", &flow->outer_a);
    json_address(&json, "outer_b", &flow->outer_b);
    cli_json_text(&json, "proto", flow->protocol);
    json_ends(&json, flow);
    cli_json_string(&json, "src_flags", cli_all_flags(flags, flow->src_flags));
    cli_json_string(&json, "dst_flags", cli_all_flags(flags, flow->dst_flags));
    cli_json_text(&json, "community_id", flow->community_id);
    cli_json_end(&json, '}');
    cli_json_line(&json);
}
