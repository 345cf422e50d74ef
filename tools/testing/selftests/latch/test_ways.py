#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Every way by which a program's data gets into and out of a latched flow.

RFC 5660 2-1, 2-3, 2-9, 2-10, 2-16, 2-17, 2-20.  Documentation/networking/latch-ways.rst has the
other ways, and the cases that show them.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import socket
import struct
import subprocess
import types

import forge
import runner
from expect import Moves, both_are, is_state, one_more_latch, untouched
from flow import FLOWS, content
from ipsec import SA, SUITES, Ipsec
from ktap import KsftSkipEx, case, ksft_eq, ksft_true, wait
from latchapi import IP_LATCH, L, ask, ask_to_wait, get_raw, info, libc, set_raw
from netns import INET
from nfs import PORT, Nfs
from scenes import Switch, migrate, ruleset
from wire import ip_proto

HOSTS = ("alice", "bob", "mallory")
TCP = [f for f in FLOWS if f["proto"] == "tcp"]
UDP = [f for f in FLOWS if f["proto"] == "udp"]

UDP_CORK, UDP_SEGMENT = 1, 103
SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000
IPV6_HOPOPTS = 54
TCP_ULP, SOL_TLS = 31, 282


def module(name):
    """A module of the kernel's, or the case is skipped."""
    if subprocess.run(["modprobe", "-q", name], check=False).returncode:
        raise KsftSkipEx(f"the kernel has no {name}")


# --- ways of sending --------------------------------------------------------------------------
def corked(sock, data):
    level, option = (socket.IPPROTO_TCP, socket.TCP_CORK) if sock.type == socket.SOCK_STREAM else (17, UDP_CORK)
    sock.setsockopt(level, option, 1)
    sock.send(data[:50])
    sock.send(data[50:])
    sock.setsockopt(level, option, 0)


def more(sock, data):
    sock.send(data[:50], socket.MSG_MORE)
    sock.send(data[50:])


def zerocopy(sock, data):
    sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1)
    sock.send(data, MSG_ZEROCOPY)


def sendfile(sock, data):
    fd = os.memfd_create("data")
    os.write(fd, data)
    ksft_eq(os.sendfile(sock.fileno(), fd, 0, len(data)), len(data))
    os.close(fd)


def splice(sock, data):
    out, into = os.pipe()
    os.write(into, data)
    ksft_eq(os.splice(out, sock.fileno(), len(data)), len(data))
    os.close(out)
    os.close(into)


class Ring:
    """An io_uring of one entry."""

    def __init__(self):
        params = ctypes.create_string_buffer(120)
        self.fd = libc.syscall(425, 1, params)
        if self.fd < 0:
            raise KsftSkipEx("no io_uring")
        entries = struct.unpack_from("2I", params.raw)
        self.sq, self.cq = struct.unpack_from("7I", params.raw, 40), struct.unpack_from("6I", params.raw, 80)
        size = max(self.sq[6] + 4 * entries[0], self.cq[5] + 16 * entries[1])
        self.ring = mmap.mmap(self.fd, size, mmap.MAP_SHARED)
        self.sqes = mmap.mmap(self.fd, 64 * entries[0], mmap.MAP_SHARED, offset=0x10000000)

    def _u32(self, at, value=None):
        if value is not None:
            struct.pack_into("I", self.ring, at, value)
        return struct.unpack_from("I", self.ring, at)[0]

    def do(self, opcode, fd, buffer, size):
        """One operation on a socket and a buffer; what it gives."""
        struct.pack_into("=BBHiQQII", self.sqes, 0, opcode, 0, 0, fd, 0, ctypes.addressof(buffer), size, 0)
        self._u32(self.sq[6], 0)
        self._u32(self.sq[1], self._u32(self.sq[1]) + 1)
        if libc.syscall(426, self.fd, 1, 1, 1, None, 0) != 1:
            raise OSError(ctypes.get_errno(), "io_uring_enter")
        head = self._u32(self.cq[0])
        at = self.cq[5] + 16 * (head & self._u32(self.cq[2]))
        result = struct.unpack_from("i", self.ring, at + 8)[0]
        self._u32(self.cq[0], head + 1)
        return result

    def close(self):
        self.ring.close()
        self.sqes.close()
        os.close(self.fd)


def io_uring(sock, data):
    ring = Ring()
    try:
        ksft_eq(ring.do(26, sock.fileno(), ctypes.create_string_buffer(data), len(data)), len(data))
    finally:
        ring.close()


