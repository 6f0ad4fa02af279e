# SPDX-License-Identifier: BSD-2-Clause
"""Archives made of capture files, and what the indexer says of them."""

import glob
import ipaddress
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("PKV_SOURCE", os.path.abspath(os.path.join(os.path.dirname(__file__), "../..")))
TOOLS = os.environ["PKV_TOOLS"]
CAPTURES = os.environ.get("PKV_CAPTURES", os.path.join(SOURCE, "../shared/captures"))
DATA = os.path.join(SOURCE, "tests/data")

needs_captures = unittest.skipUnless(os.path.isdir(CAPTURES), "the large set of captures is not there")

HTTP = os.path.join(DATA, "zeek+zeek/testing/btest/Traces/tunnels/vxlan-encapsulated-http.pcap")
GENEVE = os.path.join(DATA, "the-tcpdump-group+tcpdump/tests/geneve.pcap")


def tool(name):
    return os.path.join(TOOLS, name)


def put_sums(path):
    """What sqlite3 has changed gets right sums of pages."""
    run(os.path.join(TOOLS, "../tools/put_sums"), path)


def run(*command, check=True):
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stderr.decode()}")
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


def varints(blob):
    value = shift = 0
    for byte in blob:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield value
            value = shift = 0


def sums(blob):
    """LEB128 differences as the values themselves."""
    total, values = 0, []
    for difference in varints(blob):
        total += difference
        values.append(total)
    return values


def address(blob):
    return str(ipaddress.ip_address(blob)) if len(blob) in (4, 16) else blob.hex(":")


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="pkv-indexer-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.archive = os.path.join(self.directory, "archive")

    def path(self, *names):
        return os.path.join(self.archive, *names)

    def make(self, capture, lane=0, mode="live", rotate_bytes=268435456):
        run(tool("make_segment"), self.archive, capture, lane, mode, rotate_bytes)

    def index(self, *mode, check=True):
        """What run_indexer reports, as a dictionary with its answer and log."""
        done = run(tool("run_indexer"), self.archive, *mode, check=check)
        words = done.stdout.decode().split()
        report = {key: int(value) for key, value in (word.split("=") for word in words[1:])}
        return {**report, "rc": int(words[0]), "log": done.stderr.decode()}

    def segments(self):
        return sorted(glob.glob(self.path("segments/*/*/*/*")))

    def indexes(self):
        return sorted(glob.glob(self.path("index/*/*/*/*")))

    def sql(self, path, query, *values):
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return database.execute(query, values).fetchall()
        finally:
            database.close()

    def catalog(self, query, *values):
        return self.sql(self.path("catalog.sqlite"), query, *values)

    def derived(self):
        """Catalog and indexes as sorted dumps."""
        paths = [self.path("catalog.sqlite"), *self.indexes()]
        return {path: sorted(sqlite_dump(path)) for path in paths}


def sqlite_dump(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return [line for line in database.iterdump() if not line.startswith('INSERT INTO "day"')]
    finally:
        database.close()


def tshark_conversations(capture, kind):
    """{(source, destination): frames} from tshark's own table; streams that use the same ports again are one."""
    text = run("tshark", "-n", "-r", capture, "-q", "-z", f"conv,{kind}").stdout.decode()
    found = {}
    for line in text.splitlines():
        row = re.match(r"(\S+)\s+<->\s+(\S+)\s+(\d+) \S+ \S+\s+(\d+) ", line)
        if row:
            for ends, frames in (((row[2], row[1]), row[3]), ((row[1], row[2]), row[4])):
                found[ends] = found.get(ends, 0) + int(frames)
    return {ends: frames for ends, frames in found.items() if frames}
