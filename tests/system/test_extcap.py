# SPDX-License-Identifier: BSD-2-Clause
"""Wireshark and its kin read an archive: as a capture interface (extcap), and from a pipe. tshark and dumpcap stand for
Wireshark, whose capturing is theirs. What is expected is what tshark says of the capture that was imported."""

import contextlib
import os
import re
import select
import signal
import struct
import subprocess
import time
import unittest

import pkvtest
from pkvtest import pktvault

PINGS = os.path.join(pkvtest.DATA, "the-tcpdump-group+tcpdump/tests/vxlan.pcap")
WEB = os.path.join(pkvtest.DATA, "zeek+zeek/testing/btest/Traces/tunnels/vxlan-encapsulated-http.pcap")
PLAIN = os.path.join(pkvtest.DATA, "the-tcpdump-group+tcpdump/tests/tcp-handshake-nano.pcap")
V4 = ("127.0.0.1", 4789)

FIELDS = ["frame.time_epoch", "frame.len", "ip.src", "ip.dst", "vxlan.vni", "udp.port", "tcp.port", "tcp.seq_raw",
          "icmp.seq", "arp.dst.proto_ipv4"]
INNER = ["ip.src", "ip.dst", "tcp.port", "tcp.seq_raw", "icmp.seq", "arp.dst.proto_ipv4"]

SENTENCE = re.compile(r"^(extcap|interface|dlt|arg|value) ((?:\{[a-z]+=[^{}]*\})+)$")

ETHERNET, RAW_IP, SLL = "1", "7", "25"  # as tshark counts encapsulations
SLL_BYTES = 16  # of the header that PLAIN has for Ethernet's


def last(values):
    """The inner one of what tshark joins with commas."""
    return values.split(",")[-1]


def rows_of(*paths, fields=FIELDS, display_filter=None):
    """Rows of fields in the order of time."""
    wanted = ["frame.time_epoch", *(field for field in fields if field != "frame.time_epoch")]
    rows = [dict(zip(wanted, row)) for path in paths
            for row in pkvtest.tshark(path, wanted, display_filter=display_filter)]
    rows.sort(key=lambda row: tuple(map(int, row["frame.time_epoch"].split("."))))
    return [[row[field] for field in fields] for row in rows]


def inner_rows(*paths, **options):
    """The same without what belongs to the outer IP header, which comes first."""
    return [[",".join(values.split(",")[1:]) if field.startswith("ip.") else values
             for field, values in zip(INNER, row)] for row in rows_of(*paths, fields=INNER, **options)]


def sentences(text):
    """[(word, {key: value})] of what an extcap program prints."""
    found = []
    for line in text.splitlines():
        match = SENTENCE.match(line)
        if not match:
            raise AssertionError(f"not the grammar of extcap(4): {line}")
        found.append((match[1], dict(re.findall(r"\{([a-z]+)=([^{}]*)\}", match[2]))))
    return found


def read_until(file, is_enough, seconds=30):
    """What comes from a pipe until it is enough. Fails where that does not come."""
    data, end = b"", time.monotonic() + seconds
    while not is_enough(data):
        if not select.select([file], [], [], max(0, end - time.monotonic()))[0]:
            raise AssertionError(f"not within {seconds} s: more than {len(data)} bytes")
        piece = os.read(file.fileno(), 65536)
        if not piece:
            raise AssertionError(f"ends after {len(data)} bytes")
        data += piece
    return data


