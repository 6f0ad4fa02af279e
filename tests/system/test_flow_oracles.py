# SPDX-License-Identifier: BSD-2-Clause
"""Our flows against those that Arkime, ipfixprobe, FlowTest and Zeek found in the same captures.

Others end a flow after a timeout or by TCP's state and begin the next with the same addresses; ours lasts as long as
its segment. So flows are summed up by protocol and endpoints on both sides, and then everything must be the same:
who is there, who began, packets each way, bytes each way, first and last time, Community ID. Where something differs,
DIFFERENCES says what and why, and is compared too."""

import csv
import io
import ipaddress
import os
import struct
import unittest

import oracles
import pkvtest
from pkvtest import pktvault

PROTOCOLS = {"ICMP": 1, "IGMP": 2, "TCP": 6, "UDP": 17, "GRE": 47, "ESP": 50, "AH": 51, "ICMP6": 58, "SCTP": 132}

A = "arkime+arkime/tests/pcap/"
F = "CESNET+FlowTest/"
I = "CESNET+ipfixprobe/tests/functional/"
Z = "zeek+zeek/testing/btest/"

VXLAN = struct.pack(">BBH", 0x45, 17, 4789)  # of IPv4 and UDP: version and length, protocol, port

# (capture, golden file, reader)
PAIRS = [
    (A + "vxlan.pcap", A + "vxlan.test", oracles.arkime),
    (A + "bigendian.pcap", A + "bigendian.test", oracles.arkime),
    (A + "empty.pcap", A + "empty.test", oracles.arkime),
    (A + "dot1ad.pcap", A + "dot1ad.test", oracles.arkime),
    (A + "sctp-www.pcap", A + "sctp-www.test", oracles.arkime),
    (A + "http-simple-get.pcap", A + "http-simple-get.test", oracles.arkime),
    (A + "dns-udp.pcap", A + "dns-udp.test", oracles.arkime),
    (A + "v6-http.pcap", A + "v6-http.test", oracles.arkime),
    (A + "socks-http-example.pcap", A + "socks-http-example.test", oracles.arkime),
    (A + "tcp_handshake_synthetic.pcap", A + "tcp_handshake_synthetic.test", oracles.arkime),
    (F + "pcap/vxlan.pcap", F + "testing/validation/vxlan.yml", oracles.flowtest),
    (F + "pcap/802.1Q_tunneling.pcap", F + "testing/validation/vlan_qinq.yml", oracles.flowtest),
    (F + "pcap/ipv4-udp-fragmented.pcap", F + "testing/validation/ipv4_fragmented.yml", oracles.flowtest),
    (F + "pcap/ipv6-udp-fragmented.pcap", F + "testing/validation/ipv6_fragmented.yml", oracles.flowtest),
    (F + "pcap/ipv6-hop-by-hop.pcap", F + "testing/validation/ipv6_hop_by_hop.yml", oracles.flowtest),
    (F + "pcap/ipv6-routing-header.pcap", F + "testing/validation/ipv6_routing_header.yml", oracles.flowtest),
    (I + "inputs/mixed.pcap", I + "outputs/basic", oracles.ipfixprobe),
    (I + "inputs/vlan.pcap", I + "outputs/vlan", oracles.ipfixprobe),
    (I + "inputs/tls.pcap", I + "outputs/tls", oracles.ipfixprobe),
    (Z + "Traces/tunnels/vxlan.pcap", Z + "Baseline/core.tunnels.vxlan/conn.log", oracles.zeek),
    (Z + "Traces/tunnels/vxlan-encapsulated-http.pcap",
     Z + "Baseline/core.tunnels.analyzer-confirmation/conn.log", oracles.zeek),
    (Z + "Traces/mixed-vlan-mpls.pcap", Z + "Baseline/core.vlan-mpls/conn.log", oracles.zeek),
    (Z + "Traces/pcapng-multi-interface.pcapng", Z + "Baseline/core.pcapng-pktsrc/conn.log", oracles.zeek),
    (Z + "Traces/wikipedia.pcap", Z + "Baseline/scripts.base.frameworks.logging.field-extension-optional/conn.log", oracles.zeek),
    (Z + "Traces/ftp/ipv6.pcap", Z + "Baseline/scripts.base.protocols.ftp.ftp-ipv6/conn.log", oracles.zeek),
    (Z + "Traces/tunnels/Teredo.pcap", Z + "Baseline/core.tunnels.teredo/conn.log", oracles.zeek),
]

# Golden files of LIST.tsv that hold no flows to compare, and why.
NOT_COMPARED = {
    Z + "Traces/smtp.pcap": "one log has no addresses, the other is of a run that dropped packets on purpose",
}

