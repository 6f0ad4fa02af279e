# SPDX-License-Identifier: BSD-2-Clause
"""A quota that is used up (EDQUOT) is to the daemon what a full disk is. On a subvolume of btrfs that may grow no further,
while the file system below has space. btrfs writes even what it overwrites to another place, so that a lane's journal
cannot be written meanwhile: then losses are told once there is space, and a kill before that takes them, as the log
says."""

import errno
import os
import resource
import subprocess
import time

import pkvtest
import test_full_disk
from pkvtest import pktvault

CHUNK = 16384


@pkvtest.needs("mkfs.btrfs", "btrfs")
class Quota(test_full_disk.DiskCase):
    size = "5m"

    def mount(self, where, size):
        if where != self.disk:
            super().mount(where, size)
            return
        image, pool = self.path("btrfs.image"), self.path("pool")
        with open(image, "wb") as file:
            file.truncate(200 << 20)
        pkvtest.run("mkfs.btrfs", "-q", "-M", image)
        os.mkdir(pool)
        done = pkvtest.run("mount", "-o", "loop", image, pool, check=False)
        if done.status != 0:
            self.skipTest(f"no loop mounts of btrfs here: {done.err.strip()}")
        self.addCleanup(pkvtest.run, "umount", "-l", pool, check=False)
        pkvtest.run("btrfs", "quota", "enable", pool)
        pkvtest.run("btrfs", "subvolume", "create", pool + "/archive")
        pkvtest.run("btrfs", "qgroup", "limit", size, pool + "/archive")
        pkvtest.run("mount", "--bind", pool + "/archive", where)
        self.addCleanup(pkvtest.run, "umount", "-l", where, check=False)

    def fill(self, left=0):
        """What is free is not known before it is refused."""
        with open(os.path.join(self.disk, "ballast"), "ab", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(os.urandom(CHUNK))
            except OSError as refused:
                self.assertEqual(refused.errno, errno.EDQUOT)
        pkvtest.run("sync", "-f", self.disk)
        space = os.statvfs(self.disk)
        self.assertGreater(space.f_bavail * space.f_frsize, 10 << 20, "the disk itself is full")

    def make_space(self):
        super().make_space()
        pkvtest.run("sync", "-f", self.disk)

    def test_losses_are_counted_and_recording_goes_on_when_there_is_quota(self):
        with self.daemon() as daemon:
            self.send(200)
            self.wait_for_account("before")
            start = time.time()
            self.fill()
            self.send(500)
            pkvtest.wait_until(lambda: "packets are lost" in daemon.log(), "a line of log")
            self.assertIn("Disk quota exceeded", daemon.log())
            end = time.time()
            self.make_space()
            pkvtest.wait_until(lambda: "stored again" in daemon.log() or self.send(1), "packets are stored again")
            self.wait_for_account("once there is space")
            before = len(self.stored())
            self.send(100)
            pkvtest.wait_until(lambda: len(self.stored()) == before + 100, "what came after is stored")
            daemon.stop()
        self.check_all()
        losses = self.losses()
        self.assertEqual({m["cause"] for m in losses}, {"disk"})
        told = pktvault("query", "-a", self.archive, "--count", "-S", f"@{start}", "-U", f"@{end}").err
        self.assertRegex(told, r"LOSSES: .*\(disk\)")

    def test_an_import_without_quota_fails_and_is_finished_by_the_next(self):
        capture = self.write("big.pcap", pkvtest.pcap((i, os.urandom(test_full_disk.PAYLOAD)) for i in range(3000)))
        self.fill()
        done = pktvault("import", "-a", self.archive, capture, check=False)
        self.assertEqual(done.status, 1)
        self.assertIn("Disk quota exceeded", done.err)
        self.make_space()
        pktvault("import", "-a", self.archive, capture)
        self.assertEqual([p.time_ns for p in self.query_packets()], list(range(3000)))


class FileSize(test_full_disk.DiskCase):
    """A limit on the size of files (LimitFSIZE= of a service, ulimit -f): to write past it also sends a signal, of which
    most programs die."""

    size = "16m"

    def test_losses_are_counted_and_recording_goes_on_without_the_limit(self):
        with self.daemon() as daemon:
            self.send(200)
            self.wait_for_account("before")
            _, most = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (300000, resource.RLIM_INFINITY))
            self.send(500)
            self.wait_for_account("at the limit")
            self.assertIn("File too large", daemon.log())
            self.assertEqual({m["cause"] for m in self.losses()}, {"disk"})
            # The next segment begins anew.
            daemon.rotate()
            self.send(50)
            self.wait_for_account("in the next segment")
            resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (most, most))
            before = len(self.stored())
            self.send(500)
            pkvtest.wait_until(lambda: len(self.stored()) == before + 500, "what came after is stored")
            daemon.stop()
        self.check_all()

    def test_an_import_past_the_limit_fails_and_is_finished_by_the_next(self):
        capture = self.write("big.pcap", pkvtest.pcap((i, os.urandom(test_full_disk.PAYLOAD)) for i in range(3000)))
        limited = subprocess.run(["sh", "-c", 'ulimit -f 1000; exec "$@"', "sh", pkvtest.program("pktvault"), "import",
                                  "-a", self.archive, capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(limited.returncode, 1)
        self.assertIn(b"File too large", limited.stderr)
        pktvault("import", "-a", self.archive, capture)
        self.assertEqual([p.time_ns for p in self.query_packets()], list(range(3000)))


if __name__ == "__main__":
    pkvtest.main()
