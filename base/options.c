/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/options.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pktvault/time.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/handover.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum type { TEXT, LIST, VNI, BOOLEAN, DURATION, SIZE, NUMBER };

struct key {
    const char *name;
    enum type type;
    size_t offset;       /* of the field in struct pkv_options */
    const char *initial; /* NULL: empty */
    int64_t low, high;
    const char *help;
};

#define FIELD(f) offsetof(struct pkv_options, f)

static const struct key keys[] = {
    {"archive", TEXT, FIELD(archive), NULL, 0, 0, "directory of the archive"},
    {"listen", LIST, FIELD(listen), NULL, 0, 0,
     "ADDRESS:PORT to receive VXLAN or GENEVE on (repeatable)"},
    {"capture", LIST, FIELD(capture), NULL, 0, 0, "network interface to capture from (repeatable)"},
    {"filter", TEXT, FIELD(filter), NULL, 0, 0,
     "pcap-filter for capture (default: UDP 4789 and 6081, fragments)"},
    {"allow", LIST, FIELD(allow), NULL, 0, 0,
     "network that may send, by outer source; others are counted (repeatable)"},
    {"vni", VNI, FIELD(vni), NULL, 0, 0, "a name for VNIs: \"100-149 web\" (repeatable)"},
    {"user", TEXT, FIELD(user), NULL, 0, 0, "user to run as, where started by root"},
    {"health", TEXT, FIELD(health), NULL, 0, 0,
     "ADDRESS:PORT that accepts while packets can be stored"},
    {"index", BOOLEAN, FIELD(index), "yes", 0, 0, "index in the daemon"},
    {"rotate_bytes", SIZE, FIELD(rotate_bytes), PKV__ROTATE_BYTES, 65536, 1ll << 40,
     "raw bytes after which a segment is sealed"},
    {"rotate_interval", DURATION, FIELD(rotate_interval_ns), PKV__ROTATE_INTERVAL, 1000000000,
     PKV__DURATION_MAX_NS, "time after which a segment is sealed"},
    {"flush_interval", DURATION, FIELD(flush_interval_ns), PKV__FLUSH_INTERVAL, 1000000,
     PKV__DURATION_MAX_NS, "how long a packet may wait before it is written"},
    {"sync_interval", DURATION, FIELD(sync_interval_ns), PKV__SYNC_INTERVAL, 1000000,
     PKV__DURATION_MAX_NS, "what a power cut may cost"},
    {"buffer_bytes", SIZE, FIELD(buffer_bytes), PKV__BUFFER_BYTES, 1 << 20, 1ll << 40,
     "memory for packets that wait for the disk"},
    {"receive_buffer", SIZE, FIELD(receive_buffer_bytes), PKV__RECEIVE_BUFFER_BYTES, 4096,
     INT32_MAX, "socket buffer of a listen source"},
    {"ring_bytes", SIZE, FIELD(ring_bytes), PKV__RING_BYTES, 1 << 20, INT32_MAX,
     "ring buffer of a capture source"},
    {"snap_length", SIZE, FIELD(snap_length), "262144", 64, 262144,
     "bytes of a packet that a capture source keeps"},
    {"workers", NUMBER, FIELD(workers), "0", 0, 64,
     "threads that compress (0: by the number of processors)"},
};

#define KEYS (sizeof keys / sizeof *keys)

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < KEYS; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static void *field(const struct key *key, const struct pkv_options *options)
{
    return (char *)options + key->offset;
}

static bool is_list(const struct key *key)
{
    return key->type == LIST || key->type == VNI;
}

bool pkv__options_name_is_valid(const char *name)
{
    if (!isalpha((unsigned char)name[0]))
        return false;
    size_t length =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    return length <= 32 && name[length] == 0;
}

