# SPDX-License-Identifier: BSD-2-Clause
"""File systems of a test's own, in a mount namespace of its own: they go away with it."""

import ctypes
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
