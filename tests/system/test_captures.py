# SPDX-License-Identifier: BSD-2-Clause
"""Every capture comes back from import and query as it was; tunnels are decoded as tshark decodes them; what is broken
gives a clear message and everything before the break.

Runs over the small set in tests/data, and over the large one where it is there."""

import hashlib
import ipaddress
import json
import os
import unittest

import pkvtest
from pkvtest import pktvault

# Captures that are no pcap and no pcapng that anybody can read: what import says, and why.
REFUSED = {
    "the-tcpdump-group+libpcap/tests/pcap-invalid-version-1.pcap": "version",  # pcap 1.4, from before 1998
    "the-tcpdump-group+libpcap/tests/pcapng-invalid-vers-1.pcapng": "version",  # pcapng 0.1 does not exist
    "seladb+PcapPlusPlus/Tests/ExamplesTest/pcap_examples/solaris.snoop": "snoop",  # RFC 1761
    # The section's option is longer than the section: there is no packet before the break.
    "the-tcpdump-group+libpcap/tests/shb-option-too-long.pcapng": "",
}

# Captures that break off: packets before the break. tshark reads as many, but for the first: what it takes for a second
# packet there is a record that claims 16 MB, of which the file has nothing.
BROKEN = {
    "OISF+suricata-verify/tests/bug-6875-01/fuzz.pcap": 1,
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/crash-pcapng-epb-unbounded-length": 0,
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/"
    "clusterfuzz-testcase-minimized-FuzzTarget-5717750942269440": 2,
}

# What tshark shows otherwise of the capture than of what comes back, by field.
TIME_DIFFERS = {
    # Fractions of 1,000,000,000 and 2,147,483,648 ns: the time is one or two seconds later.
    "the-tcpdump-group+tcpdump/tests/timestamp_invalid_nano.pcap": {
        "1418145370.1000000000": "1418145371.000000000", "-1418145370.2147483648": "1418145372.147483648"},
    # Simple Packet Blocks have no time; in the archive they have time 0.
    "hadrielk+pcapng-test-generator/output_le/basic/test016.pcapng": {"": "0.000000000"},
    "hadrielk+pcapng-test-generator/output_be/advanced/test100.pcapng": {"": "0.000000000"},
}

# Frames for which our decoding and the reference differ, with what ours says in its place.
NO_TUNNEL = {"tunnel": None, "vni": None}
DECODED_OTHERWISE = {
    # The reference has reassembled the outer datagram at its last fragment. A packet is kept and searched as it came:
    # the first fragment has the VXLAN header and nothing of the inner frame; later ones belong to its flow.
    "AlexeyVasilev+PcapFlowLab/tests/data/parsing/vxlan/24_vxlan_outer_ipv4_fragmentation.pcap": {
        1: {"tunnel": "vxlan", "vni": 100}, 2: {"tunnel": "vxlan", "vni": 100}, 3: {"tunnel": "vxlan", "vni": 100},
    },
    # BIG TCP: an outer IP length of 0 and 80,116 bytes. tshark 4.0 stops at UDP; newer ones and tcpdump look inside.
    "the-tcpdump-group+tcpdump/tests/bigtcp-ipv4-vxlan-ipv4.pcap": {
        1: {"tunnel": "vxlan", "vni": 5001, "src": "192.168.1.2", "dst": "192.168.1.1"},
    },
}


def whole(listed):
    """The capture's bytes, decompressed."""
    path = os.path.join(listed.root, listed.path)
    if path.endswith(".lz4"):
        return pkvtest.run("lz4", "-dc", path).out
    with open(path, "rb") as file:
        return file.read()


# Arguments of pkvtest.tshark, and what it then shows of a packet.
TSHARK = (["frame.time_epoch", "frame.cap_len", "frame.len", "frame.md5_hash"], "-o", "frame.generate_md5_hash:TRUE")


def row_of(packet):
    time = f"{packet.time_ns // 10**9}.{packet.time_ns % 10**9:09d}"
    return [time, str(len(packet.data)), str(packet.original), hashlib.md5(packet.data).hexdigest()]


def in_time_order(packets):
    """As an archive gives them back: by time, those of one time as they came."""
    return sorted(packets, key=lambda p: p.time_ns)


