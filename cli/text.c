/* SPDX-License-Identifier: BSD-2-Clause */
#include "cli/text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *cli_colour(FILE *stream, enum cli_colour colour)
{
    static const char *const SEQUENCES[] = {"\x1b[0m",  "\x1b[1m",  "\x1b[2m", "\x1b[31m",
                                            "\x1b[32m", "\x1b[33m", "\x1b[36m"};
    static int wanted[2] = {-1, -1};
    int *is_wanted = &wanted[stream == stderr];
    if (*is_wanted < 0) {
        const char *no_color = getenv("NO_COLOR");
        const char *terminal = getenv("TERM");
        *is_wanted = isatty(fileno(stream)) && !(no_color && *no_color) && terminal &&
                     strcmp(terminal, "dumb") != 0;
    }
    return *is_wanted ? SEQUENCES[colour] : "";
}

char *cli_number(char text[CLI_NUMBER_TEXT], uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *to = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

char *cli_size(char text[CLI_NUMBER_TEXT], uint64_t bytes)
{
    static const char UNITS[] = "KMGTPE";
    if (bytes < 10000) {
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRIu64, bytes);
        return text;
    }
    double value = (double)bytes / 1024;
    size_t unit = 0;
    while (value >= 999.5 && UNITS[unit + 1]) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(text, CLI_NUMBER_TEXT, value < 99.95 ? "%.1f%c" : "%.0f%c", value, UNITS[unit]);
    return text;
}

char *cli_lasted(char text[CLI_NUMBER_TEXT], int64_t ns)
{
    int64_t seconds = ns / 1000000000;
    if (ns < 0)
        (void)snprintf(text, CLI_NUMBER_TEXT, "?");
    else if (ns < 1000000)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 "us", ns / 1000);
    else if (seconds < 1)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 "ms", ns / 1000000);
    else if (seconds < 60)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 ".%" PRId64 "s", seconds,
                       ns % 1000000000 / 100000000);
    else if (seconds < 3600)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 "m%02" PRId64 "s", seconds / 60,
                       seconds % 60);
    else if (seconds < 86400)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 "h%02" PRId64 "m", seconds / 3600,
                       seconds / 60 % 60);
    else if (seconds < 86400 * 100)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 "d%02" PRId64 "h", seconds / 86400,
                       seconds / 3600 % 24);
    else
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 "d", seconds / 86400);
    return text;
}

char *cli_elapsed(char text[CLI_NUMBER_TEXT], int64_t ns)
{
    if (ns < 10000000000)
        (void)snprintf(text, CLI_NUMBER_TEXT, "%" PRId64 " ms", (ns + 500000) / 1000000);
    else
        (void)snprintf(text, CLI_NUMBER_TEXT, "%.1f s", (double)ns / 1e9);
    return text;
}

static void address_text(char text[CLI_ENDPOINT_TEXT], const pkv_address *address)
{
    const uint8_t *b = address->bytes;
    text[0] = '\0';
    if (address->length == 4)
        (void)inet_ntop(AF_INET, b, text, CLI_ENDPOINT_TEXT);
    else if (address->length == 16)
        (void)inet_ntop(AF_INET6, b, text, CLI_ENDPOINT_TEXT);
    else if (address->length == 6)
        (void)snprintf(text, CLI_ENDPOINT_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2],
                       b[3], b[4], b[5]);
}

char *cli_endpoint(char text[CLI_ENDPOINT_TEXT], const pkv_address *address, int has_port,
                   uint16_t port)
{
    char bare[CLI_ENDPOINT_TEXT];
    address_text(bare, address);
    if (!has_port)
        (void)snprintf(text, CLI_ENDPOINT_TEXT, "%s", bare);
    else
        (void)snprintf(text, CLI_ENDPOINT_TEXT, address->length == 16 ? "[%.45s]:%u" : "%.45s:%u",
                       bare, port);
    return text;
}

/* RFC 9293, section 3.1. */
enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128 };

static char *flag_letters(char text[CLI_FLAGS_TEXT], uint8_t flags)
{
    static const struct {
        uint8_t flag;
        char letter;
    } LETTERS[] = {{SYN, 'S'}, {ACK, 'A'}, {PSH, 'P'}, {FIN, 'F'},
                   {RST, 'R'}, {URG, 'U'}, {ECE, 'E'}, {CWR, 'C'}};
    char *to = text;
    for (size_t i = 0; i < sizeof LETTERS / sizeof LETTERS[0]; i++)
        if (flags & LETTERS[i].flag)
            *to++ = LETTERS[i].letter;
    *to = '\0';
    return text;
}

char *cli_all_flags(char text[CLI_FLAGS_TEXT], uint8_t flags)
{
    return flag_letters(text, flags);
}

char *cli_flow_flags(char text[CLI_FLAGS_TEXT], uint8_t flags)
{
    uint8_t telling = (uint8_t)(flags & ~ACK);
    return flag_letters(text, telling ? telling : flags);
}

char *cli_vni(char text[CLI_VNI_TEXT], int tunnel, uint32_t vni, const char *name)
{
    char safe[CLI_SAFE_TEXT];
    if (tunnel == PKV_TUNNEL_NONE)
        (void)snprintf(text, CLI_VNI_TEXT, "-");
    else if (name)
        (void)snprintf(text, CLI_VNI_TEXT, "%.60s", cli_safe_text(safe, name, strlen(name)));
    else
        (void)snprintf(text, CLI_VNI_TEXT, "%" PRIu32, vni);
    return text;
}

const char *cli_tunnel(int tunnel)
{
    return tunnel == PKV_TUNNEL_VXLAN ? "vxlan" : tunnel == PKV_TUNNEL_GENEVE ? "geneve" : "";
}

char *cli_safe_text(char safe[CLI_SAFE_TEXT], const char *text, size_t length)
{
    size_t i = 0;
    for (; i < length && i < CLI_SAFE_TEXT - 1 && text[i]; i++) {
        unsigned char byte = (unsigned char)text[i];
        safe[i] = byte < 0x20 || byte >= 0x7f ? '?' : text[i];
    }
    safe[i] = '\0';
    return safe;
}

size_t cli_utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, second_first, second_last;
        size_t length;
    } FORMS[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                 {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    if (s[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        if (s[0] < FORMS[i].first || s[0] > FORMS[i].last)
            continue;
        if (s[1] < FORMS[i].second_first || s[1] > FORMS[i].second_last)
            return 0;
        for (size_t k = 2; k < FORMS[i].length; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return FORMS[i].length;
    }
    return 0;
}

/* U+0080 to U+009F are 0xc2 and the byte of their number. */
bool cli_is_control(const unsigned char *s, size_t length)
{
    if (length == 2)
        return s[0] == 0xc2 && s[1] < 0xa0;
    return length == 1 && (s[0] < 0x20 || s[0] == 0x7f);
}

void cli_put_safe(FILE *stream, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    while (*s) {
        size_t length = cli_utf8_length(s);
        if (length == 0 || cli_is_control(s, length))
            (void)fputc('?', stream);
        else
            (void)fwrite(s, 1, length, stream);
        s += length ? length : 1;
    }
}

int cli_zone_is_utc(void)
{
    return timezone == 0 && daylight == 0;
}

int64_t cli_monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
