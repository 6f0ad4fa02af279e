#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`query --exact` is tcpdump: the same expression gives the same packets as tcpdump on the decapsulated capture.

Expressions are made up from addresses and ports of the captures. PKV_SEED makes others, PKV_EXPRESSIONS says how many.
usage: test_exact.py PKTVAULT
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

CAPTURES = os.environ["PKV_CAPTURES"]
if not os.path.exists(os.path.join(CAPTURES, "LIST.tsv")):
    CAPTURES = os.path.join(os.environ["PKV_SOURCE"], "tests/data")
PKTVAULT = sys.argv[1]
COUNT = int(os.environ.get("PKV_EXPRESSIONS", "1000"))
SEED = int(os.environ.get("PKV_SEED", 1))

FIXED = [
    "tcp", "udp", "icmp", "icmp6", "arp", "ip", "ip6", "not ip", "not tcp", "vlan", "vlan and ip", "vlan and tcp port 80",
    "not vlan", "tcp port 80 or 443", "port 53 or not udp", "less 100", "greater 1000", "len > 100 and tcp",
    "tcp[tcpflags] & tcp-syn != 0", "not tcp[13] & 2 != 0", "(tcp[12] & 0xf0) >> 2 > 20 or arp", "ip[6:2] & 0x1fff != 0",
    "ether multicast", "ip broadcast", "ip multicast", "ip6 multicast", "ether proto 0x0800", "ip proto 47", "ip6 proto 44",
    "proto 6", "ip protochain 6", "icmp[icmptype] = icmp-echo or icmp6", "portrange 1-1024", "src portrange 1-1024",
    "net 10", "src net 192.168", "net 172.16.0.0 mask 255.240.0.0", "dst net 2001:db8::/32 or ip", "sctp or esp or ah",
    "port http or https or domain", "tcp src port 80 and dst portrange 1024-65535", "not (tcp or udp)", "host (10.0.0.1 or 10.0.0.2)",
    "not (src host 66.196.121.26 and net 0 and dst host 1.20.121.1) or ether multicast",
    "ether[12:2] = 0x0800", "ip and not ip[6] & 0x20 != 0",
]


def run(*words, **more):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)


def packets_of(pcap):
    """(time, original length, bytes) of each packet of a pcap with nanoseconds or microseconds, little endian."""
    if len(pcap) < 24:
        return []
    magic = struct.unpack_from("<I", pcap)[0]
    unit = {0xA1B23C4D: 1, 0xA1B2C3D4: 1000}[magic]
    packets, at = [], 24
    while at < len(pcap):
        seconds, fraction, captured, original = struct.unpack_from("<IIII", pcap, at)
        packets.append((seconds * 1000000000 + fraction * unit, original, pcap[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return packets


def is_ethernet(path):
    shown = run("capinfos", "-T", "-r", "-E", path)
    return shown.returncode == 0 and shown.stdout.decode().strip().endswith("ether")


def captures():
    with open(os.path.join(CAPTURES, "LIST.tsv"), encoding="utf-8") as listing:
        next(listing)
        for line in listing:
            path = os.path.join(CAPTURES, line.split("\t")[0])
            if os.path.exists(path) and is_ethernet(path):
                yield path


def words_of(archive):
    shown = run(PKTVAULT, "query", "-a", archive, "-T", "json").stdout.decode().splitlines()
    addresses, ports = set(), set()
    for line in shown:
        row = json.loads(line)
        for key in ("src", "dst"):
            if row.get(key) and (":" not in row[key] or row[key].count(":") != 5):
                addresses.add(row[key])
        for key in ("src_port", "dst_port"):
            if row.get(key):
                ports.add(row[key])
    return sorted(addresses), sorted(ports)


def term(dice, addresses, ports):
    kind = dice.randrange(6)
    direction = dice.choice(["", "", "src ", "dst ", "src or dst ", "src and dst "])
    if kind <= 1:
        return f"{direction}host {dice.choice(addresses)}"
    if kind == 2:
        words = [a for a in addresses if ":" not in a]
        parts = dice.choice(words).split(".")[: dice.randrange(1, 4)]
        return f"{direction}net {'.'.join(parts)}"
    if kind == 3:
        first = f"{dice.choice(['', 'tcp ', 'udp '])}{direction}port {dice.choice(ports)}"
        return first + (f" or {dice.choice(ports)}" if dice.randrange(3) == 0 else "")
    return dice.choice([text for text in FIXED if "protochain" not in text])


def expression(dice, addresses, ports, depth=2):
    parts = []
    for _ in range(dice.randrange(1, 4)):
        inner = term(dice, addresses, ports)
        if depth and dice.randrange(3) == 0:
            inner = f"({expression(dice, addresses, ports, depth - 1)})"
        parts.append(("not " if dice.randrange(4) == 0 else "") + inner)
    text = parts[0]
    for part in parts[1:]:
        text += dice.choice([" and ", " or "]) + part
    return text


def compare(archive, decapsulated, text):
    """True: both took it and gave something."""
    theirs = run("tcpdump", "-r", decapsulated, "--time-stamp-precision=nano", "-w", "-", text)
    ours = run(PKTVAULT, "query", "-a", archive, "--exact", "--decap", "-F", "pcap", "-w", "-", text)
    if theirs.returncode != 0:
        # tcpdump refuses what can match nothing; for us that is an answer.
        assert ours.returncode != 0 or not packets_of(ours.stdout), f"'{text}': {theirs.stderr.decode()}"
        return False
    assert ours.returncode == 0, f"'{text}': {ours.stderr.decode()}"
    mine, others = packets_of(ours.stdout), packets_of(theirs.stdout)
    if mine != others:
        raise AssertionError(f"seed {SEED}: '{text}': {len(mine)} packets, tcpdump {len(others)}")
    return bool(others)


def main():
    directory = tempfile.mkdtemp(prefix="pkv-exact-")
    try:
        archive, decapsulated = os.path.join(directory, "archive"), os.path.join(directory, "decap.pcap")
        run(PKTVAULT, "import", "-a", archive, *captures())
        made = run(PKTVAULT, "query", "-a", archive, "--decap", "-F", "pcap", "-w", decapsulated)
        assert made.returncode == 0, made.stderr.decode()
        addresses, ports = words_of(archive)
        dice, matched = random.Random(SEED), 0
        texts = FIXED + [expression(dice, addresses, ports) for _ in range(COUNT)]
        for text in texts:
            matched += compare(archive, decapsulated, text)
        print(f"seed {SEED}: {len(texts)} expressions, {matched} of them with packets")
        assert matched * 3 > len(texts)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
