/* SPDX-License-Identifier: BSD-2-Clause */
/* Segments as a live source writes them, byte by byte what the test says. */
#ifndef TESTS_QUERY_LIVE_H
#define TESTS_QUERY_LIVE_H

#include "archive/pcapng.h"
#include "tests/query/support.h"

struct test_live {
    int64_t start_ns, end_ns; /* of the coverage */
    uint64_t sequence;
    uint32_t vni;         /* of its packets: VXLAN; 0: they are plain */
    const char *vni_name; /* "100-149 web"; NULL: none */
    const int64_t *packets_ns;
    size_t packet_count;
    const struct pkv__statistics *statistics; /* before the last, which says end_ns */
    size_t statistics_count;
};

/* Writes and seals it. */
void test_live_write(const char *directory, const struct test_live *live);

#endif
