/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/packet_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/json.h"
#include "cli/text.h"

static void put_outer(const pkv_packet *packet, const pkv_summary *summary)
{
    char src[CLI_ENDPOINT_TEXT], dst[CLI_ENDPOINT_TEXT];
    if (summary->tunnel != PKV_TUNNEL_NONE)
        printf("  %s %s > %s %" PRIu32, cli_tunnel(summary->tunnel),
               cli_endpoint(src, &summary->outer_src, summary->outer_src_port != 0,
                            summary->outer_src_port),
               cli_endpoint(dst, &summary->outer_dst, summary->outer_dst_port != 0,
                            summary->outer_dst_port),
               packet->original_bytes);
    if (summary->flags & PKV_SUMMARY_TRUNCATED)
        (void)fputs(" truncated", stdout);
    if (summary->flags & PKV_SUMMARY_MALFORMED)
        (void)fputs(" malformed", stdout);
}

/* 100 columns hold an IPv4 line: 27 8 5 21 > 21 6 and what it says. */
void cli_packet_text(const pkv_packet *packet, const pkv_summary *summary, int utc, bool verbose)
{
    char time[PKV_TIME_TEXT], vni[CLI_VNI_TEXT], safe[CLI_SAFE_TEXT];
    char src[CLI_ENDPOINT_TEXT], dst[CLI_ENDPOINT_TEXT];
    const char *plain = cli_colour(stdout, CLI_PLAIN);
    printf("%s%s%s %s%-8s%s %-5s %21s > %-21s %6" PRIu32 "%s%s", cli_colour(stdout, CLI_DIM),
           pkv_time_format(time, packet->time_ns, verbose ? 9 : 6, utc), plain,
           cli_colour(stdout, CLI_CYAN),
           cli_vni(vni, summary->tunnel, summary->vni, summary->vni_name), plain, summary->protocol,
           cli_endpoint(src, &summary->src, summary->has_ports, summary->src_port),
           cli_endpoint(dst, &summary->dst, summary->has_ports, summary->dst_port),
           summary->inner_bytes, summary->info[0] ? " " : "",
           cli_safe_text(safe, summary->info, sizeof summary->info));
    if (verbose)
        put_outer(packet, summary);
    (void)fputc('\n', stdout);
}

static void put_endpoint(struct cli_json *json, const char *address_key, const pkv_address *address,
                         const char *port_key, bool has_port, uint16_t port)
{
    char text[CLI_ENDPOINT_TEXT];
    cli_json_text(json, address_key, cli_endpoint(text, address, 0, 0));
    if (has_port)
        cli_json_number(json, port_key, port);
    else
        cli_json_null(json, port_key);
}

static void put_tunnel(struct cli_json *json, const pkv_summary *summary)
{
    bool tunnel = summary->tunnel != PKV_TUNNEL_NONE;
    cli_json_text(json, "tunnel", cli_tunnel(summary->tunnel));
    if (tunnel)
        cli_json_number(json, "vni", summary->vni);
    else
        cli_json_null(json, "vni");
    cli_json_string(json, "name", summary->vni_name);
    put_endpoint(json, "outer_src", &summary->outer_src, "outer_src_port",
                 tunnel && summary->outer_src_port, summary->outer_src_port);
    put_endpoint(json, "outer_dst", &summary->outer_dst, "outer_dst_port",
                 tunnel && summary->outer_dst_port, summary->outer_dst_port);
}

void cli_packet_json(const pkv_packet *packet, const pkv_summary *summary)
{
    struct cli_json json = {.stream = stdout};
    cli_json_begin(&json, NULL, '{');
    cli_json_time(&json, "time", packet->time_ns);
    put_tunnel(&json, summary);
    cli_json_string(&json, "proto", summary->protocol);
    put_endpoint(&json, "src", &summary->src, "src_port", summary->has_ports, summary->src_port);
    put_endpoint(&json, "dst", &summary->dst, "dst_port", summary->has_ports, summary->dst_port);
    cli_json_number(&json, "bytes", summary->inner_bytes);
    cli_json_number(&json, "captured_bytes", packet->captured_bytes);
    cli_json_number(&json, "original_bytes", packet->original_bytes);
    cli_json_text(&json, "info", summary->info);
    cli_json_bool(&json, "truncated", summary->flags & PKV_SUMMARY_TRUNCATED);
    cli_json_bool(&json, "malformed", summary->flags & PKV_SUMMARY_MALFORMED);
    cli_json_bool(&json, "fragment", summary->flags & PKV_SUMMARY_FRAGMENT);
    cli_json_end(&json, '}');
    cli_json_line(&json);
}
