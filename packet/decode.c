/* SPDX-License-Identifier: BSD-2-Clause */
#include "packet/decode.h"

#include "packet/decode_internal.h"

/* Copied where memset would do: for sizes like these, compilers clear with a string instruction
 * that takes longer than the rest of the decoding. */
static const struct pkv__facts no_facts;
static const struct pkv__layer no_layer;

static uint32_t clamp(uint64_t bytes)
{
    return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

/* The frame begins at d->rest; its length is settled once its IP length is known. */
static void begin_frame(struct pkv__decoding *d)
{
    d->facts->inner_offset = pkv__decoding_offset(d);
    d->facts->inner_captured_bytes = (uint32_t)pkv__cursor_left(&d->rest);
    uint64_t wire = d->wire_end > d->facts->inner_offset ? d->wire_end - d->facts->inner_offset : 0;
    d->facts->inner_original_bytes = clamp(wire);
    if (d->facts->inner_original_bytes < d->facts->inner_captured_bytes)
        d->facts->inner_original_bytes = d->facts->inner_captured_bytes;
}

static void end_frame(struct pkv__facts *facts, uint64_t network_end)
{
    if (facts->inner.class_ != PKV__CLASS_IP || network_end <= facts->inner_offset)
        return;
    uint32_t bytes = clamp(network_end - facts->inner_offset);
    if (facts->inner.truncated && bytes > facts->inner_original_bytes)
        facts->inner_original_bytes = bytes;
}

static void decode_payload(struct pkv__decoding *d, const struct pkv__payload *payload)
{
    struct pkv__facts *facts = d->facts;
    facts->outer = facts->inner;
    facts->inner = no_layer;
    facts->inner_link_type = payload->ethernet ? PKV__LINK_ETHERNET : PKV__LINK_RAW;
    facts->inner_ethertype = payload->ethertype;
    begin_frame(d);
    d->network_end = 0;
    if (!payload->known)
        pkv__decoding_malformed(d, &facts->inner);
    else if (payload->ethernet)
        pkv__link_decode(d, &facts->inner, PKV__LINK_ETHERNET);
    else
        pkv__network_decode(d, &facts->inner, payload->ethertype);
    end_frame(facts, d->network_end);
}

void pkv__decode(struct pkv__facts *facts, uint16_t link_type, const uint8_t *data,
                 uint32_t captured, uint32_t original)
{
    *facts = no_facts;
    facts->truncated = captured < original;
    facts->inner_link_type = link_type;
    struct pkv__decoding d = {.facts = facts,
                              .data = data,
                              .rest = pkv__cursor(data, captured),
                              .wire_end = original > captured ? original : captured};
    begin_frame(&d);
    pkv__link_decode(&d, &facts->inner, link_type);
    end_frame(facts, d.network_end);

    struct pkv__payload payload;
    for (unsigned n = 0; n < PKV__TUNNELS_MAX && pkv__tunnel_decode(&d, &payload); n++)
        decode_payload(&d, &payload);
}
