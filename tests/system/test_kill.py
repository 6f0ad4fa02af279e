# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 of daemon, indexer, import and query at random moments under traffic, and a power cut: what was flushed (and
for a power cut what was synced) is there and found once, and nobody has to help.

PKV_KILL_SECONDS  how long the rounds go on (30)
PKV_KILL_SEED     instead of a random one, which is printed"""

import collections
import contextlib
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pkvtest
from pkvtest import pktvault

TARGET = ("127.0.0.1", 4789)
SECONDS = float(os.environ.get("PKV_KILL_SECONDS", "30"))
SEED = int(os.environ.get("PKV_KILL_SEED", str(random.SystemRandom().randrange(1 << 32))))
CONFIG = b"flush_interval = 10ms\nrotate_bytes = 128K\nrotate_interval = 1s\nsync_interval = 1s\n"


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


def flushed_section(path):
    """The pcapng of all whole blocks of a segment, open or sealed (docs/FORMAT.md)."""
    with open(path, "rb") as file:
        data = file.read()
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


def frame(number):
    return pkvtest.vxlan(5, pkvtest.udp_frame("10.0.0.10", 1024 + number % 50, "10.0.0.20", 80,
                                              struct.pack(">Q", number) + bytes(number % 400)))


class Sender(threading.Thread):
    """Numbered packets, in small bursts, until it is stopped; when it sent which."""

    def __init__(self):
        super().__init__(daemon=True)
        self.next, self.times, self.stopping = 0, [], threading.Event()

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            while not self.stopping.wait(0.005):
                for _ in range(10):
                    self.times.append(time.time())
                    out.sendto(frame(self.next), TARGET)
                    self.next += 1

    def stop(self):
        self.stopping.set()
        self.join()


class KillCase(pkvtest.Case):
    def setUp(self):
        super().setUp()
        self.config = self.write("pktvault.conf", CONFIG)
        self.sender = Sender()
        self.addCleanup(self.sender.stop)
        self.must = set()  # numbers that were flushed
        self.taken = set()  # sealed segments whose numbers are in it

    def flushed(self):
        """Adds what is in the files now. Sealed segments are read once."""
        for path in self.segments() + self.segments(".open"):
            if path in self.taken or not os.path.exists(path):
                continue
            numbers = [number_of(p) for p in pkvtest.read_capture(flushed_section(path) or b"\n\r\r\n")] \
                if os.path.getsize(path) > 11 else []
            self.assertEqual(len(numbers), len(set(numbers)), path)
            if not path.endswith(".open"):
                self.taken.add(path)
            self.must.update(numbers)

    def found(self, *arguments):
        numbers = [number_of(p) for p in self.query_packets("port 80", *arguments)]
        twice = sorted(n for n, times in collections.Counter(numbers).items() if times > 1)
        self.assertEqual(twice[:10], [], f"{len(twice)} packets are there twice; PKV_KILL_SEED={SEED}")
        return set(numbers)

    def check(self):
        """By index and by scan; recovered, indexed and chained without help."""
        pkvtest.wait_until(self.is_settled, "all segments recovered and indexed")
        found = self.found()
        self.assertEqual(sorted(self.must - found)[:10], [], "packets that had been flushed are gone")
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
    def test_at_random_moments_under_traffic(self):
        chance = random.Random(SEED)
        kinds = [self.kill_daemon, self.kill_daemon, self.kill_two_processes, self.kill_import, self.kill_index,
                 self.kill_query]
        end, counts = time.monotonic() + SECONDS, {}
        self.imported = 0
        self.sender.start()
        while time.monotonic() < end:
            kind = chance.choice(kinds)
            kind(chance)
            counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
        self.sender.stop()
        with pkvtest.Daemon(self.archive, "--config", self.config, "--listen", "127.0.0.1:4789"):
            self.check()
        self.check()
        self.check_whole()
        print(f"seed {SEED}: {sum(counts.values())} rounds, {counts}, {self.sender.next} packets sent, "
              f"{len(self.must) - self.imported} of them flushed before a kill, {self.imported} imported", file=sys.stderr)

    def daemon(self, *arguments):
        return pkvtest.Daemon(self.archive, "--config", self.config, "--listen", "127.0.0.1:4789", *arguments)

    def kill(self, process):
        """What is in the files while it is stopped had been flushed before the kill."""
        process.send_signal(signal.SIGSTOP)
        self.flushed()
        process.kill()
        process.wait()

    def kill_daemon(self, chance):
        with self.daemon() as daemon:
            time.sleep(chance.random() * 0.4)
            self.kill(daemon.process)

    def kill_two_processes(self, chance):
        with self.daemon("--no-index") as daemon:
            for _ in range(2):
                follow = self.start("index", "--follow", "-a", self.archive)
                time.sleep(chance.random() * 0.2)
                follow.kill()
                follow.wait()
            if chance.random() < 0.5:
                self.kill(daemon.process)

    def start(self, *arguments):
        return subprocess.Popen([pkvtest.program("pktvault"), *arguments], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_soon(self, process, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()

    def kill_import(self, chance):
        """A file is in the archive once, whatever became of the tries before the last."""
        first = 1 << 40 | self.imported
        count = 3000
        path = self.path(f"import{self.imported}.pcap")
        outer = [pkvtest.udp_frame("192.0.2.1", 4000, "192.0.2.2", 4789, frame(first + i)) for i in range(count)]
        with open(path, "wb") as file:
            file.write(pkvtest.pcap([(1700000000 * 10**9 + i, f) for i, f in enumerate(outer)]))
        for _ in range(2):
            self.kill_soon(self.start("import", "--config", self.config, "-a", self.archive, path),
                           chance.random() * 0.15)
        done = pktvault("import", "--config", self.config, "-a", self.archive, path, check=False)
        if done.status != 0:
            self.assertIn("already", done.err)
        self.must.update(range(first, first + count))
        self.imported += count

    def kill_index(self, chance):
        if os.path.isdir(os.path.join(self.archive, "segments")):
            again = ["--rebuild"] if chance.random() < 0.3 else []
            self.kill_soon(self.start("index", *again, "-a", self.archive), chance.random() * 0.2)

    def kill_query(self, chance):
        if os.path.isdir(os.path.join(self.archive, "segments")):
            self.kill_soon(self.start("query", "-a", self.archive, "-w", self.path("killed.pcapng"), "port 80"),
                           chance.random() * 0.05)


@pkvtest.needs("strace")
class PowerCut(KillCase):
    """What was not synced is dropped from the files of a killed daemon: of a segment all behind its last fdatasync,
    which strace tells; index and catalog altogether."""

    def test_at_most_the_sync_interval_is_gone(self):
        chance = random.Random(SEED)
        self.sender.start()
        for zeros in (False, True):
            killed = self.record_and_kill(chance)
            self.cut(zeros)
            shutil.rmtree(os.path.join(self.archive, "index"))
            os.unlink(os.path.join(self.archive, "catalog.sqlite"))
            pktvault("index", "-a", self.archive)
            found = self.found()
            latest = killed - 1.0 - 0.6  # sync_interval; flush_interval and a machine at work
            wanted = {n for n in range(self.start_number, self.sender.next) if self.sender.times[n] < latest}
            self.assertEqual(sorted(wanted - found)[:10], [])
        self.sender.stop()
        self.check()
        self.check_whole()

    def record_and_kill(self, chance):
        self.trace = self.path("trace")
        command = ["strace", "-f", "-y", "-s", "0", "-e", "trace=pwrite64,fdatasync", "-o", self.trace]
        daemon = pkvtest.Daemon(self.archive, "--config", self.config, "--listen", "127.0.0.1:4789")
        daemon.command = command + daemon.command
        with daemon:
            time.sleep(0.2)  # so that the socket has been there for what is asked of it
            self.start_number = self.sender.next
            time.sleep(2.5 + chance.random())
            (recorder,) = self.children(daemon.process.pid)
            os.kill(recorder, signal.SIGKILL)
            killed = time.time()
            daemon.process.wait()
        return killed

    def children(self, process):
        with open(f"/proc/{process}/task/{process}/children", encoding="ascii") as file:
            return [int(child) for child in file.read().split()]

    def synced(self):
        """Bytes of each file at its last fdatasync."""
        written, synced, unfinished = {}, {}, {}
        with open(self.trace, encoding="utf-8", errors="replace") as file:
            for line in file:
                thread, call = line.split(maxsplit=1)
                if call.endswith("<unfinished ...>\n"):
                    unfinished[thread] = call.removesuffix("<unfinished ...>\n")
                    continue
                call = re.sub(r"^<\.\.\. \w+ resumed>", lambda _: unfinished.pop(thread, ""), call)
                done = re.match(r"(\w+)\(\d+<([^>]*)>(.*)= (\d+)", call)
                if not done:
                    continue
                name, path = done[1], os.path.basename(done[2])
                if name == "fdatasync":
                    synced[path] = written.get(path, 0)
                else:
                    end = int(re.search(r"(\d+)\s*\)\s*$", done[3])[1]) + int(done[4])
                    written[path] = max(written.get(path, 0), end)
        return synced

    def cut(self, zeros):
        synced = self.synced()
        for path in self.segments(".open"):
            size = os.path.getsize(path)
            # A file whose name was never synced may be gone; here it stays, and holds nothing.
            os.truncate(path, min(size, synced.get(os.path.basename(path), 0)))
            if zeros:
                os.truncate(path, size)


if __name__ == "__main__":
    pkvtest.main()
