/* SPDX-License-Identifier: BSD-2-Clause */
/* Interface descriptions of pcapng files of others. */
#include "archive/capture_internal.h"

#include <string.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/memory.h"

#define MICROSECONDS 6u /* if_tsresol where it is not given */

/* Appends a text with a zero; its place in the buffer, which may still move. */
static size_t keep_text(struct pkv__buffer *texts, const struct pkv__option *option)
{
    size_t at = texts->length;
    pkv__buffer_bytes(texts, option->value, option->length);
    pkv__buffer_u8(texts, 0);
    return at;
}

/* What the options say that have a field of their own; the others stay in pcapng.options. */
static int take_interface_options(struct pkv__capture_file *file,
                                  struct pkv__capture_interface *made, pkv_interface *view,
                                  pkv_error *error)
{
    struct pkv__buffer *all = &file->pcapng.options, *texts = &file->pcapng.texts;
    struct pkv__cursor c = pkv__cursor(all->data, all->length);
    struct pkv__option option;
    size_t kept = 0, name = SIZE_MAX, description = SIZE_MAX;
    pkv__buffer_clear(texts);
    while (pkv__option_next(&c, &option)) {
        struct pkv__cursor value = pkv__cursor(option.value, option.length);
        if (option.code == PKV__IF_NAME && name == SIZE_MAX) {
            name = keep_text(texts, &option);
        } else if (option.code == PKV__IF_DESCRIPTION && description == SIZE_MAX) {
            description = keep_text(texts, &option);
        } else if (option.code == PKV__IF_TSRESOL && option.length == 1) {
            made->resolution = pkv__cursor_u8(&value);
        } else if (option.code == PKV__IF_TSOFFSET && option.length == 8) {
            made->offset_s = (int64_t)pkv__cursor_u64le(&value);
        } else if (option.code == PKV__IF_TSRESOL || option.code == PKV__IF_TSOFFSET) {
            return pkv__capture_broken(file, error, "an interface whose option %u has %u bytes",
                                       option.code, option.length);
        } else if (option.code != PKV__IF_NAME && option.code != PKV__IF_DESCRIPTION) {
            memmove(all->data + kept, option.start, option.padded);
            kept += option.padded;
        }
    }
    int rc = pkv__capture_memory(file, error);
    if (rc < 0)
        return rc;
    view->name = name == SIZE_MAX ? NULL : (const char *)texts->data + name;
    view->description = description == SIZE_MAX ? NULL : (const char *)texts->data + description;
    view->options = kept ? all->data : NULL;
    view->options_bytes = (uint32_t)kept;
    return 0;
}

int pkv__capture_take_interface(struct pkv__capture_file *file, struct pkv__cursor body,
                                struct pkv__capture_item *item, pkv_error *error)
{
    struct pkv__capture_pcapng *p = &file->pcapng;
    struct pkv__capture_interface made = {.number = file->interface_count,
                                          .resolution = MICROSECONDS};
    pkv_interface view = {.link_type = pkv__capture_u16(file, &body)};
    pkv__cursor_skip(&body, 2);
    view.snap_length = made.snap_length = pkv__capture_u32(file, &body);
    if (body.failed)
        return pkv__capture_broken(file, error, "an interface description that is too short");
    if (file->interface_count >= PKV__INTERFACES_MAX)
        return pkv__capture_broken(file, error, "more than %u interfaces", PKV__INTERFACES_MAX);
    pkv__buffer_clear(&p->options);
    pkv__capture_options(&p->options, body, PKV__OPTIONS_INTERFACE, file->big_endian);
    int rc = take_interface_options(file, &made, &view, error);
    if (rc < 0)
        return rc;
    if (pkv__grow(&p->interfaces, &p->capacity, p->count + 1, sizeof *p->interfaces) < 0)
        return pkv__error_memory(error);
    p->interfaces[p->count++] = made;
    file->interface_count++;
    *item = (struct pkv__capture_item){.interface_id = made.number, .interface_ = view};
    return PKV__CAPTURE_INTERFACE;
}
