/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums of pages: SQLite's file format has none, and a bit that rotted in a list of packets or in a
 * filter of the catalog would be a wrong answer that nothing tells. So every page of an index and
 * of the catalog has 8 reserved bytes (https://www.sqlite.org/fileformat2.html, section 1.3.4), and
 * a VFS between SQLite and the file (https://www.sqlite.org/vfs.html) puts the sum of the others
 * there and checks it. Any program of SQLite's reads such a file; what it writes lacks sums. */
#ifndef PKV_SCHEMA_PAGE_SUM_H
#define PKV_SCHEMA_PAGE_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#define PKV__PAGE_SUM_BYTES 8
#define PKV__PAGE_SUM_VFS "pktvault"

/* Where the first page says it: a page's bytes (2, big endian, 1 for 65536), those reserved. */
enum { PKV__PAGE_BYTES_AT = 16, PKV__PAGE_RESERVED_AT = 20, PKV__PAGE_HEADER_BYTES = 100 };

/* XXH3, seeded with the page's number from 1, of its bytes but the last 8, which hold it little
 * endian. */
void pkv__page_sum_put(uint8_t *page, size_t bytes, uint32_t number);
bool pkv__page_sum_fits(const uint8_t *page, size_t bytes, uint32_t number);

/* By the first 100 bytes of a file; 0: it is no database. */
size_t pkv__page_sum_page_bytes(const uint8_t *header);

/* Puts sums on all whole pages of a file in memory. */
void pkv__page_sum_put_all(uint8_t *file, size_t bytes);

/* Makes the VFS known to SQLite, if it is not yet; from any thread. An SQLite result code. What it
 * opens is opened by the VFS that is the default at that time. */
int pkv__page_sum_vfs_register(void);

/* The page that was read last with a wrong sum from the main file of a database; 0: none. Reading
 * it has answered SQLITE_IOERR_DATA. */
uint32_t pkv__page_sum_vfs_damaged(sqlite3 *db);

#endif
