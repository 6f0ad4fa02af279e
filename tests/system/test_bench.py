# SPDX-License-Identifier: BSD-2-Clause
"""What bench/ needs beside other programs still works; what it measures is not asserted."""

import os
import sys

import pkvtest
from pkvtest import pktvault

SEGMENTS = 300


class Bench(pkvtest.Case):
    def test_a_synthetic_catalog_rules_out_what_no_segment_has(self):
        pkvtest.run(os.path.join(pkvtest.BUILD, "bench", "bench_catalog"), self.archive, SEGMENTS)
        for expression in ("host 198.51.100.9", "vni 9999"):
            none = pktvault("query", "-a", self.archive, *expression.split())
            self.assertIn(f"0 packets, 0 flows, 0 of {SEGMENTS} segments", none.err)

    def test_the_segment_that_has_it_is_read(self):
        pkvtest.run(os.path.join(pkvtest.BUILD, "bench", "bench_catalog"), self.archive, SEGMENTS)
        for expression in ("host 192.0.2.77", "vni 4711", "port 31337"):
            one = pktvault("query", "-a", self.archive, *expression.split(), check=False)
            self.assertEqual(one.status, 3, one.err)  # its file is empty

    def test_the_comparisons_are_there(self):
        done = pkvtest.run(sys.executable, "-B", os.path.join(pkvtest.SOURCE, "bench", "run"), "--help")
        for name in ("imports", "growth", "needle", "busy_host", "live", "loss", "memory", "findable", "stenographer"):
            self.assertIn(name, done.out.decode())


if __name__ == "__main__":
    pkvtest.main()
