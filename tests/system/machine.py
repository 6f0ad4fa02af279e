# SPDX-License-Identifier: BSD-2-Clause
"""A machine that systemd boots: in namespaces of its own, on the programs of this one.

Its /usr is this machine's below a layer that goes away; everything else begins empty, in memory. Of systemd it runs the
manager and the journal alone. It has a network of its own:

    sender 192.168.77.1 eth0 ── 192.168.77.2 eth0 the machine

Its mounts, processes and files are gone as soon as its first process is, which dies with the test."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile

import pkvtest

SYSTEMD = "/usr/lib/systemd/systemd"
PROGRAMS = ("unshare", "nsenter", "setpriv", "mount", "umount", "pivot_root", "ip", "systemctl", "journalctl",
            "systemd-sysusers", "systemd-analyze")
ADDRESS, SENDER = "192.168.77.2", "192.168.77.1"
BOOT_SECONDS = 60
PLAY = os.path.join(pkvtest.SOURCE, "tests/tools/play.py")

BIND = """
import socket, sys
taken = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
taken.bind(("::", int(sys.argv[1]))); print("ready", flush=True)
sys.stdin.read()
"""

# In a mount namespace: the layers, and a control group below which the machine has its own.
OUTSIDE = """
work=$1 files=$2 group=$3 inside=$4
mount -t tmpfs -o mode=755 tmpfs "$work"
cd "$work"
mkdir upper layer groups root
mount -t tmpfs -o mode=755 tmpfs root
mkdir root/usr
mount -t overlay -o "lowerdir=/usr,upperdir=$work/upper,workdir=$work/layer" overlay root/usr
rm -rf root/usr/lib/systemd/system/*.wants root/usr/lib/systemd/system-generators
cp -a "$files/." root/
mount -t cgroup2 cgroup2 groups
mkdir "groups/$group"
echo "group made"
echo $$ >"groups/$group/cgroup.procs"
exec unshare --pid --net --uts --ipc --cgroup --mount --fork --kill-child sh -eu -c "$inside" sh "$work/root"
"""

# The first process of the machine. What is the kernel's, and so not only this machine's, it may read but not write.
INSIDE = """
cd "$1"
mkdir -p proc sys dev run tmp var etc/systemd/system root srv
chmod 1777 tmp
for name in bin sbin lib lib32 lib64 libx32; do
    [ ! -L "/$name" ] || cp -a "/$name" .
done
mount -t proc -o nosuid,nodev,noexec proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o nosuid,nodev,noexec sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -o remount,ro,bind sys
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=755,nosuid tmpfs dev
mkdir dev/shm dev/pts
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev/
ln -s pts/ptmx dev/ptmx
for name in passwd group nsswitch.conf ld.so.cache services protocols; do
    [ ! -e "/etc/$name" ] || cp -aL "/etc/$name" etc/
done
ln -s ../usr/lib/os-release etc/os-release
ln -s ../proc/self/mounts etc/mtab
echo 0123456789abcdef0123456789abcdef >etc/machine-id
cat >etc/systemd/system/pkvtest.target <<END
[Unit]
Requires=basic.target systemd-journald.service systemd-journald.socket
After=basic.target systemd-journald.service
END
mkdir etc/systemd/journald.conf.d
printf '[Journal]\\nStorage=volatile\\nRuntimeMaxUse=16M\\nRateLimitIntervalSec=0\\n' >etc/systemd/journald.conf.d/pkvtest.conf
ip link set lo up
pivot_root . .
umount -l .
cd /
echo "set up"
exec env -i container=pkvtest PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin LC_ALL=C.UTF-8 \\
    %s --system --unit=pkvtest.target --log-target=journal --show-status=no
""" % SYSTEMD

# Control groups go from the leaves on; so do those of tests that were killed.
FORGET_GROUP = """
mount -t cgroup2 cgroup2 "$1"
cd "$1"
for group in pktvault-test-*; do
    [ "$group" != "$2" ] && [ -d "/proc/${group##*-}" ] && continue
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + || [ "$group" != "$2" ]
done
"""


class CannotBoot(Exception):
    """There can be no such machine here."""


def missing():
    """None, or why there can be no machine here, as far as can be seen before."""
    if os.geteuid() != 0:
        return "needs root: namespaces and mounts"
    programs = [p for p in PROGRAMS if not shutil.which(p)] + [p for p in (SYSTEMD,) if not os.path.exists(p)]
    if programs:
        return f"not installed: {' '.join(programs)}"
    return None if os.path.islink("/bin") else "programs are not all below /usr"


class Machine:
    """Use as a context. `files` is a directory that is laid over the machine's root before it boots."""

    def __init__(self, files):
        self.files = files
        self.first = self.root = None
        self.group = f"pktvault-test-{os.getpid()}"

    def __enter__(self):
        self.work = tempfile.mkdtemp(prefix="pkvtest.")
        self.said = tempfile.TemporaryFile()
        try:
            self.boot()
            self.link()
        except BaseException:
            self.__exit__()
            raise
        return self

    def boot(self):
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c",
             OUTSIDE, "sh", self.work, self.files, self.group, INSIDE],
            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)
        pkvtest.wait_until(lambda: self.lives() and "set up\n" in self.words(), "namespaces", BOOT_SECONDS)
        self.first = self.child()
        self.root = f"/proc/{self.first}/root"
        pkvtest.wait_until(lambda: self.lives() and self.is_active("pkvtest.target"), "systemd", BOOT_SECONDS)

    def lives(self):
        if self.process.poll() is not None:
            raise CannotBoot(f"systemd cannot be booted here: {self.words().strip()[-300:]}")
        return True

    def words(self):
        self.said.seek(0)
        return self.said.read().decode(errors="replace")

    def child(self):
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/stat", encoding="utf-8") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == self.process.pid:
                return int(name)
        raise CannotBoot(f"systemd cannot be booted here: {self.words().strip()[-300:]}")

    def link(self):
        self.run("ip", "netns", "add", "sender")
        self.run("ip", "link", "add", "eth0", "mtu", 16000, "type", "veth", "peer", "name", "eth0", "netns", "sender",
                 "mtu", 16000)
        for place, address in (((), ADDRESS), (("-n", "sender"), SENDER)):
            self.run("ip", *place, "address", "add", address + "/24", "dev", "eth0")
            self.run("ip", *place, "link", "set", "eth0", "up")
        self.wait_for_link()

    def wait_for_link(self):
        """Until what the sender sends is not lost on its way any more: both ends have a carrier."""
        for place in ((), ("-n", "sender")):
            pkvtest.wait_until(lambda place=place: b"state UP" in self.run("ip", *place, "link", "show", "eth0").out,
                               "a link that is up")

    def __exit__(self, *_):
        try:
            self.end()
        finally:
            self.said.close()
            os.rmdir(self.work)

    def end(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        # The machine's first process has been killed with it, and takes all others along.
        if self.root:
            pkvtest.wait_until(lambda: not os.path.exists(self.root + "/proc"), "the end of the machine")
        if "group made\n" in self.words():
            pkvtest.wait_until(self.forget_group, "an empty control group")

    def forget_group(self):
        done = pkvtest.run("unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c", FORGET_GROUP, "sh",
                           self.work, self.group, check=False)
        return done.status == 0

    def run(self, *command, check=True):
        """Runs a program of the machine, as its root."""
        return pkvtest.run("nsenter", "--target", self.first, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                           "--root", "--wd", "--", *command, check=check,
                           env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"})

    def path(self, name):
        """Where this process sees a file of the machine."""
        return self.root + name

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def is_active(self, unit):
        return self.run("systemctl", "is-active", "--quiet", unit, check=False).status == 0

    def show(self, unit, *properties):
        out = self.run("systemctl", "show", unit, *(f"--property={p}" for p in properties)).out.decode()
        values = dict(line.split("=", 1) for line in out.splitlines())
        return values[properties[0]] if len(properties) == 1 else [values[p] for p in properties]

    @contextlib.contextmanager
    def bound(self, port):
        """While this lasts, a program of the machine's network has a UDP port."""
        with subprocess.Popen(["nsenter", f"--net=/proc/{self.first}/ns/net", sys.executable, "-c", BIND, str(port)],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            yield
            process.stdin.close()

    def play(self, *captures, port=4789):
        """Plays captures of tests/data from the sender; answers how many datagrams that was."""
        done = pkvtest.run("nsenter", f"--net={self.path('/run/netns/sender')}", sys.executable, PLAY, ADDRESS, port,
                           *(os.path.join(pkvtest.DATA, c) for c in captures))
        return int(done.out)
