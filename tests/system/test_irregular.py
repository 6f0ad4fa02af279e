# SPDX-License-Identifier: BSD-2-Clause
"""Files of an archive in whose place something else stands: a pipe, a directory, a link to /dev/zero, a socket, a link to
itself. No command waits for it or reads it for ever, the rest is given, and what may be missing is named."""

import json
import os
import shutil
import socket
import stat
import unittest

import pkvtest
from pkvtest import pktvault

SECONDS = 20  # far more than a command takes, and far less than for ever
DAY = "segments/2023/11/14"
STEM = "20231114T221320.000000000Z-1000-000001"
LATER = "segments/2030/01/01/20300101T000000.000000000Z-0-000001.pcapng.lz4"

COMMANDS = {
    "query": ["query", "--count"],
    "a range": ["query", "--count", "-S", "2023-11-01", "-U", "2023-12-01"],
    "a name": ["query", "--count", "vni", "7", "or", "vni", "8"],
    "flows": ["flows", "--by", "vni", "-T", "csv"],
    "status": ["status", "-T", "json"],
    "verify": ["verify"],
    "verify --quick": ["verify", "--quick"],
}


def frames(count, start):
    return [(1_700_000_000_000_000_000 + start * 10**14 + i * 1000,
             pkvtest.udp_frame("192.0.2.1", 1000 + start, "192.0.2.2", 4789,
                               pkvtest.vxlan(7, pkvtest.udp_frame("10.1.0.1", 5, "10.1.0.2", 53, bytes(range(40))))))
            for i in range(count)]


