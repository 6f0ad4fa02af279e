# SPDX-License-Identifier: BSD-2-Clause
"""Every header compiles alone; the installed ones also as C++, and with nothing but their own folder."""

import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import sources


def compiles(compiler, language, standard, header, *directories):
    """None, or what the compiler says."""
    command = [compiler, "-x", language, f"-std={standard}", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
               "-D_GNU_SOURCE", *(f"-I{os.path.join(sources.SOURCE, d)}" for d in directories), "-"]
    done = subprocess.run(command, input=f"#include <{header}>\n", text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return None if done.returncode == 0 else f"{header}: {done.stdout}"


def installed():
    return [f[len("include/"):] for f in sources.files() if f.startswith("include/pktvault/")]


class Headers(unittest.TestCase):
    def test_installed_headers_compile_alone_as_c(self):
        for header in installed():
            with self.subTest(header):
                self.assertIsNone(compiles("gcc", "c", "c11", header, "include"))

    @unittest.skipUnless(shutil.which("clang"), "clang is not installed")
    def test_installed_headers_compile_alone_as_cpp(self):
        for header in installed():
            with self.subTest(header):
                self.assertIsNone(compiles("clang", "c++", "c++11", header, "include"))

    def test_internal_headers_compile_alone(self):
        folders = ("base/", "packet/", "flow/", "archive/", "schema/", "query/", "indexer/", "server/")
        for header in (f for f in sources.files() if f.endswith(".h") and f.startswith(folders)):
            with self.subTest(header):
                self.assertIsNone(compiles("gcc", "c", "gnu11", header, "include", "."))


if __name__ == "__main__":
    unittest.main(verbosity=2)
