# SPDX-License-Identifier: BSD-2-Clause
"""Runs commands and reads what the operating system says of them."""
import os
import shlex
import signal
import statistics
import subprocess
import time
from dataclasses import dataclass


@dataclass
class Run:
    """One finished run of a process tree: seconds and bytes."""
    wall: float
    cpu: float
    peak: int
    output: bytes = b""


def run(command, check=True, keep=False):
    """Runs a shell command in a session of its own; CPU is user + system of all of its processes, peak the largest
    resident size of any of them."""
    out = subprocess.PIPE if keep else subprocess.DEVNULL
    start = time.monotonic()
    child = subprocess.Popen(["sh", "-c", command], stdout=out, stderr=subprocess.PIPE)
    output, errors = child.stdout.read() if keep else b"", None
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if check and child.returncode != 0:
        raise RuntimeError(f"{command}: exit {child.returncode}: {errors.decode(errors='replace')[-500:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, output)


def alternate(commands, times, between=lambda: None, keep=False):
    """Runs {name: command} in turn, `times` times after one uncounted round; {name: [Run]}."""
    runs = {name: [] for name in commands}
    for turn in range(times + 1):
        for name, command in commands.items():
            between()
            done = run(command, keep=keep)
            if turn:
                runs[name].append(done)
    return runs


def median(values):
    return statistics.median(values)


def spread(values):
    return f"{min(values):.3g}…{max(values):.3g}"


def ratio(ours, theirs):
    """Median of the pairwise ratios, so that a machine that drifts does not count."""
    return median([a / b for a, b in zip(ours, theirs)])


class Background:
    """A program that runs while others are measured; stop() gives its Run."""

    def __init__(self, command, stop_signal=signal.SIGTERM, netns=None):
        words = shlex.split(command) if isinstance(command, str) else command
        if netns:
            words = ["ip", "netns", "exec", netns] + words
        self.stop_signal = stop_signal
        self.start = time.monotonic()
        self.child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)

    def stop(self):
        try:
            os.killpg(self.child.pid, self.stop_signal)
        except ProcessLookupError:
            pass
        self.errors = self.child.stderr.read().decode(errors="replace")
        _, _, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = 0
        return Run(time.monotonic() - self.start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


class Table:
    """Rows of a Markdown table."""

    def __init__(self, *head):
        self.rows = [head]

    def add(self, *row):
        self.rows.append(tuple(str(cell).replace("|", "\\|") for cell in row))

    def __str__(self):
        lines = ["| " + " | ".join(row) + " |" for row in self.rows]
        lines.insert(1, "|" + "---|" * len(self.rows[0]))
        return "\n".join(lines)


def machine():
    """What this ran on, in a line."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next(line.split(":", 1)[1].strip() for line in info if line.startswith("model name"))
    with open("/proc/meminfo", encoding="utf-8") as info:
        kilobytes = int(info.readline().split()[1])
    return f"{os.cpu_count()} × {model}, {kilobytes / 1048576:.0f} GiB, Linux {os.uname().release}"
