# SPDX-License-Identifier: BSD-2-Clause
"""The command line as people use it. What is expected comes from tcpdump, tshark and capinfos on the same captures."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

import pkvtest
from pkvtest import pktvault

PINGS = os.path.join(pkvtest.DATA, "the-tcpdump-group+tcpdump/tests/vxlan.pcap")
WEB = os.path.join(pkvtest.DATA, "zeek+zeek/testing/btest/Traces/tunnels/vxlan-encapsulated-http.pcap")
PLAIN = os.path.join(pkvtest.DATA, "the-tcpdump-group+tcpdump/tests/tcp-handshake-nano.pcap")

FLOW_COLUMNS = ("first,last,tunnel,vni,name,outer_a,outer_b,proto,src,src_port,dst,dst_port,"
                "src_packets,src_bytes,dst_packets,dst_bytes,src_flags,dst_flags,community_id")

# Time, VNI or name, protocol, source, destination, bytes, what it says.
LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (\S+) +(\S+) +(\S+) > (\S+) +(\d+)(?: (\S.*))?$")

WORTH = re.compile(r"^([\d,]+) packets?, ([\d,]+) flows?, ([\d,]+) of ([\d,]+) segments?, ([\d,]+) blocks?, "
                   r"\d+(\.\d)? m?s; (.*)$")


def capinfos(path):
    """Packets, first and last time as text with nanoseconds."""
    rows = pkvtest.tshark(path, ["frame.time_epoch"])
    times = sorted(row[0] for row in rows)
    count = pkvtest.run("capinfos", "-Mrc", "-T", path).out.decode().split()[-1]
    return int(count), times[0], times[-1]


def last(values):
    """The inner one of what tshark joins with commas."""
    return values.split(",")[-1]


def on_terminal(command, env=None):
    """Runs a program with its standard output on a terminal; answers status and what it printed there."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **(env or {})}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
                               env=environment)
    os.close(slave)
    out = b""
    while True:
        select.select([master], [], [], 30)
        try:
            data = os.read(master, 65536)
        except OSError:  # EIO: the other side is closed
            break
        if not data:
            break
        out += data
    os.close(master)
    err = process.stderr.read().decode()
    process.stderr.close()
    return process.wait(30), out, err


class Archive(pkvtest.Case):
    """An archive with two captures in tunnels and one without."""

    def setUp(self):
        super().setUp()
        self.imported = pktvault("import", "-a", self.archive, PINGS, WEB, PLAIN)

    def query(self, *arguments, **options):
        return pktvault("query", "-a", self.archive, *arguments, **options)

    def change_catalog(self, statement, *rows):
        path = os.path.join(self.archive, "catalog.sqlite")
        with contextlib.closing(sqlite3.connect(path)) as catalog, catalog:
            catalog.execute("PRAGMA writable_schema = 1")
            catalog.executemany(statement, rows or [()])
        pkvtest.run(os.path.join(pkvtest.BUILD, "tests/tools/put_sums"), path)

    def lines(self, *arguments):
        return self.query(*arguments).out.decode().splitlines()

    def worth(self, result):
        match = WORTH.match(result.err.splitlines()[-1])
        self.assertIsNotNone(match, result.err)
        return match


class Import(pkvtest.Case):
    def test_prints_a_line_a_file_with_what_was_in_it(self):
        out = pktvault("import", "-a", self.archive, PINGS, WEB).out.decode().splitlines()
        self.assertEqual(len(out), 2)
        for path, line in zip((PINGS, WEB), out):
            count, first, _ = capinfos(path)
            day = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(float(first)))
            self.assertTrue(line.startswith(f"{path}: {count} packets, "), line)
            self.assertIn(day, line)
            self.assertIn("1 segment", line)

    def test_takes_standard_input(self):
        with open(PINGS, "rb") as file:
            pktvault("import", "-a", self.archive, "-", stdin=file.read())
        self.assertEqual(len(self.query_packets()), capinfos(PINGS)[0])

    def test_takes_several_at_a_time(self):
        pktvault("import", "-j", "3", "-a", self.archive, PINGS, WEB, PLAIN)
        wanted = sum(capinfos(path)[0] for path in (PINGS, WEB, PLAIN))
        self.assertEqual(len(self.query_packets()), wanted)

    def test_refuses_what_it_has_already_and_says_how_to_go_on(self):
        pktvault("import", "-a", self.archive, PINGS)
        again = pktvault("import", "-a", self.archive, PINGS, WEB, check=False)
        self.assertEqual(again.status, 1)
        self.assertIn("--again", again.err)
        self.assertEqual(len(self.query_packets()), capinfos(PINGS)[0] + capinfos(WEB)[0])

    def test_a_broken_file_is_taken_up_to_the_break(self):
        with open(PINGS, "rb") as file:
            data = file.read()
        broken = self.write("broken.pcap", data[:-10])
        result = pktvault("import", "-a", self.archive, broken, check=False)
        self.assertEqual(result.status, 3)
        self.assertRegex(result.err, r"broken at byte \d+")
        self.assertEqual(len(self.query_packets()), capinfos(PINGS)[0] - 1)

    def test_a_file_that_is_no_capture_or_not_there(self):
        for path in (self.write("text", b"no capture at all, but a text\n"), self.path("absent")):
            result = pktvault("import", "-a", self.archive, path, check=False)
            self.assertEqual(result.status, 1)
            self.assertIn(os.path.basename(path), result.err)

    def test_settings_on_the_command_line(self):
        pktvault("import", "-a", self.archive, "-o", "vni=100-149 web", "-o", "vni=4711 db", PINGS)
        vnis = {int(last(row[0])) for row in pkvtest.tshark(PINGS, ["vxlan.vni"])}
        wrong = pktvault("import", "-a", self.archive, "-o", "colour=red", PINGS, check=False)
        self.assertEqual(wrong.status, 2)
        self.assertIn("colour", wrong.err)
        lines = pktvault("query", "-a", self.archive).out.decode().splitlines()
        names = {LINE.match(line)[2] for line in lines}
        self.assertEqual(names, {"web" if 100 <= v <= 149 else "db" if v == 4711 else str(v) for v in vnis})