class Wireshark(pkvtest.Case):
    """A user whose Wireshark has the link, and an archive."""

    CAPTURES = (PINGS, WEB)

    def setUp(self):
        super().setUp()
        self.home = self.path("home")
        # Wireshark 4.0 looks into the first, 4.2 into the second.
        for folder in (".config/wireshark/extcap", ".local/lib/wireshark/extcap"):
            self.link = os.path.join(self.home, folder, "pktvault-extcap")
            os.makedirs(os.path.dirname(self.link))
            os.symlink(pkvtest.program("pktvault"), self.link)
        self.env = {"HOME": self.home, "XDG_CONFIG_HOME": os.path.join(self.home, ".config"),
                    "PKTVAULT_ARCHIVE": self.archive}
        if self.CAPTURES:
            pktvault("import", "-a", self.archive, *self.CAPTURES)

    def damage(self, path):
        with open(path, "r+b") as segment:
            segment.seek(os.path.getsize(path) // 2)
            byte = segment.read(1)[0]
            segment.seek(-1, os.SEEK_CUR)
            segment.write(bytes([byte ^ 0x55]))

    def extcap(self, *arguments, **options):
        return pkvtest.run(self.link, *arguments, env=self.env, **options)

    def command(self, *arguments, fields=FIELDS, **settings):
        command = ["tshark", "-n", "-Q", "-l", "-i", "pktvault", "-T", "fields", *arguments]
        for field in fields:
            command += ["-e", field]
        for name, value in settings.items():
            command += ["-o", f"extcap.pktvault.{name}:{value}"]
        return command

    def capture(self, *arguments, **options):
        """What tshark shows of the interface: rows of fields, and what it says."""
        result = pkvtest.run(*self.command(*arguments, **options), env=self.env, check=False)
        said = "\n".join(line for line in result.err.splitlines() if "could be dangerous" not in line)
        return [line.split("\t") for line in result.out.decode().splitlines()], said

    def assert_silent(self, said):
        # tshark puts its own name where a message may follow, which goes with its counter.
        self.assertEqual(re.sub(r"tshark: |\d+ packets? captured", "", said).strip(), "")


@pkvtest.needs("tshark", "dumpcap")
class Interface(Wireshark):
    def test_tshark_lists_it(self):
        out = pkvtest.run("tshark", "-D", env=self.env).out.decode()
        self.assertRegex(out, r"(?m)^\d+\. pktvault \(pktvault archive\)$")

    def test_gives_the_packets_of_the_archive(self):
        rows, said = self.capture()
        self.assertEqual(rows, rows_of(PINGS, WEB))
        self.assert_silent(said)

    def test_filter(self):
        rows, said = self.capture(filter="vni 100 and icmp")
        self.assertEqual(rows, rows_of(PINGS, display_filter="vxlan.vni == 100 && icmp"))
        self.assertGreater(len(rows), 0)
        self.assert_silent(said)

    def test_capture_filter_and_filter_both_count(self):
        wanted = [row for row in rows_of(PINGS) if last(row[2]) == "192.168.203.3" and row[8]]
        self.assertGreater(len(wanted), 0)
        self.assertEqual(self.capture("-f", "icmp or tcp", filter="src host 192.168.203.3 or port 1")[0], wanted)
        self.assertEqual(self.capture("-f", "icmp and src host 192.168.203.3")[0], wanted)

    def test_since_and_until(self):
        rows = rows_of(PINGS, WEB)
        since, until = rows[3][0], rows[15][0]
        wanted = [row for row in rows if since <= row[0] < until]
        self.assertLess(len(wanted), len(rows) - 3)
        self.assertEqual(self.capture(since=since, until=until)[0], wanted)
        self.assertEqual(self.capture(since="2021-08-28 00:00", until="2021-08-29")[0], rows_of(WEB))

    def test_without_the_tunnel(self):
        rows, said = self.capture(fields=INNER, decap="true")
        self.assertEqual(rows, inner_rows(PINGS, WEB))
        self.assert_silent(said)
        names = self.capture(fields=["frame.interface_name", "vxlan.vni"], decap="true", filter="icmp")[0]
        self.assertEqual({name.split()[1] for name, _ in names}, {"100"})
        self.assertEqual({vni for _, vni in names}, {""})

    def test_several_link_types(self):
        inner = [(p.time_ns + 1, p.data[SLL_BYTES:]) for p in pkvtest.read_capture(PLAIN)]
        pktvault("import", "-a", self.archive, PLAIN, self.write("raw.pcap", pkvtest.pcap(inner, link_type=101)))
        rows, said = self.capture("-f", "not vni any", fields=["frame.encap_type", "tcp.seq_raw"])
        sequences = [row[0] for row in rows_of(PLAIN, fields=["tcp.seq_raw"])]
        self.assertEqual(rows, [[kind, sequence] for sequence in sequences for kind in (SLL, RAW_IP)])
        self.assert_silent(said)

    def test_stops_when_tshark_has_enough(self):
        rows, said = self.capture("-c", "3")
        self.assertEqual(rows, rows_of(PINGS)[:3])
        self.assert_silent(said)

    def test_the_archive_of_the_dialog(self):
        other = self.path("other")
        pktvault("import", "-a", other, PLAIN)
        self.assertEqual(self.capture(archive=other)[0], rows_of(PLAIN))

    def test_what_is_wrong_comes_up_alone(self):
        for settings, wanted in (({"filter": "icmp and hots 10.0.0.1"}, "'hots'"), ({"since": "25:00"}, "25:00"),
                                 ({"until": "tomorow"}, "tomorow"), ({"archive": "/nowhere"}, "/nowhere"),
                                 ({"follow": "true", "until": "now"}, "until")):
            with self.subTest(settings):
                rows, said = self.capture(**settings)
                self.assertEqual(rows, [])
                self.assertIn("Error by extcap pipe: pktvault extcap: ", said)
                self.assertIn(wanted, said)
                self.assertEqual(said.count("tshark:"), 1, said)  # dumpcap has nothing to say of a missing pipe

    def test_a_wrong_filter_is_marked_at_its_column(self):
        for arguments, settings in ((["-f", "tcp prot 80"], {"filter": "icmp"}), ([], {"filter": "tcp prot 80"})):
            _, said = self.capture(*arguments, **settings)
            shown, mark = [line for line in said.splitlines() if line.startswith("  ")][-2:]
            self.assertEqual(shown.strip(), "tcp prot 80")
            self.assertEqual(shown[mark.index("^"):], "prot 80")

    def test_two_halves_do_not_make_one_filter(self):
        rows, said = self.capture("-f", "icmp) or (arp", filter="icmp")
        self.assertEqual(rows, [])
        self.assertIn("pktvault extcap: column", said)

    def test_says_what_is_missing(self):
        self.damage(self.segments()[0])
        rows, said = self.capture()
        self.assertLess(len(rows), len(rows_of(PINGS, WEB)))
        self.assertIn("INCOMPLETE", said)

    def test_says_that_nothing_matched(self):
        rows, said = self.capture(filter="host 203.0.113.9")
        self.assertEqual(rows, [])
        self.assertIn("0 packets", said)


class Questions(Wireshark):
    """What Wireshark asks before a capture."""

    def test_interfaces(self):
        told = sentences(self.extcap("--extcap-interfaces", "--extcap-version=4.0").out.decode())
        version = pktvault("--version").out.decode().split()[1]
        self.assertEqual(told, [("extcap", {"version": version, "display": "pktvault archive"}),
                                ("interface", {"value": "pktvault", "display": "pktvault archive"})])

    def test_link_types(self):
        told = sentences(self.extcap("--extcap-dlts", "--extcap-interface", "pktvault").out.decode())
        self.assertEqual([(word, values["number"]) for word, values in told], [("dlt", ETHERNET)])

    def config(self, **env):
        text = pkvtest.run(self.link, "--extcap-config", "--extcap-interface", "pktvault",
                           env={**self.env, **env}).out.decode()
        return {values["call"]: values for _, values in sentences(text)}

    def test_config(self):
        told = self.config()
        self.assertEqual({call: values["type"] for call, values in told.items()},
                         {"--archive": "string", "--filter": "string", "--since": "string", "--until": "string",
                          "--decap": "boolflag", "--follow": "boolflag"})
        self.assertEqual([values["number"] for values in told.values()], list("012345"))
        self.assertEqual(told["--archive"]["default"], self.archive)
        for time in ("14:03", "2026-11-17 14:03:22", "-2h", "yesterday", "@1763388202.5", "2026-11-17T14:03:22+0100", ""):
            self.assertRegex(time, told["--since"]["validation"])
        self.assertNotRegex("now; date", told["--since"]["validation"])

    def test_an_archive_that_the_grammar_cannot_say_is_no_default(self):
        self.assertNotIn("default", self.config(PKTVAULT_ARCHIVE="/srv/{a}")["--archive"])

    def test_an_option_has_no_values_to_reload(self):
        self.assertEqual(self.extcap("--extcap-config", "--extcap-interface", "pktvault", "--extcap-reload-option",
                                     "filter").out, b"")

    def check(self, expression, **options):
        return self.extcap("--extcap-capture-filter", expression, "--extcap-interface", "pktvault", **options)

    def test_capture_filter_alone_is_checked(self):
        """Wireshark reads standard output, and only of a status of 0."""
        self.assertEqual(self.check("vni 100 and tcp port 80").out, b"")
        self.assertRegex(self.check("tcp prot 80").out.decode(), r"^column 5: .*'prot'\n$")
        self.env["PKTVAULT_ARCHIVE"] = "/nowhere"
        unknown = self.check("tcp port 80", check=False)
        self.assertEqual((unknown.status, unknown.out), (1, b""))

    def test_the_subcommand_is_the_same(self):
        self.assertEqual(pktvault("extcap", "--extcap-interfaces").out, self.extcap("--extcap-interfaces").out)

    def test_wrong_words(self):
        for arguments in ([], ["--extcap-interface", "eth0", "--extcap-dlts"], ["--extcap-config"], ["--fly"],
                          ["--capture", "--extcap-interface", "pktvault"], ["--extcap-interfaces", "word"]):
            result = self.extcap(*arguments, check=False)
            self.assertEqual((result.status, result.out), (2, b""), arguments)
            self.assertIn("pktvault extcap --help", result.err)


class Capture(Wireshark):
    """The FIFO itself."""

    def start(self, *arguments):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        process = subprocess.Popen([self.link, "--capture", "--extcap-interface", "pktvault", "--fifo", fifo,
                                    *arguments], stderr=subprocess.PIPE, env={**os.environ, **self.env})
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, open(fifo, "rb")

    def assert_left(self, process):
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(process.stderr.read(), b"")

    def test_a_section_with_its_statistics(self):
        process, fifo = self.start()
        with fifo:
            reader = pkvtest.PcapngReader(fifo.read())
        self.assert_left(process)
        wanted = sorted((p.time_ns, p.data) for path in self.CAPTURES for p in pkvtest.read_capture(path))
        self.assertEqual(sorted((p.time_ns, p.data) for p in reader.read()), wanted)
        self.assertEqual(reader.sections, 1)
        self.assertEqual(len(reader.statistics), len(reader.interface_names))

    def test_what_can_be_read_stays_in_a_file(self):
        self.damage(self.segments()[0])
        for arguments in ([], ["--follow", "--since", "2000-01-01"]):
            with self.subTest(arguments):
                path = self.write("slice", b"")
                process = subprocess.Popen([self.link, "--capture", "--extcap-interface", "pktvault", "--fifo", path,
                                            *arguments], stderr=subprocess.PIPE, env={**os.environ, **self.env})
                if arguments:
                    pkvtest.wait_until(lambda: os.path.getsize(path) > 1000, "packets")
                    process.send_signal(signal.SIGTERM)
                said = process.communicate(timeout=30)[1].decode()
                self.assertIn("INCOMPLETE", said)
                self.assertEqual(process.returncode, 0 if arguments else 3)
                self.assertEqual(len(pkvtest.read_capture(path)), len(rows_of(WEB)))

    def test_follow_leaves_when_the_reader_does_though_nothing_arrives(self):
        process, fifo = self.start("--follow")
        with fifo:
            self.assertEqual(fifo.read(4), b"\x0a\x0d\x0d\x0a")
        self.assert_left(process)

    def test_follow_ends_its_capture_on_sigterm(self):
        process, fifo = self.start("--follow", "--since", "2000-01-01", "--filter", "icmp")
        with fifo:
            data = read_until(fifo, lambda data: data.count(b"\x06\0\0\0") >= 8)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)
            data += fifo.read()
        reader = pkvtest.PcapngReader(data)
        self.assertEqual(len(reader.read()), len(rows_of(PINGS, display_filter="icmp")))
        self.assertEqual(len(reader.statistics), 1)


