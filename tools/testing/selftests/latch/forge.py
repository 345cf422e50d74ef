# SPDX-License-Identifier: GPL-2.0
"""Packets made by hand: what an attacker on the link puts into a flow."""

import hashlib
import hmac
import itertools
import socket
import struct

from netns import INET

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


def ip(src, dst, proto, payload, frag=0):
    """An IPv4 or IPv6 packet; frag: IPv4's flags and fragment offset."""
    if family(src) == 6:
        return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + packed(src) + packed(dst) + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, frag, 64, proto, 0) + packed(src) + packed(dst)
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


def too_big(src, dst, original, mtu):
    """An ICMP error that says that a packet does not fit: FRAG_NEEDED, or PACKET_TOO_BIG."""
    if family(src) == 6:
        return ip(src, dst, 58, _summed(src, dst, 58, struct.pack(">BBHI", 2, 0, 0, mtu) + original[:1200], 2))
    body = struct.pack(">BBHHH", 3, 4, 0, 0, mtu) + original[:28]
    return ip(src, dst, 1, body[:2] + struct.pack(">H", checksum(body)) + body[4:])


# what is left of one datagram must not meet the fragments of the next
_idents = itertools.count(0x1234)


def at_offset(packet, offset, more=False, ident=0):
    """An IPv4 packet whose header says that it is the fragment at this offset."""
    word = (0x2000 if more else 0) | offset // 8
    head = packet[:4] + struct.pack(">HH", ident & 0xFFFF, word) + packet[8:10] + b"\0\0" + packet[12:20]
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + packet[20:]


def fragments(packet, *cuts):
    """The fragments of a packet whose payload is cut at these offsets, which are multiples of 8."""
    head, ident = 20 if packet[0] >> 4 == 4 else 40, next(_idents)
    body, out = packet[head:], []
    for start, end in zip((0, *cuts), (*cuts, len(body))):
        part, more = body[start:end], end < len(body)
        if head == 20:
            size = struct.pack(">H", 20 + len(part))
            out.append(at_offset(packet[:2] + size + packet[4:20] + part, start, more, ident))
        else:
            part = struct.pack(">BBHI", packet[6], 0, start | more, ident) + part
            out.append(packet[:4] + struct.pack(">HB", len(part), 44) + packet[7:40] + part)
    return out


def within(packet, *headers):
    """An IPv6 packet with extension headers between its header and its payload: DEST_OPTS, AUTH."""
    proto, payload = packet[6], packet[40:]
    for number, make in reversed(headers):
        proto, payload = number, make(proto) + payload
    return packet[:4] + struct.pack(">HB", len(payload), proto) + packet[7:40] + payload


# (number, the header before what has the given number)
DEST_OPTS = (60, lambda proto: struct.pack(">BBBB4x", proto, 0, 1, 4))


def home_address(addr):
    """A destination option header that says where its sender is at home (RFC 6275)."""
    return 60, lambda proto: struct.pack(">BBBBBB", proto, 2, 1, 0, 0xC9, 16) + packed(addr) + b"\1\0"


AUTH = (51, lambda proto: struct.pack(">BBHII12x", proto, 4, 0, 0x9909, 1))


def gue(proto, payload):
    """What Generic UDP Encapsulation puts into its datagram."""
    return struct.pack(">BBH", 0, proto, 0) + payload


def esp_null(spi, seq, proto, payload):
    """What an SA of the suite `null` makes of a payload (RFC 4303)."""
    pad = -(len(payload) + 2) % 4
    body = struct.pack(">II", spi, seq) + payload + bytes(range(1, pad + 1)) + bytes((pad, proto))
    key = bytes([spi & 255]) * 32
    return body + hmac.new(key, body, hashlib.sha256).digest()[:16]


def segment_route(src, dst, last, proto, payload):
    """An IPv6 packet to `dst` whose segment routing header sends it on to `last` (RFC 8754)."""
    head = struct.pack(">BBBBBBH", proto, 4, 4, 1, 1, 0, 0) + packed(last) + packed(dst)
    return ip(src, dst, 43, head + payload)


def tcp_seqs(sock):
    """(next sequence number to send, next one expected) of a TCP connection."""
    repair, queue, seq = 19, 20, 21
    sock.setsockopt(socket.IPPROTO_TCP, repair, 1)
    try:
        numbers = []
        for which in (2, 1):  # TCP_SEND_QUEUE, TCP_RECV_QUEUE
            sock.setsockopt(socket.IPPROTO_TCP, queue, which)
            numbers.append(struct.unpack("I", sock.getsockopt(socket.IPPROTO_TCP, seq, 4))[0])
    finally:
        sock.setsockopt(socket.IPPROTO_TCP, repair, -1)  # without a window probe
    return tuple(numbers)


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
