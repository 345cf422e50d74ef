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


# --- twice through a host ------------------------------------------------------------------------
MARKED = """
table ip m {{ chain i {{ type filter hook prerouting priority mangle; iif {dev} meta mark set 0xe00; }}
}}
"""


@contextlib.contextmanager
def loop(host, ipsec):
    """What a host sends leaves it by one end of a veth pair, comes in by the other, gets a mark, and is forwarded.

    As in a cluster of Cilium's: only for that mark there is a policy.
    """
    peer = ipsec.other(host)
    net = peer.inner_net(4)
    host.ip("link add h0 type veth peer name h1 address 02:00:00:00:01:01", "link set h0 up", "link set h1 up")
    settings = {"all/accept_local": 1, "all/forwarding": 1, "all/rp_filter": 0, "h1/rp_filter": 0, "h1/accept_local": 1}
    for name, value in settings.items():
        host.sysctl_of(f"net/ipv4/conf/{name}", value)
    host.ip(
        f"rule add iif lo to {net} lookup 100",
        f"route add {net} dev h0 src {host.inner(4)} table 100 rto_min 20ms",
        f"neigh replace {peer.inner(4)} lladdr 02:00:00:00:01:01 dev h0 nud permanent",
    )
    try:
        with ruleset(host, MARKED.format(dev="h1")):
            yield
    finally:
        for name in ("accept_local", "forwarding"):
            host.sysctl_of(f"net/ipv4/conf/all/{name}", 0)
        host.ip(f"rule del iif lo to {net} lookup 100", "link del h0")


def protect_looped(env, ipsec):
    """SAs and policies, of which alice's for what leaves is for a mark."""
    ipsec.up([env.bob])
    out = ipsec.policy(env.alice, "out").replace(" priority", " mark 0xe00 mask 0xf00 priority")
    env.alice.ip(*[sa.add() for sa in ipsec.sas], out, ipsec.policy(env.alice, "in"))
    ipsec.identify()


LOOPS = [{**f, "who": who} for f in FLOWS[::2] for who in ("client", "server")]


@case("2.3-13_{who}_whose_packets_pass_in_clear_first_{flow}", LOOPS)
def looped(env, proto, who):
    """Packets that pass POST_ROUTING in clear first, as others': the flow goes on, and says that it has no latch."""
    ipsec = Ipsec(env.alice, env.bob, mode="tunnel")
    protect_looped(env, ipsec)
    with loop(env.alice, ipsec):
        one_way(env, ipsec, proto, 4, who)


@case("2-9_demand_whose_answer_passes_in_clear_first_{flow}", FLOWS[:1])
def looped_demand(env, proto):
    """A listener that demands a channel does not answer so."""
    ipsec = Ipsec(env.alice, env.bob, mode="tunnel")
    protect_looped(env, ipsec)
    with loop(env.alice, ipsec):
        listener = serving(env.alice, proto, 4, ipsec.addr(env.alice), before=demand)
        client = calling(env.bob, proto, 4, source=ipsec.addr(env.bob))
        client.setblocking(False)
        client.connect_ex(listener.getsockname()[:2])
        before = env.alice.stat()["LatchOutClear"]
        wait(lambda: env.alice.stat()["LatchOutClear"] > before + 1, "two SYN-ACKs to be dropped")


def one_way(env, ipsec, proto, fam, who):
    """A flow of alice's, the client or the server, has no latch there, and nothing is dropped for that."""
    a, b = (env.alice, env.bob) if who == "client" else (env.bob, env.alice)
    server = serving(b, proto, fam, ipsec.addr(b))
    sock = calling(a, proto, fam, source=ipsec.addr(a))
    may = ["LatchListeners", "LatchLatches", "LatchCreated", "LatchClosed"]
    with Moves(env.alice, may=may):
        if proto == "udp":
            # connected before the first datagram comes
            server.connect(sock.getsockname()[:2])
            sock.connect(server.getsockname()[:2])
            flow = Flow(ipsec, proto, sock, server)
        else:
            flow = connect(ipsec, proto, sock, server.getsockname()[:2], server, b)
        for _ in range(3):
            flow.exchange()
    is_state(flow.a if who == "client" else flow.b, "NONE")


# --- policies for one direction ------------------------------------------------------------------
def protect_one(env, ipsec, way):
    """Policies and SAs for one direction of alice's, at both ends."""
    ipsec.sas = [sa for sa in ipsec.new_sas() if (sa.dst == env.alice.addr(ipsec.fam)) == (way == "in")]
    for host, direction in ((env.alice, way), (env.bob, "out" if way == "in" else "in")):
        host.ip(*[sa.add() for sa in ipsec.sas], ipsec.policy(host, direction))
    return ipsec.identify()


