# SPDX-License-Identifier: BSD-2-Clause
"""File systems of a test's own, in a mount namespace of its own: they go away with it."""

import ctypes
import errno
import os

import pkvtest


def own_mounts():
    """Moves this process into a mount namespace of its own. False: that is not possible here."""
    clone_newns = 0x00020000
    if os.geteuid() != 0 or ctypes.CDLL(None).unshare(clone_newns) != 0:
        return False
    return pkvtest.run("mount", "--make-rprivate", "/", check=False).status == 0


class Freezable:
    """ext4 in a file. A file system that is frozen lets nobody write, who then waits, as for a disk that does not
    answer."""

    def __init__(self, case, where, megabytes=64):
        """Mounts it for as long as the test case runs, or skips the test."""
        self.where = where
        image = case.path(os.path.basename(where) + ".image")
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        pkvtest.run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1", image)
        os.makedirs(where, exist_ok=True)
        done = pkvtest.run("mount", "-o", "loop", image, where, check=False)
        if done.status != 0:
            case.skipTest(f"no loop mounts here: {done.err.strip()}")
        case.addCleanup(pkvtest.run, "umount", "-l", where, check=False)
        case.addCleanup(pkvtest.run, "fsfreeze", "--unfreeze", where, check=False)

    def freeze(self):
        pkvtest.run("fsfreeze", "--freeze", self.where)

    def thaw(self):
        pkvtest.run("fsfreeze", "--unfreeze", self.where)


class Thin:
    """A disk that promises more than there is behind it: ext4 in a file with holes, on a file system that can be filled.
    What is written is taken, and refused when it is synced. Without a journal, since ext4 with one goes read-only."""

    def __init__(self, case, where):
        """Mounts it for as long as the test case runs, or skips the test."""
        below = case.path("below")
        self.where, self.image = where, os.path.join(below, "image")
        os.makedirs(below)
        os.makedirs(where, exist_ok=True)
        self.ballast = os.path.join(below, "ballast")
        pkvtest.run("mount", "-t", "tmpfs", "-o", "size=40m", "pktvault-test", below)
        case.addCleanup(pkvtest.run, "umount", "-l", below, check=False)
        with open(self.image, "wb") as file:
            file.truncate(200 << 20)
        pkvtest.run("mkfs.ext4", "-q", "-O", "^has_journal", "-b", "4096", self.image)
        done = self.mount()
        if done.status != 0:
            case.skipTest(f"no loop mounts here: {done.err.strip()}")
        case.addCleanup(pkvtest.run, "umount", where, check=False)
        self.one_page_at_a_time(case)

    def mount(self):
        return pkvtest.run("mount", "-o", "loop,errors=continue", self.image, self.where, check=False)

    def one_page_at_a_time(self, case):
        """The kernel's loop device takes a request that it could do in part for done."""
        with open("/proc/mounts", encoding="utf-8") as mounts:
            device = next(line.split()[0] for line in mounts if line.split()[1] == self.where)
        setting = f"/sys/block/{os.path.basename(device)}/queue/max_sectors_kb"
        try:
            with open(setting, "r+", encoding="ascii") as file:
                before = file.read()
                file.write("4")
        except OSError as refused:
            case.skipTest(f"{setting}: {refused}")
        case.addCleanup(self.write, setting, before)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as refused:
                if refused.errno != errno.ENOSPC:
                    raise

    def make_room(self):
        os.unlink(self.ballast)

    def remount(self):
        """Forgets what stands in memory alone."""
        pkvtest.run("umount", self.where)
        if self.mount().status != 0:
            raise AssertionError("cannot be mounted again")
