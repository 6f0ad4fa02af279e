# SPDX-License-Identifier: BSD-2-Clause
"""Traffic made to hurt: floods of flows, of VNIs and of fragments without end, the largest packets and empty ones. What
was sent is found, memory stays within its limit, and an index that is made again is the same, though every process has
another secret in its tables."""

import contextlib
import glob
import os
import socket
import sqlite3
import struct
import sys

import pkvtest
from pkvtest import pktvault

TARGET = ("127.0.0.1", 4789)
MANY = 60000  # addresses of one segment: more than any filter takes in (PKV__FILTER_KEYS_MAX)
FLOODS = 3  # segments of as many

# Of recorder and indexer for a flood: 512 MiB are meant to be enough for a million flows a segment, and the recorder may
# keep 16 MiB of free blocks (PKV__POOL_KEPT_BLOCKS).
FLOOD_BYTES = MANY * 512 + (16 << 20)
# A table that kept the flows of earlier segments would grow by 200 bytes each (PKV__FLOWS_MAX), this is half of that.
LATER_FLOODS_BYTES = (FLOODS - 1) * MANY * 100

TRAINS = 300000
REMEMBERED = 65536  # trains: PKV__FRAGMENTS_MAX
# A table of all trains would hold 104 bytes (struct train) each; this is half of what it would have too much.
TRAINS_BYTES = (TRAINS - REMEMBERED) * 52

MORE_FRAGMENTS = 0x2000

