/* SPDX-License-Identifier: BSD-2-Clause */
#include "server/pktvaultd_arguments.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/pktvaultd_log.h"

#define CONFIGURATION "/etc/pktvault/pktvault.conf"
#define KEYS_MAX 64
#define DEFAULT_LISTEN ":4789"

enum { OPTION_HELP = 1000, OPTION_VERSION, OPTION_CONFIG, OPTION_NO_INDEX, OPTION_KEY };

/* Keys as the library names them, in its order. Option OPTION_KEY + i sets key i. */
struct arguments {
    const char *keys[KEYS_MAX];
    bool given[KEYS_MAX]; /* on the command line, which wins over the file */
    unsigned count;
    struct option table[KEYS_MAX + 5];
    const char *config;
};

static void fill_table(struct arguments *a)
{
    const char *initial, *help;
    unsigned n = 0;
    while (a->count < KEYS_MAX &&
           pkv_options_describe(a->count, &a->keys[a->count], &initial, &help) == 0)
        a->count++;
    for (; n < a->count; n++)
        a->table[n] = (struct option){a->keys[n], required_argument, NULL, OPTION_KEY + (int)n};
    a->table[n++] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    a->table[n++] = (struct option){"version", no_argument, NULL, OPTION_VERSION};
    a->table[n++] = (struct option){"config", required_argument, NULL, OPTION_CONFIG};
    a->table[n++] = (struct option){"no-index", no_argument, NULL, OPTION_NO_INDEX};
    a->table[n] = (struct option){NULL, 0, NULL, 0};
}

static unsigned find_key(const struct arguments *a, const char *key)
{
    unsigned i = 0;
    while (i < a->count && strcmp(a->keys[i], key) != 0)
        i++;
    return i;
}

static void print_help(const struct arguments *a)
{
    (void)puts(
        "usage: pktvaultd [-a DIR] [--listen ADDR:PORT]... [--capture IFACE]... [OPTION]...\n"
        "Records mirrored network traffic (VXLAN, GENEVE) into an archive; SIGHUP seals the open "
        "segments.\n\n"
        "  -a DIR                   archive (default: $PKTVAULT_ARCHIVE, then the configuration)\n"
        "  --config FILE            configuration (default: " CONFIGURATION ")\n"
        "  --no-index               record only; `pktvault index --follow` indexes");
    for (unsigned i = 0; i < a->count; i++) {
        const char *key, *initial, *help;
        (void)pkv_options_describe(i, &key, &initial, &help);
        if (strcmp(key, "archive") == 0 || strcmp(key, "index") == 0)
            continue;
        (void)printf("  --%-22s %s%s%s%s\n", key, help, initial && *initial ? " [" : "",
                     initial && *initial ? initial : "", initial && *initial ? "]" : "");
    }
    (void)puts("\nWithout listen and capture, it listens on " DEFAULT_LISTEN
               ", IPv4 and IPv6. See pktvaultd(8), pktvault.conf(5).");
}

static int complain(const pkv_error *error)
{
    pktvaultd_complain("%s", error->text);
    return -1;
}

static int set_key(struct arguments *a, pkv_options *options, const char *key, const char *value)
{
    pkv_error error;
    if (pkv_options_set(options, key, value, &error) < 0)
        return complain(&error);
    a->given[find_key(a, key)] = true;
    return 0;
}

static int take(struct arguments *a, pkv_options *options, int option)
{
    switch (option) {
    case 'a':
        return set_key(a, options, "archive", optarg);
    case OPTION_HELP:
        print_help(a);
        return 1;
    case OPTION_VERSION:
        (void)printf("pktvaultd %s\n", pkv_version());
        return 1;
    case OPTION_CONFIG:
        a->config = optarg;
        return 0;
    case OPTION_NO_INDEX:
        return set_key(a, options, "index", "no");
    case '?':
        pktvaultd_complain("see pktvaultd --help");
        return -1;
    default:
        return set_key(a, options, a->keys[option - OPTION_KEY], optarg);
    }
}

static int read_command_line(struct arguments *a, pkv_options *options, int argc, char **argv)
{
    int option, rc = 0;
    while (rc == 0 && (option = getopt_long(argc, argv, "a:", a->table, NULL)) != -1)
        rc = take(a, options, option);
    if (rc == 0 && optind < argc) {
        pktvaultd_complain("'%s' is not an option: see pktvaultd --help", argv[optind]);
        rc = -1;
    }
    return rc;
}

static bool is_source(const char *key)
{
    return strcmp(key, "listen") == 0 || strcmp(key, "capture") == 0;
}

/* What the file says and the command line does not. Sources on the command line stand for all of
 * the file's. */
static int take_over(struct arguments *a, pkv_options *options, const pkv_options *file)
{
    bool sources = a->given[find_key(a, "listen")] || a->given[find_key(a, "capture")];
    for (unsigned i = 0; i < a->count; i++) {
        const char *value;
        if (a->given[i] || (sources && is_source(a->keys[i])))
            continue;
        for (unsigned at = 0; (value = pkv_options_get(file, a->keys[i], at)) != NULL; at++) {
            pkv_error error;
            if (pkv_options_set(options, a->keys[i], value, &error) < 0)
                return complain(&error);
        }
    }
    return 0;
}

static int read_configuration(struct arguments *a, pkv_options *options)
{
    pkv_options *file;
    pkv_error error;
    if (!a->config && access(CONFIGURATION, F_OK) != 0)
        return 0;
    if (pkv_options_new(&file) < 0)
        return -1;
    int rc = pkv_options_read(file, a->config ? a->config : CONFIGURATION, &error);
    rc = rc < 0 ? complain(&error) : take_over(a, options, file);
    (void)pkv_options_free(file);
    return rc;
}

static int set_defaults(struct arguments *a, pkv_options *options)
{
    const char *archive = getenv("PKTVAULT_ARCHIVE");
    int rc = 0;
    if (archive && *archive && !a->given[find_key(a, "archive")])
        rc = set_key(a, options, "archive", archive);
    if (rc == 0)
        rc = read_configuration(a, options);
    if (rc == 0 && !pkv_options_get(options, "archive", 0)) {
        pktvaultd_complain(
            "which archive? Use -a DIR, $PKTVAULT_ARCHIVE or `archive = DIR` in " CONFIGURATION);
        rc = -1;
    }
    if (rc == 0 && !pkv_options_get(options, "listen", 0) &&
        !pkv_options_get(options, "capture", 0))
        rc = set_key(a, options, "listen", DEFAULT_LISTEN);
    return rc;
}

int pktvaultd_arguments(pkv_options **options, int argc, char **argv)
{
    struct arguments a = {.count = 0};
    pkv_options *made;
    if (pkv_options_new(&made) < 0)
        return -1;
    fill_table(&a);
    int rc = read_command_line(&a, made, argc, argv);
    if (rc == 0)
        rc = set_defaults(&a, made);
    if (rc != 0)
        (void)pkv_options_free(made);
    else
        *options = made;
    return rc;
}
