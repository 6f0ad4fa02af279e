# SPDX-License-Identifier: BSD-2-Clause
"""What `cmake --install` leaves is enough to build on: headers, both libraries, pkg-config, the CMake package, examples."""

import os
import shutil
import subprocess
import tempfile
import unittest

import pkvtest

CC = os.environ.get("CC", "cc")


def sanitizers():
    """-fsanitize=… of this build: what links with a sanitized library needs it, too."""
    with open(os.path.join(pkvtest.BUILD, "CMakeCache.txt"), encoding="utf-8") as file:
        lines = dict(line.split("=", 1) for line in file.read().splitlines() if "=" in line and line[0].isalpha())
    value = lines.get("PKV_SANITIZE:STRING", "")
    compiler = next((v for k, v in lines.items() if k.startswith("CMAKE_C_COMPILER:")), CC)
    return compiler, [f"-fsanitize={value}"] if value else []


@pkvtest.needs("cmake", "pkg-config", "tshark")
class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="pkvtest.")
        cls.addClassCleanup(shutil.rmtree, cls.directory, ignore_errors=True)
        cls.prefix = os.path.join(cls.directory, "prefix")
        pkvtest.run("cmake", "--install", pkvtest.BUILD, "--prefix", cls.prefix)
        cls.cc, cls.flags = sanitizers()
        cls.libdir = os.path.dirname(cls.find("libpktvault.so"))

    @classmethod
    def find(cls, name):
        found = [os.path.join(d, name) for d, _, files in os.walk(cls.prefix) if name in files
                 and not d.endswith("/completions")]
        if len(found) != 1:
            raise AssertionError(f"{name}: {found}")
        return found[0]

    def path(self, name):
        return os.path.join(self.directory, name)

    def pkg_config(self, *arguments):
        env = {"PKG_CONFIG_PATH": os.path.join(self.libdir, "pkgconfig")}
        return pkvtest.run("pkg-config", *arguments, "pktvault", env=env).out.decode().split()

    def compile(self, *arguments, compiler=None):
        pkvtest.run(compiler or self.cc, *self.flags, *arguments)

    def record_and_search(self, record, search, env=None):
        """Runs both examples; other programs say whether what they recorded is right."""
        archive = tempfile.mkdtemp(dir=self.directory) + "/archive"
        env = {"LD_LIBRARY_PATH": self.libdir, **(env or {})}
        out = pkvtest.run(record, archive, "40", env=env).out.decode()
        self.assertEqual(out, "40 packets pushed, 0 dropped\n")
        found = pkvtest.run(search, archive, "vni web and icmp", env=env)
        self.assertEqual(len(found.out.splitlines()), 40)
        self.assertIn("10.0.0.10 > 10.0.0.20", found.out.decode())
        self.assertEqual(found.err, "40 packets of 1 flows; complete as recorded\n")
        self.assertEqual(pkvtest.run(search, archive, "host 10.0.0.11", env=env).out, b"")
        wrong = pkvtest.run(search, archive, "hots 10.0.0.11", env=env, check=False)
        self.assertEqual(wrong.status, 1)
        self.judge(archive)

    def judge(self, archive):
        segment, = (os.path.join(d, f) for d, _, files in os.walk(archive + "/segments") for f in files)
        capture = self.path("judged.pcapng")
        pkvtest.run("lz4", "-d", "-q", "-f", segment, capture)
        fields = ["vxlan.vni", "ip.src", "ip.checksum.status", "icmp.seq", "icmp.checksum.status", "frame.interface_name"]
        checks = ("-o", "ip.check_checksum:TRUE")
        rows = pkvtest.tshark(capture, fields, *checks)
        wanted = [["100", "172.16.0.1,10.0.0.10", "1,1", str(i), "1", "example"] for i in range(40)]
        self.assertEqual(rows, wanted)
        checked = pkvtest.run("sha256sum", "-c", "--quiet", "chain.log", cwd=archive, check=False)
        self.assertEqual(checked.status, 0, checked.err)

    def test_everything_is_there(self):
        for name in ("pktvault", "pktvaultd", "libpktvault.a", "libpktvault.so", "pktvault.pc", "pktvault-config.cmake",
                     "recorder.h", "pktvaultd.service", "pktvault-index.service", "pktvault.1", "pktvault-query.1",
                     "pktvault.conf.5", "pktvaultd.8", "OPERATIONS.md", "record.c"):
            self.find(name)

    def test_the_installed_programs_run(self):
        for name in ("pktvault", "pktvaultd"):
            out = pkvtest.run(self.find(name), "--version").out.decode()
            self.assertEqual(out, f"{name} {self.pkg_config('--modversion')[0]}\n")

    def test_wireshark_finds_its_link(self):
        link = self.find("pktvault-extcap")
        self.assertTrue(link.endswith("/wireshark/extcap/pktvault-extcap"), link)
        self.assertEqual(os.path.realpath(link), os.path.realpath(self.find("pktvault")))
        out = pkvtest.run(link, "--extcap-interfaces").out.decode()
        self.assertIn("interface {value=pktvault}", out)

    def test_units_name_the_installed_programs(self):
        for unit, name in (("pktvaultd.service", "pktvaultd"), ("pktvault-index.service", "pktvault")):
            with open(self.find(unit), encoding="utf-8") as file:
                line = next(line for line in file if line.startswith("ExecStart="))
            self.assertEqual(line.split("=", 1)[1].split()[0], self.find(name))

    def test_each_header_stands_alone_in_c_and_cxx(self):
        headers = os.path.dirname(self.find("recorder.h"))
        for header in sorted(os.listdir(headers)):
            for language, standard in (("c", "gnu11"), ("c++", "gnu++11")):
                source = self.path("alone.c")
                with open(source, "w", encoding="utf-8") as file:
                    file.write(f"#include <pktvault/{header}>\nint alone;\n")
                compiler = shutil.which("clang") or self.cc
                pkvtest.run(compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror",
                            "-fsyntax-only", *self.pkg_config("--cflags"), source)

    def test_examples_with_pkg_config_shared(self):
        for name in ("record", "search"):
            self.compile("-o", self.path(f"{name}-shared"), self.find(f"{name}.c"),
                         *self.pkg_config("--cflags", "--libs"))
        self.record_and_search(self.path("record-shared"), self.path("search-shared"))

    def test_examples_with_pkg_config_static(self):
        # The linker prefers a shared library: give it a directory that has none.
        only_static = self.path("static")
        os.makedirs(only_static, exist_ok=True)
        shutil.copy(os.path.join(self.libdir, "libpktvault.a"), only_static)
        libraries = [word for word in self.pkg_config("--libs", "--static") if word != f"-L{self.libdir}"
                     and not os.path.abspath(word[2:]) == self.libdir]
        for name in ("record", "search"):
            self.compile("-o", self.path(f"{name}-static"), self.find(f"{name}.c"), *self.pkg_config("--cflags"),
                         f"-L{only_static}", *libraries)
            needed = pkvtest.run("objdump", "-p", self.path(f"{name}-static")).out
            self.assertNotIn(b"NEEDED               libpktvault", needed)
        self.record_and_search(self.path("record-static"), self.path("search-static"),
                               {"LD_LIBRARY_PATH": ""})

    def test_examples_with_the_cmake_package(self):
        build = self.path("examples-build")
        source = os.path.dirname(self.find("record.c"))
        pkvtest.run("cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
                    f"-DCMAKE_C_COMPILER={self.cc}", f"-DCMAKE_C_FLAGS={' '.join(self.flags)}")
        pkvtest.run("cmake", "--build", build)
        for suffix in ("", "_static"):
            self.record_and_search(os.path.join(build, f"record{suffix}"), os.path.join(build, f"search{suffix}"))

    def test_the_tree_can_be_moved(self):
        moved = self.path("moved")
        shutil.copytree(self.prefix, moved, symlinks=True)
        pc = self.find("pktvault.pc").replace(self.prefix, moved)
        flags = pkvtest.run("pkg-config", "--cflags", "pktvault", env={"PKG_CONFIG_PATH": os.path.dirname(pc)}).out
        self.assertEqual(os.path.realpath(flags.decode().split()[0][2:]), os.path.realpath(moved + "/include"))
        program = self.find("pktvault").replace(self.prefix, moved)
        pkvtest.run(program, "--version")


if __name__ == "__main__":
    pkvtest.main()
