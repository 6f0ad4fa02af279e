/* SPDX-License-Identifier: BSD-2-Clause */
#include <pktvault/time.h>

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/text.h"

struct scan {
    const char *text, *at;
};

static int fail(const struct scan *s, const char *expected, pkv_error *error)
{
    return pkv__error(error, PKV_E_SYNTAX, s->at - s->text,
                      "time '%.60s': expected %s at column %d", s->text, expected,
                      (int)(s->at - s->text) + 1);
}

static bool accept(struct scan *s, char c)
{
    if (*s->at != c)
        return false;
    s->at++;
    return true;
}

/* Exactly `digits` digits, within [low, high]. */
static bool number(struct scan *s, int digits, int low, int high, int *value)
{
    int n = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)s->at[i]))
            return false;
        n = n * 10 + (s->at[i] - '0');
    }
    if (n < low || n > high)
        return false;
    s->at += digits;
    *value = n;
    return true;
}

/* ".118234": digits past the ninth are cut. */
static bool fraction(struct scan *s, int64_t *ns)
{
    *ns = 0;
    if (*s->at != '.' && *s->at != ',')
        return true;
    s->at++;
    if (!isdigit((unsigned char)*s->at))
        return false;
    int64_t unit = PKV__NS_PER_S / 10;
    for (; isdigit((unsigned char)*s->at); s->at++, unit /= 10)
        *ns += (*s->at - '0') * unit;
    return true;
}

static bool to_ns(int64_t seconds, int64_t fraction_ns, int64_t *ns)
{
    return !__builtin_mul_overflow(seconds, PKV__NS_PER_S, ns) &&
           !__builtin_add_overflow(*ns, fraction_ns, ns);
}

static int epoch(struct scan *s, int64_t *ns, pkv_error *error)
{
    bool negative = accept(s, '-');
    size_t digits = strspn(s->at, "0123456789");
    uint64_t seconds;
    int64_t part;
    if (!pkv__text_number(&seconds, s->at, digits, INT64_MAX))
        return fail(s, "seconds since 1970", error);
    s->at += digits;
    if (!fraction(s, &part))
        return fail(s, "digits of a fraction", error);
    int64_t value = (int64_t)seconds;
    if (*s->at != 0 || !to_ns(negative ? -value : value, negative ? -part : part, ns))
        return fail(s, "a time between 1677 and 2262", error);
    return 0;
}

/* "14:03", "14:03:22.118234". */
static bool clock_time(struct scan *s, struct tm *tm, int64_t *part)
{
    *part = 0;
    tm->tm_sec = 0;
    if (!number(s, 2, 0, 23, &tm->tm_hour) || !accept(s, ':') || !number(s, 2, 0, 59, &tm->tm_min))
        return false;
    if (!accept(s, ':'))
        return true;
    return number(s, 2, 0, 60, &tm->tm_sec) && fraction(s, part);
}

/* "Z", "+01:00", "+0100", "+01", " UTC" or nothing; *given false: nothing. */
static bool zone(struct scan *s, bool *given, int64_t *offset_seconds)
{
    int hours, minutes = 0;
    *given = true;
    *offset_seconds = 0;
    if (accept(s, 'Z') || accept(s, 'z'))
        return true;
    if (strcasecmp(s->at, " UTC") == 0) {
        s->at += 4;
        return true;
    }
    struct scan start = *s;
    (void)accept(s, ' ');
    char sign = *s->at;
    if (sign != '+' && sign != '-') {
        *s = start;
        *given = false;
        return true;
    }
    s->at++;
    if (!number(s, 2, 0, 23, &hours))
        return false;
    (void)accept(s, ':');
    if (*s->at != 0 && !number(s, 2, 0, 59, &minutes))
        return false;
    *offset_seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

static int64_t seconds_of(struct tm *tm, bool zone_given, int64_t offset, int utc)
{
    tm->tm_isdst = -1;
    return zone_given || utc ? (int64_t)timegm(tm) - offset : (int64_t)mktime(tm);
}

static bool day_is_real(const struct tm *tm)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return tm->tm_mday <= days[tm->tm_mon] + (tm->tm_mon == 1 && leap);
}

/* "2026-11-17", "2026/11/17": Suricata prints the first with a T, people write both. */
static bool date(struct scan *s, struct tm *tm)
{
    int year, month;
    if (!number(s, 4, 1, 9999, &year) || !(accept(s, '-') || accept(s, '/')) ||
        !number(s, 2, 1, 12, &month) || !(accept(s, '-') || accept(s, '/')) ||
        !number(s, 2, 1, 31, &tm->tm_mday))
        return false;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    return day_is_real(tm);
}

static int date_time(struct scan *s, struct tm *tm, int64_t *ns, int utc, pkv_error *error)
{
    int64_t part = 0, offset = 0;
    bool given = false;
    tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
    if (*s->at && !strchr("Zz+", *s->at)) {
        if (!accept(s, 'T') && !accept(s, 't') && !accept(s, ' ') && !accept(s, '-'))
            return fail(s, "'T' or a space before the clock", error);
        s->at += strspn(s->at, " ");
        if (*s->at && !clock_time(s, tm, &part))
            return fail(s, "a clock such as 14:03:22", error);
    }
    if (!zone(s, &given, &offset) || *s->at != 0)
        return fail(s, "a zone such as Z or +01:00, or the end", error);
    if (!to_ns(seconds_of(tm, given, offset, utc), part, ns))
        return fail(s, "a time between 1677 and 2262", error);
    return 0;
}

