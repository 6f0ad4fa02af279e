# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests share: programs, archives, a daemon, capture files, network namespaces.

The readers of capture files here are written against the format documents and know nothing of pktvault's own."""

import collections
import contextlib
import ctypes
import datetime
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = os.environ.get("PKV_SOURCE", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
BUILD = os.environ.get("PKV_BUILD", os.path.join(SOURCE, "build"))
BIN = os.environ.get("PKV_BIN", os.path.join(BUILD, "cli"))
CAPTURES = os.environ.get("PKV_CAPTURES", os.path.join(SOURCE, "../shared/captures"))
DATA = os.path.join(SOURCE, "tests/data")
SANITIZED = bool(os.environ.get("PKV_SANITIZE"))

# The time zone of every program that the tests run, so that local times are known.
os.environ["TZ"] = "UTC"
os.environ["LC_ALL"] = "C.UTF-8"
for name in ("PKTVAULT_ARCHIVE", "NOTIFY_SOCKET"):
    os.environ.pop(name, None)
# What a sanitizer has found is no status of pktvault's own; its default is 1.
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
    os.environ[name] = f"{os.environ.get(name, '')}:exitcode=99".lstrip(":")


# ---- running programs

Result = collections.namedtuple("Result", "status out err")


def program(name):
    """pktvault and pktvaultd of this build; every other by PATH."""
    if name == "pktvaultd":
        return os.environ.get("PKV_DAEMON", os.path.join(BIN, name))
    return os.path.join(BIN, name) if name == "pktvault" else name


def run(name, *arguments, stdin=b"", check=True, timeout=120, cwd=None, env=None):
    """Runs a program; out is bytes, err is text. Fails the test where the status is not 0, unless check is false."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=timeout, cwd=cwd, env={**os.environ, **(env or {})})
    result = Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
    if check and result.status != 0:
        raise AssertionError(f"{' '.join(command)}: status {result.status}\n{result.err}")
    return result


def pktvault(*arguments, **options):
    return run("pktvault", *arguments, **options)


def as_nobody(case, *arguments):
    """pktvault as a user who has no rights but those of everybody."""
    nobody = 65534
    try:
        done = subprocess.run([program("pktvault"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                              user=nobody, group=nobody, extra_groups=[], check=False)
    except PermissionError:
        case.skipTest("the programs of this build cannot be run by others")
    return Result(done.returncode, done.stdout, done.stderr.decode())


def json_lines(data):
    return [json.loads(line) for line in data.splitlines() if line.strip()]


def seconds_of(text):
    """A time as JSON has it, rounded down to microseconds."""
    return datetime.datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def wait_until(condition, what, seconds=30):
    """Answers the first true value of condition(); asking often, since nothing tells us."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def in_namespace(name):
    """What stands before a command that runs in a network namespace. Not "ip netns exec", which also mounts /sys
    anew: that fails in a chroot."""
    return ["nsenter", f"--net=/run/netns/{name}"]


class Process:
    """A program that runs beside the test, and what it says."""

    def __init__(self, *command, env=None):
        self.command = [program(command[0]), *map(str, command[1:])]
        self.env = env or {}
        self.process = None

    def spawn(self, **env):
        self.log_file = tempfile.TemporaryFile()
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log_file,
                                        stderr=self.log_file, env={**os.environ, **self.env, **env})

    def log(self):
        self.log_file.seek(0)
        return self.log_file.read().decode(errors="replace")

    def send(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Daemon(Process):
    """A running pktvaultd. `with Daemon(archive, "--listen", "127.0.0.1:0") as d:` returns when it is ready (it says
    so as to systemd) and ends it with SIGTERM, which must leave with 0."""

    def __init__(self, archive, *arguments, namespace=None, env=None):
        super().__init__("pktvaultd", "-a", archive, *arguments, env=env)
        self.archive = archive
        if namespace:
            self.command = [*in_namespace(namespace), *self.command]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            if kind:
                self.kill()
            else:
                self.stop()
        self.log_file.close()

    def start(self):
        with tempfile.TemporaryDirectory() as directory, \
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = os.path.join(directory, "notify")
            notify.bind(path)
            notify.settimeout(0.1)
            os.chmod(directory, 0o755)  # the daemon may be another user by the time it is ready
            os.chmod(path, 0o777)
            self.spawn(NOTIFY_SOCKET=path)
            try:
                wait_until(lambda: self._is_ready(notify), "pktvaultd ready")
            except AssertionError:
                self.kill()
                raise

    def _is_ready(self, notify):
        if self.process.poll() is not None:
            raise AssertionError(f"{' '.join(self.command)}: left with {self.process.returncode}\n{self.log()}")
        try:
            return b"READY=1" in notify.recv(4096).splitlines()
        except socket.timeout:
            return False

    def open_segments(self):
        return sorted(glob.glob(os.path.join(self.archive, "segments/*/*/*/*.open")))

    def rotate(self):
        """SIGHUP; returns when what was open is sealed and its successors are there."""
        before = wait_until(self.open_segments, "an open segment")
        self.send(signal.SIGHUP)
        wait_until(lambda: len(self.open_segments()) == len(before) and not set(before) & set(self.open_segments()),
                   "segments sealed after SIGHUP")

    def stop(self, number=signal.SIGTERM, seconds=30):
        """Ends it by a signal."""
        self.send(number)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"pktvaultd still there {seconds} s after signal {number}\n{self.log()}")
        if status != 0:
            raise AssertionError(f"pktvaultd left with {status}\n{self.log()}")

    def memory(self, what="VmRSS"):
        """Its resident bytes (VmHWM: the most so far), or None where a sanitizer needs more than the program."""
        if SANITIZED:
            return None
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            values = dict(line.split(":", 1) for line in file.read().splitlines())
        return int(values[what].split()[0]) * 1024


