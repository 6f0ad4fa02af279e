# SPDX-License-Identifier: BSD-2-Clause
"""A disk that is full, read-only or gone, for the daemon and for its indexer: nothing dies, every packet is stored or
told as lost, and all goes on by itself. On small file systems of the test's own."""

import glob
import os
import pwd
import re
import signal
import socket
import time

import disks
import pkvtest
from pkvtest import pktvault

TARGET, HEALTH = ("127.0.0.1", 4789), ("127.0.0.1", 8080)
LOSSES = ("kernel", "buffer", "disk")
PAYLOAD = 1000
REFUSED = re.compile("cannot sync .*No space left on device; packets are lost")

MOUNTS = disks.own_mounts()


class DiskCase(pkvtest.Case):
    """An archive on a file system of its own."""

    size = "4m"

    def setUp(self):
        super().setUp()
        if not MOUNTS:
            self.skipTest("needs root: mounts")
        self.disk = self.path("disk")
        os.mkdir(self.disk)
        self.mount(self.disk, self.size)
        self.archive = os.path.join(self.disk, "archive")
        self.config = self.write("pktvault.conf", b"flush_interval = 20ms\nreceive_buffer = 32M\n")
        self.sent = 0
        self.out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.out.close)

    def mount(self, where, size):
        pkvtest.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "pktvault-test", where)
        self.addCleanup(pkvtest.run, "umount", "-l", where, check=False)

    def daemon(self, *arguments):
        return pkvtest.Daemon(self.archive, "--config", self.config, "--listen", "127.0.0.1:4789", *arguments)

    def send(self, count):
        """Numbered packets that do not compress."""
        for _ in range(count):
            frame = pkvtest.udp_frame("10.0.0.10", 4000, "10.0.0.20", 80,
                                      self.sent.to_bytes(4, "big") + os.urandom(PAYLOAD))
            self.out.sendto(pkvtest.vxlan(5, frame), TARGET)
            self.sent += 1

    def fill(self, left=0):
        """Takes all space but so many bytes."""
        with open(os.path.join(self.disk, "ballast"), "ab") as file:
            space = os.statvfs(self.disk)
            file.write(bytes(max(0, space.f_bavail * space.f_frsize - left)))

    def make_space(self):
        os.unlink(os.path.join(self.disk, "ballast"))

    def status(self):
        return pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]

    def losses(self):
        return [m for m in self.status()["missing"] if m["cause"] in LOSSES]

    def lost(self):
        return sum(m["packets"] for m in self.losses())

    def stored(self):
        """The numbers of the packets that a query gives; none may come twice."""
        numbers = [int.from_bytes(pkvtest.inner_of_udp(p.data)[8 + 42:][:4], "big") for p in self.query_packets()]
        self.assertEqual(len(numbers), len(set(numbers)), "packets are there twice")
        return set(numbers)

    def gaps_since(self, start):
        status = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json", "-S", f"@{start}").out)[0]
        return [m for m in status["missing"] if m["cause"] == "gap"]

    def account(self):
        return len(self.stored()) + self.lost()

    def wait_for_account(self, what):
        """Everything that was sent is stored or told as lost."""
        pkvtest.wait_until(lambda: self.account() >= self.sent, f"{what}: an account of all packets")
        self.assertEqual(self.account(), self.sent, what)

    def check_all(self):
        """At the end: the account, index and scan, and the archive as a whole."""
        self.assertEqual(self.account(), self.sent)
        scanned = pktvault("query", "-a", self.archive, "--no-index", "--count")
        self.assertEqual(int(scanned.out), len(self.stored()))
        self.assertEqual(self.segments(".open"), [])
        pktvault("index", "-a", self.archive)
        done = pktvault("verify", "-a", self.archive, check=False)
        self.assertEqual(done.status, 0, done.out.decode() + done.err)


