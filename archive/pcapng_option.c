/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/pcapng_internal.h"

#include <string.h>

#define OPTION_HEADER_BYTES 4u
#define PEN_BYTES 4u

bool pkv__option_next(struct pkv__cursor *c, struct pkv__option *option)
{
    const uint8_t *start = c->at;
    if (c->failed || pkv__cursor_left(c) == 0)
        return false;
    option->start = start;
    option->code = pkv__cursor_u16le(c);
    option->length = pkv__cursor_u16le(c);
    option->padded = OPTION_HEADER_BYTES + pkv__pad4(option->length);
    if (!c->failed && option->code == PKV__OPT_END)
        return false;
    option->value = pkv__cursor_take(c, pkv__pad4(option->length));
    return option->value != NULL;
}

bool pkv__options_are_whole(const uint8_t *options, size_t length)
{
    struct pkv__cursor c = pkv__cursor(options, length);
    struct pkv__option option = {.code = PKV__OPT_END};
    while (pkv__option_next(&c, &option))
        continue;
    return !c.failed && pkv__cursor_left(&c) == 0 && (length == 0 || option.code != PKV__OPT_END);
}

bool pkv__option_ours(const struct pkv__option *option, const char **text, size_t *length)
{
    struct pkv__cursor c = pkv__cursor(option->value, option->length);
    if (option->code != PKV__OPT_CUSTOM_TEXT || pkv__cursor_u32le(&c) != PKV__PEN || c.failed)
        return false;
    *text = (const char *)c.at;
    *length = option->length - PEN_BYTES;
    return pkv__option_text_skip(text, length, "pktvault ");
}

bool pkv__option_text_skip(const char **text, size_t *length, const char *word)
{
    size_t word_length = strlen(word);
    if (*length < word_length || memcmp(*text, word, word_length) != 0)
        return false;
    *text += word_length;
    *length -= word_length;
    return true;
}

bool pkv__text_take_number(const char **text, size_t *length, uint64_t *value)
{
    size_t digits = 0;
    uint64_t number = 0;
    for (; digits < *length && (*text)[digits] >= '0' && (*text)[digits] <= '9'; digits++)
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)((*text)[digits] - '0'), &number))
            return false;
    *text += digits;
    *length -= digits;
    *value = number;
    return digits > 0;
}
