/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/filter_bpf.h"

#include <pcap/pcap.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

#define LINK_ETHERNET 1
#define SNAP_LENGTH 262144

struct program {
    uint16_t link_type;
    bool usable; /* false: matches nothing */
    struct bpf_program code;
};

struct pkv__bpf {
    char *text;
    pthread_mutex_t mutex; /* of adding; `count` is published last */
    unsigned count;
    struct program programs[PKV__FILTER_LINK_TYPES_MAX];
};

/* Files number some link types otherwise than libpcap does in memory. */
static int data_link_of(uint16_t link_type)
{
    switch (link_type) {
    case 100:
        return DLT_ATM_RFC1483;
    case 101:
        return DLT_RAW;
    default:
        return link_type;
    }
}

/* Compiles; an expression that libpcap proves to be always false is usable = false and no error. */
static int compile(struct program *program, const char *text, pkv_error *error)
{
    pcap_t *pcap = pcap_open_dead(data_link_of(program->link_type), SNAP_LENGTH);
    if (!pcap)
        return pkv__error_memory(error);
    int rc = PKV_OK;
    /* Netmask 0: as tcpdump has it when it reads a file. */
    if (pcap_compile(pcap, &program->code, text, 1, 0) == 0)
        program->usable = true;
    else if (!strstr(pcap_geterr(pcap), "rejects all packets"))
        rc = pkv__error(error, PKV_E_SYNTAX, -1, "libpcap: %s", pcap_geterr(pcap));
    pcap_close(pcap);
    return rc;
}

int pkv__bpf_new(struct pkv__bpf **bpf, const char *text, pkv_error *error)
{
    struct pkv__bpf *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made || !(made->text = pkv__strdup(text))) {
        pkv__free(made);
        return pkv__error_memory(error);
    }
    (void)pthread_mutex_init(&made->mutex, NULL);
    made->programs[0].link_type = LINK_ETHERNET;
    int rc = compile(&made->programs[0], text, error);
    if (rc) {
        (void)pkv__bpf_free(made);
        return rc;
    }
    made->count = 1;
    *bpf = made;
    return PKV_OK;
}

static struct program *find(struct pkv__bpf *bpf, uint16_t link_type)
{
    unsigned count = __atomic_load_n(&bpf->count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++)
        if (bpf->programs[i].link_type == link_type)
            return &bpf->programs[i];
    return NULL;
}

static struct program *add(struct pkv__bpf *bpf, uint16_t link_type)
{
    (void)pthread_mutex_lock(&bpf->mutex);
    struct program *program = find(bpf, link_type);
    if (!program && bpf->count < PKV__FILTER_LINK_TYPES_MAX) {
        program = &bpf->programs[bpf->count];
        program->link_type = link_type;
        (void)compile(program, bpf->text, NULL);
        __atomic_store_n(&bpf->count, bpf->count + 1, __ATOMIC_RELEASE);
    }
    (void)pthread_mutex_unlock(&bpf->mutex);
    return program;
}

bool pkv__bpf_match(struct pkv__bpf *bpf, uint16_t link_type, const uint8_t *data,
                    uint32_t captured, uint32_t original)
{
    struct program *program = find(bpf, link_type);
    if (!program && !(program = add(bpf, link_type)))
        return false;
    if (!program->usable)
        return false;
    struct pcap_pkthdr header = {.caplen = captured, .len = original};
    static const uint8_t nothing[1];
    return pcap_offline_filter(&program->code, &header, data ? data : nothing) != 0;
}

struct pkv__bpf *pkv__bpf_free(struct pkv__bpf *bpf)
{
    if (!bpf)
        return NULL;
    for (unsigned i = 0; i < bpf->count; i++)
        if (bpf->programs[i].usable)
            pcap_freecode(&bpf->programs[i].code);
    (void)pthread_mutex_destroy(&bpf->mutex);
    pkv__free(bpf->text);
    pkv__free(bpf);
    return NULL;
}
