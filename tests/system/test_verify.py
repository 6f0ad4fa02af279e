# SPDX-License-Identifier: BSD-2-Clause
"""pktvault verify: content with what was recorded, whatever happened to it since is found and named."""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import unittest

import pkvtest
from pkvtest import pktvault

FLIP = os.path.join(pkvtest.BUILD, "tests/indexer/flip_file")
PUT_SUMS = os.path.join(pkvtest.BUILD, "tests/tools/put_sums")
LISTEN = ("127.0.0.1", 4789)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def frames(count, start=0):
    return [(1_700_000_000_000_000_000 + start * 10**12 + i * 1000,
             pkvtest.udp_frame("10.0.0.1", 1000 + start, "10.0.0.2", 4789,
                               pkvtest.vxlan(7, pkvtest.udp_frame("10.1.0.1", 5, "10.1.0.2", 53, bytes(range(40))))))
            for i in range(count)]


class Verify(pkvtest.Case):
    def import_frames(self, count=3, start=0):
        path = self.write(f"{start}.pcap", pkvtest.pcap(frames(count, start)))
        pktvault("import", "-a", self.archive, path)

    def two_segments(self):
        self.import_frames()
        self.import_frames(4, start=1)
        return self.segments()

    def index_of(self, segment):
        return segment.replace("/segments/", "/index/").replace(".pcapng.lz4", ".sqlite")

    def inside(self, *names):
        return os.path.join(self.archive, *names)

    def relative(self, path):
        return os.path.relpath(path, self.archive)

    def verify(self, *options):
        """Status, findings, report."""
        done = pktvault("verify", "-a", self.archive, "-T", "json", *options, check=False)
        self.assertIn(done.status, (0, 3), done.err)
        lines = pkvtest.json_lines(done.out)
        return done.status, lines[:-1], lines[-1]

    def assert_content(self, *options):
        status, findings, report = self.verify(*options)
        self.assertEqual((status, findings, report["as_recorded"]), (0, [], True))
        return report

    def assert_found(self, kind, path, text, *options):
        """Something that is said of a path: others may have findings that follow from it. Answers them all."""
        status, findings, _ = self.verify(*options)
        of_path = [f for f in findings if f["path"] == path and f["finding"] == kind and re.search(text, f["text"])]
        self.assertTrue(of_path, f"no {kind} of {path} with '{text}' in {findings}")
        self.assertEqual(status, 0 if kind == "note" else 3, findings)
        return findings

    def unchain(self):
        """As if the segments had been sealed a moment ago: they stand neither in the chain nor in index and catalog."""
        lines = read(self.inside("chain.log")).splitlines(keepends=True)
        write(self.inside("chain.log"), b"".join(lines[:2]))
        shutil.rmtree(self.inside("index"))
        for name in os.listdir(self.archive):
            if name.startswith("catalog.sqlite"):
                os.remove(self.inside(name))

    def sha256sum_fails(self):
        return pkvtest.run("sha256sum", "-c", "--quiet", "chain.log", cwd=self.archive, check=False).status != 0

    def state(self):
        """Names, times and contents of everything; SQLite's shared memory is none of it."""
        found = {}
        for directory, names, files in os.walk(self.archive):
            for name in names + files:
                path = os.path.join(directory, name)
                status = os.lstat(path)
                content = hashlib.sha256(read(path)).hexdigest() if name in files else None
                if not name.endswith("-shm"):
                    found[path] = (status.st_mtime_ns, status.st_size, status.st_mode, content)
        return found