class QueryText(Archive):
    def test_a_line_says_what_tshark_says_of_the_inner_packet(self):
        fields = ["frame.time_epoch", "vxlan.vni", "ip.src", "ip.dst", "tcp.srcport", "tcp.dstport", "frame.len"]
        rows = pkvtest.tshark(WEB, fields)
        lines = self.lines("-v", "host", "54.86.237.188")
        short = self.lines("host", "54.86.237.188")
        self.assertEqual(len(short), len(rows))
        rows.sort(key=lambda row: row[0])
        for row, line in zip(rows, short):
            match = LINE.match(line)
            self.assertIsNotNone(match, line)
            epoch, vni, src, dst, src_port, dst_port, length = row
            seconds, fraction = epoch.split(".")
            self.assertEqual(match[1], time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(seconds))) +
                             f".{fraction[:6]}Z")
            self.assertEqual(match[2], str(int(vni)))
            self.assertEqual(match[3], "TCP")
            self.assertEqual(match[4], f"{last(src)}:{src_port}")
            self.assertEqual(match[5], f"{last(dst)}:{dst_port}")
            self.assertEqual(int(match[6]), int(length) - 50)  # Ethernet, IPv4, UDP and VXLAN around it
        for row, line in zip(rows, lines):
            self.assertIn(f"vxlan {row[2].split(',')[0]}:", line)

    def test_a_line_of_ipv4_fits_100_columns(self):
        for line in self.lines("ip"):
            self.assertLessEqual(len(line), 100, line)

    def test_columns_stand_below_each_other(self):
        places = {line.index(" > ") for line in self.lines("ip")}
        self.assertEqual(len(places), 1)

    def test_the_first_syn_is_as_drawn(self):
        """The columns of the design: 27 for the time, 8 for the VNI, 5 for the protocol, 21 an endpoint, 6 bytes."""
        line = self.lines("-c", "1", "tcp[tcpflags] & tcp-syn != 0 and host 172.16.11.201")[0]
        self.assertEqual(line[27:95], " %-8s %-5s %21s > %-21s %6s" % (
            "1", "TCP", "172.16.11.201:40354", "54.86.237.188:80", "74"))
        self.assertEqual(line[95:], " S")

    def test_times_that_are_printed_are_accepted(self):
        lines = self.lines("-v")
        times = [line.split()[0] for line in lines]
        self.assertEqual(int(self.query("--count", "-S", times[3]).out), len(lines) - times.index(times[3]))
        self.assertEqual(int(self.query("--count", "-U", times[3]).out), times.index(times[3]))

    def test_json_has_nanoseconds(self):
        row = pkvtest.tshark(PLAIN, ["frame.time_epoch", "tcp.srcport"])[0]
        line = pkvtest.json_lines(self.query("-T", "json", "-c", "1", "not", "vni", "any").out)[0]
        self.assertTrue(line["time"].endswith(f".{row[0].split('.')[1]}Z"), line)
        self.assertEqual(line["src_port"], int(row[1]))
        self.assertIsNone(line["tunnel"])
        self.assertIsNone(line["vni"])

    def test_count(self):
        self.assertEqual(self.query("--count").out, b"%d\n" % sum(capinfos(p)[0] for p in (PINGS, WEB, PLAIN)))
        answer = json.loads(self.query("--count", "-T", "json", "icmp").out)
        self.assertEqual(answer["packets"], len(pkvtest.tshark(PINGS, ["frame.number"], display_filter="icmp")))

    def test_explain_prints_no_packets(self):
        out = self.query("--explain", "icmp").out.decode()
        self.assertRegex(out, r"segments +3 +in the archive")
        self.assertNotIn(" > ", out)

    def test_n_means_nothing_also_in_front_of_other_letters(self):
        self.assertEqual(self.lines("-n", "-nn", "icmp"), self.lines("icmp"))
        self.assertEqual(self.lines("-nnvvv", "icmp"), self.lines("-v", "icmp"))

    def test_words_are_joined_as_tcpdump_joins_them(self):
        self.assertEqual(self.lines("icmp", "and", "host 192.168.203.3"), self.lines("icmp and host 192.168.203.3"))

    def test_local_times(self):
        zone = {"TZ": "Europe/Berlin"}
        first = self.query("-c", "1", env=zone).out.decode().split()[0]
        self.assertRegex(first, r"\+0[12]:00$")
        self.assertEqual(self.query("-c", "1", "--utc", env=zone).out, self.query("-c", "1").out)
        self.assertEqual(int(self.query("--count", "-S", first, env=zone).out), int(self.query("--count").out))

    def test_a_bare_clock_until_is_of_the_day_since(self):
        first = self.lines("-c", "1", "icmp")[0].split()[0]
        day, clock = first[:10], first[11:19]
        found = self.query("--count", "-S", f"{day} {clock}", "-U", "23:59:59", "icmp").out
        self.assertEqual(int(found), len(self.lines("icmp")))

    def test_at(self):
        first = self.lines("-c", "1", "icmp")[0].split()[0]
        self.assertEqual(int(self.query("--count", "--at", first, "icmp").out), len(self.lines("icmp")))
        near = [float(r[0]) for r in pkvtest.tshark(PINGS, ["frame.time_epoch"], display_filter="icmp")]
        wanted = sum(1 for t in near if t < near[0] + 1.5)
        self.assertEqual(int(self.query("--count", "--at", first + "/1500ms", "icmp").out), wanted)


