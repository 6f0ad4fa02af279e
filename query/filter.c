/* SPDX-License-Identifier: BSD-2-Clause */
#include "query/filter.h"

#include "base/error.h"
#include "base/memory.h"
#include "query/filter_node.h"

int pkv__filter_new(struct pkv__filter **filter, const char *text, bool exact,
                    pkv__vni_names_fn *names, void *context, pkv_error *error)
{
    struct pkv__filter *made = pkv__alloc_zero(1, sizeof(*made));
    if (!made)
        return pkv__error_memory(error);
    made->exact = exact;
    int rc = pkv__filter_parse(made, text ? text : "", names, context, error);
    if (!rc && exact)
        rc = pkv__exact_new(&made->programs, made, text ? text : "", error);
    if (rc) {
        (void)pkv__filter_free(made);
        return rc;
    }
    *filter = made;
    return PKV_OK;
}

struct pkv__filter *pkv__filter_free(struct pkv__filter *filter)
{
    if (!filter)
        return NULL;
    (void)pkv__exact_free(filter->programs);
    for (struct pkv__node *node = filter->nodes; node;) {
        struct pkv__node *all = node->all;
        (void)pkv__bpf_free(node->bpf);
        pkv__free(node->text);
        pkv__free(node);
        node = all;
    }
    pkv__free(filter);
    return NULL;
}

bool pkv__filter_is_everything(const struct pkv__filter *filter)
{
    return filter->root->kind == PKV__NODE_TRUE;
}

bool pkv__filter_match(struct pkv__filter *filter, const struct pkv__subject *subject)
{
    if (filter->root->kind == PKV__NODE_TRUE)
        return true;
    return filter->exact ? pkv__exact_match(filter->programs, subject)
                         : pkv__node_match(filter->root, subject);
}
