/* SPDX-License-Identifier: BSD-2-Clause */
/* search DIR [EXPRESSION]: prints a line for every packet that matches, and what the answer is
 * worth. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include <pktvault/pktvault.h>

static const char *address(char text[INET6_ADDRSTRLEN], const pkv_address *address)
{
    if (address->length != 4 && address->length != 16)
        return "?";
    return inet_ntop(address->length == 4 ? AF_INET : AF_INET6, address->bytes, text,
                     INET6_ADDRSTRLEN);
}

static void print(const pkv_query *query, const pkv_packet *packet)
{
    char time[PKV_TIME_TEXT], src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
    pkv_summary summary;
    pkv_query_summary(query, &summary);
    printf("%s vni %" PRIu32 " %s %s > %s %" PRIu32 " bytes %s\n",
           pkv_time_format(time, packet->time_ns, 9, 1), summary.vni, summary.protocol,
           address(src, &summary.src), address(dst, &summary.dst), summary.inner_bytes,
           summary.info);
}

static void print_worth(const pkv_query *query)
{
    pkv_query_report report;
    if (pkv_query_report_get(query, &report) != 0)
        return;
    fprintf(stderr, "%" PRIu64 " packets of %" PRIu64 " flows", report.packets, report.flows);
    if (report.missing_count == 0)
        fprintf(stderr, "; complete as recorded\n");
    else
        fprintf(stderr, "; %zu stretches are missing\n", report.missing_count);
}

int main(int argc, char **argv)
{
    pkv_query *query;
    pkv_packet packet;
    pkv_error error;
    int result;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: search DIR [EXPRESSION]\n");
        return 2;
    }
    const char *directory = argv[1];
    if (pkv_query_open(&query, &directory, 1, argv[2], PKV_TIME_MIN, PKV_TIME_MAX, 0, NULL,
                       &error) != 0) {
        fprintf(stderr, "search: %s\n", error.text);
        return 1;
    }
    while ((result = pkv_query_next(query, &packet, &error)) == PKV_PACKET)
        print(query, &packet);
    if (result == 0)
        print_worth(query);
    else
        fprintf(stderr, "search: %s\n", error.text);
    pkv_query_free(query);
    return result == 0 ? 0 : 1;
}
