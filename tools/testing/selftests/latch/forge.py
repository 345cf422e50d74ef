# SPDX-License-Identifier: GPL-2.0
"""Packets made by hand: what an attacker on the link puts into a flow."""

import hashlib
import hmac
import socket
import struct

from latchapi import tcp_seqs
from latchlib import INET

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return ~total & 0xFFFF


def family(addr):
    return 6 if ":" in addr else 4


def packed(addr):
    return socket.inet_pton(INET[family(addr)], addr)


def ip(src, dst, proto, payload):
    """An IPv4 or IPv6 packet."""
    if family(src) == 6:
        return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + packed(src) + packed(dst) + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, proto, 0) + packed(src) + packed(dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def _pseudo(src, dst, proto, size):
    if family(src) == 6:
        return packed(src) + packed(dst) + struct.pack(">II", size, proto)
    return packed(src) + packed(dst) + struct.pack(">HH", proto, size)


def _summed(src, dst, proto, data, at):
    value = checksum(_pseudo(src, dst, proto, len(data)) + data)
    return data[:at] + struct.pack(">H", value) + data[at + 2 :]


def tcp(src, dst, sport, dport, seq, ack, flags, data=b""):
    seg = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 512, 0, 0) + data
    return _summed(src, dst, socket.IPPROTO_TCP, seg, 16)


def udp(src, dst, sport, dport, data):
    seg = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    return _summed(src, dst, socket.IPPROTO_UDP, seg, 6)


def unreachable(src, dst, original):
    """An ICMP error (port unreachable) about a packet."""
    if family(src) == 6:
        return ip(src, dst, 58, _summed(src, dst, 58, struct.pack(">BBHI", 1, 4, 0, 0) + original[:1200], 2))
    body = struct.pack(">BBHI", 3, 3, 0, 0) + original[:28]
    return ip(src, dst, 1, body[:2] + struct.pack(">H", checksum(body)) + body[4:])


def esp_null(spi, seq, proto, payload):
    """What an SA of the suite `null` makes of a payload (RFC 4303)."""
    pad = -(len(payload) + 2) % 4
    body = struct.pack(">II", spi, seq) + payload + bytes(range(1, pad + 1)) + bytes((pad, proto))
    key = bytes([spi & 255]) * 32
    return body + hmac.new(key, body, hashlib.sha256).digest()[:16]


ETHERTYPE = {4: 0x0800, 6: 0x86DD}


def into(flow, flags=0, data=b"", sock=None, seq=0, proto=None):
    """(EtherType, packet): a forgery into a flow as if from the peer of `sock`.

    TCP sequence numbers are in the window, by `seq` off the next one expected.
    """
    sock = sock or flow.a
    (dst, dport), (src, sport) = sock.getsockname()[:2], sock.getpeername()[:2]
    src, dst = src.removeprefix("::ffff:"), dst.removeprefix("::ffff:")
    if (proto or flow.proto) == "tcp":
        snd, rcv = tcp_seqs(sock)
        segment = tcp(src, dst, sport, dport, rcv + seq, snd, flags, data)
        packet = ip(src, dst, socket.IPPROTO_TCP, segment)
    else:
        packet = ip(src, dst, socket.IPPROTO_UDP, udp(src, dst, sport, dport, data))
    return ETHERTYPE[family(src)], packet


def protect(packet, spi, seq, tunnel=None):
    """The packet as an SA of the suite `null` sends it; tunnel: its (source, destination)."""
    if tunnel:
        inner = socket.IPPROTO_IPIP if packet[0] >> 4 == 4 else socket.IPPROTO_IPV6
        return ip(*tunnel, socket.IPPROTO_ESP, esp_null(spi, seq, inner, packet))
    fam, at, size, proto, start = (4, 12, 4, 9, 20) if packet[0] >> 4 == 4 else (6, 8, 16, 6, 40)
    src, dst = (socket.inet_ntop(INET[fam], packet[i : i + size]) for i in (at, at + size))
    return ip(src, dst, socket.IPPROTO_ESP, esp_null(spi, seq, packet[proto], packet[start:]))
