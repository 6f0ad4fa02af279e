# SPDX-License-Identifier: BSD-2-Clause
"""A host's interface is mirrored over VXLAN; what pktvaultd records of it is what tcpdump beside it sees."""

import collections
import socket
import struct
import time

import namespaces
import pkvtest
from pkvtest import pktvault

ICMP, TCP = 1, 6

# linux/net.h: SO_TIMESTAMPNS as Python's socket module has no name for it.
SO_TIMESTAMPNS = 35

# What a mirror is seen by on the wire, later fragments included.
MIRROR = "udp dst port 4789"
MIRROR_IN_FRAGMENTS = "udp dst port 4789 or (ip proto 17 and ip[6:2] & 0x1fff != 0)"

Outer = collections.namedtuple("Outer", "src src_port dst dst_port ttl tos payload time_ns")


def ip_header(frame):
    """(header bytes, total length, id, more fragments, offset, ttl, tos, source, target) of Ethernet with IPv4."""
    first, tos, total, number, fragment, ttl = struct.unpack_from(">BBHHHB", frame, 14)
    return ((first & 15) * 4, total, number, bool(fragment & 0x2000), (fragment & 0x1fff) * 8, ttl, tos,
            socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34]))


def datagrams(packets):
    """The UDP datagrams of captured frames, put together from fragments; the time is that of the last piece."""
    pieces = {}
    for packet in packets:
        header, total, number, more, offset, ttl, tos, src, dst = ip_header(packet.data)
        # 0: longer than an IP length can say, as the kernel leaves it on what it has coalesced.
        end = 14 + total if total else len(packet.data)
        train = pieces.setdefault((src, dst, number), {})
        train[offset] = (packet.data[14 + header:end], more)
        at, whole = 0, b""
        while at in train and train[at][1]:
            whole, at = whole + train[at][0], at + len(train[at][0])
        if at in train:
            whole += train[at][0]
            del pieces[src, dst, number]
            src_port, dst_port = struct.unpack_from(">HH", whole)
            yield Outer(src, src_port, dst, dst_port, ttl, tos, whole[8:], packet.time_ns)
    if pieces:
        raise AssertionError(f"fragments without the rest: {list(pieces)}")


def inner_is(protocol, payload):
    """Whether VXLAN carries IPv4 of a protocol."""
    return payload[20:22] == b"\x08\x00" and payload[8 + 14 + 9] == protocol


