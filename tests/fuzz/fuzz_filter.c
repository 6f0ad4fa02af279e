/* SPDX-License-Identifier: BSD-2-Clause */
/* Expressions into the parser, in both meanings; what is accepted judges a packet, a flow and a
 * segment. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "query/filter.h"

/* Ethernet, IPv4 10.0.0.1 > 10.0.0.2, UDP 1000 > 53 without payload. */
static const uint8_t frame[42] = {2,    0, 0,  0,  0, 1, 2, 0,    0,  0,  0, 2, 8,  0,
                                  0x45, 0, 0,  28, 0, 0, 0, 0,    64, 17, 0, 0, 10, 0,
                                  0,    1, 10, 0,  0, 2, 3, 0xe8, 0,  53, 0, 8, 0,  0};

static int names_of(void *context, const struct pkv__vni_names **names, pkv_error *error)
{
    static struct pkv__vni_name list[] = {{100, 149, "web"}, {7, 7, "db"}};
    static const struct pkv__vni_names known = {list, 2, 2, NULL};
    (void)context, (void)error;
    *names = &known;
    return 0;
}

static void judge(struct pkv__filter *filter, struct pkv__buffer *scratch)
{
    struct pkv__facts facts;
    pkv_packet packet = {
        .data = frame, .captured_bytes = sizeof(frame), .original_bytes = sizeof(frame)};
    struct pkv__flow_key key = {.class_ = PKV__CLASS_IP,
                                .protocol = 17,
                                .address_length = 4,
                                .port = {1000, 53},
                                .address = {{10, 0, 0, 1}, {10, 0, 0, 2}}};
    struct pkv__segment_summary summary = {0};
    pkv__decode(&facts, PKV__LINK_ETHERNET, frame, sizeof(frame), sizeof(frame));
    struct pkv__subject subject = {.facts = &facts,
                                   .packet = &packet,
                                   .link_type = PKV__LINK_ETHERNET,
                                   .flow = &key,
                                   .scratch = scratch};
    bool match = pkv__filter_match(filter, &subject);
    enum pkv__truth truth = pkv__filter_flow(filter, &key, true, 0, -1);
    if ((match && truth == PKV__NO) || (!match && truth == PKV__YES))
        abort();
    if (match && !pkv__filter_segment(filter, &summary))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pkv__buffer text = {0}, scratch = {0};
    pkv__buffer_bytes(&text, data, size);
    pkv__buffer_u8(&text, 0);
    for (int exact = 0; exact < 2 && !text.failed; exact++) {
        struct pkv__filter *filter = NULL;
        pkv_error error;
        if (pkv__filter_new(&filter, (const char *)text.data, exact, names_of, NULL, &error) == 0)
            judge(filter, &scratch);
        (void)pkv__filter_free(filter);
    }
    pkv__buffer_deinit(&text);
    pkv__buffer_deinit(&scratch);
    return 0;
}