class FullDisk(DiskCase):
    def test_losses_are_counted_and_recording_goes_on_when_there_is_space(self):
        with self.daemon("--health", "%s:%d" % HEALTH) as daemon:
            self.send(200)
            self.wait_for_account("before")
            self.assertTrue(self.is_healthy())
            self.fill(left=65536)
            start = time.time()
            self.send(500)
            self.wait_for_account("while the disk is full")
            self.assertGreater(self.lost(), 0)
            self.assertEqual({m["cause"] for m in self.losses()}, {"disk"})
            pkvtest.wait_until(lambda: not self.is_healthy(), "the health port closed")
            self.make_space()
            # Until it works again packets may be lost, and are counted.
            self.wait_for_storing()
            pkvtest.wait_until(self.is_healthy, "the health port open")
            end = time.time()
            before = len(self.stored())
            self.send(100)
            pkvtest.wait_until(lambda: len(self.stored()) == before + 100, "what came after is stored")
            daemon.stop()
        self.check_all()
        query = pktvault("query", "-a", self.archive, "--count", "-S", f"@{start}", "-U", f"@{end}").err
        self.assertRegex(query, rf"LOSSES: {self.lost():,} packets? \(disk\)")
        later = pktvault("query", "-a", self.archive, "--count", "-S", f"@{end + 1}").err
        self.assertNotIn("LOSSES", later)

    def is_healthy(self):
        try:
            socket.create_connection(HEALTH, timeout=10).close()
            return True
        except ConnectionRefusedError:
            return False

    def test_seconds_without_space_are_no_gap_and_take_no_numbers(self):
        """Segments are due meanwhile, and cannot be made."""
        with self.daemon("--rotate_interval", "1s") as daemon:
            start = time.time()
            self.send(100)
            self.wait_for_account("before")
            self.fill()
            end = time.monotonic() + 6
            while time.monotonic() < end:
                self.send(10)
                time.sleep(0.1)
            self.make_space()
            self.wait_for_storing()
            daemon.stop()
        self.check_all()
        self.assertEqual(self.gaps_since(start), [])
        self.assertNotIn("neither there nor in the chain", pktvault("verify", "-a", self.archive).out.decode())

    def wait_for_storing(self):
        """One packet at a time, until one is stored."""
        def one_more():
            before = len(self.stored())
            self.send(1)
            self.wait_for_account("while it recovers")
            return len(self.stored()) > before
        pkvtest.wait_until(one_more, "packets are stored again")

    def test_a_kill_while_the_disk_is_full_keeps_the_count(self):
        with self.daemon() as daemon:
            self.send(200)
            self.wait_for_account("before")
            start = time.time()
            self.fill(left=65536)
            self.send(300)
            self.wait_for_account("while the disk is full")
            end = time.time()
            lost = self.lost()
            self.assertGreater(lost, 0)
            daemon.kill()
        self.assertEqual(self.account(), self.sent, "after the kill")
        with self.daemon() as daemon:
            # The disk is still full; nothing can be sealed, and nothing be told but from the journal.
            self.assertEqual(self.account(), self.sent, "after the start")
            self.send(10)
            self.wait_for_account("after the start")
            daemon.kill()
        self.assertEqual(self.account(), self.sent, "after the second kill")
        time.sleep(max(0, end + 2.5 - time.time()))  # so that the next segment begins well behind that time
        self.make_space()
        with self.daemon() as daemon:
            self.wait_for_storing()
            self.assertEqual(self.lost_between(start, end), lost, "by a segment that began later")
            daemon.stop()
        self.check_all()
        self.assertEqual(self.lost_between(start, end), lost)

    def lost_between(self, start, end):
        status = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json", "-S", f"@{start}", "-U",
                                             f"@{end}").out)[0]
        return sum(m["packets"] for m in status["missing"] if m["cause"] == "disk")

    def test_a_segment_that_could_not_begin_is_no_loss_of_the_count(self):
        """SIGHUP while the disk is full: the next segment cannot be made."""
        with self.daemon() as daemon:
            self.send(50)
            self.wait_for_account("before")
            self.fill()
            daemon.send(signal.SIGHUP)
            self.send(50)
            self.wait_for_account("without a segment")
            daemon.kill()
        self.assertEqual(self.account(), self.sent, "after the kill")
        self.make_space()
        with self.daemon() as daemon:
            self.wait_for_storing()
            daemon.stop()
        self.check_all()

    def test_an_indexer_without_space_does_not_stop_the_recorder(self):
        with self.daemon() as daemon:
            self.send(1)
            self.wait_for_account("first")
            daemon.stop()
        self.mount(os.path.join(self.archive, "index"), "8k")
        with self.daemon() as daemon:
            for _ in range(3):
                self.send(200)
                self.wait_for_account("recorded")
                daemon.rotate()
            self.assertEqual(len(self.stored()), self.sent)
            pkvtest.wait_until(lambda: "disk is full" in daemon.log(), "a line of log")
            self.assertLess(self.status()["indexed_segments"], self.status()["sealed_segments"])
            pkvtest.run("mount", "-o", "remount,size=4m", os.path.join(self.archive, "index"))
            daemon.stop()
        pktvault("index", "-a", self.archive)
        self.assertEqual(self.status()["indexed_segments"], self.status()["sealed_segments"])
        self.assertEqual(self.lost(), 0)


