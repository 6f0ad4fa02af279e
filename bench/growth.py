#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A query that nothing answers, over synthetic catalogs of 10 GB to 10 TB, 40 to 40,000 segments:
bench/growth.py BUILD DIRECTORY [TIMES]. BUILD was configured with -DPKV_BENCH=ON; DIRECTORY keeps the catalogs."""
import os
import statistics
import subprocess
import sys
import time

HOUR = ["-S", "2024-01-03 00:00:00Z", "-U", "2024-01-03 01:00:00Z"]
EXPRESSIONS = {"address": "host 198.51.100.9", "VNI": "vni 9999", "port": "port 31338",
               "address and port": "host 198.51.100.9 and port 31338"}
SIZES = (40, 400, 4000, 40000)  # of 256 MiB: 10 GB, 100 GB, 1 TB, 10 TB


def measure(command, times):
    """Medians of milliseconds: wall clock, and CPU of the process."""
    wall, cpu = [], []
    for _ in range(times):
        start = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        wall.append((time.monotonic() - start) * 1e3)
        cpu.append((usage.ru_utime + usage.ru_stime) * 1e3)
        if os.waitstatus_to_exitcode(status) not in (0, 3):  # 3: a filter said "maybe", and the file is empty
            sys.exit(f"{' '.join(command)}: status {status}")
    return f"{statistics.median(wall):.1f} ({statistics.median(cpu):.1f})"


def main():
    build, directory = sys.argv[1:3]
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 9
    for size in SIZES:
        archive = os.path.join(directory, str(size))
        if not os.path.exists(archive):
            subprocess.run([os.path.join(build, "bench", "bench_catalog"), archive, str(size)], check=True)
    print("Milliseconds, wall clock (CPU), medians of", times)
    print("| segments | " + " | ".join(f"{name}, {over}" for name in EXPRESSIONS for over in ("all", "an hour")) + " |")
    print("|---" * (1 + 2 * len(EXPRESSIONS)) + "|")
    for size in SIZES:
        query = [os.path.join(build, "cli", "pktvault"), "query", "-a", os.path.join(directory, str(size))]
        cells = [measure(query + span + expression.split(), times)
                 for expression in EXPRESSIONS.values() for span in ([], HOUR)]
        print(f"| {size:,} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
