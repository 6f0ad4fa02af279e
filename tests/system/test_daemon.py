# SPDX-License-Identifier: BSD-2-Clause
"""pktvaultd as a service: signals, death, several sources, losses, who may send, two processes."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import time

import pkvtest
from pkvtest import pktvault

CAPTURE = os.path.join(pkvtest.DATA, "zeek+zeek/testing/btest/Traces/tunnels/vxlan.pcap")
V4, OTHER, V6 = ("127.0.0.1", 4789), ("127.0.0.2", 4789), ("::1", 4789)


def listen(address):
    host, port = address
    return "--listen", f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Signals(pkvtest.Case):
    def test_sigterm_and_sigint_seal_and_leave(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                archive = self.path(f"archive{number}")
                with pkvtest.Daemon(archive, *listen(V4)) as daemon:
                    pkvtest.send_vxlan(V4, 5, 100)
                    pkvtest.wait_for_count(archive, 100)
                    daemon.stop(number)
                self.assertEqual(self.segments(".open", archive=archive), [])
                self.assertEqual(len(self.segments(archive=archive)), 1)
                self.assertEqual(len(self.query_packets(archive=archive)), 100)

    def test_what_came_just_before_the_signal_is_kept(self):
        """Nothing is flushed yet; the socket's buffer may still hold it."""
        with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
            pkvtest.send_vxlan(V4, 5, 200)
            daemon.stop()
        self.assertEqual(len(self.query_packets()), 200)

    def test_sighup_rotates_and_loses_nothing(self):
        with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
            for round_ in range(4):
                pkvtest.send_vxlan(V4, 5, 10, port=5000 + round_)
                pkvtest.wait_for_count(self.archive, 10 * (round_ + 1))
                daemon.rotate()
        packets = self.query_packets()
        self.assertEqual(len(packets), 40)
        self.assertEqual(len(self.segments()), 5)
        names = [os.path.basename(s).split("-") for s in self.segments()]
        sequences = [int(sequence.split(".")[0]) for _, _, sequence in names]
        self.assertEqual(sequences, list(range(sequences[0], sequences[0] + 5)))

    def test_a_clean_stop_leaves_everything_indexed_and_chained(self):
        with pkvtest.Daemon(self.archive, *listen(V4)):
            pkvtest.send_vxlan(V4, 5, 10)
            pkvtest.wait_for_count(self.archive, 10)
        status = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]
        self.assertEqual((status["sealed_segments"], status["indexed_segments"], status["unchained_segments"]), (1, 1, 0))
        self.assertEqual(status["packets"], 10)
        self.assertEqual(pkvtest.run("sha256sum", "-c", "--quiet", "chain.log", cwd=self.archive).status, 0)

    def test_a_quiet_daemon_leaves_an_archive_that_says_it_listened(self):
        with pkvtest.Daemon(self.archive, *listen(V4)):
            pass
        done = pktvault("query", "-a", self.archive, "--count")
        self.assertEqual(done.out.strip(), b"0")
        self.assertNotIn("GAPS", done.err)

    def test_time_between_two_runs_is_a_gap(self):
        start = time.time()
        for _ in range(2):
            with pkvtest.Daemon(self.archive, *listen(V4)):
                pkvtest.send_vxlan(V4, 5, 1)
                pkvtest.wait_until(lambda: self.segments(".open"), "an open segment")
        done = pktvault("query", "-a", self.archive, "-S", f"@{start}", "--count")
        self.assertIn("GAPS", done.err)
        strict = pktvault("query", "-a", self.archive, "-S", f"@{start}", "--count", "--strict", check=False)
        self.assertEqual(strict.status, 3)


