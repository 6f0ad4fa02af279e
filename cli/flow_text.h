/* SPDX-License-Identifier: BSD-2-Clause */
/* A flow as a row of a table, CSV or JSON on standard output. */
#ifndef PKV_CLI_FLOW_TEXT_H
#define PKV_CLI_FLOW_TEXT_H

#include <stdbool.h>

#include <pktvault/query.h>

struct cli_flow_table {
    int by; /* PKV_BY_… */
    int utc;
    bool headed;   /* the head has been written */
    int vni_width; /* of the widest so far */
};

void cli_flow_text(struct cli_flow_table *table, const pkv_flow *flow);
void cli_flow_csv_head(void);
void cli_flow_csv(const pkv_flow *flow);
void cli_flow_json(const pkv_flow *flow);

#endif