class Content(Verify):
    def test_an_archive_of_imports_and_live_recording(self):
        for capture in pkvtest.listed_captures(pkvtest.DATA):
            pktvault("import", "-a", self.archive, os.path.join(capture.root, capture.path), check=False)
        with pkvtest.Daemon(self.archive, "--listen", "%s:%d" % LISTEN) as daemon:
            for round_ in range(3):
                pkvtest.send_vxlan(LISTEN, 100, 50, port=4000 + round_)
                pkvtest.wait_for_count(self.archive, 50, f"port {4000 + round_}")
                daemon.rotate()
        report = self.assert_content()
        packets = int(pktvault("query", "-a", self.archive, "--count").out)
        self.assertEqual(report["packets"], packets)
        self.assertEqual(report["segments"], len(self.segments()))
        self.assertEqual(report["chained"], len(self.segments()))
        self.assertEqual(report["indexes"], len(self.segments()))
        self.assertEqual(report["stored_bytes"], sum(os.path.getsize(s) for s in self.segments()))
        self.assert_content("--quick")

    def test_the_last_line(self):
        self.two_segments()
        self.assertEqual(pktvault("verify", "-a", self.archive).out.decode(),
                         "2 segments, 4 blocks, 7 packets: as recorded\n")
        self.assertEqual(pktvault("verify", "-a", self.archive, "--quick").out.decode(),
                         "2 segments: hashes and chain as recorded\n")

    def test_a_finding_is_a_line(self):
        first, _ = self.two_segments()
        os.remove(first)
        done = pktvault("verify", "-a", self.archive, "--quick", check=False)
        lines = done.out.decode().splitlines()
        self.assertEqual(done.status, 3)
        self.assertRegex(lines[0], f"^missing: {re.escape(self.relative(first))}: stands in chain.log, but .*; restore it")
        self.assertEqual(lines[-1], "1 segment: NOT as recorded: 0 damages, 1 thing missing")

    def status_without_reader(self, *options):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([pkvtest.program("pktvault"), "verify", "-a", self.archive, *options], stdout=writer,
                              stderr=subprocess.PIPE, check=False)
        os.close(writer)
        self.assertEqual(done.stderr, b"")
        return done.returncode

    def test_a_reader_that_goes_away_makes_nothing_as_recorded(self):
        first, second = self.two_segments()
        for options in ([], ["-T", "json"]):
            with self.subTest(options):
                self.assertEqual(self.status_without_reader(*options), 0)
                kept = read(first)
                os.remove(first)
                self.assertEqual(self.status_without_reader(*options), 3)
                # So many notes that it stops before its end.
                for i in range(1000):
                    write(os.path.join(os.path.dirname(second), f"stranger-{i}"), b"")
                self.assertEqual(self.status_without_reader(*options), 3)
                write(first, kept)
                self.assertEqual(self.status_without_reader(*options), 1)
                for i in range(1000):
                    os.remove(os.path.join(os.path.dirname(second), f"stranger-{i}"))

    def test_beside_a_running_daemon(self):
        with pkvtest.Daemon(self.archive, "--listen", "%s:%d" % LISTEN) as daemon:
            for round_ in range(5):
                pkvtest.send_vxlan(LISTEN, 9, 20, port=5000 + round_)
                daemon.rotate()
                status, findings, report = self.verify()
                self.assertEqual(status, 0, findings)
                self.assertEqual(report["open_segments"], 1)
                self.assertTrue(all("yet" in f["text"] or "write" in f["text"] for f in findings), findings)

    def test_nothing_is_changed(self):
        self.two_segments()
        before = self.state()
        self.assert_content()
        self.assertEqual(self.state(), before)

    @unittest.skipIf(os.geteuid() != 0, "needs root: to become a user who may only read")
    def test_by_a_user_who_may_only_read(self):
        self.two_segments()
        for directory, _, files in os.walk(self.directory):
            os.chmod(directory, 0o755)
            for name in files:
                os.chmod(os.path.join(directory, name), 0o644)
        done = pkvtest.as_nobody(self, "verify", "-a", self.archive)
        self.assertEqual((done.status, done.err), (0, ""), done.out)
        self.assertIn(b"as recorded", done.out)

    def test_no_archive(self):
        done = pktvault("verify", "-a", self.path("nothing"), check=False)
        self.assertEqual(done.status, 1)
        self.assertIn("no pktvault archive here", done.err)

    def test_wrong_usage(self):
        self.import_frames()
        for words in (["-T", "xml"], ["more"], ["--fast"]):
            self.assertEqual(pktvault("verify", "-a", self.archive, *words, check=False).status, 2)