ONE_WAY = [{**f, "who": who} for f in FLOWS for who in ("client", "server")]


@case("2.2-7_{who}_protected_only_inbound_{flow}", ONE_WAY)
def inbound_only(env, proto, fam, who):
    """What comes in is protected, what goes out is not: the flow goes on, and says that it has no latch."""
    one_way(env, protect_one(env, Ipsec(env.alice, env.bob, fam=fam), "in"), proto, fam, who)


@case("2.2-7_{who}_protected_only_outbound_{flow}", ONE_WAY)
def outbound_only(env, proto, fam, who):
    """What goes out is protected, and nothing could protect what comes in: no latch either."""
    one_way(env, protect_one(env, Ipsec(env.alice, env.bob, fam=fam), "out"), proto, fam, who)


@case("2-9_demand_where_only_inbound_is_protected_{flow}", FLOWS)
def inbound_only_demand(env, proto, fam):
    """Who demands a channel gets none: connect() fails at once, a listener does not answer, a datagram is not sent."""
    ipsec = protect_one(env, Ipsec(env.alice, env.bob, fam=fam), "in")
    env.wire.restart()
    sock = calling(env.alice, proto, fam, demand, ipsec.addr(env.alice))
    if proto == "tcp":
        ksft_eq(sock.connect_ex((ipsec.addr(env.bob), PORT)), errno.ENOKEY)
        listener = serving(env.alice, proto, fam, ipsec.addr(env.alice), before=demand)
        client = calling(env.bob, proto, fam)
        client.setblocking(False)
        client.connect_ex(listener.getsockname()[:2])
        # where rules could still lead the answer to an SA, it is the answer that is dropped
        wait(lambda: sum(env.alice.stat()[n] for n in ("LatchOutClear", "LatchInBroken")), "a packet to be dropped")
        ksft_eq(in_clear(env), 0)
        return
    server = serving(env.bob, proto, fam, ipsec.addr(env.bob))
    server.connect(sock.getsockname()[:2])
    sock.connect(server.getsockname()[:2])
    server.send(b"under an SA")
    with contextlib.suppress(OSError):
        sock.send(b"not in clear")
    ksft_eq(in_clear(env), 0)


@case("2.3-13_policy_that_goes_before_the_syn_ack_{flow}", FLOWS[:2])
def policy_goes(env, proto, fam):
    """A SYN is latched as policy protects the answer; the SYN-ACK finds no SA, then no policy: it never leaves in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    env.alice.ip(next(sa for sa in ipsec.sas if sa.src == env.alice.addr(fam)).delete())
    listener = serving(env.alice, proto, fam, ipsec.addr(env.alice))
    client = calling(env.bob, proto, fam)
    client.setblocking(False)
    client.connect_ex(listener.getsockname()[:2])
    wait(lambda: env.alice.stat()["LatchLatches"], "the SYN to be latched")
    env.wire.restart()
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    wait(lambda: sum(env.alice.stat()[n] for n in ("LatchOutBroken", "LatchInBroken")), "a packet to be dropped")
    ksft_eq(in_clear(env), 0)


@case("2.3-3_first_datagram_that_goes_out_latches_{flow}", FLOWS[2:])
def outbound_first(env, proto, fam):
    """An inbound datagram latches nothing where nothing protects the answer; the answer does, once it is protected."""
    ipsec = protect_one(env, Ipsec(env.alice, env.bob, fam=fam), "in")
    server = serving(env.bob, proto, fam, ipsec.addr(env.bob))
    sock = calling(env.alice, proto, fam, source=ipsec.addr(env.alice))
    server.connect(sock.getsockname()[:2])
    sock.connect(server.getsockname()[:2])
    server.send(b"under an SA")
    ksft_eq(sock.recv(20), b"under an SA")
    is_state(sock, "NONE")
    more = Ipsec(env.alice, env.bob, fam=fam)
    more.sas = [sa for sa in more.new_sas() if sa.src == env.alice.addr(fam)]
    for host, direction in ((env.alice, "out"), (env.bob, "in")):
        host.ip(*[sa.add() for sa in more.sas], more.policy(host, direction))
    flow = Flow(ipsec, proto, sock, server)
    flow.exchange()
    is_state(sock, "ESTABLISHED", "NONE", [])
    nothing_in_clear(env, sock, env.alice)


if __name__ == "__main__":
    runner.main()
