/* SPDX-License-Identifier: BSD-2-Clause */
/* sd_notify(3) without its library: a datagram to $NOTIFY_SOCKET. */
#ifndef PKTVAULTD_NOTIFY_H
#define PKTVAULTD_NOTIFY_H

void pktvaultd_notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