class Flips(Verify):
    def undetected(self, path, which):
        """(offset, bit, noted) of flips that are not found."""
        done = subprocess.run([FLIP, self.archive, path, which], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=1500)
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = done.stdout.decode().splitlines()
        self.assertGreater(int(lines[-1]), 500)
        return [(int(l.split()[0]), int(l.split()[1]), l.endswith("note")) for l in lines[:-1]]

    def flipped(self, data, offset, bit):
        return data[:offset] + bytes([data[offset] ^ 1 << bit]) + data[offset + 1:]

    def rows(self, path):
        with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as database:
            database.text_factory = bytes
            tables = database.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1").fetchall()
            rows = [database.execute(f'SELECT * FROM "{name.decode()}"').fetchall() for (name,) in tables]
        database.close()
        return tables, rows

    def assert_same_rows(self, path, flips):
        """What is not found makes no difference to anybody."""
        data, rows = read(path), self.rows(path)
        for offset, bit, noted in flips:
            if noted:
                continue
            write(self.path("flipped"), self.flipped(data, offset, bit))
            self.assertEqual(self.rows(self.path("flipped")), rows, f"byte {offset}, bit {bit}")

    def test_every_bit_of_a_segment(self):
        self.import_frames(2)
        self.assertEqual(self.undetected(self.segments()[0], "all"), [])

    def test_every_bit_of_a_segment_that_no_hash_protects(self):
        """Where nothing is found, what comes out is the same."""
        self.import_frames(2)
        self.unchain()
        segment = self.segments()[0]
        data = read(segment)
        contents = pkvtest.run("lz4", "-dc", "--no-sparse", stdin=data).out
        for offset, bit, _ in self.undetected(segment, "all"):
            changed = pkvtest.run("lz4", "-dc", stdin=self.flipped(data, offset, bit)).out
            self.assertEqual(changed, contents, f"byte {offset}, bit {bit}")

    def test_bits_of_an_index(self):
        self.import_frames(2)
        path = self.index_of(self.segments()[0])
        self.assert_same_rows(path, self.undetected(path, "one"))

    def test_bits_of_the_catalog(self):
        self.import_frames(2)
        path = self.inside("catalog.sqlite")
        with sqlite3.connect(path) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        self.assert_same_rows(path, self.undetected(path, "one"))

    def test_bits_of_the_chain(self):
        self.import_frames(2)
        self.assertEqual(self.undetected(self.inside("chain.log"), "all"), [])