class Death(pkvtest.Case):
    def test_kill_9_costs_nothing_that_was_flushed(self):
        with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
            sent = pkvtest.send_vxlan(V4, 5, 500)
            pkvtest.wait_for_count(self.archive, 500)
            daemon.kill()
        (orphan,) = self.segments(".open")
        # Before anybody recovers it, a query reads it as it is.
        self.assertEqual(len(self.query_packets()), 500)
        with pkvtest.Daemon(self.archive, *listen(V4)):
            pkvtest.wait_until(lambda: not os.path.exists(orphan), "the dead segment sealed")
            pkvtest.send_vxlan(V4, 5, 7, port=4001)
            pkvtest.wait_for_count(self.archive, 507)
        self.assertTrue(os.path.exists(orphan.removesuffix(".open")))
        packets = self.query_packets("port 4000")
        self.assertEqual([pkvtest.inner_of_udp(p.data)[8:] for p in packets], sent)
        self.assertEqual(pkvtest.run("lz4", "-t", "-q", orphan.removesuffix(".open"), check=False).status, 0)
        self.assertEqual(pkvtest.run("sha256sum", "-c", "--quiet", "chain.log", cwd=self.archive).status, 0)

    def test_the_time_after_a_kill_is_a_gap(self):
        with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
            pkvtest.send_vxlan(V4, 5, 5)
            pkvtest.wait_for_count(self.archive, 5)
            daemon.kill()
        time.sleep(1.1)
        with pkvtest.Daemon(self.archive, *listen(V4)):
            pkvtest.send_vxlan(V4, 5, 5, port=4001)
            pkvtest.wait_for_count(self.archive, 10)
        self.assertIn("GAPS", pktvault("query", "-a", self.archive, "--count").err)

    def test_index_recovers_without_a_daemon(self):
        with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
            pkvtest.send_vxlan(V4, 5, 20)
            pkvtest.wait_for_count(self.archive, 20)
            daemon.kill()
        pktvault("index", "-a", self.archive)
        self.assertEqual((len(self.segments()), self.segments(".open")), (1, []))
        self.assertEqual(len(self.query_packets()), 20)


