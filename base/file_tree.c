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

static bool means_gone(int error_number)
{
    return error_number == ENOENT || error_number == ENOTDIR;
}

bool pkv__file_is_gone(const char *path)
{
    struct stat found;
    return stat(path, &found) < 0 && means_gone(errno);
}

static bool is_one(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool pkv__file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && is_one(&x, &y);
}

bool pkv__file_is_at(int fd, const char *path)
{
    struct stat x, y;
    return fstat(fd, &x) == 0 && stat(path, &y) == 0 && is_one(&x, &y);
}

int pkv__file_stamp(const char *path, int64_t *inode, int64_t *changed_ns, pkv_error *error)
{
    struct stat found = {.st_mode = 0};
    int fault = pkv__fault("stat");
    int failure = fault ? fault : stat(path, &found) < 0 ? errno : 0;
    if (failure && !means_gone(failure))
        return pkv__error_errno(error, failure, "cannot look at %s", path);
    if (failure || !S_ISDIR(found.st_mode))
        return pkv__error(error, PKV_E_NOT_FOUND, -1, "%s is no directory", path);
    *inode = (int64_t)found.st_ino;
    *changed_ns = (int64_t)found.st_ctim.tv_sec * 1000000000 + found.st_ctim.tv_nsec;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NULL at the end, and where it cannot be read any further: then errno is set. */
static struct dirent *next_entry(DIR *directory)
{
    int fault = pkv__fault("readdir");
    errno = fault;
    return fault ? NULL : readdir(directory);
}

/* 0, or an errno. */
static int read_names(DIR *directory, char ***names, size_t *count)
{
    size_t capacity = 0;
    for (struct dirent *entry; (entry = next_entry(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (pkv__grow(names, &capacity, *count + 1, sizeof **names) < 0)
            return ENOMEM;
        char *name = pkv__strdup(entry->d_name);
        if (!name)
            return ENOMEM;
        (*names)[(*count)++] = name;
    }
    return errno;
}

static int cannot_list(const char *path, int failure, pkv_error *error)
{
    int rc = pkv__error_errno(error, failure, "cannot list %s", path);
    if (failure != ENOTDIR)
        return rc;
    if (error)
        error->code = PKV_E_NOT_FOUND;
    return PKV_E_NOT_FOUND;
}

int pkv__file_list(const char *path, char ***names, size_t *count, pkv_error *error)
{
    char **found = NULL;
    size_t n = 0;
    int fault = pkv__fault("opendir");
    DIR *directory = fault ? NULL : opendir(path);
    int failure = fault ? fault : !directory && errno != ENOENT ? errno : 0;
    if (directory) {
        failure = read_names(directory, &found, &n);
        (void)closedir(directory);
    }
    if (failure) {
        pkv__file_names_free(found, n);
        return cannot_list(path, failure, error);
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