class Segments(Verify):
    def test_cut_anywhere(self):
        self.import_frames(2)
        segment, = self.segments()
        data, path = read(segment), self.relative(segment)
        for length in range(0, len(data), 7):
            write(segment, data[:length])
            self.assert_found("damage", path, "SHA-256 differs")
            self.assert_found("damage", path, "SHA-256 differs", "--quick")
        self.assertTrue(self.sha256sum_fails())

    def test_cut_anywhere_before_it_is_chained(self):
        self.import_frames(2)
        self.unchain()
        segment, = self.segments()
        data, path = read(segment), self.relative(segment)
        for length in [*range(0, len(data) - 5, 11), *range(len(data) - 5, len(data))]:
            write(segment, data[:length])
            self.assert_found("damage", path, "ends|frame header|holds nothing")

    def test_something_behind_the_end(self):
        segment, _ = self.two_segments()
        for more in (b"\0", b"\0\0\0\0", read(segment)):
            write(segment, read(segment) + more)
            self.assert_found("damage", self.relative(segment), "SHA-256 differs")
            self.assert_found("damage", self.relative(segment), "not at the end of the file")
        self.assertTrue(self.sha256sum_fails())

    def test_swapped(self):
        first, second = self.two_segments()
        a, b = read(first), read(second)
        write(first, b)
        write(second, a)
        for path in (first, second):
            self.assert_found("damage", self.relative(path), "SHA-256 differs")
            self.assert_found("damage", self.relative(path), "section header is that of lane .* renamed or replaced")
        self.assertTrue(self.sha256sum_fails())

    def test_swapped_before_they_are_chained(self):
        first, second = self.two_segments()
        self.unchain()
        a, b = read(first), read(second)
        write(first, b)
        write(second, a)
        for path in (first, second):
            self.assert_found("damage", self.relative(path), "renamed or replaced")

    def test_of_another_archive(self):
        self.two_segments()
        other = self.path("other")
        pktvault("import", "-a", other, self.write("o.pcap", pkvtest.pcap(frames(3))))
        self.unchain()
        path = self.segments()[0]
        write(path, read(self.segments(archive=other)[0]))
        self.assert_found("damage", self.relative(path), "belongs to another archive")

    def test_removed(self):
        first, _ = self.two_segments()
        os.remove(first)
        self.assert_found("missing", self.relative(first), "stands in chain.log, but is not there")
        self.assert_found("missing", self.relative(first), "stands in chain.log, but is not there", "--quick")
        _, findings, report = self.verify()
        self.assertEqual((report["missing"], report["damages"]), (1, 0), findings)
        self.assertIn("catalog.sqlite", [f["path"] for f in findings if f["finding"] == "note"])
        self.assertTrue(self.sha256sum_fails())

    def test_removed_and_forgotten_by_the_chain(self):
        _, last = self.two_segments()
        os.remove(last)
        lines = read(self.inside("chain.log")).splitlines(keepends=True)
        write(self.inside("chain.log"), b"".join(lines[:-2]))
        self.assert_found("missing", "catalog.sqlite", "table segment has rows of .* which is not there")
        findings = self.assert_found("missing", self.relative(self.index_of(last)), "segment of this index is not there")
        self.assertIn("lane 1000: number 2 is neither there nor in the chain", [f["text"] for f in findings])

    def test_removed_before_it_was_chained(self):
        _, last = self.two_segments()
        self.unchain()
        os.remove(last)
        self.assert_found("note", "segments", "lane 1000: number 2 is neither there nor in the chain")

    def test_sealed_and_not_chained_yet(self):
        segment, _ = self.two_segments()
        self.unchain()
        self.assert_found("note", self.relative(segment), "does not stand in chain.log yet")
        pktvault("index", "-a", self.archive)
        self.assert_content()

    def test_left_open_by_a_writer_that_died(self):
        daemon = pkvtest.Daemon(self.archive, "--listen", "%s:%d" % LISTEN)
        with daemon:
            pkvtest.send_vxlan(LISTEN, 9, 20)
            pkvtest.wait_for_count(self.archive, 20)
            daemon.kill()
        path, = self.segments(".open")
        self.assert_found("note", self.relative(path), "its writer died; .* with 20 packets are readable")
        pktvault("index", "-a", self.archive)
        self.assertEqual(self.assert_content()["packets"], 20)

    def test_damage_in_the_middle_of_an_open_segment(self):
        daemon = pkvtest.Daemon(self.archive, "--listen", "%s:%d" % LISTEN)
        with daemon:
            for count in (1, 2, 3):
                pkvtest.send_vxlan(LISTEN, 9, 1)
                pkvtest.wait_for_count(self.archive, count)
            daemon.kill()
        path, = self.segments(".open")
        data = bytearray(read(path))
        data[20] ^= 1
        write(path, bytes(data))
        self.assert_found("damage", self.relative(path), "stands among good ones")

    def test_an_open_file_beside_the_sealed_one(self):
        """Of two files of one name everybody reads the sealed one. What the other has may be lost."""
        first, second = self.two_segments()
        twin = first + ".open"
        data = read(first)
        write(twin, data)
        self.assert_found("note", self.relative(twin), "stands beside the sealed segment .* has all of it")
        for length in range(0, len(data), 5):  # as a backup of the open file may have it
            write(twin, data[:length])
            self.assert_found("note", self.relative(twin), "has all of it", "--quick")
        write(twin, data[:-4] + bytes(100))
        self.assert_found("note", self.relative(twin), "has all of it", "--quick")
        write(twin, read(second))
        self.assert_found("damage", self.relative(twin), "beside the sealed segment of its name, and differs from it")
        self.assertEqual(int(pktvault("query", "-a", self.archive, "--count").out), 7)
        self.assertEqual(int(pktvault("query", "-a", self.archive, "--count", "--no-index").out), 7)
        write(twin, b"nonsense" * 10)
        self.assert_found("damage", self.relative(twin), "differs from it")
        os.remove(twin)
        self.assert_content()

    def test_an_open_file_beside_a_damaged_one(self):
        """What the sealed one has lost may stand in the other."""
        segment, _ = self.two_segments()
        good = read(segment)
        write(segment + ".open", good)
        write(segment, good[:40] + bytes([good[40] ^ 1]) + good[41:])
        self.assert_found("damage", self.relative(segment + ".open"), "differs from it")
        write(segment, b"")
        self.assert_found("damage", self.relative(segment + ".open"), "differs from it")

    def test_in_a_wrong_directory(self):
        segment, _ = self.two_segments()
        wrong = os.path.join(os.path.dirname(os.path.dirname(segment)), "30")
        os.makedirs(wrong)
        moved = os.path.join(wrong, os.path.basename(segment))
        os.rename(segment, moved)
        self.assert_found("damage", self.relative(moved), "in a wrong directory")
        self.assert_found("missing", self.relative(segment), "is not there")

    def test_strangers(self):
        segment, _ = self.two_segments()
        strangers = [os.path.join(os.path.dirname(segment), "notes.txt"),
                     os.path.join(os.path.dirname(self.index_of(segment)), "x.sqlite"),
                     self.inside("segments", "lost+found"), self.inside("index", "2026.bak")]
        for path in strangers:
            write(path, b"stranger")
        for path in strangers:
            self.assert_found("note", self.relative(path), "does not belong here")


