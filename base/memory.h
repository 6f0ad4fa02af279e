/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocation through the fault seam, and cleanup by attribute. */
#ifndef PKV_BASE_MEMORY_H
#define PKV_BASE_MEMORY_H

#include <stddef.h>

/* As malloc, calloc, realloc, strdup: NULL when out of memory. Overflow of count * size answers
 * NULL. */
void *pkv__alloc(size_t bytes);
void *pkv__alloc_zero(size_t count, size_t bytes);
void *pkv__realloc(void *old, size_t count, size_t bytes);
char *pkv__strdup(const char *text);
char *pkv__printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void pkv__free(void *memory);

/* Grows *array (of elements of `bytes`) so that it holds `wanted`; doubles. 0 or PKV_E_MEMORY
 * (array untouched). */
int pkv__grow(void *array_pointer, size_t *capacity, size_t wanted, size_t bytes);

static inline void pkv__free_cleanup(void *pointer_to_pointer)
{
    pkv__free(*(void **)pointer_to_pointer);
}
#define PKV__AUTO_FREE __attribute__((cleanup(pkv__free_cleanup)))
#define PKV__STEAL(p)                                                                              \
    ({                                                                                             \
        __typeof__(p) stolen_ = (p);                                                               \
        (p) = NULL;                                                                                \
        stolen_;                                                                                   \
    })

/* Declares pkv__x_cleanup(T **) for a `T *f(T *)` that frees. */
#define PKV__DEFINE_CLEANUP(type, function)                                                        \
    static inline void function##_cleanup(type **object)                                           \
    {                                                                                              \
        if (*object)                                                                               \
            (void)function(*object);                                                               \
    }                                                                                              \
    struct pkv__semicolon_
#define PKV__AUTO(function) __attribute__((cleanup(function##_cleanup)))

#endif
