/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/directory.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

struct civil {
    unsigned year, month, day, hour, minute, second, nanosecond;
};

#define SECONDS_PER_DAY 86400

/* Days since 1970-01-01 of a Gregorian date, counting in eras of 400 years that begin in March. */
static int64_t days_from_civil(const struct civil *c)
{
    int64_t year = (int64_t)c->year - (c->month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * ((int64_t)c->month + (c->month > 2 ? -3 : 9)) + 2) / 5 + c->day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void civil_from_days(struct civil *c, int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    c->day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
    c->month = (unsigned)(month < 10 ? month + 3 : month - 9);
    c->year = (unsigned)(year + era * 400 + (c->month <= 2));
}

static void civil_from_ns(struct civil *c, int64_t ns)
{
    int64_t seconds = ns / PKV__NS_PER_S, rest = ns % PKV__NS_PER_S;
    if (rest < 0) {
        seconds--;
        rest += PKV__NS_PER_S;
    }
    int64_t days = seconds / SECONDS_PER_DAY, of_day = seconds % SECONDS_PER_DAY;
    if (of_day < 0) {
        days--;
        of_day += SECONDS_PER_DAY;
    }
    civil_from_days(c, days);
    c->hour = (unsigned)(of_day / 3600);
    c->minute = (unsigned)(of_day / 60 % 60);
    c->second = (unsigned)(of_day % 60);
    c->nanosecond = (unsigned)rest;
}

/* False: beyond what 64 bits of nanoseconds hold. */
static bool civil_to_ns(int64_t *ns, const struct civil *c)
{
    int64_t seconds =
        days_from_civil(c) * SECONDS_PER_DAY + c->hour * 3600 + c->minute * 60 + c->second;
    int64_t nanosecond = c->nanosecond;
    if (seconds < 0 &&
        nanosecond > 0) { /* the product alone may be too small by part of a second */
        seconds++;
        nanosecond -= PKV__NS_PER_S;
    }
    return !__builtin_mul_overflow(seconds, PKV__NS_PER_S, ns) &&
           !__builtin_add_overflow(*ns, nanosecond, ns);
}

void pkv__segment_stem(char stem[PKV__SEGMENT_STEM_TEXT], const struct pkv__segment_name *name)
{
    struct civil c;
    civil_from_ns(&c, name->start_ns);
    (void)snprintf(stem, PKV__SEGMENT_STEM_TEXT,
                   "%04u%02u%02uT%02u%02u%02u.%09uZ-%" PRIu32 "-%06" PRIu64, c.year % 10000,
                   c.month, c.day, c.hour, c.minute, c.second, c.nanosecond, name->lane,
                   name->sequence);
}

static void day_path(char path[PKV__SEGMENT_PATH_TEXT], const char *folder,
                     const struct pkv__segment_name *name, const char *suffix)
{
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, name);
    (void)snprintf(path, PKV__SEGMENT_PATH_TEXT, "%s/%.4s/%.2s/%.2s/%s%s", folder, stem, stem + 4,
                   stem + 6, stem, suffix);
}

void pkv__segment_path(char path[PKV__SEGMENT_PATH_TEXT], const struct pkv__segment_name *name,
                       bool open)
{
    day_path(path, "segments", name,
             open ? PKV__SEGMENT_SUFFIX PKV__OPEN_SUFFIX : PKV__SEGMENT_SUFFIX);
}

void pkv__index_path(char path[PKV__SEGMENT_PATH_TEXT], const struct pkv__segment_name *name)
{
    day_path(path, "index", name, PKV__INDEX_SUFFIX);
}

/* Exactly `count` digits. */
static bool parse_digits(const char **at, unsigned count, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        *value = *value * 10 + (unsigned)(**at - '0');
    }
    return true;
}

static bool parse_number(const char **at, uint64_t *value)
{
    *value = 0;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (__builtin_mul_overflow(*value, 10u, value) ||
            __builtin_add_overflow(*value, (uint64_t)(**at - '0'), value))
            return false;
    return true;
}

static bool parse_char(const char **at, char wanted)
{
    return *(*at)++ == wanted;
}

static bool parse_start(const char **at, int64_t *start_ns)
{
    struct civil c;
    return parse_digits(at, 4, &c.year) && parse_digits(at, 2, &c.month) &&
           parse_digits(at, 2, &c.day) && parse_char(at, 'T') && parse_digits(at, 2, &c.hour) &&
           parse_digits(at, 2, &c.minute) && parse_digits(at, 2, &c.second) &&
           parse_char(at, '.') && parse_digits(at, 9, &c.nanosecond) && parse_char(at, 'Z') &&
           c.month >= 1 && c.month <= 12 && civil_to_ns(start_ns, &c);
}

/* Where the stem ends; NULL: it is none. Only the one spelling that we write: no February 30, no
 * leading zeros. */
static const char *take_stem(struct pkv__segment_name *name, const char *text)
{
    struct pkv__segment_name parsed;
    uint64_t lane;
    const char *at = text;
    if (!parse_start(&at, &parsed.start_ns) || !parse_char(&at, '-') || !parse_number(&at, &lane) ||
        lane > UINT32_MAX || !parse_char(&at, '-') || !parse_number(&at, &parsed.sequence))
        return NULL;
    parsed.lane = (uint32_t)lane;
    char stem[PKV__SEGMENT_STEM_TEXT];
    pkv__segment_stem(stem, &parsed);
    if (strncmp(stem, text, (size_t)(at - text)) != 0 || stem[at - text] != '\0')
        return NULL;
    *name = parsed;
    return at;
}

bool pkv__segment_stem_parse(struct pkv__segment_name *name, const char *stem)
{
    struct pkv__segment_name parsed;
    const char *end = take_stem(&parsed, stem);
    if (!end || *end)
        return false;
    *name = parsed;
    return true;
}

bool pkv__segment_name_parse(struct pkv__segment_name *name, bool *open, const char *file_name)
{
    struct pkv__segment_name parsed;
    const char *suffix = take_stem(&parsed, file_name);
    if (!suffix)
        return false;
    bool is_open = strcmp(suffix, PKV__SEGMENT_SUFFIX PKV__OPEN_SUFFIX) == 0;
    if (!is_open && strcmp(suffix, PKV__SEGMENT_SUFFIX) != 0)
        return false;
    *name = parsed;
    *open = is_open;
    return true;
}

int pkv__segment_name_compare(const struct pkv__segment_name *a, const struct pkv__segment_name *b)
{
    if (a->start_ns != b->start_ns)
        return a->start_ns < b->start_ns ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return a->sequence == b->sequence ? 0 : a->sequence < b->sequence ? -1 : 1;
}
