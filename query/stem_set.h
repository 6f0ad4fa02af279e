/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of segments that were met, or their paths: a set that grows. */
#ifndef PKV_QUERY_STEM_SET_H
#define PKV_QUERY_STEM_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Open addressing over their hashes; 0 is free. All zero: empty. */
struct pkv__stem_set {
    uint64_t *slots;
    size_t slot_count, count;
};

int pkv__stem_set_add(struct pkv__stem_set *set, const char *stem); /* PKV_E_MEMORY */
bool pkv__stem_set_has(const struct pkv__stem_set *set, const char *stem);
void pkv__stem_set_deinit(struct pkv__stem_set *set);

#endif
