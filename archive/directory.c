/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "archive/chain.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#define HEADER_TEXT 512
#define CREATE_TRIES 5000 /* of a millisecond: another process writes a hundred bytes meanwhile */

char *pkv__archive_join(const char *directory, const char *relative)
{
    return pkv__printf("%s/%s", directory, relative);
}

int pkv__archive_sync_names(const char *directory, const char *path, pkv_error *error)
{
    char *parent PKV__AUTO_FREE = pkv__strdup(path);
    int rc = 0;
    if (!parent)
        return pkv__error_memory(error);
    for (char *slash; rc == 0 && (slash = strrchr(parent + strlen(directory), '/')) != NULL;) {
        *slash = '\0';
        rc = pkv__file_sync_directory(parent, error);
    }
    return rc;
}

/* UUID version 4 (RFC 9562). */
static int draw_uuid(char uuid[37], pkv_error *error)
{
    uint8_t bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return pkv__error_errno(error, errno, "drawing a UUID");
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    char *to = uuid;
    for (unsigned i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = "0123456789abcdef"[bytes[i] >> 4];
        *to++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *to = '\0';
    return 0;
}

static void host_name(char host[65])
{
    if (gethostname(host, 65) != 0)
        host[0] = '\0';
    host[64] = '\0';
    for (char *c = host; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.' && *c != '_')
            *c = '_';
    if (!host[0])
        (void)strcpy(host, "unknown");
}

static int write_header(const char *path, pkv_error *error)
{
    char uuid[37], host[65], header[HEADER_TEXT];
    int rc = draw_uuid(uuid, error);
    if (rc < 0)
        return rc;
    host_name(host);
    pkv__chain_header(header, uuid, host, pkv__clock_ns());

    int fd PKV__AUTO_CLOSE = pkv__file_open(path, O_WRONLY | O_CREAT | O_TRUNC, error);
    if (fd < 0)
        return fd;
    rc = pkv__file_write(fd, header, strlen(header), path, error);
    return rc < 0 ? rc : pkv__file_sync(fd, path, error);
}

/* Under the lock of locks/create, so that of two creators one gives the archive its UUID. */
static int create_chain(const char *directory, const char *chain, pkv_error *error)
{
    if (pkv__file_exists(chain))
        return 0;
    char *made PKV__AUTO_FREE = pkv__archive_join(directory, "locks/chain.new");
    char *above PKV__AUTO_FREE = pkv__archive_join(directory, "..");
    if (!made || !above)
        return pkv__error_memory(error);
    int rc = write_header(made, error);
    if (rc == 0)
        rc = pkv__file_rename(made, chain, error);
    if (rc == 0)
        rc = pkv__archive_sync_names(directory, chain, error);
    if (rc == 0)
        (void)pkv__file_sync_directory(above, NULL); /* which may not be ours to read */
    return rc;
}

static int create_chain_locked(const char *directory, const char *chain, pkv_error *error)
{
    char *lock PKV__AUTO_FREE = pkv__archive_join(directory, "locks/create");
    if (!lock)
        return pkv__error_memory(error);
    int fd PKV__AUTO_CLOSE = pkv__file_open(lock, O_RDWR | O_CREAT, error);
    if (fd < 0)
        return fd;
    int rc = pkv__file_lock(fd, lock, error);
    for (unsigned tries = 0; rc == PKV_E_BUSY && tries < CREATE_TRIES; tries++) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (pkv__file_exists(chain))
            return 0;
        rc = pkv__file_lock(fd, lock, error);
    }
    return rc < 0 ? rc : create_chain(directory, chain, error);
}

int pkv__archive_create(const char *directory, pkv_error *error)
{
    static const char *const folders[] = {"locks", "index", "segments"};
    char *chain PKV__AUTO_FREE = pkv__archive_join(directory, "chain.log");
    if (!chain)
        return pkv__error_memory(error);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char *path PKV__AUTO_FREE = pkv__archive_join(directory, folders[i]);
        if (!path)
            return pkv__error_memory(error);
        int rc = pkv__file_make_directories(path, error);
        if (rc < 0)
            return rc;
    }
    return pkv__file_exists(chain) ? 0 : create_chain_locked(directory, chain, error);
}

int pkv__archive_check(const char *directory, pkv_error *error)
{
    char *segments PKV__AUTO_FREE = pkv__archive_join(directory, "segments");
    if (!segments)
        return pkv__error_memory(error);
    if (pkv__file_exists(segments))
        return 0;
    return pkv__error(
        error, PKV_E_NOT_FOUND, -1,
        "%s: no pktvault archive here: pktvaultd -a DIR or pktvault import -a DIR FILE "
        "makes one, -a DIR or PKTVAULT_ARCHIVE names another",
        directory);
}

/* RFC 4122: 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < 36; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}

int pkv__archive_uuid(const char *directory, char uuid[37], pkv_error *error)
{
    static const char start[] = "# pktvault archive ";
    char *path PKV__AUTO_FREE = pkv__archive_join(directory, "chain.log");
    if (!path)
        return pkv__error_memory(error);
    int fd PKV__AUTO_CLOSE = pkv__file_open(path, O_RDONLY, error);
    if (fd < 0)
        return fd;
    char line[sizeof start - 1 + 37];
    ssize_t got = pkv__file_read_at(fd, line, sizeof line, 0, path, error);
    if (got < 0)
        return (int)got;
    if (got != (ssize_t)sizeof line || memcmp(line, start, sizeof start - 1) != 0 ||
        !is_uuid(line + sizeof start - 1) || line[sizeof line - 1] != ' ')
        return pkv__error(error, PKV_E_FORMAT, 0, "%s: does not begin with \"%sUUID\"", path,
                          start);
    memcpy(uuid, line + sizeof start - 1, 36);
    uuid[36] = '\0';
    return 0;
}
