/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "indexer/segment_index_internal.h"

struct naming {
    struct pkv__segment_index *index;
    bool failed;
};

static char *copy_text(const char *text, size_t length)
{
    char *copy = pkv__alloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = 0;
    return copy;
}

/* Of a range that is named twice, the first name counts. */
static bool is_named(const struct pkv__segment_index *index, uint32_t first, uint32_t last)
{
    for (size_t i = 0; i < index->vni_name_count; i++)
        if (index->vni_name[i].first == first && index->vni_name[i].last == last)
            return true;
    return false;
}

static int add_vni_name(struct pkv__segment_index *index, const char *text)
{
    uint32_t first, last;
    const char *name;
    if (index->vni_name_count >= PKV__OPTION_VALUES_MAX ||
        pkv__options_vni(text, &first, &last, &name) < 0 || is_named(index, first, last))
        return 0;
    if (pkv__grow(&index->vni_name, &index->vni_name_capacity, index->vni_name_count + 1,
                  sizeof *index->vni_name) < 0)
        return PKV_E_MEMORY;
    char *label = pkv__strdup(name);
    if (!label)
        return PKV_E_MEMORY;
    index->vni_name[index->vni_name_count++] = (struct pkv__index_vni_name){first, last, label};
    return 0;
}

static void take_vni_name(void *context, const char *text, size_t length)
{
    struct naming *naming = context;
    PKV__AUTO_FREE char *copy = copy_text(text, length);
    if (!copy || add_vni_name(naming->index, copy) < 0)
        naming->failed = true;
}

int pkv__segment_index_add_section(struct pkv__segment_index *index,
                                   const struct pkv__pcapng_block *block)
{
    struct pkv__section section;
    if (pkv__pcapng_get_section(block, &section) < 0)
        return PKV_E_FORMAT;
    memcpy(index->uuid, section.uuid, sizeof index->uuid);
    index->import = section.import;
    if (section.origin && !index->origin) {
        index->origin = copy_text(section.origin, section.origin_length);
        if (!index->origin)
            return PKV_E_MEMORY;
    }
    struct naming naming = {index, false};
    pkv__pcapng_get_vni_names(block, take_vni_name, &naming);
    return naming.failed ? PKV_E_MEMORY : 0;
}