# capture: what is different there: (kind, key): (theirs, ours), and why.
THERE, MISSING = (True, False), (False, True)
DIFFERENCES = {
    A + "vxlan.pcap": {
        # Arkime counts the frames of the outer packets: 50 bytes more for each of 4.
        ("bytes", "10.0.0.1 10.0.0.2"): (592, 592 - 4 * 50),
        ("bytes", "10.0.0.2 10.0.0.1"): (592, 592 - 4 * 50),
        # Arkime shows ARP in a tunnel as a session of the tunnel's ends; with us it is a flow of ARP.
        ("there", "17 192.168.56.11:0 192.168.56.12:0"): THERE,
        ("bytes", "192.168.56.11 192.168.56.12"): (184, 0),
    },
    I + "inputs/tls.pcap": {
        # ipfixprobe was run to export TLS only; this is QUIC.
        ("there", "17 142.251.36.106:443 192.168.0.228:52059"): MISSING,
        ("bytes", "142.251.36.106 192.168.0.228"): (0, 1278),
        ("bytes", "192.168.0.228 142.251.36.106"): (0, 1278),
    },
    Z + "Traces/wikipedia.pcap": {
        # All that there is of it is a SYN+ACK: with us who it was sent to began, with Zeek who came first.
        ("initiator", "6 141.142.220.235:6705 173.192.163.128:80"): (1, 0),
    },
    Z + "Traces/tunnels/Teredo.pcap": {
        # What is in Teredo, a tunnel that we do not look into.
        ("there", "6 2001:0:4137:9e50:8000:f12a:b9c8:2815:1286 2001:4860:0:2001::68:80"): THERE,
        ("there", "58 2001:0:4137:9e50:8000:f12a:b9c8:2815:0 2001:4860:0:2001::68:0"): THERE,
        ("there", "58 fe80::8000:f227:bec8:61af:0 fe80::8000:ffff:ffff:fffd:0"): THERE,
        ("there", "58 fe80::8000:ffff:ffff:fffd:0 ff02::2:0"): THERE,
        ("bytes", "2001:0:4137:9e50:8000:f12a:b9c8:2815 2001:4860:0:2001::68"): (2331, 0),
        ("bytes", "2001:4860:0:2001::68 2001:0:4137:9e50:8000:f12a:b9c8:2815"): (11243, 0),
        ("bytes", "fe80::8000:f227:bec8:61af fe80::8000:ffff:ffff:fffd"): (88, 0),
        ("bytes", "fe80::8000:ffff:ffff:fffd ff02::2"): (64, 0),
    },
}


class Sum:
    """Flows of one key (protocol and the two endpoints, lower first), each value by key side."""

    def __init__(self):
        self.packets, self.bytes = [0, 0], [0, 0]
        self.first = self.last = None
        self.initiator = None
        self.community_ids, self.vnis = set(), set()

    def add(self, flow, swapped):
        for side in (0, 1):
            self.packets[side] += flow.packets[side ^ swapped]
            self.bytes[side] += flow.bytes[side ^ swapped]
        if self.initiator is None or (flow.first is not None and flow.first < self.first):
            self.first, self.initiator = flow.first, int(swapped)
        if self.last is None or (flow.last is not None and flow.last > self.last):
            self.last = flow.last
        self.community_ids.add(flow.community_id)
        self.vnis.add(flow.vni)


def endpoint(address, port):
    return ipaddress.ip_address(address), port


def text(key):
    protocol, (a, a_port), (b, b_port) = key
    return f"{protocol} {a}:{a_port} {b}:{b_port}"


def summed(flows):
    sums = {}
    for flow in flows:
        ends = [endpoint(flow.src, flow.src_port), endpoint(flow.dst, flow.dst_port)]
        order = [(e[0].version, int(e[0]), e[1]) for e in ends]
        swapped = order[0] > order[1]
        key = (flow.protocol, *(reversed(ends) if swapped else ends))
        sums.setdefault(text(key), Sum()).add(flow, swapped)
    return sums


def our_flows(archive):
    """IP flows of `pktvault flows`; the others are nothing that the others know."""
    rows = csv.DictReader(io.StringIO(pktvault("flows", "-a", archive, "-T", "csv").out.decode()))
    for row in rows:
        protocol = PROTOCOLS.get(row["proto"])
        if protocol is None:
            continue
        src_port, dst_port = oracles.ports(protocol, row["src_port"] or 0, row["dst_port"] or 0)
        yield oracles.Flow(protocol, row["src"], src_port, row["dst"], dst_port,
                           (int(row["src_packets"]), int(row["dst_packets"])),
                           (int(row["src_bytes"]), int(row["dst_bytes"])), oracles.timestamp(row["first"].rstrip("Z")),
                           oracles.timestamp(row["last"].rstrip("Z")), row["community_id"] or None,
                           int(row["vni"]) if row["vni"] else None)


