# SPDX-License-Identifier: BSD-2-Clause
"""What the indexer makes again, finishes, recovers and follows."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import unittest

import support
from pkvtest import wait_until
from support import GENEVE, HTTP, run, tool

NOBODY = 65534


class Live:
    """An indexer that follows an archive until the block ends."""

    def __init__(self, archive):
        self.process = subprocess.Popen([tool("run_indexer"), archive, "live"], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.said = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.stop(kind is None)

    def stop(self, expected=True):
        """What it said. It leaves with 0, unless the test has killed it."""
        if self.said is None:
            self.said = self.process.communicate()[1].decode()
        if expected and self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"the indexer left with {self.process.returncode}\n{self.said}")
        return self.said


class Follower(support.Case):
    def two_segments(self):
        self.make(HTTP)
        self.make(GENEVE, lane=1)
        self.index()
        return self.derived(), support.read(self.path("chain.log"))

    def change_catalog(self, *statements):
        database = sqlite3.connect(self.path("catalog.sqlite"))
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()
        support.put_sums(self.path("catalog.sqlite"))

    def assert_made_again(self, before, segments):
        derived, chain = before
        self.assertEqual(self.index()["segments"], segments)
        self.assertEqual(self.derived(), derived)
        self.assertEqual(support.read(self.path("chain.log")), chain)
        self.assertEqual(self.index()["segments"], 0)

    def test_a_rebuild_gives_the_same(self):
        before = self.two_segments()
        self.assertEqual(self.index("rebuild")["segments"], 2)
        self.assert_made_again(before, 0)

    def test_a_deleted_index_is_made_again(self):
        before = self.two_segments()
        os.remove(self.indexes()[0])
        self.assert_made_again(before, 1)

    def test_a_deleted_directory_of_indexes_is_made_again(self):
        before = self.two_segments()
        shutil.rmtree(self.path("index"))
        self.assert_made_again(before, 2)

    def test_deleted_catalog_rows_are_made_again(self):
        before = self.two_segments()
        self.change_catalog("DELETE FROM segment WHERE lane = 1")
        self.assert_made_again(before, 1)

    def test_a_deleted_catalog_is_made_again(self):
        before = self.two_segments()
        for name in os.listdir(self.archive):
            if name.startswith("catalog.sqlite"):
                os.remove(self.path(name))
        self.assert_made_again(before, 2)

    def test_a_crash_between_index_and_chain_is_finished(self):
        before = self.two_segments()
        lines = before[1].splitlines(keepends=True)
        with open(self.path("chain.log"), "wb") as file:
            file.writelines(lines[:-2])
        self.change_catalog("DELETE FROM segment WHERE name IN (SELECT max(name) FROM segment)")
        self.assert_made_again(before, 1)

    def test_a_crash_while_the_index_is_written_is_finished(self):
        before = self.two_segments()
        os.rename(self.indexes()[0], self.indexes()[0] + ".new")
        with open(self.indexes()[0], "ab") as file:
            file.write(b"torn")
        self.assert_made_again(before, 1)

    def test_damaged_catalogs_are_made_anew(self):
        derived, chain = self.two_segments()
        size = os.path.getsize(self.path("catalog.sqlite"))
        for offset, garbage in ((0, b"no database at all"), (100, b"\xff" * 3000), (4096, b"\x5a" * (size - 4096))):
            with self.subTest(offset=offset):
                with open(self.path("catalog.sqlite"), "r+b") as file:
                    file.seek(offset)
                    file.write(garbage)
                for name in ("catalog.sqlite-wal", "catalog.sqlite-shm"):
                    os.remove(self.path(name))
                report = self.index()
                self.assertIn("the catalog is made anew", report["log"])
                self.assertEqual(report["segments"], 2)
                self.assertEqual(self.derived(), derived)
                self.assertEqual(support.read(self.path("chain.log")), chain)

    def test_a_catalog_of_another_version_is_made_anew(self):
        before = self.two_segments()
        self.change_catalog("PRAGMA user_version = 99")
        self.assert_made_again(before, 2)

    def test_a_segment_that_is_gone_leaves_the_catalog(self):
        self.two_segments()
        os.remove(self.segments()[0])
        self.index()
        self.assertEqual(len(self.catalog("SELECT * FROM segment")), 1)
        self.assertEqual(len(self.indexes()), 1)

    def test_segments_that_are_all_gone_stay_in_the_catalog(self):
        self.two_segments()
        for name in self.segments():
            os.remove(name)
        self.index()
        self.assertEqual(len(self.catalog("SELECT * FROM segment")), 2)

    def test_a_changed_segment_is_reported_and_the_chain_kept(self):
        _, chain = self.two_segments()
        name = self.segments()[0]
        with open(name, "r+b") as file:
            file.seek(-10, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-10, os.SEEK_END)
            file.write(bytes([byte ^ 1]))
        report = self.index("rebuild")
        self.assertIn("hash differs from chain.log", report["log"])
        self.assertEqual(report["failed"], 1)
        self.assertEqual(support.read(self.path("chain.log")), chain)
        rows = self.catalog("SELECT name, offset, reason FROM damage ORDER BY offset")
        self.assertIn((os.path.basename(name).split(".pcapng")[0], -1, "hash differs from chain.log"), rows)

    def test_a_corrupt_block_costs_that_block(self):
        capture = os.path.join(self.directory, "many.pcap")
        run("mergecap", "-a", "-F", "pcap", "-w", capture, *[GENEVE] * 40)
        self.make(capture)
        self.index()
        blocks = self.sql(self.indexes()[0], "SELECT offset, stored_bytes, packets FROM block ORDER BY id")
        self.assertGreater(len(blocks), 2)
        with open(self.segments()[0], "r+b") as file:
            file.seek(blocks[1][0] + 20)
            file.write(b"\xff\xff\xff\xff")
        report = self.index("rebuild")
        self.assertEqual(report["packets"], 40 * 39 - blocks[1][2])
        self.assertEqual(report["failed"], 1)
        self.assertIn(blocks[1][0], [row[0] for row in self.catalog("SELECT offset FROM damage")])
        after = self.sql(self.indexes()[0], "SELECT offset, stored_bytes, packets FROM block ORDER BY id")
        self.assertEqual(after, blocks[:1] + blocks[2:])
        self.assertNotIn(self.directory, "".join(row[0] for row in self.catalog("SELECT reason FROM damage")))

    def test_trailing_garbage_is_hashed_and_reported(self):
        self.make(HTTP)
        with open(self.segments()[0], "ab") as file:
            file.write(b"garbage")
        self.assertEqual(self.index()["failed"], 1)
        self.assertEqual(run("sh", "-c", f"cd {self.archive} && sha256sum -c chain.log").returncode, 0)
        self.assertEqual(self.catalog("SELECT packets FROM segment"), [(12,)])

    def test_a_file_that_is_no_segment_is_damage(self):
        self.make(HTTP)
        with open(self.segments()[0], "wb") as file:
            file.write(b"something else")
        self.assertEqual(self.index()["failed"], 1)
        self.assertEqual(self.catalog("SELECT packets FROM segment"), [(0,)])
        self.assertEqual(self.catalog("SELECT offset FROM damage"), [(0,)])

    def test_what_a_dead_writer_left_is_sealed(self):
        self.make(HTTP, mode="unsealed")
        self.assertTrue(self.segments()[0].endswith(".open"))
        report = self.index()
        self.assertEqual((report["recovered"], report["packets"]), (1, 12))
        self.assertFalse(self.segments()[0].endswith(".open"))
        self.assertEqual(self.catalog("SELECT recovered, end_ns >= last_ns FROM segment"), [(1, 1)])
        run("sh", "-c", f"cd {self.archive} && sha256sum -c chain.log")

    def test_a_rebuild_after_flipped_bits_anywhere_ends(self):
        self.make(GENEVE)
        good = support.read(self.segments()[0])
        chooser = random.Random(1)
        for _ in range(60):
            data = bytearray(good)
            for _ in range(chooser.randrange(1, 4)):
                data[chooser.randrange(len(data))] ^= 1 << chooser.randrange(8)
            with open(self.segments()[0], "wb") as file:
                file.write(data)
            self.assertEqual(self.index("rebuild")["segments"], 1)

    def chained(self):
        """Each segment with its hash, once; which of them came first is left to chance where one had to be tried again."""
        return sorted(line for line in support.read(self.path("chain.log")).splitlines() if not line.startswith(b"#"))

    def test_after_any_operation_that_fails_the_next_run_finishes(self):
        self.make(HTTP)
        self.make(GENEVE, lane=1, mode="unsealed")
        shutil.copytree(self.archive, os.path.join(self.directory, "good"))
        self.index()
        expected = [sorted(lines) for lines in self.derived().values()]
        chained = self.chained()
        operation, reached = 0, True
        while reached:
            operation += 1
            shutil.rmtree(self.archive)
            shutil.copytree(os.path.join(self.directory, "good"), self.archive)
            report = self.index("fail", operation, check=False)
            reached = "unreached" not in report["log"]
            self.assertIn(report["rc"], (0, -1, -2), report["log"])
            self.assertNotIn("Sanitizer", report["log"])
            self.index()
            self.assertEqual([sorted(lines) for lines in self.derived().values()], expected, f"operation {operation}")
            self.assertEqual(self.chained(), chained)
        self.assertGreater(operation, 100)

    def test_only_one_indexer_runs(self):
        self.make(HTTP)
        with Live(self.archive):
            wait_until(lambda: self.indexes(), "the first index")
            report = self.index(check=False)
            self.assertEqual(report["rc"], -8)

    def has(self, segments):
        try:
            return self.catalog("SELECT count(*) FROM segment") == [(segments,)]
        except sqlite3.OperationalError:
            return False

    def test_what_is_sealed_while_it_runs_is_indexed(self):
        self.make(HTTP)
        with Live(self.archive):
            wait_until(lambda: self.has(1), "the first segment")
            self.make(GENEVE, lane=1000, mode="import")
            wait_until(lambda: self.has(2), "the second segment")
        live = self.derived()
        self.index("rebuild")
        self.assertEqual(self.derived(), live)

    def follows_an_open_segment(self, process):
        directory = f"/proc/{process.pid}/fd"
        links = []
        for name in os.listdir(directory):
            try:
                links.append(os.readlink(os.path.join(directory, name)))
            except FileNotFoundError:
                pass
        return any(link.endswith(".open") for link in links)

    def test_a_segment_that_is_followed_while_it_grows_is_indexed_as_if_it_were_read_at_once(self):
        capture = os.path.join(self.directory, "many.pcap")
        run("mergecap", "-a", "-F", "pcap", "-w", capture, *[GENEVE] * 100)
        data = support.read(capture)
        self.make(HTTP, lane=3)
        with Live(self.archive) as live:
            writer = subprocess.Popen([tool("make_segment"), self.archive, "-", "0", "live"], stdin=subprocess.PIPE)
            half = len(data) // 2
            writer.stdin.write(data[:half])
            writer.stdin.flush()
            wait_until(lambda: self.follows_an_open_segment(live.process), "the open segment is followed")
            writer.stdin.write(data[half:])
            writer.stdin.close()
            self.assertEqual(writer.wait(), 0)
            wait_until(lambda: self.has(2), "the segment that was followed")
        followed, chain = self.derived(), support.read(self.path("chain.log"))
        self.assertEqual(self.catalog("SELECT packets FROM segment WHERE lane = 0"), [(3900,)])
        self.index("rebuild")
        self.assertEqual(self.derived(), followed)
        self.assertEqual(support.read(self.path("chain.log")), chain)
        run("sh", "-c", f"cd {self.archive} && sha256sum -c chain.log")

    def test_a_segment_whose_writer_dies_while_it_is_followed_is_sealed_and_indexed(self):
        self.make(HTTP, lane=3)
        capture = os.path.join(self.directory, "many.pcap")
        run("mergecap", "-a", "-F", "pcap", "-w", capture, *[GENEVE] * 100)
        with Live(self.archive) as live:
            writer = subprocess.Popen([tool("make_segment"), self.archive, "-", "0", "live"], stdin=subprocess.PIPE)
            writer.stdin.write(support.read(capture))
            writer.stdin.flush()
            wait_until(lambda: self.follows_an_open_segment(live.process), "the open segment is followed")
            writer.kill()
            writer.communicate()
            wait_until(lambda: self.has(2), "the segment that was sealed for the dead")
        self.assertEqual(self.catalog("SELECT recovered FROM segment WHERE lane = 0"), [(1,)])
        followed = self.derived()
        self.index("rebuild")
        self.assertEqual(self.derived(), followed)

    def test_a_catalog_deleted_while_it_runs_is_made_again(self):
        self.make(HTTP)
        with Live(self.archive) as live:
            wait_until(lambda: self.has(1), "the segment")
            for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
                os.remove(self.path(name))
            wait_until(lambda: os.path.exists(self.path("catalog.sqlite")) and self.has(1), "the catalog again")
            self.assertIn("deleted", live.stop())

    def test_waiting_for_another_indexer(self):
        self.make(HTTP)
        with Live(self.archive):
            wait_until(lambda: self.has(1), "the first segment")
            self.make(GENEVE, lane=1000, mode="import")
            self.assertEqual(self.index("wait")["rc"], 0)
            self.assertTrue(self.has(2))

    def test_waiting_takes_over_from_an_indexer_that_dies(self):
        self.make(HTTP)
        with Live(self.archive) as live:
            wait_until(lambda: self.has(1), "the first segment")
            live.process.send_signal(signal.SIGSTOP)
            self.make(GENEVE, lane=1000, mode="import")
            waiting = subprocess.Popen([tool("run_indexer"), self.archive, "wait"], stdout=subprocess.PIPE)
            live.process.kill()
            self.assertEqual(waiting.communicate(timeout=60)[0].split()[0], b"0")
        self.assertTrue(self.has(2))


@unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
class Stranger(support.Case):
    """A reader of the archive who may not write it."""

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        self.make(HTTP)

    def read_as_nobody(self):
        run("chmod", "-R", "go+rX", self.archive)
        tools = os.path.join(self.directory, "read_catalog")
        shutil.copy(tool("read_catalog"), tools)
        done = run("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", tools, self.archive,
                   check=False)
        return done.returncode, done.stdout.strip(), done.stderr.decode()

    def test_reads_after_a_clean_stop(self):
        self.index()
        self.assertTrue(os.path.exists(self.path("catalog.sqlite-wal")))
        self.assertEqual(self.read_as_nobody(), (0, b"1", ""))

    def test_reads_where_wal_and_shm_have_been_deleted(self):
        self.index()
        os.remove(self.path("catalog.sqlite-wal"))
        os.remove(self.path("catalog.sqlite-shm"))
        self.assertEqual(self.read_as_nobody(), (0, b"1", ""))

    def test_reads_while_the_indexer_runs(self):
        with Live(self.archive):
            wait_until(lambda: self.indexes() and os.path.getsize(self.path("catalog.sqlite-wal")), "the index")
            wait_until(lambda: self.read_as_nobody() == (0, b"1", ""), "the segment in the catalog")

    def test_is_told_when_the_wal_cannot_be_used(self):
        self.index()
        database = sqlite3.connect(self.path("catalog.sqlite"))
        database.execute("INSERT INTO meta VALUES ('left', 'in the WAL')")
        database.commit()
        wal = support.read(self.path("catalog.sqlite-wal"))
        database.close()
        with open(self.path("catalog.sqlite-wal"), "wb") as file:
            file.write(wal)
        if os.path.exists(self.path("catalog.sqlite-shm")):
            os.remove(self.path("catalog.sqlite-shm"))
        status, _, text = self.read_as_nobody()
        self.assertEqual(status, 1)
        self.assertIn("catalog.sqlite", text)

    def test_changes_nothing(self):
        self.index()
        before = {name: support.read(self.path(name)) for name in ("catalog.sqlite", "catalog.sqlite-wal")}
        self.read_as_nobody()
        self.assertEqual(before, {name: support.read(self.path(name)) for name in before})


if __name__ == "__main__":
    unittest.main()
