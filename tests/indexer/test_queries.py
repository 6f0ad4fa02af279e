# SPDX-License-Identifier: BSD-2-Clause
"""The examples of docs/QUERIES.md give what is printed there."""

import glob
import os
import re
import unittest

import support
from support import DATA, GENEVE, HTTP, run

VXLAN = os.path.join(DATA, "the-tcpdump-group+tcpdump/tests/vxlan.pcap")
IPV6 = os.path.join(DATA, "AlexeyVasilev+PcapFlowLab/tests/data/parsing/vxlan/14_vxlan_outer_ipv6_inner_ipv4_tcp.pcap")


class Queries(support.Case):
    def setUp(self):
        super().setUp()
        for capture, lane in ((HTTP, 0), (GENEVE, 0), (VXLAN, 0), (IPV6, 1)):
            self.make(capture, lane)
        self.index()

    def answer(self, kind, text):
        if kind == "sh":
            return run("sh", "-ec", f"cd {self.directory}\n{text}").stdout.decode()
        catalog = re.search(r"FROM (loss|segment)\b", text)
        path = self.path("catalog.sqlite") if catalog else glob.glob(self.path("index/2015/02/01/*"))[0]
        return run("sqlite3", "-box", "-readonly", path, text).stdout.decode()

    def test_examples(self):
        with open(os.path.join(support.SOURCE, "docs/QUERIES.md")) as file:
            examples = re.findall(r"```(sql|sh)\n(.*?)```\n```text\n(.*?)```", file.read(), re.DOTALL)
        self.assertEqual(len(examples), 5)
        for kind, text, expected in examples:
            with self.subTest(text):
                self.assertEqual(self.answer(kind, text), expected)


if __name__ == "__main__":
    unittest.main()
