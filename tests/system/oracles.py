# SPDX-License-Identifier: BSD-2-Clause
"""Reads what other programs found in a capture: their golden files, in one form."""

import collections
import json
import re
from datetime import datetime, timezone

# One direction-aware record: `packets` and `bytes` are (sent by src, sent by dst). Ports are 0 where a protocol has none.
# bytes_are: "frame" (with the link layer), "ip" (from the IP header on). Times in ns or None; unit: how exact they are.
Flow = collections.namedtuple("Flow", "protocol src src_port dst dst_port packets bytes first last community_id vni")

PORTS = (6, 17, 132)


def ports(protocol, a, b):
    return (int(a), int(b)) if protocol in PORTS else (0, 0)


def arkime(text):
    """A .test file: https://github.com/arkime/arkime/tree/main/tests. Bytes are those of the frames as captured, the
    tunnel's headers included; times are milliseconds."""
    for session in json.loads(text)["sessions3"]:
        body = session["body"]
        source, target, network = body["source"], body["destination"], body["network"]
        protocol = body["ipProtocol"]
        yield Flow(protocol, source["ip"], ports(protocol, source["port"], 0)[0], target["ip"],
                   ports(protocol, target["port"], 0)[0], (source["packets"], target["packets"]),
                   (source["bytes"], target["bytes"]), body["firstPacket"] * 10**6, body["lastPacket"] * 10**6,
                   network.get("community_id"), (body.get("vni") or [None])[0])


def ipfixprobe(text):
    """A line a flow, as its functional tests keep them; the line with the names of the columns is somewhere among
    them. Bytes are those of the IP packets; times are microseconds."""
    lines = text.splitlines()
    header = next(line for line in lines if line.startswith("ipaddr DST_IP"))
    names = [column.split()[1] for column in header.split(",")]
    for line in lines:
        if line == header:
            continue
        row = dict(zip(names, line.split(",")))
        protocol = int(row["PROTOCOL"])
        src_port, dst_port = ports(protocol, row["SRC_PORT"], row["DST_PORT"])
        yield Flow(protocol, row["SRC_IP"], src_port, row["DST_IP"], dst_port,
                   (int(row["PACKETS"]), int(row["PACKETS_REV"])), (int(row["BYTES"]), int(row["BYTES_REV"])),
                   timestamp(row["TIME_FIRST"]), timestamp(row["TIME_LAST"]), None, None)


def timestamp(text):
    whole, _, fraction = text.partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=timezone.utc).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def flowtest(text):
    """The flows of a validation specification: a list of maps in YAML, a line a key. Bytes are those of IP packets."""
    for block in re.split(r"^  - ", text.partition("\nflows:")[2], flags=re.M)[1:]:
        row = dict(re.match(r"\s*([\w@]+): (.*)", line).groups() for line in block.splitlines() if ":" in line)
        protocol = int(row["protocol"])
        src_port, dst_port = ports(protocol, row.get("src_port", 0), row.get("dst_port", 0))
        yield Flow(protocol, row["src_ip"], src_port, row["dst_ip"], dst_port,
                   (int(row["packets"]), int(row.get("packets@rev", 0))),
                   (int(row["bytes"]), int(row.get("bytes@rev", 0))), None, None, None,
                   int(row["vxlan_id"]) if "vxlan_id" in row else None)


def zeek(text):
    """A conn.log: https://docs.zeek.org/en/master/logs/conn.html. Bytes are those of IP packets. A connection that
    carries another one (service vxlan) is left out: the inner one is what is compared. "^" in its history: Zeek took
    who came second for the originator, by the ports; that is turned back."""
    names, lines = [], text.splitlines()
    for line in lines:
        if line.startswith("#fields"):
            names = line.split("\t")[1:]
        if line.startswith("#") or not names:
            continue
        row = dict(zip(names, line.split("\t")))
        if "vxlan" in row.get("service", "").split(","):
            continue
        protocol = int(row["ip_proto"])
        src_port, dst_port = ports(protocol, row["id.orig_p"], row["id.resp_p"])
        ends = (row["id.orig_h"], src_port), (row["id.resp_h"], dst_port)
        packets = int(row["orig_pkts"]), int(row["resp_pkts"])
        bytes_ = int(row["orig_ip_bytes"]), int(row["resp_ip_bytes"])
        if row["history"].startswith("^"):
            ends, packets, bytes_ = ends[::-1], packets[::-1], bytes_[::-1]
        yield Flow(protocol, *ends[0], *ends[1], packets, bytes_, None, None, None, None)