class Thin(DiskCase):
    """A disk that takes what is written and cannot keep it."""

    def setUp(self):
        """The archive has its directories: ext4 without a journal may lose new ones."""
        super().setUp()
        with self.daemon() as daemon:
            self.send(1)
            self.wait_for_account("first")
            daemon.stop()
        pkvtest.run("sync", "-f", self.disk)

    def mount(self, where, size):
        self.thin = disks.Thin(self, where)

    def test_what_could_not_be_synced_is_lost_and_told(self):
        with self.daemon("--sync_interval", "1s") as daemon:
            start = time.time()
            self.send(500)
            self.wait_for_account("before")
            daemon.rotate()  # what is sealed is synced
            self.thin.fill()
            pkvtest.wait_until(lambda: REFUSED.search(daemon.log()) or self.send(20), "a line of log")
            for _ in range(30):  # and it tries again meanwhile
                self.send(20)
                time.sleep(0.1)
            self.thin.make_room()
            pkvtest.wait_until(lambda: "stored again" in daemon.log() or self.send(1), "packets are stored again")
            self.send(200)
            self.wait_for_account("once there is room")
            daemon.stop()
        pktvault("index", "-a", self.archive)
        self.check_all()
        lost, stored = self.lost(), self.stored()
        self.assertGreater(lost, 0)
        self.assertTrue(set(range(500)) <= stored, "what was synced is there")
        self.assertTrue(set(range(self.sent - 200, self.sent)) <= stored, "what came after is there")
        self.assertEqual(self.gaps_since(start), [])
        self.thin.remount()  # so that it is read from there
        self.assertEqual(self.stored(), stored)
        self.check_all()

    def test_a_kill_keeps_the_count(self):
        with self.daemon("--sync_interval", "1s") as daemon:
            self.send(500)
            self.wait_for_account("before")
            daemon.rotate()
            self.thin.fill()
            # What was used before and is free again has its place below.
            pkvtest.wait_until(lambda: REFUSED.search(daemon.log()) or self.send(20), "a line of log")
            self.wait_for_account("without room")
            daemon.kill()
        self.thin.remount()
        self.assertEqual(self.account(), self.sent, "after the kill")
        self.thin.make_room()
        with self.daemon() as daemon:
            self.send(10)
            self.wait_for_account("after the start")
            daemon.stop()
        self.check_all()

    def test_a_kill_before_the_daemon_hears_of_it(self):
        """What the kernel could not write still stands in memory, as if it were on the disk."""
        with self.daemon("--sync_interval", "1h", "--no-index") as daemon:
            self.send(500)
            self.wait_for_account("before")
            self.thin.fill()
            pkvtest.run("sync", "-f", self.disk, check=False)
            daemon.kill()
        self.thin.make_room()
        self.assertIn("cannot sync", pktvault("index", "-a", self.archive, check=False).err)
        pkvtest.wait_until(lambda: pktvault("index", "-a", self.archive, check=False).status == 0, "an index")
        self.assertEqual(self.segments(".open"), [])
        stored = self.stored()
        self.thin.remount()
        self.assertEqual(self.stored(), stored)
        pktvault("verify", "-a", self.archive)


class Import(DiskCase):
    size = "16m"

    def test_an_import_into_a_full_disk_fails_and_is_finished_by_the_next(self):
        frames = [(i, os.urandom(PAYLOAD)) for i in range(1, 3001)]
        capture = self.write("big.pcap", pkvtest.pcap(frames))
        self.fill(left=1 << 20)
        done = pktvault("import", "-a", self.archive, capture, check=False)
        self.assertEqual(done.status, 1)
        self.assertIn("No space left", done.err)
        self.make_space()
        pktvault("import", "-a", self.archive, capture)
        packets = self.query_packets()
        self.assertEqual([p.time_ns for p in packets], list(range(1, 3001)))
        again = pktvault("import", "-a", self.archive, capture, check=False)
        self.assertNotEqual(again.status, 0)
        self.assertEqual(len(self.query_packets()), 3000)



