/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PKTVAULT_OPTIONS_H
#define PKTVAULT_OPTIONS_H

#include <pktvault/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Settings, by the keys of pktvault.conf(5). Every object copies what it needs when it is made;
 * what a writer and an indexer that are made from the same set need not do twice, they do once. */
typedef struct pkv_options pkv_options;

/* Makes a set of defaults. Errors: PKV_E_MEMORY. */
PKV_API int pkv_options_new(pkv_options **options);
PKV_API pkv_options *pkv_options_free(pkv_options *options); /* NULL is fine; returns NULL */

/* Sets a key from its text form, as it stands in the configuration: durations "500ms 5s 10m 1h
 * 30d", sizes "64K 256M 10G" (powers of 1024), booleans "yes no". Keys that may be repeated
 * (listen, capture, allow, vni) append. Errors: PKV_E_NOT_FOUND no such key, PKV_E_INVALID a value
 * out of its range, PKV_E_LIMIT too many values, PKV_E_MEMORY. */
PKV_API int pkv_options_set(pkv_options *options, const char *key, const char *value,
                            pkv_error *error);

/* Reads an INI file. Errors: as pkv_options_set with "FILE:LINE:" in the text,
 * PKV_E_SYNTAX, PKV_E_NOT_FOUND also where there is no such file, PKV_E_SYSTEM. */
PKV_API int pkv_options_read(pkv_options *options, const char *path, pkv_error *error);

/* The value set last for a key (of a boolean: "yes" or "no"), or NULL: valid until the key is set
 * again. Repeated keys: the value number `at` (0, 1, …), NULL behind the last. */
PKV_API const char *pkv_options_get(const pkv_options *options, const char *key, unsigned at);

/* Enumerates: the key, default (NULL: none) and one-line help of key number `at`, or
 * PKV_E_NOT_FOUND behind the last. */
PKV_API int pkv_options_describe(unsigned at, const char **key, const char **default_value,
                                 const char **help);

/* Called now and then by what takes long; a non-zero answer stops it (PKV_E_CANCELED).
 * Of what `done` and `all` count, each function says; all 0: not known. */
typedef int pkv_progress_fn(void *context, uint64_t done, uint64_t all);

/* Where what is worth knowing goes: NULL, as at first, is nowhere. Before objects are made, which
 * copy it; context must outlive them. */
PKV_API void pkv_options_set_log(pkv_options *options, pkv_log_fn *log, void *context);

#ifdef __cplusplus
}
#endif
#endif