class Case(unittest.TestCase):
    """A test with a directory of its own, which goes away with it."""

    maxDiff = 4000

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pkvtest.")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.archive = os.path.join(self.directory, "archive")

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def query_packets(self, *arguments, archive=None):
        """The packets of a query, read from its pcapng."""
        pktvault("query", "-a", archive or self.archive, "-w", self.path("query.pcapng"), *arguments)
        return read_capture(self.read("query.pcapng"))

    def segments(self, suffix=".pcapng.lz4", archive=None):
        """Paths of segment files, in order."""
        root = os.path.join(archive or self.archive, "segments")
        return sorted(os.path.join(d, f) for d, _, files in os.walk(root) for f in files if f.endswith(suffix))


def needs(*programs):
    """Skips the test, saying so, where a program of another package is missing; scripts/test has installed them all."""
    missing = [p for p in programs if not shutil.which(p) and not os.environ.get("PKV_ALL_INSTALLED")]
    return unittest.skipIf(missing, f"not installed: {' '.join(missing)}")


def needs_root(test):
    return unittest.skipIf(os.geteuid() != 0, "needs root: network namespaces and raw sockets")(test)


def needs_captures(test):
    return unittest.skipIf(not os.path.isdir(CAPTURES), f"the large set of captures is not at {CAPTURES} "
                           "(set PKV_CAPTURES); tests/data holds a small one")(test)


def isolate():
    """Moves this process into a network of its own, so that tests that run at the same time can use the same ports.
    Without the right to do so they share one, and scripts/test runs them one after the other."""
    clone_newnet = 0x40000000
    if os.geteuid() == 0 and ctypes.CDLL(None).unshare(clone_newnet) == 0:
        run("ip", "link", "set", "lo", "up")


def main():
    """As unittest.main, but 77 (which ctest calls skipped) where every test was skipped."""
    isolate()
    result = unittest.main(verbosity=2, exit=False, catchbreak=True).result
    if not result.wasSuccessful() or not result.testsRun:
        sys.exit(1)
    sys.exit(77 if result.testsRun and len(result.skipped) == result.testsRun else 0)


# ---- captures that are listed

Listed = collections.namedtuple("Listed", "root path packets licence kind expected notes")


def listed_captures(root):
    """The rows of LIST.tsv in a set of captures."""
    with open(os.path.join(root, "LIST.tsv"), encoding="utf-8") as file:
        lines = file.read().splitlines()[1:]
    for line in lines:
        path, packets, licence, kind, expected, notes = (line.split("\t") + [""] * 6)[:6]
        yield Listed(root, path, int(packets), licence, kind, [e for e in expected.split(";") if e], notes)


# ---- capture files

Packet = collections.namedtuple("Packet", "time_ns data original link_type interface")

PCAP_MAGICS = {0xa1b2c3d4: (1000, 16), 0xa1b23c4d: (1, 16), 0xa1b2cd34: (1000, 24)}
PCAPNG_MAGIC = 0x0a0d0d0a


class Broken(Exception):
    """A capture file that cannot be read on; packets: what was read before."""

    def __init__(self, reason, packets):
        super().__init__(reason)
        self.packets = packets


def read_capture(source):
    """The packets of a pcap or pcapng, given as bytes or path. Broken where it ends early."""
    if not isinstance(source, bytes):
        with open(source, "rb") as file:
            source = file.read()
    if len(source) < 4:
        raise Broken("too short for a capture file", [])
    if struct.unpack_from("<I", source)[0] == PCAPNG_MAGIC:
        return PcapngReader(source).read()
    return read_pcap(source)