int pkv__options_vni(const char *value, uint32_t *first, uint32_t *last, const char **name)
{
    size_t range = strcspn(value, " \t");
    const char *dash = memchr(value, '-', range);
    size_t low = dash ? (size_t)(dash - value) : range;
    uint64_t a, b;
    if (!pkv__text_number(&a, value, low, PKV__VNI_MAX))
        return PKV_E_INVALID;
    b = a;
    if (dash && !pkv__text_number(&b, dash + 1, range - low - 1, PKV__VNI_MAX))
        return PKV_E_INVALID;
    const char *label = value + range + strspn(value + range, " \t");
    if (b < a || !pkv__options_name_is_valid(label) || strcmp(label, "any") == 0)
        return PKV_E_INVALID;
    *first = (uint32_t)a;
    *last = (uint32_t)b;
    *name = label;
    return 0;
}

static int invalid(const struct key *key, const char *value, const char *expected, pkv_error *error)
{
    return pkv__error(error, PKV_E_INVALID, -1, "%s: '%.100s' is not %s", key->name, value,
                      expected);
}

static int set_text(const struct key *key, char **text, const char *value, pkv_error *error)
{
    char *copy = pkv__strdup(value);
    (void)key;
    if (!copy)
        return pkv__error_memory(error);
    pkv__free(*text);
    *text = copy;
    return 0;
}

static int append(const struct key *key, struct pkv__strings *list, const char *value,
                  pkv_error *error)
{
    if (list->count >= PKV__OPTION_VALUES_MAX)
        return pkv__error(error, PKV_E_LIMIT, -1, "%s: more than %u values", key->name,
                          PKV__OPTION_VALUES_MAX);
    char **grown = pkv__realloc(list->values, list->count + 1, sizeof *grown);
    if (!grown)
        return pkv__error_memory(error);
    list->values = grown;
    char *copy = pkv__strdup(value);
    if (!copy)
        return pkv__error_memory(error);
    list->values[list->count++] = copy;
    return 0;
}

static int append_vni(const struct key *key, struct pkv__strings *list, const char *value,
                      pkv_error *error)
{
    uint32_t first = 0, last = 0, first_before = 0, last_before = 0;
    const char *name = NULL, *name_before = NULL;
    if (pkv__options_vni(value, &first, &last, &name) < 0)
        return invalid(key, value, "a VNI or a range, and a name (letters, digits, '_', '.', '-')",
                       error);
    for (size_t i = 0; i < list->count; i++) {
        (void)pkv__options_vni(list->values[i], &first_before, &last_before, &name_before);
        if (first <= last_before && first_before <= last)
            return pkv__error(error, PKV_E_INVALID, -1, "vni: %u-%u (%s) overlaps %u-%u (%s)",
                              first, last, name, first_before, last_before, name_before);
    }
    return append(key, list, value, error);
}

static int out_of_range(const struct key *key, const char *value, pkv_error *error)
{
    if (key->type == DURATION)
        return pkv__error(
            error, PKV_E_INVALID, -1, "%s: '%.100s' is out of range: %" PRId64 "ms to %" PRId64 "d",
            key->name, value, key->low / 1000000, (int64_t)(key->high / (86400 * PKV__NS_PER_S)));
    return pkv__error(error, PKV_E_INVALID, -1,
                      "%s: '%.100s' is out of range: %" PRId64 " to %" PRId64, key->name, value,
                      key->low, key->high);
}

static int set_number(const struct key *key, int64_t *number, const char *value, pkv_error *error)
{
    int64_t parsed = 0;
    uint64_t digits;
    if (key->type == DURATION && pkv_duration_parse(&parsed, value, NULL) < 0)
        return invalid(key, value, "a duration such as 500ms, 5s or 10m", error);
    if (key->type == SIZE && !pkv__text_size(&parsed, value))
        return invalid(key, value, "a size such as 64K, 256M or 10G", error);
    if (key->type == NUMBER) {
        if (!pkv__text_number(&digits, value, strlen(value), INT64_MAX))
            return invalid(key, value, "a number", error);
        parsed = (int64_t)digits;
    }
    if (parsed < key->low || parsed > key->high)
        return out_of_range(key, value, error);
    *number = parsed;
    return 0;
}

