# SPDX-License-Identifier: BSD-2-Clause
"""Recording what a sender in one network namespace plays to another: a function a comparison, each answers a table."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from measure import Background, Table, median, ratio, run, spread
from setting import packets_in, tree_bytes

PPS = 200_000


class _Network:
    """Two namespaces and a wire between them. The receiver has the addresses that the mixes are sent to."""

    A, B = "pkvb-a", "pkvb-b"

    def __enter__(self):
        self._remove()
        for line in (f"netns add {self.A}", f"netns add {self.B}",
                     f"link add pkvb0 netns {self.A} type veth peer name pkvb1 netns {self.B}",
                     f"-n {self.A} link set pkvb0 up mtu 9000",
                     f"-n {self.B} link set pkvb1 address 02:00:00:00:00:30 up mtu 9000",
                     f"-n {self.B} link set lo up", f"-n {self.B} addr add 10.0.0.30/8 dev pkvb1"):
            subprocess.run(["ip"] + line.split(), check=True)
        # One of the mixes' mirrors has the receiver's address, which a kernel drops.
        run(f"ip netns exec {self.B} sh -c 'echo 1 > /proc/sys/net/ipv4/conf/all/accept_local'")
        return self

    def __exit__(self, *_):
        self._remove()

    def _remove(self):
        for name in (self.A, self.B):
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)

    def play(self, capture, pps):
        """Sends a capture at a fixed rate; the number of packets sent and the rate that it came to."""
        text = run(f"ip netns exec {self.A} tcpreplay -q --preload-pcap --pps={pps} -i pkvb0 {capture}",
                   keep=True).output.decode()
        return int(re.search(r"Successful packets:\s+(\d+)", text)[1]), float(re.search(r"([\d.]+) pps", text)[1])


def _stored(bench, target):
    if os.path.exists(f"{target}/a"):
        return int(run(f"{bench.pktvault} query -a {target}/a --count 2>/dev/null", keep=True).output)
    if os.path.exists(f"{target}/x.lz4"):
        run(f"lz4 -dqf {target}/x.lz4 {target}/x.pcap")
    return sum(packets_in(f"{target}/{name}") for name in os.listdir(target) if name.startswith("x.pcap"))


def _dropped(text):
    """What a program said at its end that it had lost."""
    for pattern in (r"lost (\d+) in the kernel, (\d+) for want of buffers, (\d+) to the disk", r"(\d+) packets? dropped by kernel",
                    r"received/dropped on interface[^:]*: \d+/(\d+)", r"(\d+)\s+packets failed"):
        found = re.search(pattern, text)
        if found:
            return sum(int(number) for number in found.groups())
    return 0


def _record(bench, network, command, capture, pps):
    """One recording: packets sent, stored and dropped, the rate, and the program's Run."""
    target = bench.path("live")
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    os.chmod(target, 0o777)
    program = Background(command, netns=network.B)
    time.sleep(1.5)
    sent, rate = network.play(capture, pps)
    time.sleep(1.5)
    done = program.stop()
    return {"sent": sent, "rate": rate, "run": done, "stored": _stored(bench, target),
            "dropped": _dropped(program.errors)}


def _compare(bench, programs, capture, pps):
    rows = {name: [] for name in programs}
    with _Network() as network:
        for _ in range(bench.times):
            for name, command in programs.items():
                rows[name].append(_record(bench, network, command, capture, pps))
    shutil.rmtree(bench.path("live"), ignore_errors=True)
    return rows


def live(bench):
    """CPU of recording the small mix (400 MB) at 200,000 packets a second with everything on, from an interface and from a
    socket, against programs that index nothing. The ratio is that to `tcpdump -w - | lz4 -1`. "Lost" is what was sent, but
    not stored; "said" is how much of it the program reported."""
    target, interface, tunnel = bench.path("live"), "pkvb1", "udp dst port 4789"
    programs = {
        "pktvaultd --capture": f"{bench.pktvaultd} -a {target}/a --capture {interface}",
        "tcpdump -w - | lz4 -1": ["sh", "-c", f"trap '' TERM; tcpdump -ni {interface} -B 65536 -w - {tunnel} | lz4 -1 -q > {target}/x.lz4"],
        "pktvaultd --listen": f"{bench.pktvaultd} -a {target}/a --listen 0.0.0.0:4789",
        "tcpdump -w": f"tcpdump -ni {interface} -B 65536 -w {target}/x.pcap {tunnel}",
        "dumpcap": f"dumpcap -q -i {interface} -B 64 -f '{tunnel}' -w {target}/x.pcapng",
        "netsniff-ng": f"netsniff-ng -i {interface} -o {target}/x.pcap -s -S 64MiB -f '{tunnel}'",
    }
    rows = _compare(bench, programs, bench.mix("small", 400_000_000), PPS)
    floor = [r["run"].cpu / r["sent"] for r in rows["tcpdump -w - | lz4 -1"]]
    table = Table("program", "CPU, µs a packet", "spread", "ratio", "sent", "stored", "lost", "said", "peak, MiB")
    for name, runs in rows.items():
        cpu = [r["run"].cpu / r["sent"] for r in runs]
        sent, stored = sum(r["sent"] for r in runs), sum(r["stored"] for r in runs)
        table.add(name, f"{median(cpu) * 1e6:.2f}", spread([c * 1e6 for c in cpu]), f"{ratio(cpu, floor):.2f} ×", sent, stored,
                  sent - stored, sum(r["dropped"] for r in runs), f"{max(r['run'].peak for r in runs) / 2**20:.0f}")
    return table


