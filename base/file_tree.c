/* SPDX-License-Identifier: BSD-2-Clause */
/* Directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/memory.h"

static int make_directory(const char *path, pkv_error *error)
{
    int fault = pkv__fault("mkdir");
    if (fault)
        return pkv__error_errno(error, fault, "cannot make directory %s", path);
    if (mkdir(path, 0750) == 0 || errno == EEXIST)
        return 0;
    return pkv__error_errno(error, errno, "cannot make directory %s", path);
}

int pkv__file_make_directories(const char *path, pkv_error *error)
{
    PKV__AUTO_FREE char *parent = pkv__strdup(path);
    if (!parent)
        return pkv__error_memory(error);
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (!pkv__file_exists(parent)) {
            int rc = make_directory(parent, error);
            if (rc < 0)
                return rc;
        }
        *slash = '/';
    }
    return make_directory(path, error);
}

int pkv__file_sync_directory(const char *path, pkv_error *error)
{
    PKV__AUTO_CLOSE int fd = pkv__file_open(path, O_RDONLY | O_DIRECTORY, error);
    if (fd < 0)
        return fd;
    int fault = pkv__fault("sync");
    if (fault)
        return pkv__error_errno(error, fault, "cannot sync directory %s", path);
    if (fsync(fd) < 0)
        return pkv__error_errno(error, errno, "cannot sync directory %s", path);
    return 0;
}

bool pkv__file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int pkv__file_stamp(const char *path, int64_t *inode, int64_t *changed_ns, pkv_error *error)
{
    struct stat found;
    int fault = pkv__fault("stat");
    if (fault || stat(path, &found) < 0)
        return pkv__error_errno(error, fault ? fault : errno, "cannot look at %s", path);
    *inode = (int64_t)found.st_ino;
    *changed_ns = (int64_t)found.st_ctim.tv_sec * 1000000000 + found.st_ctim.tv_nsec;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(DIR *directory, char ***names, size_t *count)
{
    size_t capacity = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (pkv__grow(names, &capacity, *count + 1, sizeof **names) < 0)
            return PKV_E_MEMORY;
        char *name = pkv__strdup(entry->d_name);
        if (!name)
            return PKV_E_MEMORY;
        (*names)[(*count)++] = name;
    }
    return 0;
}

int pkv__file_list(const char *path, char ***names, size_t *count, pkv_error *error)
{
    char **found = NULL;
    size_t n = 0;
    int fault = pkv__fault("opendir");
    DIR *directory = fault ? NULL : opendir(path);
    if (!directory && (fault || errno != ENOENT))
        return pkv__error_errno(error, fault ? fault : errno, "cannot list %s", path);
    if (directory) {
        int rc = read_names(directory, &found, &n);
        (void)closedir(directory);
        if (rc < 0) {
            pkv__file_names_free(found, n);
            return pkv__error_memory(error);
        }
    }
    if (n > 0)
        qsort(found, n, sizeof *found, compare_names);
    *names = found;
    *count = n;
    return 0;
}

void pkv__file_names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pkv__free(names[i]);
    pkv__free(names);
}