# A child's peak begins with what its parent has at the fork: between this process and what it measures stands a small one.
MEASURE = """
import os, sys
_, status, used = os.wait4(os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:]), 0)
print(used.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def address(number):
    return socket.inet_ntoa(struct.pack(">I", 0x0b000000 + number))


def fragment(frame, number, offset, more):
    """The frame's IPv4 header made that of a fragment."""
    return frame[:18] + struct.pack(">HH", number & 0xffff, offset // 8 | (MORE_FRAGMENTS if more else 0)) + frame[22:]


def inner(source="10.0.0.10", port=4000, payload=b"x" * 32):
    return pkvtest.udp_frame(source, port, "10.0.0.20", 80, payload)


def outer(datagram, source="192.168.50.1"):
    return pkvtest.udp_frame(source, 40000, "192.168.50.2", 4789, datagram)


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
        """Imports them as one segment; answers the most memory that took, or None where a sanitizer needs more."""
        before = len(self.segments())
        capture = self.write("flood.pcap", pkvtest.pcap((10**18 + i, f) for i, f in enumerate(frames)))
        done = pkvtest.run(sys.executable, "-c", MEASURE, pkvtest.program("pktvault"), "import", "-a", self.archive,
                           capture)
        self.assertEqual(len(self.segments()), before + 1)
        return None if pkvtest.SANITIZED else int(done.out.split()[-1])


class Live(FloodCase):
    """To a socket whose buffer holds all of it, so that nothing depends on who is faster."""

    def record(self, *floods):
        """Each in a segment of its own. Answers the most memory of the daemon before the first and after each."""
        config = self.write("pktvault.conf", b"receive_buffer = 128M\n")
        sent = 0
        with pkvtest.Daemon(self.archive, "--config", config, "--listen", "127.0.0.1:4789") as daemon, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            peaks = [daemon.memory("VmHWM")]
            for number, flood in enumerate(floods, 1):
                for datagram in flood:
                    out.sendto(datagram, TARGET)
                    sent += 1
                pkvtest.wait_for_count(self.archive, sent)
                daemon.rotate()
                pkvtest.wait_until(lambda: self.indexed() == number, "an index")
                peaks.append(daemon.memory("VmHWM"))
            daemon.stop(seconds=60)
        self.assertNotIn("LOSSES", pktvault("query", "-a", self.archive, "--count").err)
        return peaks

    def assert_memory(self, peaks):
        if not pkvtest.SANITIZED:
            self.assertLess(peaks[1] - peaks[0], FLOOD_BYTES)
            self.assertLess(peaks[-1] - peaks[1], LATER_FLOODS_BYTES)

    def indexed(self):
        return pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]["indexed_segments"]

    def rows(self, path, question):
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute(question).fetchall()

    def test_flows_of_one_packet(self):
        self.assert_memory(self.record(*(
            [pkvtest.vxlan(5, inner(address(i), 1024 + i % 1000)) for i in range(first, first + MANY)]
            for first in range(0, FLOODS * MANY, MANY))))
        indexes = sorted(glob.glob(os.path.join(self.archive, "index/*/*/*/*.sqlite")))
        hosts = [self.rows(path, "SELECT count(*) FROM host") for path in indexes]
        self.assertEqual(hosts, [[(MANY + 1,)]] * FLOODS + [[(0,)]])
        filters = self.rows(os.path.join(self.archive, "catalog.sqlite"), "SELECT addresses FROM summary")
        self.assertEqual(filters, [(b"",)] * FLOODS)
        self.assert_count(FLOODS * MANY, "host 10.0.0.20")
        self.assert_count(1, f"host {address(MANY // 2)}")
        self.assert_count(0, f"host {address(FLOODS * MANY)}")
        self.assert_count(FLOODS * MANY // 1000, "port 1030")
        rows = pktvault("flows", "-a", self.archive, "-T", "csv").out.decode().splitlines()
        self.assertEqual(len(rows), 1 + FLOODS * MANY)
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_vnis_of_one_packet(self):
        self.assert_memory(self.record([pkvtest.vxlan(i, inner()) for i in range(MANY)]))
        self.assert_count(MANY, "vni any")
        self.assert_count(1, f"vni {MANY - 1}")
        self.assert_count(0, f"vni {MANY}")
        self.assert_count(100, "vni 300-399")
        rows = pktvault("flows", "-a", self.archive, "-T", "csv", "--by", "vni").out.decode().splitlines()
        self.assertEqual(len(rows), 1 + MANY)
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_the_largest_datagrams_and_empty_ones(self):
        largest = [pkvtest.vxlan(5, inner(payload=b"")) + os.urandom(65507 - 8 - 42) for _ in range(500)]
        self.record([datagram for one in largest for datagram in (one, b"")])
        packets = [p.data for p in self.query_packets()]
        self.assertEqual([len(p) for p in packets], [42 + 65507, 42] * 500)
        self.assertTrue([pkvtest.inner_of_udp(p) for p in packets[::2]] == largest, "bytes differ")
        self.assert_count(500, "vni 5")
        self.check_archive()


class Fragments(FloodCase):
    """Without end: firsts whose rest never comes, rests whose first never came, and one id again and again. Of more
    trains than are remembered the oldest are forgotten: what comes of them then has no ports, or no tunnel."""

    def test_inner_fragments(self):
        def frame(source, number, offset):
            return outer(pkvtest.vxlan(number >> 16, fragment(inner(source), number, offset, not offset)))
        same = self.bring([frame("10.1.0.3", 7, 0)] * TRAINS + [frame("10.1.0.3", 7, 40)])
        trains = range(TRAINS - REMEMBERED - 1000, TRAINS)
        peak = self.bring([frame("10.1.0.1", i, 0) for i in range(TRAINS)] + [frame("10.1.0.1", i, 40) for i in trains])
        if peak:
            self.assertLess(peak - same, TRAINS_BYTES)
        self.assert_count(TRAINS + 1, "src host 10.1.0.3 and port 4000")
        self.assert_count(TRAINS + len(trains), "src host 10.1.0.1")
        self.assert_count(TRAINS + REMEMBERED, "src host 10.1.0.1 and port 4000")
        self.check_archive()
        self.assert_rebuilt_the_same()

    def test_outer_fragments(self):
        def first(number):
            return fragment(outer(pkvtest.vxlan(5, inner("10.1.0.1")), address(number >> 16)), number, 0, True)

        def rest(number):
            return fragment(outer(b"x" * 64, address(number >> 16)), number, 800, False)
        many = REMEMBERED + 1000
        self.bring([frame for i in range(many) for frame in (first(i), rest(i))])
        self.bring([first(i) for i in range(many)] + [rest(i) for i in range(many)])
        self.assert_count(4 * many, "outer host 192.168.50.2 or host 192.168.50.2")
        # A rest belongs to the first of the same id before it.
        self.assert_count(2 * many + many + REMEMBERED, "vni 5 and host 10.1.0.1")
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
