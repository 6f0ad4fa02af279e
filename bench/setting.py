# SPDX-License-Identifier: BSD-2-Clause
"""Where things are, and the captures and archives, made when they are first asked for."""
import os
import struct

from measure import run

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Bench:
    """The setting of one call of bench/run."""

    def __init__(self, directory, times, mix, big_archive=None):
        self.directory, self.times, self.mix_program, self.big_archive = directory, times, mix, big_archive
        self.build = os.path.join(directory, "build")
        self.pktvault = os.path.join(self.build, "cli", "pktvault")
        self.pktvaultd = os.path.join(self.build, "cli", "pktvaultd")

    def path(self, name):
        return os.path.join(self.directory, name)

    def mix(self, kind, size=1_000_000_000, seed=1):
        path = self.path(f"{kind}-{size}-{seed}.pcap")
        if not os.path.exists(path):
            run(f"{self.mix_program} {kind} {path}.part {size} {seed} && mv {path}.part {path}")
        return path

    def flows(self, flows, packets=1_000_000):
        """A capture of TCP packets in VXLAN that belong to so many flows in turn: 204 bytes each, nothing in the payload repeats."""
        path = self.path(f"flows-{flows}-{packets}.pcap")
        if not os.path.exists(path):
            _write_flows(path, flows, packets)
        return path

    def archive(self, gigabytes):
        """An archive of so many GB of the small mix, a seed each."""
        if gigabytes == 10 and self.big_archive:
            return self.big_archive
        path = self.path(f"archive-{gigabytes}")
        if not os.path.exists(path):
            for seed in range(1, gigabytes + 1):
                capture = self.mix("small", seed=seed)
                run(f"{self.pktvault} import -a {path}.part {capture}")
                if seed > 1:
                    os.unlink(capture)
            os.rename(path + ".part", path)
        return path


def _ip(source, destination, protocol, length):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, protocol, 0, source, destination)


def _packet(flow, number):
    """Ethernet, IP, UDP, VXLAN, Ethernet, IP, TCP and 100 bytes that do not compress."""
    a, b = (10 << 24 | 1 << 16 | flow & 0xffff).to_bytes(4, "big"), (10 << 24 | 2 << 16 | flow >> 16).to_bytes(4, "big")
    tcp = struct.pack(">HHIIBBHHH", 1024 + flow % 60000, 443, number, 0, 0x50, 0x18, 1000, 0, 0) + os.urandom(100)
    inner = bytes.fromhex("0200000000010200000000020800") + _ip(a, b, 6, 20 + len(tcp)) + tcp
    udp = struct.pack(">HHHH", 49152 + flow % 16384, 4789, 16 + len(inner), 0) + struct.pack(">II", 8 << 24, 100 << 8)
    return (bytes.fromhex("0200000000300200000000200800")
            + _ip(b"\x0a\0\0\x14", b"\x0a\0\0\x1e", 17, 20 + len(udp) + len(inner)) + udp + inner)


def _write_flows(path, flows, packets):
    with open(path + ".part", "wb", buffering=1 << 20) as file:
        file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for number in range(packets):
            packet = _packet(number % flows, number)
            file.write(struct.pack("<IIII", 1_790_000_000 + number // 200_000, number % 200_000 * 5000, len(packet),
                                   len(packet)) + packet)
    os.rename(path + ".part", path)


def packets_in(capture):
    return int(run(f"capinfos -TMrc {capture} | cut -f2", keep=True).output)


def tree_bytes(path):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files)
