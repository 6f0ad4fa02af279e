/* SPDX-License-Identifier: BSD-2-Clause */
/* All file system calls of pktvault, and the seam at which tests make them fail. Every function
 * retries EINTR and fills in the error with operation, path and errno's meaning. */
#ifndef PKV_BASE_FILE_H
#define PKV_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <pktvault/error.h>

/* flags as open(2), O_CLOEXEC added; mode 0640. The descriptor, or negative. ENOENT gives
 * PKV_E_NOT_FOUND, EEXIST PKV_E_EXISTS. A regular file, or what O_DIRECTORY or O_TMPFILE ask for:
 * anything else, such as a pipe in the place of a segment, is PKV_E_SYSTEM, and never waited for.
 */
int pkv__file_open(const char *path, int flags, pkv_error *error);
/* The same of a file of any kind, to read: a capture file may be a pipe, which is waited for. */
int pkv__file_open_any(const char *path, pkv_error *error);
/* Whether others may be let open the path: 0, PKV_E_NOT_FOUND, or PKV_E_SYSTEM, as above. */
int pkv__file_check_regular(const char *path, pkv_error *error);
void pkv__file_close(int fd); /* negative is fine */

/* Bytes read (fewer only at the end of the file), or negative. */
ssize_t pkv__file_read(int fd, void *data, size_t length, const char *path, pkv_error *error);
ssize_t pkv__file_read_at(int fd, void *data, size_t length, int64_t offset, const char *path,
                          pkv_error *error);
int pkv__file_write(int fd, const void *data, size_t length, const char *path,
                    pkv_error *error); /* all of it */
int pkv__file_write_at(int fd, const void *data, size_t length, int64_t offset, const char *path,
                       pkv_error *error);
/* All of the pieces, one behind the other, in one call where the system takes them; changes them.
 */
int pkv__file_write_pieces_at(int fd, struct iovec *pieces, int count, int64_t offset,
                              const char *path, pkv_error *error);
int pkv__file_sync(int fd, const char *path, pkv_error *error); /* fdatasync */
/* Of a file that is synced: what is read from now on comes from the disk, and not from memory,
 * where also stands what the disk refused. */
void pkv__file_forget(int fd);
int pkv__file_truncate(int fd, int64_t length, const char *path, pkv_error *error);
int64_t pkv__file_size(int fd, const char *path, pkv_error *error);

int pkv__file_rename(const char *from, const char *to, pkv_error *error);
int pkv__file_unlink(const char *path, pkv_error *error);           /* ENOENT is no error */
int pkv__file_make_directories(const char *path, pkv_error *error); /* 0750, with parents */
int pkv__file_sync_directory(const char *path, pkv_error *error);
bool pkv__file_exists(const char *path);
/* It is certain that there is none: not so where a directory may not be looked into. */
bool pkv__file_is_gone(const char *path);
bool pkv__file_is_same(const char *a, const char *b); /* two paths to one file or directory */
bool pkv__file_is_at(int fd, const char *path);       /* what is open is what the path names now */
/* Which directory it is, and when it was changed last: when a name came, went or was replaced. No
 * program can set that time back. PKV_E_NOT_FOUND: it is gone, or no directory. */
int pkv__file_stamp(const char *path, int64_t *inode, int64_t *changed_ns, pkv_error *error);
int pkv__file_free_space(const char *path, uint64_t *free_bytes, uint64_t *all_bytes,
                         pkv_error *error);

/* Exclusive flock without waiting: 0, PKV_E_BUSY, or PKV_E_SYSTEM. Released by closing. */
int pkv__file_lock(int fd, const char *path, pkv_error *error);
/* Makes an exclusive lock one that still keeps others from an exclusive one, but does not look like
 * a writer's. PKV_E_BUSY: another has taken it in between. */
int pkv__file_share_lock(int fd, const char *path, pkv_error *error);
/* Whether some process holds an exclusive lock on the file at path. */
bool pkv__file_is_locked(const char *path);

/* The names in a directory without "." and "..", sorted bytewise; free with pkv__file_names_free.
 * ENOENT: none. PKV_E_NOT_FOUND: it is no directory. */
int pkv__file_list(const char *path, char ***names, size_t *count, pkv_error *error);
void pkv__file_names_free(char **names, size_t count);

/* Reads a small file whole, zero-terminated; free with pkv__free. PKV_E_LIMIT: it is larger than
 * `limit` bytes. */
int pkv__file_read_all(const char *path, size_t limit, char **text, size_t *length,
                       pkv_error *error);
/* The same of a file of any kind, as pkv__file_open_any. */
int pkv__file_read_any(const char *path, size_t limit, char **text, size_t *length,
                       pkv_error *error);

static inline void pkv__file_close_cleanup(const int *fd)
{
    pkv__file_close(*fd);
}
#define PKV__AUTO_CLOSE __attribute__((cleanup(pkv__file_close_cleanup)))

#endif
