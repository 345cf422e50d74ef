#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Flows whose policy the kernel looks up by something else than the module can see.

NAT, marks, devices, policies of type sub, templates that need not be used: what works without
the module works with it, and nothing leaves in clear (RFC 5660 2.2-7, 2.3-13, 2.4-1).
"""

import contextlib
import errno
import socket

import runner
from expect import Moves, is_state
from flow import FLOWS, Flow, error_of
from ipsec import Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true
from latchapi import L, ask, ask_to_wait, info
from netns import INET
from scenes import ruleset

HOSTS = ("alice", "bob", "mallory")
IP = {4: "ip", 6: "ip6"}
SERVICE = {4: "10.96.0.1", 6: "fd96::1"}


def goes_on(env, flow, sock, host, policies=True):
    """The flow works, its latch says that policies do not explain it; without policies and rules nothing is clear."""
    flow.exchange()
    got = is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_true(got.flags & L.LATCH_F_UNEXPLAINED, "unexplained")
    ksft_eq(host.stat()["LatchUnexplained"], 1)
    if policies:
        env.wire.restart()
        host.ip("xfrm policy flush", "xfrm state flush")
        host.run("nft", "flush", "ruleset")
        for _ in range(3):
            try:
                sock.send(b"not in clear")
            except OSError:
                pass
        ksft_eq(env.wire.clear(flow), (0, 0))
        ksft_true(info(sock).out_drops, "dropped")


def connected(env, proto, fam, address, port, server, before=ask_to_wait):
    """A socket of alice's that is connected to an address, and what serves it at bob."""
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    a = env.alice.socket(INET[fam], kind)
    a.settimeout(5 * SLOW)
    before(a)
    a.connect((address, port))
    server.settimeout(5 * SLOW)
    if proto == "tcp":
        return a, env.bob.owns(server.accept()[0])
    a.send(b"first")
    _, peer = server.recvfrom(10)
    server.connect(peer)
    return a, server


def serving(env, proto, fam, address, port=0):
    """A socket of bob's at an address."""
    sock = env.bob.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    sock.bind((address, port))
    if proto == "tcp":
        sock.listen(8)
    return sock


SNAT = """
table {ip} n {{ chain p {{ type nat hook postrouting priority srcnat;
    {ip} daddr {net} {ip} saddr {outside} snat to {inside}; }}
}}
"""


@case("2.3-13_source_nat_into_a_tunnel_{flow}", FLOWS)
def source_nat(env, proto, fam):
    """The socket's address does not fit the tunnel's policy; a rule makes it fit."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel").up().identify()
    net, outside = env.bob.inner_net(fam), env.alice.addr(fam)
    route = f"route replace {net} via {env.bob.addr(fam)} dev eth0 src"
    server = serving(env, proto, fam, env.bob.inner(fam))
    try:
        env.alice.ip(f"{route} {outside} rto_min 20ms")
        rules = SNAT.format(ip=IP[fam], net=net, outside=outside, inside=env.alice.inner(fam))
        with ruleset(env.alice, rules):
            a, b = connected(env, proto, fam, *server.getsockname()[:2], server)
            ksft_eq(a.getsockname()[0], outside)
            goes_on(env, Flow(ipsec, proto, a, b), a, env.alice)
    finally:
        env.alice.ip(f"{route} {env.alice.inner(fam)} rto_min 20ms")


DNAT = """
table {ip} n {{ chain o {{ type nat hook {hook} priority -100;
    {ip} daddr {service} {proto} dport 443 dnat to {to}; }}
}}
"""


@case("2.3-13_service_address_{flow}", FLOWS)
def service_address(env, proto, fam):
    """connect() to an address that a rule replaces by that of a host with which there is IPsec."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    server = serving(env, proto, fam, env.bob.addr(fam))
    to = f"{env.bob.addr(fam)}:" if fam == 4 else f"[{env.bob.addr(fam)}]:"
    rules = DNAT.format(ip=IP[fam], hook="output", service=SERVICE[fam], proto=proto, to=f"{to}{server.getsockname()[1]}")
    bits = 32 if fam == 4 else 128
    env.alice.ip(f"route add {SERVICE[fam]}/{bits} via {env.bob.addr(fam)} dev eth0 rto_min 20ms")
    try:
        with ruleset(env.alice, rules):
            a, b = connected(env, proto, fam, SERVICE[fam], 443, server)
            goes_on(env, Flow(ipsec, proto, a, b), a, env.alice)
    finally:
        env.alice.ip(f"route del {SERVICE[fam]}/{bits}")


