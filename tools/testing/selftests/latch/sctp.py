# SPDX-License-Identifier: GPL-2.0
"""SCTP: hosts that latch it, associations, and packets made by hand."""

import ctypes
import errno
import os
import socket
import struct
import subprocess

import forge
import latchapi
from flow import Flow
from ktap import SLOW, KsftSkipEx, wait
from latchapi import libc
from netns import INET, Net
from wire import ip_proto

SCTP = socket.IPPROTO_SCTP
MODULE = latchapi.MODULE.with_name("ipsec_latch_sctp.ko")
DATA, INIT, INIT_ACK, HEARTBEAT, ABORT, SHUTDOWN, COOKIE_ECHO = 0, 1, 2, 4, 6, 7, 10

# Short, as many cases wait for a retransmission.
SETTINGS = {"rto_initial": 200, "rto_min": 100, "rto_max": 1000, "hb_interval": 1000, "max_init_retransmits": 4}


def unload():
    """errno of delete_module(2), without waiting."""
    if libc.syscall(176, b"ipsec_latch_sctp", os.O_NONBLOCK):
        return ctypes.get_errno()
    return 0


class SctpNet(Net):
    """Hosts with SCTP; latched where the module is loaded."""

    def __init__(self, *names):
        if subprocess.run(["modprobe", "-q", "sctp"], check=False).returncode:
            raise KsftSkipEx("the kernel has no SCTP")
        super().__init__(*names)
        if latchapi.module_loaded() and not os.path.isdir("/sys/module/ipsec_latch_sctp"):
            subprocess.run(["insmod", MODULE], check=True)
        for host in self.hosts:
            for name, value in SETTINGS.items():
                host.sysctl_of(f"net/sctp/{name}", value)

    def close(self):
        super().close()
        # ipsec_latch cannot go before
        wait(lambda: unload() in (0, errno.ENOENT), "ipsec_latch_sctp to be free")


def listen(ipsec, before=None, host=None, port=0):
    """A one-to-one listener, at the second host by default."""
    host = host or ipsec.b
    sock = host.socket(INET[ipsec.fam], socket.SOCK_STREAM, SCTP)
    if before:
        before(sock)
    sock.bind((ipsec.addr(host), port))
    sock.listen(8)
    return sock


def client(ipsec, before=None, port=0):
    """A one-to-one socket of the first host, bound but not connected."""
    sock = ipsec.a.socket(INET[ipsec.fam], socket.SOCK_STREAM, SCTP)
    sock.settimeout(10 * SLOW)
    if before:
        before(sock)
    sock.bind((ipsec.addr(ipsec.a), port))
    return sock


def associate(ipsec, listener=None, sock=None):
    """An association of one path, as a Flow: the first host connects to the second."""
    server = listener or listen(ipsec)
    sock = sock or client(ipsec)
    sock.connect(server.getsockname()[:2])
    server.settimeout(10 * SLOW)
    child = ipsec.b.owns(server.accept()[0])
    if listener is None:
        server.close()
    return Flow(ipsec, "sctp", sock, child)


# --- on the wire --------------------------------------------------------------
def _table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


CRC32C = tuple(_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def chunk(kind, value=b"", flags=0):
    return struct.pack(">BBH", kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)


def packet(sport, dport, vtag, *chunks):
    """An SCTP packet with its checksum."""
    head, rest = struct.pack(">HHI", sport, dport, vtag), b"".join(chunks)
    return head + struct.pack("<I", crc32c(head + bytes(4) + rest)) + rest


def chunks_of(data):
    """[(type, flags, value)] of what follows the common header."""
    got, at = [], 12
    while at + 4 <= len(data):
        kind, flags, size = struct.unpack_from(">BBH", data, at)
        if size < 4:
            break
        got.append((kind, flags, data[at + 4 : at + size]))
        at += size + -size % 4
    return got


def tags(env, flow):
    """{socket: the tag that packets to it carry}, read from a flow under a suite that does not encrypt."""
    found = {}

    def look():
        env.wire.sync()
        for frame, _ in env.wire.frames:
            proto, at = ip_proto(frame)
            if proto != socket.IPPROTO_ESP:
                continue
            ports = struct.unpack_from(">HH", frame, at + 8)
            vtag = struct.unpack_from(">I", frame, at + 12)[0]
            if vtag and set(ports) == set(flow.ports):
                found[flow.a if ports[1] == flow.ports[0] else flow.b] = vtag
        return len(found) == 2

    wait(look, "packets of both directions")
    return found


def into(env, flow, vtag, *chunks, host=None):
    """A third host sends these chunks in clear to the first one, as if from its peer."""
    (dst, dport), (src, sport) = flow.a.getsockname()[:2], flow.a.getpeername()[:2]
    data = forge.ip(src, dst, SCTP, packet(sport, dport, vtag, *chunks))
    (host or env.mallory).frame(flow.ipsec.a.mac, forge.ETHERTYPE[flow.ipsec.fam], data)


def frames_of(env, *kinds):
    """Frames of SCTP in clear since the restart of the capture; of these chunk types, where some are given."""
    env.wire.sync()
    count = 0
    for frame, _ in env.wire.frames:
        proto, at = ip_proto(frame)
        if proto == SCTP:
            count += not kinds or bool({c[0] for c in chunks_of(frame[at:])} & set(kinds))
    return count
