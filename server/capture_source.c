/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/capture_source.h"

#include <pcap.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/options.h"
#include "packet/decode.h"
#include "server/packet_block.h"
#include "server/port_guard.h"

#define PACKETS_A_TURN 8192 /* before other sources have their turn */
#define TIMEOUT_MS 100      /* how long the kernel may keep a block of frames that is not full */
#define OPTION_FILTER 11u   /* if_filter: a byte 0 for "pcap-filter", then the text */

struct pkv__capture_source {
    pcap_t *pcap;
    char *name, *filter;
    const struct pkv_options *options;
    bool down; /* the interface, as last said */
    int64_t down_ns;
    const struct pkv__networks *allow;
    struct pkv__lane *lane; /* while receive() runs */
    struct pkv__buffer interface_options;
    uint16_t link_type;
    uint32_t snap_length;
    uint32_t drops, taken; /* as libpcap counts, modulo 2^32 */
    uint64_t lost;
};

/* IPv6: libpcap's "udp dst port" does not look behind a fragment header, so first fragments are
 * taken by their bytes. */
#define TUNNELS                                                                                    \
    "udp dst port 4789 or udp dst port 6081"                                                       \
    " or (ip proto 17 and ip[6:2] & 0x1fff != 0)"                                                  \
    " or (ip6[6] = 44 and ip6[40] = 17 and"                                                        \
    " (ip6[42:2] & 0xfff8 != 0 or ip6[50:2] = 4789 or ip6[50:2] = 6081))"

const char *pkv__capture_default_filter(void)
{
    return TUNNELS " or (vlan and (" TUNNELS " or (vlan and (" TUNNELS "))))";
}

static int set_filter(struct pkv__capture_source *source, bool ethernet, pkv_error *error)
{
    struct bpf_program program;
    const char *filter = source->filter;
    if (!filter)
        filter = ethernet ? pkv__capture_default_filter() : TUNNELS;
    if (pcap_compile(source->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) < 0)
        return pkv__error(error, PKV_E_SYNTAX, -1, "filter for %s: %s: %.200s", source->name,
                          pcap_geterr(source->pcap), filter);
    int rc = pcap_setfilter(source->pcap, &program);
    pcap_freecode(&program);
    if (rc < 0)
        return pkv__error(error, PKV_E_SYSTEM, -1, "%s: cannot set the filter: %s", source->name,
                          pcap_geterr(source->pcap));
    pkv__buffer_u16le(&source->interface_options, OPTION_FILTER);
    pkv__buffer_u16le(&source->interface_options, (uint16_t)(1 + strlen(filter)));
    pkv__buffer_u8(&source->interface_options, 0);
    pkv__buffer_bytes(&source->interface_options, filter, strlen(filter));
    pkv__buffer_zeros(&source->interface_options, -source->interface_options.length & 3u);
    return source->interface_options.failed ? pkv__error_memory(error) : 0;
}

static int activation_failed(const struct pkv__capture_source *source, int rc, pkv_error *error)
{
    if (rc == PCAP_ERROR_NO_SUCH_DEVICE || rc == PCAP_ERROR_IFACE_NOT_UP)
        return pkv__error(error, PKV_E_NOT_FOUND, -1, "cannot capture from %s: %s", source->name,
                          rc == PCAP_ERROR_IFACE_NOT_UP
                              ? "the interface is down"
                              : "there is no such interface (ip link shows all)");
    if (rc == PCAP_ERROR_PERM_DENIED || rc == PCAP_ERROR_PROMISC_PERM_DENIED)
        return pkv__error(error, PKV_E_SYSTEM, -1,
                          "cannot capture from %s: this needs root or CAP_NET_RAW", source->name);
    return pkv__error(error, PKV_E_SYSTEM, -1, "cannot capture from %s: %s: %s", source->name,
                      pcap_statustostr(rc), pcap_geterr(source->pcap));
}

static int activate(struct pkv__capture_source *source, const struct pkv_options *options,
                    pkv_error *error)
{
    char text[PCAP_ERRBUF_SIZE] = "";
    source->pcap = pcap_create(source->name, text);
    if (!source->pcap)
        return pkv__error(error, PKV_E_SYSTEM, -1, "cannot capture from %s: %s", source->name,
                          text);
    (void)pcap_set_snaplen(source->pcap, (int)options->snap_length);
    (void)pcap_set_promisc(source->pcap, 1);
    (void)pcap_set_timeout(source->pcap, TIMEOUT_MS);
    (void)pcap_set_buffer_size(source->pcap, (int)options->ring_bytes);
    (void)pcap_set_tstamp_precision(source->pcap, PCAP_TSTAMP_PRECISION_NANO);
    int rc = pcap_activate(source->pcap);
    if (rc < 0)
        return activation_failed(source, rc, error);
    if (pcap_get_tstamp_precision(source->pcap) != PCAP_TSTAMP_PRECISION_NANO)
        return pkv__error(error, PKV_E_UNSUPPORTED, -1, "%s: libpcap gives no nanoseconds",
                          source->name);
    if (pcap_setnonblock(source->pcap, 1, text) < 0)
        return pkv__error(error, PKV_E_SYSTEM, -1, "%s: %s", source->name, text);
    return 0;
}

/* DLT_RAW is a number of its own on each system; everything else that Linux interfaces have is the
 * same as in files. */
static uint16_t link_type_of(int data_link)
{
    return data_link == DLT_RAW ? 101u : (uint16_t)data_link;
}

