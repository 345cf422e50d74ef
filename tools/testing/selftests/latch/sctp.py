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
from ipsec import Ipsec
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


class Second:
    """A host as its second link knows it."""

    def __init__(self, host):
        self.host = host

    def __getattr__(self, name):
        return getattr(self.host, name)

    def addr(self, fam):
        return f"10.10.0.{self.host.number}" if fam == 4 else f"fd10::{self.host.number}"


class SctpNet(Net):
    """Hosts with SCTP, each on two links; latched where the module is loaded."""

    def __init__(self, *names):
        if subprocess.run(["modprobe", "-q", "sctp"], check=False).returncode:
            raise KsftSkipEx("the kernel has no SCTP")
        super().__init__(*names)
        if latchapi.module_loaded() and not os.path.isdir("/sys/module/ipsec_latch_sctp"):
            subprocess.run(["insmod", MODULE], check=True)
        for host in self.hosts:
            for name, value in SETTINGS.items():
                host.sysctl_of(f"net/sctp/{name}", value)
        self._second_link()

    def _second_link(self):
        def second(host):
            return (host.mac[:1] + b"\2" + host.mac[2:]).hex(":")

        for host in self.hosts:
            self.sw.ip(
                f"link add q-{host.name} type veth peer name eth1 address {second(host)} netns {host.pid}",
                f"link set q-{host.name} master br0 up addrgenmode none",
            )
            host.ip("link set eth1 up addrgenmode none")
            for fam in (4, 6):
                net = "10.10.0.0/24" if fam == 4 else "fd10::/64"
                host.ip(f"addr add {Second(host).addr(fam)}/{net[-2:]} dev eth1 {'' if fam == 4 else 'nodad'}")
                for peer in self.hosts:
                    if peer is not host:
                        host.ip(f"neigh replace {Second(peer).addr(fam)} lladdr {second(peer)} dev eth1 nud permanent")

    def cut(self, host):
        """Unplug a host's first link only."""
        self.sw.ip(f"link set p-{host.name} nomaster")

    def mend(self, host):
        """Plug it in again."""
        self.sw.ip(f"link set p-{host.name} master br0")

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
    # a socket that is bound to several addresses has the last one for its name
    sock.connect((ipsec.addr(ipsec.b), server.getsockname()[1]))
    server.settimeout(10 * SLOW)
    child = ipsec.b.owns(server.accept()[0])
    if listener is None:
        server.close()
    return Flow(ipsec, "sctp", sock, child)


# --- two paths ----------------------------------------------------------------
BINDX_ADD, BINDX_REM, EVENTS, RCVINFO = 100, 101, 11, 32


def sockaddr(addr, port):
    """struct sockaddr_in or sockaddr_in6"""
    if ":" in addr:
        return struct.pack("=H", socket.AF_INET6) + struct.pack(">HI", port, 0) + forge.packed(addr) + bytes(4)
    return struct.pack("=H", socket.AF_INET) + struct.pack(">H", port) + forge.packed(addr) + bytes(8)


def bindx(sock, addr, option=BINDX_ADD):
    """sctp_bindx(): one address more, or less."""
    sock.setsockopt(SCTP, option, sockaddr(addr, sock.getsockname()[1]))


class Two:
    """IPsec between two hosts on both of their links; more: how the second pair differs.

    clear: nothing protects the second link
    """

    def __init__(self, env, fam, clear=False, **kwargs):
        self.env = env
        self.first = Ipsec(env.alice, env.bob, fam=fam, **kwargs).up()
        self.second = Ipsec(Second(env.alice), Second(env.bob), fam=fam, **{**kwargs, "reqid": 2})
        if not clear:
            self.second.up()

    def identify(self, second="bob"):
        """Bob is behind both links, or somebody else behind the second one."""
        self.first.identify()
        self.env.alice.bind(second, "alice", reqid=2)
        self.env.bob.bind("alice", "bob", reqid=2)
        return self

    def associate(self, before=None, both=True):
        """An association; both: each end has both addresses."""
        fam = self.first.fam

        def add(sock, host):
            if both:
                bindx(sock, Second(host).addr(fam))

        server = listen(self.first, before)
        add(server, self.env.bob)
        sock = client(self.first, before)
        add(sock, self.env.alice)
        return associate(self.first, server, sock)

    def paths(self, host):
        """The state of each path's latch, by the number of its link, in order."""
        rows = [c for c in host.conns().values() if c["proto"] == SCTP and c["state"] != "listener"]
        # 10.9.0.x and fd09::x are on the first link
        return sorted((1 if c["local-addr"][1] == 9 else 2, c["state"]) for c in rows)


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


def into(env, flow, vtag, *chunks, src=None):
    """A third host sends these chunks in clear to the first one, as if from its peer, or from `src`."""
    (dst, dport), (peer, sport) = flow.a.getsockname()[:2], flow.a.getpeername()[:2]
    data = forge.ip(src or peer, dst, SCTP, packet(sport, dport, vtag, *chunks))
    env.mallory.frame(flow.ipsec.a.mac, forge.ETHERTYPE[flow.ipsec.fam], data)


def init(*addrs):
    """An INIT chunk that names these addresses."""
    params = b"".join(
        struct.pack(">HH", 6 if ":" in a else 5, 4 + len(forge.packed(a))) + forge.packed(a) for a in addrs
    )
    return chunk(INIT, struct.pack(">IIHHI", 0x11223344, 65536, 10, 10, 0x55667788) + params)


def frames_of(env, *kinds):
    """Frames of SCTP in clear since the restart of the capture; of these chunk types, where some are given."""
    env.wire.sync()
    count = 0
    for frame, _ in env.wire.frames:
        proto, at = ip_proto(frame)
        if proto == SCTP:
            count += not kinds or bool({c[0] for c in chunks_of(frame[at:])} & set(kinds))
    return count
