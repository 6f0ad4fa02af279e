/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/text.h"

#include <string.h>
#include <strings.h>

bool pkv__text_number(uint64_t *number, const char *text, size_t length, uint64_t limit)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (unsigned)(text[i] - '0'), &value))
            return false;
    }
    if (length == 0 || value > limit)
        return false;
    *number = value;
    return true;
}

bool pkv__text_size(int64_t *bytes, const char *text)
{
    static const char units[] = "KMGT";
    size_t length = strlen(text);
    unsigned shift = 0;
    if (length > 1 && (text[length - 1] == 'B' || text[length - 1] == 'b'))
        length--;
    if (length > 1 && (text[length - 1] < '0' || text[length - 1] > '9')) {
        const char *unit = strchr(units, text[length - 1] & ~0x20);
        if (!unit)
            return false;
        shift = 10u * (unsigned)(unit - units + 1);
        length--;
    }
    uint64_t number;
    if (!pkv__text_number(&number, text, length, (uint64_t)INT64_MAX >> shift))
        return false;
    *bytes = (int64_t)(number << shift);
    return true;
}

bool pkv__text_boolean(bool *value, const char *text)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *value = i & 1;
            return true;
        }
    }
    return false;
}
