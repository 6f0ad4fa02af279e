# SPDX-License-Identifier: BSD-2-Clause
"""Habits that hold for every file."""

import os
import re
import statistics
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import sources

FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN_MAX = 18
FILE_LINES_MAX = 400

# What is called a maximum, but is a fact and no limit of ours.
FACTS = ["PKV__UDP_HEADERS_MAX_BYTES"]  # Ethernet, IPv6 and UDP


def functions(path):
    """(name, first line, lines) of each function, by the braces in column 0 that clang-format leaves."""
    lines = sources.read(path).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = " ".join(lines[max(0, start - 6):start])
            names = re.findall(r"(\w+)\((?![^()]*\)\()", head)
            yield names[-1] if names else "?", start + 1, number - start + 1
            start = None


class Tree(unittest.TestCase):
    def setUp(self):
        self.files = sources.files()
        self.own = [f for f in self.files if not f.startswith("tests/data/")]
        self.product = [f for f in sources.c_files() if not f.startswith("tests/")]

    def test_no_generated_files(self):
        generated = re.compile(r"\.(o|a|so|pyc|gcda|gcno|open|sqlite|orig|rej|log|swp)$|~$|__pycache__|compile_commands|"
                               r"CMakeCache|\.ninja_|(^|/)build/")
        self.assertEqual([f for f in self.own if generated.search(f)], [])

    def test_no_paths_of_one_machine(self):
        machine = re.compile("(?<![\\w.}$])/(ho" + "me|ro" + "ot|wo" + "rk|Use" + "rs)/|/t" + "mp/(?!pktvault-|pk[\\w-]*XXXXXX)\\w")
        wrong = []
        for path in self.own:
            for number, line in enumerate(self.lines(path), 1):
                if machine.search(line):
                    wrong.append(f"{path}:{number}: {line.strip()}")
        self.assertEqual(wrong, [])

    def lines(self, path):
        try:
            return sources.read(path).splitlines()
        except UnicodeDecodeError:
            return []

    def test_licence_lines(self):
        wrong = []
        for path in self.own:
            lines = self.lines(path)[:2]
            if path.endswith((".c", ".h")):
                if not lines or lines[0] != "/* SPDX-License-Identifier: BSD-2-Clause */":
                    wrong.append(path)
            elif path.endswith((".py", ".cmake", ".sh", "CMakeLists.txt")) or path.startswith("scripts/"):
                if not any("SPDX-License-Identifier: BSD-2-Clause" in line for line in lines):
                    wrong.append(path)
        self.assertEqual(wrong, [])

    def test_nothing_is_left_to_do_in_comments(self):
        mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
        wrong = [f"{p}:{n}" for p in self.own if p.endswith((".c", ".h", ".py", ".sh", ".sql", ".txt", ".cmake"))
                 for n, line in enumerate(self.lines(p), 1) if mark.search(line)]
        self.assertEqual(wrong, [])

    def test_every_limit_is_used(self):
        limits = re.findall(r"#define (PKV__\w+)", sources.read("base/limits.h"))
        limits = [name for name in limits if not name.endswith("_H")]
        self.assertGreater(len(limits), 20)
        text = {p: sources.read(p) for p in self.product}
        unused = []
        for name in limits:
            uses = sum(len(re.findall(rf"\b{name}\b", t)) for t in text.values())
            if uses < 2:
                unused.append(name)
        self.assertEqual(unused, [])

    def test_every_limit_has_one_place(self):
        """A number that bounds something is written down in base/limits.h and nowhere else."""
        wrong = [f"{p}:{n}: {line.strip()}" for p in self.product if p not in ("base/limits.h",)
                 for n, line in enumerate(self.lines(p), 1)
                 if re.match(r"#define\s+PKV__\w*(_MAX|_LIMIT)\w*\s+\(?\d", line)
                 and not any(fact in line for fact in FACTS)]
        self.assertEqual(wrong, [])

    def test_functions_are_short(self):
        found = [(path, *f) for path in self.product for f in functions(path)]
        self.assertGreater(len(found), 100)
        long = [f"{path}:{line}: {name} has {count} lines" for path, name, line, count in found
                if count > FUNCTION_LINES_MAX]
        self.assertEqual(long, [])
        self.assertLessEqual(statistics.median(count for *_, count in found), FUNCTION_LINES_MEDIAN_MAX)

    def test_files_are_short(self):
        long = [f"{p}: {len(self.lines(p))}" for p in self.product if len(self.lines(p)) > FILE_LINES_MAX]
        self.assertEqual(long, [])

    def test_bytes_of_packets_are_read_by_the_cursor_only(self):
        """Byte order functions and shifts of packet bytes stand in base/cursor.h; sockets need htons."""
        wrong = [f"{p}:{n}: {line.strip()}" for p in self.product
                 if p.startswith(("packet/", "flow/", "archive/", "indexer/", "query/"))
                 for n, line in enumerate(self.lines(p), 1)
                 if "->s_port" not in line and re.search(r"\b(ntohs|ntohl|be16toh|be32toh)\(|"
                              r"\*\((const )?uint(16|32|64)_t \*\)\s*\(?(data|at|bytes|frame|raw|p)\b", line)]
        self.assertEqual(wrong, [])

    def test_scripts_can_be_run(self):
        for path in ("scripts/demo", "scripts/test", "scripts/packages", ".ci/run"):
            with self.subTest(path):
                self.assertTrue(os.access(os.path.join(sources.SOURCE, path), os.X_OK))


if __name__ == "__main__":
    unittest.main(verbosity=2)