class Gone(DiskCase):
    def test_an_archive_that_is_renamed_and_comes_back(self):
        away = self.archive + ".away"
        with self.daemon() as daemon:
            self.send(100)
            self.wait_for_account("before")
            os.rename(self.archive, away)
            daemon.send(signal.SIGHUP)
            self.send(100)
            pkvtest.wait_until(lambda: "packets are lost" in daemon.log(), "a line of log")
            self.assertFalse(os.path.exists(self.archive), "another archive has begun in its place")
            os.rename(away, self.archive)
            self.wait_for_account("back")
            pkvtest.wait_until(lambda: self.open_again(), "recording again")
            daemon.stop()
        self.check_all()

    def test_an_archive_whose_file_system_is_unmounted_and_comes_back(self):
        kept = self.path("kept")
        os.mkdir(kept)
        pkvtest.run("mount", "--bind", self.disk, kept)
        self.addCleanup(pkvtest.run, "umount", "-l", kept, check=False)
        with self.daemon() as daemon:
            self.send(100)
            self.wait_for_account("before")
            pkvtest.run("umount", "-l", self.disk)
            daemon.send(signal.SIGHUP)
            self.send(100)
            pkvtest.wait_until(lambda: "packets are lost" in daemon.log(), "a line of log")
            self.assertEqual(os.listdir(self.disk), [], "another archive has begun below the mount point")
            pkvtest.run("mount", "--bind", kept, self.disk)
            self.wait_for_account("back")
            pkvtest.wait_until(lambda: self.open_again(), "recording again")
            daemon.stop()
        self.check_all()

    def open_again(self):
        before = len(self.stored())
        self.send(1)
        self.wait_for_account("again")
        return len(self.stored()) > before

    def test_directories_that_may_not_be_written_any_more(self):
        """As after a remount: a file that is open is still written, another cannot be made. (A file system with open
        files of a writer cannot be remounted read-only from outside.)"""
        nobody = pwd.getpwnam("nobody")
        os.chmod(self.directory, 0o755)
        with self.daemon("--user", "nobody") as daemon:
            self.send(100)
            self.wait_for_account("before")
            directories = [d for d, _, _ in os.walk(self.archive)]
            for directory in directories:
                os.chmod(directory, 0o550)
            self.assertEqual(os.stat(self.archive).st_uid, nobody.pw_uid)
            daemon.send(signal.SIGHUP)
            pkvtest.wait_until(lambda: "packets are lost" in daemon.log(), "a line of log")
            self.send(100)
            self.wait_for_account("read-only")
            self.assertEqual(self.lost(), 100)
            for directory in directories:
                os.chmod(directory, 0o750)
            pkvtest.wait_until(lambda: self.open_again(), "recording again")
            daemon.stop()
        self.check_all()

    def test_an_archive_on_a_file_system_that_is_read_only_is_refused(self):
        with self.daemon() as daemon:
            self.send(10)
            self.wait_for_account("before")
            daemon.stop()
        pkvtest.run("mount", "-o", "remount,ro", self.disk)
        done = pkvtest.run("pktvaultd", "-a", self.archive, "--listen", "127.0.0.1:4789", check=False)
        self.assertEqual(done.status, 1)
        self.assertIn("Read-only file system", done.err)
        self.assertEqual(len(self.stored()), 10)
        self.assertEqual(self.status()["packets"], 10)


class TwoDaemons(pkvtest.Case):
    def status(self):
        return pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]

    def test_two_daemons_take_lanes_of_their_own(self):
        other = ("127.0.0.2", 4789)
        with pkvtest.Daemon(self.archive, "--listen", "127.0.0.1:4789") as first, \
                pkvtest.Daemon(self.archive, "--listen", "127.0.0.2:4789") as second:
            pkvtest.send_vxlan(TARGET, 5, 50)
            pkvtest.send_vxlan(other, 6, 50)
            pkvtest.wait_for_count(self.archive, 100)
            # A daemon is ready before its indexer is.
            pkvtest.wait_until(lambda: "another indexer" in first.log() + second.log(), "one indexer at a time")
            lanes = {os.path.basename(p).split("-")[1] for p in self.segments(".open")}
            self.assertEqual(len(lanes), 2)
        self.assertEqual(len(self.query_packets("vni 5")), 50)
        self.assertEqual(len(self.query_packets("vni 6")), 50)
        pktvault("index", "-a", self.archive)
        done = pktvault("verify", "-a", self.archive, check=False)
        self.assertEqual(done.status, 0, done.out.decode() + done.err)
        self.assertEqual(len(glob.glob(os.path.join(self.archive, "locks/lane-?"))), 2)

    def test_a_dead_daemons_segment_is_sealed_and_indexed_and_a_living_ones_is_not(self):
        """By the indexer that is left, whichever of the two had the archive before."""
        other = ("127.0.0.2", 4789)
        with pkvtest.Daemon(self.archive, "--listen", "127.0.0.1:4789") as first:
            pkvtest.send_vxlan(TARGET, 5, 20)
            (orphan,) = pkvtest.wait_until(first.open_segments, "an open segment")
            with pkvtest.Daemon(self.archive, "--listen", "127.0.0.2:4789") as second:
                pkvtest.send_vxlan(other, 6, 20)
                pkvtest.wait_for_count(self.archive, 40)
                (own,) = set(second.open_segments()) - {orphan}
                first.kill()
                pkvtest.wait_until(lambda: self.status()["indexed_segments"] == 1, "the dead segment indexed")
                self.assertEqual(self.segments(), [orphan.removesuffix(".open")])
                pkvtest.send_vxlan(other, 6, 20, port=4001)
                pkvtest.wait_for_count(self.archive, 60)
                self.assertEqual(self.segments(".open"), [own])
        self.assertEqual(self.segments(".open"), [])
        self.assertEqual(self.status()["indexed_segments"], 2)
        self.assertEqual(len(self.query_packets("vni 6")), 40)


if __name__ == "__main__":
    pkvtest.main()
