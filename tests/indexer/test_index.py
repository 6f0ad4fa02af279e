# SPDX-License-Identifier: BSD-2-Clause
"""What an index and the catalog say of a capture, against tshark, sha256sum and the capture itself."""

import hashlib
import os
import struct
import unittest

import support
from support import CAPTURES, GENEVE, HTTP, run, sums, varints

CONVERSATIONS = [
    "CESNET+ipfixprobe/tests/functional/inputs/tls.pcap",
    "OISF+suricata-verify/tests/smb2-01/smb2-peter.pcap",
    "andypitcher+IoT_Sentinel/captures_IoT_Sentinel/captures_IoT-Sentinel/HueSwitch/Setup-A-1-STA.pcap",
    "arkime+arkime/tests/pcap/v6-http.pcap",
    "cisco+mercury/unit_tests/pcaps/emix.pcap",
    "seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/example.pcap",
    "seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/sll.pcap",
    "zeek+zeek/testing/btest/Traces/smtp.pcap",
    "zeek+zeek/testing/btest/Traces/wikipedia.pcap",
]


def listed():
    """The captures that libpcap opens."""
    with open(os.path.join(CAPTURES, "LIST.tsv")) as file:
        paths = [os.path.join(CAPTURES, line.split("\t")[0]) for line in list(file)[1:]]
    return [p for p in paths if run("tcpdump", "-r", p, "-w", "/dev/null", check=False).returncode == 0]