class Captures(pkvtest.Case):
    root = pkvtest.DATA
    smallest = 10  # captures that must be there at least

    def setUp(self):
        super().setUp()
        self.all = list(pkvtest.listed_captures(self.root))

    def import_into_new(self, path, **options):
        """Each capture has an archive of its own; answers it and what import said."""
        archive = self.path("archive-" + path.replace("/", "__"))
        return archive, pktvault("import", "-a", archive, os.path.join(self.root, path), **options)

    def readable(self):
        return [c for c in self.all if c.path not in REFUSED and c.path not in BROKEN]

    def test_the_set_is_there(self):
        self.assertGreaterEqual(len(self.readable()), self.smallest)

    def test_readable_captures_come_back_the_same(self):
        for capture in self.readable():
            with self.subTest(capture.path):
                expected = pkvtest.PcapngReader(whole(capture)) if whole(capture)[:4] == b"\n\r\r\n" else None
                packets = expected.read() if expected else pkvtest.read_capture(whole(capture))
                self.assertEqual(len(packets), capture.packets, "the reader of this test")
                archive, _ = self.import_into_new(capture.path)
                pktvault("query", "-a", archive, "-w", self.path("slice.pcapng"))
                self.assert_same(packets, expected)
                if packets:
                    self.assert_same_for_tshark(capture, packets)

    def assert_same(self, packets, expected):
        reader = pkvtest.PcapngReader(self.read("slice.pcapng"))
        got = reader.read()
        wanted = in_time_order(packets)
        self.assertEqual(len(got), len(wanted))
        for number, (a, b) in enumerate(zip(wanted, got), 1):
            self.assertEqual((a.time_ns, a.data, a.original, a.link_type), (b.time_ns, b.data, b.original, b.link_type),
                             f"packet {number}")
            if expected:
                self.assertEqual(expected.interface_names[a.interface], reader.interface_names[b.interface])
        self.assertEqual(reader.sections, 1)
        if expected:
            order = in_time_order([p._replace(interface=i) for i, p in enumerate(packets)])
            comments = [expected.packet_comments.get(p.interface, []) for p in order]
            self.assertEqual([reader.packet_comments.get(i, []) for i in range(len(got))], comments)

    def assert_same_for_tshark(self, capture, packets):
        """Times, lengths and hashes of the frames, as tshark sees them in the capture."""
        changed = TIME_DIFFERS.get(capture.path, {})
        before = [[changed.get(row[0], row[0]), *row[1:]]
                  for row in pkvtest.tshark(os.path.join(self.root, capture.path), *TSHARK)]
        order = sorted(range(len(packets)), key=lambda i: packets[i].time_ns)
        self.assertEqual([before[i] for i in order], [row_of(p) for p in self.slice()])

    def slice(self):
        return pkvtest.read_capture(self.read("slice.pcapng"))

    def test_captures_of_the_table_differ_in_time_as_it_says(self):
        for path, changed in TIME_DIFFERS.items():
            if path in [c.path for c in self.all]:
                times = {row[0] for row in pkvtest.tshark(os.path.join(self.root, path), ["frame.time_epoch"])}
                self.assertLessEqual(set(changed), times, path)

    def test_a_capture_is_refused_the_second_time(self):
        capture = next(c for c in self.readable() if c.packets)
        archive, _ = self.import_into_new(capture.path)
        again = pktvault("import", "-a", archive, os.path.join(self.root, capture.path), check=False)
        self.assertEqual(again.status, 1)
        self.assertIn("--again", again.err)
        self.assertEqual(len(self.query_packets(archive=archive)), capture.packets)
        pktvault("import", "--again", "-a", archive, os.path.join(self.root, capture.path))
        self.assertEqual(len(self.query_packets(archive=archive)), 2 * capture.packets)

    def test_all_captures_in_one_archive(self):
        """Every packet of every capture is in the one answer, once."""
        for capture in self.readable():
            # The set holds some captures twice.
            pktvault("import", "--again", "-a", self.archive, os.path.join(self.root, capture.path))
        wanted = [p for c in self.readable() for p in pkvtest.read_capture(whole(c))]
        got = self.query_packets()
        key = lambda p: (p.time_ns, p.data, p.original, p.link_type)  # noqa: E731
        self.assertEqual(sorted(map(key, wanted)), sorted(map(key, got)))
        self.assertEqual([p.time_ns for p in got], sorted(p.time_ns for p in got))
        # tshark opens a slice of all these link types, and sees the same.
        self.assertEqual(pkvtest.tshark(self.path("query.pcapng"), *TSHARK), [row_of(p) for p in got])
        count = pktvault("query", "-a", self.archive, "--count").out
        self.assertEqual(int(count), len(wanted))

    def test_tunnels_are_decoded_as_tshark_does(self):
        seen = 0
        for capture in self.readable():
            path = os.path.join(self.root, "_vxlan_reference", capture.path.replace("/", "__") + ".json")
            if not os.path.exists(path):
                continue
            with self.subTest(capture.path):
                with open(path, encoding="utf-8") as file:
                    frames = json.load(file)["per_frame"]
                archive, _ = self.import_into_new(capture.path)
                lines = pkvtest.json_lines(pktvault("query", "-a", archive, "-T", "json", "-v").out)
                frames.sort(key=lambda f: float(f["ts"]))
                self.assertEqual(len(lines), len(frames))
                for frame, line in zip(frames, lines):
                    self.assert_frame(capture.path, frame, line)
                    seen += 1
        self.assertGreater(seen, 70)

    def assert_frame(self, path, frame, line):
        wanted = DECODED_OTHERWISE.get(path, {}).get(frame["no"]) or expected_line(frame)
        got = {key: comparable(key, line.get(key)) for key in wanted}
        self.assertEqual(wanted, got, f"frame {frame['no']}: {line}")


