/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "query/filter_node.h"

static void print(struct pkv__buffer *to, const char *text)
{
    pkv__buffer_bytes(to, text, strlen(text));
}

static void print_children(const struct pkv__node *node, uint64_t own, struct pkv__buffer *to)
{
    print(to, "(");
    for (const struct pkv__node *child = node->child; child; child = child->next) {
        if (child != node->child)
            print(to, node->kind == PKV__NODE_AND ? " and " : " or ");
        pkv__node_print(child, own, to);
    }
    print(to, ")");
}

void pkv__node_print(const struct pkv__node *node, uint64_t own, struct pkv__buffer *to)
{
    if (node->own) {
        print(to, own >> (node->own - 1) & 1 ? "greater 0" : "not greater 0");
        return;
    }
    switch (node->kind) {
    case PKV__NODE_TRUE:
        print(to, "greater 0");
        break;
    case PKV__NODE_AND:
    case PKV__NODE_OR:
        print_children(node, own, to);
        break;
    case PKV__NODE_NOT:
        print(to, "not (");
        pkv__node_print(node->child, own, to);
        print(to, ")");
        break;
    default:
        print(to, node->text);
    }
}
