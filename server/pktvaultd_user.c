/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/pktvaultd_user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/pktvaultd_log.h"

static int set_capabilities(unsigned capabilities)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{capabilities, capabilities, 0}, {0, 0, 0}};
    return (int)syscall(SYS_capset, &header, data);
}

static int make_archive(const struct passwd *entry, const char *archive)
{
    if (mkdir(archive, 0750) == 0)
        return chown(archive, entry->pw_uid, entry->pw_gid);
    return errno == EEXIST ? 0 : -1;
}

int pktvaultd_become(const char *user, const char *archive)
{
    if (!user || !*user)
        return 0;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry) {
        pktvaultd_say(PKV_LOG_ERROR, "user: there is no user '%s'", user);
        return PKV_E_INVALID;
    }
    if (entry->pw_uid == geteuid())
        return 0;
    const unsigned kept = 1u << CAP_NET_RAW | 1u << CAP_NET_ADMIN | 1u << CAP_NET_BIND_SERVICE;
    if (make_archive(entry, archive) < 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
        initgroups(user, entry->pw_gid) < 0 || setgid(entry->pw_gid) < 0 ||
        setuid(entry->pw_uid) < 0 || set_capabilities(kept) < 0) {
        pktvaultd_say(PKV_LOG_ERROR, "cannot become user '%s' with archive %s: %s", user, archive,
                      strerror(errno));
        return PKV_E_SYSTEM;
    }
    return 0;
}

void pktvaultd_drop_capabilities(void)
{
    if (geteuid() != 0 && set_capabilities(0) < 0)
        pktvaultd_say(PKV_LOG_WARNING, "cannot give up capabilities: %s", strerror(errno));
}
