/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line and the configuration. */
#ifndef PKTVAULTD_ARGUMENTS_H
#define PKTVAULTD_ARGUMENTS_H

#include <pktvault/options.h>

/* 0: *options is to be used and freed; positive: done, nothing to run (--help); negative: a message
 * has been printed. */
int pktvaultd_arguments(pkv_options **options, int argc, char **argv);

#endif