class Index(support.Case):
    def indexed(self, capture, **options):
        self.make(capture, **options)
        self.index()
        return self.indexes()[0]

    def conversations(self, path, protocol):
        """{(source, destination): frames} of all flows that have packets in that direction."""
        found = {}
        rows = self.sql(path, "SELECT s.address, src_port, d.address, dst_port, src_packets, dst_packets FROM flow f "
                        "JOIN host s ON s.id = src JOIN host d ON d.id = dst WHERE protocol = ? AND src_port NOT NULL",
                        protocol)
        for src, src_port, dst, dst_port, sent, received in rows:
            a, b = f"{support.address(src)}:{src_port}", f"{support.address(dst)}:{dst_port}"
            for ends, frames in (((a, b), sent), ((b, a), received)):
                if frames:
                    found[ends] = found.get(ends, 0) + frames
        return found

    def test_tcp_of_a_tunnel_is_what_tshark_counts(self):
        expected = support.tshark_conversations(HTTP, "tcp")
        self.assertEqual(sum(expected.values()), 12)
        self.assertEqual(self.conversations(self.indexed(HTTP), 6), expected)

    @support.needs_captures
    def test_conversations_are_those_that_tshark_counts(self):
        for name in CONVERSATIONS:
            with self.subTest(name):
                self.setUp()
                path = self.indexed(os.path.join(CAPTURES, name))
                for kind, protocol in (("tcp", 6), ("udp", 17)):
                    expected = support.tshark_conversations(os.path.join(CAPTURES, name), kind)
                    self.assertEqual(self.conversations(path, protocol), expected)

    def assert_every_packet_in_one_flow(self, path, packets):
        ordinals = []
        flows = dict((row[0], row[1:]) for row in self.sql(path, "SELECT id, src_packets, dst_packets FROM flow"))
        for flow, blob in self.sql(path, "SELECT id, ordinals FROM flow"):
            values, ordinal = list(varints(blob)), 0
            for value in values:
                ordinal += value >> 1
                ordinals.append(ordinal)
            directions = [value & 1 for value in values]
            self.assertEqual((directions.count(0), directions.count(1)), flows.pop(flow))
        self.assertEqual(flows, {})
        self.assertEqual(sorted(ordinals), list(range(packets)))

    def assert_hosts_are_right(self, path):
        hosts = self.sql(path, "SELECT id, address, flows FROM host ORDER BY id")
        ends = {}
        for flow, src, dst in self.sql(path, "SELECT id, src, dst FROM flow ORDER BY id"):
            for end in {src, dst}:
                ends.setdefault(end, []).append(flow)
        self.assertEqual([row[0] for row in hosts], list(range(len(hosts))))
        self.assertEqual([row[1] for row in hosts], sorted({row[1] for row in hosts}, key=lambda a: (len(a), a)))
        self.assertEqual({row[0]: sums(row[2]) for row in hosts}, ends)

    def assert_blocks_are_there(self, path, segment, packets):
        data, ordinal = support.read(segment), 0
        rows = self.sql(path, "SELECT offset, stored_bytes, first_ordinal, packets, first_ns, last_ns FROM block_view ORDER BY id")
        for offset, stored, first, count, first_ns, last_ns in rows:
            (word,) = struct.unpack_from("<I", data, offset)
            self.assertEqual((word & 0x7FFFFFFF) + 8, stored)
            self.assertEqual(first, ordinal)
            self.assertLessEqual(first_ns, last_ns)
            ordinal += count
        self.assertEqual(ordinal, packets)

    def assert_is_consistent(self, capture):
        path = self.indexed(capture)
        packets = len(run("tshark", "-n", "-r", capture, "-T", "fields", "-e", "frame.number").stdout.splitlines())
        self.assertEqual(dict(self.sql(path, "SELECT key, value FROM meta"))["packets"], packets)
        self.assert_every_packet_in_one_flow(path, packets)
        self.assert_hosts_are_right(path)
        self.assert_blocks_are_there(path, self.segments()[0], packets)
        self.assertEqual(self.sql(path, "PRAGMA integrity_check"), [("ok",)])

    def test_small_captures(self):
        for capture in (HTTP, GENEVE):
            with self.subTest(capture):
                self.setUp()
                self.assert_is_consistent(capture)

    @support.needs_captures
    def test_all_captures(self):
        captures = listed()
        self.assertGreater(len(captures), 50)
        for capture in captures:
            with self.subTest(capture):
                self.setUp()
                self.assert_is_consistent(capture)

    def test_times_are_those_of_the_packets(self):
        path = self.indexed(HTTP)
        text = run("tshark", "-n", "-r", HTTP, "-T", "fields", "-e", "frame.time_epoch").stdout.decode().split()
        times = sorted(int(t.replace(".", "")) for t in text)
        meta = dict(self.sql(path, "SELECT key, value FROM meta"))
        self.assertEqual((meta["first_ns"], meta["last_ns"]), (times[0], times[-1]))
        self.assertEqual(self.catalog("SELECT first_ns, last_ns FROM segment"), [(times[0], times[-1])])
        self.assertEqual(self.sql(path, "SELECT min(first_ns), max(first_ns + duration_ns) FROM flow_view"),
                         [(times[0], times[-1])])

    def test_the_initiator_is_who_sent_the_syn(self):
        path = self.indexed(HTTP)
        text = run("tshark", "-n", "-r", HTTP, "-Y", "tcp.flags == 2", "-T", "fields", "-e", "tcp.srcport").stdout
        self.assertEqual(self.sql(path, "SELECT src_port, dst_port FROM flow WHERE protocol = 6"),
                         [(int(text.split()[0]), 80)])

    def test_tunnels_are_those_of_the_packets(self):
        path = self.indexed(GENEVE)
        text = run("tshark", "-n", "-r", GENEVE, "-T", "fields", "-e", "geneve.vni").stdout.decode().split()
        expected = sorted({int(v, 16) for v in text})
        self.assertEqual([row[0] for row in self.sql(path, "SELECT DISTINCT vni FROM tunnel WHERE kind = 2 ORDER BY vni")],
                         expected)
        (vnis,), = self.catalog("SELECT vnis FROM summary")
        self.assertEqual(sums(vnis), expected)

    def test_a_segment_s_row_in_the_catalog(self):
        self.indexed(HTTP, mode="import", lane=1000)
        data = support.read(self.segments()[0])
        stem = os.path.basename(self.segments()[0]).removesuffix(".pcapng.lz4")
        self.assertEqual(self.catalog("SELECT name, lane, sequence, import, packets, flows, stored_bytes, sha256, "
                                      "recovered, origin, start_ns = first_ns, end_ns = last_ns FROM segment"),
                         [(stem, 1000, 0, 1, 12, 1, len(data), hashlib.sha256(data).hexdigest(), 0, "test", 1, 1)])
        self.assertEqual(self.catalog("SELECT * FROM vni_name ORDER BY first"),
                         [(stem, 100, 149, "web"), (stem, 4711, 4711, "db")])
        self.assertEqual([sums(r[0]) for r in self.catalog("SELECT link_types FROM summary")], [[1]])

    def test_a_live_segment_covers_its_life_and_tells_its_losses(self):
        self.indexed(HTTP)
        (start, end, last), = self.catalog("SELECT start_ns, end_ns, last_ns FROM segment")
        self.assertEqual(end, last + 1000)  # as make_segment wrote it
        self.assertEqual(self.catalog("SELECT interface, cause, from_ns, until_ns, packets FROM loss"),
                         [(0, "kernel", start, last, 7)])

    def test_a_segment_without_packets(self):
        empty = os.path.join(self.directory, "empty.pcap")
        run("tcpdump", "-r", HTTP, "-w", empty, "less 1")
        path = self.indexed(empty)
        self.assertEqual(self.sql(path, "SELECT count(*) FROM flow"), [(0,)])
        self.assertEqual(self.catalog("SELECT packets, first_ns, last_ns FROM segment"), [(0, None, None)])
        self.assertEqual(self.catalog("SELECT count(*) FROM summary"), [(0,)])
        self.assertLess(os.path.getsize(path), 20000)


if __name__ == "__main__":
    unittest.main()
