#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads every capture of the collection with archive/capture_file and with Wireshark's programs: packets, times, lengths
and bytes must agree, but for the differences listed here.

usage: test_capture_file.py DUMP_CAPTURE
environment: PKV_CAPTURES, a directory with LIST.tsv; 77 (skipped) where it is not there."""

import concurrent.futures
import csv
import os
import struct
import subprocess
import sys

# What pktvault reads otherwise than Wireshark 4.0, and why: packets that it gives, the code it ends with (0: clean).
UNSUPPORTED, FORMAT = -10, -5
DIFFERENT = {
    "the-tcpdump-group+libpcap/tests/pcap-invalid-version-1.pcap":
        (0, UNSUPPORTED, "version 1.4: libpcap refuses it too, since nobody says what it is"),
    "the-tcpdump-group+libpcap/tests/pcapng-invalid-vers-1.pcapng":
        (0, UNSUPPORTED, "version 0.1: libpcap refuses it too"),
    "the-tcpdump-group+libpcap/tests/shb-option-too-long.pcapng":
        (0, FORMAT, "the two lengths of the section header differ: libpcap refuses it too"),
    "seladb+PcapPlusPlus/Tests/ExamplesTest/pcap_examples/solaris.snoop":
        (0, UNSUPPORTED, "not a pcap file"),
    "OISF+suricata-verify/tests/bug-6875-01/fuzz.pcap":
        (1, FORMAT, "the second packet claims 1.4 GB: tcpdump stops there too; Wireshark takes it for a "
         "variant of pcap and finds a packet of one byte"),
}
# Files that break: read by both up to the break.
BROKEN = {
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/"
    "crash-pcapng-epb-unbounded-length",
    "seladb+PcapPlusPlus/Tests/Fuzzers/RegressionTests/regression_samples/"
    "clusterfuzz-testcase-minimized-FuzzTarget-5717750942269440",
}
# Packets (from 1) whose time Wireshark shows otherwise.
NO_TIME = "a Simple Packet Block has none: 0 here, nothing there"
CARRIED = "nanoseconds past a second are carried here, printed as they are there"
TIMES = {
    "hadrielk+pcapng-test-generator/output_le/basic/test016.pcapng": ({1, 3}, NO_TIME),
    "hadrielk+pcapng-test-generator/output_be/advanced/test100.pcapng": ({1, 3}, NO_TIME),
    "the-tcpdump-group+tcpdump/tests/timestamp_invalid_nano.pcap": ({2, 3}, CARRIED),
}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.stdout


def ours(dump, path):
    packets, end = [], None
    for line in run(dump, path).decode("utf-8", "replace").split("\n"):
        words = line.split(" ")
        if words[0] == "packet":
            packets.append((words[2], int(words[3]), int(words[4]), bytes.fromhex(words[5])))
        elif words[0] in ("end", "broken"):
            end = words
    return packets, 0 if end[0] == "end" else int(end[1]), " ".join(end)


def wiresharks_bytes(path):
    """The packets of the file as editcap copies them."""
    data = run("editcap", "-F", "pcapng", path, "-")
    packets, at = [], 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            (captured,) = struct.unpack_from("<I", data, at + 20)
            packets.append(data[at + 28:at + 28 + captured])
        at += length
    return packets


def wiresharks(path):
    fields = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch", "-e",
                 "frame.len", "-e", "frame.cap_len").decode()
    rows = [line.split("\t") for line in fields.split("\n") if line]
    contents = wiresharks_bytes(path)
    return [(row[0], int(row[1]), int(row[2]), content) for row, content in zip(rows, contents)]


def compare(dump, root, name):
    path = os.path.join(root, name)
    got, code, end = ours(dump, path)
    if name in DIFFERENT:
        packets, expected, _ = DIFFERENT[name]
        good = len(got) == packets and code == expected
        return [] if good else [f"{name}: {len(got)} packets, {end}"]
    wrong = []
    wanted = wiresharks(path)
    if code != (FORMAT if name in BROKEN else 0):
        wrong.append(f"{name}: {end}")
    if len(got) != len(wanted):
        wrong.append(f"{name}: {len(got)} packets, Wireshark has {len(wanted)}")
    for number, (a, b) in enumerate(zip(got, wanted), 1):
        for what, x, y in zip(("time", "length", "captured length", "bytes"), a, b):
            if x != y and not (what == "time" and number in TIMES.get(name, ({},))[0]):
                wrong.append(f"{name}: packet {number}: {what} {x}, Wireshark has {y}")
    return wrong


def main():
    root = os.environ.get("PKV_CAPTURES", "")
    listing = os.path.join(root, "LIST.tsv")
    if not os.path.exists(listing):
        print(f"skipped: no captures in {root or 'PKV_CAPTURES'}")
        return 77
    with open(listing, encoding="utf-8") as rows:
        names = [row["path"] for row in csv.DictReader(rows, delimiter="\t")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda name: compare(sys.argv[1], root, name), names))
    for line in (line for wrong in results for line in wrong):
        print(line)
    print(f"{len(names)} captures, {sum(1 for wrong in results if wrong)} differ")
    missing = set(DIFFERENT) | BROKEN
    if not missing <= set(names):
        print(f"listed as different, but not there: {sorted(missing - set(names))}")
        return 1
    return 1 if any(results) or not names else 0


if __name__ == "__main__":
    sys.exit(main())
