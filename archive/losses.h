/* SPDX-License-Identifier: BSD-2-Clause */
/* From the counters of a segment's statistics blocks: how many packets were lost, why, and between
 * which two readings. */
#ifndef PKV_ARCHIVE_LOSSES_H
#define PKV_ARCHIVE_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/pcapng.h"

enum { PKV__LOSS_KERNEL, PKV__LOSS_BUFFER, PKV__LOSS_DISK, PKV__LOSS_REFUSED, PKV__LOSS_CAUSES };

struct pkv__loss {
    uint32_t interface_id;
    unsigned cause;
    int64_t from_ns, until_ns;
    uint64_t packets;
};

struct pkv__losses;

/* start_ns: when the segment was opened, with all counters at zero. */
int pkv__losses_new(struct pkv__losses **losses, int64_t start_ns);
struct pkv__losses *pkv__losses_free(struct pkv__losses *losses); /* NULL is fine; returns NULL */

/* Takes a reading of an interface. PKV_E_MEMORY. */
int pkv__losses_add(struct pkv__losses *losses, uint32_t interface_id,
                    const struct pkv__statistics *statistics);

/* The last reading of an interface: its time and the counters of losses. False: none. */
bool pkv__losses_last(const struct pkv__losses *losses, uint32_t interface_id,
                      struct pkv__statistics *statistics);

/* In the order in which they were seen; one a (interface, cause, from). */
const struct pkv__loss *pkv__losses_all(const struct pkv__losses *losses, size_t *count);
const char *pkv__loss_cause_name(unsigned cause);

#endif
