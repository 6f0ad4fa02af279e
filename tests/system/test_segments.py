# SPDX-License-Identifier: BSD-2-Clause
"""A segment is an ordinary file: other programs open it sealed, decompressed, and while it is being written."""

import os
import re
import shutil

import pkvtest
from pkvtest import pktvault

CAPTURE = os.path.join(pkvtest.DATA, "zeek+zeek/testing/btest/Traces/tunnels/vxlan-encapsulated-http.pcap")
NAME = re.compile(r"/segments/(\d{4})/(\d\d)/(\d\d)/(\d{8}T\d{6}\.\d{9}Z)-(\d+)-(\d{6,})\.pcapng\.lz4$")
LISTEN = ("127.0.0.1", 4789)


@pkvtest.needs("tshark", "lz4", "capinfos")
class Sealed(pkvtest.Case):
    def setUp(self):
        super().setUp()
        pktvault("import", "-a", self.archive, CAPTURE)
        (self.segment,) = self.segments()

    def test_its_name_says_when_and_where_it_began(self):
        year, month, day, start, lane, _ = NAME.search(self.segment).groups()
        self.assertEqual(start, "20210828T154433.690298000Z")  # the first packet of the capture
        self.assertEqual((year, month, day), ("2021", "08", "28"))
        self.assertGreaterEqual(int(lane), 1000)

    def test_tshark_opens_it_compressed_as_it_is(self):
        fields = ["frame.time_epoch", "frame.cap_len", "frame.len", "vxlan.vni", "ip.src", "tcp.seq_raw"]
        self.assertEqual(pkvtest.tshark(self.segment, fields), pkvtest.tshark(CAPTURE, fields))

    def test_tshark_says_nothing_against_it(self):
        said = pkvtest.run("tshark", "-r", self.segment).err.splitlines()
        self.assertEqual([line for line in said if "Running as user" not in line], [])

    def test_lz4_decompresses_it_to_a_pcapng_that_capinfos_accepts(self):
        plain = self.path("plain.pcapng")
        pkvtest.run("lz4", "-d", "-q", self.segment, plain)
        said = pkvtest.run("capinfos", "-T", "-m", "-c", "-E", "-t", plain).out.decode()
        self.assertRegex(said, r"(?s)plain\.pcapng,pcapng,ether,12\s*$")

    def test_lz4_finds_one_frame_of_independent_blocks_with_checksums(self):
        with open(self.segment, "rb") as file:
            head = file.read(7)
        # Frame format 1.6: magic; version 01, independent blocks, block checksums, neither size nor content checksum
        # nor dictionary; blocks of at most 1 MiB.
        self.assertEqual(head[:6], bytes.fromhex("04224d18") + bytes([0b01110000, 0b01100000]))
        self.assertEqual(pkvtest.run("lz4", "-t", "-q", self.segment).err, "")
        listed = pkvtest.run("lz4", "--list", self.segment).out.decode().splitlines()[-1].split()
        self.assertEqual(listed[0], "1")

    def test_the_decompressed_file_is_one_section_of_whole_blocks(self):
        reader = pkvtest.PcapngReader(pkvtest.run("lz4", "-dc", self.segment).out)
        # A segment keeps the order in which packets came, whatever their times.
        self.assertEqual([p[:4] for p in reader.read()], [p[:4] for p in pkvtest.read_capture(CAPTURE)])
        self.assertEqual(reader.sections, 1)
        self.assertTrue(reader.statistics, "interface statistics close the segment")


@pkvtest.needs("tshark", "lz4")
class Open(pkvtest.Case):
    def test_it_can_be_read_up_to_its_last_flushed_block_while_it_is_written(self):
        with pkvtest.Daemon(self.archive, "--listen", "%s:%d" % LISTEN):
            for round_ in (1, 2):
                pkvtest.send_vxlan(LISTEN, 7, 20)
                pkvtest.wait_for_count(self.archive, 20 * round_)
                (path,) = self.segments(".pcapng.lz4.open")
                copy = self.path(f"copy{round_}.pcapng.lz4")
                shutil.copyfile(path, copy)
                rows = pkvtest.tshark(copy, ["vxlan.vni", "frame.len"])
                self.assertEqual(len(rows), 20 * round_)
                self.assertEqual({vni for vni, _ in rows}, {"7"})
        self.assertEqual(self.segments(".open"), [])
        (sealed,) = self.segments()
        self.assertEqual(len(pkvtest.tshark(sealed, ["frame.number"])), 40)

    def test_what_lz4_makes_of_the_flushed_part_is_what_the_sealed_file_begins_with(self):
        with pkvtest.Daemon(self.archive, "--listen", "%s:%d" % LISTEN):
            pkvtest.send_vxlan(LISTEN, 7, 30)
            pkvtest.wait_for_count(self.archive, 30)
            (path,) = self.segments(".pcapng.lz4.open")
            flushed = self.path("flushed.lz4")
            shutil.copyfile(path, flushed)
        (sealed,) = self.segments()
        with open(sealed, "rb") as a, open(flushed, "rb") as b:
            prefix = b.read().rstrip(b"\0")
            self.assertEqual(a.read(len(prefix)), prefix)
        cut = pkvtest.run("lz4", "-dc", flushed, check=False)  # complains that the end mark is missing
        packets = pkvtest.read_capture(cut.out)
        self.assertEqual(len(packets), 30)


if __name__ == "__main__":
    pkvtest.main()