def from_child_process(sock, data):
    """A child process has the descriptor, too."""
    pid = os.fork()
    if not pid:
        os._exit(sock.send(data) != len(data))
    ksft_eq(os.waitpid(pid, 0)[1], 0)


# --- what is done to the flow's sockets before --------------------------------------------------
def with_options(flow):
    """Record route, or a hop-by-hop header that says nothing: every packet takes the slow path."""
    if flow.a.family == socket.AF_INET:
        flow.a.setsockopt(socket.SOL_IP, socket.IP_OPTIONS, b"\x07\x07\x04\0\0\0\0\0")
    else:
        flow.a.setsockopt(socket.IPPROTO_IPV6, IPV6_HOPOPTS, b"\0\0\1\4\0\0\0\0")


def with_tls(flow):
    """Both ends encrypt in the kernel (kTLS), besides IPsec."""
    module("tls")
    crypto = struct.pack("=HH8s16s4s8s", 0x0303, 51, b"i" * 8, b"k" * 16, b"s" * 4, bytes(8))
    for sock, direction in ((flow.a, 1), (flow.b, 2)):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_ULP, b"tls")
        sock.setsockopt(SOL_TLS, direction, crypto)


def with_sockmap(flow):
    """The sender is in a map of BPF's for sockets, which gives it other functions."""
    attr = struct.pack("=4I", 15, 4, 4, 1).ljust(72, b"\0")
    fd = libc.syscall(321, 0, attr, len(attr))
    if fd < 0:
        raise KsftSkipEx("no BPF map of sockets")
    key, value = ctypes.c_uint32(0), ctypes.c_uint32(flow.a.fileno())
    attr = struct.pack("=IIQQQ", fd, 0, ctypes.addressof(key), ctypes.addressof(value), 0).ljust(72, b"\0")
    ksft_eq(libc.syscall(321, 2, attr, len(attr)), 0)
    os.close(fd)


def plain(sock, data):
    sock.send(data)


WAYS = [
    {**f, "way": way, "send": send, "prepare": prepare}
    for f in FLOWS
    for way, send, prepare in (
        ("corked", corked, None),
        ("more", more, None),
        ("zerocopy", zerocopy, None),
        ("sendfile", sendfile, None),
        ("splice", splice, None),
        ("io_uring", io_uring, None),
        ("child_process", from_child_process, None),
        ("options", plain, with_options),
        ("ktls", plain, with_tls),
        ("sockmap", plain, with_sockmap),
    )
    if way != "ktls" or f["proto"] == "tcp"
]


def arrives(sock, data):
    """All of it, and nothing else."""
    got = b""
    sock.settimeout(10)
    while len(got) < len(data):
        got += sock.recv(len(data) - len(got))
    ksft_eq(got, data)


@case("2-10_way_out_{way}_{flow}", WAYS)
def way_out(env, proto, fam, send, prepare):
    """While the latch holds the data arrives and nothing is dropped; broken, nothing leaves: one drop for a datagram."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto).ask_to_wait()
    flow.exchange()
    if proto == "tcp":
        # nothing waits for an acknowledgement
        flow.a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if prepare:
        prepare(flow)
    first, second = content(0, 105), content(105, 105)
    env.wire.restart()
    with Moves(env.alice), Moves(env.bob):
        send(flow.a, first)
        arrives(flow.b, first)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    is_state(flow.a, "BROKEN", "POLICY_OUT", ["POLICY_OUT"])
    # TCP sends again, and the peer's acknowledgement may be under way
    moves = {"LatchOutBroken": 1} if proto == "udp" else {"at_least": ["LatchOutBroken"], "may": ["LatchInBroken"]}
    before = info(flow.a).out_drops
    with Moves(env.alice, LatchRestored=1, **moves):
        send(flow.a, second)
        wait(lambda: info(flow.a).out_drops > before, "the packet to be dropped")
        ksft_eq(env.wire.clear(flow), (0, 0))
        env.alice.ip(ipsec.policy(env.alice, "out"))
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    if proto == "udp":
        send(flow.a, second)
    arrives(flow.b, second)
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-10_way_out_udp_segment_{flow}", UDP)
def udp_segment(env, fam):
    """UDP_SEGMENT: the kernel refuses it under IPsec; when the policy is gone it would go out in clear, and is dropped."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.udp().ask_to_wait()
    flow.a.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
    env.wire.restart()
    with Moves(env.alice):
        ksft_eq(errno_of(flow.a.send, b"x" * 400), errno.EIO)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    with Moves(env.alice, LatchOutBroken=1):
        ksft_eq(flow.a.send(b"x" * 400), 400)
    ksft_eq(env.wire.clear(flow), (0, 0))