def comparable(key, value):
    if value is not None and key in ("src", "dst", "outer_src", "outer_dst"):
        return str(ipaddress.ip_address(value))
    return value


def expected_line(frame):
    """What a line of ours says of a frame of the reference."""
    outer, inner = frame["layers"][0], frame["layers"][-1]
    wanted = dict(NO_TUNNEL)
    if inner is not outer:
        wanted = {"tunnel": inner["tunnel"], "vni": int(inner["vni"], 0) if inner["vni"] else 0}
        wanted.update(zip(("outer_src", "outer_dst"), outer["l3"]))
        wanted.update(zip(("outer_src_port", "outer_dst_port"), map(int, outer["l4"][1:])))
    if "arp" in inner:
        wanted.update(zip(("src", "dst"), inner["arp"][:2]))
        wanted["proto"] = "ARP"
    elif inner["l3"] and all(inner["l3"]):
        wanted.update(zip(("src", "dst"), inner["l3"]))
        if inner["l4"]:
            wanted["proto"] = inner["l4"][0].upper()
            if inner["l4"][0] != "icmp":
                wanted.update(zip(("src_port", "dst_port"), map(int, inner["l4"][1:])))
    return wanted


@pkvtest.needs_captures
class LargeSet(Captures):
    root = pkvtest.CAPTURES
    smallest = 70

    def test_refused_captures(self):
        for path, reason in REFUSED.items():
            with self.subTest(path):
                _, result = self.import_into_new(path, check=False)
                self.assertEqual(result.status, 1)
                self.assertIn(os.path.basename(path), result.err)
                self.assertIn(reason, result.err)

    def test_broken_captures_are_kept_up_to_the_break(self):
        for path, count in BROKEN.items():
            with self.subTest(path):
                capture = next(c for c in self.all if c.path == path)
                with self.assertRaises(pkvtest.Broken) as broken:
                    pkvtest.read_capture(whole(capture))
                before = broken.exception.packets
                self.assertEqual(len(before), count)
                archive, result = self.import_into_new(path, check=False)
                self.assertEqual(result.status, 3)
                self.assertRegex(result.err, os.path.basename(path) + r": broken at byte \d+: .*everything before")
                got = self.query_packets(archive=archive) if count else []
                self.assertEqual([(p.time_ns, p.data, p.original) for p in in_time_order(before)],
                                 [(p.time_ns, p.data, p.original) for p in got])

class CutAnywhere(pkvtest.Case):
    """A capture that is cut: never a crash, always everything before the cut."""

    def test_pcap(self):
        """At every byte of the file's header, of the first packet and of the next one's header."""
        self.cut("the-tcpdump-group+tcpdump/tests/tcp-handshake-nano.pcap", range(1, 24 + (16 + 76) + 16 + 1))

    def test_pcapng(self):
        """At every 61st byte, which comes upon blocks of all kinds."""
        self.cut("hadrielk+pcapng-test-generator/output_be/advanced/test100.pcapng", range(1, 2392, 61))

    def cut(self, path, lengths):
        with open(os.path.join(pkvtest.DATA, path), "rb") as file:
            data = file.read()
        for length in lengths:
            with self.subTest(length):
                try:
                    before, whole_ = pkvtest.read_capture(data[:length]), True
                except pkvtest.Broken as broken:
                    before, whole_ = broken.packets, False
                except (IndexError, ValueError):
                    self.fail("the reader of this test")
                archive = self.path(f"archive-{length}")
                result = pktvault("import", "-a", archive, self.write("cut", data[:length]), check=False)
                if whole_:
                    self.assertEqual(result.status, 0, result.err)
                else:
                    self.assertIn(result.status, (1, 3), result.err)
                    self.assertRegex(result.err, "cut")
                if result.status == 3:
                    self.assertIn(f"broken at byte", result.err)
                if before:
                    self.assertEqual([p.data for p in in_time_order(before)],
                                     [p.data for p in self.query_packets(archive=archive)])


if __name__ == "__main__":
    pkvtest.main()
