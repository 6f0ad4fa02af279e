/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/archives.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/complain.h"

#define CONFIG_PATH "/etc/pktvault/pktvault.conf"

int cli_archives_init(struct cli_archives *archives)
{
    pkv_error error = {.code = PKV_E_MEMORY};
    *archives = (struct cli_archives){.count = 0};
    if (pkv_options_new(&archives->options) != 0)
        return cli_fail(&error, NULL);
    pkv_options_set_log(archives->options, cli_log, &archives->verbose);
    return CLI_DONE;
}

void cli_archives_deinit(struct cli_archives *archives)
{
    archives->options = pkv_options_free(archives->options);
}

int cli_archives_add(struct cli_archives *archives, const char *directory)
{
    if (archives->count == CLI_ARCHIVES_MAX)
        return cli_usage("more than %d archives", CLI_ARCHIVES_MAX);
    archives->directories[archives->count++] = directory;
    return CLI_DONE;
}

static int read_config(struct cli_archives *archives)
{
    pkv_error error;
    const char *path = archives->config;
    if (!path && access(CONFIG_PATH, R_OK) == 0)
        path = CONFIG_PATH;
    if (!path || pkv_options_read(archives->options, path, &error) == 0)
        return CLI_DONE;
    (void)cli_fail(&error, NULL);
    return error.code == PKV_E_SYSTEM || error.code == PKV_E_MEMORY ? CLI_FAILED : CLI_USAGE;
}

int cli_archives_default(struct cli_archives *archives, const char **directory)
{
    int status = read_config(archives);
    const char *found = getenv("PKTVAULT_ARCHIVE");
    if (!found || !*found)
        found = pkv_options_get(archives->options, "archive", 0);
    *directory = found && *found ? found : NULL;
    return status;
}

int cli_archives_settle(struct cli_archives *archives, bool single)
{
    const char *directory;
    int status = cli_archives_default(archives, &directory);
    if (status != CLI_DONE)
        return status;
    if (archives->count == 0 && directory)
        archives->directories[archives->count++] = directory;
    if (archives->count == 0)
        return cli_usage(
            "no archive: give -a DIR, set PKTVAULT_ARCHIVE, or `archive` in " CONFIG_PATH);
    if (single && archives->count > 1)
        return cli_usage("one archive at a time: -a was given %zu times", archives->count);
    return CLI_DONE;
}

int cli_archives_become_owner(const struct cli_archives *archives)
{
    const char *directory = archives->directories[0];
    struct stat found;
    if (geteuid() != 0 || stat(directory, &found) < 0 || found.st_uid == 0)
        return CLI_DONE;
    const struct passwd *owner = getpwuid(found.st_uid);
    int rc = owner ? initgroups(owner->pw_name, found.st_gid) : setgroups(0, NULL);
    if (rc < 0 || setgid(found.st_gid) < 0 || setuid(found.st_uid) < 0) {
        cli_complain("cannot become the owner of %s: %s", directory, strerror(errno));
        return CLI_FAILED;
    }
    return CLI_DONE;
}
