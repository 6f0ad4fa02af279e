# SPDX-License-Identifier: BSD-2-Clause
"""The units as they are installed, run by systemd: rights, sandbox, readiness, death, journal."""

import atexit
import collections
import glob
import json
import os
import re
import shutil
import stat
import tempfile
import unittest

import machine
import pkvtest

CAPTURES = ("zeek+zeek/testing/btest/Traces/tunnels/vxlan.pcap",
            "zeek+zeek/testing/btest/Traces/tunnels/vxlan-encapsulated-http.pcap")
ARCHIVE = "/var/lib/pktvault"
RECORDER, INDEXER = UNITS = "pktvaultd.service", "pktvault-index.service"
ERROR, WARNING, INFO = 3, 4, 6
CAP_NET_ADMIN, CAP_NET_RAW = 1 << 12, 1 << 13

UDP = "listen = :4789\n"
BOTH = "capture = eth0\nlisten = :4789\n"

Line = collections.namedtuple("Line", "priority text")


class TheMachine:
    """One for all tests, booted for the first."""

    machine = cannot = None

    @classmethod
    def get(cls):
        if not cls.machine and not cls.cannot:
            missing = machine.missing()
            try:
                cls.cannot = unittest.SkipTest(missing) if missing else cls.boot()
            except machine.CannotBoot as cannot:
                cls.cannot = unittest.SkipTest(str(cannot))
            except AssertionError as failure:
                cls.cannot = failure
        if cls.cannot:
            raise cls.cannot
        return cls.machine

    @classmethod
    def boot(cls):
        files = tempfile.mkdtemp(prefix="pkvtest.")
        try:
            os.chmod(files, 0o755)
            pkvtest.run("cmake", "--install", pkvtest.BUILD, "--prefix", "/usr/local", env={"DESTDIR": files})
            booting = machine.Machine(files)
            booting.__enter__()
        finally:
            shutil.rmtree(files)
        atexit.register(booting.__exit__)
        booting.run("systemd-sysusers")
        cls.machine = booting


