/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/options.h"
#include "query/plan.h"

/* What the configuration takes. A catalog may say anything, and names go to terminals and
 * spreadsheets. */
static bool is_valid(const struct pkv__vni_name *name)
{
    return name->first <= name->last && name->last <= PKV__VNI_MAX &&
           pkv__options_name_is_valid(name->label) && strcmp(name->label, "any") != 0;
}

int pkv__vni_names_add(struct pkv__vni_names *names, uint32_t first, uint32_t last,
                       const char *label, size_t length)
{
    struct pkv__vni_name name = {.first = first, .last = last};
    if (length >= sizeof(name.label) || names->count >= PKV__OPTION_VALUES_MAX)
        return PKV_OK;
    memcpy(name.label, label, length);
    if (!is_valid(&name))
        return PKV_OK;
    for (size_t i = 0; i < names->count; i++)
        if (names->names[i].first == first && names->names[i].last == last &&
            strcmp(names->names[i].label, name.label) == 0)
            return PKV_OK;
    if (pkv__grow(&names->names, &names->capacity, names->count + 1, sizeof(*names->names)))
        return PKV_E_MEMORY;
    names->names[names->count++] = name;
    return PKV_OK;
}

const char *pkv__vni_names_find(const struct pkv__vni_names *names, uint32_t vni)
{
    for (size_t i = 0; i < names->count; i++)
        if (vni >= names->names[i].first && vni <= names->names[i].last)
            return names->names[i].label;
    return NULL;
}

void pkv__vni_names_deinit(struct pkv__vni_names *names)
{
    pkv__free(names->names);
    *names = (struct pkv__vni_names){0};
}