class Sources(pkvtest.Case):
    def test_ipv6(self):
        with pkvtest.Daemon(self.archive, *listen(V6)):
            sent = pkvtest.send_vxlan(V6, 5, 30)
            pkvtest.wait_for_count(self.archive, 30)
        packets = self.query_packets("vni 5 and outer host ::1")
        self.assertEqual([pkvtest.inner_of_udp(p.data)[8:] for p in packets], sent)
        rows = pkvtest.tshark(self.path("query.pcapng"), ["ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport",
                              "udp.checksum.status"], "-o", "udp.check_checksum:TRUE")
        self.assertEqual({tuple(v.split(",")[0] for v in row[:4]) for row in rows}, {("::1", "::1", "40000", "4789")})

    def test_two_listeners_are_two_lanes_of_one_archive(self):
        with pkvtest.Daemon(self.archive, *listen(V4), *listen(OTHER)):
            pkvtest.send_vxlan(V4, 5, 10)
            pkvtest.send_vxlan(OTHER, 6, 10)
            pkvtest.wait_for_count(self.archive, 20)
        self.assertEqual(len(self.query_packets("vni 5")), 10)
        self.assertEqual(len(self.query_packets("vni 6")), 10)
        lanes = {os.path.basename(s).split("-")[1] for s in self.segments()}
        self.assertEqual(len(lanes), 2)

    def test_both_families_without_an_address(self):
        with pkvtest.Daemon(self.archive, "--listen", ":4789"):
            pkvtest.send_vxlan(("127.0.0.1", 4789), 5, 3)
            pkvtest.send_vxlan(("::1", 4789), 6, 3)
            pkvtest.wait_for_count(self.archive, 6)
        self.assertEqual(len(self.query_packets("outer host 127.0.0.1")), 3)
        self.assertEqual(len(self.query_packets("outer host ::1")), 3)

    def test_a_port_that_is_taken_is_named_with_its_owner(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(V4)
            done = pkvtest.run("pktvaultd", "-a", self.archive, *listen(V4), check=False)
        self.assertEqual(done.status, 1)
        self.assertIn("127.0.0.1:4789", done.err)
        self.assertIn(str(os.getpid()), done.err)

    def test_only_allowed_senders(self):
        config = self.write("pktvault.conf", b"allow = 127.0.0.2/32\n")
        with pkvtest.Daemon(self.archive, "--config", config, *listen(V4)) as daemon:
            pkvtest.send_vxlan(V4, 5, 25)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.bind(("127.0.0.2", 0))
                out.sendto(pkvtest.vxlan(6, pkvtest.udp_frame("10.0.0.1", 1, "10.0.0.2", 2, b"x")), V4)
            pkvtest.wait_for_count(self.archive, 1)
            daemon.stop()
        self.assertEqual(len(self.query_packets("vni 6")), 1)
        self.assertEqual(len(self.query_packets("vni 5")), 0)
        self.assertRegex(pktvault("query", "-a", self.archive, "--count").err, r"LOSSES.*25 packets \(refused\)")

    def test_what_is_no_tunnel_is_kept_too(self):
        with pkvtest.Daemon(self.archive, *listen(V4)):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                for payload in (b"", b"x", b"\x08\0\0\0\0\0", bytes(60000)):
                    out.sendto(payload, V4)
            pkvtest.wait_for_count(self.archive, 4)
        self.assertEqual(sorted(len(p.data) - 42 for p in self.query_packets()), [0, 1, 6, 60000])


class Losses(pkvtest.Case):
    def test_what_a_small_receive_buffer_drops_is_counted_to_the_packet(self):
        config = self.write("pktvault.conf", b"receive_buffer = 4096\n")
        with pkvtest.Daemon(self.archive, "--config", config, *listen(V4)) as daemon:
            # While it is stopped, the kernel can but drop.
            daemon.send(signal.SIGSTOP)
            sent = 500
            pkvtest.send_vxlan(V4, 5, sent, size=1000)
            daemon.send(signal.SIGCONT)
            pkvtest.wait_until_read()
            pkvtest.send_vxlan(V4, 6, 1)
            pkvtest.wait_until(lambda: int(pktvault("query", "-a", self.archive, "--count", "vni 6").out) == 1,
                               "the packet behind the loss")
        kept = len(self.query_packets("vni 5"))
        self.assertLess(kept, sent)
        done = pktvault("query", "-a", self.archive, "--count")
        self.assertRegex(done.err, rf"LOSSES: {sent - kept:,} packets? \(kernel\)")
        strict = pktvault("query", "-a", self.archive, "--strict", "--count", check=False)
        self.assertEqual(strict.status, 3)
        losses = pktvault("status", "-a", self.archive, "-T", "json").out.decode()
        self.assertIn("kernel", losses)


@pkvtest.needs_root
class Interfaces(pkvtest.Case):
    def setUp(self):
        super().setUp()
        pkvtest.run("ip", "link", "add", "tap0", "up", "type", "veth", "peer", "name", "wire0")
        self.addCleanup(pkvtest.run, "ip", "link", "delete", "tap0", check=False)
        pkvtest.run("ip", "link", "set", "wire0", "up")
        pkvtest.wait_for_link("wire0", "tap0")
        self.wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.addCleanup(self.wire.close)
        self.wire.bind(("wire0", 0))

    def mirror(self, count, port):
        inner = pkvtest.udp_frame("10.0.0.10", port, "10.0.0.20", 80, b"x")
        for _ in range(count):
            self.wire.send(pkvtest.udp_frame("192.0.2.1", 40000, "192.0.2.2", 4789, pkvtest.vxlan(100, inner)))

    def gaps(self):
        (status,) = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)
        return [(pkvtest.seconds_of(gap["from"]), pkvtest.seconds_of(gap["until"])) for gap in status["missing"] if gap["cause"] == "gap"]

    def test_the_time_in_which_an_interface_is_down_is_a_gap(self):
        with pkvtest.Daemon(self.archive, "--capture", "tap0") as daemon:
            self.mirror(10, 4000)
            before = time.time()
            pkvtest.run("ip", "link", "set", "tap0", "down")
            pkvtest.wait_until(lambda: "tap0 is down" in daemon.log(), "the daemon says so")
            pkvtest.wait_until(lambda: not daemon.open_segments(), "the segment sealed")
            daemon.send(signal.SIGHUP)
            down = time.time()
            time.sleep(0.2)
            up = time.time()
            pkvtest.run("ip", "link", "set", "tap0", "up")
            pkvtest.wait_for_link("wire0", "tap0")
            self.mirror(10, 4001)  # long before the daemon looks
            pkvtest.wait_until(lambda: "tap0 is up again" in daemon.log(), "the daemon says so")
            after = time.time()
            pkvtest.wait_for_count(self.archive, 20)
            self.assertEqual(len(self.segments()), 1)
            self.assertEqual(len(daemon.open_segments()), 1)
            self.check_gap(before, down, up, after)
        self.check_gap(before, down, up, after)
        self.assertEqual([len(self.query_packets("port", port)) for port in ("4000", "4001")], [10, 10])
        self.assertEqual(pktvault("verify", "-a", self.archive, check=False).status, 0)

    def check_gap(self, before, down, up, after):
        ((start, end),) = self.gaps()
        self.assertTrue(before <= start <= down, (before, start, down))
        self.assertTrue(up <= end <= after, (up, end, after))

    def test_what_a_removed_interface_has_brought_is_kept(self):
        """The kernel hands over what is not a full block only after a while."""
        with pkvtest.Daemon(self.archive, "--capture", "tap0", *listen(V4)) as daemon:
            self.mirror(10, 4000)
            pkvtest.wait_for_count(self.archive, 10)
            self.mirror(300, 4001)
            pkvtest.run("ip", "link", "delete", "tap0")
            pkvtest.wait_until(lambda: "nothing more is recorded" in daemon.log(), "the daemon says so")
            pkvtest.wait_for_count(self.archive, 310)
            pkvtest.wait_until(lambda: len(self.segments()) == 1, "the segment sealed")

    def test_an_interface_that_is_still_down_at_the_stop_was_not_listened_to(self):
        with pkvtest.Daemon(self.archive, "--capture", "tap0") as daemon:
            self.mirror(10, 4000)
            pkvtest.run("ip", "link", "set", "tap0", "down")
            pkvtest.wait_until(lambda: "tap0 is down" in daemon.log(), "the daemon says so")
            down = time.time()
            pkvtest.wait_until(lambda: not daemon.open_segments(), "the segment sealed")
        self.assertEqual(len(self.query_packets()), 10)
        (status,) = pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)
        self.assertLessEqual(pkvtest.seconds_of(status["covered_until"]), down)


