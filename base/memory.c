/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"

void *pkv__alloc(size_t bytes)
{
    return pkv__fault("alloc") ? NULL : malloc(bytes ? bytes : 1);
}

void *pkv__alloc_zero(size_t count, size_t bytes)
{
    return pkv__fault("alloc") ? NULL : calloc(count ? count : 1, bytes ? bytes : 1);
}

void *pkv__realloc(void *old, size_t count, size_t bytes)
{
    size_t all;
    if (pkv__fault("alloc") || __builtin_mul_overflow(count, bytes, &all))
        return NULL;
    return realloc(old, all ? all : 1);
}

char *pkv__strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = pkv__alloc(bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

char *pkv__printf(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    va_start(arguments, format);
    int length = pkv__fault("alloc") ? -1 : vasprintf(&text, format, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

void pkv__free(void *memory)
{
    free(memory);
}

int pkv__grow(void *array_pointer, size_t *capacity, size_t wanted, size_t bytes)
{
    if (wanted <= *capacity)
        return 0;
    size_t more = *capacity < SIZE_MAX / 2 ? *capacity * 2 : wanted;
    if (more < wanted)
        more = wanted;
    if (more < 8)
        more = 8;
    void *grown = pkv__realloc(*(void **)array_pointer, more, bytes);
    if (!grown)
        return PKV_E_MEMORY;
    *(void **)array_pointer = grown;
    *capacity = more;
    return 0;
}
