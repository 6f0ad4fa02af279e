/* SPDX-License-Identifier: BSD-2-Clause */
#include "archive/pcapng.h"

#include <string.h>

#include "archive/pcapng_internal.h"
#include "base/limits.h"
#include "base/memory.h"

static char *copy_text(const uint8_t *text, size_t length)
{
    char *copy = pkv__alloc(length + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

void pkv__interface_deinit(struct pkv__interface *interface_)
{
    pkv__free(interface_->name);
    pkv__free(interface_->description);
    pkv__free(interface_->options);
    memset(interface_, 0, sizeof *interface_);
}

static void set_views(struct pkv__interface *i)
{
    i->view.name = i->name;
    i->view.description = i->description;
    i->view.options = i->options;
}

int pkv__interface_init(struct pkv__interface *interface_, const pkv_interface *view)
{
    struct pkv__interface made = {.view = *view};
    bool failed = false;
    if (view->name)
        failed |= !(made.name = pkv__strdup(view->name));
    if (view->description)
        failed |= !(made.description = pkv__strdup(view->description));
    if (view->options_bytes) {
        made.options = pkv__alloc(view->options_bytes);
        if (made.options)
            memcpy(made.options, view->options, view->options_bytes);
        failed |= !made.options;
    }
    if (failed) {
        pkv__interface_deinit(&made);
        return PKV_E_MEMORY;
    }
    set_views(&made);
    *interface_ = made;
    return 0;
}

static bool equal_texts(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool pkv__interface_equal(const pkv_interface *a, const pkv_interface *b)
{
    return a->link_type == b->link_type && a->snap_length == b->snap_length &&
           a->options_bytes == b->options_bytes && equal_texts(a->name, b->name) &&
           equal_texts(a->description, b->description) &&
           (a->options_bytes == 0 || memcmp(a->options, b->options, a->options_bytes) == 0);
}

/* Takes an option into the interface that is being made. The first of a name counts. */
static int take_option(struct pkv__interface *made, const struct pkv__option *option, bool *ns)
{
    char **text = option->code == PKV__IF_NAME          ? &made->name
                  : option->code == PKV__IF_DESCRIPTION ? &made->description
                                                        : NULL;
    if (text && !*text) {
        *text = copy_text(option->value, option->length);
        return *text ? 0 : PKV_E_MEMORY;
    }
    if (option->code == PKV__IF_TSRESOL)
        *ns = option->length == 1 && option->value[0] == PKV__NS_DIGITS;
    if (option->code == PKV__IF_TSOFFSET)
        return PKV_E_FORMAT;
    if (text || option->code == PKV__IF_TSRESOL)
        return 0;
    memcpy(made->options + made->view.options_bytes, option->start, option->padded);
    made->view.options_bytes += (uint32_t)option->padded;
    return 0;
}

static int take_options(struct pkv__interface *made, struct pkv__cursor *c)
{
    struct pkv__option option;
    bool ns = false;
    int rc = 0;
    if (pkv__cursor_left(c) > PKV__BLOCK_MAX_BYTES)
        return PKV_E_FORMAT;
    made->options = pkv__alloc(pkv__cursor_left(c) + 1);
    if (!made->options)
        return PKV_E_MEMORY;
    while (rc == 0 && pkv__option_next(c, &option))
        rc = take_option(made, &option, &ns);
    return rc < 0 ? rc : c->failed || !ns ? PKV_E_FORMAT : 0;
}

int pkv__pcapng_get_interface(const struct pkv__pcapng_block *block,
                              struct pkv__interface *interface_)
{
    struct pkv__interface made = {.name = NULL};
    struct pkv__cursor c = pkv__cursor(block->body, block->body_length);
    made.view.link_type = pkv__cursor_u16le(&c);
    pkv__cursor_skip(&c, 2);
    made.view.snap_length = pkv__cursor_u32le(&c);
    if (block->type != PKV__PCAPNG_INTERFACE || c.failed)
        return PKV_E_FORMAT;
    int rc = take_options(&made, &c);
    if (rc < 0) {
        pkv__interface_deinit(&made);
        return rc;
    }
    set_views(&made);
    *interface_ = made;
    return 0;
}
