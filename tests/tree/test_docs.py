# SPDX-License-Identifier: BSD-2-Clause
"""docs/DESIGN.md is a page that knows every source file; links and named files of the documents exist."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import sources

DESIGN_LINES_MAX = 200


class Docs(unittest.TestCase):
    def test_the_design_page_is_short(self):
        self.assertLessEqual(len(sources.read("docs/DESIGN.md").splitlines()), DESIGN_LINES_MAX)

    def test_the_design_page_has_a_line_for_every_source_file(self):
        """In one place, alone or with its like; `foo.c` stands for foo.h too."""
        text = "\n".join(re.findall(r"^- (`.*)", sources.read("docs/DESIGN.md"), re.M))
        files = [f for f in sources.files() if f.endswith((".c", ".h", ".sql")) and not f.startswith(("tests/", "bench/"))]
        wanted = [f for f in files if not (f.endswith(".h") and f[:-2] + ".c" in files)]
        missing = [f for f in wanted if text.count(f"`{f}`") != 1]
        self.assertEqual(missing, [])

    def test_the_design_page_names_no_file_that_is_gone(self):
        named = re.findall(r"`([\w-]+/[\w/.-]+\.(?:c|h|sql))`", sources.read("docs/DESIGN.md"))
        self.assertEqual([n for n in named if not os.path.exists(os.path.join(sources.SOURCE, n))], [])

    def test_links_lead_somewhere(self):
        wrong = []
        for page in (f for f in sources.files() if f.endswith(".md") and not f.startswith("tests/data/")):
            for target in re.findall(r"\]\(([^)#\s]+)", sources.read(page)):
                if "://" not in target and not os.path.exists(
                        os.path.join(sources.SOURCE, os.path.dirname(page), target)):
                    wrong.append(f"{page}: {target}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
