# SPDX-License-Identifier: BSD-2-Clause
"""Traffic made to hurt: floods of flows, of VNIs and of fragments without end, the largest packets and empty ones. What
was sent is found, memory stays within its limit, and an index that is made again is the same, though every process has
another secret in its tables."""

import socket
import struct

import pkvtest
from pkvtest import pktvault

TARGET = ("127.0.0.1", 4789)
MANY = 50000
MEMORY = 512 << 20  # of recorder and indexer, which is meant to be enough for a million flows a segment

MORE_FRAGMENTS = 0x2000


def address(number):
    return socket.inet_ntoa(struct.pack(">I", 0x0b000000 + number))


def fragment(frame, number, offset, more):
    """The frame's IPv4 header made that of a fragment."""
    return frame[:18] + struct.pack(">HH", number & 0xffff, offset // 8 | (MORE_FRAGMENTS if more else 0)) + frame[22:]


def inner(source="10.0.0.10", port=4000, payload=b"x" * 32):
    return pkvtest.udp_frame(source, port, "10.0.0.20", 80, payload)


def outer(datagram):
    return pkvtest.udp_frame("192.168.50.1", 40000, "192.168.50.2", 4789, datagram)


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


class FloodCase(pkvtest.Case):
    def count(self, *arguments):
        return int(pktvault("query", "-a", self.archive, "--count", *arguments).out)

    def assert_count(self, wanted, *expression):
        """By index and by scan."""
        self.assertEqual(self.count(*expression), wanted, expression)
        self.assertEqual(self.count("--no-index", *expression), wanted, expression)

    def assert_rebuilt_the_same(self):
        before = pkvtest.derived(self.archive)
        pktvault("index", "--rebuild", "-a", self.archive)
        self.assertEqual(sorted(before), sorted(pkvtest.derived(self.archive)))
        for name, text in pkvtest.derived(self.archive).items():
            self.assertTrue(text == before[name], f"{name} is another")

    def check_archive(self):
        done = pktvault("verify", "-a", self.archive, check=False)
        self.assertEqual(done.status, 0, done.out.decode() + done.err)

    def bring(self, frames):
        capture = self.write("flood.pcap", pkvtest.pcap((10**18 + i, f) for i, f in enumerate(frames)))
        pktvault("import", "-a", self.archive, capture)


class Live(FloodCase):
    """To a socket whose buffer holds all of it, so that nothing depends on who is faster."""

    def record(self, datagrams):
        config = self.write("pktvault.conf", b"rotate_bytes = 4M\nreceive_buffer = 128M\n")
        with pkvtest.Daemon(self.archive, "--config", config, "--listen", "127.0.0.1:4789") as daemon, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            for datagram in datagrams:
                out.sendto(datagram, TARGET)
            pkvtest.wait_for_count(self.archive, len(datagrams))
            peak = daemon.memory("VmHWM")
            daemon.stop(seconds=60)
        if peak:
            self.assertLess(peak, MEMORY)
        pktvault("index", "-a", self.archive)
        self.assertNotIn("LOSSES", pktvault("query", "-a", self.archive, "--count").err)

    def test_flows_of_one_packet(self):
        self.record([pkvtest.vxlan(5, inner(address(i), 1024 + i % 1000)) for i in range(MANY)])
        self.assert_count(MANY, "host 10.0.0.20")
        self.assert_count(1, f"host {address(MANY // 2)}")
        self.assert_count(MANY // 1000, "port 1030")
        rows = pktvault("flows", "-a", self.archive, "-T", "csv").out.decode().splitlines()
        self.assertEqual(len(rows), 1 + MANY)
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_vnis_of_one_packet(self):
        self.record([pkvtest.vxlan(i, inner()) for i in range(MANY)])
        self.assert_count(MANY, "vni any")
        self.assert_count(1, f"vni {MANY - 1}")
        self.assert_count(0, f"vni {MANY}")
        self.assert_count(100, "vni 300-399")
        rows = pktvault("flows", "-a", self.archive, "-T", "csv", "--by", "vni").out.decode().splitlines()
        self.assertEqual(len(rows), 1 + MANY)
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_the_largest_datagrams_and_empty_ones(self):
        largest = pkvtest.vxlan(5, inner(payload=b"")).ljust(65507, b"x")
        self.record([largest, b""] * 500)
        lengths = sorted(len(p.data) for p in self.query_packets())
        self.assertEqual(lengths, [42] * 500 + [42 + 65507] * 500)
        self.assert_count(500, "vni 5")
        self.check_archive()


class Fragments(FloodCase):
    """Without end: firsts whose rest never comes, rests whose first never came, and one id again and again."""

    def test_inner_fragments(self):
        firsts = [outer(pkvtest.vxlan(5, fragment(inner("10.1.0.1"), i, 0, True))) for i in range(MANY)]
        later = [outer(pkvtest.vxlan(i >> 16, fragment(inner("10.1.0.2"), i, 800, False))) for i in range(MANY)]
        same = [outer(pkvtest.vxlan(5, fragment(inner("10.1.0.3"), 7, 0, True)))] * (2 * MANY)
        ends = [outer(pkvtest.vxlan(5, fragment(inner("10.1.0.3"), 7, 40, False)))]
        self.bring([frame for four in zip(firsts, later, same, same[MANY:]) for frame in four] + ends)
        self.assert_count(MANY, "src host 10.1.0.1 and port 4000")
        self.assert_count(MANY, "src host 10.1.0.2")
        self.assert_count(2 * MANY + 1, "src host 10.1.0.3 and port 4000")
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_outer_fragments(self):
        whole = outer(pkvtest.vxlan(5, inner("10.1.0.1")))
        firsts = [fragment(whole, i, 0, True) for i in range(MANY)]
        later = [fragment(outer(b"x" * 64), i, 800, False) for i in range(MANY)]
        self.bring([frame for two in zip(firsts, later) for frame in two])
        self.assert_count(2 * MANY, "outer host 192.168.50.2 or host 192.168.50.2")
        # A rest that came right behind a first of the same id belongs to it.
        self.assert_count(2 * MANY, "vni 5 and host 10.1.0.1")
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_outer_fragments_without_a_first(self):
        self.bring([fragment(outer(b"x" * 64), i, 800, False) for i in range(MANY)])
        self.assert_count(MANY, "host 192.168.50.2")
        self.assert_count(0, "vni any")
        self.check_archive()
        self.assert_rebuilt_the_same()


class Import(FloodCase):
    def test_packets_of_no_length(self):
        frames = [b"", outer(pkvtest.vxlan(5, b"")), outer(pkvtest.vxlan(5, inner())), outer(b"")] * 1000
        self.bring(frames)
        self.assertEqual([p.data for p in self.query_packets()], frames)
        self.assert_count(1000, "host 10.0.0.20")
        self.assert_count(2000, "vni 5")
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_interfaces_without_end(self):
        """A pcapng may describe as many as it likes; each is looked up with every first packet of it."""
        many = 20000
        frame = outer(pkvtest.vxlan(5, inner()))
        blocks = [pcapng_block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))]
        blocks += [pcapng_block(1, struct.pack("<HHI", 1, 0, 262144) + struct.pack("<HH8sHH", 2, 8, b"%08d" % i, 0, 0))
                   for i in range(many)]
        blocks += [pcapng_block(6, struct.pack("<IIIII", i, 0, i, len(frame), len(frame)) + frame) for i in range(many)]
        pktvault("import", "-a", self.archive, self.write("interfaces.pcapng", b"".join(blocks)))
        self.query_packets("vni 5")
        reader = pkvtest.PcapngReader(self.read("query.pcapng"))
        self.assertEqual([p.interface for p in reader.read()], list(range(many)))
        self.assertEqual(reader.interface_names, ["%08d" % i for i in range(many)])


if __name__ == "__main__":
    pkvtest.main()