static void day_of(int64_t time_ns, int utc, struct tm *tm)
{
    time_t seconds = (time_t)(time_ns / PKV__NS_PER_S - (time_ns % PKV__NS_PER_S < 0));
    if (utc)
        (void)gmtime_r(&seconds, tm);
    else
        (void)localtime_r(&seconds, tm);
}

static int relative(const char *text, bool minus, int64_t *ns, const struct scan *s,
                    pkv_error *error)
{
    int64_t duration = 0;
    if (pkv_duration_parse(&duration, text, NULL) < 0)
        return fail(s, "a duration such as 2h or 10m", error);
    *ns = minus ? pkv__clock_ns() - duration : pkv__clock_ns() + duration;
    return 0;
}

/* "now", "today", "-2h", "+1h", "2h ago"; 1: not of these. */
static int spoken(struct scan *s, int64_t *ns, int utc, pkv_error *error)
{
    static const struct {
        const char *word;
        int days;
    } words[] = {{"yesterday", -1}, {"today", 0}, {"tomorrow", 1}};
    char text[48];
    size_t length = strlen(s->text);
    if (strcasecmp(s->text, "now") == 0) {
        *ns = pkv__clock_ns();
        return 0;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t word = strlen(words[i].word);
        if (strncasecmp(s->text, words[i].word, word) != 0)
            continue;
        struct tm tm;
        day_of(pkv__clock_ns(), utc, &tm);
        tm.tm_mday += words[i].days;
        s->at += word;
        return date_time(s, &tm, ns, utc, error);
    }
    if ((s->text[0] == '-' || s->text[0] == '+') && strpbrk(s->text, "smhdw"))
        return relative(s->text + 1, s->text[0] == '-', ns, s, error);
    if (length > 4 && length < sizeof text && strcasecmp(s->text + length - 4, " ago") == 0) {
        memcpy(text, s->text, length - 4);
        text[length - 4] = 0;
        return relative(text, true, ns, s, error);
    }
    return 1;
}

static int bare_clock(struct scan *s, int64_t *ns, int64_t base_ns, int utc, pkv_error *error)
{
    struct tm tm = {0};
    int64_t part, offset;
    bool given;
    day_of(base_ns == PKV_TIME_MIN ? pkv__clock_ns() : base_ns, utc, &tm);
    if (!clock_time(s, &tm, &part) || !zone(s, &given, &offset) || *s->at != 0)
        return fail(s, "a clock such as 14:03:22", error);
    return to_ns(seconds_of(&tm, given, offset, utc), part, ns)
               ? 0
               : fail(s, "a time until 2262", error);
}

static int written(struct scan *s, int64_t *ns, int64_t base_ns, int utc, pkv_error *error)
{
    struct tm tm = {0};
    size_t digits = strspn(s->text, "0123456789");
    char behind = s->text[digits];
    if (accept(s, '@') || s->text[0] == '-' || (digits > 0 && (behind == 0 || behind == '.')))
        return epoch(s, ns, error);
    if (digits == 2 && behind == ':')
        return bare_clock(s, ns, base_ns, utc, error);
    if (!date(s, &tm))
        return fail(s, "a time such as 2026-11-17T14:03:22Z, 14:03, yesterday, -2h or @1763388202",
                    error);
    return date_time(s, &tm, ns, utc, error);
}

int pkv_time_parse(int64_t *time_ns, const char *text, int64_t base_ns, int utc, pkv_error *error)
{
    struct scan s = {text, text};
    int64_t ns = 0;
    int rc = spoken(&s, &ns, utc, error);
    if (rc > 0)
        rc = written(&s, &ns, base_ns, utc, error);
    if (rc < 0)
        return rc;
    *time_ns = ns;
    return 0;
}

static bool unit_ns(const char *unit, size_t length, int64_t *ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        {"ns", 1},
        {"us", 1000},
        {"ms", 1000000},
        {"s", PKV__NS_PER_S},
        {"m", 60 * PKV__NS_PER_S},
        {"min", 60 * PKV__NS_PER_S},
        {"h", 3600 * PKV__NS_PER_S},
        {"d", 86400 * PKV__NS_PER_S},
        {"w", 7 * 86400 * PKV__NS_PER_S},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strlen(units[i].name) == length && strncmp(unit, units[i].name, length) == 0) {
            *ns = units[i].ns;
            return true;
        }
    }
    return false;
}

int pkv_duration_parse(int64_t *duration_ns, const char *text, pkv_error *error)
{
    int64_t sum = 0;
    const char *at = text;
    do {
        size_t digits = strspn(at, "0123456789");
        size_t letters = strspn(at + digits, "abcdefghijklmnopqrstuvwxyz");
        uint64_t count;
        int64_t unit, part;
        if (!pkv__text_number(&count, at, digits, INT64_MAX) ||
            !unit_ns(at + digits, letters, &unit) ||
            __builtin_mul_overflow((int64_t)count, unit, &part) ||
            __builtin_add_overflow(sum, part, &sum))
            return pkv__error(error, PKV_E_SYNTAX, at - text,
                              "'%.60s' is no duration such as 500ms, 5s or 1h30m", text);
        at += digits + letters;
        at += strspn(at, " ");
    } while (*at);
    *duration_ns = sum;
    return 0;
}