static void free_source(void *context)
{
    struct pkv__capture_source *source = context;
    if (source->pcap)
        pcap_close(source->pcap);
    pkv__buffer_deinit(&source->interface_options);
    pkv__free(source->name);
    pkv__free(source->filter);
    pkv__free(source);
}

int pkv__capture_source_open(struct pkv__capture_source **source, const char *interface_name,
                             const char *filter, const struct pkv_options *options,
                             const struct pkv__networks *allow, pkv_error *error)
{
    struct pkv__capture_source *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return pkv__error_memory(error);
    made->allow = allow;
    made->options = options;
    made->name = pkv__strdup(interface_name);
    made->filter = filter ? pkv__strdup(filter) : NULL;
    int rc = made->name && (made->filter || !filter) ? 0 : pkv__error_memory(error);
    if (rc == 0)
        rc = activate(made, options, error);
    if (rc == 0) {
        made->link_type = link_type_of(pcap_datalink(made->pcap));
        made->snap_length = (uint32_t)pcap_snapshot(made->pcap);
        rc = set_filter(made, made->link_type == 1, error);
    }
    if (rc < 0)
        free_source(made);
    else
        *source = made;
    return rc;
}

int pkv__capture_source_fd(const struct pkv__capture_source *source)
{
    return pcap_get_selectable_fd(source->pcap);
}

void pkv__capture_source_interface(const struct pkv__capture_source *source,
                                   pkv_interface *interface_)
{
    *interface_ = (pkv_interface){.link_type = source->link_type,
                                  .snap_length = source->snap_length,
                                  .name = source->name,
                                  .options = source->interface_options.data,
                                  .options_bytes = (uint32_t)source->interface_options.length};
}

/* As libpcap counts, so that what the kernel drops between two reads of 32 bits is not lost. */
static uint64_t lost(void *context)
{
    struct pkv__capture_source *source = context;
    struct pcap_stat stat;
    if (pcap_stats(source->pcap, &stat) == 0) {
        source->lost += stat.ps_drop - source->drops;
        source->drops = stat.ps_drop;
    }
    return source->lost;
}

static bool shut(void *context)
{
    const struct pkv__capture_source *source = context;
    return pkv__port_guard_deafen(pcap_fileno(source->pcap)) == 0;
}

/* In a block of the ring that is not full. (What came before the filter was set is counted too, and
 * may never be handed over.) */
static bool holds(void *context)
{
    const struct pkv__capture_source *source = context;
    struct pcap_stat stat;
    return pcap_stats(source->pcap, &stat) == 0 && stat.ps_recv - stat.ps_drop != source->taken;
}

static bool may_send(const struct pkv__capture_source *source, const struct pcap_pkthdr *header,
                     const uint8_t *data)
{
    struct pkv__facts facts;
    if (!source->allow->count)
        return true;
    pkv__decode(&facts, source->link_type, data, header->caplen, header->len);
    const struct pkv__layer *layer = facts.tunnel ? &facts.outer : &facts.inner;
    return layer->class_ != PKV__CLASS_IP ||
           pkv__networks_allow(source->allow, layer->src.bytes, layer->src.length);
}

static void set_down(struct pkv__capture_source *source, bool down, int64_t resumed_ns)
{
    if (down)
        pkv__lane_pause(source->lane);
    else
        pkv__lane_resume(source->lane, resumed_ns);
    if (down == source->down)
        return;
    source->down = down;
    source->down_ns = pkv__clock_ns();
    pkv__log(source->options, down ? PKV_LOG_WARNING : PKV_LOG_INFO, "%s is %s", source->name,
             down ? "down: nothing can be captured from it" : "up again");
}

static void store(u_char *context, const struct pcap_pkthdr *header, const u_char *data)
{
    struct pkv__capture_source *source = (struct pkv__capture_source *)context;
    source->taken++;
    int64_t time_ns =
        header->ts.tv_sec * PKV__NS_PER_S + header->ts.tv_usec; /* which holds nanoseconds */
    if (source->down && time_ns > source->down_ns)
        set_down(source, false, time_ns);
    if (!may_send(source, header, data)) {
        pkv__lane_refuse(source->lane, time_ns);
        return;
    }
    uint32_t bytes = pkv__epb_bytes(header->caplen);
    uint8_t *place = pkv__lane_reserve(source->lane, bytes, header->caplen, time_ns);
    if (!place)
        return;
    uint8_t *to = pkv__epb_head(place, bytes, 0, time_ns, header->caplen, header->len);
    memcpy(to, data, header->caplen);
    pkv__epb_tail(to + header->caplen, bytes, header->caplen);
}

static int receive(void *context, struct pkv__lane *lane, pkv_error *error)
{
    struct pkv__capture_source *source = context;
    source->lane = lane;
    int count = pcap_dispatch(source->pcap, PACKETS_A_TURN, store, (u_char *)source);
    if (count < 0)
        return pkv__error(error, PKV_E_SYSTEM, -1, "%s: %s", source->name,
                          pcap_geterr(source->pcap));
    /* While an interface is down, libpcap wants to be asked again after some time. It looks only
     * when there are no packets. */
    if (count == 0)
        set_down(source, pcap_get_required_select_timeout(source->pcap) != NULL, INT64_MAX);
    return count;
}

const struct pkv__source_kind pkv__capture_source_kind = {receive, lost,  shut,
                                                          holds,   false, free_source};