class Followed(pkvtest.Case):
    """`pktvault query --follow` of what is recorded meanwhile."""

    @contextlib.contextmanager
    def follower(self, *arguments):
        """Answers a function that waits for a number of packets, and answers them all as JSON has them."""
        with open(self.path("followed"), "wb") as out:
            process = subprocess.Popen([pkvtest.program("pktvault"), "query", "--follow", "-T", "json", "-S", "-1h", "-a",
                                        self.archive, *arguments], stdout=out, stderr=subprocess.DEVNULL)

        def packets(count):
            pkvtest.wait_until(lambda: self.read("followed").count(b"\n") >= count, f"{count} packets", 120)
            return pkvtest.json_lines(self.read("followed"))
        try:
            yield packets
        finally:
            process.terminate()
            self.assertEqual(process.wait(30), 0)

    def check(self, packets, ports):
        self.assertEqual(sorted(p["src_port"] for p in packets), sorted(ports))

    def test_what_a_stopped_recorder_writes_late_is_printed_once(self):
        with pkvtest.Daemon(self.archive, *listen(V4), *listen(OTHER)) as daemon:
            with self.follower("--decap") as packets:
                pkvtest.send_vxlan(V4, 5, 1, port=4999)
                packets(1)
                daemon.send(signal.SIGSTOP)
                for port in range(5000, 5100):
                    pkvtest.send_vxlan(V4, 5, 1, port=port)
                time.sleep(3)  # the follower passes their time
                daemon.send(signal.SIGCONT)
                packets(101)
                daemon.rotate()
                pkvtest.send_vxlan(OTHER, 5, 1, port=5100)
                self.check(packets(102), range(4999, 5101))

    def test_a_recorder_may_flush_later_than_the_reader_s_configuration_says(self):
        with pkvtest.Daemon(self.archive, "--flush_interval", "2s", *listen(V4)):
            with self.follower() as packets:
                for port in range(5000, 5030):
                    pkvtest.send_vxlan(V4, 5, 1, port=port)
                    time.sleep(0.1)
                self.check(packets(30), range(5000, 5030))

    def test_equal_packets_of_an_earlier_time_are_all_printed(self):
        time_ns = time.time_ns() - 60 * 10**9
        frame = pkvtest.udp_frame("10.0.0.10", 5000, "10.0.0.20", 80, b"equal")
        pktvault("import", "-a", self.archive, self.write("one.pcap", pkvtest.pcap([(time_ns, frame)])))
        with self.follower() as packets:
            packets(1)
            for count in (2, 3):
                pktvault("import", "-a", self.archive, self.write(f"{count}.pcap", pkvtest.pcap([(time_ns, frame)] * count)))
            self.check(packets(6), [5000] * 6)
        self.check(packets(6), [5000] * 6)


