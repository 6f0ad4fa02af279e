/* SPDX-License-Identifier: BSD-2-Clause */
/* Who the daemon runs as. */
#ifndef PKTVAULTD_USER_H
#define PKTVAULTD_USER_H

/* As root, with a user configured: becomes that user, but keeps what opening the sources needs, so
 * that every file of the archive is the user's from the first on. Makes `archive` if it is not
 * there. 0, or what was said why: PKV_E_INVALID no such user, PKV_E_SYSTEM. */
int pktvaultd_become(const char *user, const char *archive);

/* Gives up all capabilities, unless it runs as root. */
void pktvaultd_drop_capabilities(void);

#endif
