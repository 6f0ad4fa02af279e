# SPDX-License-Identifier: BSD-2-Clause
"""Addresses, ports, flags, ICMP types and VLAN tags of real captures against what tshark sees, frame by frame."""
import os
import shutil
import subprocess
import sys

from facts import SKIPPED, captures, facts_of

CAPTURES = """
the-tcpdump-group+tcpdump/tests/802.1ad_QinQ.pcap
the-tcpdump-group+tcpdump/tests/tcp-handshake-nano.pcap
arkime+arkime/tests/pcap/dot1ad.pcap
arkime+arkime/tests/pcap/sctp-www.pcap
arkime+arkime/tests/pcap/dns-udp.pcap
arkime+arkime/tests/pcap/v6-http.pcap
arkime+arkime/tests/pcap/bigendian.pcap
CESNET+FlowTest/pcap/802.1Q_tunneling.pcap
CESNET+FlowTest/pcap/ipv4-udp-fragmented.pcap
CESNET+FlowTest/pcap/ipv6-udp-fragmented.pcap
CESNET+FlowTest/pcap/ipv6-hop-by-hop.pcap
CESNET+FlowTest/pcap/ipv6-routing-header.pcap
CESNET+ipfixprobe/tests/functional/inputs/mixed.pcap
CESNET+ipfixprobe/tests/functional/inputs/vlan.pcap
zeek+zeek/testing/btest/Traces/mixed-vlan-mpls.pcap
zeek+zeek/testing/btest/Traces/wikipedia.pcap
zeek+zeek/testing/btest/Traces/ftp/ipv6.pcap
zeek+zeek/testing/btest/Traces/tunnels/Teredo.pcap
OISF+suricata-verify/tests/defrag/bug-6887-defrag-eth-vlan-ipv4-tcp-syn/frag-eth-vlan-ip-tcp-syn.pcap
OISF+suricata-verify/tests/decode-sll2-01/input.pcap
OISF+suricata-verify/tests/linktype-228/flow-test-01.pcap
OISF+suricata-verify/tests/smb2-01/smb2-peter.pcap
seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/raw_ip.pcap
seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/sll.pcap
seladb+PcapPlusPlus/Tests/Pcap++Test/PcapExamples/example.pcap
andypitcher+IoT_Sentinel/captures_IoT_Sentinel/captures_IoT-Sentinel/HueSwitch/Setup-A-1-STA.pcap
andypitcher+IoT_Sentinel/captures_IoT_Sentinel/captures_IoT-Sentinel/D-LinkHomeHub/Setup-C-3-STA.pcap
cisco+mercury/unit_tests/pcaps/emix.pcap
""".split()

FIELDS = """frame.protocols ip.src ip.dst ipv6.src ipv6.dst tcp.srcport tcp.dstport tcp.flags udp.srcport udp.dstport
sctp.srcport sctp.dstport icmp.type icmp.code icmpv6.type icmpv6.code ieee8021ad.id vlan.id arp.src.proto_ipv4 arp.dst.proto_ipv4""".split()

PORTS = {"tcp": "tcp", "udp": "udp", "udplite": "udp", "sctp": "sctp"}
ICMP = {"icmp": "icmp", "icmpv6": "icmpv6"}


def tshark(capture):
    """A dictionary of lists a packet: tshark gives a field as often as it occurs, the outermost first. Without
    reassembly, since each frame is judged alone."""
    command = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
               "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [dict(zip(FIELDS, (f.split(",") if f else [] for f in line.split("\t"))))
            for line in done.stdout.split("\n")[:-1]]


def first(packet, field):
    return packet[field][0] if packet[field] else ""


def expected_facts(packet):
    """The outermost IP layer, as we index a packet without a tunnel."""
    protocols = packet["frame.protocols"][0].split(":")
    expected = {"src": "", "dst": "", "sport": "", "dport": "", "flags": "", "icmp": "",
                "vlan": ",".join(packet["ieee8021ad.id"] + packet["vlan.id"])}
    network = next((p for p in protocols if p in ("ip", "ipv6", "arp")), None)
    if network == "arp":
        expected["src"], expected["dst"] = first(packet, "arp.src.proto_ipv4"), first(packet, "arp.dst.proto_ipv4")
    if network not in ("ip", "ipv6"):
        return expected if network else None
    expected["src"], expected["dst"] = first(packet, network + ".src"), first(packet, network + ".dst")
    behind = protocols[protocols.index(network) + 1:]
    transport = next((p for p in behind if not p.startswith("ipv6.") and p != "ah"), "")
    if transport in PORTS:
        name = PORTS[transport]
        expected["sport"], expected["dport"] = first(packet, name + ".srcport"), first(packet, name + ".dstport")
        if transport == "tcp" and packet["tcp.flags"]:
            expected["flags"] = str(int(first(packet, "tcp.flags"), 0) & 0xff)
    elif transport in ICMP:
        kind = first(packet, transport + ".type")
        expected["icmp"] = f"{kind}/{first(packet, transport + '.code')}" if kind else ""
    return expected


def compare(capture, program, folder):
    path = os.path.join(folder, capture)
    ours, theirs = facts_of(program, path), tshark(path)
    assert len(ours) == len(theirs), f"{capture}: {len(ours)} packets, tshark has {len(theirs)}"
    wrong = compared = 0
    for number, (facts, packet) in enumerate(zip(ours, theirs), 1):
        expected = expected_facts(packet)
        if expected is None:
            assert facts["class"] != "ip", f"{capture} frame {number}: {facts}"
            continue
        if facts["fragment"] == "later":  # its ports come from the flow, which tshark was told not to follow
            facts["sport"] = facts["dport"] = ""
        got = {name: facts[name] for name in expected}
        compared += 1
        if got != expected:
            wrong += 1
            print(f"{capture} frame {number}: expected {expected}, got {got}")
    return wrong, compared


def main():
    program, folder = sys.argv[1], captures()
    if not shutil.which("tshark"):
        print("SKIPPED: no tshark")
        sys.exit(SKIPPED)
    wrong = compared = 0
    for capture in CAPTURES:
        bad, packets = compare(capture, program, folder)
        wrong += bad
        compared += packets
    print(f"{len(CAPTURES)} captures, {compared} packets compared, {wrong} differ")
    sys.exit(1 if wrong or compared < 10000 else 0)


if __name__ == "__main__":
    main()
