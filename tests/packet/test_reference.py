# SPDX-License-Identifier: BSD-2-Clause
"""VNI, outer and inner tuple of every frame against what tshark makes of it (captures/_vxlan_reference)."""
import glob
import json
import os
import sys

from facts import captures, facts_of

# (capture, frame): why we say something else, and what.
DIFFERENT = {
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 1): "tshark waits for reassembly; the first fragment has ports and VXLAN",
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 2): "a later fragment belongs to the tunnel of its first",
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 3): "the same; tshark shows here what it has reassembled",
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 4): "cut inside the addresses: malformed",
    ("05_vxlan_truncated_header.pcap", 1): "a VNI that is cut is none for tshark, 0 for us",
    ("bigtcp-ipv4-vxlan-ipv4.pcap", 1): "tshark 4.0 stops at the UDP length of 0; tcpdump's .out has it all",
}
EXPECTED = {
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 1): ("vxlan", "100", "203.0.113.80", "53240", "malformed", "", ""),
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 2): ("vxlan", "100", "203.0.113.80", "", "malformed", "", ""),
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 3): ("vxlan", "100", "203.0.113.80", "", "malformed", "", ""),
    ("24_vxlan_outer_ipv4_fragmentation.pcap", 4): ("", "", "", "", "malformed", "", ""),
    ("05_vxlan_truncated_header.pcap", 1): ("vxlan", "0", "203.0.113.40", "53004", "malformed", "", ""),
    ("bigtcp-ipv4-vxlan-ipv4.pcap", 1): ("vxlan", "5001", "10.25.132.11", "47044", "ip", "192.168.1.2", "36875"),
}


def number(vni):
    return str(int(vni, 0))


def reference_endpoints(layer):
    """(source, destination, port or ICMP fields) of a layer of the reference, as dump_facts names them."""
    if layer.get("arp"):
        return tuple(layer["arp"][:2]) + ("", "")
    addresses = tuple(layer["l3"]) if layer.get("l3") else ("", "")
    l4 = layer.get("l4")
    if not l4:
        return addresses + ("", "")
    if l4[0].startswith("icmp"):
        return addresses + ("/".join(l4[1:]), "")
    return addresses + tuple(l4[1:])


def our_endpoints(facts, prefix):
    if prefix == "" and facts["icmp"]:
        return facts["src"], facts["dst"], facts["icmp"], ""
    return tuple(facts[prefix + name] for name in ("src", "dst", "sport", "dport"))


def compare(frame, facts):
    """What differs, as text; empty if nothing."""
    layers = frame["layers"]
    if len(layers) == 1 or "tunnel" not in layers[1]:
        expected = ("", "", reference_endpoints(layers[0]))
        got = (facts["tunnel"], facts["vni"], our_endpoints(facts, ""))
    else:
        expected = (layers[1]["tunnel"], number(layers[1]["vni"]),
                    reference_endpoints(layers[0]), reference_endpoints(layers[1]))
        got = (facts["tunnel"], facts["vni"], our_endpoints(facts, "outer_"), our_endpoints(facts, ""))
    return "" if expected == got else f"expected {expected}, got {got}"


def check_capture(program, reference, folder):
    frames = reference["per_frame"]
    facts = facts_of(program, os.path.join(folder, reference["capture"]))
    assert len(facts) == len(frames), f"{reference['capture']}: {len(facts)} frames, expected {len(frames)}"
    wrong = 0
    for frame, ours in zip(frames, facts):
        key = (os.path.basename(reference["capture"]), frame["no"])
        if key in DIFFERENT:
            names = ("tunnel", "vni", "outer_src", "outer_sport", "class", "src", "sport")
            got = tuple(ours[name] for name in names)
            difference = "" if got == EXPECTED[key] else f"expected {EXPECTED[key]}, got {got}"
        else:
            difference = compare(frame, ours)
        if difference:
            print(f"{reference['capture']} frame {frame['no']}: {difference}")
            wrong += 1
    return wrong, len(frames)


def main():
    program, folder = sys.argv[1], captures()
    paths = sorted(glob.glob(os.path.join(folder, "_vxlan_reference", "*.json")))
    assert paths, "no reference"
    wrong = frames = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            bad, all_frames = check_capture(program, json.load(file), folder)
        wrong += bad
        frames += all_frames
    print(f"{len(paths)} captures, {frames} frames, {wrong} differ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
