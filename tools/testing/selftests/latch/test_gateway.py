#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What else a gateway does to the flows that it forwards and latches: NAT, fragments, interfaces, marks."""

import contextlib
import errno
import socket
import subprocess
import time

import forge
import runner
from expect import Moves, one_more_latch
from flow import FLOWS, Flow, error_of
from gateway import GatewayNet, Tunnel, ends, rows
from ipsec import Ipsec
from ktap import SLOW, KsftSkipEx, case, ksft_eq, ksft_true, wait
from latchapi import L
from netns import INET
from scenes import ruleset

UDP = [f for f in FLOWS if f["proto"] == "udp"]


def setup():
    return GatewayNet()


def module(name):
    """A module of the kernel's, or the case is skipped."""
    if subprocess.run(["modprobe", "-q", name], check=False).returncode:
        raise KsftSkipEx(f"the kernel has no {name}")


def connected(env, proto, fam, to=None):
    """A flow of alice's to an address of bob's, if not his own; he answers whoever he sees."""
    server = env.bob.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    server.bind((env.bob.inner(fam), 0))
    sock = env.alice.socket(INET[fam], server.type)
    sock.bind((env.alice.inner(fam), 0))
    for s in (sock, server):
        s.settimeout(10 * SLOW)
    if proto == "tcp":
        server.listen(1)
    sock.connect((to or env.bob.inner(fam), server.getsockname()[1]))
    if proto == "tcp":
        child = env.bob.owns(server.accept()[0])
    else:
        child = server
        sock.send(b"first")
        child.connect(child.recvfrom(10)[1][:2])
    flow = Flow(None, proto, sock, child)
    flow.exchange()
    return flow


def only(env, flow):
    """The one latch, in which the flow is what it is on alice's side."""
    ((name, row),) = rows(env.gate).items()
    ksft_eq(name, (*flow.a.getpeername()[:2], *flow.a.getsockname()[:2]))
    ksft_eq((row["state"], row["peer"]), ("established", env.gate.peer("alice")))
    return row


def never_in_clear(env, tunnel, flow):
    """Policies and SAs go at the gateway: nothing of the flow leaves for alice in clear."""
    env.gate.sysctl("disposition", "wait")
    (number,) = rows(env.gate).values()
    env.wire.restart()
    tunnel.flush([env.gate])
    flow.pump(lambda: env.gate.conns()[number["id"]]["out-drops"] >= 3, ways=((flow.b, flow.a),))
    ksft_eq(env.clear(flow, env.alice), (0, 0))


@case("2.5-1_flow_of_the_gateway_itself_{flow}", FLOWS)
def own(env, proto, fam):
    """It has the latch of its socket and no other, even where TCP answers without a socket."""
    env.gate.sysctl("forward", 1)
    ipsec = Ipsec(env.alice, env.gate, fam=fam).up().identify((env.gate,))
    env.gate.sysctl_of("net/ipv4/tcp_syncookies", 2)
    try:
        with Moves(env.gate, may=["LatchClosed"], **one_more_latch()):
            flow = ipsec.flow(proto)
            flow.exchange()
        ksft_eq(rows(env.gate), {})
    finally:
        env.gate.sysctl_of("net/ipv4/tcp_syncookies", 1)


NAT = """
table {ip} n {{
 chain s {{ type nat hook postrouting priority srcnat; {ip} saddr {alice} {ip} daddr {bob} {source}; }}
 chain d {{ type nat hook prerouting priority dstnat; {ip} daddr {service} dnat to {inner}; }}
}}
"""


def nat(env, fam, source="counter"):
    """What alice sends to bob has the gateway's address behind it (source); a service address is bob's."""
    return NAT.format(
        ip="ip" if fam == 4 else "ip6",
        alice=env.alice.inner_net(fam),
        bob=env.bob.inner_net(fam),
        service=service(env, fam),
        inner=env.bob.inner(fam),
        source=source,
    )


def service(env, fam):
    """An address of bob's network that nobody has."""
    return env.bob.inner(fam).removesuffix("1") + "99"


@case("2.5-1_masqueraded_behind_the_gateway_{flow}", FLOWS)
def masqueraded(env, proto, fam):
    """The latch has the addresses of the protected side; the answers are checked when NAT is undone."""
    env.gate.sysctl("forward", 1)
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam, level="use").up().identify()
    with ruleset(env.gate, nat(env, fam, "masquerade")), Moves(env.gate, **one_more_latch()):
        flow = connected(env, proto, fam)
        ksft_eq(flow.b.getpeername()[0], env.gate.addr(fam))
        only(env, flow)
    with ruleset(env.gate, nat(env, fam, "masquerade")):
        never_in_clear(env, tunnel, flow)
        # NAT translates what bob is told of it
        env.gate.sysctl("disposition", "reset")
        flow.b.setblocking(False)
        flow.b.send(b"to nobody")
        prohibited = errno.EHOSTUNREACH if fam == 4 else errno.EACCES
        ksft_eq(error_of(flow.b), errno.ECONNRESET if proto == "tcp" else prohibited)


