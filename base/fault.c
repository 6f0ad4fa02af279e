/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/fault.h"

int (*pkv__fault_hook)(const char *operation);