def link_bytes(path):
    """Bytes of each (source, target) that are no IP packet: link layer, tags, padding, checksums. In VXLAN, of the frame
    that it carries. Of captures of Ethernet only, where IP says its length."""
    sums = {}
    for packet in pkvtest.read_capture(path):
        frame, frame_bytes = packet.data, packet.original
        source, target, at, ip_bytes = ip_packet(frame)
        while frame[at:at + 1] + frame[at + 9:at + 10] + frame[at + 22:at + 24] == VXLAN:
            frame, frame_bytes = frame[at + 36:], frame_bytes - (at + 36)
            source, target, at, ip_bytes = ip_packet(frame)
        if ip_bytes:
            sums[source, target] = sums.get((source, target), 0) + frame_bytes - ip_bytes
    return sums


def ip_packet(frame):
    """Source, target, where it begins and how long it is; 0: there is none."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    kind, at = frame[at:at + 2], at + 2
    if kind == b"\x88\x47":  # MPLS: labels up to the bottom of the stack
        while not frame[at + 2] & 1:
            at += 4
        at += 4
        kind = b"\x08\x00" if frame[at] >> 4 == 4 else b"\x86\xdd"
    if kind == b"\x08\x00":
        source, target = (str(ipaddress.ip_address(frame[at + o:at + o + 4])) for o in (12, 16))
        return source, target, at, struct.unpack_from(">H", frame, at + 2)[0]
    if kind == b"\x86\xdd":
        source, target = (str(ipaddress.ip_address(frame[at + o:at + o + 16])) for o in (8, 24))
        return source, target, at, 40 + struct.unpack_from(">H", frame, at + 4)[0]
    return None, None, at, 0


def by_pair(flows):
    """Bytes by (source, target), of whatever protocol and ports."""
    sums = {}
    for flow in flows:
        for ends, count in (((flow.src, flow.dst), flow.bytes[0]), ((flow.dst, flow.src), flow.bytes[1])):
            key = tuple(str(ipaddress.ip_address(e)) for e in ends)
            sums[key] = sums.get(key, 0) + count
    return {key: count for key, count in sums.items() if count}


class Flows(pkvtest.Case):
    root = pkvtest.DATA
    compared = 3

    def test_every_golden_file_of_the_set(self):
        count = 0
        for capture, golden, reader in PAIRS:
            if os.path.exists(os.path.join(self.root, capture)):
                with self.subTest(capture):
                    self.compare(capture, golden, reader)
                count += 1
        self.assertGreaterEqual(count, self.compared)

    def test_every_capture_with_flows_of_others_is_compared(self):
        suffixes = (".test", ".yml", "conn.log", "outputs/basic", "outputs/vlan", "outputs/tls")
        listed = {c.path for c in pkvtest.listed_captures(self.root) if any(e.endswith(suffixes) for e in c.expected)}
        known = {capture for capture, _, _ in PAIRS} | set(NOT_COMPARED)
        self.assertEqual(listed - known, set())

    def compare(self, capture, golden, reader):
        archive = self.path(capture.replace("/", "__"))
        pktvault("import", "-a", archive, os.path.join(self.root, capture))
        with open(os.path.join(self.root, golden), encoding="utf-8") as file:
            theirs = list(reader(file.read()))
        ours = list(our_flows(archive))
        differences = {**self.flow_differences(summed(theirs), summed(ours), reader),
                       **self.byte_differences(capture, theirs, ours, reader)}
        self.assertEqual(differences, DIFFERENCES.get(capture, {}))

    def flow_differences(self, theirs, ours, reader):
        found = {}
        unit = 10**6 if reader is oracles.arkime else 10**3
        for key in sorted(theirs.keys() | ours.keys()):
            a, b = theirs.get(key), ours.get(key)
            if not a or not b:
                found["there", key] = (bool(a), bool(b))
                continue
            facts = {"packets": (a.packets, b.packets), "initiator": (a.initiator, b.initiator)}
            if a.first is not None:
                facts["first"] = (a.first // unit, b.first // unit)
                facts["last"] = (a.last // unit, b.last // unit)
            if a.community_ids != {None}:
                facts["community id"] = (a.community_ids, b.community_ids)
            if a.vnis != {None}:
                facts["vni"] = (a.vnis, b.vnis)
            found.update({(kind, key): pair for kind, pair in facts.items() if pair[0] != pair[1]})
        return found

    def byte_differences(self, capture, theirs, ours, reader):
        ours, theirs = by_pair(ours), by_pair(theirs)
        if reader is not oracles.arkime:
            extra = link_bytes(os.path.join(self.root, capture))
            ours = {pair: count - extra.get(pair, 0) for pair, count in ours.items()}
        return {("bytes", " ".join(pair)): (theirs.get(pair, 0), ours.get(pair, 0))
                for pair in sorted(theirs.keys() | ours.keys()) if theirs.get(pair, 0) != ours.get(pair, 0)}


@pkvtest.needs_captures
class LargeSet(Flows):
    root = pkvtest.CAPTURES
    compared = len(PAIRS)


if __name__ == "__main__":
    pkvtest.main()