@pkvtest.needs("tshark", "dumpcap")
class Follow(Wireshark):
    CAPTURES = ()

    def daemon(self):
        return pkvtest.Daemon(self.archive, "--listen", "%s:%d" % V4)

    @contextlib.contextmanager
    def running(self, command, **options):
        with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **self.env}, **options) as process:
            try:
                yield process
            finally:
                process.kill()

    def test_what_is_being_recorded_appears(self):
        command = self.command("-c", "30", "-d", "udp.port==4789,vxlan", fields=["vxlan.vni", "udp.srcport"],
                               follow="true", since="-1h", filter="vni 5 or vni 6")

        def lines(count):
            return read_until(tshark.stdout, lambda data: data.count(b"\n") >= count)
        with self.daemon():
            pkvtest.send_vxlan(V4, 5, 10, port=5000)
            pkvtest.wait_for_count(self.archive, 10)
            with self.running(command, stdout=subprocess.PIPE) as tshark:
                text = lines(10)
                pkvtest.send_vxlan(V4, 6, 10, port=6000)
                text += lines(10)
                pkvtest.send_vxlan(V4, 7, 10, port=7000)
                pkvtest.send_vxlan(V4, 5, 10, port=5001)
                text += lines(10)
                tshark.wait(30)
                text += tshark.stdout.read()
        found = [tuple(map(last, row.split("\t"))) for row in text.decode().splitlines()]
        self.assertEqual(found, [("5", "5000")] * 10 + [("6", "6000")] * 10 + [("5", "5001")] * 10)

    def follow(self, *arguments, vnis):
        """The capture of a daemon that gets ten packets of each VNI in turn, each when those before were seen."""
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        command = [self.link, "--capture", "--extcap-interface", "pktvault", "--fifo", fifo, "--follow", "--since", "-1h",
                   *arguments]
        with self.daemon(), self.running(command) as process, open(fifo, "rb") as reader:
            data = b""
            for round_, vni in enumerate(vnis):
                frames = pkvtest.send_vxlan(V4, vni, 10, port=5000 + round_)
                data += read_until(reader, lambda data, wanted=frames[-1]: wanted in data)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(30), 0)
            data += reader.read()
        return pkvtest.PcapngReader(data)

    def test_many_searches_make_one_section_with_one_interface(self):
        slice_ = self.follow(vnis=(5, 5, 5))
        packets = slice_.read()
        self.assertEqual(len(packets), 30)
        self.assertEqual((slice_.sections, len(slice_.interface_names), len(slice_.statistics)), (1, 1, 1))
        options = slice_.statistics[0][1]
        received, (high, low) = options[4][0], struct.unpack("<II", options[2][0])  # isb_ifrecv, isb_starttime
        self.assertEqual(int.from_bytes(received, "little"), 30)
        self.assertEqual(high << 32 | low, packets[0].time_ns)

    def test_many_searches_keep_tunnels_apart(self):
        slice_ = self.follow("--decap", vnis=(5, 6, 5))
        vnis = [slice_.interface_names[p.interface].split()[1] for p in slice_.read()]
        self.assertEqual(vnis, ["5"] * 10 + ["6"] * 10 + ["5"] * 10)
        self.assertEqual(len(slice_.interface_names), 2)


