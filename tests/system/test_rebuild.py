# SPDX-License-Identifier: BSD-2-Clause
"""Index and catalog are derived: deleted and rebuilt they hold the same; the chain stays and is checked by sha256sum."""

import os
import shutil

import pkvtest
from pkvtest import pktvault


class Rebuild(pkvtest.Case):
    def import_all(self, root):
        files = [os.path.join(root, c.path) for c in pkvtest.listed_captures(root)]
        done = pktvault("import", "--again", "-a", self.archive, *files, check=False)
        # Broken captures are among them: 1 or 3.
        self.assertIn(done.status, (0, 1, 3), done.err)

    def delete_derived(self):
        shutil.rmtree(os.path.join(self.archive, "index"))
        for name in os.listdir(self.archive):
            if name.startswith("catalog.sqlite"):
                os.remove(os.path.join(self.archive, name))

    def chain(self):
        with open(os.path.join(self.archive, "chain.log"), "rb") as file:
            return file.read()

    def assert_chain_is_good(self):
        checked = pkvtest.run("sha256sum", "-c", "chain.log", cwd=self.archive).out.decode().splitlines()
        self.assertEqual(len(checked), len(self.segments()))
        self.assertTrue(all(line.endswith(": OK") for line in checked))

    def assert_rebuilt_the_same(self):
        before, chain = pkvtest.derived(self.archive), self.chain()
        self.assertEqual(len(before), 1 + len(self.segments()))
        self.delete_derived()
        pktvault("index", "--rebuild", "-a", self.archive)
        after = pkvtest.derived(self.archive)
        self.assertEqual(sorted(before), sorted(after))
        for name, text in before.items():
            self.assertEqual(text, after[name], name)
        self.assertEqual(chain, self.chain())
        self.assert_chain_is_good()

    def test_after_importing(self):
        self.import_all(pkvtest.DATA)
        self.assert_rebuilt_the_same()

    @pkvtest.needs_captures
    def test_after_importing_the_large_set(self):
        self.import_all(pkvtest.CAPTURES)
        self.assert_rebuilt_the_same()

    def test_rebuild_without_deleting_anything(self):
        self.import_all(pkvtest.DATA)
        before = pkvtest.derived(self.archive)
        pktvault("index", "--rebuild", "-a", self.archive)
        self.assertEqual(before, pkvtest.derived(self.archive))

    def test_after_recording_live_with_rotation_and_sighup(self):
        with pkvtest.Daemon(self.archive, "--listen", "127.0.0.1:4789") as daemon:
            for round_ in range(3):
                pkvtest.send_vxlan(("127.0.0.1", 4789), 100, 50, port=4000 + round_)
                pkvtest.wait_for_count(self.archive, 50 * (round_ + 1))
                daemon.rotate()
        self.assertGreaterEqual(len(self.segments()), 3)
        pktvault("index", "-a", self.archive)
        self.assert_rebuilt_the_same()
        self.assertEqual(len(self.query_packets()), 150)

    def test_restored_from_a_backup(self):
        self.import_all(pkvtest.DATA)
        before, there = pkvtest.derived(self.archive), self.path("restored")
        shutil.copytree(os.path.join(self.archive, "segments"), os.path.join(there, "segments"))
        shutil.copy(os.path.join(self.archive, "chain.log"), there)
        pktvault("index", "-a", there)
        self.assertEqual(before, pkvtest.derived(there))
        pktvault("verify", "-a", there)

    def test_a_segment_moved_into_an_archive_of_its_own(self):
        self.import_all(pkvtest.DATA)
        packets, there = self.query_packets(), self.path("there")
        moved = os.path.relpath(self.segments()[0], self.archive)
        os.makedirs(os.path.join(there, os.path.dirname(moved)))
        shutil.move(os.path.join(self.archive, moved), os.path.join(there, moved))
        shutil.copy(os.path.join(self.archive, "chain.log"), there)
        pktvault("index", "-a", there)
        pktvault("index", "-a", self.archive)
        self.assertLess(len(self.query_packets()), len(packets))
        self.assertEqual(sorted(self.query_packets("-a", there), key=repr), sorted(packets, key=repr))

    def test_the_catalog_alone(self):
        self.import_all(pkvtest.DATA)
        before = pkvtest.derived(self.archive)
        for name in os.listdir(self.archive):
            if name.startswith("catalog.sqlite"):
                os.remove(os.path.join(self.archive, name))
        # A query needs neither; it says that it reads the segments.
        count = int(pktvault("query", "-a", self.archive, "--count").out)
        self.assertEqual(count, sum(c.packets for c in pkvtest.listed_captures(pkvtest.DATA)))
        pktvault("index", "-a", self.archive)
        self.assertEqual(before, pkvtest.derived(self.archive))

    def test_a_changed_segment_is_found_by_sha256sum(self):
        self.import_all(pkvtest.DATA)
        victim = self.segments()[0]
        with open(victim, "r+b") as file:
            file.seek(40)
            byte = file.read(1)
            file.seek(40)
            file.write(bytes([byte[0] ^ 1]))
        checked = pkvtest.run("sha256sum", "-c", "chain.log", cwd=self.archive, check=False)
        self.assertEqual(checked.status, 1)
        self.assertEqual(checked.out.decode().count("FAILED"), 1)

    def test_the_chain_links_every_segment(self):
        """Anybody can compute it: SHA-256 of the chain before, the line, each ended by a newline."""
        self.import_all(pkvtest.DATA)
        lines = self.chain().decode().splitlines()
        self.assertRegex(lines[0], r"^# pktvault archive [0-9a-f-]{36} host \S+ created \S+Z$")
        chain = pkvtest.sha256(f"{lines[0]}\n".encode())
        self.assertEqual(lines[1], f"# chain {chain}")
        self.assertEqual(len(lines), 2 + 2 * len(self.segments()))
        for line, link in zip(lines[2::2], lines[3::2]):
            chain = pkvtest.sha256(f"{chain}\n{line}\n".encode())
            self.assertEqual(link, f"# chain {chain}")


if __name__ == "__main__":
    pkvtest.main()