class Chain(Verify):
    def change(self, edit):
        lines = read(self.inside("chain.log")).splitlines(keepends=True)
        edit(lines)
        write(self.inside("chain.log"), b"".join(lines))

    def test_every_line_changed(self):
        self.two_segments()
        path = self.inside("chain.log")
        good = read(path)
        for number in range(6):
            def edit(lines, number=number):
                lines[number] = lines[number].replace(b"1", b"2", 1) if b"1" in lines[number] else \
                    lines[number].replace(b"a", b"b", 1)
            with self.subTest(line=number + 1):
                self.change(edit)
                self.assertNotEqual(read(path), good)
                self.assert_found("damage", "chain.log", "", "--quick")
                write(path, good)

    def test_every_line_removed(self):
        self.two_segments()
        path = self.inside("chain.log")
        good = read(path)
        for number in range(6):
            with self.subTest(line=number + 1):
                self.change(lambda lines: lines.pop(number))
                kind = "missing" if number == 5 else "damage"
                self.assert_found(kind, "chain.log", "")
                write(path, good)

    def test_a_segment_taken_out_of_the_chain(self):
        self.two_segments()
        good = read(self.inside("chain.log"))

        def remove_first(lines):
            del lines[2:4]
        self.change(remove_first)
        self.assert_found("damage", "chain.log", "line 3 does not continue the chain", "--quick")
        write(self.inside("chain.log"), good)

        def remove_last(lines):
            del lines[4:6]
        self.change(remove_last)
        self.assert_found("missing", "chain.log", "has no line for .* which the catalog has")

    def test_swapped_lines(self):
        self.two_segments()

        def swap(lines):
            lines[2:4], lines[4:6] = lines[4:6], lines[2:4]
        self.change(swap)
        self.assert_found("damage", "chain.log", "line 3 does not continue the chain", "--quick")

    def test_a_hash_edited_with_the_segment(self):
        """The chain tells, although the hash is that of the file."""
        segment, _ = self.two_segments()
        old = pkvtest.sha256(read(segment)).encode()
        data = bytearray(read(segment))
        data[-10] ^= 1
        write(segment, bytes(data))
        chain = read(self.inside("chain.log")).replace(old, pkvtest.sha256(bytes(data)).encode())
        write(self.inside("chain.log"), chain)
        self.assertFalse(self.sha256sum_fails())
        self.assert_found("damage", "chain.log", "line 3 does not continue the chain", "--quick")

    def test_one_change_is_told_once(self):
        self.two_segments()
        self.change(lambda lines: lines.__setitem__(0, lines[0].replace(b"host ", b"host x")))
        damages = [f for f in self.verify("--quick")[1] if f["finding"] == "damage"]
        self.assertEqual([(d["path"], d["offset"]) for d in damages], [("chain.log", 0)])

    def test_a_torn_end_is_what_a_crash_leaves(self):
        self.two_segments()
        good = read(self.inside("chain.log"))
        for torn in (b"0123", b"0123\0\0\0", b"ab" * 32 + b"  segments/2026/11/22/x.pcapng.lz4\n# cha"):
            write(self.inside("chain.log"), good + torn)
            self.assert_found("note", "chain.log", "the last line is not whole", "--quick")

    def test_past_its_limit(self):
        """Refused by its size: it is not read, and neither is memory taken for it."""
        self.two_segments()
        os.truncate(self.inside("chain.log"), 1 << 40)
        for options in ([], ["--quick"]):
            findings = self.assert_found("damage", "chain.log", "is larger than", *options)
            self.assertEqual(len(findings), 1, findings)

    def test_gone_or_empty(self):
        self.two_segments()
        write(self.inside("chain.log"), b"")
        self.assert_found("damage", "chain.log", "the file is empty", "--quick")
        os.remove(self.inside("chain.log"))
        self.assert_found("missing", "chain.log", "is not there", "--quick")


