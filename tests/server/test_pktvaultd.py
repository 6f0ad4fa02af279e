# SPDX-License-Identifier: BSD-2-Clause
"""The daemon alone: what it stores is read with lz4 and tshark."""

import glob
import os
import signal
import socket
import subprocess
import tempfile
import unittest

import pkvtest

PROGRAM = os.environ["PKV_PKTVAULTD"]


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Pktvaultd(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory, self.archive = directory.name, os.path.join(directory.name, "archive")
        self.port = free_port()
        self.process = None

    def start(self, *arguments):
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        path = os.path.join(self.directory, "notify")
        notify.bind(path)
        os.chmod(path, 0o777)
        notify.settimeout(30)
        self.log = open(os.path.join(self.directory, "log"), "w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            [PROGRAM, "-a", self.archive, "--no-index", "--config", "/dev/null", *arguments], stderr=self.log,
            env={**os.environ, "NOTIFY_SOCKET": path})
        self.addCleanup(self.process.kill)
        self.assertIn(b"READY=1", notify.recv(1000))
        self.notify = notify

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.assertEqual(self.process.wait(20), 0)
        self.log.seek(0)
        return self.log.read()

    def send(self, *payloads, port=None):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.bind(("127.0.0.1", 0))
            for payload in payloads:
                out.sendto(payload, ("127.0.0.1", port or self.port))
            return out.getsockname()[1]

    def segments(self):
        return sorted(glob.glob(os.path.join(self.archive, "segments/*/*/*/*")), key=lambda s: s.split("-")[-1])

    def payloads(self, segment):
        plain = os.path.join(self.directory, "plain.pcapng")
        subprocess.run(["lz4", "-d", "-f", "-q", segment, plain], check=True)
        done = subprocess.run(["tshark", "-n", "-r", plain, "-o", "udp.check_checksum:TRUE", "-o",
                               "ip.check_checksum:TRUE", "-T", "fields", "-e", "ip.src", "-e", "udp.srcport", "-e",
                               "udp.dstport", "-e", "ip.checksum.status", "-e", "udp.payload", "-e", "data"],
                              check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return [line.split("\t") for line in done.stdout.decode().splitlines()]

    def test_datagrams_are_stored_with_their_addresses_and_the_log_sums_up(self):
        self.start("--listen", f"127.0.0.1:{self.port}")
        sent = [bytes([i]) * (i + 1) for i in range(200)]
        source = self.send(*sent)
        log = self.stop()
        (segment,) = self.segments()
        rows = self.payloads(segment)
        self.assertEqual([bytes.fromhex(r[4] or r[5]) for r in rows], sent)
        self.assertEqual({tuple(r[:4]) for r in rows}, {("127.0.0.1", str(source), str(self.port), "1")})
        self.assertIn("recorded 200 packets", log)

    def test_sigint_is_as_good_as_sigterm(self):
        self.start("--listen", f"127.0.0.1:{self.port}")
        self.stop(signal.SIGINT)
        (segment,) = self.segments()
        self.assertTrue(segment.endswith(".lz4"))

    def test_sighup_rotates_and_loses_nothing(self):
        self.start("--listen", f"127.0.0.1:{self.port}")
        for count in (1, 2, 3):
            self.send(bytes([count]) * 10)
            self.process.send_signal(signal.SIGHUP)
            pkvtest.wait_until(lambda n=count: len(self.segments()) == n + 1, "a new segment")
        self.stop()
        stored = [row[4] or row[5] for s in self.segments() for row in self.payloads(s)]
        self.assertEqual(stored, ["01" * 10, "02" * 10, "03" * 10])
        self.assertEqual([s for s in self.segments() if s.endswith(".open")], [])

    def test_the_health_port_accepts_while_packets_can_be_stored(self):
        health = free_port(socket.SOCK_STREAM)
        self.start("--listen", f"127.0.0.1:{self.port}", "--health", f"127.0.0.1:{health}")
        with socket.create_connection(("127.0.0.1", health), timeout=10) as visitor:
            self.assertEqual(visitor.recv(1), b"")
        self.stop()

    def refused(self, *options):
        return subprocess.run([PROGRAM, "-a", self.archive, "--config", "/dev/null", "--listen",
                               f"127.0.0.1:{self.port}", *options], stderr=subprocess.PIPE, text=True, check=False)

    def test_what_no_restart_makes_right_is_wrong_usage(self):
        for options, why in ((["--health", "127.0.0.1:http"], "is not ADDRESS:PORT"),
                             (["--user", "nobody-of-that-name"], "there is no user")):
            done = self.refused(*options)
            self.assertEqual((done.returncode, why in done.stderr), (2, True), done.stderr)

    def test_a_taken_health_port_may_become_free(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            done = self.refused("--health", f"127.0.0.1:{taken.getsockname()[1]}")
        self.assertEqual((done.returncode, "cannot listen" in done.stderr), (1, True), done.stderr)

    def test_it_feeds_the_watchdog(self):
        self.start("--listen", f"127.0.0.1:{self.port}")
        self.assertIn(b"WATCHDOG=1", self.notify.recv(1000))
        self.stop()

    def test_a_taken_port_is_named_with_its_owner(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", self.port))
            done = self.refused()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"process {os.getpid()}", done.stderr)

    def test_the_command_line_wins_over_the_configuration(self):
        config = os.path.join(self.directory, "conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"archive = {self.directory}/elsewhere\nlisten = 127.0.0.1:1\nflush_interval = 10ms\n")
        self.start("--config", config, "--listen", f"127.0.0.1:{self.port}")
        self.send(b"x")
        self.stop()
        self.assertEqual(len(self.payloads(self.segments()[0])), 1)
        self.assertFalse(os.path.exists(f"{self.directory}/elsewhere"))

    def test_wrong_usage_ends_with_2_and_says_why(self):
        for arguments, text in ((["--lisen", "x"], "lisen"), (["word"], "word"), (["--listen", "nowhere"], "nowhere"),
                                (["--rotate_bytes", "many"], "rotate_bytes"), (["--config", "/nonexistent"], "/nonexistent")):
            with self.subTest(arguments):
                config = [] if "--config" in arguments else ["--config", "/dev/null"]
                done = subprocess.run([PROGRAM, "-a", self.archive, *config, *arguments], stderr=subprocess.PIPE,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(text, done.stderr)

    def test_levels_are_for_the_journal_and_nobody_else(self):
        for stream, first in (("{0.st_dev}:{0.st_ino}", "<3>"), ("1:2", "pktvaultd: "), ("", "pktvaultd: ")):
            with self.subTest(stream), open(os.path.join(self.directory, "said"), "w+", encoding="utf-8") as said:
                env = {**os.environ, "JOURNAL_STREAM": stream.format(os.fstat(said.fileno()))}
                subprocess.run([PROGRAM, "-a", self.archive, "word"], stderr=said, env=env, check=False)
                said.seek(0)
                self.assertEqual(said.read(), f"{first}'word' is not an option: see pktvaultd --help\n")

    def test_help_and_version(self):
        text = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn("--listen", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertRegex(subprocess.run([PROGRAM, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout,
                         r"^pktvaultd \d+\.\d+\.\d+$")

    @staticmethod
    def task_fields(task):
        with open(task, encoding="utf-8") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def capabilities(self, task):
        fields = self.task_fields(task)
        return int(fields["CapEff"], 16), int(fields["CapPrm"], 16)

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    @unittest.skipIf("thread" in os.environ.get("PKV_SANITIZE", ""), "the sanitizer has a thread of its own")
    def test_it_runs_as_the_user_and_keeps_no_capability(self):
        os.chmod(self.directory, 0o777)
        self.start("--listen", f"127.0.0.1:{self.port}", "--user", "nobody")
        for task in glob.glob(f"/proc/{self.process.pid}/task/*/status"):
            self.assertEqual(set(self.task_fields(task)["Uid"].split()), {"65534"}, task)
            # A thread drops them when it first runs.
            pkvtest.wait_until(lambda task=task: self.capabilities(task) == (0, 0), "no capabilities")
        self.send(b"x")
        self.stop()
        self.assertEqual(len(self.payloads(self.segments()[0])), 1)
        self.assertEqual(os.stat(self.segments()[0]).st_uid, 65534)


if __name__ == "__main__":
    pkvtest.isolate()
    unittest.main(verbosity=2)
