# SPDX-License-Identifier: BSD-2-Clause
"""Which folder includes which, and where each library is at home."""

import fnmatch
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import sources

# What a folder may include beside itself and the installed headers.
LAYERS = {
    "include/pktvault": [],
    "base": [],
    "packet": ["base"],
    "flow": ["base", "packet"],
    "archive": ["base"],
    "schema": ["base"],
    "query": ["schema", "archive", "flow", "packet", "base"],
    "indexer": ["schema", "archive", "flow", "packet", "base"],
    "server": ["archive", "packet", "base"],
    "cli": [],
    "examples": [],
}

# Files that are users of the library although they stand in one of its folders.
USERS = ["server/main.c", "server/pktvaultd*"]

# Where the headers of a library may be included.
HOMES = {
    "lz4*.h": ["archive/lz4_block.c", "archive/inflate*.c"],
    "zlib.h": ["archive/inflate*.c"],
    "zstd.h": ["archive/inflate*.c"],
    "openssl/*": ["archive/sha256.c", "flow/community_id.c"],
    "xxhash.h": ["base/hash.c"],
    "ini.h": ["base/options_file.c"],
    "sqlite3.h": ["schema/*", "query/*", "indexer/*"],
    "pcap.h": ["server/*", "query/*"],
    "pcap/*": ["server/*", "query/*"],
    # recorder.h takes the embedding program's loop; its users make one.
    "uv.h": ["server/*", "indexer/*", "include/pktvault/recorder.h", "cli/*", "examples/*"],
}


def folder(path):
    return "include/pktvault" if path.startswith("include/") else path.split("/")[0]


def includes(path):
    """(line number, "project" or "system", name) of each include line."""
    for number, line in enumerate(sources.read(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            yield number, "project" if match[1] else "system", match[1] or match[2]


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, p) for p in patterns)


class Layers(unittest.TestCase):
    def setUp(self):
        self.paths = [p for p in sources.c_files() if folder(p) in LAYERS]

    def test_there_are_sources_in_every_folder(self):
        self.assertEqual(sorted({folder(p) for p in self.paths}), sorted(LAYERS))

    def test_no_c_file_stands_outside_the_known_folders(self):
        others = [p for p in sources.c_files() if folder(p) not in [*LAYERS, "tests", "bench"]]
        self.assertEqual(others, [])

    def test_a_folder_includes_only_what_stands_below_it(self):
        wrong = []
        for path in self.paths:
            for number, kind, name in includes(path):
                if kind == "project" and not self.may_include(path, name):
                    wrong.append(f"{path}:{number}: {name}")
        self.assertEqual(wrong, [])

    def may_include(self, path, name):
        if "/" not in name:
            # Made by the build beside the objects, such as the text of a schema.
            return name.endswith((".sql.h", ".inc"))
        if matches(path, USERS):
            return matches(name, USERS)
        return folder(name) in [folder(path), *LAYERS[folder(path)]]

    def test_the_installed_headers_are_included_as_installed(self):
        wrong = [f"{p}:{n}: {name}" for p in self.paths for n, kind, name in includes(p)
                 if kind == "project" and name.startswith(("pktvault/", "include/"))]
        self.assertEqual(wrong, [])

    def test_installed_headers_include_only_libc_libuv_and_each_other(self):
        allowed = re.compile(r"(stdint|stddef|stdbool|uv)\.h$|pktvault/\w+\.h$")
        wrong = [f"{p}:{n}: {name}" for p in self.paths if folder(p) == "include/pktvault"
                 for n, _, name in includes(p) if not allowed.match(name)]
        self.assertEqual(wrong, [])

    def test_each_library_is_included_only_at_home(self):
        wrong = []
        for path in self.paths:
            for number, kind, name in includes(path):
                for pattern, homes in HOMES.items():
                    if kind == "system" and fnmatch.fnmatch(name, pattern) and not matches(path, homes):
                        wrong.append(f"{path}:{number}: {name} is at home in {' '.join(homes)}")
        self.assertEqual(wrong, [])

    def test_tables_are_hashed_under_a_secret(self):
        """Everything else is stored, and must be the same everywhere: nobody may choose keys that collide in a table."""
        users = {p for p in self.paths if folder(p) not in ("base", "tests", "bench")
                 and re.search(r"pkv__hash(32|64|64_seeded)\(", sources.read(p))}
        self.assertEqual(users, {"archive/loss_journal.c", "archive/lz4_block.c", "schema/page_sum.c", "schema/summary.c"})

    def test_every_library_has_a_home(self):
        """An include line that names neither libc, the kernel, nor a library listed above."""
        system = re.compile(r"(sys|linux|net|netinet|arpa|asm|bits)/[\w/]+\.h$|pktvault/\w+\.h$")
        libc = """assert ctype dirent dlfcn endian errno fcntl fnmatch getopt glob grp ifaddrs inttypes langinfo limits
            locale math netdb poll pthread pwd sched signal stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib
            stdnoreturn string strings syslog termios threads time unistd wchar""".split()
        wrong = [f"{p}:{n}: {name}" for p in self.paths for n, kind, name in includes(p)
                 if kind == "system" and not system.match(name) and name[:-2] not in libc
                 and not any(fnmatch.fnmatch(name, h) for h in HOMES)]
        self.assertEqual(wrong, [])

    def test_a_source_file_includes_its_own_header_first(self):
        known, wrong = set(self.paths), []
        for path in self.paths:
            own = path[:-2] + ".h"
            if path.endswith(".c") and own in known:
                first = next((name for _, _, name in includes(path)), None)
                if first != own:
                    wrong.append(f"{path}: {first} comes before {own}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