def checksum(data):
    """RFC 1071; 0 where data holds its right checksum."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


@namespaces.needed
@pkvtest.needs("tcpdump", "tc", "ethtool", "ping", "clang")
class Mirror(pkvtest.Case):
    def setUp(self):
        super().setUp()
        # As long as any socket asks for receive times, the kernel stamps every packet once, as it comes in. Otherwise
        # each packet socket reads the clock for itself, and tcpdump and pktvaultd could not agree to the nanosecond.
        self.stamps = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.stamps.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.addCleanup(self.stamps.close)

    def record(self, mirror, source, traffic, expression=MIRROR):
        """Answers what tcpdump saw while pktvaultd recorded."""
        with namespaces.Tcpdump(mirror.b, self.path("reference.pcap"), expression) as reference:
            with pkvtest.Daemon(self.archive, *source, namespace=mirror.b):
                traffic(mirror)
                pkvtest.wait_until(lambda: self.has_all(reference, source), "every packet in the archive")
        return reference.packets

    def has_all(self, reference, source):
        """Whether a query finds as much as tcpdump has written, and that is not growing."""
        packets = reference.so_far()
        time.sleep(0.3)
        wanted = len(packets) * source.count("--capture")
        if "--listen" in source:
            wanted += len(list(datagrams(packets)))
        found = int(pktvault("query", "-a", self.archive, "--count").out)
        return wanted and found >= wanted and len(packets) == len(reference.so_far())

    def assert_interface_source_is(self, reference, protocol, name):
        """Packet for packet, outer and inner, with their times."""
        wanted = [p for p in reference if self.belongs(reference, p, protocol)]
        self.assertGreater(len(wanted), 9)
        got = self.query_packets(f"vni 100 and {name} and host 10.0.0.10")
        self.assertEqual(len(got), len(wanted))
        for a, b in zip(wanted, got):
            self.assertEqual(a[:4], b[:4])
        self.assert_tcpdump_shows_the_same(wanted, f"vni 100 and {name} and host 10.0.0.10")
        return wanted

    def belongs(self, reference, packet, protocol):
        """Whether a frame is part of a mirrored packet of that protocol. Fragments of one datagram have one id."""
        header, _, number, _, offset, _, _, src, _ = ip_header(packet.data)
        if offset == 0:
            return inner_is(protocol, packet.data[14 + header + 8:])
        return any(self.belongs(reference, p, protocol) for p in reference
                   if ip_header(p.data)[2] == number and ip_header(p.data)[7] == src and ip_header(p.data)[4] == 0)

    def assert_tcpdump_shows_the_same(self, wanted, expression):
        arguments = ["-vvv", "--time-stamp-precision=nano"]
        shown = pkvtest.tcpdump(pktvault("query", "-a", self.archive, "-w", "-", expression).out, *arguments)
        self.assertEqual(shown, pkvtest.tcpdump(pkvtest.pcap(wanted), *arguments))
        self.assertIn("VXLAN", "\n".join(shown))

    def assert_socket_source_is(self, reference, protocol, name):
        """The inner packets with times, the outer addresses, ports, TTL and TOS; the headers around them are rebuilt."""
        wanted = sorted((d for d in datagrams(reference) if inner_is(protocol, d.payload)), key=lambda d: d.time_ns)
        self.assertGreater(len(wanted), 9)
        stored = self.query_packets(f"vni 100 and {name} and host 10.0.0.10")
        self.assertEqual(list(datagrams(stored)), wanted)
        for packet in stored:
            self.assertEqual(packet.data[:14], bytes(12) + b"\x08\x00")
            self.assertEqual(checksum(packet.data[14:34]), 0)
            self.assertEqual(packet.data[40:42], b"\0\0")
            self.assertEqual(packet.original, len(packet.data))
        inner = pkvtest.pcap([(d.time_ns, d.payload[8:]) for d in wanted])
        shown = pktvault("query", "-a", self.archive, "--decap", "-w", "-", f"vni 100 and {name}").out
        nano = "--time-stamp-precision=nano"
        self.assertEqual(pkvtest.tcpdump(shown, "-vvv", nano), pkvtest.tcpdump(inner, "-vvv", nano))

    def assert_nothing_lost(self):
        done = pktvault("query", "-a", self.archive, "--count")
        self.assertIn("complete as recorded", done.err)

    # The article's own case, and the same with a TCP transfer.

    def test_ping_from_the_interface(self):
        with namespaces.Mirror() as mirror:
            seen = self.record(mirror, ["--capture", "eth0"], namespaces.Mirror.ping)
            self.assert_interface_source_is(seen, ICMP, "icmp")
            self.assert_nothing_lost()
            # Nobody listened on the port, and yet the kernel did not answer the mirror with ICMP.
            self.assertEqual(mirror.counter(mirror.b, "Icmp", "OutDestUnreachs"), 0)
        # Everything that is on the wire is in the archive, the ARP packets too; tcpdump stops a moment later.
        got = self.query_packets()
        self.assertEqual([p[:4] for p in got], [p[:4] for p in seen if p.time_ns <= got[-1].time_ns])

    def test_ping_from_the_socket(self):
        with namespaces.Mirror() as mirror:
            seen = self.record(mirror, ["--listen", "0.0.0.0:4789"], namespaces.Mirror.ping)
        self.assert_socket_source_is(seen, ICMP, "icmp")
        self.assert_nothing_lost()

    def test_tcp_with_offloads_from_the_interface(self):
        with namespaces.Mirror() as mirror:
            seen = self.record(mirror, ["--capture", "eth0"], namespaces.Mirror.transfer)
        wanted = self.assert_interface_source_is(seen, TCP, "tcp")
        # The kernel hands up what it has not cut into segments yet: frames that no wire could carry.
        self.assertGreater(max(p.original for p in wanted), 10000)
        self.assert_nothing_lost()

    def test_tcp_with_offloads_from_the_socket(self):
        with namespaces.Mirror() as mirror:
            seen = self.record(mirror, ["--listen", "0.0.0.0:4789"], namespaces.Mirror.transfer)
        self.assert_socket_source_is(seen, TCP, "tcp")
        self.assert_nothing_lost()

    def test_tcp_without_offloads_from_the_interface(self):
        with namespaces.Mirror(offloads=False) as mirror:
            seen = self.record(mirror, ["--capture", "eth0"], namespaces.Mirror.transfer)
        wanted = self.assert_interface_source_is(seen, TCP, "tcp")
        self.assertLessEqual(max(p.original for p in wanted), 1564)
        self.assert_nothing_lost()

    def test_tcp_without_offloads_from_the_socket(self):
        with namespaces.Mirror(offloads=False) as mirror:
            seen = self.record(mirror, ["--listen", "0.0.0.0:4789"], namespaces.Mirror.transfer)
        self.assert_socket_source_is(seen, TCP, "tcp")
        self.assert_nothing_lost()

    # An underlay that is too small for what it carries.

    def test_outer_fragments_of_ping_from_the_interface(self):
        with namespaces.Mirror(mtu=1400) as mirror:
            seen = self.record(mirror, ["--capture", "eth0"], lambda m: m.ping(size=1472), MIRROR_IN_FRAGMENTS)
        wanted = self.assert_interface_source_is(seen, ICMP, "icmp")
        self.assert_fragmented(wanted)

    def test_outer_fragments_of_tcp_from_the_interface(self):
        with namespaces.Mirror(mtu=1400) as mirror:
            seen = self.record(mirror, ["--capture", "eth0"], lambda m: m.transfer(64), MIRROR_IN_FRAGMENTS)
        self.assert_fragmented(self.assert_interface_source_is(seen, TCP, "tcp"))
        self.assert_nothing_lost()

    def test_outer_fragments_from_the_socket(self):
        with namespaces.Mirror(mtu=1400) as mirror:
            seen = self.record(mirror, ["--listen", "0.0.0.0:4789"], lambda m: m.transfer(64), MIRROR_IN_FRAGMENTS)
        self.assert_fragmented(seen)
        self.assert_socket_source_is(seen, TCP, "tcp")

    def assert_fragmented(self, packets):
        later = [p for p in packets if ip_header(p.data)[4] > 0]
        self.assertGreater(len(later), 9)

    def test_both_sources_at_once(self):
        """Two lanes of one archive: every mirrored packet is there twice, once as it came and once rebuilt."""
        with namespaces.Mirror() as mirror:
            seen = self.record(mirror, ["--capture", "eth0", "--listen", "0.0.0.0:4789"], namespaces.Mirror.ping)
        got = list(datagrams(self.query_packets()))
        # A datagram may still come between the ends of the daemon and of tcpdump.
        last = max(d.time_ns for d in got)
        inner = [d.payload for d in datagrams(seen) if d.time_ns <= last]
        self.assertEqual(sorted(d.payload for d in got), sorted(inner + inner))


if __name__ == "__main__":
    pkvtest.main()
