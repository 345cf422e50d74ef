#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Flows that do not go from a socket to its SA and out: balanced by IPVS, through devices twice, protected one way.

What works without the module works with it. It is latched where its packets show what protects
them, and says that it is not where they do not (RFC 5660 2-8, 2.2-7, 2.3-13, 2.4-1).
"""

import contextlib
import errno
import socket

import runner
from expect import Moves, is_state
from flow import FLOWS, Flow
from ipsec import Ipsec
from ipvs import ROUTING, Ipvs
from ktap import SLOW, case, ksft_eq, ksft_true, wait
from latchapi import L, ask, info
from netns import HOST_BITS, INET
from scenes import ruleset
from wire import ip_proto

HOSTS = ("alice", "bob", "mallory")
SERVICE = {4: "10.96.0.1", 6: "fd96::1"}
PORT = 443


def demand(sock):
    """Ask for a channel."""
    ask(sock, mode=L.LATCH_MODE_REQUIRE)


def in_clear(env):
    """How many frames with TCP or UDP, of whatever flow, were on the link since the capture was restarted."""
    env.wire.sync()
    return sum(ip_proto(frame)[0] in (socket.IPPROTO_TCP, socket.IPPROTO_UDP) for frame, _ in env.wire.frames)


def serving(host, proto, fam, address, port=0, before=None):
    """A socket that serves at an address."""
    sock = host.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    sock.settimeout(5 * SLOW)
    if before:
        before(sock)
    sock.bind((address, port))
    if proto == "tcp":
        sock.listen(8)
    return sock


def calling(host, proto, fam, before=None, source=None):
    """A socket that is about to connect."""
    sock = host.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    sock.settimeout(5 * SLOW)
    if before:
        before(sock)
    if source:
        sock.bind((source, 0))
    return sock


def connect(ipsec, proto, sock, to, server, host):
    """Connect a socket to an address, behind which a socket of a host serves; the flow, with a message each way."""
    sock.connect(to)
    if proto == "tcp":
        child = host.owns(server.accept()[0])
    else:
        child = server

        def greet():
            # a channel that is demanded may cost the first datagram
            sock.send(b"first")
            server.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                server.connect(server.recvfrom(10)[1])
                return True
            return False

        wait(greet, "the first datagram")
        child.settimeout(5 * SLOW)
        sync(sock, child)
    flow = Flow(ipsec, proto, sock, child)
    flow.exchange()
    return flow


def sync(sock, child):
    """Datagrams that were on their way are read."""
    child.send(b"second")
    sock.recv(10)
    child.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while child.recv(10):
            pass
    child.settimeout(5 * SLOW)


def nothing_in_clear(env, sock, host):
    """Policies and SAs go, and whatever the socket sends then: no frame is in clear."""
    env.wire.restart()
    host.ip("xfrm policy flush", "xfrm state flush")
    for _ in range(3):
        with contextlib.suppress(OSError):
            sock.send(b"not in clear")
    wait(lambda: info(sock).out_drops, "a packet to be dropped")
    ksft_eq(in_clear(env), 0)


# --- IPVS ----------------------------------------------------------------------------------------
MASQUERADE = """
table {ip} n {{ chain p {{ type nat hook postrouting priority srcnat; {ip} saddr {service} masquerade; }}
}}
"""


@contextlib.contextmanager
def balanced(host, proto, fam, server):
    """A service address of a host, as kube-proxy sets it up: on a device, masqueraded, known to conntrack.

    The kernel looks for a policy only where it masquerades: what IPVS itself routes gets none.
    """
    ip, nodad = ("ip", "") if fam == 4 else ("ip6", "nodad")
    host.ip("link add kube type dummy", "link set kube up", f"addr add {SERVICE[fam]}/{HOST_BITS[fam]} dev kube {nodad}")
    try:
        with (
            Ipvs(host, fam, proto, (SERVICE[fam], PORT), server.getsockname()[:2]),
            ruleset(host, MASQUERADE.format(ip=ip, service=SERVICE[fam])),
            host,
            open("/proc/sys/net/ipv4/vs/conntrack", "w", encoding="ascii") as f,
        ):
            f.write("1\n")
            f.flush()
            yield
    finally:
        host.ip("link del kube")


ASKED = [{**f, "asked": a} for f in FLOWS for a in ("not", "demanded")]


@case("2.3-13_service_that_ipvs_balances_{asked}_{flow}", ASKED)
def ipvs_client(env, proto, fam, asked):
    """A client on the host that balances: latched to the server's SAs, whether it asks for that or not."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    server = serving(env.bob, proto, fam, env.bob.addr(fam))
    with balanced(env.alice, proto, fam, server):
        sock = calling(env.alice, proto, fam, demand if asked == "demanded" else None)
        flow = connect(ipsec, proto, sock, (SERVICE[fam], PORT), server, env.bob)
        got = is_state(flow.a, "ESTABLISHED", "NONE", [])
        ksft_true(got.flags & L.LATCH_F_PEER_IDENTIFIED and got.flags & L.LATCH_F_UNEXPLAINED, hex(got.flags))
        nothing_in_clear(env, flow.a, env.alice)