@case("2.3-13_service_behind_an_address_{flow}", FLOWS[:2])
def service_behind(env, proto, fam):
    """The same at the end that serves: what arrives for one address is given to another one of this host."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    server = serving(env, proto, fam, env.bob.inner(fam))
    to = f"{env.bob.inner(fam)}:" if fam == 4 else f"[{env.bob.inner(fam)}]:"
    rules = DNAT.format(
        ip=IP[fam], hook="prerouting", service=env.bob.addr(fam), proto=proto, to=f"{to}{server.getsockname()[1]}"
    )
    with ruleset(env.bob, rules):
        a, b = connected(env, proto, fam, env.bob.addr(fam), 443, server)
        goes_on(env, Flow(ipsec, proto, a, b), b, env.bob)


MARKED_LATER = """
table ip m {{
    chain o {{ type route hook output priority mangle; ip daddr {peer} meta mark set 2; }}
    chain i {{ type filter hook prerouting priority mangle; ip saddr {peer} meta mark set 2; }}
    chain p {{ type filter hook postrouting priority mangle; ip daddr {peer} meta mark set 0x30; }}
}}
"""


@case("2.3-13_mark_that_changes_after_the_look-up_{flow}", FLOWS[::2])
def mark_changes(env, proto, fam):
    """A rule behind the policy look-up writes another mark: the policy was chosen by the one before."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    ipsec.up([env.bob])
    words = [ipsec.policy(env.alice, w).replace(" priority", " mark 2 mask 0xff priority") for w in ("out", "in")]
    env.alice.ip(*[sa.add() for sa in ipsec.sas], *words)
    ipsec.identify()
    with ruleset(env.alice, MARKED_LATER.format(peer=env.bob.addr(fam))):
        flow = ipsec.flow(proto, before=ask_to_wait)
        goes_on(env, flow, flow.a, env.alice, policies=False)


@contextlib.contextmanager
def another_device(host):
    """A device that no flow uses."""
    host.ip("link add other type dummy", "link set other up")
    try:
        yield
    finally:
        host.ip("link del other", fail=False)


DEVICES = [{**f, "way": way} for f in FLOWS for way in ("out", "in")]


@case("2.3-13_policy_for_another_device_{way}_{flow}", DEVICES)
def other_device(env, proto, fam, way):
    """A policy that lets everything pass, for a device that the flow does not use, breaks nothing."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto)
    flow.exchange()
    with another_device(env.alice):
        src, dst = (env.alice, env.bob) if way == "out" else (env.bob, env.alice)
        env.alice.ip(
            f"xfrm policy add src {src.addr(fam)} dst {dst.addr(fam)} dev other dir {way} action allow priority 1"
        )
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        flow.exchange()


@case("2.3-13_policy_for_the_flow's_device_{flow}", FLOWS[::2])
def own_device(env, proto, fam):
    """Policies that protect what goes by one device, which the flow uses; with IPv6 the kernel wants a socket bound to it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow="dev eth0").up().identify()
    flow = ipsec.flow(proto, before=ask_to_wait)
    goes_on(env, flow, flow.a, env.alice)