def errno_of(call, *args):
    """What a call fails with, 0 if it does not."""
    try:
        call(*args)
    except OSError as e:
        return e.errno
    return 0


@case("2-10_raw_socket_speaks_for_a_flow_{flow}", FLOWS)
def raw_socket(env, proto, fam):
    """What a raw socket sends under the flow's 5-tuple is the flow's: under its SA, or dropped."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto).ask_to_wait()
    flow.exchange()
    src, dst = (ipsec.addr(h) for h in (env.alice, env.bob))
    if proto == "udp":
        data = forge.udp(src, dst, *flow.ports, b"raw")
    else:
        data = forge.tcp(src, dst, *flow.ports, 1, 1, forge.ACK)
    raw = env.alice.socket(INET[fam], socket.SOCK_RAW, socket.IPPROTO_UDP if proto == "udp" else socket.IPPROTO_TCP)
    env.wire.restart()
    with Moves(env.alice), Moves(env.bob):
        raw.sendto(data, (dst, 0))
        if proto == "udp":
            ksft_eq(flow.b.recv(100), b"raw")
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    with Moves(env.alice, LatchOutBroken=1):
        raw.sendto(data, (dst, 0))
    ksft_eq(env.wire.clear(flow), (0, 0))


# --- listeners, and sockets that are more than one -----------------------------------------------
@case("2-9_reuseport_group_of_mixed_demands_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def mixed_reuseport(env, fam):
    """Of two listeners on one port one requires a channel: clear SYNs for it are dropped, the other's are answered."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow="proto udp").up()

    def reuse(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)

    open_one = ipsec.listen(before=reuse)
    port = open_one.getsockname()[1]
    strict = ipsec.listen(before=lambda s: (reuse(s), ask(s, mode=L.LATCH_MODE_REQUIRE)), port=port)
    before = env.bob.stat()["LatchInLarval"]
    socks = [env.alice.socket(INET[fam]) for _ in range(12)]
    for sock in socks:
        sock.setblocking(False)
        sock.connect_ex(open_one.getsockname()[:2])
    for sock in (open_one, strict):
        sock.setblocking(False)
    children = []

    def all_came():
        while errno_of(lambda: children.append(env.bob.owns(open_one.accept()[0]))) == 0:
            pass
        # TCP sends a SYN again that nobody answered
        return len(children) + env.bob.stat()["LatchInLarval"] - before >= len(socks)

    wait(all_came, "every SYN to be answered or dropped", 3)
    ksft_true(0 < len(children) < len(socks), "both listeners were asked")
    ksft_eq(errno_of(strict.accept), errno.EAGAIN)