static int set(struct pkv_options *options, const struct key *key, const char *value,
               pkv_error *error)
{
    bool flag;
    switch (key->type) {
    case TEXT:
        return set_text(key, field(key, options), value, error);
    case LIST:
        return append(key, field(key, options), value, error);
    case VNI:
        return append_vni(key, field(key, options), value, error);
    case BOOLEAN:
        if (!pkv__text_boolean(&flag, value))
            return invalid(key, value, "yes or no", error);
        *(bool *)field(key, options) = flag;
        return 0;
    default:
        return set_number(key, field(key, options), value, error);
    }
}

int pkv_options_set(pkv_options *options, const char *name, const char *value, pkv_error *error)
{
    const struct key *key = find_key(name);
    if (!key)
        return pkv__error(error, PKV_E_NOT_FOUND, -1, "there is no option '%.100s'", name);
    int rc = set(options, key, value, error);
    if (rc < 0 || is_list(key))
        return rc;
    if (key->type == BOOLEAN)
        value = *(const bool *)field(key, options) ? "yes" : "no";
    char **shown = &options->shown[key - keys];
    return set_text(key, shown, value, error);
}

int pkv_options_new(pkv_options **options)
{
    struct pkv_options *made = pkv__alloc_zero(1, sizeof *made);
    if (!made)
        return PKV_E_MEMORY;
    _Static_assert(KEYS <= PKV__OPTION_KEYS_MAX, "room for the text of every key");
    for (size_t i = 0; i < KEYS; i++) {
        if (keys[i].initial && set(made, &keys[i], keys[i].initial, NULL) < 0) {
            (void)pkv_options_free(made);
            return PKV_E_MEMORY;
        }
    }
    if (pkv__handover_new(&made->handover) < 0) {
        (void)pkv_options_free(made);
        return PKV_E_MEMORY;
    }
    *options = made;
    return 0;
}

pkv_options *pkv_options_free(pkv_options *options)
{
    for (size_t i = 0; options && i < KEYS; i++) {
        pkv__free(options->shown[i]);
        if (keys[i].type == TEXT)
            pkv__free(*(char **)field(&keys[i], options));
        if (!is_list(&keys[i]))
            continue;
        struct pkv__strings *list = field(&keys[i], options);
        for (size_t k = 0; k < list->count; k++)
            pkv__free(list->values[k]);
        pkv__free(list->values);
    }
    if (options)
        (void)pkv__handover_free(options->handover);
    pkv__free(options);
    return NULL;
}

const char *pkv_options_get(const pkv_options *options, const char *name, unsigned at)
{
    const struct key *key = find_key(name);
    if (!key)
        return NULL;
    if (is_list(key)) {
        const struct pkv__strings *list = field(key, options);
        return at < list->count ? list->values[at] : NULL;
    }
    if (at > 0)
        return NULL;
    return options->shown[key - keys] ? options->shown[key - keys] : key->initial;
}

int pkv_options_describe(unsigned at, const char **key, const char **default_value,
                         const char **help)
{
    if (at >= KEYS)
        return PKV_E_NOT_FOUND;
    *key = keys[at].name;
    *default_value = keys[at].initial;
    *help = keys[at].help;
    return 0;
}

int pkv__options_copy(struct pkv_options **copy, const struct pkv_options *options)
{
    struct pkv_options *made = NULL;
    int rc = pkv_options_new(&made);
    for (size_t i = 0; rc == 0 && options && i < KEYS; i++) {
        const char *value;
        for (unsigned at = 0;
             rc == 0 && (value = pkv_options_get(options, keys[i].name, at)) != NULL; at++)
            rc = pkv_options_set(made, keys[i].name, value, NULL);
    }
    if (rc < 0) {
        (void)pkv_options_free(made);
        return PKV_E_MEMORY;
    }
    if (options) {
        pkv_options_set_log(made, options->log, options->log_context);
        (void)pkv__handover_free(made->handover);
        made->handover = pkv__handover_share(options->handover);
    }
    *copy = made;
    return 0;
}

void pkv_options_set_log(pkv_options *options, pkv_log_fn *log, void *context)
{
    options->log = log;
    options->log_context = context;
}

void pkv__log(const struct pkv_options *options, int level, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (!options || !options->log)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    options->log(options->log_context, level, text);
}