@case("2.3-13_service_at_the_host_that_balances_it_{asked}_{flow}", ASKED)
def ipvs_server(env, proto, fam, asked):
    """A server on the host that balances its service address; its answers have another source than its socket."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    server = serving(env.alice, proto, fam, env.alice.inner(fam), before=demand if asked == "demanded" else None)
    with Ipvs(env.alice, fam, proto, (env.alice.addr(fam), PORT), server.getsockname()[:2]):
        client = calling(env.bob, proto, fam)
        if proto == "tcp":
            flow = connect(ipsec, proto, client, (env.alice.addr(fam), PORT), server, env.alice)
        else:
            client.bind((env.bob.addr(fam), 0))
            server.connect(client.getsockname()[:2])
            client.connect((env.alice.addr(fam), PORT))
            flow = Flow(ipsec, proto, client, server)
            # before it is latched, a worker has to see to what IPVS hides
            wait(lambda: flow.exchange() or info(server).state_name == "ESTABLISHED", "a latch")
        is_state(flow.b, "ESTABLISHED", "NONE", [])
        nothing_in_clear(env, flow.b, env.alice)


@case("2.3-13_ipvs_over_an_xfrm_interface_{asked}_{flow}", ASKED)
def ipvs_interface(env, proto, fam, asked):
    """The server is behind an XFRM interface: the packet comes again with its SA, and with the server's address."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7).up().identify()
    ipsec.interface()
    try:
        env.alice.ip(f"route add {SERVICE[fam]}/{HOST_BITS[fam]} dev ipsec7 src {env.alice.inner(fam)}")
        server = serving(env.bob, proto, fam, env.bob.inner(fam))
        with Ipvs(env.alice, fam, proto, (SERVICE[fam], PORT), server.getsockname()[:2]):
            sock = calling(env.alice, proto, fam, demand if asked == "demanded" else None)
            flow = connect(ipsec, proto, sock, (SERVICE[fam], PORT), server, env.bob)
            is_state(flow.a, "ESTABLISHED", "NONE", [])
            # without policy the interface itself sends nothing; by another route it would leave in clear
            env.alice.ip(
                f"route replace {SERVICE[fam]}/{HOST_BITS[fam]} via {env.bob.addr(fam)} dev eth0",
                f"route replace {env.bob.inner_net(fam)} via {env.bob.addr(fam)} dev eth0 src {env.alice.inner(fam)}",
            )
            nothing_in_clear(env, flow.a, env.alice)
    finally:
        env.alice.ip(f"route del {SERVICE[fam]}/{HOST_BITS[fam]}")
        ipsec.no_interface()


WAYS = [{**f, "how": how} for f in FLOWS for how in ("rewrites", "routes")]