@case("2-16_mptcp_does_not_know_the_option")
def mptcp(env):
    """ENOPROTOOPT to set it, EOPNOTSUPP to read it; its subflow, which is a TCP connection, is latched all the same."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = env.bob.socket(proto=262)
    ksft_eq(set_raw(listener, bytes(L.LATCH_REQ_SIZE_VER0)), errno.ENOPROTOOPT)
    ksft_eq(get_raw(listener, IP_LATCH, 4)[0], errno.EOPNOTSUPP)
    ksft_eq(set_raw(listener, b"\1\0\0\0", option=L.IP_LATCH_ALERTS), errno.ENOPROTOOPT)
    listener.bind((ipsec.addr(env.bob), 0))
    listener.listen()
    sock = env.alice.socket(proto=262)
    with Moves(env.alice, may=["LatchActive"], **one_more_latch()):
        sock.connect(listener.getsockname())
    child = env.bob.owns(listener.accept()[0])
    sock.send(b"hello")
    ksft_eq(child.recv(10), b"hello")


# --- the kernel's own users ------------------------------------------------------------------------
TUNNELS = [
    {"kind": "vxlan", "words": "type vxlan id 5 local {a} remote {b} dstport 4789", "fam": f, "proto": 17} for f in (4, 6)
] + [{"kind": "geneve", "words": "type geneve id 5 remote {b}", "fam": f, "proto": 17} for f in (4, 6)]
OTHERS = [
    {"kind": "gre", "words": "type gre local {a} remote {b}", "fam": 4, "proto": 47},
    {"kind": "ip6gre", "words": "type ip6gre local {a} remote {b} encaplimit none", "fam": 6, "proto": 47},
    {"kind": "ipip", "words": "type ipip local {a} remote {b}", "fam": 4, "proto": 4},
    {"kind": "ip6tnl", "words": "type ip6tnl mode ipip6 local {a} remote {b} encaplimit none", "fam": 6, "proto": 4},
]
MODULES = {"gre": "ip_gre", "ip6gre": "ip6_gre", "ip6tnl": "ip6_tunnel"}


@case("2-17_{kind}_over_protected_udp{fam}", TUNNELS)
@case("2-17_{kind}_that_somebody_protects", OTHERS)
def tunnel_of_others(env, kind, words, fam, proto):
    """What the kernel itself sends is not latched; flows inside are clear ones: nothing is dropped, a demand is not met."""
    module(MODULES.get(kind, kind))
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow=f"proto {proto}").up()
    for host, n in ((env.alice, 1), (env.bob, 2)):
        far = ipsec.other(host)
        host.ip(
            f"link add tun0 {words.format(a=ipsec.addr(host), b=ipsec.addr(far))}",
            "link set tun0 up",
            f"addr add 192.0.2.{n}/24 dev tun0",
        )
    try:
        env.wire.restart()
        with Moves(env.alice, may=["LatchActive"]), Moves(env.bob, LatchListeners=0, may=["LatchActive"]):
            server = env.bob.socket(kind=socket.SOCK_DGRAM)
            server.bind(("192.0.2.2", 0))
            sock = env.alice.socket(kind=socket.SOCK_DGRAM)
            sock.connect(server.getsockname())
            server.settimeout(10)
            for n in range(3):
                sock.send(b"%d" % n)
                ksft_eq(server.recv(10), b"%d" % n)
        is_state(sock, "NONE")
        strict = env.alice.socket()
        ask(strict, mode=L.LATCH_MODE_REQUIRE)
        ksft_eq(errno_of(strict.connect, server.getsockname()), errno.ENOKEY)
        env.wire.sync()
        protos = {frame[23] if fam == 4 else frame[20] for frame, _ in env.wire.frames if frame[12:14] in
                  (b"\x08\x00", b"\x86\xdd")}  # fmt: skip
        ksft_true(proto not in protos, f"nothing of the tunnel in clear among {protos}")
        ksft_true(50 in protos, "ESP")
    finally:
        for host in (env.alice, env.bob):
            host.ip("link del tun0")


def nfs_connection(host):
    """(attributes of the latch of NFS's only connection, what wire.clear() has to know of it)."""
    found = [c for c in host.conns().values() if PORT in (c["local-port"], c["remote-port"])]
    ksft_eq(len(found), 1, f"connections of NFS at {host.name}: {found}")
    ports = (found[0]["local-port"], found[0]["remote-port"])
    return found[0], types.SimpleNamespace(proto="tcp", ports=ports)


def child_reads(link, data):
    """A child process that reads a link, which may take long, and compares; a call that waits for it."""
    pid = os.fork()
    if not pid:
        os._exit(os.readlink(link) != data)
    return lambda: ksft_eq(os.waitpid(pid, 0)[1], 0, f"what was read of {link}")


@case("2-17_nfs_over_protected_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def nfs(env, fam):
    """The kernel's own connections are latched like others: a break holds NFS up, nothing leaves in clear, and it goes on."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    for host in (env.alice, env.bob):
        host.sysctl("disposition", "wait")
    up, down, later = (content(n, 2100).decode() for n in (0, 2100, 4200))
    with Nfs(env.bob, env.alice, fam) as share:
        os.symlink(down, f"{share.files}/down")
        os.symlink(later, f"{share.files}/later")
        env.wire.restart()
        with Moves(env.alice, may=["LatchActive"], **one_more_latch()):
            with Moves(env.bob, may=["LatchActive"], **one_more_latch()):
                share.mount()
                os.symlink(up, f"{share.mounted}/up")
                ksft_eq(os.readlink(f"{share.files}/up"), up)
                ksft_eq(os.readlink(f"{share.mounted}/down"), down)
        latch, flow = nfs_connection(env.alice)
        ksft_eq((latch["state"], latch["peer-id-value"]), ("established", b"bob"))
        env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
        ksft_eq(nfs_connection(env.alice)[0]["state"], "broken")
        with Moves(env.alice, LatchRestored=1, at_least=["LatchOutBroken"], may=["LatchInBroken"]):
            done = child_reads(f"{share.mounted}/later", later)
            wait(lambda: nfs_connection(env.alice)[0]["out-drops"] > latch["out-drops"], "a request to be dropped")
            ksft_eq(env.wire.clear(flow), (0, 0))
            env.alice.ip(ipsec.policy(env.alice, "out"))
            done()
        ksft_eq(nfs_connection(env.alice)[0]["id"], latch["id"])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-17_xfrm_interface_in_a_container_{flow}", FLOWS)
def container(env, proto, fam):
    """The interface is in one namespace, its SAs are in another: the flow works unlatched, a demand fails at once."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7).up()
    inside = env.mallory
    env.alice.ip(
        "link add ipsec7 type xfrm dev eth0 if_id 7",
        f"link set ipsec7 netns {inside.pid}",
    )
    inside.ip(
        "link set ipsec7 up addrgenmode none",
        f"route replace {env.bob.inner_net(fam)} dev ipsec7 src {inside.inner(fam)}",
    )
    env.bob.ip(
        "link add ipsec7 type xfrm dev eth0 if_id 7",
        "link set ipsec7 up addrgenmode none",
        f"route replace {inside.inner_net(fam)} dev ipsec7 src {env.bob.inner(fam)}",
    )
    try:
        env.wire.restart()
        with Moves(inside, may=["LatchActive"]), Moves(env.alice, may=["LatchActive"]):
            flow = Ipsec(inside, env.bob, fam=fam, mode="tunnel").flow(proto)
            flow.exchange()
        is_state(flow.a, "NONE")
        is_state(flow.b, "ESTABLISHED")
        ksft_eq(env.wire.clear(flow), (0, 0))
        sock = inside.socket(INET[fam])
        ask(sock, mode=L.LATCH_MODE_REQUIRE)
        with Moves(inside, may=["LatchActive"], LatchOutLarval=1, LatchRefused=1):
            ksft_eq(errno_of(sock.connect, (env.bob.inner(fam), 9)), errno.ENOKEY)
    finally:
        for host in (inside, env.bob):
            host.close_sockets()
            peer = env.bob if host is inside else inside
            host.ip(
                "link del ipsec7",
                f"route replace {peer.inner_net(fam)} via {peer.addr(fam)} dev eth0 src {host.inner(fam)} rto_min 20ms",
                fail=False,
            )


@case("2-17_vti_{flow}", FLOWS)
def vti(env, proto, fam):
    """What comes out of a VTI does not say by which SA it came: the flow works unlatched, a demand fails at once."""
    kind = "vti" if fam == 4 else "vti6"
    module("ip_vti" if fam == 4 else "ip6_vti")
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", narrow="mark 5 mask 0xffffffff").up()
    for host in (env.alice, env.bob):
        peer = ipsec.other(host)
        host.ip(
            f"link add vti5 type {kind} local {host.addr(fam)} remote {peer.addr(fam)} key 5",
            "link set vti5 up addrgenmode none",
            f"route add {peer.inner(fam)}/{32 if fam == 4 else 128} dev vti5 src {host.inner(fam)}",
        )
    try:
        env.wire.restart()
        # the listener's latch ends with it
        ended = int(proto == "tcp")
        with Moves(env.alice, may=["LatchActive"]), Moves(env.bob, may=["LatchActive"], LatchClosed=ended):
            flow = ipsec.flow(proto)
            flow.exchange()
        both_are(flow, "NONE")
        ksft_eq(env.wire.clear(flow), (0, 0))
        sock = env.alice.socket(INET[fam])
        ask(sock, mode=L.LATCH_MODE_REQUIRE)
        with Moves(env.alice, LatchOutLarval=1, LatchRefused=1):
            ksft_eq(errno_of(sock.connect, (env.bob.inner(fam), 9)), errno.ENOKEY)
    finally:
        for host in (env.alice, env.bob):
            host.close_sockets()
            host.ip("link del vti5")


# --- path MTU ------------------------------------------------------------------------------------------
def forwards(host, fam, on):
    """Whether a host passes packets on; it tells nobody of better ways."""
    path = f"/proc/sys/net/{'ipv4' if fam == 4 else 'ipv6'}/conf"
    names = [f"{path}/all/forwarding", *([f"{path}/{d}/send_redirects" for d in ("all", "eth0")] if fam == 4 else [])]
    with host:
        for name in names:
            with open(name, "w", encoding="ascii") as f:
                f.write(f"{int(on == name.endswith('forwarding'))}\n")


@contextlib.contextmanager
def routes(fam, *rows):
    """Hosts that pass packets on, and routes (host, destination, rest of the words), while a block runs."""
    for host, to, words in rows:
        forwards(host, fam, True)
        host.ip(f"route replace {to} {words}")
    try:
        yield
    finally:
        for host, to, _ in rows:
            forwards(host, fam, False)
            host.ip(f"route del {to}", fail=False)


ROUTED = [{"fam": f, "mode": m} for f in (4, 6) for m in ("transport", "tunnel")]


@case("6.5-1_path_mtu_of_a_router_outside_of_the_protection_{mode}_tcp{fam}", ROUTED)
def mtu_outside(env, fam, mode):
    """A router on the way of ESP says that it is too large: the latched flow sends smaller segments, and loses nothing."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    to = f"{env.bob.addr(fam)}/{32 if fam == 4 else 128}"
    rows = ((env.mallory, to, "dev eth0 mtu lock 1300"), (env.alice, to, f"via {env.mallory.addr(fam)} dev eth0"))
    with routes(fam, *rows):
        flow = ipsec.tcp()
        env.wire.restart()
        # so the kernel counts segments that are too large for the tunnel from now on
        with Moves(env.alice, may=["XfrmOutStateModeError"]), Moves(env.bob):
            flow.a.sendall(content(0, 30000))
            arrives(flow.b, content(0, 30000))
        both_are(flow, "ESTABLISHED", conflicts=[])
        env.wire.sync()
        ksft_true(any(ip_proto(f)[0] == (1 if fam == 4 else 58) for f, _ in env.wire.frames), "the router said so")
        ksft_eq(env.wire.clear(flow), (0, 0))
        flow.close()


class Gateway(Ipsec):
    """A tunnel from the first host to a gateway, which is the way to everybody."""

    def selector(self, x, y):
        any_net = "0.0.0.0/0" if self.fam == 4 else "::/0"
        src, dst = (h.inner_net(self.fam) if h is self.a else any_net for h in (x, y))
        return f"src {src} dst {dst}"

    def policies(self, host, verb="add"):
        words = super().policies(host, verb)
        return words if host is self.a else [*words, words[1].replace(" dir in ", " dir fwd ")]


@case("6.5-1_path_mtu_of_a_router_inside_of_the_protection_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def mtu_inside(env, fam):
    """The gateway says under the flow's protection what fits behind it: the latched flow sends smaller segments."""
    Gateway(env.alice, env.bob, fam=fam, mode="tunnel").up()
    near, far = (f"{host.inner(fam)}/{32 if fam == 4 else 128}" for host in (env.alice, env.mallory))
    rows = (
        (env.bob, far, f"via {env.mallory.addr(fam)} dev eth0 mtu lock 1300"),
        (env.mallory, near, f"via {env.bob.addr(fam)} dev eth0 src {env.mallory.inner(fam)}"),
    )
    with routes(fam, *rows):
        flow = Ipsec(env.alice, env.mallory, fam=fam, mode="tunnel").tcp()
        with Moves(env.alice), Moves(env.bob):
            flow.a.sendall(content(0, 30000))
            arrives(flow.b, content(0, 30000))
        is_state(flow.a, "ESTABLISHED", conflicts=[])
        mtu = flow.a.getsockopt(*((socket.SOL_IP, 14) if fam == 4 else (socket.IPPROTO_IPV6, 24)))
        ksft_eq(mtu, 1300)
        flow.close()


# --- a host whose device is a bridge -------------------------------------------------------------------
@case("2-17_over_a_bridge_with_br_netfilter_{flow}", FLOWS)
def over_bridge(env, proto, fam):
    """A flow of the host that is the bridge is latched, and checked, once: no packet counts twice."""
    with Switch(env) as sw:
        ipsec = Ipsec(env.alice, sw, fam=fam, level="use").up().identify()
        # the listener's latch ends with it
        with Moves(sw, may=["LatchActive"], **one_more_latch(LatchClosed=int(proto == "tcp"))):
            flow = ipsec.flow(proto)
            flow.exchange()
        flow.ask_to_wait()
        with Moves(sw, LatchInClear=1):
            kind, packet = forge.into(flow, forge.PSH | forge.ACK, b"forged", sock=flow.b)
            env.mallory.frame(sw.mac, kind, packet)
        env.wire.restart()
        with Moves(sw), Moves(env.alice):
            flow.exchange()
        sw.ip(ipsec.policy(sw, "out", "delete"))
        is_state(flow.b, "BROKEN", "POLICY_OUT", ["POLICY_OUT"])
        with Moves(sw, **({"LatchOutBroken": 1} if proto == "udp" else {"at_least": ["LatchOutBroken"]})):
            flow.b.send(b"x")
        ksft_eq(env.wire.clear(flow), (0, 0))


BRIDGED = [{"fam": f, "what": w} for f in (4, 6) for w in ("whole", "in_fragments")]


@case("2-10_bridged_datagrams_{what}_pass_a_host_with_latches_{fam}", BRIDGED)
def bridged(env, fam, what):
    """What a bridge passes on between others is not its host's, whatever it is: it arrives, and is not counted."""
    with Switch(env) as sw:
        ipsec = Ipsec(env.alice, sw, fam=fam).up().identify()
        flow = ipsec.udp()
        sock = env.bob.socket(INET[fam], socket.SOCK_DGRAM)
        sock.bind((env.bob.addr(fam), 0))
        sock.settimeout(10)
        src, dst = env.mallory.addr(fam), env.bob.addr(fam)
        data = content(0, 1050)
        packet = forge.ip(src, dst, 17, forge.udp(src, dst, 4000, sock.getsockname()[1], data))
        with Moves(sw), Moves(env.bob):
            for part in [packet] if what == "whole" else forge.fragments(packet, 400, 800):
                env.mallory.frame(env.bob.mac, forge.ETHERTYPE[fam], part)
            ksft_eq(sock.recv(2000), data)
            flow.exchange()


class Queue:
    """Packets that nft(8) hands to user space by `queue num 0`, one at a time."""

    def __init__(self, host):
        with host:
            self.sock = host.owns(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12))
        self.sock.bind((0, 0))
        self.sock.settimeout(10)
        self._say(2, 1, struct.pack(">BBH", 1, 0, 0))
        self._say(2, 2, struct.pack(">IB", 0xFFFF, 2))

    def _say(self, kind, attr, data):
        body = struct.pack("=BBxx", 0, 0) + struct.pack("=HH", 4 + len(data), attr) + data
        body += bytes(-len(body) % 4)
        self.sock.send(struct.pack("=IHHII", 16 + len(body), 3 << 8 | kind, 1, 0, 0) + body)

    def take(self):
        """The number of the next packet."""
        got = self.sock.recv(65536)
        at = 20
        while at < len(got):
            size, kind = struct.unpack_from("=HH", got, at)
            if kind == 1:
                return struct.unpack_from(">I", got, at + 4)[0]
            at += (size + 3) & ~3
        raise AssertionError("no packet in the message")

    def accept(self, number):
        self._say(1, 2, struct.pack(">II", 1, number))


@case("2-10_latch_breaks_while_a_packet_is_queued_{way}_{flow}", [{**f, "way": w} for f in UDP for w in ("out", "in")])
def queued(env, fam, way):
    """A datagram that waits for user space (NFQUEUE) meets the latch as it is when the datagram goes on."""
    module("nfnetlink_queue")
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.udp().ask_to_wait()
    queue = Queue(env.alice)
    hook = "output" if way == "out" else "prerouting"
    rule = f"type filter hook {hook} priority -500; udp {'sport' if way == 'out' else 'dport'} {flow.ports[0]} queue num 0"
    hers = ipsec.new_sas()
    for sa in hers:
        env.alice.bind("mallory", "alice", sa=sa)
    with ruleset(env.alice, f"table inet t {{\n chain c {{\n {rule}\n }}\n}}\n"):
        sender = flow.a if way == "out" else flow.b
        sender.send(b"first")
        queue.accept(queue.take())
        ksft_eq(flow.peer_of(sender).recv(100), b"first")
        sender.send(b"second")
        number = queue.take()
        env.alice.ip(*[sa.add() for sa in hers])
        is_state(flow.a, "BROKEN", "PEER")
        with Moves(env.alice, **{f"Latch{way.title()}Broken": 1}):
            queue.accept(number)
        ksft_true(flow.silent(flow.peer_of(sender)))


# --- IPsec's shapes ----------------------------------------------------------------------------------
EXPIRES = [{**f, "what": w, "limit": x} for f in FLOWS for w, x in (
    ("packets", "limit packet-hard 6"), ("bytes", "limit byte-hard 900"), ("time", "limit time-hard 1"),
)]  # fmt: skip


@case("2-20_sas_expire_by_{what}_{flow}", EXPIRES)
def expires(env, proto, fam, limit):
    """Hard expiry under traffic is loss, no conflict: nothing in clear, and new SAs carry on without a byte lost."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto).ask_to_wait()
    flow.exchange()
    old, ipsec.sas = ipsec.sas, ipsec.new_sas()
    out = next(sa for sa in ipsec.sas if sa.src == env.alice.addr(fam))
    back = next(sa for sa in ipsec.sas if sa is not out)
    env.bob.ip(out.add(), back.add())
    env.alice.ip(out.but(extra=limit).add(), back.add())
    for host in (env.alice, env.bob):
        host.ip(*[sa.delete() for sa in old])
    env.wire.restart()
    flow.tolerated = (errno.EAGAIN, errno.ESRCH, errno.EINVAL)

    def gone():
        return f"spi {out.spi:#010x}" not in env.alice.run("ip", "xfrm", "state", "list").stdout

    flow.pump(gone)
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    ipsec.sas = ipsec.new_sas()
    for host in (env.bob, env.alice):
        host.ip(*[sa.add() for sa in ipsec.sas])
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    if proto == "tcp":
        flow.drained()
    both_are(flow, "ESTABLISHED", conflicts=[])
    ksft_eq([info(s).breaks for s in (flow.a, flow.b)], [0, 0])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-7_sas_migrated_by_the_kernel_{flow}", FLOWS)
def migrated(env, proto, fam):
    """XFRM_MSG_MIGRATE moves a tunnel's end: the flow goes on under the same latch, which minds what comes there."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel").up().identify()
    flow = ipsec.flow(proto).ask_to_wait()
    flow.exchange()
    old, peer = env.alice.addr(fam), env.bob.addr(fam)
    new = "10.9.0.11" if fam == 4 else "fd09::11"
    env.alice.ip(f"addr add {new}/{24 if fam == 4 else 64} dev eth0 noprefixroute {'' if fam == 4 else 'nodad'}")
    try:
        env.wire.restart()
        with Moves(env.alice), Moves(env.bob):
            for host, out in ((env.alice, "out"), (env.bob, "in")):
                migrate(ipsec, host, out, (old, peer), (new, peer))
                migrate(ipsec, host, "in" if out == "out" else "out", (peer, old), (peer, new))
            flow.exchange()
        both_are(flow, "ESTABLISHED", conflicts=[])
        ksft_eq((info(flow.a).outer_local_addr, info(flow.b).outer_remote_addr), (new, new))
        hers = ipsec.new_sas()[0].but(src=new)
        env.alice.bind("mallory", "alice", sa=hers)
        env.alice.ip(hers.add())
        is_state(flow.a, "BROKEN", "PEER", ["PEER"])
        env.alice.ip(hers.delete())
        untouched(flow, (1, 0))
        ksft_eq(env.wire.clear(flow), (0, 0))
    finally:
        flow.close()
        env.alice.ip(f"addr del {new}/{24 if fam == 4 else 64} dev eth0")


class Beet(Ipsec):
    """Bound end-to-end tunnels: the addresses of the sockets are the SA's, and are not sent."""

    def __init__(self, a, b, fam):
        super().__init__(a, b, fam=fam, mode="beet")

    def addr(self, host):
        return host.inner(self.fam)

    def selector(self, x, y):
        return f"src {self.addr(x)} dst {self.addr(y)}"

    def new_sas(self):
        return [
            SA(x.addr(self.outer), y.addr(self.outer), next(self._spi), self.suites[0], "beet", self.reqid, self.window,
               f"sel src {self.addr(x)} dst {self.addr(y)}")
            for x, y in ((self.a, self.b), (self.b, self.a))
        ]  # fmt: skip


@case("2-3_beet_{flow}", FLOWS)
def beet(env, proto, fam):
    """A mode of its own: told as such, rekeyed under it, and nothing leaves when its policy is gone."""
    ipsec = Beet(env.alice, env.bob, fam).up().identify()
    env.wire.restart()
    with Moves(env.alice, may=["LatchActive"], **one_more_latch()):
        flow = ipsec.flow(proto)
        flow.exchange()
    flow.ask_to_wait()
    ksft_eq(info(flow.a).chain, [SUITES["gcm128"].transform("beet", 32)])
    with Moves(env.alice), Moves(env.bob):
        ipsec.rekey()
        flow.exchange()
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    is_state(flow.a, "BROKEN", "POLICY_OUT", ["POLICY_OUT"])
    with Moves(env.alice, at_least=["LatchOutBroken"]):
        flow.a.send(b"x")
    ksft_eq(env.wire.clear(flow), (0, 0))


if __name__ == "__main__":
    runner.main()
