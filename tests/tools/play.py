#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plays the tunnelled datagrams of captures to a UDP socket: play.py ADDRESS PORT FILE…

Reads pcap files of Ethernet frames, takes the payload of every UDP datagram that went to PORT over IPv4 or IPv6, and
sends it to ADDRESS and PORT from the source port that it had. Prints how many it sent."""

import socket
import struct
import sys
import time

MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    order = MAGICS.get(data[:4])
    if not order:
        sys.exit(f"{path}: not a pcap file")
    at = 24
    while at + 16 <= len(data):
        captured = struct.unpack_from(order + "I", data, at + 8)[0]
        yield data[at + 16:at + 16 + captured]
        at += 16 + captured


def datagram(frame, port):
    """Source port and payload of a whole UDP datagram to a port, else None."""
    kind, at = frame[12:14], 14
    if kind == b"\x08\x00" and frame[at + 9] == 17 and not frame[at + 6] & 0x3f and not frame[at + 7]:
        at += (frame[at] & 15) * 4
    elif kind == b"\x86\xdd" and frame[at + 6] == 17:
        at += 40
    else:
        return None
    source, target, length = struct.unpack_from(">HHH", frame, at)
    return (source, frame[at + 8:at + length]) if target == port else None


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    address, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockets, sent = {}, 0
    for path in sys.argv[3:]:
        for found in filter(None, (datagram(frame, port) for frame in frames(path))):
            source, payload = found
            # The receiver may be bound to this very port.
            source = 0 if source == port else source
            if source not in sockets:
                sockets[source] = socket.socket(family, socket.SOCK_DGRAM)
                sockets[source].bind(("", source))
            sockets[source].sendto(payload, (address, port))
            sent += 1
            time.sleep(0.002)
    print(sent)


if __name__ == "__main__":
    main()
