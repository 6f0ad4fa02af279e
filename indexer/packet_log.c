/* SPDX-License-Identifier: BSD-2-Clause */
#include "indexer/packet_log.h"

#include <string.h>

#include <pktvault/error.h>

#include "base/limits.h"
#include "base/memory.h"

#define PART_BITS 16u
#define PART_ENTRIES (1u << PART_BITS)

/* In parts, since a run that doubles would hold three times its size for a moment. */
struct pkv__packet_log {
    uint32_t **parts;
    size_t parts_count, parts_capacity;
    uint32_t count;
};

int pkv__packet_log_new(struct pkv__packet_log **log)
{
    struct pkv__packet_log *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    *log = made;
    return 0;
}

struct pkv__packet_log *pkv__packet_log_free(struct pkv__packet_log *log)
{
    for (size_t i = 0; log && i < log->parts_count; i++)
        pkv__free(log->parts[i]);
    if (log)
        pkv__free(log->parts);
    pkv__free(log);
    return NULL;
}

void pkv__packet_log_clear(struct pkv__packet_log *log)
{
    log->count = 0;
}

static int add_part(struct pkv__packet_log *log)
{
    if (pkv__grow(&log->parts, &log->parts_capacity, log->parts_count + 1, sizeof *log->parts) < 0)
        return PKV_E_MEMORY;
    uint32_t *part = pkv__alloc(PART_ENTRIES * sizeof *part);
    if (!part)
        return PKV_E_MEMORY;
    log->parts[log->parts_count++] = part;
    return 0;
}

int pkv__packet_log_add(struct pkv__packet_log *log, uint32_t flow, unsigned side)
{
    size_t part = log->count >> PART_BITS;
    if (part == log->parts_count && add_part(log) < 0)
        return PKV_E_MEMORY;
    log->parts[part][log->count++ & (PART_ENTRIES - 1)] = flow << 1 | (side & 1);
    return 0;
}

uint32_t pkv__packet_log_count(const struct pkv__packet_log *log)
{
    return log->count;
}

uint64_t pkv__packet_log_bytes(const struct pkv__packet_log *log)
{
    return log->parts_count * (uint64_t)(PART_ENTRIES * sizeof(uint32_t));
}

static uint32_t entry(const struct pkv__packet_log *log, uint32_t at)
{
    return log->parts[at >> PART_BITS][at & (PART_ENTRIES - 1)];
}

/* Turns numbers of packets, at starts[flow], into where each flow begins. */
static void sum_up(uint32_t *starts, uint32_t flows)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i <= flows; i++) {
        uint32_t packets = starts[i];
        starts[i] = sum;
        sum += packets;
    }
}

/* Where each flow begins ends up one further, so starts[0] is shifted back in. */
static void distribute(const struct pkv__packet_log *log, uint32_t flows,
                       struct pkv__packets_by_flow *sorted)
{
    for (uint32_t i = 0; i < log->count; i++) {
        uint32_t e = entry(log, i);
        sorted->entries[sorted->starts[e >> 1]++] = i << 1 | (e & 1);
    }
    memmove(sorted->starts + 1, sorted->starts, flows * sizeof *sorted->starts);
    sorted->starts[0] = 0;
}

int pkv__packet_log_sort(const struct pkv__packet_log *log, uint32_t flows,
                         struct pkv__packets_by_flow *sorted)
{
    struct pkv__packets_by_flow s = {pkv__alloc_zero(flows + (size_t)1, sizeof *s.starts),
                                     pkv__alloc_zero(log->count + (size_t)1, sizeof *s.entries)};
    if (!s.starts || !s.entries) {
        pkv__packets_by_flow_deinit(&s);
        return PKV_E_MEMORY;
    }
    for (uint32_t i = 0; i < log->count; i++)
        s.starts[entry(log, i) >> 1]++;
    sum_up(s.starts, flows);
    distribute(log, flows, &s);
    *sorted = s;
    return 0;
}

void pkv__packets_by_flow_deinit(struct pkv__packets_by_flow *sorted)
{
    pkv__free(sorted->starts);
    pkv__free(sorted->entries);
    *sorted = (struct pkv__packets_by_flow){NULL, NULL};
}

void pkv__packets_by_flow_encode(const struct pkv__packets_by_flow *sorted, uint32_t flow,
                                 uint64_t first_ordinal, unsigned initiator,
                                 struct pkv__buffer *list)
{
    uint64_t last = 0;
    for (uint32_t i = sorted->starts[flow]; i < sorted->starts[flow + 1]; i++) {
        uint64_t ordinal = first_ordinal + (sorted->entries[i] >> 1);
        pkv__buffer_varint(list, (ordinal - last) << 1 | ((sorted->entries[i] ^ initiator) & 1));
        last = ordinal;
    }
}