@case("2.5-1_destination_is_rewritten_at_the_gateway_{flow}", FLOWS)
def rewritten(env, proto, fam):
    """Alice's policy is for the service's address, and so is the latch."""
    env.gate.sysctl("forward", 1)
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam, level="use").up().identify()
    with ruleset(env.gate, nat(env, fam)):
        with Moves(env.gate, **one_more_latch()):
            flow = connected(env, proto, fam, service(env, fam))
            only(env, flow)
        with Moves(env.gate, LatchInClear=1):
            # as if from alice to the service, in clear
            src, dst = flow.a.getsockname()[:2], flow.a.getpeername()[:2]
            if proto == "tcp":
                snd, rcv = forge.tcp_seqs(flow.a)
                inner = forge.tcp(src[0], dst[0], src[1], dst[1], snd, rcv, forge.PSH | forge.ACK, b"forged")
            else:
                inner = forge.udp(src[0], dst[0], src[1], dst[1], b"forged")
            packet = forge.ip(src[0], dst[0], socket.getprotobyname(proto), inner)
            env.mallory.frame(env.gate.mac, forge.ETHERTYPE[fam], packet)
        ksft_true(flow.silent(flow.b))
        never_in_clear(env, tunnel, flow)


def arrives(x, y, data):
    """Send a datagram until it is there: the first one may be too big for the way, as path MTU discovery finds."""
    y.setblocking(False)

    def got():
        with contextlib.suppress(OSError):
            x.send(data)
            time.sleep(0.05)
            return y.recv(len(data) + 1)
        return None

    ksft_eq(wait(got, "the datagram"), data)
    y.settimeout(10 * SLOW)


# --- fragments ---------------------------------------------------------------------------------
@case("2-11_datagram_in_fragments_is_forwarded_{flow}", UDP)
def fragments(env, proto, fam):
    """Datagrams larger than what the link takes go both ways; what one has of them in clear is not theirs."""
    env.gate.sysctl("forward", 1)
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam, level="use", suite="null").up().identify()
    flow = ends(env, fam).flow(proto)
    with Moves(env.gate):
        for x, y in ((flow.a, flow.b), (flow.b, flow.a)):
            arrives(x, y, b"l" * 4000)
    sa = next(sa for sa in tunnel.sas if sa.dst == env.gate.addr(fam))
    first, second = forge.fragments(forge.into(flow, data=b"m" * 64, sock=flow.b)[1], 32)
    for packet in (forge.protect(first, sa.spi, 30, (sa.src, sa.dst)), second):
        env.mallory.frame(env.gate.mac, forge.ETHERTYPE[fam], packet)
    flow.exchange()
    ksft_true(flow.silent(flow.b))


@case("2-11_clear_fragments_into_a_forwarded_flow_{flow}", UDP)
def clear_fragments(env, proto, fam):
    """A datagram all of whose fragments come in clear is dropped as one."""
    env.gate.sysctl("forward", 1)
    Tunnel(env, env.alice, env.bob, fam=fam, level="use").up().identify()
    flow = ends(env, fam).flow(proto)
    with Moves(env.gate, LatchInClear=1):
        for part in forge.fragments(forge.into(flow, data=b"m" * 64, sock=flow.b)[1], 32):
            env.mallory.frame(env.gate.mac, forge.ETHERTYPE[fam], part)
    ksft_true(flow.silent(flow.b))


# --- interfaces and marks ----------------------------------------------------------------------
class RoutedTunnel(Tunnel):
    """At the gateway the tunnel is an XFRM interface, by which alice's network is routed."""

    def up(self, hosts=None):
        gate, fam = self.b, self.fam
        self.sas = self.new_sas()
        self.a.ip(*[sa.add() for sa in self.sas], *self.policies(self.a))
        out, fwd = (p.replace(" dir ", " if_id 7 dir ") for p in self.policies(gate))
        gate.ip(
            "link add ipsec7 type xfrm dev eth0 if_id 7",
            "link set ipsec7 up addrgenmode none",
            f"route replace {self.a.inner_net(fam)} dev ipsec7",
            *[f"{sa.add()} if_id 7" for sa in self.sas],
            out,
            fwd,
        )
        return self

    def end(self):
        gate, fam = self.b, self.fam
        gate.ip(
            "link del ipsec7",
            f"route replace {self.a.inner_net(fam)} via {self.a.addr(fam)} dev eth0"
            f" src {gate.inner(fam)} rto_min 20ms",
            fail=False,
        )


WHO = [{**f, "who": who} for f in FLOWS for who in ("protected", "clear")]