@pkvtest.needs("cmake")
class Case(unittest.TestCase):
    def setUp(self):
        self.machine = TheMachine.get()
        self.run_ = self.machine.run
        self.archive = ARCHIVE
        self.run_("systemctl", "stop", *UNITS)
        self.run_("systemctl", "reset-failed", *UNITS, check=False)
        self.run_("sh", "-c", f"rm -rf {ARCHIVE} /etc/systemd/system/*.service.d")
        self.run_("systemctl", "daemon-reload")
        last = self.run_("journalctl", "-n", 1, "-o", "json").out
        self.cursor = json.loads(last)["__CURSOR"]
        self.sent = 0

    # ---- doing

    def configure(self, text):
        self.machine.write("/etc/pktvault/pktvault.conf", f"archive = {self.archive}\nflush_interval = 50ms\n{text}")

    def start(self, text, *units):
        self.configure(text)
        if self.run_("systemctl", "start", *(units or (RECORDER,)), check=False).status != 0:
            self.run_("journalctl", "--sync")
            said = self.run_("journalctl", "--after-cursor", self.cursor, "-o", "cat").out.decode()
            raise AssertionError(f"cannot start:\n{said}")

    def drop_in(self, text, *units):
        for unit in units or UNITS:
            self.machine.write(f"/etc/systemd/system/{unit}.d/test.conf", text)
        self.run_("systemctl", "daemon-reload")

    def stop(self, *units):
        self.run_("systemctl", "stop", *(units or (RECORDER,)))

    def play(self):
        self.sent += self.machine.play(*CAPTURES)

    def query(self, *arguments):
        """As somebody who is in the archive's group, and nothing else."""
        return self.run_("setpriv", "--reuid=65534", "--regid=65534", "--groups=pktvault", "pktvault", *arguments)

    # ---- seeing

    def count(self):
        return int(self.query("query", "-a", self.archive, "--count").out)

    def wait_for_count(self, count):
        pkvtest.wait_until(lambda: self.count() >= count, f"{count} packets")
        self.assertEqual(self.count(), count)

    def status(self):
        return pkvtest.json_lines(self.query("status", "-a", self.archive, "-T", "json").out)[0]

    def segments(self, suffix):
        return sorted(glob.glob(self.machine.path(f"{self.archive}/segments/*/*/*/*{suffix}")))

    def journal(self, unit=RECORDER):
        """What the unit's processes have said in this test."""
        self.run_("journalctl", "--sync")
        # Not by a match of journalctl: behind a cursor that does not match itself, it leaves out the first line that does.
        lines = pkvtest.json_lines(self.run_("journalctl", "--after-cursor", self.cursor, "-o", "json").out)
        return [Line(int(line["PRIORITY"]), line["MESSAGE"]) for line in lines if line.get("_SYSTEMD_UNIT") == unit]

    def wait_for_line(self, priority, pattern, unit=RECORDER):
        def said():
            return [line for line in self.journal(unit) if re.search(pattern, line.text)]
        lines = pkvtest.wait_until(said, f"{pattern} in the journal of {unit}")
        self.assertEqual({line.priority for line in lines}, {priority}, lines)

    def complaints(self, unit=RECORDER):
        return [line for line in self.journal(unit) if line.priority <= WARNING or "not permitted" in line.text]

    def tasks(self, unit=RECORDER):
        """/proc/…/status of every thread."""
        pid = self.machine.show(unit, "MainPID")
        for path in glob.glob(self.machine.path(f"/proc/{pid}/task/*/status")):
            with open(path, encoding="utf-8") as file:
                yield dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)

    def user_id(self, name="pktvault"):
        return self.run_("id", "-u", name).out.decode().strip()

    def assert_sandboxed(self, unit, bounding):
        def capabilities():
            return {int(task[name], 16) for task in self.tasks(unit) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")}
        # A thread drops them when it first runs, which may be after the first one said that it is ready.
        pkvtest.wait_until(lambda: capabilities() == {0}, "no thread with capabilities")
        tasks = list(self.tasks(unit))
        self.assertGreater(len(tasks), 1)
        for task in tasks:
            self.assertEqual(int(task["CapBnd"], 16), bounding, task)
            self.assertEqual((task["NoNewPrivs"], task["Seccomp"]), ("1", "2"), task)
            self.assertEqual(set(task["Uid"].split()), {self.user_id()}, task)

    def assert_modes(self):
        """Directories 0750, files 0640, all of the user."""
        root = self.machine.path(self.archive)
        paths = [root] + [os.path.join(d, name) for d, directories, files in os.walk(root) for name in directories + files]
        self.assertGreater(len(paths), 5)
        for path in paths:
            status = os.lstat(path)
            wanted = stat.S_IFDIR | 0o750 if stat.S_ISDIR(status.st_mode) else stat.S_IFREG | 0o640
            self.assertEqual((oct(status.st_mode), str(status.st_uid)), (oct(wanted), self.user_id()), path)


class Recording(Case):
    def test_udp_alone(self):
        self.start(UDP)
        self.assertEqual(self.machine.show(RECORDER, "Type", "ActiveState", "SubState", "NRestarts"),
                         ["notify", "active", "running", "0"])
        self.play()
        self.wait_for_count(self.sent)
        self.assert_sandboxed(RECORDER, CAP_NET_RAW | CAP_NET_ADMIN)
        self.assert_modes()
        # Among them: that the socket has not got the buffer it asked for.
        self.assertEqual(self.complaints(), [])

    def test_interface_and_udp(self):
        self.start(BOTH)
        self.play()
        self.wait_for_count(2 * self.sent)
        self.assert_sandboxed(RECORDER, CAP_NET_RAW | CAP_NET_ADMIN)
        self.assert_modes()
        self.stop()
        reader = pkvtest.PcapngReader(self.query("query", "-a", self.archive, "-w", "-").out)
        by_name = collections.Counter(reader.interface_names[p.interface] for p in reader.read())
        self.assertEqual(sorted(by_name.values()), [self.sent, self.sent])
        self.assertEqual(by_name["eth0"], self.sent)
        self.assertEqual(self.complaints(), [])

    def test_a_stop_seals_and_indexes(self):
        """Of an interface, too, the last packets: the kernel hands over frames a while after they came."""
        self.start(BOTH)
        self.play()
        self.stop()
        self.assertEqual(self.machine.show(RECORDER, "ActiveState", "Result"), ["inactive", "success"])
        self.assertEqual((len(self.segments(".open")), len(self.segments(".lz4"))), (0, 2))
        status = self.status()
        self.assertEqual((status["packets"], status["indexed_segments"], status["unchained_segments"]),
                         (2 * self.sent, 2, 0))
        self.wait_for_line(INFO, f"^recorded {2 * self.sent} packets")
        self.assert_modes()
        self.assertEqual(self.complaints(), [])

    def test_systemd_is_told_that_it_lives_and_what_it_does(self):
        self.start(UDP)
        self.play()
        pkvtest.wait_until(lambda: self.machine.show(RECORDER, "StatusText") == f"recording: {self.sent} packets, 0 lost",
                           "the state in words")
        first = self.machine.show(RECORDER, "WatchdogTimestampMonotonic")
        pkvtest.wait_until(lambda: int(self.machine.show(RECORDER, "WatchdogTimestampMonotonic")) > int(first),
                           "another sign of life")
        self.assertEqual(self.machine.show(RECORDER, "WatchdogUSec"), "30s")

    def test_a_reload_seals(self):
        self.start(BOTH)
        self.play()
        before = self.segments(".open")
        self.assertEqual(len(before), 2)
        self.run_("systemctl", "reload", RECORDER)
        pkvtest.wait_until(lambda: len(self.segments(".lz4")) == 2 and len(self.segments(".open")) == 2, "sealed segments")
        self.play()
        self.wait_for_count(2 * self.sent)
        self.assertEqual(self.machine.show(RECORDER, "NRestarts"), "0")

    def test_a_restart_and_a_kill_lose_nothing(self):
        self.start(BOTH)
        self.play()
        self.run_("systemctl", "restart", RECORDER)
        self.play()
        self.wait_for_count(2 * self.sent)
        orphans = self.segments(".open")
        self.run_("systemctl", "kill", "--signal=KILL", RECORDER)
        pkvtest.wait_until(lambda: self.machine.show(RECORDER, "NRestarts", "ActiveState") == ["1", "active"],
                           "its own restart")
        self.play()
        self.wait_for_count(2 * self.sent)
        pkvtest.wait_until(lambda: not set(orphans) & set(self.segments(".open")), "the dead segments sealed")
        self.stop()
        self.assertEqual(self.status()["packets"], 2 * self.sent)

    def test_a_process_that_hangs_is_killed_and_started_again(self):
        self.drop_in("[Service]\nWatchdogSec=10s\nRestartSec=50ms\n", RECORDER)
        self.start(BOTH)
        self.play()
        self.wait_for_count(2 * self.sent)
        orphans = self.segments(".open")
        self.run_("systemctl", "kill", "--signal=STOP", RECORDER)
        pkvtest.wait_until(lambda: self.machine.show(RECORDER, "NRestarts", "ActiveState") == ["1", "active"],
                           "another process", 60)
        self.play()
        self.wait_for_count(2 * self.sent)
        pkvtest.wait_until(lambda: not set(orphans) & set(self.segments(".open")), "the dead segments sealed")
        missing = self.status()["missing"]
        self.assertEqual([m["cause"] for m in missing], ["gap"], missing)

    def test_an_interface_that_was_down_is_captured_from_again(self):
        """For which no right is needed any more."""
        self.start(BOTH)
        self.play()
        self.run_("ip", "link", "set", "eth0", "down")
        self.wait_for_line(WARNING, "eth0 is down")
        self.run_("ip", "link", "set", "eth0", "up")
        self.wait_for_line(INFO, "eth0 is up again")
        self.machine.wait_for_link()
        self.play()
        self.wait_for_count(2 * self.sent)

    def test_an_interface_that_goes_away_ends_its_source(self):
        self.make_spare()
        self.start("capture = spare\n" + UDP)
        self.run_("ip", "link", "delete", "spare")
        self.wait_for_line(ERROR, "spare: The interface disappeared; nothing more is recorded from it")
        self.play()
        self.wait_for_count(self.sent)
        pkvtest.wait_until(lambda: self.machine.show(RECORDER, "StatusText") ==
                           f"recording, but not from all sources: {self.sent} packets, 0 lost", "the state in words")
        self.assertEqual(len(self.segments(".lz4")), 1)

    def test_an_interface_alone_is_waited_for(self):
        """However often that fails: what is not recorded is lost."""
        self.drop_in("[Service]\nRestartSec=50ms\n")
        self.make_spare()
        self.start("capture = spare\n")
        self.run_("ip", "link", "delete", "spare")
        pkvtest.wait_until(lambda: int(self.machine.show(RECORDER, "NRestarts")) > 7, "many starts")
        self.wait_for_line(ERROR, "there is no source left")
        self.make_spare()
        pkvtest.wait_until(lambda: self.machine.show(RECORDER, "StatusText").startswith("recording:"), "recording")

    def make_spare(self):
        self.run_("ip", "link", "add", "spare", "up", "type", "veth", "peer", "name", "spare-peer")
        self.run_("ip", "link", "set", "spare-peer", "up")
        self.addCleanup(self.run_, "ip", "link", "delete", "spare", check=False)


class TwoProcesses(Case):
    def test_the_indexer_has_no_right_and_no_network(self):
        self.start(BOTH + "index = no\n", *UNITS)
        self.play()
        self.run_("systemctl", "reload", RECORDER)
        pkvtest.wait_until(lambda: self.status()["indexed_segments"] == 2, "indexed segments")
        self.wait_for_count(2 * self.sent)
        self.assert_sandboxed(RECORDER, CAP_NET_RAW | CAP_NET_ADMIN)
        self.assert_sandboxed(INDEXER, 0)
        pid = self.machine.show(INDEXER, "MainPID")
        links = self.run_("nsenter", "--target", pid, "--net", "ip", "-o", "link").out.decode().splitlines()
        self.assertEqual(len(links), 1, links)
        self.stop(RECORDER)
        pkvtest.wait_until(lambda: self.status()["indexed_segments"] == 4, "all segments indexed")
        self.stop(INDEXER)
        self.assertEqual(self.machine.show(INDEXER, "ActiveState", "Result", "NRestarts")[:2], ["inactive", "success"])
        self.assertEqual(self.status()["unchained_segments"], 0)
        self.assert_modes()
        self.assertEqual(self.complaints(), [])


class Sandbox(Case):
    def test_exposure(self):
        self.start(UDP + "index = no\n", *UNITS)
        for unit in UNITS:
            out = self.run_("systemd-analyze", "security", "--no-pager", unit).out.decode()
            exposure = float(re.search(rf"exposure level for {unit}: ([0-9.]+)", out)[1])
            print(f"{unit}: {exposure}")
            self.assertLessEqual(exposure, 2.0, out)

    def test_no_system_call_is_refused(self):
        """What is refused gets an error under the units as they are; here it is killed."""
        self.drop_in("[Service]\nSystemCallErrorNumber=kill\nRestart=no\n")
        self.start(BOTH + "index = no\nhealth = 127.0.0.1:8080\nallow = 192.168.77.0/24\n", *UNITS)
        self.play()
        self.run_("systemctl", "reload", RECORDER)
        pkvtest.wait_until(lambda: self.status()["indexed_segments"] == 2, "indexed segments")
        self.stop(*UNITS)
        self.start(BOTH)
        self.play()
        self.wait_for_count(2 * self.sent)
        self.stop()
        for unit in UNITS:
            self.assertEqual(self.machine.show(unit, "ActiveState", "Result"), ["inactive", "success"])

    def test_capabilities_that_cannot_be_given_up_are_said(self):
        self.drop_in("[Service]\nSystemCallFilter=~capset\n")
        self.start(UDP)
        self.wait_for_line(WARNING, "cannot give up capabilities: Operation not permitted")

    def test_an_archive_elsewhere(self):
        self.archive = "/srv/pktvault"
        self.run_("sh", "-c", "rm -rf /srv/pktvault && install -d -o pktvault -g pktvault -m 0750 /srv/pktvault")
        self.drop_in("[Service]\nRestart=no\n")
        self.configure(UDP)
        self.assertNotEqual(self.run_("systemctl", "start", RECORDER, check=False).status, 0)
        self.wait_for_line(ERROR, "/srv/pktvault.*Read-only file system")
        self.drop_in("[Service]\nReadWritePaths=/srv/pktvault\n")
        self.start(UDP + "index = no\n", *UNITS)
        self.play()
        self.wait_for_count(self.sent)
        self.stop()
        pkvtest.wait_until(lambda: self.status()["indexed_segments"] == 1, "an index")
        self.assert_modes()


class Journal(Case):
    def test_who_has_the_port_is_said_as_far_as_it_can_be_seen(self):
        self.drop_in("[Service]\nRestart=no\n")
        self.configure(UDP)
        with self.machine.bound(4789):
            self.assertNotEqual(self.run_("systemctl", "start", RECORDER, check=False).status, 0)
        self.wait_for_line(ERROR, r"4789.*cannot be seen from here.*ss -lnup 'sport = :4789'")
        self.run_("ip", "link", "add", "tunnel7", "type", "vxlan", "id", 7, "dstport", 4789, "dev", "eth0")
        self.addCleanup(self.run_, "ip", "link", "delete", "tunnel7")
        self.run_("ip", "link", "set", "tunnel7", "up")
        self.assertNotEqual(self.run_("systemctl", "start", RECORDER, check=False).status, 0)
        self.wait_for_line(ERROR, "4789 is taken by the kernel's VXLAN device tunnel7")

    def test_a_wrong_configuration_is_an_error_and_not_tried_again(self):
        self.configure(UDP + "lisen = :6081\n")
        for unit in UNITS:
            # The indexer has started when it is executed.
            self.run_("systemctl", "start", unit, check=False)
            pkvtest.wait_until(lambda unit=unit: self.machine.show(unit, "ActiveState") == "failed", f"{unit} given up")
            self.assertEqual(self.machine.show(unit, "ExecMainStatus", "NRestarts"), ["2", "0"])
            self.wait_for_line(ERROR, "lisen", unit)

    def test_a_full_disk(self):
        self.archive = "/srv/small"
        self.run_("sh", "-c", "mkdir -p /srv/small && mount -t tmpfs -o size=16M,mode=750,uid=pktvault,gid=pktvault tmpfs /srv/small")
        self.addCleanup(self.run_, "sh", "-c", f"systemctl stop {' '.join(UNITS)}; umount /srv/small")
        self.drop_in("[Service]\nReadWritePaths=/srv/small\n")
        self.start(UDP + "index = no\n")
        self.play()
        self.wait_for_count(self.sent)
        kept = self.sent
        self.run_("systemctl", "reload", RECORDER)
        pkvtest.wait_until(lambda: self.segments(".lz4"), "a sealed segment")
        self.run_("sh", "-c", "cat /dev/zero >/srv/small/filler || :")
        self.run_("systemctl", "start", INDEXER)
        self.wait_for_line(ERROR, "full|No space left", INDEXER)
        self.play()
        self.wait_for_line(ERROR, "No space left.*packets are lost until this is mended")
        pkvtest.wait_until(lambda: self.machine.show(RECORDER, "StatusText").startswith("packets cannot be stored"),
                           "the state in words")
        self.run_("rm", "/srv/small/filler")
        self.wait_for_line(INFO, "packets are stored again")
        self.assertEqual(self.machine.show(RECORDER, "NRestarts", "ActiveState"), ["0", "active"])
        before, sent = self.count(), self.sent
        self.assertGreaterEqual(before, kept)
        self.play()
        pkvtest.wait_until(lambda: self.count() >= before + self.sent - sent, "packets stored again")


if __name__ == "__main__":
    pkvtest.main()