@case("2.3-13_policies_of_type_sub_{flow}", FLOWS)
def sub_policy(env, proto, fam):
    """Only policies of type sub protect the flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    ipsec.up([env.bob])
    words = [ipsec.policy(env.alice, w).replace(" priority", " ptype sub priority") for w in ("out", "in")]
    env.alice.ip(*[sa.add() for sa in ipsec.sas], *words)
    ipsec.identify()
    try:
        flow = ipsec.flow(proto, before=ask_to_wait)
        goes_on(env, flow, flow.a, env.alice, policies=False)
    finally:
        env.alice.ip("xfrm policy flush ptype sub")


SUB = [{**f, "what": w} for f in FLOWS for w in ("clear_text", "sa_of_another_peer")]


@case("2.4-1_packets_under_policies_of_type_sub_are_checked_{what}_{flow}", SUB)
def sub_policy_checks(env, proto, fam, what):
    """The module does not read policies of type sub: without them packets are dropped; a stranger's SA breaks the latch."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    ipsec.up([env.bob])
    words = [ipsec.policy(env.alice, w).replace(" priority", " ptype sub priority") for w in ("out", "in")]
    env.alice.ip(*[sa.add() for sa in ipsec.sas], *words)
    ipsec.identify()
    try:
        flow = ipsec.flow(proto, before=ask_to_wait)
        flow.exchange()
        out = next(sa for sa in ipsec.sas if sa.src == env.alice.addr(fam))
        if what == "clear_text":
            env.alice.ip("xfrm policy flush ptype sub")
        else:
            hers = out.but(spi=out.spi + 0x100000)
            env.alice.bind("mallory", "alice", sa=hers)
            env.alice.ip(out.delete(), hers.add())
            is_state(flow.a, "BROKEN", "PEER", ["PEER"])
        env.wire.restart()
        reason = "LatchOutClear" if what == "clear_text" else "LatchOutBroken"
        with Moves(env.alice, **({reason: 1} if proto == "udp" else {"at_least": [reason]})):
            flow.a.send(b"x")
        ksft_eq((env.wire.clear(flow), env.wire.protected()), ((0, 0), 0))
    finally:
        env.alice.ip("xfrm policy flush ptype sub")


@case("2-2_template_that_need_not_be_used_{flow}", FLOWS)
def optional(env, proto, fam):
    """ESP is demanded, AH may be there and is not."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    for way in ("out", "in"):
        x, y = (env.alice, env.bob) if way == "out" else (env.bob, env.alice)
        more = f"tmpl src {x.addr(fam)} dst {y.addr(fam)} proto ah reqid 1 mode transport level use"
        env.alice.ip(f"{ipsec.policy(env.alice, way, 'update')} {more}")
    flow = ipsec.flow(proto, before=ask_to_wait)
    goes_on(env, flow, flow.a, env.alice)


def compressed(env, fam):
    """IPsec whose policies name a tunnel of IPComp, and ESP in transport mode between its ends."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel")
    ipsec.sas = [sa.but(mode="transport") for sa in ipsec.new_sas()]
    for host in (env.alice, env.bob):
        words = [sa.add() for sa in ipsec.sas]
        for way, spi in (("out", 0x11), ("in", 0x12)):
            x, y = (host, ipsec.other(host)) if way == "out" else (ipsec.other(host), host)
            ends = f"src {x.addr(fam)} dst {y.addr(fam)} proto comp"
            spi += (host is env.bob) * (1 if way == "out" else -1)
            words += [
                f"xfrm state add {ends} spi {spi:#x} reqid 1 mode tunnel comp deflate",
                f"xfrm policy add {ipsec.selector(x, y)} dir {way} priority 100"
                f" tmpl {ends} reqid 1 mode tunnel level {'required' if way == 'out' else 'use'}"
                " tmpl proto esp reqid 1 mode transport",
            ]
        host.ip(*words)
    return ipsec


