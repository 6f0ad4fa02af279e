# SPDX-License-Identifier: BSD-2-Clause
"""Index and catalog with a bit flipped: every answer is the one that reading the segments gives. PKV_FLIPS: how many
of each kind; PKV_SEED: for others."""

import os
import random
import re
import sqlite3

import pkvtest
from pkvtest import pktvault

FLIPS = int(os.environ.get("PKV_FLIPS", "100"))
SEED = int(os.environ.get("PKV_SEED", 1))

NOON = 1_700_000_000
HOSTS = 40
QUESTIONS = (
    ("query", "host", "10.0.0.7"),
    ("query", "-S", f"@{NOON + 2}", "-U", f"@{NOON + 4}", "udp", "port", "1003"),
    ("query", "vni", "101", "and", "net", "10.0.0.0/29"),
    ("flows", "-T", "csv", "vni", "102", "or", "port", "1009"),
    ("flows", "-T", "csv", "--by", "host"),
)


def frame(number):
    """Of many hosts, ports and tunnels, so that there is much to be wrong about."""
    inner = pkvtest.udp_frame(f"10.0.0.{number % HOSTS}", 1000 + number % 13, f"10.0.1.{number % 7}", 53,
                              number.to_bytes(4, "big").ljust(10 + number % 90, b"."))
    return pkvtest.udp_frame("192.0.2.1", 40000, "192.0.2.2", 4789, pkvtest.vxlan(100 + number % 5, inner))


class Damage(pkvtest.Case):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        print(f"PKV_SEED={SEED}", flush=True)
        for segment in range(4):
            start, packets = (NOON + segment * 2) * 10**9, 700 if segment else 6000
            path = self.write(f"{segment}.pcap", pkvtest.pcap(
                [(start + i * 10**6 // 4, frame(segment * 10007 + i)) for i in range(packets)]))
            pktvault("import", "-a", self.archive, path)
        self.true = [self.ask(question, "--no-index") for question in QUESTIONS]
        self.assertTrue(all(status == 0 and out.count(b"\n") > 3 for status, out in self.true))

    def ask(self, question, *options):
        done = pktvault(question[0], "-a", self.archive, "--utc", *options, *question[1:], check=False)
        return done.status, done.out

    def assert_true_answers(self, what):
        for question, true in zip(QUESTIONS, self.true):
            status, out = self.ask(question)
            if (status, out) != true:
                self.fail(f"{what}: {' '.join(question)}: status {status}, {len(out)} bytes instead of {len(true[1])} "
                          f"(PKV_SEED={SEED})")

    def indexes(self):
        return sorted(s.replace("/segments/", "/index/").replace(".pcapng.lz4", ".sqlite") for s in self.segments())

    def flip_bits(self, path):
        """One at a time, anywhere."""
        with open(path, "rb") as file:
            good = file.read()
        for _ in range(FLIPS):
            offset, bit = self.random.randrange(len(good)), self.random.randrange(8)
            with open(path, "r+b") as file:
                file.seek(offset)
                file.write(bytes([good[offset] ^ 1 << bit]))
            self.assert_true_answers(f"{os.path.relpath(path, self.archive)}: byte {offset}, bit {bit}")
            with open(path, "r+b") as file:
                file.seek(offset)
                file.write(good[offset:offset + 1])
        self.assert_true_answers("as it was")

    def test_bits_of_a_large_index(self):
        self.flip_bits(max(self.indexes(), key=os.path.getsize))

    def test_bits_of_a_small_index(self):
        self.flip_bits(min(self.indexes(), key=os.path.getsize))

    def test_bits_of_the_catalog(self):
        self.flip_bits(os.path.join(self.archive, "catalog.sqlite"))

    def test_bits_of_the_summaries(self):
        """Those that a query relies on most."""
        path = os.path.join(self.archive, "catalog.sqlite")
        with open(path, "rb") as file:
            data = file.read()
        database = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
        filters = {row[0] for row in database.execute(
            "SELECT addresses FROM summary UNION ALL SELECT ports FROM summary_ports")}
        database.close()
        places = [(m.start(), len(f)) for f in filters for m in re.finditer(re.escape(f), data)]
        self.assertEqual(len(places), 8)
        for _ in range(FLIPS):
            start, length = self.random.choice(places)
            ones = [i for i in range(start * 8, (start + length) * 8) if data[i // 8] >> i % 8 & 1]
            at = self.random.choice(ones)
            with open(path, "r+b") as file:
                file.seek(at // 8)
                file.write(bytes([data[at // 8] & ~(1 << at % 8)]))
            self.assert_true_answers(f"byte {at // 8}, bit {at % 8} of a filter")
            with open(path, "wb") as file:
                file.write(data)

    def test_pages_in_the_place_of_others(self):
        path = max(self.indexes(), key=os.path.getsize)
        with open(path, "rb") as file:
            good = file.read()
        size = int.from_bytes(good[16:18], "big")
        for at in range(size, len(good) - size, size):
            with open(path, "wb") as file:
                file.write(good[:at] + good[at + size:at + 2 * size] + good[at:at + size] + good[at + 2 * size:])
            self.assert_true_answers(f"pages at {at}")


if __name__ == "__main__":
    pkvtest.main()
