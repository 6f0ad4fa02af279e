# SPDX-License-Identifier: BSD-2-Clause
"""The set-up of a traffic mirror in network namespaces.

    peer 10.0.0.20 ── 10.0.0.10 A 192.168.50.1 ── 192.168.50.2 eth0 B

Everything that A's inner interface sends and receives is copied (tc … mirred) to a kernel VXLAN device of VNI 100, which
sends it to B on UDP 4789. On B the mirror is recorded."""

import os
import subprocess
import sys
import tempfile
import unittest

import pkvtest

VNI = 100
A, PEER, OUTER_A, OUTER_B = "10.0.0.10", "10.0.0.20", "192.168.50.1", "192.168.50.2"

SERVER = """
import socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", 8080)); s.listen(1); print("ready", flush=True)
c, _ = s.accept()
data = b"".join(iter(lambda: c.recv(65536), b""))
c.sendall(data[::-1]); c.close()
"""
CLIENT = """
import socket
s = socket.create_connection(("%s", 8080))
data = bytes(range(256)) * %d
s.sendall(data); s.shutdown(socket.SHUT_WR)
back = b"".join(iter(lambda: s.recv(65536), b""))
assert back == data[::-1]
"""


# TCP marks what it sends with the time at which it may leave. In one kernel that mark comes along through VXLAN and veth
# to B, which then does not stamp the packet when it comes in, as it does with what came over a wire; every packet socket
# reads the clock for itself. So A forgets the mark on the way out: bpf_skb_set_tstamp (192), time 0 of no clock.
FORGET_MARK = """
static long (*set_time)(void *skb, unsigned long long time, unsigned int clock) = (void *)192;
__attribute__((section("classifier"), used)) int forget(void *skb)
{
    (void)set_time(skb, 0, 0);
    return -1;
}
char licence[] __attribute__((section("license"), used)) = "GPL";
"""


class Mirror:
    """Use as a context. mtu: of the underlay; offloads: as the kernel has them, or all off."""

    def __init__(self, mtu=1600, offloads=True):
        self.mtu, self.offloads = mtu, offloads
        self.a, self.b, self.peer = (f"pkv-{name}-{os.getpid()}" for name in ("a", "b", "p"))

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in (self.a, self.b, self.peer):
            pkvtest.run("ip", "netns", "del", name, check=False)

    def make(self):
        for name in (self.a, self.b, self.peer):
            pkvtest.run("ip", "netns", "add", name)
            self.inside(name, "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
            self.inside(name, "ip", "link", "set", "lo", "up")
        self.link(self.a, "inner", A, self.peer, "eth0", PEER, 1500)
        self.link(self.a, "under", OUTER_A, self.b, "eth0", OUTER_B, self.mtu)
        self.inside(self.a, "ip", "link", "add", "vxlan100", "type", "vxlan", "id", VNI, "remote", OUTER_B,
                    "local", OUTER_A, "dstport", 4789)
        # The mirrored frames have 1500 bytes, however little fits below them.
        self.inside(self.a, "ip", "link", "set", "vxlan100", "mtu", 1500, "up")
        self.inside(self.a, "tc", "qdisc", "add", "dev", "inner", "clsact")
        self.forget_mark("under")
        self.copy("ingress")
        self.copy("egress")

    def link(self, left, left_name, left_address, right, right_name, right_address, mtu):
        self.inside(left, "ip", "link", "add", left_name, "mtu", mtu, "type", "veth", "peer", "name", right_name,
           "netns", right, "mtu", mtu)
        for space, name, address in ((left, left_name, left_address), (right, right_name, right_address)):
            self.inside(space, "ip", "address", "add", address + "/24", "dev", name)
            if not self.offloads:
                self.inside(space, "ethtool", "-K", name, "tso", "off", "gso", "off", "gro", "off", "tx", "off",
                            "rx", "off", "sg", "off")
            self.inside(space, "ip", "link", "set", name, "up")

    def copy(self, direction):
        """Mirrors what A's inner interface receives or sends, whatever the protocol."""
        self.inside(self.a, "tc", "filter", "add", "dev", "inner", direction, "protocol", "all", "u32",
                    "match", "u32", 0, 0, "action", "mirred", "egress", "mirror", "dev", "vxlan100")

    def forget_mark(self, device):
        with tempfile.NamedTemporaryFile(suffix=".o") as program:
            pkvtest.run("clang", "-O2", "-target", "bpf", "-x", "c", "-c", "-", "-o", program.name,
                        stdin=FORGET_MARK.encode())
            self.inside(self.a, "tc", "qdisc", "add", "dev", device, "clsact")
            self.inside(self.a, "tc", "filter", "add", "dev", device, "egress", "bpf", "da", "obj", program.name,
                        "sec", "classifier")

    def inside(self, namespace, *command, check=True):
        return pkvtest.run(*pkvtest.in_namespace(namespace), *command, check=check)

    def ping(self, count=5, size=56):
        self.inside(self.a, "ping", "-q", "-c", count, "-i", "0.2", "-s", size, PEER)

    def transfer(self, kilobytes=512):
        """A sends so much over TCP, and gets it back."""
        command = [*pkvtest.in_namespace(self.peer), sys.executable, "-c", SERVER]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            server.stdout.readline()
            self.inside(self.a, sys.executable, "-c", CLIENT % (PEER, kilobytes * 4))
            if server.wait(30) != 0:
                raise AssertionError("the server of the transfer failed")

    def counter(self, namespace, protocol, name):
        """A counter of /proc/net/snmp."""
        lines = self.inside(namespace, "cat", "/proc/net/snmp").out.decode().splitlines()
        names, values = [line.split() for line in lines if line.startswith(protocol + ": ")]
        return int(values[names.index(name)])


class Tcpdump:
    """tcpdump on an interface, beside what is tested; .packets once it has ended."""

    def __init__(self, namespace, path, expression):
        self.namespace, self.path, self.expression = namespace, path, expression
        self.packets = []

    def __enter__(self):
        # Straight to the file, with the kernel's nanoseconds.
        self.process = subprocess.Popen(
            [*pkvtest.in_namespace(self.namespace), "tcpdump", "-nni", "eth0", "-U", "-B", "65536", "-Z", "root",
             "--immediate-mode", "--time-stamp-precision=nano", "-w", self.path, self.expression],
            stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        while "listening on" not in line:
            if not line:
                raise AssertionError("tcpdump does not listen")
            line = self.process.stderr.readline()
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        said = self.process.stderr.read()
        self.process.wait()
        self.process.stderr.close()
        if not kind:
            if "\n0 packets dropped by kernel" not in said:
                raise AssertionError("the reference has lost packets itself: " + said)
            self.packets = self.so_far()

    def so_far(self):
        """What it has written, by time: packets that come in on two processors at once may change places."""
        try:
            packets = pkvtest.read_capture(self.path)
        except pkvtest.Broken as broken:
            packets = broken.packets
        return sorted(packets, key=lambda p: p.time_ns)


def available():
    """None, or why there can be no namespaces here."""
    if os.geteuid() != 0:
        return "needs root: network namespaces and raw sockets"
    name = f"pkv-try-{os.getpid()}"
    done = pkvtest.run("ip", "netns", "add", name, check=False)
    pkvtest.run("ip", "netns", "del", name, check=False)
    return f"no network namespaces here: {done.err.strip()}" if done.status else None


def needed(test):
    why = available()
    return unittest.skipIf(why, why)(test)