@case("2-8_demand_for_what_ipvs_{how}_in_clear_{flow}", WAYS)
def ipvs_demand(env, proto, fam, how):
    """IPVS sends on to a server for which there is no policy: connect() fails at once, and nothing leaves."""
    Ipsec(env.alice, env.mallory, fam=fam).up().identify()
    way = {"way": ROUTING} if how == "routes" else {}
    env.alice.ip(f"route add {SERVICE[fam]}/{HOST_BITS[fam]} via {env.bob.addr(fam)} dev eth0")
    try:
        with Ipvs(env.alice, fam, proto, (SERVICE[fam], PORT), (env.bob.addr(fam), PORT), **way):
            env.wire.restart()
            sock = calling(env.alice, proto, fam, demand)
            if proto == "tcp":
                ksft_eq(sock.connect_ex((SERVICE[fam], PORT)), errno.ENOKEY)
            else:
                sock.connect((SERVICE[fam], PORT))
                with Moves(env.alice, at_least=["LatchOutLarval"], may=["LatchRefused"]):
                    for _ in range(5):
                        with contextlib.suppress(OSError):
                            sock.send(b"not in clear")
                unconnected = calling(env.alice, proto, fam, demand)
                with Moves(env.alice, LatchOutLarval=3):
                    for _ in range(3):
                        unconnected.sendto(b"not in clear", (SERVICE[fam], PORT))
            ksft_eq(in_clear(env), 0)
    finally:
        env.alice.ip(f"route del {SERVICE[fam]}/{HOST_BITS[fam]}")


@case("2-9_syn_ack_behind_ipvs_is_not_in_clear_{asked}_{flow}", [r for r in ASKED if r["proto"] == "tcp"])
def ipvs_syn_ack(env, proto, fam, asked):
    """A protected SYN for a listener behind IPVS, and the policy for the answer is away: no SYN-ACK leaves."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    server = serving(env.alice, proto, fam, env.alice.inner(fam), before=demand if asked == "demanded" else None)
    with Ipvs(env.alice, fam, proto, (env.alice.addr(fam), PORT), server.getsockname()[:2]):
        env.wire.restart()
        client = calling(env.bob, proto, fam)
        client.setblocking(False)
        client.connect_ex((env.alice.addr(fam), PORT))
        wait(lambda: sum(env.alice.stat()[n] for n in ("LatchOutClear", "LatchInBroken")) > 1, "two attempts")
        ksft_eq(in_clear(env), 0)


@case("2.4-1_ipvs_for_others_is_let_alone_{flow}", FLOWS)
def ipvs_forwards(env, proto, fam):
    """A client and a server elsewhere: what the host with latches balances for them passes, and is nobody's here."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    own = ipsec.flow(proto)
    server = serving(env.mallory, proto, fam, env.mallory.addr(fam))
    # through the host that balances, both ways
    for host in (env.bob, env.mallory):
        for dev in ("all", "eth0"):
            host.sysctl_of(f"net/ipv{fam}/conf/{dev}/accept_redirects", 0)
    env.alice.sysctl_of(f"net/ipv{fam}/conf/all/forwarding", 1)
    env.mallory.ip(f"route add {env.bob.inner(fam)}/{HOST_BITS[fam]} via {env.alice.addr(fam)} dev eth0")
    env.bob.ip(f"route add {SERVICE[fam]}/{HOST_BITS[fam]} via {env.alice.addr(fam)} dev eth0")
    env.alice.ip(f"addr add {SERVICE[fam]}/{HOST_BITS[fam]} dev lo {'' if fam == 4 else 'nodad'}")
    try:
        with Ipvs(env.alice, fam, proto, (SERVICE[fam], PORT), server.getsockname()[:2]), Moves(env.alice):
            sock = calling(env.bob, proto, fam, source=env.bob.inner(fam))
            connect(ipsec, proto, sock, (SERVICE[fam], PORT), server, env.mallory)
        own.exchange()
    finally:
        env.alice.sysctl_of(f"net/ipv{fam}/conf/all/forwarding", 0)
        env.alice.ip(f"addr del {SERVICE[fam]}/{HOST_BITS[fam]} dev lo")
        env.bob.ip(f"route del {SERVICE[fam]}/{HOST_BITS[fam]}")
        env.mallory.ip(f"route del {env.bob.inner(fam)}/{HOST_BITS[fam]}")


if __name__ == "__main__":
    runner.main()