class TwoProcesses(pkvtest.Case):
    def test_recording_without_index_and_indexing_in_a_second_process(self):
        with pkvtest.Daemon(self.archive, "--no-index", *listen(V4)) as daemon:
            follow = subprocess.Popen([pkvtest.program("pktvault"), "index", "--follow", "-a", self.archive],
                                      stderr=subprocess.DEVNULL)
            try:
                pkvtest.send_vxlan(V4, 5, 40)
                pkvtest.wait_for_count(self.archive, 40)
                daemon.rotate()
                pkvtest.wait_until(lambda: self.indexes() == 1, "the follower's index")
                pkvtest.send_vxlan(V4, 5, 40, port=4001)
                pkvtest.wait_for_count(self.archive, 80)
            finally:
                follow.terminate()
                self.assertEqual(follow.wait(30), 0)
        # The second segment was sealed with nobody to index it: a query reads it.
        self.assertEqual(self.indexes(), 1)
        self.assertEqual(len(self.query_packets()), 80)
        pktvault("index", "-a", self.archive)
        self.assertEqual(self.indexes(), 2)
        self.assertEqual(len(self.query_packets()), 80)

    def indexes(self):
        return sum(name.endswith(".sqlite") for _, _, names in os.walk(os.path.join(self.archive, "index"))
                   for name in names)

    def test_an_indexer_that_ends_is_replaced_by_the_daemons_own(self):
        pktvault("import", "-a", self.archive, CAPTURE)
        with open(os.path.join(self.archive, "locks/indexer"), "rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
                pkvtest.send_vxlan(V4, 5, 10)
                pkvtest.wait_for_count(self.archive, 10, "vni 5")
                daemon.rotate()
                self.assertEqual(daemon.log().count("nothing is indexed yet"), 1, daemon.log())
                self.assertEqual(self.status()["indexed_segments"], 1)
                fcntl.flock(lock, fcntl.LOCK_UN)
                pkvtest.wait_until(lambda: self.status()["indexed_segments"] == 2, "what the daemon recorded indexed")
                self.assertIn("is indexed now", daemon.log())

    def test_a_catalog_that_cannot_be_opened_does_not_keep_from_recording(self):
        pktvault("import", "-a", self.archive, CAPTURE)
        catalog = os.path.join(self.archive, "catalog.sqlite")
        for name in (catalog, catalog + "-wal", catalog + "-shm"):
            if os.path.exists(name):
                os.unlink(name)
        os.mkdir(catalog)
        with pkvtest.Daemon(self.archive, *listen(V4)) as daemon:
            pkvtest.send_vxlan(V4, 5, 10)
            pkvtest.wait_for_count(self.archive, 10, "vni 5")
            self.assertIn("nothing is indexed yet", daemon.log())
            os.rmdir(catalog)
            pkvtest.wait_until(lambda: self.status()["indexer_runs"] and self.status()["indexed_segments"] == 1,
                               "the catalog made anew")

    def status(self):
        return pkvtest.json_lines(pktvault("status", "-a", self.archive, "-T", "json").out)[0]

    @pkvtest.needs_root
    def test_what_root_makes_in_an_archive_belongs_to_its_owner(self):
        os.chmod(self.directory, 0o755)
        os.mkdir(self.archive, 0o750)
        os.chown(self.archive, 65534, 65534)
        pktvault("import", "-a", self.archive, CAPTURE)
        pktvault("index", "-a", self.archive, "--rebuild")
        found = {(os.stat(path).st_uid, os.stat(path).st_gid) for root, _, files in os.walk(self.archive)
                 for path in (root, *(os.path.join(root, name) for name in files))}
        self.assertEqual(found, {(65534, 65534)})

    def test_a_second_indexer_is_refused(self):
        with pkvtest.Daemon(self.archive, *listen(V4)):
            # A daemon is ready before its indexer is.
            pkvtest.wait_until(lambda: self.status()["indexer_runs"], "the daemon's indexer")
            done = pktvault("index", "--rebuild", "-a", self.archive, check=False)
        self.assertEqual(done.status, 1)
        self.assertIn("another indexer runs in this archive", done.err)

    def test_importing_into_an_archive_that_is_being_recorded_into(self):
        """import returns when the daemon's indexer has taken in what it brought."""
        capture = os.path.join(pkvtest.DATA, "the-tcpdump-group+tcpdump/tests/geneve.pcap")
        with pkvtest.Daemon(self.archive, *listen(V4)):
            pkvtest.send_vxlan(V4, 5, 10)
            pktvault("import", "-a", self.archive, capture)
            self.assertEqual(self.indexes(), 1)
            self.assertEqual(len(self.query_packets("host 30.0.0.1")), 39)
            pkvtest.wait_for_count(self.archive, 49)
        lanes = sorted(int(os.path.basename(s).split("-")[1]) for s in self.segments())
        self.assertEqual(len(lanes), 2)
        self.assertLess(lanes[0], 64)
        self.assertGreaterEqual(lanes[1], 1000)

    def test_many_imports_at_once(self):
        files = [os.path.join(pkvtest.DATA, c.path) for c in pkvtest.listed_captures(pkvtest.DATA)]
        with pkvtest.Daemon(self.archive, *listen(V4)):
            running = [subprocess.Popen([pkvtest.program("pktvault"), "import", "-a", self.archive, f],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for f in files]
            self.assertEqual([r.wait(60) for r in running], [0] * len(files))
            count = sum(c.packets for c in pkvtest.listed_captures(pkvtest.DATA))
            self.assertEqual(int(pktvault("query", "-a", self.archive, "--count").out), count)


if __name__ == "__main__":
    pkvtest.main()