@case("2.5-1_xfrm_interface_of_a_gateway_{who}_side_begins_{flow}", WHO)
def interface(env, proto, fam, who):
    """What goes out is checked when the interface has chosen the SA; without its SA or policy nothing leaves."""
    env.gate.sysctl("forward", 1)
    tunnel = RoutedTunnel(env, env.alice, env.bob, fam=fam).up().identify()
    try:
        pair = ends(env, fam)
        if who == "clear":
            pair.a, pair.b = pair.b, pair.a
        with Moves(env.gate, **one_more_latch()):
            flow = pair.flow(proto)
            flow.exchange()
        if who == "clear":
            flow = Flow(pair, proto, flow.b, flow.a)
        ((_, row),) = rows(env.gate).items()
        ksft_eq((row["state"], row["peer"]), ("established", env.gate.peer("alice")))
        # by another route it would leave in clear
        env.gate.sysctl("disposition", "wait")
        env.wire.restart()
        tunnel.end()
        flow.b.setblocking(False)
        before = env.gate.conns()[row["id"]]["out-drops"]

        def tried():
            with contextlib.suppress(OSError):
                flow.b.send(b"not in clear")
            return env.gate.conns()[row["id"]]["out-drops"] > before

        wait(tried, "a packet to be dropped")
        ksft_eq(env.clear(flow, env.alice), (0, 0))
    finally:
        tunnel.end()


@case("2-17_vti_of_a_gateway_{flow}", FLOWS)
def vti(env, proto, fam):
    """What comes out of a VTI does not say by which SA it came: such a flow is forwarded without a latch."""
    kind = "vti" if fam == 4 else "vti6"
    module("ip_vti" if fam == 4 else "ip6_vti")
    env.gate.sysctl("forward", 1)
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam)
    tunnel.up([env.alice])
    gate, alice = env.gate, env.alice
    gate.ip(
        *[sa.add() for sa in tunnel.sas],
        *[tunnel.policy(gate, d).replace(" priority", " mark 5 mask 0xffffffff priority") for d in ("out", "in")],
        f"link add vti5 type {kind} local {gate.addr(fam)} remote {alice.addr(fam)} key 5",
        "link set vti5 up addrgenmode none",
        f"route replace {alice.inner_net(fam)} dev vti5",
    )
    tunnel.identify()
    try:
        env.wire.restart()
        with Moves(gate):
            flow = ends(env, fam).flow(proto)
            flow.exchange()
        ksft_eq(env.clear(flow, alice), (0, 0))
    finally:
        gate.ip(
            "link del vti5",
            f"route replace {alice.inner_net(fam)} via {alice.addr(fam)} dev eth0 src {gate.inner(fam)} rto_min 20ms",
            fail=False,
        )


MARK = """
table {ip} m {{ chain p {{ type filter hook prerouting priority mangle; {ip} daddr {alice} meta mark set 7; }}
}}
"""


@case("2.5-1_policy_for_a_mark_at_the_gateway_{flow}", FLOWS)
def mark(env, proto, fam):
    """The policy for what goes to alice is for a mark, which rules set; without it the flow would go on in clear."""
    env.gate.sysctl("forward", 1)
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam)
    tunnel.up([env.alice])
    out, fwd = tunnel.policies(env.gate)
    env.gate.ip(*[sa.add() for sa in tunnel.sas], out.replace(" priority", " mark 7 mask 15 priority"), fwd)
    tunnel.identify()
    with ruleset(env.gate, MARK.format(ip="ip" if fam == 4 else "ip6", alice=env.alice.inner_net(fam))):
        with Moves(env.gate, **one_more_latch()):
            flow = ends(env, fam).flow(proto)
            flow.exchange()
        row = only(env, flow)
        with Moves(env.gate):
            tunnel.rekey()
            flow.exchange()
    env.gate.sysctl("disposition", "wait")
    env.wire.restart()
    flow.b.setblocking(False)

    def tried():
        with contextlib.suppress(OSError):
            flow.b.send(b"not in clear")
        return env.gate.conns()[row["id"]]["out-drops"]

    wait(tried, "a packet to be dropped")
    ksft_eq(env.clear(flow, env.alice), (0, 0))


@case("2.5-1_gateway_that_sees_one_direction_{flow}", FLOWS)
def asymmetric(env, proto, fam):
    """What bob sends takes another way: the flow is latched by the other direction, and waits for answers in vain."""
    env.gate.sysctl("forward", 1)
    tunnel = Tunnel(env, env.alice, env.bob, fam=fam).up().identify()
    env.bob.ip(f"route replace {env.alice.inner_net(fam)} via {env.alice.addr(fam)} dev eth0 src {env.bob.inner(fam)}")
    env.alice.ip(tunnel.policy(env.alice, "in", "delete"))
    try:
        with Moves(env.gate, **one_more_latch()):
            flow = ends(env, fam).flow(proto)
            flow.exchange()
        row = only(env, flow)
        ksft_true(row["flags"] & L.LATCH_F_FORWARDED)
    finally:
        env.bob.ip(
            f"route replace {env.alice.inner_net(fam)} via {env.gate.addr(fam)} dev eth0"
            f" src {env.bob.inner(fam)} rto_min 20ms"
        )


if __name__ == "__main__":
    runner.main()