def make_socket(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        before = os.getcwd()
        os.chdir(os.path.dirname(path))  # the address has room for a short name only
        try:
            made.bind("socket")
            os.rename("socket", os.path.basename(path))
        finally:
            os.chdir(before)


KINDS = {
    "pipe": os.mkfifo,
    "directory": os.mkdir,
    "zeros": lambda path: os.symlink("/dev/zero", path),
    "socket": make_socket,
    "loop": lambda path: os.symlink(os.path.basename(path), path),
}
OTHERS = [kind for kind in KINDS if kind != "loop"]


def put(path, kind):
    """Something else in the place of what is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    KINDS[kind](path)


class Irregular(pkvtest.Case):
    """Two segments of three and four packets, some days apart."""

    def setUp(self):
        super().setUp()
        self.whole = self.path("whole")
        for start, count in ((0, 3), (1, 4)):
            path = self.write(f"{start}.pcap", pkvtest.pcap(frames(count, start)))
            pktvault("import", "-a", self.whole, path)
        self.assertTrue(os.path.exists(os.path.join(self.whole, DAY, STEM + ".pcapng.lz4")))

    def inside(self, relative):
        return os.path.join(self.archive, relative)

    def renew(self):
        shutil.rmtree(self.archive, ignore_errors=True)
        shutil.copytree(self.whole, self.archive, symlinks=True)

    def ask(self, command):
        return pktvault(*COMMANDS[command], "-a", self.archive, check=False, timeout=SECONDS)

    def answers(self, command, relative, packets, told):
        """`told`: whether what stands at the path costs something, which is then named."""
        done = self.ask(command)
        shown = done.out.decode() + done.err
        name = relative.replace(".sqlite-wal", ".sqlite")
        if command == "status":
            self.assertEqual(done.status, 0, shown)
            self.assertEqual(json.loads(done.out)["sealed_segments"], packets["sealed"], shown)
            if told:
                self.assertIn(name, shown)
            return
        if command in packets:
            self.assertEqual(int(done.out), packets[command], shown)
        self.assertEqual(done.status, 3 if told else 0, shown)
        if told:
            self.assertIn(name, shown)

    def for_all(self, relative, told=(), kinds=KINDS, **packets):
        """`told`: the commands that name the path and have 3 as their status."""
        expected = {"query": 7, "a range": 7, "a name": 7, "sealed": 2, **packets}
        for kind in kinds:
            self.renew()
            put(self.inside(relative), kind)
            for command in COMMANDS:
                with self.subTest(path=relative, kind=kind, command=command):
                    self.answers(command, relative, expected, command in told)


READERS = ["query", "a range", "a name"]  # of segments: flows that the index decides are counted from it
QUERIES = [*READERS, "flows"]
VERIFIES = ["verify", "verify --quick"]


class EveryFile(Irregular):
    def test_a_segment(self):
        few = {"query": 4, "a range": 4, "a name": 4}
        self.for_all(f"{DAY}/{STEM}.pcapng.lz4", told=[*READERS, *VERIFIES], **few)

    def test_a_segment_that_nobody_indexed(self):
        self.for_all(LATER, told=["query", "a name", "flows", "status", *VERIFIES], sealed=3)

    def test_an_open_segment_behind_the_range(self):
        self.for_all(LATER + ".open", told=["query", "a name", "flows", "status", *VERIFIES])

    def test_an_open_segment_beside_its_sealed_one(self):
        self.for_all(f"{DAY}/{STEM}.pcapng.lz4.open", told=VERIFIES)

    def test_an_index(self):
        """Derived: the segment has all of it."""
        self.for_all(f"index/2023/11/14/{STEM}.sqlite", told=["verify"])

    def test_the_catalog(self):
        self.for_all("catalog.sqlite", told=["status", "verify"], kinds=OTHERS)
        self.for_all("catalog.sqlite", told=["verify"], kinds=["loop"])

    def test_the_files_of_sqlite_beside_it(self):
        self.for_all("catalog.sqlite-wal", told=["status", "verify"], kinds=OTHERS)
        self.for_all("catalog.sqlite-shm")
        self.for_all("catalog.sqlite-journal")

    def test_the_chain(self):
        self.for_all("chain.log", told=["status", *VERIFIES])

    def test_days_that_need_no_listing(self):
        self.for_all("locks/days")

    def test_the_lock_of_the_indexer(self):
        self.for_all("locks/indexer")

    def test_the_lock_of_a_lane(self):
        self.for_all("locks/lane-1000", told=VERIFIES)

    def test_losses_of_a_lane(self):
        self.for_all("locks/lane-7.losses", told=[*QUERIES, "status", *VERIFIES])

    def test_a_day_and_a_year(self):
        """A file is none of ours. A link to itself cannot be told from a directory that cannot be listed."""
        for relative in ("segments/2030", "segments/2030/01/01"):
            self.for_all(relative, kinds=OTHERS)
            self.for_all(relative, kinds=["loop"], told=["query", "a name", "flows", "status", *VERIFIES])

    def test_a_day_that_is_gone(self):
        few = {"query": 4, "a range": 4, "a name": 4}
        self.for_all(DAY, told=[*READERS, *VERIFIES], kinds=OTHERS, sealed=1, **few)
        self.for_all(DAY, told=[*QUERIES, "status", *VERIFIES], kinds=["loop"], sealed=1, **few)

    def test_the_locks(self):
        self.for_all("locks", told=[*QUERIES, "status", *VERIFIES], kinds=["loop", "pipe"])


class Indexing(Irregular):
    def index(self, *options):
        return pktvault("index", *options, "-a", self.archive, check=False, timeout=SECONDS)

    def test_never_waits(self):
        for relative in (f"{DAY}/{STEM}.pcapng.lz4", LATER, LATER + ".open", f"index/2023/11/14/{STEM}.sqlite",
                         "catalog.sqlite", "catalog.sqlite-wal", "chain.log", "locks/days", "locks/indexer",
                         "segments/2030", "index/2030"):
            for kind in KINDS:
                for options in ([], ["--rebuild"]):
                    with self.subTest(path=relative, kind=kind, options=options):
                        self.renew()
                        put(self.inside(relative), kind)
                        done = self.index(*options)
                        if done.status != 0:
                            self.assertIn(relative.split("-wal")[0], done.err)

    def test_an_index_that_is_a_pipe_is_made_again(self):
        self.renew()
        put(self.inside(f"index/2023/11/14/{STEM}.sqlite"), "pipe")
        self.assertEqual(self.index("--rebuild").status, 0)
        self.assertEqual(pkvtest.derived(self.archive), pkvtest.derived(self.whole))

    def test_what_cannot_be_listed_is_not_forgotten(self):
        """The rest is indexed; nothing is done to what is not seen; it is as before once it is seen again."""
        self.renew()
        before = pkvtest.derived(self.archive)
        os.rename(self.inside(DAY), self.path("day"))
        os.symlink("14", self.inside(DAY))
        later = self.write("later.pcap", pkvtest.pcap(frames(5, 2)))
        pktvault("import", "-a", self.archive, "--again", later, check=False)
        done = self.index()
        self.assertEqual(done.status, 1)
        self.assertIn(DAY, done.err)
        dumps = pkvtest.derived(self.archive)
        self.assertEqual(len(dumps), len(before) + 1)
        self.assertTrue(os.path.exists(self.inside(f"index/2023/11/14/{STEM}.sqlite")))
        done = self.ask("query")
        self.assertEqual((int(done.out), done.status), (9, 3), done.err)
        os.remove(self.inside(DAY))
        os.rename(self.path("day"), self.inside(DAY))
        self.assertEqual(self.index().status, 0)
        self.assertEqual(int(self.ask("query").out), 12)
        pktvault("verify", "-a", self.archive)


@unittest.skipIf(os.geteuid() != 0, "needs root: to become a user who may not read everything")
class Permission(Irregular):
    """Everything may be read, but for what a test takes away."""

    def setUp(self):
        super().setUp()
        self.renew()
        for directory, _, files in os.walk(self.directory):
            os.chmod(directory, 0o755)
            for name in files:
                os.chmod(os.path.join(directory, name), 0o644)

    def as_nobody(self, command):
        return pkvtest.as_nobody(self, *COMMANDS[command], "-a", self.archive)

    def expect(self, relative, told, **packets):
        for command in COMMANDS:
            with self.subTest(path=relative, command=command):
                self.ask = self.as_nobody
                self.answers(command, relative, {"query": 7, "a range": 7, "a name": 7, "sealed": 2, **packets},
                             command in told)

    def test_all_of_it(self):
        self.expect("", [])

    def test_a_day(self):
        os.chmod(self.inside(DAY), 0)
        few = {"query": 4, "a range": 4, "a name": 4}
        self.expect(DAY, [*QUERIES, "status", *VERIFIES], sealed=1, **few)

    def test_a_month(self):
        month = os.path.dirname(DAY)
        os.chmod(self.inside(month), stat.S_IRUSR | stat.S_IROTH)
        none = {"query": 0, "a range": 0, "a name": 0}
        self.expect(month, [*QUERIES, "status", *VERIFIES], sealed=0, **none)

    def test_the_locks(self):
        os.chmod(self.inside("locks"), 0)
        self.expect("locks", [*QUERIES, "status", *VERIFIES])

    def test_losses(self):
        path = self.inside("locks/lane-0.losses")
        with open(path, "wb"):
            pass
        os.chmod(path, 0o600)
        self.expect("locks/lane-0.losses", [*QUERIES, "status", *VERIFIES])

    def test_the_chain(self):
        os.chmod(self.inside("chain.log"), 0o600)
        self.expect("chain.log", ["status", *VERIFIES])

    def test_the_catalog(self):
        os.chmod(self.inside("catalog.sqlite"), 0o600)
        self.expect("catalog.sqlite", ["status", "verify"])


if __name__ == "__main__":
    pkvtest.main()
