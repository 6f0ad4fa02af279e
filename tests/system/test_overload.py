# SPDX-License-Identifier: BSD-2-Clause
"""More traffic than can be handled: nothing dies, memory stays within its limit, what is stored already is safe, and
every packet that was sent is stored or told as lost, by its cause and at its time. No test depends on a machine that is
too slow: the daemon is stopped by a signal, or its disk is frozen. What was sent is the sender's own count; what the
kernel dropped is its own in /proc/net."""

import contextlib
import os
import signal
import socket
import struct
import time
import unittest

import disks
import pkvtest
from pkvtest import pktvault

TARGET = ("127.0.0.1", 4789)
LOSSES = ("kernel", "buffer", "disk")
MOUNTS = disks.own_mounts()
SENT, SENTINEL = 5, 6  # VNIs: what is counted, and what shows that all before it has been read


class OverloadCase(pkvtest.Case):
    """Numbered packets to a daemon, and the account of them."""

    def setUp(self):
        super().setUp()
        self.sent = 0
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.out.close)

    def configure(self, **options):
        lines = "".join(f"{key} = {value}\n" for key, value in options.items())
        return ("--config", self.write("pktvault.conf", lines.encode()))

    def put(self, datagram):
        self.out.sendto(datagram, TARGET)

    def send(self, count, size=1000, vni=SENT):
        """Answers when the first and the last was sent."""
        start = time.time()
        for _ in range(count):
            payload = struct.pack(">I", self.sent).ljust(size, b"x")
            self.put(pkvtest.vxlan(vni, pkvtest.udp_frame("10.0.0.10", 4000, "10.0.0.20", 80, payload)))
            self.sent += 1
        return start, time.time()

    @contextlib.contextmanager
    def stopped(self, daemon):
        """While it is stopped, the kernel can but keep or drop what comes."""
        daemon.send(signal.SIGSTOP)
        pkvtest.wait_until(lambda: self.state(daemon) == "T", "the daemon is stopped")
        yield
        daemon.send(signal.SIGCONT)

    def state(self, daemon):
        with open(f"/proc/{daemon.process.pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0]

    def missing(self, *arguments):
        status = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json", *arguments).out)[0]
        return [m for m in status["missing"] if m["cause"] in LOSSES]

    def lost(self, cause, *arguments):
        return sum(m["packets"] for m in self.missing(*arguments) if m["cause"] == cause)

    def stored(self):
        """The numbers of the packets that a query gives, in order; none may come twice."""
        numbers = [struct.unpack_from(">I", pkvtest.inner_of_udp(p.data), 8 + 42)[0] for p in self.query_packets()]
        self.assertEqual(len(numbers), len(set(numbers)), "packets are there twice")
        return numbers

    def wait_until_found(self):
        """All that was sent before has been read or dropped: a packet behind it is found. It is sent again for as long
        as it may be dropped itself."""
        pkvtest.wait_until_read()

        def found():
            self.send(1, 10, SENTINEL)
            return int(pktvault("query", "-a", self.archive, "--count", f"vni {SENTINEL}").out)
        pkvtest.wait_until(found, "the packet behind all others")

    def assert_account(self):
        """Stored and told as lost is what was sent; by index and by scan."""
        stored = self.stored()
        told = {m["cause"]: self.lost(m["cause"]) for m in self.missing()}
        self.assertEqual(len(stored) + sum(told.values()), self.sent, f"stored {len(stored)}, lost {told}")
        scanned = pktvault("query", "-a", self.archive, "--no-index", "--count")
        self.assertEqual(int(scanned.out), len(stored))
        if told:
            self.assertIn("LOSSES", scanned.err)
        return stored

    def losses_of(self, burst):
        """What whoever asks for the time of a burst is told: from when, until when, and how many packets by cause."""
        start, end = burst
        losses = self.missing("-S", f"@{start:.6f}", "-U", f"@{end:.6f}")
        self.assertTrue(losses, "nobody is told")
        return (min(pkvtest.seconds_of(m["from"]) for m in losses), max(pkvtest.seconds_of(m["until"]) for m in losses),
                {m["cause"]: sum(n["packets"] for n in losses if n["cause"] == m["cause"]) for m in losses})

    def check_archive(self):
        self.assertEqual(self.segments(".open"), [])
        pktvault("index", "-a", self.archive)
        done = pktvault("verify", "-a", self.archive, check=False)
        self.assertEqual(done.status, 0, done.out.decode() + done.err)


def kernel_drops(port=4789):
    """Of the UDP sockets on a port, as the kernel counts."""
    return sum(int(row[-1]) for row in pkvtest.udp_sockets(port))


class Socket(OverloadCase):
    def daemon(self, *arguments, **options):
        return pkvtest.Daemon(self.archive, *self.configure(flush_interval="20ms", **options),
                              "--listen", "127.0.0.1:4789", *arguments)

    def test_what_the_kernel_drops_is_told_to_the_packet_and_at_its_time(self):
        bursts, drops = [], []
        with self.daemon(receive_buffer=65536) as daemon:
            for _ in range(2):
                with self.stopped(daemon):
                    before = kernel_drops()
                    bursts.append(self.send(3000))
                    drops.append(kernel_drops() - before)
                self.wait_until_found()
                pkvtest.wait_until(lambda: self.lost("kernel") == kernel_drops(), "the losses are told")
            self.assertEqual(kernel_drops(), sum(drops))
            daemon.stop()
        self.assert_account()
        for burst, dropped in zip(bursts, drops):
            self.assertGreater(dropped, 2000)
            start, end, told = self.losses_of(burst)
            self.assertEqual(told, {"kernel": dropped})
            self.assertLessEqual(start, burst[0])
            self.assertGreaterEqual(end, burst[1])
        # What was told is over before the next begins.
        self.assertLessEqual(self.losses_of(bursts[0])[1], bursts[1][0])
        self.check_archive()

    def test_what_waited_in_the_kernel_is_stored_by_a_daemon_that_ends(self):
        """However much that is: the daemon takes nothing more in, and reads what is there."""
        with self.daemon(receive_buffer="64M") as daemon:
            with self.stopped(daemon):
                self.send(30000, 20)
                self.assertEqual(kernel_drops(), 0)
                daemon.send(signal.SIGTERM)
            self.assertEqual(daemon.process.wait(60), 0)
        self.assertEqual(self.stored(), list(range(30000)))
        self.assertEqual(self.missing(), [])


    def test_bursts_without_end(self):
        """Little memory everywhere, segments that are sealed all the time, a daemon that is stopped again and again."""
        small = {"receive_buffer": 65536, "buffer_bytes": "1M", "rotate_bytes": "256K"}
        with self.daemon(**small) as daemon:
            before = daemon.memory()
            for _ in range(30):
                with self.stopped(daemon):
                    self.send(1000)
                self.send(1000)
            self.wait_until_found()
            after = daemon.memory()
            drops = kernel_drops()
            daemon.stop()
        self.assert_account()
        self.assertEqual(self.lost("kernel"), drops)
        self.assertGreater(drops, 20000)
        if before:
            self.assertLess(after - before, 16 << 20)
        self.check_archive()


class Interface(OverloadCase):
    """Frames on one end of a cable, captured on the other. In the network namespace that the whole test has."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("needs root: raw sockets")
        pkvtest.run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
        self.addCleanup(pkvtest.run, "ip", "link", "del", "left")
        for name in ("left", "right"):
            pkvtest.run("ip", "link", "set", name, "up")
        pkvtest.wait_for_link("left", "right")
        self.cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.cable.bind(("left", 0))
        self.addCleanup(self.cable.close)

    def put(self, datagram):
        self.cable.send(pkvtest.udp_frame("192.168.50.1", 40000, "192.168.50.2", 4789, datagram))

    def daemon(self, **options):
        return pkvtest.Daemon(self.archive, *self.configure(flush_interval="20ms", **options), "--capture", "right")

    def test_what_the_ring_cannot_hold_is_told_to_the_packet_and_at_its_time(self):
        with self.daemon(ring_bytes="1M") as daemon:
            with self.stopped(daemon):
                burst = self.send(5000)
            self.wait_until_found()
            pkvtest.wait_until(lambda: self.lost("kernel"), "the losses are told")
            daemon.stop()
        stored = self.assert_account()
        # What came first is kept.
        dropped = 5000 - len([n for n in stored if n < 5000])
        self.assertEqual(stored[:5000 - dropped], list(range(5000 - dropped)))
        self.assertGreater(dropped, 3000)
        start, end, told = self.losses_of(burst)
        self.assertEqual(set(told), {"kernel"})
        self.assertGreaterEqual(told["kernel"], dropped)
        self.assertLessEqual(start, burst[0])
        self.assertGreaterEqual(end, burst[1])
        self.check_archive()

    def test_what_came_just_before_the_signal_is_kept(self):
        """The kernel has it in a block of the ring that is not full, which it does not hand over yet."""
        for wait in (False, True):
            with self.daemon() as daemon:
                if wait:
                    with self.stopped(daemon):
                        self.send(200)
                        daemon.send(signal.SIGTERM)
                else:
                    self.send(200)
                    daemon.send(signal.SIGTERM)
                self.assertEqual(daemon.process.wait(60), 0)
        self.assertEqual(self.stored(), list(range(400)))
        self.assertEqual(self.missing(), [])


@unittest.skipUnless(MOUNTS, "needs root: mounts")
@pkvtest.needs("mkfs.ext4", "fsfreeze")
class Frozen(OverloadCase):
    """A disk that does not answer, from which buffers are full."""

    def daemon(self, **options):
        return pkvtest.Daemon(self.archive, *self.configure(receive_buffer="64M", **options),
                              "--listen", "127.0.0.1:4789")

    def test_what_finds_no_memory_while_the_disk_does_not_answer(self):
        disk = disks.Freezable(self, self.path("disk"))
        self.archive = os.path.join(disk.where, "archive")
        with self.daemon(buffer_bytes="1M") as daemon:
            self.send(100)
            self.wait_until_found()
            before, memory_before = self.sent, daemon.memory()
            disk.freeze()
            burst = self.send(20000)
            pkvtest.wait_until_read()
            memory_full = daemon.memory()
            again = self.send(20000)
            pkvtest.wait_until_read()
            memory_after = daemon.memory()
            disk.thaw()
            pkvtest.wait_until(lambda: len(self.stored()) + self.lost("buffer") == self.sent, "an account of all")
            self.assertEqual(kernel_drops(), 0)
            # It goes on.
            self.send(100)
            self.wait_for_all(lost=self.lost("buffer"))
            daemon.stop()
        stored = self.assert_account()
        # What came before is safe, and of what came then that which came first: 1 MiB holds some 900 packets.
        kept = len([n for n in stored if before <= n < before + 40000])
        self.assertEqual(stored[:before + kept], list(range(before + kept)))
        self.assertTrue(0 < kept < 1100, kept)
        self.assertEqual(self.lost("buffer"), 40000 - kept)
        if memory_before:
            self.assertLess(memory_full - memory_before, 8 << 20)
            self.assertLess(memory_after - memory_full, 1 << 20)
        # Between two bursts nothing was lost, but what is that near is told as one stretch.
        start, end, told = self.losses_of((burst[0], again[1]))
        self.assertEqual(told, {"buffer": 40000 - kept})
        self.assertTrue(burst[0] <= start and end <= again[1])
        self.check_archive()

    def test_a_daemon_that_ends_while_the_disk_does_not_answer(self):
        disk = disks.Freezable(self, self.path("disk"))
        self.archive = os.path.join(disk.where, "archive")
        with self.daemon(buffer_bytes="1M") as daemon:
            self.send(100)
            self.wait_until_found()
            disk.freeze()
            self.send(500)
            daemon.send(signal.SIGTERM)
            pkvtest.wait_until_read()
            self.assertIsNone(daemon.process.poll())
            disk.thaw()
            self.assertEqual(daemon.process.wait(60), 0)
        self.assertEqual(self.stored(), list(range(self.sent)))
        self.assertEqual(self.missing(), [])
        self.check_archive()

    def test_an_index_on_a_disk_that_does_not_answer(self):
        """The recorder goes on, what is not indexed is scanned, and all is indexed once the disk is back."""
        with self.daemon(rotate_bytes="1M"):
            pass
        disk = disks.Freezable(self, os.path.join(self.archive, "index"))
        with self.daemon(rotate_bytes="1M") as daemon:
            self.send(100)
            self.wait_until_found()
            disk.freeze()
            for _ in range(3):
                self.send(5000)
                self.wait_for_all()
                daemon.rotate()
            disk.thaw()
            pkvtest.wait_until(lambda: self.behind() <= 1, "what is sealed is indexed")
            disk.freeze()
            self.send(5000)
            self.wait_for_all()
            # The recorder ends as well.
            daemon.send(signal.SIGTERM)
            pkvtest.wait_until(lambda: not self.segments(".open"), "all is sealed")
            self.assertIsNone(daemon.process.poll())
            disk.thaw()
            self.assertEqual(daemon.process.wait(60), 0)
        self.assert_account()
        self.assertEqual(self.missing(), [])
        self.check_archive()
        self.assertEqual(self.behind(), 0)

    def wait_for_all(self, lost=0):
        pkvtest.wait_until(lambda: len(self.stored()) + lost == self.sent, "all is found")

    def behind(self):
        """How many sealed segments are not indexed."""
        status = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]
        return status["sealed_segments"] - status["indexed_segments"]


if __name__ == "__main__":
    pkvtest.main()