@case("2-4_tunnel_of_ipcomp_{flow}", FLOWS)
def ipcomp_tunnel(env, proto, fam):
    """ESP behind a tunnel of IPComp: a flow whose peer nobody knows goes on, over a rekey of ESP too."""
    ipsec = compressed(env, fam)
    flow = ipsec.flow(proto)
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    got = is_state(flow.a, "ESTABLISHED", "NONE", [])
    ksft_eq(got.flags & (L.LATCH_F_IPCOMP | L.LATCH_F_UNEXPLAINED), L.LATCH_F_IPCOMP)
    old, ipsec.sas = ipsec.sas, [sa.but(mode="transport") for sa in ipsec.new_sas()]
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in ipsec.sas])
    for host in (env.alice, env.bob):
        host.ip(*[sa.delete() for sa in old])
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.2-6_stranger_in_a_tunnel_of_ipcomp_{flow}", FLOWS)
def ipcomp_stranger(env, proto, fam):
    """Another peer's ESP between the same ends is found as soon as it is there."""
    ipsec = compressed(env, fam).identify()
    flow = ipsec.flow(proto).ask_to_wait()
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    hers = [sa.but(mode="transport") for sa in ipsec.new_sas()]
    for sa in hers:
        env.alice.bind("mallory", "alice", sa=sa)
    env.alice.ip(*[sa.add() for sa in hers])
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])


@case("2.2-6_stranger_behind_a_service_address_{flow}", FLOWS[:2])
def nat_stranger(env, proto, fam):
    """A flow that policies do not explain is checked by the SAs that it was seen under: a stranger's breaks it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    server = serving(env, proto, fam, env.bob.addr(fam))
    to = f"{env.bob.addr(fam)}:" if fam == 4 else f"[{env.bob.addr(fam)}]:"
    rules = DNAT.format(ip=IP[fam], hook="output", service=SERVICE[fam], proto=proto, to=f"{to}{server.getsockname()[1]}")
    bits = 32 if fam == 4 else 128
    env.alice.ip(f"route add {SERVICE[fam]}/{bits} via {env.bob.addr(fam)} dev eth0 rto_min 20ms")
    try:
        with ruleset(env.alice, rules):
            a, _ = connected(env, proto, fam, SERVICE[fam], 443, server)
            is_state(a, "ESTABLISHED", "NONE", [])
            hers = ipsec.new_sas()
            for sa in hers:
                env.alice.bind("mallory", "alice", sa=sa)
            env.alice.ip(*[sa.add() for sa in hers])
            is_state(a, "BROKEN", "PEER", ["PEER"])
    finally:
        env.alice.ip(f"route del {SERVICE[fam]}/{bits}")


@case("2.2-7_explained_flow_says_nothing_{flow}", FLOWS)
def explained(env, proto, fam):
    """The control: where the policy that the module reads is the one that the kernel used, the flag is not there."""
    flow = Ipsec(env.alice, env.bob, fam=fam).up().identify().flow(proto)
    flow.exchange()
    ksft_eq(is_state(flow.a, "ESTABLISHED").flags & L.LATCH_F_UNEXPLAINED, 0)
    ksft_eq(is_state(flow.b, "ESTABLISHED").flags & L.LATCH_F_UNEXPLAINED, 0)


@case("2-11_sa_from_anywhere_{flow}", FLOWS)
def from_anywhere(env, proto, fam):
    """An SA whose source address is any carries a flow whose peer nobody knows, as it does without the module."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    anywhere = "0.0.0.0" if fam == 4 else "::"
    new = [sa.but(src=anywhere) for sa in ipsec.new_sas()]
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in new])
        host.ip(*[sa.delete() for sa in ipsec.sas])
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.3-12_sa_from_anywhere_of_another_peer_{flow}", FLOWS)
def stranger_from_anywhere(env, proto, fam):
    """The kernel would take another peer's SA from any address when the flow's own goes: broken, and its owner is told."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=lambda s: ask(s, disposition=L.LATCH_DISP_RESET))
    flow.exchange()
    other = ipsec.new_sas()[0].but(src="0.0.0.0" if fam == 4 else "::")
    env.alice.bind("mallory", "alice", sa=other)
    with Moves(env.alice, LatchBroken=1, may=["LatchLatches", "LatchClosed", "LatchOutBroken"]):
        env.alice.ip(other.add())
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
    is_state(flow.a, "CLOSED" if proto == "tcp" else "BROKEN", "PEER")


if __name__ == "__main__":
    runner.main()
