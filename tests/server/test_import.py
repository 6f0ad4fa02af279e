# SPDX-License-Identifier: BSD-2-Clause
"""Files that are imported twice, in parts, or broken: segments are read with lz4 and tshark, not by us. Every capture is
imported by test_captures."""

import glob
import os
import re
import signal
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["PKV_IMPORT_FILE"]
SOURCE = os.environ["PKV_SOURCE"]
EXISTS, CANCELED, FORMAT = -6, -11, -5
FIELDS = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.encap_type"]


def run(*command, stdin=None):
    return subprocess.run(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"})


def dissect(path):
    """One line a packet, and whether tshark got to the end of the file."""
    done = run("tshark", "-n", "-r", path, "-T", "fields", *[a for f in FIELDS for a in ("-e", f)])
    return [f"{nanoseconds(time)}\t{rest}" for time, rest in
            (line.split("\t", 1) for line in done.stdout.decode().splitlines())], done.returncode == 0


def nanoseconds(time):
    """tshark prints nothing where a Simple Packet Block has no time, and a fraction of a second or more as it stands."""
    seconds, _, fraction = (time or "0.0").partition(".")
    return abs(int(seconds)) * 10 ** 9 + int(fraction)


class Import(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.archive = self.path("archive")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def run_import(self, *arguments, archive=None, stdin=None):
        done = run(PROGRAM, archive or self.archive, *arguments, stdin=stdin)
        self.assertEqual(done.returncode, 0, done.stderr)
        line = done.stdout.decode(errors="replace").splitlines()[-1]
        match = re.match(r"rc=(\S+) packets=(\d+) bytes=(\d+) segments=(\d+) broken_at=(\S+) text=(.*)", line)
        names = ("rc", "packets", "bytes", "segments", "broken_at")
        result = {n: int(match[i + 1]) for i, n in enumerate(names)}
        return {**result, "text": match[6]}

    def segments(self, archive=None):
        return sorted(glob.glob(os.path.join(archive or self.archive, "segments/*/*/*/*")))

    def stored(self, archive=None):
        lines = []
        for number, segment in enumerate(self.segments(archive)):
            self.assertTrue(segment.endswith(".pcapng.lz4"), segment)
            plain = self.path(f"{number}.pcapng")
            self.assertEqual(run("lz4", "-d", "-f", "-q", segment, plain).returncode, 0)
            packets, whole = dissect(plain)
            self.assertTrue(whole, segment)
            lines += packets
        return lines

    def small(self):
        return os.path.join(SOURCE, "tests/data/the-tcpdump-group+tcpdump/tests/vxlan.pcap")

    def many(self, packets=100000):
        """A pcap file of enough packets to be interrupted in."""
        path = self.path("many.pcap")
        with open(path, "wb") as file:
            file.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
            for i in range(packets):
                data = i.to_bytes(4, "big") * 16
                file.write((1700000000 + i // 1000).to_bytes(4, "little") + (i % 1000).to_bytes(4, "little")
                           + len(data).to_bytes(4, "little") * 2 + data)
        return path

    def test_a_file_is_taken_once_by_its_content(self):
        first = self.run_import(self.small())
        copy = self.path("other-name.pcap")
        with open(self.small(), "rb") as source, open(copy, "wb") as target:
            target.write(source.read())
        second = self.run_import(copy)
        self.assertEqual((first["rc"], first["packets"]), (0, 10))
        self.assertEqual(second["rc"], EXISTS)
        self.assertIn("other-name.pcap", second["text"])
        self.assertIn("--again", second["text"])
        self.assertEqual(len(self.stored()), 10)

    def test_again_takes_it_once_more(self):
        self.run_import(self.small())
        self.assertEqual(self.run_import("--again", self.small())["rc"], 0)
        self.assertEqual(len(self.stored()), 20)
        self.assertEqual(self.run_import(self.small())["rc"], EXISTS)

    def test_an_interrupted_import_is_resumed_and_stores_nothing_twice(self):
        path = self.many()
        stopped = self.run_import("--stop-after=2", path)
        self.assertEqual(stopped["rc"], CANCELED)
        self.assertLess(stopped["packets"], 100000)
        self.assertGreater(stopped["packets"], 0)
        resumed = self.run_import(path)
        self.assertEqual(resumed["rc"], 0)
        self.assertEqual(stopped["packets"] + resumed["packets"], 100000)
        self.assertEqual(sorted(self.stored()), sorted(dissect(path)[0]))
        self.assertEqual(self.run_import(path)["rc"], EXISTS)

    def test_a_killed_import_is_resumed_behind_what_reached_the_disk(self):
        path = self.many(400000)
        self.assertEqual(run(PROGRAM, self.archive, "--kill-after=20", path).returncode, -signal.SIGKILL)
        resumed = self.run_import(path)
        self.assertEqual(resumed["rc"], 0)
        self.assertGreater(resumed["packets"], 0)
        self.assertLess(resumed["packets"], 400000)
        stored = [line for s in self.segments() for line in self.stored_of(s)]
        self.assertEqual(len(stored), 400000)
        self.assertEqual(self.run_import(path)["rc"], EXISTS)

    def stored_of(self, segment):
        """Also of one that its writer left open: the frame has no end there."""
        done = subprocess.run(["lz4", "-d", "-c", "-q", segment], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              check=False)
        plain = self.path("open.pcapng")
        with open(plain, "wb") as file:
            file.write(done.stdout)
        return dissect(plain)[0]

    def changed_at(self, path, packet):
        """A copy with the time of a packet changed by 4 ms: its ends and its size are the same."""
        copy = self.path("changed.pcap")
        with open(path, "rb") as file:
            data = bytearray(file.read())
        data[24 + packet * 80 + 5] ^= 16
        with open(copy, "wb") as file:
            file.write(data)
        return copy

    def test_files_with_the_same_ends_are_two(self):
        path = self.many(5000)
        for file in (path, self.changed_at(path, 2500)):
            self.assertEqual(self.run_import(file)["packets"], 5000)
        self.assertEqual(len(set(self.stored())), 5001)
        for file in (path, self.path("changed.pcap")):
            self.assertEqual(self.run_import(file)["rc"], EXISTS)

    def test_an_interrupted_import_is_not_resumed_with_another_file(self):
        path = self.many()
        stopped = self.run_import("--stop-after=2", path)
        changed = self.changed_at(path, 12000)
        self.assertEqual(stopped["rc"], CANCELED)
        self.assertGreater(stopped["packets"], 13000)
        self.assertEqual(self.run_import(changed)["packets"], 100000)
        self.assertEqual(len(set(dissect(changed)[0]) - set(dissect(path)[0])), 1)
        self.assertLessEqual(set(dissect(changed)[0]), set(self.stored()))
        self.assertEqual(self.run_import(changed)["rc"], EXISTS)

    def test_the_segments_tell_the_hash_of_the_file(self):
        self.run_import(self.small())
        with open(self.small(), "rb") as file:
            expected = run("xxh128sum", stdin=file).stdout.decode().split()[0]
        plain = self.path("plain.pcapng")
        run("lz4", "-d", "-f", "-q", self.segments()[-1], plain)
        with open(plain, "rb") as file:
            self.assertIn(f"pktvault import complete xxh128 {expected}".encode(), file.read())

    def test_standard_input_is_imported_without_being_recognised(self):
        for _ in range(2):
            with open(self.small(), "rb") as file:
                self.assertEqual(self.run_import("-", stdin=file)["packets"], 10)
        self.assertEqual(len(self.stored()), 20)

    def test_what_is_no_capture_is_named(self):
        path = self.path("text")
        with open(path, "wb") as file:
            file.write(b"hello world, this is no capture file")
        result = self.run_import(path)
        self.assertEqual(result["rc"], FORMAT)
        self.assertIn(path, result["text"])
        self.assertEqual(self.segments(), [])

    def test_a_cut_file_is_stored_up_to_the_break_and_not_again(self):
        path = self.path("cut.pcap")
        with open(self.small(), "rb") as file:
            data = file.read()
        with open(path, "wb") as file:
            file.write(data[:-1])
        result = self.run_import(path)
        self.assertEqual((result["rc"], result["packets"]), (0, 9))
        self.assertGreater(result["broken_at"], 0)
        self.assertEqual(len(self.stored()), 9)
        self.assertEqual(self.run_import(path)["rc"], EXISTS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