@pkvtest.needs("tshark", "tcpdump", "dumpcap")
class Pipes(Wireshark):
    """`pktvault query -w - | …`"""

    def pipe(self, arguments, *command):
        query = subprocess.Popen([pkvtest.program("pktvault"), "query", "-w", "-", *arguments], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env={**os.environ, **self.env})
        with query:
            done = subprocess.run(command, stdin=query.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  env={**os.environ, **self.env})
            query.stdout.close()
            err = query.stderr.read().decode()
        return pkvtest.Result(query.returncode, done.stdout, err), done

    def fields(self, fields):
        return [word for field in fields for word in ("-e", field)]

    def test_tshark_reads_and_captures(self):
        for source in (["-r", "-"], ["-i", "-"]):
            for arguments, fields, wanted in (([], FIELDS, rows_of(PINGS, WEB)),
                                              (["--decap"], INNER, inner_rows(PINGS, WEB)),
                                              (["-F", "pcap"], FIELDS, rows_of(PINGS, WEB)),
                                              (["--decap", "-F", "pcap", "icmp"], INNER,
                                               inner_rows(PINGS, display_filter="icmp"))):
                with self.subTest(f"{source} {arguments}"):
                    query, done = self.pipe(arguments, "tshark", "-n", *source, "-T", "fields", *self.fields(fields))
                    self.assertEqual(query.status, 0, query.err)
                    self.assertEqual([line.split("\t") for line in done.stdout.decode().splitlines()], wanted)

    def test_dumpcap_captures(self):
        for arguments, fields, wanted in (([], FIELDS, rows_of(PINGS, WEB)),
                                          (["--decap"], INNER, inner_rows(PINGS, WEB))):
            out = self.path("captured.pcapng")
            query, _ = self.pipe(arguments, "dumpcap", "-q", "-i", "-", "-w", out)
            self.assertEqual(query.status, 0, query.err)
            self.assertEqual(rows_of(out, fields=fields), wanted)

    def test_tcpdump_reads(self):
        count = len(rows_of(PINGS, WEB))
        for arguments in ([], ["--decap"], ["-F", "pcap"], ["--decap", "-F", "pcap"]):
            query, done = self.pipe(arguments, "tcpdump", "-nn", "-r", "-")
            self.assertEqual((query.status, done.returncode), (0, 0), done.stderr)
            self.assertEqual(len([line for line in done.stdout.splitlines() if line[:2].isdigit()]), count)

    def test_what_tcpdump_shows_without_the_tunnel_is_what_it_shows_inside(self):
        _, done = self.pipe(["--decap", "icmp"], "tcpdump", "-nnt", "-r", "-")
        outer = pkvtest.run("tcpdump", "-nnt", "-r", PINGS).out.decode().splitlines()
        wanted = [line for line in outer if line.startswith("IP 192.168.203.") and "ICMP" in line]
        self.assertGreater(len(wanted), 0)
        self.assertEqual(done.stdout.decode().splitlines(), wanted)

    def test_a_reader_that_leaves_is_no_error(self):
        query, done = self.pipe([], "tcpdump", "-nn", "-c", "1", "-r", "-")
        self.assertEqual((query.status, done.returncode), (0, 0))

    def test_several_link_types_are_refused_before_the_first_byte(self):
        """tcpdump cannot read them; tshark could, but nobody knows who reads a pipe."""
        raw = [(p.time_ns, p.data[SLL_BYTES:]) for p in pkvtest.read_capture(PLAIN)]
        pktvault("import", "-a", self.archive, self.write("raw.pcap", pkvtest.pcap(raw, link_type=101)))
        for arguments in ([], ["--decap"], ["-F", "pcap"]):
            query = pktvault("query", "-w", "-", *arguments, env=self.env, check=False)
            self.assertEqual((query.status, query.out), (1, b""), arguments)
            self.assertIn("several link types", query.err)
        for arguments, count in (["not vni any"], len(raw)), (["vni any"], len(rows_of(PINGS, WEB))):
            query, done = self.pipe(arguments, "tshark", "-n", "-r", "-")
            self.assertEqual((query.status, len(done.stdout.splitlines())), (0, count), arguments)
        path = self.path("mixed.pcapng")
        pktvault("query", "-w", path, env=self.env)
        self.assertEqual({row[0] for row in rows_of(path, fields=["frame.encap_type"])}, {ETHERNET, RAW_IP})


if __name__ == "__main__":
    pkvtest.main()
