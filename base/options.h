/* SPDX-License-Identifier: BSD-2-Clause */
/* The typed settings behind pkv_options. */
#ifndef PKV_BASE_OPTIONS_H
#define PKV_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pktvault/options.h>

#include "base/limits.h"

struct pkv__handover;

struct pkv__strings {
    char **values;
    size_t count;
};

struct pkv_options {
    /* where */
    char *archive;
    /* sources of pktvaultd */
    struct pkv__strings listen, capture, allow, vni; /* vni: "100-149 web" */
    char *filter;
    char *user;   /* to run as once the sources are open */
    char *health; /* address:port */
    bool index;
    /* recorder */
    int64_t rotate_bytes, rotate_interval_ns, flush_interval_ns, sync_interval_ns;
    int64_t buffer_bytes, receive_buffer_bytes, ring_bytes, snap_length;
    int64_t workers;                /* compression threads; 0: by the number of processors */
    struct pkv__handover *handover; /* shared by all copies: a writer with its indexer */
    /* log */
    pkv_log_fn *log;
    void *log_context;
    char *shown[PKV__OPTION_KEYS_MAX]; /* each key's value as it was set, for pkv_options_get */
};

/* A deep copy, but for the hand-over. NULL gives defaults. */
int pkv__options_copy(struct pkv_options **copy, const struct pkv_options *options);

/* Splits a value of `vni`, "100-149 web", into its range and name (a view). PKV_E_INVALID. */
int pkv__options_vni(const char *value, uint32_t *first, uint32_t *last, const char **name);

/* A name that an archive, a file name and a filter can hold: [A-Za-z][A-Za-z0-9_.-]{0,31}. */
bool pkv__options_name_is_valid(const char *name);

void pkv__log(const struct pkv_options *options, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
