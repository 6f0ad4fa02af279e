/* SPDX-License-Identifier: BSD-2-Clause */
/* The losses of a lane that no segment tells yet, kept in its journal so that neither a kill nor a
 * full disk takes them. For the lane's writer thread alone. */
#ifndef PKV_SERVER_UNTOLD_H
#define PKV_SERVER_UNTOLD_H

#include "archive/loss_journal.h"
#include "base/options.h"
#include "server/loss_log.h"

#define PKV__UNTOLD_KEPT (PKV__LOSS_RECORDS / 2)

struct pkv__untold {
    const char *directory;
    const struct pkv_options *options;
    uint32_t lane;
    bool taken;                        /* what earlier processes left has been read */
    struct pkv__loss_journal *journal; /* NULL: cannot be made now */
    /* Of segments that an earlier process left open: whoever recovers them tells these. */
    struct pkv__loss_record kept[PKV__UNTOLD_KEPT];
    size_t kept_count;
    struct pkv__loss_counts carried; /* what the lane's earlier processes could not tell */
    bool complained, sync_complained;
};

void pkv__untold_init(struct pkv__untold *untold, const char *directory, uint32_t lane,
                      const struct pkv_options *options);
void pkv__untold_deinit(struct pkv__untold *untold);

/* Reads what earlier processes left, once: it becomes stretches of `log`, and `latest` includes it.
 * A journal that cannot be read is left as it is, and one that cannot be made costs only its
 * protection; either is tried again with each segment. */
void pkv__untold_take(struct pkv__untold *untold, struct pkv__loss_log *log,
                      struct pkv__loss_counts *latest);

/* What the log has not told yet is in the journal from here on: for the segment `name`, whose
 * counters started at `base`; or for the next one (NULL) */
void pkv__untold_save(struct pkv__untold *untold, const struct pkv__loss_log *log,
                      const struct pkv__segment_name *name, const struct pkv__loss_counts *base);

/* What was saved is on the disk: whoever reads it after a power cut finds whose it is. */
void pkv__untold_sync(struct pkv__untold *untold);

#endif
