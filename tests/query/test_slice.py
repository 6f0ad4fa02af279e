#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Slices open in other programs, and hold what they should.  usage: test_slice.py PKTVAULT"""
import os
import shutil
import subprocess
import sys
import tempfile

DATA = os.path.join(os.environ["PKV_SOURCE"], "tests/data/the-tcpdump-group+tcpdump/tests")
PKTVAULT = sys.argv[1]


def run(*words, check=True):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert not check or done.returncode == 0, f"{words}: {done.stderr.decode()}"
    return done


def frames(path, *fields):
    words = [word for field in fields for word in ("-e", field)]
    return run("tshark", "-n", "-r", path, "-T", "fields", *words).stdout.decode().splitlines()


def query(archive, *words, check=True):
    return run(PKTVAULT, "query", "-a", archive, *words, check=check)


def a_slice_of_everything_is_the_capture(directory, capture):
    archive, out = os.path.join(directory, "one"), os.path.join(directory, "one.pcapng")
    run(PKTVAULT, "import", "-a", archive, capture)
    fields = ("frame.time_epoch", "frame.len", "frame.cap_len", "vxlan.vni", "ip.src", "icmp.seq")
    for form in ("pcapng", "pcap"):
        query(archive, "-F", form, "-w", out)
        assert frames(out, *fields) == frames(capture, *fields), form
    assert "Nanosecond" in run("file", out).stdout.decode() or "nanosecond" in run("capinfos", out).stdout.decode()
    return archive


def a_slice_tells_where_it_comes_from(directory, archive):
    out = os.path.join(directory, "comment.pcapng")
    query(archive, "-w", out, "icmp and vni 100")
    shown = run("capinfos", "-M", out).stdout.decode()
    assert archive in shown and "icmp and vni 100" in shown, shown
    assert "Number of packets:   8" in shown or "Number of packets = 8" in shown, shown
    assert "Number of interfaces in file: 1" in shown, shown


def decapsulated_tunnels_are_interfaces(directory, archive):
    out = os.path.join(directory, "decap.pcapng")
    query(archive, "--decap", "-w", out, "icmp")
    names = set(frames(out, "frame.interface_name"))
    assert names and all(name.startswith("vni 100 ") for name in names), names
    assert all(name.split(":") [-1] == "icmp:data" or "vxlan" not in name for name in frames(out, "frame.protocols"))
    assert len(run("tcpdump", "-nr", out).stdout.splitlines()) == 8


def what_one_file_cannot_hold_is_refused_before_the_first_byte(directory, ethernet, raw):
    archive, out = os.path.join(directory, "two"), os.path.join(directory, "two.pcap")
    run(PKTVAULT, "import", "-a", archive, ethernet, raw)
    refused = query(archive, "-F", "pcap", "-w", "-", check=False)
    assert refused.returncode == 1 and not refused.stdout, refused
    assert b"link types" in refused.stderr
    query(archive, "-w", out)
    assert len(frames(out, "frame.number")) > 0


def raw_capture(directory):
    """A pcap of link type 101 with one IPv4 packet."""
    path = os.path.join(directory, "raw.pcap")
    packet = bytes.fromhex("4500001c00000000401100000a0000010a00000203e8003500080000")
    header = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000065000000")
    with open(path, "wb") as file:
        file.write(header + (1000).to_bytes(4, "little") + bytes(4) + len(packet).to_bytes(4, "little") * 2 + packet)
    return path


def main():
    directory = tempfile.mkdtemp(prefix="pkv-slice-")
    try:
        capture = os.path.join(DATA, "vxlan.pcap")
        archive = a_slice_of_everything_is_the_capture(directory, capture)
        a_slice_tells_where_it_comes_from(directory, archive)
        decapsulated_tunnels_are_interfaces(directory, archive)
        what_one_file_cannot_hold_is_refused_before_the_first_byte(directory, capture, raw_capture(directory))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