def read_pcap(data):
    # https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
    for order in "<>":
        if struct.unpack_from(order + "I", data)[0] in PCAP_MAGICS:
            break
    else:
        raise Broken("no capture file", [])
    unit, header_bytes = PCAP_MAGICS[struct.unpack_from(order + "I", data)[0]]
    if len(data) < 24:
        raise Broken("file header cut", [])
    link_type = struct.unpack_from(order + "I", data, 20)[0] & 0x0fffffff
    packets, at = [], 24
    while at < len(data):
        if len(data) - at < header_bytes:
            raise Broken(f"record header cut at {at}", packets)
        seconds, fraction, captured, original = struct.unpack_from(order + "IIII", data, at)
        at += header_bytes
        if len(data) - at < captured:
            raise Broken(f"record cut at {at}", packets)
        packets.append(Packet(seconds * 10**9 + fraction * unit, data[at:at + captured], original, link_type, 0))
        at += captured
    return packets


class PcapngReader:
    # https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html

    def __init__(self, data):
        self.data, self.order, self.packets = data, "<", []
        self.interfaces = []  # of the section: (link type, unit as fraction, offset in s, snap length, id over all)
        self.interface_names = []  # over all sections
        self.sections, self.comments, self.statistics, self.packet_comments = 0, [], [], {}

    def read(self):
        at = 0
        while at < len(self.data):
            at += self._block(at)
        return self.packets

    def _block(self, at):
        if len(self.data) - at < 12:
            raise Broken(f"block header cut at {at}", self.packets)
        kind = struct.unpack_from("<I", self.data, at)[0]
        if kind == PCAPNG_MAGIC:
            self.order = "<" if struct.unpack_from("<I", self.data, at + 8)[0] == 0x1a2b3c4d else ">"
        kind, length = struct.unpack_from(self.order + "II", self.data, at)
        if length < 12 or length % 4 or length > len(self.data) - at:
            raise Broken(f"block of {length} bytes at {at}", self.packets)
        if struct.unpack_from(self.order + "I", self.data, at + length - 4)[0] != length:
            raise Broken(f"lengths of the block at {at} differ", self.packets)
        self._body(kind, self.data[at + 8:at + length - 4])
        return length

    def _body(self, kind, body):
        if kind == PCAPNG_MAGIC:
            self.interfaces, self.sections = [], self.sections + 1
            self.comments += [v.decode() for v in self._options(body[16:]).get(1, [])]
        elif kind == 1:
            self._interface(body)
        elif kind == 3:
            link_type, _, _, snap, number = self.interfaces[0]
            original = struct.unpack_from(self.order + "I", body)[0]
            captured = min(original, snap) if snap else original
            self.packets.append(Packet(0, body[4:4 + captured], original, link_type, number))
        elif kind == 5:
            self.statistics.append((struct.unpack_from(self.order + "I", body)[0], self._options(body[12:])))
        elif kind in (2, 6):
            self._packet(kind, body)

    def _interface(self, body):
        link_type, _, snap = struct.unpack_from(self.order + "HHI", body)
        options = self._options(body[8:])
        resolution = options.get(9, [b"\x06"])[0][0]
        per_second = 2 ** (resolution & 0x7f) if resolution & 0x80 else 10 ** resolution
        offset = struct.unpack(self.order + "q", options[14][0])[0] if 14 in options else 0
        self.interfaces.append((link_type, per_second, offset, snap, len(self.interface_names)))
        self.interface_names.append(options.get(2, [b""])[0].rstrip(b"\0").decode())

    def _packet(self, kind, body):
        if kind == 6:
            interface, high, low, captured, original = struct.unpack_from(self.order + "IIIII", body)
        else:
            interface, _, high, low, captured, original = struct.unpack_from(self.order + "HHIIII", body)
        if captured > len(body) - 20:
            raise Broken(f"packet of {captured} bytes in a block of {len(body)}", self.packets)
        link_type, per_second, offset, _, number = self.interfaces[interface]
        ticks = high << 32 | low
        time_ns = offset * 10**9 + ticks * 10**9 // per_second
        options = self._options(body[20 + (captured + 3) // 4 * 4:])
        if 1 in options:
            self.packet_comments[len(self.packets)] = [v.decode() for v in options[1]]
        self.packets.append(Packet(time_ns, body[20:20 + captured], original, link_type, number))

    def _options(self, data):
        options, at = {}, 0
        while len(data) - at >= 4:
            code, length = struct.unpack_from(self.order + "HH", data, at)
            if code == 0:
                break
            options.setdefault(code, []).append(data[at + 4:at + 4 + length])
            at += 4 + (length + 3) // 4 * 4
        return options


def pcap(packets, link_type=1, order="<", magic=0xa1b23c4d):
    """A pcap file of (time_ns, data) or Packets."""
    unit, header_bytes = PCAP_MAGICS[magic]
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link_type)]
    for packet in packets:
        time_ns, data = packet[0], packet[1]
        original = packet[2] if len(packet) > 2 else len(data)
        parts.append(struct.pack(order + "IIII", time_ns // 10**9, time_ns % 10**9 // unit, len(data), original))
        parts.append(bytes(header_bytes - 16) + data)
    return b"".join(parts)


# ---- packets

def ipv4(text):
    return socket.inet_aton(text)


def udp_frame(source, source_port, target, target_port, payload):
    """Ethernet, IPv4, UDP without checksums (which nothing here looks at)."""
    udp = struct.pack(">HHHH", source_port, target_port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, ipv4(source), ipv4(target))
    return bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + udp


def vxlan(vni, frame):
    """RFC 7348: the header with the I bit, then the frame."""
    return struct.pack(">II", 0x08000000, vni << 8) + frame


def inner_of_udp(frame):
    """The payload of a UDP datagram in an Ethernet frame with IPv4 or IPv6, without extension headers."""
    offset = 14
    kind = frame[12:14]
    while kind in (b"\x81\x00", b"\x88\xa8"):
        kind, offset = frame[offset + 2:offset + 4], offset + 4
    offset += (frame[offset] & 15) * 4 if kind == b"\x08\x00" else 40
    return frame[offset + 8:]


# ---- other programs as judges

def tshark(path, fields, *arguments, display_filter=None):
    """Rows of fields as text; several occurrences of one field are joined by commas."""
    command = ["-r", path, "-n", "-T", "fields", *arguments]
    for field in fields:
        command += ["-e", field]
    if display_filter:
        command += ["-Y", display_filter]
    # tshark says 2 for a capture cut short, and shows what was before the cut.
    result = run("tshark", *command, check=False)
    if result.status not in (0, 2):
        raise AssertionError(f"tshark {path}: {result.err}")
    return [line.split("\t") for line in result.out.decode(errors="replace").splitlines()]


def tcpdump(data, *arguments, expression=()):
    """Lines that tcpdump prints for a capture given as bytes."""
    return run("tcpdump", "-nn", "-r", "-", *arguments, *expression, stdin=data).out.decode(errors="replace").splitlines()


def dump(database):
    """Everything in a SQLite database as text: the schema, then every table ordered by all its columns."""
    uri = f"file:{database}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as db:
        db.text_factory = bytes
        schema = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").fetchall()
        lines = [repr(row) for row in schema]
        for table in (name.decode() for kind, name, _, _ in schema if kind == b"table"):
            rows = sorted(map(repr, db.execute(f'SELECT * FROM "{table}"')))
            lines += [f"{table}: {row}" for row in rows]
    return "\n".join(lines)


def derived(archive):
    """Dumps of the catalog and of every index, by path in the archive."""
    dumps = {"catalog.sqlite": dump(os.path.join(archive, "catalog.sqlite"))}
    for directory, _, names in os.walk(os.path.join(archive, "index")):
        for name in names:
            path = os.path.join(directory, name)
            if not name.endswith(".sqlite"):
                raise AssertionError(f"left behind: {path}")
            dumps[os.path.relpath(path, archive)] = dump(path)
    return dumps


def sha256(data):
    return hashlib.sha256(data).hexdigest()


# ---- traffic

def wait_for_link(*names):
    """Until what is sent is not lost on its way any more. A carrier (LOWER_UP) shows before the queue works."""
    for name in names:
        wait_until(lambda name=name: b"state UP" in run("ip", "link", "show", name).out, f"{name} is up")


def send_vxlan(target, vni, count, port=4000, size=64, source_port=40000):
    """Sends frames of 10.0.0.10:PORT to 10.0.0.20:80 in VXLAN; answers them. They can be told apart by their bytes."""
    frames_ = [udp_frame("10.0.0.10", port, "10.0.0.20", 80, struct.pack(">I", i).ljust(size, b"x"))
               for i in range(count)]
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        out.bind(("", source_port))
        for frame in frames_:
            out.sendto(vxlan(vni, frame), target)
    return frames_


def udp_sockets(port):
    """Rows of the kernel's table (proc(5), /proc/net/udp): fields as text."""
    with open("/proc/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in file.read().splitlines()[1:]]
    return [row for row in rows if row[1].endswith(f":{port:04X}")]


def wait_until_read(port=4789):
    """Until nothing waits in the UDP sockets on a port any more: what comes then is not dropped for what came before."""
    wait_until(lambda: all(row[4].endswith(":00000000") for row in udp_sockets(port)), "the daemon has read all")


def wait_for_count(archive, count, *expression, seconds=30):
    """Waits until a query finds that many packets."""
    def found():
        done = pktvault("query", "-a", archive, "--count", *expression, check=False)
        return done.status == 0 and int(done.out) >= count
    wait_until(found, f"{count} packets in {archive}", seconds)
    total = int(pktvault("query", "-a", archive, "--count", *expression).out)
    if total != count:
        raise AssertionError(f"{total} packets, not {count}")