class Derived(Verify):
    def change(self, path, statement):
        with sqlite3.connect(path) as database:
            database.execute(statement)
        database.close()
        pkvtest.run(PUT_SUMS, path)

    def test_an_index_of_another_segment(self):
        first, second = self.two_segments()
        shutil.copyfile(self.index_of(second), self.index_of(first))
        findings = self.assert_found("damage", self.relative(self.index_of(first)), "table meta, row")
        self.assertEqual({f["path"] for f in findings}, {self.relative(self.index_of(first))})

    def test_a_missing_index(self):
        first, _ = self.two_segments()
        os.remove(self.index_of(first))
        self.assert_found("missing", self.relative(self.index_of(first)), "is not there")

    def test_no_index_at_all(self):
        self.two_segments()
        write(self.index_of(self.segments()[0]), b"")
        self.assert_found("damage", self.relative(self.index_of(self.segments()[0])), "not what its name says")

    def test_each_table_of_an_index(self):
        segment, _ = self.two_segments()
        path = self.index_of(segment)
        good = read(path)
        for statement, text in (
                ("UPDATE flow SET src_bytes = src_bytes + 1", "table flow, row 1: src_bytes is 247, by the segment 246"),
                ("UPDATE flow SET ordinals = x'00'", "table flow, row 1: ordinals"),
                ("DELETE FROM block", "table block has fewer rows"),
                ("INSERT INTO host VALUES (99, x'01020304', x'')", "table host has more rows"),
                ("UPDATE interface SET link_type = 101", "table interface, row 1: link_type is 101, by the segment 1"),
                ("UPDATE tunnel SET vni = 8 WHERE id = 1", "table tunnel, row 2: vni is 8, by the segment 7"),
                ("UPDATE meta SET value = 'x' WHERE key = 'uuid'", "table meta, row 11: value"),
                ("CREATE TABLE more (x)", "table sqlite_schema, row")):
            with self.subTest(statement):
                self.change(path, statement)
                self.assert_found("damage", self.relative(path), re.escape(text))
                write(path, good)

    def test_index_without_segment(self):
        segment, _ = self.two_segments()
        os.remove(segment)
        index = self.relative(self.index_of(segment))
        _, findings, _ = self.verify()
        self.assertIn((index, "note"), {(f["path"], f["finding"]) for f in findings})

    def test_a_missing_catalog_row(self):
        segment, _ = self.two_segments()
        stem = os.path.basename(segment).split(".pcapng")[0]
        self.change(self.inside("catalog.sqlite"), f"DELETE FROM segment WHERE name = '{stem}'")
        self.assert_found("missing", "catalog.sqlite", f"has no row for the segment {stem}")

    def test_each_table_of_the_catalog(self):
        self.two_segments()
        path = self.inside("catalog.sqlite")
        for statement, undo, text in (
                ("UPDATE segment SET packets = packets + 1", "UPDATE segment SET packets = packets - 1",
                 "table segment, row 1: packets is 4, by the segment 3"),
                ("INSERT INTO damage SELECT name, 1, 'x' FROM segment", "DELETE FROM damage",
                 "table damage has more rows"),
                ("INSERT INTO vni_name SELECT name, 1, 2, 'x' FROM segment", "DELETE FROM vni_name",
                 "table vni_name has more rows"),
                ("INSERT INTO loss VALUES ('nobody', 1, 'kernel', 1, 2, 3)", "DELETE FROM loss",
                 None)):
            with self.subTest(statement):
                self.change(path, statement)
                if text:
                    self.assert_found("damage", "catalog.sqlite", re.escape(text))
                else:
                    self.assert_found("missing", "catalog.sqlite", "table loss has rows of nobody")
                self.change(path, undo)
        self.assert_content()

    def test_no_catalog(self):
        self.two_segments()
        for name in os.listdir(self.archive):
            if name.startswith("catalog.sqlite"):
                os.remove(self.inside(name))
        self.assert_found("missing", "catalog.sqlite", "is not there")
        self.assertFalse(os.path.exists(self.inside("catalog.sqlite")))

    def test_rebuilding_makes_it_content(self):
        segment, _ = self.two_segments()
        write(self.index_of(segment), b"x" * 5000)
        write(self.inside("catalog.sqlite"), b"x" * 5000)
        self.assertEqual(self.verify()[0], 3)
        pktvault("index", "--rebuild", "-a", self.archive)
        self.assert_content()


if __name__ == "__main__":
    pkvtest.main()