def loss(bench):
    """What is lost at rising rates, from an interface and from a socket; the sender runs on the same cores and may not reach
    the rate."""
    target, capture = bench.path("live"), bench.mix("small", 400_000_000)
    table = Table("source", "asked, kpps", "came, kpps", "sent", "stored", "lost", "said")
    with _Network() as network:
        for source in ("--capture pkvb1", "--listen 0.0.0.0:4789"):
            for pps in (200_000, 300_000, 400_000):
                r = _record(bench, network, f"{bench.pktvaultd} -a {target}/a {source}", capture, pps)
                table.add(source, pps // 1000, f"{r['rate'] / 1000:.0f}", r["sent"], r["stored"], r["sent"] - r["stored"],
                          r["dropped"])
    shutil.rmtree(target, ignore_errors=True)
    return table


def memory(bench):
    """Peak memory of `pktvaultd --capture`, its receive ring of 64 MiB included, with a thousand and with a million flows in the
    segment, a million packets at 200,000 a second."""
    target = bench.path("live")
    table = Table("flows", "packets stored", "peak, MiB")
    with _Network() as network:
        for flows in (1_000, 1_000_000):
            r = _record(bench, network, f"{bench.pktvaultd} -a {target}/a --capture pkvb1", bench.flows(flows), PPS)
            table.add(flows, r["stored"], f"{r['run'].peak / 2**20:.0f}")
    shutil.rmtree(target, ignore_errors=True)
    return table


def findable(bench):
    """From the arrival of a packet to the first `pktvault query` that finds it, asked again and again."""
    target, capture = bench.path("live"), bench.flows(1, 1)
    shutil.rmtree(target, ignore_errors=True)
    delays = []
    with _Network() as network:
        program = Background(f"{bench.pktvaultd} -a {target} --capture pkvb1", netns=network.B)
        time.sleep(1.5)
        for known in range(bench.times):
            network.play(capture, PPS)
            start = time.monotonic()
            while int(run(f"{bench.pktvault} query -a {target} --count 2>/dev/null", keep=True).output) <= known:
                time.sleep(0.01)
            delays.append(time.monotonic() - start)
            time.sleep(0.3)
        program.stop()
    shutil.rmtree(target, ignore_errors=True)
    table = Table("median, ms", "spread")
    table.add(f"{median(delays) * 1e3:.0f}", spread([d * 1e3 for d in delays]))
    return table


def stenographer(bench):
    """Debian's stenographer on the same 400 MB: CPU of stenotype, bytes of its index, and its best query for one connection, the
    outer host and port, asked over HTTPS by curl. As user stenographer, since stenotype gives up root for a user that may not
    write; needs /etc/stenographer/certs (stenokeys)."""
    home, capture = bench.path("steno"), bench.mix("small", 400_000_000)
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree("/etc/stenographer/certs", f"{home}/certs")
    for name in ("packets", "index"):
        os.makedirs(f"{home}/{name}")
    with open(f"{home}/config", "w", encoding="utf-8") as file:
        json.dump({"Threads": [{"PacketsDirectory": f"{home}/packets", "IndexDirectory": f"{home}/index", "DiskFreePercentage": 1}],
                   "StenotypePath": "/usr/sbin/stenotype", "Interface": "pkvb1", "Port": 1234, "Host": "127.0.0.1",
                   "Flags": ["--blocks=256", "--fileage_sec=10"], "CertPath": f"{home}/certs"}, file)
    run(f"chown -R stenographer:stenographer {home}; chmod 755 {bench.directory}")
    with _Network() as network:
        program = Background(f"runuser -u stenographer -- stenographer -config {home}/config -syslog=false", netns=network.B)
        time.sleep(2)
        sent, _ = network.play(capture, PPS)
        time.sleep(13)
        cpu = _cpu_of("stenotype", network)
        index = tree_bytes(f"{home}/index")
        query = (f"ip netns exec {network.B} curl -sk --cert {home}/certs/client_cert.pem --key {home}/certs/client_key.pem "
                 f"-d 'host 10.0.0.42 and port 51089' https://127.0.0.1:1234/query -o {home}/found.pcap")
        walls = [run(query).wall for _ in range(bench.times + 1)][1:]
        found = packets_in(f"{home}/found.pcap")
        for pid in run(f"ip netns pids {network.B}", keep=True).output.split():
            os.kill(int(pid), signal.SIGKILL)
        program.stop()
    shutil.rmtree(home, ignore_errors=True)
    table = Table("CPU, µs a packet", "index", "query, ms", "spread", "packets found")
    table.add(f"{cpu / sent * 1e6:.2f}", f"{index / os.path.getsize(capture):.2%}", f"{median(walls) * 1e3:.0f}",
              spread([w * 1e3 for w in walls]), found)
    return table


def _cpu_of(name, network):
    for pid in run(f"ip netns pids {network.B}", keep=True).output.split():
        with open(f"/proc/{int(pid)}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)
        if f"({name}" in fields[0]:
            return sum(int(ticks) for ticks in fields[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")
    raise RuntimeError(f"{name} does not run: see its log")