class QueryPackets(Archive):
    def test_tcpdump_shows_what_it_shows_of_the_capture(self):
        wanted = pkvtest.run("tcpdump", "-nn", "-tttt", "-r", PINGS).out.decode()
        count, _, _ = capinfos(PINGS)
        slice_ = self.query("-w", "-", "icmp or arp").out
        got = pkvtest.tcpdump(slice_, "-tttt")
        self.assertEqual(wanted.splitlines(), got)
        self.assertEqual(len(pkvtest.read_capture(slice_)), count)

    def test_decap_gives_the_inner_frames(self):
        path = self.path("inner.pcapng")
        self.query("--decap", "-w", path, "icmp")
        outer = pkvtest.tshark(PINGS, ["ip.src", "ip.dst", "icmp.seq"], display_filter="icmp")
        wanted = [[last(src), last(dst), sequence] for src, dst, sequence in outer]
        self.assertEqual(pkvtest.tshark(path, ["ip.src", "ip.dst", "icmp.seq"]), wanted)
        self.assertEqual(pkvtest.tshark(path, ["vxlan.vni"], display_filter="vxlan"), [])

    def test_pcap_has_nanoseconds(self):
        data = self.query("-F", "pcap", "-w", "-", "not vni any").out
        self.assertEqual(data[:4], b"\x4d\x3c\xb2\xa1")
        self.assertEqual([(p.time_ns, p.data) for p in pkvtest.read_capture(data)],
                         [(p.time_ns, p.data) for p in pkvtest.read_capture(PLAIN)])

    def test_stops_after_so_many(self):
        result = self.query("-c", "4", "-w", self.path("four"))
        self.assertEqual(len(pkvtest.read_capture(self.path("four"))), 4)
        self.assertIn("-c", result.err)
        self.assertNotIn("complete", result.err)

    def test_one_that_matches_nothing_is_a_capture_all_the_same(self):
        self.query("-w", self.path("none.pcap"), "-F", "pcap", "host 203.0.113.9")
        self.assertEqual(pkvtest.read_capture(self.path("none.pcap")), [])
        self.assertEqual(capinfos_count(self.path("none.pcap")), 0)

    def test_a_terminal_gets_no_packets(self):
        status, out, err = on_terminal([pkvtest.program("pktvault"), "query", "-a", self.archive, "-w", "-"])
        self.assertEqual((status, out), (2, b""))
        self.assertIn("terminal", err)

    def test_a_query_that_fails_leaves_the_file_alone(self):
        path = self.write("kept", b"what was there before")
        self.query("-w", path, "hots 10.0.0.1", check=False)
        self.assertEqual(self.read("kept"), b"what was there before")
        self.query("-w", self.path("new"), "hots 10.0.0.1", check=False)
        self.assertFalse(os.path.exists(self.path("new")))

    def write_too_much(self, path, **options):
        """A slice into a file that may have 1,000 bytes."""
        return subprocess.run([pkvtest.program("pktvault"), "query", "-a", self.archive, "-w", path],
                              stderr=subprocess.PIPE, check=False, **options,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)))

    def test_a_file_that_did_not_become_whole_is_removed(self):
        self.assertEqual(self.write_too_much(self.path("slice")).returncode, 1)
        self.assertFalse(os.path.lexists(self.path("slice")))

    def test_what_it_did_not_make_is_emptied_and_not_removed(self):
        self.write("there", b"before")
        os.symlink(self.write("target", b"before"), self.path("link"))
        for path in ("there", "link"):
            self.assertEqual(self.write_too_much(self.path(path)).returncode, 1)
            self.assertEqual(self.read(path), b"")
        self.assertTrue(os.path.islink(self.path("link")))

    def test_the_way_to_standard_output_stays(self):
        os.symlink("/proc/self/fd/1", self.path("stdout"))
        with open(self.path("out"), "wb") as out:
            self.assertEqual(self.write_too_much(self.path("stdout"), stdout=out).returncode, 1)
        self.assertTrue(os.path.islink(self.path("stdout")))
        self.assertEqual(self.read("out"), b"")

    def test_a_full_disk_is_an_error(self):
        for arguments in (["-w", "/dev/full", "icmp"], ["-F", "pcap", "-w", "/dev/full", "icmp"]):
            result = self.query(*arguments, check=False)
            self.assertEqual(result.status, 1)
            self.assertIn("No space left", result.err)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([pkvtest.program("pktvault"), "query", "-a", self.archive], stdout=full,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_whole_flows_have_all_their_packets(self):
        syns = self.lines("tcp[tcpflags] & tcp-syn != 0")
        flows = self.lines("tcp")
        self.assertTrue(0 < len(syns) < len(flows))
        self.assertEqual(self.lines("--whole", "tcp[tcpflags] & tcp-syn != 0"), flows)

    def test_the_copy_of_another_mirror_is_left_out(self):
        vni_7 = [(p.time_ns + 1000000, p.data[:46] + b"\0\0\7" + p.data[49:]) for p in pkvtest.read_capture(PINGS)]
        before = self.lines("icmp")
        pktvault("import", "-a", self.archive, self.write("copies.pcap", pkvtest.pcap(vni_7)))
        self.assertEqual(len(self.lines("icmp")), 2 * len(before))
        self.assertEqual(self.lines("--dedup", "icmp"), before)


def capinfos_count(path):
    return int(pkvtest.run("capinfos", "-Mrc", "-T", path).out.split()[-1])


STEERING = "\x1b]0;title\x07\r\x7f\u009b31m"
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class Hostile(Archive):
    """What stands in files and their names reaches a terminal as text only."""

    def assert_text(self, *outputs):
        for output in outputs:
            text = output if isinstance(output, str) else output.decode()
            self.assertIsNone(CONTROLS.search(text), ascii(text))

    def test_names_of_a_catalog_are_those_that_a_configuration_can_have(self):
        labels = ["good", "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "a b", "any", "x" * 33, "x" + STEERING, "ö"]
        self.change_catalog("INSERT INTO vni_name SELECT name, ?, 16777215, ? FROM segment", *enumerate(labels))
        result = self.query("vni nobody", check=False)
        self.assertEqual(result.status, 2)
        self.assertIn("known are: good\n", result.err)
        rows = list(csv.DictReader(io.StringIO(pktvault("flows", "-a", self.archive, "-T", "csv").out.decode())))
        self.assertEqual({row["name"] for row in rows if row["vni"]}, {"good"})
        for row in rows:
            for value in row.values():
                self.assertNotRegex(value, r"^[=+@\t\r-]")

    def test_a_uuid_that_is_none(self):
        path = os.path.join(self.archive, "chain.log")
        with open(path, "r+b") as chain:
            chain.seek(len("# pktvault archive "))
            chain.write(b"\x1b]0;t\x07")
        for form in ("text", "json"):
            result = pktvault("status", "-a", self.archive, "-T", form, check=False)
            self.assertIn("chain.log: does not begin with", result.out.decode())
            self.assert_text(result.out, result.err)

    def test_names_of_files(self):
        name = self.path("Büro" + STEERING)
        for _ in range(2):
            result = pktvault("import", "-a", self.archive, "--again", name, check=False)
            self.assertIn("Büro?]0;title????31m", result.err + result.out.decode())
            self.assert_text(result.out, result.err)
            shutil.copy(PINGS, name)
        self.assertEqual(result.status, 0)
        result = self.query("-S", STEERING, check=False)
        self.assertEqual(result.status, 2)
        self.assert_text(result.err)

    def test_json_escapes_what_steers(self):
        other = self.path("other\u0085\x7fé")
        pktvault("import", "-a", other, PINGS)
        out = pktvault("status", "-a", other, "-T", "json").out.decode()
        self.assertIn(r"other\u0085\u007fé", out)
        self.assertEqual(json.loads(out)["archive"], other)
        self.assert_text(pktvault("status", "-a", other).out)

    def test_what_sqlite_makes_of_a_schema(self):
        self.change_catalog("INSERT INTO sqlite_schema VALUES ('table', ?, ?, 0, 'CREATE TABLE')", (STEERING, STEERING))
        told = ""
        for arguments in (["query"], ["query", "-v", "vni a"], ["status"], ["verify"], ["index"]):
            result = pktvault(*arguments, "-a", self.archive, check=False)
            self.assert_text(result.out, result.err)
            told += result.err + result.out.decode()
        self.assertIn("malformed database schema (?]0;title????31m)", told)

    def test_the_daemon(self):
        daemon = [os.path.join(os.path.dirname(pkvtest.program("pktvault")), "pktvaultd")]
        path = self.write("file" + STEERING, b"")
        for arguments in (["--config", self.path("absent" + STEERING)], ["-a", path, "--listen", "127.0.0.1:0"]):
            done = subprocess.run(daemon + arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                                  env={**os.environ, "JOURNAL_STREAM": ""}, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(b"?]0;title????31m", done.stderr)
            self.assert_text(done.stderr)


class Worth(Archive):
    def test_counts(self):
        result = self.query("icmp")
        match = self.worth(result)
        self.assertEqual(int(match[1]), len(pkvtest.tshark(PINGS, ["frame.number"], display_filter="icmp")))
        self.assertEqual((int(match[2]), int(match[3]), int(match[4])), (1, 1, 3))
        self.assertEqual(match[7], "complete as recorded")
        self.assertEqual(len(result.err.splitlines()), 1)

    def test_one_is_singular(self):
        self.assertRegex(self.query("-c", "1", "icmp").err, r"^1 packet, 1 flow, 1 of 3 segments")

    def test_no_match_says_whether_the_range_was_covered(self):
        fifth = self.lines("icmp")[4].split()[0]
        covered = self.query("--at", fifth + "/1ms", "host 203.0.113.9")
        self.assertIn("; no match", covered.err)
        self.assertTrue(covered.err.endswith("; complete as recorded\n"), covered.err)
        between = self.query("--at", "2016-01-01")
        self.assertIn("; nothing was recorded in this range", between.err)
        self.assertNotIn("complete", between.err)
        before = self.query("-S", "1999-01-01", "-U", "1999-01-02")
        self.assertEqual(before.status, 0)
        self.assertRegex(before.err, r"only \d{4}-.* was recorded")
        self.assertNotIn("complete", before.err)

    def test_without_index_it_is_worth_the_same(self):
        indexed, scanned = self.query("icmp"), self.query("--no-index", "icmp")
        self.assertEqual(indexed.out, scanned.out)
        self.assertEqual(self.worth(indexed)[1], self.worth(scanned)[1])

    def test_a_corrupt_block_is_told_and_costs_that_block_only(self):
        path = self.segments()[0]
        with open(path, "r+b") as file:
            file.seek(-30, os.SEEK_END)
            byte = file.read(1)[0]
            file.seek(-30, os.SEEK_END)
            file.write(bytes([byte ^ 0xff]))
        result = self.query("--no-index", check=False)
        self.assertEqual(result.status, 3)
        self.assertIn("INCOMPLETE: ", result.err)
        self.assertIn(os.path.basename(path)[:16], result.err)
        self.assertNotIn("complete as recorded", result.err)


    def add_losses(self, count):
        self.change_catalog(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO loss SELECT "
            "name, 0, 'kernel', start_ns + i, start_ns + i, 1 FROM n, (SELECT * FROM segment ORDER BY name LIMIT 1)")

    def add_damages(self, count):
        self.change_catalog(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) INSERT INTO damage SELECT "
            "name, i, 'tested' FROM n, (SELECT * FROM segment ORDER BY name DESC LIMIT 1)")

    def test_many_losses_do_not_hide_what_cannot_be_read(self):
        self.add_losses(1500)
        self.assertEqual(self.query(check=False).status, 0)
        self.assertEqual(self.query("--strict", check=False).status, 3)
        self.add_damages(1)
        result = self.query(check=False)
        self.assertEqual(result.status, 3)
        self.assertRegex(result.err, r"LOSSES: 1 packet \(kernel\) .* and 1,497 more; INCOMPLETE: segment .*: tested\n$")
        status = pktvault("status", "-a", self.archive).out.decode()
        self.assertRegex(status, r"and at least 99\d more, 1 of them unreadable")
        listed = json.loads(pktvault("status", "-a", self.archive, "-T", "json").out)
        self.assertTrue(listed["missing_more"])
        self.assertEqual(sum(m["cause"] == "unreadable" for m in listed["missing"]), 1)

    def test_follow_leaves_with_the_worst_that_it_told(self):
        follow = ["--follow", "-S", "2000-01-01", "-c", "25"]
        self.assertEqual(self.query(*follow).status, 0)
        self.add_losses(1)
        self.assertEqual(self.query(*follow).status, 0)
        self.assertEqual(self.query("--strict", *follow, check=False).status, 3)
        self.add_damages(1)
        result = self.query(*follow, check=False)
        self.assertEqual(result.status, 3)
        self.assertIn("25 packets; followed until -c", result.err)

    def test_what_is_not_listed_counts(self):
        self.add_damages(1500)
        result = self.query(check=False)
        self.assertEqual(result.status, 3)
        self.assertTrue(result.err.endswith(" and 1,497 more\n"), result.err)

    def test_what_cannot_be_read_may_have_a_match(self):
        fifth = self.lines("icmp")[4].split()[0]
        for range_ in ([], ["--at", fifth + "/1ms"]):
            self.assertIn("; no match", self.query(*range_, "host 203.0.113.9").err)
        self.change_catalog("INSERT INTO damage SELECT name, 7, 'tested' FROM segment")
        for range_ in ([], ["--at", fifth + "/1ms"]):
            result = self.query(*range_, "host 203.0.113.9", check=False)
            self.assertEqual(result.status, 3)
            self.assertIn("; no match in what could be read; INCOMPLETE: ", result.err)
            self.assertNotIn("all of this range", result.err)


class Flows(Archive):
    def flows(self, *arguments, **options):
        return pktvault("flows", "-a", self.archive, *arguments, **options)

    def rows(self, *arguments):
        return list(csv.DictReader(io.StringIO(self.flows("-T", "csv", *arguments).out.decode())))

    def test_csv_has_the_columns_of_the_design(self):
        self.assertEqual(self.flows("-T", "csv").out.decode().splitlines()[0], FLOW_COLUMNS)

    def test_json_has_the_same_names_and_values(self):
        rows, objects = self.rows(), pkvtest.json_lines(self.flows("-T", "json").out)
        self.assertEqual(list(objects[0]), FLOW_COLUMNS.split(","))
        self.assertEqual([{k: "" if v is None else str(v) for k, v in o.items()} for o in objects], rows)

    def test_a_connection_has_one_row(self):
        row, = self.rows("port 80 and host 54.86.237.188")
        packets = pkvtest.tshark(WEB, ["ip.src", "frame.len", "frame.time_epoch"])
        sent = [int(length) - 50 for src, length, _ in packets if last(src) == "172.16.11.201"]
        received = [int(length) - 50 for src, length, _ in packets if last(src) == "54.86.237.188"]
        self.assertEqual((row["src"], row["src_port"], row["dst"], row["dst_port"]),
                         ("172.16.11.201", "40354", "54.86.237.188", "80"))
        self.assertEqual((int(row["src_packets"]), int(row["src_bytes"])), (len(sent), sum(sent)))
        self.assertEqual((int(row["dst_packets"]), int(row["dst_bytes"])), (len(received), sum(received)))
        self.assertEqual((row["src_flags"], row["dst_flags"]), ("SAPF", "SAPF"))
        self.assertTrue(row["first"].endswith(min(p[2] for p in packets).split(".")[1] + "Z"))

    def test_all_packets_are_in_one_flow_each(self):
        packets = sum(int(r["src_packets"]) + int(r["dst_packets"]) for r in self.rows())
        self.assertEqual(packets, sum(capinfos(p)[0] for p in (PINGS, WEB, PLAIN)))

    def test_table_is_as_drawn(self):
        head, line = self.flows("host 54.86.237.188").out.decode().splitlines()
        self.assertEqual(head, "FIRST (UTC)         LASTED VNI   PROT             INITIATOR > RESPONDER             "
                               "SENT RECVD FLAGS")
        row, = self.rows("host 54.86.237.188")
        self.assertTrue(line.startswith(row["first"][:19].replace("T", " ")), line)
        self.assertEqual(line[20:75], " 627ms 1     TCP    172.16.11.201:40354 > 54.86.237.188")
        self.assertTrue(line.endswith(" SPF"), line)
        self.assertLessEqual(len(line), 100)

    def test_sorted_by_bytes(self):
        sizes = [int(r["src_bytes"]) + int(r["dst_bytes"]) for r in self.rows("--sort", "bytes")]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(len(self.rows("--sort", "bytes", "-c", "1")), 1)

    def test_only_packets_in_the_range_count(self):
        times = sorted(row[0] for row in pkvtest.tshark(WEB, ["frame.time_epoch"]))
        row, = self.rows("-S", times[0], "-U", times[3], "host 54.86.237.188")
        self.assertEqual(int(row["src_packets"]) + int(row["dst_packets"]), 3)

    def test_wrong_words(self):
        for arguments in (["--by", "colour"], ["--sort", "name"], ["-T", "xml"]):
            self.assertEqual(self.flows(*arguments, check=False).status, 2)


class Status(Archive):
    def test_what_is_not_chained_shows_beside_what_was_deleted(self):
        chain = os.path.join(self.archive, "chain.log")
        with open(chain, encoding="utf-8") as file:
            lines = file.readlines()
        with open(chain, "w", encoding="utf-8") as file:
            file.writelines(lines[:-2])
        os.remove(os.path.join(self.archive, lines[2].split()[1]))
        status = json.loads(pktvault("status", "-a", self.archive, "-T", "json").out)
        self.assertEqual((status["sealed_segments"], status["unchained_segments"]), (2, 1))

    def test_json_has_what_was_imported(self):
        status = json.loads(pktvault("status", "-a", self.archive, "-T", "json").out)
        self.assertEqual(status["packets"], sum(capinfos(p)[0] for p in (PINGS, WEB, PLAIN)))
        self.assertEqual((status["sealed_segments"], status["indexed_segments"], status["open_segments"]), (3, 3, 0))
        self.assertEqual(status["unchained_segments"], 0)
        self.assertEqual(status["stored_bytes"], sum(os.path.getsize(p) for p in self.segments()))
        self.assertFalse(status["indexer_runs"])
        with open(os.path.join(self.archive, "chain.log"), encoding="utf-8") as file:
            self.assertIn(status["uuid"], file.readline())

    def test_text_fits_a_screen(self):
        out = pktvault("status", "-a", self.archive).out.decode()
        self.assertLessEqual(len(out.splitlines()), 24)
        self.assertIn("25 packets", out)

    def test_a_segment_that_was_deleted(self):
        os.remove(self.segments()[0])
        out = pktvault("status", "-a", self.archive).out.decode()
        self.assertIn("\nindexed   all; ", out)
        self.assertIn("\nlacks     1 indexed segment is not there: deleted or moved; pktvault verify names it\n", out)
        self.assertNotIn("nothing that it knows of", out)
        status = json.loads(pktvault("status", "-a", self.archive, "-T", "json").out)
        self.assertEqual((status["sealed_segments"], status["indexed_segments"], status["gone_segments"]), (2, 2, 1))
        self.change_catalog("DELETE FROM segment WHERE name = (SELECT max(name) FROM segment)")
        self.assertIn("1 segment to go", pktvault("status", "-a", self.archive).out.decode())

    def test_several_archives(self):
        other = self.path("other")
        pktvault("import", "-a", other, PINGS)
        out = pktvault("status", "-a", self.archive, "-a", other, "-T", "json").out
        self.assertEqual([s["archive"] for s in pkvtest.json_lines(out)], [self.archive, other])
        self.assertEqual(int(pktvault("query", "-a", self.archive, "-a", other, "--count", "arp").out), 4)


class Index(Archive):
    def test_rebuild_makes_the_same_again(self):
        before = self.query("-v").out
        dump = pkvtest.dump(os.path.join(self.archive, "catalog.sqlite"))
        shutil.rmtree(os.path.join(self.archive, "index"))
        os.unlink(os.path.join(self.archive, "catalog.sqlite"))
        self.assertEqual(self.query("-v").out, before)
        out = pktvault("index", "-a", self.archive, "--rebuild").out.decode()
        self.assertTrue(out.startswith("3 segments indexed: 25 packets"), out)
        self.assertEqual(self.query("-v").out, before)
        self.assertEqual(pkvtest.dump(os.path.join(self.archive, "catalog.sqlite")), dump)

    def test_follow_stays_until_it_is_told_to_go(self):
        shutil.rmtree(os.path.join(self.archive, "index"))
        os.unlink(os.path.join(self.archive, "catalog.sqlite"))
        process = subprocess.Popen([pkvtest.program("pktvault"), "index", "-a", self.archive, "--follow"])
        try:
            def indexed():
                status = json.loads(pktvault("status", "-a", self.archive, "-T", "json").out)
                return status["indexer_runs"] and status["indexed_segments"] == 3
            pkvtest.wait_until(indexed, "three segments indexed")
            busy = pktvault("index", "-a", self.archive, check=False)
            self.assertEqual(busy.status, 1)
        finally:
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)


class Usage(Archive):
    COMMANDS = ("import", "query", "flows", "status", "index", "verify", "extcap")

    def test_help_fits_a_screen(self):
        for arguments in ([], *([c] for c in self.COMMANDS)):
            out = pktvault(*arguments, "--help").out.decode().splitlines()
            self.assertLessEqual(len(out), 24, arguments)
            self.assertLessEqual(max(map(len, out)), 100, arguments)

    def test_version(self):
        self.assertRegex(pktvault("--version").out.decode(), r"^pktvault \d+\.\d+\.\d+$")

    def test_wrong_words_exit_with_2_and_point_to_the_help(self):
        for arguments in ([], ["fly"], ["--fly"], ["query", "--fly"], ["query", "-Z"], ["query", "-S"],
                          ["query", "-T", "xml"], ["query", "-F", "pcap"], ["query", "-F", "snoop", "-w", "x"],
                          ["query", "-c", "none"], ["query", "-c", "0"], ["query", "-w", "x", "--count"],
                          ["query", "--at", "14:00", "-S", "13:00"], ["query", "-S", "2020-01-02", "-U", "2020-01-01"],
                          ["import"], ["index", "word"], ["status", "word"], ["index", "--follow", "--rebuild"],
                          ["import", "-a", "a", "-a", "b", "file"]):
            result = pktvault(*arguments, check=False, env={"PKTVAULT_ARCHIVE": self.archive})
            self.assertEqual(result.status, 2, arguments)
            self.assertIn("--help", result.err, arguments)
            self.assertEqual(result.out, b"", arguments)

    def test_a_bad_expression_is_marked_at_its_column(self):
        expression = "vni 1 and hots 10.0.0.1"
        result = self.query(expression, check=False)
        self.assertEqual(result.status, 2)
        shown, mark = result.err.splitlines()[-2:]
        self.assertEqual(shown.strip(), expression)
        self.assertEqual(shown[mark.index("^"):][:4], "hots")

    def test_an_expression_past_a_limit(self):
        for arguments in (["--exact", " or ".join(["port 80"] * 129)], ["not " * 300 + "port 80"]):
            result = self.query(*arguments, check=False)
            self.assertEqual((result.status, result.out), (2, b""), result.err)

    def test_a_bad_time_is_marked_at_its_column(self):
        result = self.query("-S", "2026-11-17 25:00", check=False)
        self.assertEqual(result.status, 2)
        shown, mark = result.err.splitlines()[-2:]
        self.assertEqual(shown[mark.index("^"):], "25:00")

    def test_no_archive(self):
        missing = pktvault("query", check=False)
        if not os.path.exists("/etc/pktvault/pktvault.conf"):
            self.assertEqual(missing.status, 2)
            self.assertIn("PKTVAULT_ARCHIVE", missing.err)
        absent = pktvault("query", "-a", self.path("absent"), check=False)
        self.assertEqual(absent.status, 1)
        self.assertIn(self.path("absent"), absent.err)
        self.assertFalse(os.path.exists(self.path("absent")))

    def test_where_the_archive_is_said(self):
        config = self.write("pktvault.conf", f"archive = {self.archive}\n".encode())
        for arguments, env in ((["-a", self.archive], {"PKTVAULT_ARCHIVE": "absent"}),
                               ([], {"PKTVAULT_ARCHIVE": self.archive}), (["--config", config], {})):
            self.assertEqual(pktvault("query", "--count", *arguments, env=env).out, b"25\n")

    def test_a_wrong_configuration_names_its_line(self):
        config = self.write("pktvault.conf", b"archive = x\ncolour = red\n")
        result = pktvault("query", "--config", config, check=False)
        self.assertEqual(result.status, 2)
        self.assertIn(f"{config}:2:", result.err)

    def test_a_reader_that_goes_away_is_no_error(self):
        for arguments in ("", "-T json", "-w - icmp"):
            script = f'"$1" query -a "$2" {arguments} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}'
            done = subprocess.run(["bash", "-c", script, "bash", pkvtest.program("pktvault"), self.archive],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual(done.stdout, b"0\n", arguments)
        # A pipe that nobody reads any more when the first byte is written.
        reader, writer = os.pipe()
        os.close(reader)
        for arguments in ([], ["-T", "json"], ["-w", "-", "icmp"]):
            done = subprocess.run([pkvtest.program("pktvault"), "query", "-a", self.archive, *arguments],
                                  stdout=writer, stderr=subprocess.PIPE)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        os.close(writer)

    def test_colours_on_a_terminal_only_and_not_with_no_color(self):
        command = [pkvtest.program("pktvault"), "query", "-a", self.archive, "icmp"]
        self.assertIn(b"\x1b[", on_terminal(command)[1])
        self.assertNotIn(b"\x1b[", on_terminal(command, {"NO_COLOR": "1"})[1])
        self.assertNotIn(b"\x1b[", on_terminal(command, {"TERM": "dumb"})[1])
        self.assertNotIn(b"\x1b[", self.query("icmp").out)

    def test_levels_are_for_the_journal_and_nobody_else(self):
        for stream, first in (("{0.st_dev}:{0.st_ino}", "<3>pktvault index: "), ("1:2", "pktvault index: ")):
            with self.subTest(stream), open(self.path("said"), "w+", encoding="utf-8") as said:
                env = {**os.environ, "JOURNAL_STREAM": stream.format(os.fstat(said.fileno()))}
                subprocess.run([pkvtest.program("pktvault"), "index", "-a", self.path("nowhere")], stderr=said, env=env,
                               check=False)
                said.seek(0)
                self.assertTrue(said.read().startswith(first + self.path("nowhere")))


class Documents(unittest.TestCase):
    """Help, man pages, completion and the example configuration say the same as the programs."""

    def read(self, name):
        with open(os.path.join(pkvtest.SOURCE, name), encoding="utf-8") as file:
            return file.read()

    def help_of(self, command):
        return set(re.findall(r"(?<!\w)--[a-z][a-z-]+", pktvault(command, "--help").out.decode())) - {"--help"}

    def page_of(self, command):
        page = self.read(f"docs/man/pktvault-{command}.1")
        return {"-" + o for o in re.findall(r"Fl (-[a-z][a-z-]+)", page)} - {"--help"}

    def test_every_option_of_the_help_is_in_the_man_page(self):
        for command in Usage.COMMANDS:
            common = self.page_of("query") if command == "flows" else {"--config"}
            self.assertLessEqual(self.help_of(command), self.page_of(command) | common | {"--config"}, command)

    def test_every_option_of_man_page_and_completion_is_taken(self):
        completion = self.read("completion/pktvault.bash")
        with_value = {"--at": "now", "--since": "now", "--until": "now", "--by": "flow", "--sort": "time",
                      "--config": "/dev/null", "--archive": "x", "--filter": "icmp", "--fifo": "/dev/null",
                      "--extcap-interface": "pktvault", "--extcap-capture-filter": "icmp", "--extcap-version": "4.0",
                      "--extcap-reload-option": "filter"}
        for command in Usage.COMMANDS:
            part = re.search(rf"\n    {command}\)(.*?)(;;)", completion, re.S)[1]
            if "$range" in part:
                part += re.search(r'range="(.*)"', completion)[1]
            listed = set(re.findall(r"(?<!\w)--[a-z][a-z-]+", part)) | self.page_of(command)
            for option in listed - {"--help"}:
                words = [option, with_value[option]] if option in with_value else [option]
                result = pktvault(command, *words, "--help", check=False)
                self.assertEqual(result.status, 0, f"{command} {option}: {result.err}")

    def test_every_key_of_the_configuration_is_described(self):
        keys = re.findall(r'^    \{"([a-z_]+)", [A-Z]+, FIELD', self.read("base/options.c"), re.M)
        self.assertGreater(len(keys), 10)
        example, page = self.read("systemd/pktvault.conf"), self.read("docs/man/pktvault.conf.5")
        for key in set(keys) - {"vni"}:
            self.assertRegex(example, rf"(?m)^#?{key} = ", key)
            self.assertRegex(page, rf"(?m)^\.It Cm {key}$", key)
        self.assertEqual(set(re.findall(r"(?m)^#?([a-z_]+) = ", example)) - {"name"}, set(keys) - {"vni"})

    def test_the_example_configuration_has_the_defaults(self):
        defaults = dict(re.findall(r'^    \{"([a-z_]+)", [A-Z]+, FIELD\(\w+\), "(.*?)"', self.read("base/options.c"),
                                   re.M))
        shown = dict(re.findall(r"(?m)^#([a-z_]+) = (.*)$", self.read("systemd/pktvault.conf")))
        self.assertEqual({k: shown.get(k) for k in defaults}, defaults)

    def test_the_example_configuration_is_taken(self):
        text = self.read("systemd/pktvault.conf").replace("/var/lib/pktvault", "/nowhere/pktvault")
        everything = re.sub(r"(?m)^#(?=[a-z\[]\S* ?(= |\d))", "", text)
        self.assertGreater(everything.count("\n[vni "), 0)
        for number, config in enumerate((text, everything)):
            with self.subTest(number):
                done = subprocess.run([pkvtest.program("pktvault"), "status", "--config", "/dev/stdin"],
                                      input=config.encode(), stderr=subprocess.PIPE)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn(b"/nowhere/pktvault", done.stderr)

    @pkvtest.needs("mandoc")
    def test_man_pages_are_clean(self):
        for name in sorted(os.listdir(os.path.join(pkvtest.SOURCE, "docs/man"))):
            path = os.path.join(pkvtest.SOURCE, "docs/man", name)
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", path], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
            # Which other manuals this machine has, and whose operating system it is, is not the page's.
            wrong = [line for line in done.stdout.decode().splitlines()
                     if not re.search(r"referenced manual not found|outdated mandoc.db|Mdocdate|operating system", line)]
            self.assertEqual(wrong, [], name)

    @pkvtest.needs("bash")
    def test_completion(self):
        script = ('source "$1"; COMP_WORDS=(pktvault %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
                  'compopt() { :; }; _pktvault; printf "%%s\\n" "${COMPREPLY[@]}"')
        for words, wanted in (("q", ["query"]), ("flows --so", ["--sort"]), ("flows --by p", ["pair", "port"]),
                              ("query --de", ["--decap", "--dedup"]), ("query -T j", ["json"])):
            done = subprocess.run(["bash", "-c", script % words, "bash",
                                   os.path.join(pkvtest.SOURCE, "completion/pktvault.bash")],
                                  stdout=subprocess.PIPE, check=True)
            self.assertEqual(done.stdout.decode().split(), wanted, words)

    @pkvtest.needs("systemd-analyze")
    def test_units_are_hardened(self):
        for unit in ("pktvaultd.service", "pktvault-index.service"):
            text = self.read(f"systemd/{unit}.in").replace("@PKV_SBINDIR@", "/bin").replace("@PKV_BINDIR@", "/bin")
            directory = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"pktvault-unit-{os.getpid()}")
            os.mkdir(directory)
            try:
                path = os.path.join(directory, unit)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)
                done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", path],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                self.assertEqual(done.returncode, 0, done.stdout.decode()[-300:])
            finally:
                shutil.rmtree(directory)


if __name__ == "__main__":
    pkvtest.main()
