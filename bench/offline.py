# SPDX-License-Identifier: BSD-2-Clause
"""Importing and searching: a function a comparison, each answers a table."""
import os
import shutil

from measure import Table, alternate, median, ratio, run, spread
from setting import packets_in, tree_bytes


def imports(bench):
    """CPU of `pktvault import` with everything on (compressed, checksummed, indexed, SHA-256) against `lz4 -1 -B5` of the
    same file; bytes of segments/ against those of lz4; bytes of index/ and catalog.sqlite of the raw bytes."""
    table = Table("mix", "pktvault, µs a packet", "lz4, µs a packet", "CPU ratio", "spread", "stored ratio", "index",
                  "wall, s", "peak, MiB")
    for kind in ("small", "large"):
        capture, archive = bench.mix(kind), bench.path("import")
        packets, raw = packets_in(capture), os.path.getsize(capture)
        runs = alternate({"ours": f"{bench.pktvault} import -a {archive} {capture}",
                          "lz4": f"lz4 -1 -B5 -q -f {capture} {bench.path('floor.lz4')}"}, bench.times,
                         between=lambda: shutil.rmtree(archive, ignore_errors=True))
        run(f"{bench.pktvault} import -a {archive} {capture}")
        ours, lz4 = [r.cpu for r in runs["ours"]], [r.cpu for r in runs["lz4"]]
        stored = tree_bytes(f"{archive}/segments") / os.path.getsize(bench.path("floor.lz4"))
        index = tree_bytes(f"{archive}/index") + os.path.getsize(f"{archive}/catalog.sqlite")
        table.add(kind, f"{median(ours) / packets * 1e6:.2f}", f"{median(lz4) / packets * 1e6:.2f}",
                  f"{ratio(ours, lz4):.2f} ×", spread([a / b for a, b in zip(ours, lz4)]), f"{stored:.3f} ×",
                  f"{index / raw:.2%}", f"{median([r.wall for r in runs['ours']]):.2f}",
                  f"{max(r.peak for r in runs['ours']) / 2**20:.0f}")
        shutil.rmtree(archive)
    return table


def growth(bench):
    """`pktvault import` of a million packets of 204 bytes, in one segment, that belong to a thousand, a hundred thousand and a
    million flows: what a flow costs."""
    table = Table("flows", "µs a packet", "spread", "peak, MiB", "index, bytes a packet")
    captures, archive = {flows: bench.flows(flows) for flows in (1_000, 100_000, 1_000_000)}, bench.path("growth")
    runs = alternate({flows: f"{bench.pktvault} import -a {archive} {capture}" for flows, capture in captures.items()},
                     bench.times, between=lambda: shutil.rmtree(archive, ignore_errors=True))
    for flows, capture in captures.items():
        shutil.rmtree(archive, ignore_errors=True)
        run(f"{bench.pktvault} import -a {archive} {capture}")
        table.add(flows, f"{median([r.cpu for r in runs[flows]]):.2f}", spread([r.cpu for r in runs[flows]]),
                  f"{max(r.peak for r in runs[flows]) / 2**20:.0f}", f"{tree_bytes(f'{archive}/index') / 1e6:.1f}")
    shutil.rmtree(archive)
    return table


def needle(bench):
    """One connection out of 10 GB, whole command, warm, against tcpdump over the same packets."""
    archive = bench.archive(10)
    flow = run(f"{bench.pktvault} flows -a {archive} -T csv -c 2000 'tcp' 2>/dev/null | awk -F, '$12>100 && $12<300' "
               "| tail -1", keep=True).output.decode().strip().split(",")
    vni, a, ap, b, bp = flow[3], flow[8], flow[9], flow[10], flow[11]
    expression = f"vni {vni} and host {a} and port {ap} and host {b} and port {bp}"
    ours = [run(f"{bench.pktvault} query -a {archive} -w - '{expression}' > /dev/null") for _ in range(bench.times + 1)]
    ranged = [run(f"{bench.pktvault} query -a {archive} --at {flow[0]}/5m -w - '{expression}' > /dev/null")
              for _ in range(bench.times + 1)]
    capture = bench.mix("small")
    theirs = run(f"tcpdump -nr {capture} -w - 'udp port 4789 and ip[0] = 0' >/dev/null")
    tshark = run(f"tshark -nr {bench.mix('small', 100_000_000)} -Y 'ip.addr == {a} && ip.addr == {b}' >/dev/null")
    table = Table("what", "wall, ms", "spread", "ratio to tcpdump")
    table.add("whole archive", f"{median([r.wall for r in ours[1:]]) * 1e3:.1f}",
              spread([r.wall * 1e3 for r in ours[1:]]), f"{theirs.wall * 10 / median([r.wall for r in ours[1:]]):.0f}")
    table.add("with a range", f"{median([r.wall for r in ranged[1:]]) * 1e3:.1f}",
              spread([r.wall * 1e3 for r in ranged[1:]]),
              f"{theirs.wall * 10 / median([r.wall for r in ranged[1:]]):.0f}")
    table.add("tcpdump over 1 GB, times ten", f"{theirs.wall * 1e4:.0f}", "", "1")
    table.add("tshark over 100 MB, times a hundred", f"{tshark.wall * 1e5:.0f}", "", f"1/{tshark.wall * 10 / theirs.wall:.0f}")
    return table


def busy_host(bench):
    """A third of the traffic (17 of 50 VNIs) out of 1 GB, written as pcapng, against `lz4 -d | tcpdump -r - -w -` with a filter
    for the same packets."""
    archive, capture = bench.archive(1), bench.mix("small")
    compressed = bench.path("small.pcap.lz4")
    if not os.path.exists(compressed):
        run(f"lz4 -1 -B5 -q -f {capture} {compressed}")
    theirs = "'udp dst port 4789 and udp[12:4] >= 25600 and udp[12:4] < 29952'"
    runs = alternate({"ours": f"{bench.pktvault} query -a {archive} -w - 'vni 100-116' > {bench.path('a.pcapng')}",
                      "tcpdump": f"lz4 -dc {compressed} | tcpdump -r - -w - {theirs} > {bench.path('b.pcap')}",
                      "lz4": f"lz4 -dc {compressed} > /dev/null"}, bench.times)
    table = Table("program", "wall, s", "spread", "CPU, s", "packets")
    for name, file in (("ours", "a.pcapng"), ("tcpdump", "b.pcap"), ("lz4", None)):
        walls = [r.wall for r in runs[name]]
        table.add(name, f"{median(walls):.2f}", spread(walls), f"{median([r.cpu for r in runs[name]]):.2f}",
                  packets_in(bench.path(file)) if file else "")
    table.add("ratio", f"{ratio([r.wall for r in runs['tcpdump']], [r.wall for r in runs['ours']]):.2f} × faster", "", "", "")
    return table
