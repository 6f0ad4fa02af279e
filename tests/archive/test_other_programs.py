# SPDX-License-Identifier: BSD-2-Clause
"""Segments and chain.log as other programs see them: lz4, tshark, capinfos, sha256sum.

usage: test_other_programs.py WRITE_SEGMENT"""

import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

WRITE_SEGMENT = None
PACKETS = 3000


def run(*command, cwd=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, cwd=cwd)
    return done.returncode, done.stdout, done.stderr.decode()


def write_capture(path):
    """A pcap file of nanoseconds; every packet other in time, length and content."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, 1))
        for n in range(PACKETS):
            data = bytes.fromhex("02000000000102000000000288b5") + n.to_bytes(4, "big") * (10 + n % 90)
            file.write(struct.pack("<IIII", 1795003200 + n, 999_999_999 - n, len(data), len(data) + n % 3))
            file.write(data)


class OtherPrograms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pktvault-test-")
        cls.capture = os.path.join(cls.directory, "capture.pcap")
        cls.archive = os.path.join(cls.directory, "archive")
        write_capture(cls.capture)
        status, out, err = run(WRITE_SEGMENT, cls.archive, cls.capture)
        assert status == 0, err
        cls.sealed, cls.open = out.decode().split()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.directory)

    def fields(self, path):
        status, out, err = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.time_epoch",
                               "-e", "frame.len", "-e", "frame.cap_len", "-e", "eth.type", "-e", "data")
        return status, out.decode().splitlines(), err

    def test_a_sealed_segment_opens_in_tshark_as_it_is(self):
        status, lines, err = self.fields(self.sealed)
        self.assertEqual(status, 0, err)
        self.assertEqual(len(lines), PACKETS)
        self.assertEqual(lines, self.fields(self.capture)[1])

    def test_an_open_segment_opens_in_tshark_up_to_its_last_block(self):
        self.assertTrue(self.open.endswith(".open"))
        _, lines, err = self.fields(self.open)
        self.assertEqual(len(lines), PACKETS, err)

    def test_lz4_takes_a_segment_apart_and_finds_nothing_wrong(self):
        status, _, err = run("lz4", "-t", self.sealed)
        self.assertEqual(status, 0, err)

    def test_capinfos_accepts_what_lz4_gives(self):
        plain = os.path.join(self.directory, "plain.pcapng")
        status, _, err = run("lz4", "-d", "-f", self.sealed, plain)
        self.assertEqual(status, 0, err)
        status, out, err = run("capinfos", plain)
        self.assertEqual(status, 0, err)
        text = out.decode()
        self.assertRegex(text, rf"Number of packets: +{PACKETS}\b")
        self.assertRegex(text, r"Capture application: +pktvault \d")
        self.assertRegex(text, r"Time resolution = 0x09")
        self.assertRegex(text, r"Number of stat entries = 1")

    def test_a_flipped_bit_is_noticed_by_lz4(self):
        with open(self.sealed, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 1
        flipped = os.path.join(self.directory, "flipped.lz4")
        with open(flipped, "wb") as file:
            file.write(data)
        self.assertNotEqual(run("lz4", "-t", flipped)[0], 0)

    def test_the_frame_is_no_larger_than_lz4s_own_with_blocks_of_this_size(self):
        plain = run("lz4", "-d", "-c", self.sealed)[1]
        path = os.path.join(self.directory, "again")
        with open(path, "wb") as file:
            file.write(plain)
        theirs = run("lz4", "-1", "-B4", "-BX", "-c", path)[1]
        self.assertLess(os.path.getsize(self.sealed), 1.02 * len(theirs))

    def test_sha256sum_checks_the_chain(self):
        status, out, err = run("sha256sum", "--strict", "-c", "chain.log", cwd=self.archive)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.decode(), os.path.relpath(self.sealed, self.archive) + ": OK\n")

    def test_the_chain_can_be_followed_with_sha256sum_alone(self):
        with open(os.path.join(self.archive, "chain.log"), encoding="utf-8") as file:
            lines = file.read().split("\n")[:-1]
        before = ""
        self.assertEqual(len(lines), 4)
        for line, chain in zip(lines[::2], lines[1::2]):
            done = subprocess.run(["sha256sum"], input=f"{before}{line}\n".encode(), stdout=subprocess.PIPE,
                                  check=True)
            digest = done.stdout.decode().split()[0]
            self.assertEqual(chain, f"# chain {digest}")
            before = digest + "\n"


if __name__ == "__main__":
    WRITE_SEGMENT = sys.argv.pop(1)
    unittest.main()
