/* SPDX-License-Identifier: BSD-2-Clause */
/* Everything but recorder.h, which needs libuv's header. */
#ifndef PKTVAULT_H
#define PKTVAULT_H

#include <pktvault/error.h>
#include <pktvault/indexer.h>
#include <pktvault/options.h>
#include <pktvault/packet.h>
#include <pktvault/query.h>
#include <pktvault/slice.h>
#include <pktvault/status.h>
#include <pktvault/time.h>
#include <pktvault/verify.h>
#include <pktvault/writer.h>

#endif
