# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 of daemon, indexer, import and query at random moments under traffic, and a power cut: what was flushed (and
for a power cut what was synced) is there and found once, and nobody has to help.

PKV_KILL_SECONDS  how long the rounds go on (30), but each kind of kill has its turns however long they take
PKV_KILL_SEED     instead of a random one, which is printed"""

import collections
import contextlib
import glob
import itertools
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import pkvtest
from pkvtest import pktvault

TARGET = ("127.0.0.1", 4789)
SECONDS = float(os.environ.get("PKV_KILL_SECONDS", "30"))
ROUNDS = 8
SEED = int(os.environ.get("PKV_KILL_SEED", str(random.SystemRandom().randrange(1 << 32))))
CONFIG = b"flush_interval = 10ms\nrotate_bytes = 128K\nrotate_interval = 1s\nsync_interval = 1s\n"
IMPORTED = 1 << 40  # numbers of packets from here on are imported, others are sent


# ---- an own reader of segments: what is flushed

def lz4_block(data):
    # https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
    out, at = bytearray(), 0
    while at < len(data):
        token, at = data[at], at + 1
        length = token >> 4
        if length == 15:
            while True:
                more, at = data[at], at + 1
                length += more
                if more != 255:
                    break
        out += data[at:at + length]
        at += length
        if at >= len(data):
            break
        offset, at = struct.unpack_from("<H", data, at)[0], at + 2
        length = (token & 15) + 4
        if length == 19:
            while True:
                more, at = data[at], at + 1
                length += more
                if more != 255:
                    break
        while length > 0:
            piece = out[-offset:][:length] if offset else b""
            out += piece
            length -= len(piece)
    return bytes(out)


def flushed_section(path, size=-1):
    """The pcapng of all whole blocks in the first bytes of a segment, open or sealed (docs/FORMAT.md)."""
    with open(path, "rb") as file:
        data = file.read(size)
    parts, at = [], 7
    while len(data) - at >= 4:
        size = struct.unpack_from("<I", data, at)[0]
        length = size & 0x7fffffff
        if size == 0 or length > len(data) - at - 8:
            break
        block = data[at + 4:at + 4 + length]
        parts.append(block if size >> 31 else lz4_block(block))
        at += length + 8
    return b"".join(parts)


def number_of(packet):
    """Behind Ethernet, IPv4, UDP, VXLAN and the same again inside."""
    return struct.unpack_from(">Q", packet.data, 42 + 8 + 42)[0]


def flushed_numbers(path, size=-1):
    section = flushed_section(path, size)
    return [number_of(packet) for packet in pkvtest.read_capture(section)] if section else []


def frame(number):
    return pkvtest.vxlan(5, pkvtest.udp_frame("10.0.0.10", 1024 + number % 50, "10.0.0.20", 80,
                                              struct.pack(">Q", number) + bytes(number % 400)))


class Sender(threading.Thread):
    """Numbered packets, in small bursts, until it is stopped."""

    def __init__(self):
        super().__init__(daemon=True)
        self.next, self.stopping = 0, threading.Event()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not self.stopping.wait(0.005):
                for _ in range(10):
                    out.sendto(frame(self.next), TARGET)
                    self.next += 1

    def stop(self):
        self.stopping.set()
        self.join()


def is_stopped(process):
    """Whether each of its threads is stopped, or it has ended."""
    if process.poll() is not None:
        return True
    states = set()
    for path in glob.glob(f"/proc/{process.pid}/task/*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError), open(path, encoding="ascii") as file:
            states.add(file.read().rpartition(")")[2].split()[0])
    return states == {"T"}


class KillCase(pkvtest.Case):
    def setUp(self):
        super().setUp()
        self.config = self.write("pktvault.conf", CONFIG)
        self.chance = random.Random(SEED)
        self.sender = Sender()
        self.sender.start()
        self.addCleanup(self.sender.stop)
        self.must = set()  # numbers of packets that are found from now on

    def ended(self, process, refusal=None):
        """Whether it was killed; else it had left with 0, or 1 where it may refuse and says why."""
        status, log = process.process.wait(60), process.log()
        process.log_file.close()
        if status != 1 or not refusal or refusal not in log:
            self.assertIn(status, (0, -signal.SIGKILL), f"{process.command}; PKV_KILL_SEED={SEED}\n{log}")
        return status == -signal.SIGKILL

    def found(self, *arguments):
        numbers = [number_of(p) for p in self.query_packets("port 80", *arguments)]
        twice = sorted(n for n, times in collections.Counter(numbers).items() if times > 1)
        self.assertEqual(twice[:10], [], f"{len(twice)} packets are there twice; PKV_KILL_SEED={SEED}")
        return set(numbers)

    def check(self):
        """By index and by scan; recovered, indexed and chained without help."""
        pkvtest.wait_until(self.is_settled, "all segments recovered and indexed")
        found = self.found()
        gone = sorted(self.must - found)
        self.assertEqual(gone[:10], [], f"{len(gone)} packets are gone; PKV_KILL_SEED={SEED}")
        self.assertEqual(self.found("--no-index"), found)

    def is_settled(self):
        status = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]
        return status["dead_segments"] == 0 and status["indexed_segments"] == status["sealed_segments"] \
            and status["unchained_segments"] == 0

    def check_whole(self):
        done = pktvault("verify", "-a", self.archive, check=False)
        self.assertEqual(done.status, 0, done.out.decode() + done.err)
        pkvtest.run("sha256sum", "-c", "--quiet", "chain.log", cwd=self.archive)
        strays = [f for _, _, files in os.walk(self.archive) for f in files
                  if f.endswith((".open", ".sqlite.new", ".spill"))]
        self.assertEqual(strays, [])


class Kill(KillCase):
    def setUp(self):
        super().setUp()
        self.taken = set()  # sealed segments whose numbers are in self.must
        self.imported, self.created, self.starting = 0, 0, 0.0
        self.window = collections.defaultdict(lambda: 0.05)  # of what ends by itself: about as long as it takes

    def test_at_random_moments_under_traffic(self):
        kinds = [self.kill_daemon, self.kill_recovering, self.kill_stopping, self.kill_creating,
                 self.kill_two_processes, self.kill_import, self.kill_index, self.kill_query]
        killed, flushed = collections.Counter(), collections.Counter()
        start = time.monotonic()
        with self.daemon():
            self.starting = time.monotonic() - start
            pkvtest.wait_until(self.segments, "a sealed segment")
        end = time.monotonic() + SECONDS
        for rounds in itertools.count(1):
            for kind in kinds:
                before = self.sent_and_flushed()
                killed[kind.__name__] += kind()
                flushed[kind.__name__] += self.sent_and_flushed() - before
            if rounds >= ROUNDS and time.monotonic() > end:
                break
        self.assertTrue(self.sender.is_alive())
        self.sender.stop()
        print(f"seed {SEED}: {rounds} rounds, killed {dict(killed)}, {self.sender.next} packets sent, flushed before "
              f"a kill {dict(+flushed)}, {self.imported} imported; {self.starting:.3f} s to start", file=sys.stderr)
        for kind in kinds:
            self.assertGreater(killed[kind.__name__], 0, kind.__name__)
        for kind in (self.kill_daemon, self.kill_stopping, self.kill_two_processes):
            self.assertGreater(flushed[kind.__name__], 0, kind.__name__)
        with self.daemon():
            self.check()
        self.check()
        self.check_whole()

    def sent_and_flushed(self):
        return sum(number < IMPORTED for number in self.must)

    def daemon(self, *arguments, archive=None):
        return pkvtest.Daemon(archive or self.archive, "--config", self.config, "--listen", "%s:%d" % TARGET,
                              *arguments)

    def flushed(self):
        """Adds what is in the files now. Sealed segments are read once."""
        for path in self.segments() + self.segments(".open"):
            if path in self.taken:
                continue
            numbers = flushed_numbers(path)
            self.assertEqual(len(numbers), len(set(numbers)), path)
            if not path.endswith(".open"):
                self.taken.add(path)
            self.must.update(numbers)

    def kill(self, process):
        """What is in the files while it is stopped had been flushed before the kill."""
        process.send(signal.SIGSTOP)
        pkvtest.wait_until(lambda: is_stopped(process.process), "a process stopped")
        self.flushed()
        process.kill()
        return self.ended(process)

    def sleep(self, most):
        time.sleep(self.chance.random() * most)

    def moment(self, what):
        return self.chance.random() * self.window[what]

    def tried(self, what, killed):
        """What was not killed before it ended takes less time."""
        self.window[what] *= 1.5 if killed else 0.5
        return killed

    # Each kind of kill answers how many processes it ended.

    def kill_daemon(self):
        with self.daemon() as daemon:
            self.sleep(0.4)
            return self.kill(daemon)

    def kill_recovering(self):
        daemon = self.daemon()
        daemon.spawn()
        self.sleep(self.starting)
        return self.kill(daemon)

    def kill_creating(self):
        archive, self.created = self.path(f"created{self.created}"), self.created + 1
        daemon = self.daemon(archive=archive)
        daemon.spawn()
        self.sleep(self.starting)
        daemon.kill()
        killed = self.ended(daemon)
        with self.daemon(archive=archive):
            pass
        pktvault("verify", "-a", archive)
        return killed

    def kill_stopping(self):
        with self.daemon() as daemon:
            self.sleep(0.2)
            daemon.send(signal.SIGTERM)
            time.sleep(self.moment("stop"))
            return self.tried("stop", self.kill(daemon))

    def kill_two_processes(self):
        killed = 0
        with self.daemon("--no-index") as daemon:
            for _ in range(2):
                follow = pkvtest.Process("pktvault", "index", "--follow", "-a", self.archive)
                follow.spawn()
                self.sleep(0.2)
                follow.kill()
                killed += self.ended(follow)
            return killed + self.kill(daemon)

    def kill_command(self, command, *arguments, refusal=None):
        process = pkvtest.Process("pktvault", command, "-a", self.archive, *arguments)
        process.spawn()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.process.wait(self.moment(command))
        process.kill()
        return self.tried(command, self.ended(process, refusal))

    def kill_index(self):
        return self.kill_command("index", *(["--rebuild"] if self.chance.random() < 0.3 else []))

    def kill_query(self):
        return self.kill_command("query", "-w", self.path("killed.pcapng"), "port 80")

    def kill_import(self):
        """A file is in the archive once, whatever became of the tries before the last."""
        first, count = IMPORTED + self.imported, 3000
        path = self.path(f"import{self.imported}.pcap")
        outer = [pkvtest.udp_frame("192.0.2.1", 4000, "192.0.2.2", 4789, frame(first + i)) for i in range(count)]
        with open(path, "wb") as file:
            file.write(pkvtest.pcap([(1700000000 * 10**9 + i, f) for i, f in enumerate(outer)]))
        killed = 0
        for _ in range(2):
            killed += self.kill_command("import", "--config", self.config, path, refusal="already")
        done = pktvault("import", "--config", self.config, "-a", self.archive, path, check=False)
        if done.status != 0:
            self.assertEqual(done.status, 1, done.err)
            self.assertIn("already", done.err)
        self.must.update(range(first, first + count))
        self.imported += count
        return killed


class Disk:
    """What of an archive is on the disk for certain, by the system calls of its writers: of a file what a sync covers,
    under the name that its directory held when that was synced."""

    CALLS = "write,pwrite64,pwritev,fdatasync,fsync,/^rename,/^mkdir"  # the last two have several names

    def __init__(self, archive, trace):
        self.archive = archive
        self.written, self.synced = {}, {}  # bytes by path
        self.unsafe = {}  # names since the last sync of their directories: the name before, None for a directory's
        self.latest = "", {}  # the last sync of a segment: its path, and all that had been written when it began
        self.due = {}  # the same of the last one whose segment has a safe name: what must not be gone
        begun = {}  # by thread: its call, and what was written and which names were unsafe at that time
        with open(trace, encoding="utf-8", errors="replace") as file:
            for line in file:
                thread, call = line.split(maxsplit=1)
                if re.match(r"\w+\(", call):
                    begun[thread] = call, dict(self.written), set(self.unsafe)
                done = re.search(r"= (\d+)$", call)
                if done:
                    self.apply(*begun.pop(thread), int(done[1]))
        for call, *_ in begun.values():
            names = re.findall(r'"([^"]*)"', call)
            if call.startswith("rename") and os.path.exists(names[1]):
                self.rename(*names)

    def apply(self, call, written, unsafe, result):
        name, path = re.match(r"(\w+)\((?:\d+<([^>]*)>)?", call).groups()
        names = re.findall(r'"([^"]*)"', call)
        if name.startswith("rename"):
            self.rename(*names)
        elif name.startswith("mkdir"):
            self.unsafe[names[0]] = None
        elif name == "write":
            self.written[path] = self.written.get(path, 0) + result
        elif name in ("pwrite64", "pwritev"):
            offset = int(re.search(r"(\d+)(?:\) +=| <unfinished)", call)[1])
            self.written[path] = max(self.written.get(path, 0), offset + result)
        elif name == "fdatasync":
            self.synced[path] = written.get(path, 0)
            if self.is_segment(path):
                self.latest = path, written
        elif name == "fsync":
            self.unsafe = {p: was for p, was in self.unsafe.items() if os.path.dirname(p) != path or p not in unsafe}
        if self.is_safe(self.latest[0]):
            self.due = {p: size for p, size in self.latest[1].items() if self.is_segment(p)}

    def is_segment(self, path):
        return path.startswith(self.archive + "/segments/")

    def is_safe(self, path):
        """Neither the name nor that of a directory on the way to it is unsafe."""
        return self.is_segment(path) and not any(path == p or path.startswith(p + "/") for p in self.unsafe)

    def rename(self, old, new):
        for sizes in (self.written, self.synced, self.latest[1], self.due):
            if old in sizes:
                sizes[new] = sizes.pop(old)
        if self.latest[0] == old:
            self.latest = new, self.latest[1]
        self.unsafe[new] = self.unsafe.pop(old, old)

    def cut(self, zeros):
        """Takes everything else away, or puts zeros in its place; answers how many bytes."""
        gone = 0
        for name, was in list(self.unsafe.items()):
            if was and self.is_segment(name):
                os.rename(name, was)
                self.rename(name, was)
        for directory, _, names in os.walk(self.archive + "/segments"):
            for path in [os.path.join(directory, name) for name in names]:
                gone += self.cut_file(path, zeros)
        self.cut_file(self.archive + "/chain.log", zeros)
        shutil.rmtree(self.archive + "/index")
        for path in glob.glob(self.archive + "/catalog.sqlite*"):
            os.unlink(path)
        return gone

    def cut_file(self, path, zeros):
        size, synced = os.path.getsize(path), self.synced.get(path, 0)
        os.truncate(path, min(size, synced))
        if zeros:
            os.truncate(path, size)
        return max(0, size - synced)


@pkvtest.needs("strace")
class PowerCut(KillCase):
    """The daemon is killed when it begins a system call, and what was not synced is taken from the disk: all that had
    been written before the last sync is there. Index and catalog are gone altogether."""

    def setUp(self):
        super().setUp()
        tried = pkvtest.run("strace", "-o", "/dev/null", "true", check=False)
        if tried.status != 0:
            self.skipTest(f"nothing can be traced here: {tried.err.strip()}")

    def test_while_one_segment_is_written(self):
        config = b"flush_interval = 10ms\nrotate_bytes = 256M\nrotate_interval = 1h\nsync_interval = 100ms\n"
        for zeros in (False, True):
            # The lane's number, the segment's beginning, and then one every sync_interval.
            _, gone = self.cut_at("fdatasync", self.chance.randint(6, 12), config, zeros, "--no-index")
            self.assertGreater(gone, 0)

    def test_while_segments_are_sealed(self):
        config = b"flush_interval = 10ms\nrotate_bytes = 64K\nrotate_interval = 1h\nsync_interval = 50ms\n"
        for zeros in (False, True):
            for call, first, last in ("pwritev", 60, 90), ("fdatasync", 30, 60), ("/^rename", 6, 12), ("fsync", 15, 40):
                sealed, _ = self.cut_at(call, self.chance.randint(first, last), config, zeros)
                self.assertGreater(sealed, 0)

    def cut_at(self, call, number, config, zeros, *arguments):
        """The power goes when a thread begins that call for the number-th time; answers how many segments had been
        sealed, and how many bytes of segments are gone."""
        what = f"{call} {number}, {'zeros' if zeros else 'cut'}"
        self.archive = os.path.realpath(tempfile.mkdtemp(dir=self.directory)) + "/archive"
        self.record_until(call, number, "--config", self.write("pktvault.conf", config), *arguments)
        disk = Disk(self.archive, self.path("trace"))
        self.must = {n for path, size in disk.due.items() for n in flushed_numbers(path, size)}
        self.assertTrue(self.must, f"nothing was synced: {what}")
        sealed, gone = len(self.segments()), disk.cut(zeros)
        print(f"seed {SEED}, {what}: {sealed} segments sealed, {len(self.must)} packets synced, "
              f"{gone} bytes gone", file=sys.stderr)
        pktvault("index", "-a", self.archive)
        self.check()
        self.check_whole()
        return sealed, gone

    def record_until(self, call, number, *arguments):
        traced = pkvtest.Process("strace", "-f", "-y", "-s", "0", "-o", self.path("trace"), "-e", f"trace={Disk.CALLS}",
                                 "-e", f"inject={call}:signal=KILL:when={number}", pkvtest.program("pktvaultd"),
                                 "-a", self.archive, "--listen", "%s:%d" % TARGET, *arguments)
        traced.spawn()
        try:
            self.assertTrue(self.ended(traced), "the daemon left by itself")
        except subprocess.TimeoutExpired:
            with open(f"/proc/{traced.process.pid}/task/{traced.process.pid}/children", encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGKILL)
            self.ended(traced)
            self.fail(f"no thread called {call} {number} times")


if __name__ == "__main__":
    pkvtest.main()
