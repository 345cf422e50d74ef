#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Latches come by themselves, and the option tells everything about them.

RFC 5660 sections 2 (parameters), 2.3 (creation), 4 (simultaneous open), 5.1, 5.2.
"""

import errno
import os
import socket

import runner
from expect import NOWHERE, UNKNOWN, Moves, both_are, is_latched, is_state, one_more_latch
from flow import FLOWS
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_ne, ksft_true, wait
from latchapi import L, ask, ask_to_wait, info
from netns import INET
from scenes import ruleset

HOSTS = ("alice", "bob")


def rows(protos, fams, modes, suites, **others):
    return [
        {"flow": f"{p}{f}", "proto": p, "fam": f, "mode": m, "suite": s, "suites": "+".join([s] if isinstance(s, str) else s),
         **others}
        for p in protos
        for f in fams
        for m in modes
        for s in suites
    ]  # fmt: skip


EVERY = rows(["tcp"], [4, 6], ["transport", "tunnel"], ["gcm128", "cbc256", "chacha", "ah"])
EVERY += rows(["tcp"], [4], ["transport"], ["gcm256", "gcm128-64", "cbc128", "ctr256", "null", "cbc256-sha1"])
EVERY += rows(["tcp"], [4, 6], ["transport"], [("cbc256", "ah")])
EVERY += rows(["udp"], [4, 6], ["transport", "tunnel"], ["gcm128", "cbc256"])


@case("2-17_auto_{flow}_{mode}_{suites}", EVERY)
def auto(env, proto, fam, mode, suite):
    """The application asks for nothing: both ends are latched, every parameter is right."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode, suite=suite).up()
    with Moves(env.alice, **one_more_latch()):
        flow = ipsec.flow(proto)
        flow.exchange()
    numbers = [is_latched(ipsec, flow, sock).id for sock in (flow.a, flow.b)]
    ksft_eq([env.alice.stat()["LatchLatches"], env.bob.stat()["LatchLatches"]], [1, 1])
    ksft_true(all(numbers))


@case("2-15_outer_addresses_{flow}", [
    {"flow": "tcp4in6", "fam": 4, "outer": 6},
    {"flow": "tcp6in4", "fam": 6, "outer": 4},
])  # fmt: skip
def outer(env, fam, outer):
    """A tunnel of the other address family: inner and outer addresses are told apart."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", outer=outer, extra="flag af-unspec").up()
    flow = ipsec.tcp()
    flow.exchange()
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock)


@case("2-1_mapped_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def mapped(env, proto):
    """IPv4-mapped addresses on an AF_INET6 socket: an IPv4 flow, by either level of the option."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.flow(proto, mapped=True)
    flow.exchange()
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock)
        ksft_eq(bytes(info(sock, socket.SOL_IP)), bytes(info(sock, socket.IPPROTO_IPV6)))


@case("2-1_mapped_listener_takes_ipv4")
def mapped_listener(env):
    """An AF_INET6 listener on any address has IPv4 children."""
    Ipsec(env.alice, env.bob).up()
    listener = env.bob.socket(socket.AF_INET6)
    listener.bind(("::", 0))
    listener.listen()
    sock = env.alice.socket()
    sock.connect((env.bob.addr(4), listener.getsockname()[1]))
    child = env.bob.owns(listener.accept()[0])
    ksft_eq(is_state(child, "ESTABLISHED").family, socket.AF_INET)
    is_state(listener, "LISTENER")


NATT = 4500


NAT = [
    {"proto": "tcp", "mode": "tunnel", "narrow": ""},
    {"proto": "udp", "mode": "tunnel", "narrow": ""},
    # the encapsulation's own datagrams must not need protection
    {"proto": "tcp", "mode": "transport", "narrow": "proto tcp"},
]


def take_esp_in_udp(env, fam=4):
    """Both hosts unpack ESP in UDP."""
    for host in (env.alice, env.bob):
        encap = host.socket(INET[fam], socket.SOCK_DGRAM)
        encap.bind((NOWHERE[fam], NATT))
        encap.setsockopt(socket.IPPROTO_UDP, 100, 2)  # UDP_ENCAP, UDP_ENCAP_ESPINUDP


@case("2-14_natt_addresses_and_ports_{mode}_{proto}", NAT)
def natt(env, proto, mode, narrow):
    """ESP in UDP: flag and ports of the encapsulation."""
    take_esp_in_udp(env)
    words = f"encap espinudp {NATT} {NATT} 0.0.0.0"
    ipsec = Ipsec(env.alice, env.bob, mode=mode, narrow=narrow, extra=words).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    natt = {"flags": UNKNOWN | L.LATCH_F_NATT, "natt_local_port": NATT, "natt_remote_port": NATT}
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock, **natt)


BEHIND = [{"fam": f, "how": h} for f in (4, 6) for h in ("an_sa", "a_binding_by_sa", "a_binding_by_reqid")]


@case("2-14_private_address_told_by_{how}_{fam}", BEHIND)
def private_address(env, fam, how):
    """Where somebody knows the peer's address behind its NAT it is shown; a new one takes its place and breaks nothing."""
    first, second = ("192.168.7.2", "192.168.7.3") if fam == 4 else ("fdc0::2", "fdc0::3")
    by_sa = how == "an_sa"

    def words(addr):
        return f"encap espinudp {NATT} {NATT} {addr if by_sa else NOWHERE[fam]}"

    def tell(addr):
        keys = [{"reqid": 1}] if how == "a_binding_by_reqid" else [{"sa": sa} for sa in ipsec.sas]
        for key in [] if by_sa else keys:
            more = {"natt_addr": socket.inet_pton(INET[fam], addr), "exclusive": True}
            env.alice.bind("bob", "alice", more=more, **key)

    def is_shown(addr):
        got = is_state(flow.a, "ESTABLISHED", "NONE", [])
        ksft_eq((got.natt_remote_addr, got.flags & L.LATCH_F_NATT, got.breaks), (addr, L.LATCH_F_NATT, 0))
        ksft_eq(env.alice.conns()[got.id]["natt-remote-addr"], socket.inet_pton(INET[fam], addr))

    take_esp_in_udp(env, fam)
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", extra=words(first)).up()
    tell(first)
    flow = ipsec.tcp()
    flow.exchange()
    is_shown(first)
    with Moves(env.alice), Moves(env.bob):
        ipsec.extra = words(second)
        if by_sa:
            ipsec.rekey()
        tell(second)
        flow.exchange()
    is_shown(second)


@case("2-14_private_address_of_a_peer_without_nat")
def no_nat(env):
    """Without ESP in UDP there is none, whatever a binding tells."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.alice.bind("bob", "alice", more={"natt_addr": b"\xc0\xa8\7\2"}, reqid=1)
    flow = ipsec.tcp()
    flow.exchange()
    ksft_eq(info(flow.a).natt_remote_addr, NOWHERE[4])
    ksft_true("natt-remote-addr" not in env.alice.conns()[info(flow.a).id], "it is not shown")


@case("2-4_esn_is_reported")
def esn(env):
    """Extended sequence numbers are latched and told."""
    ipsec = Ipsec(env.alice, env.bob, extra="flag esn").up()
    flow = ipsec.tcp()
    flow.exchange()
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock, flags=UNKNOWN | L.LATCH_F_ESN)


@case("2-4_replay_window_{window}", [{"window": 0}, {"window": 1}, {"window": 64}])
def window(env, window):
    """The replay window of the inbound SA is latched; without one there is no such protection."""
    ipsec = Ipsec(env.alice, env.bob, window=window).up()
    flow = ipsec.tcp()
    flow.exchange()
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock)


@case("2-4_ipcomp_is_reported")
def ipcomp(env):
    """IPComp before ESP protects nothing: a flag, no transformation."""
    ipsec = Ipsec(env.alice, env.bob).up()
    ipsec.flush()
    spi = [0x11, 0x12]
    for host in (env.alice, env.bob):
        peer = ipsec.other(host)
        host.ip(
            *[sa.add() for sa in ipsec.sas],
            *[
                f"xfrm state add src {x.addr(4)} dst {y.addr(4)} proto comp spi {s:#x} reqid 1 mode transport comp deflate"
                for s, x, y in ((spi[0], env.alice, env.bob), (spi[1], env.bob, env.alice))
            ],
            *[
                f"xfrm policy add {ipsec.selector(x, y)} dir {d} "
                f"tmpl src {x.addr(4)} dst {y.addr(4)} proto comp reqid 1 mode transport level {level} "
                + ipsec.templates(x, y)
                for d, x, y, level in (("out", host, peer, "required"), ("in", peer, host, "use"))
            ],
        )
    flow = ipsec.tcp()
    flow.pump(flow.moved(2048))
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock, flags=UNKNOWN | L.LATCH_F_IPCOMP)


def interfaces_by_direction(ipsec, inward=10, outward=20):
    """Policies, SAs and XFRM interfaces of which each direction has its own, as if_id_in and if_id_out make them."""
    ipsec.sas = ipsec.new_sas()
    for host in (ipsec.a, ipsec.b):
        peer = ipsec.other(host)
        number = {"in": inward, "out": outward}
        words = [ipsec.policy(host, way).replace(" priority", f" if_id {number[way]} priority") for way in number]
        for sa in ipsec.sas:
            words.append(sa.but(extra=f"if_id {outward if sa.src == host.addr(ipsec.fam) else inward}").add())
        for n in number.values():
            words += [f"link add ipsec{n} type xfrm dev eth0 if_id {n}", f"link set ipsec{n} up addrgenmode none"]
        words.append(f"route replace {peer.inner_net(ipsec.fam)} dev ipsec{outward} src {host.inner(ipsec.fam)}")
        host.ip(*words)
    return ipsec


@case("2.3-13_xfrm_interface_of_each_direction_{flow}", FLOWS)
def if_id_of_each_direction(env, proto, fam):
    """Inbound and outbound traffic have XFRM interfaces of their own: the flow is latched, in whatever direction."""
    ipsec = interfaces_by_direction(Ipsec(env.alice, env.bob, fam=fam, mode="tunnel")).identify()
    try:
        flow = ipsec.flow(proto, before=ask_to_wait)
        flow.pump(flow.moved(2000 if proto == "tcp" else 10))
        for sock in (flow.a, flow.b):
            is_state(sock, "ESTABLISHED", conflicts=[])
        # what speaks against it in one direction still does
        env.alice.ip(f"xfrm policy delete {ipsec.selector(env.alice, env.bob)} dir out if_id 20")
        is_state(flow.a, "BROKEN", conflicts=["POLICY_OUT"])
    finally:
        for host in (env.alice, env.bob):
            host.ip("link del ipsec10")
        ipsec.if_id = 20
        ipsec.no_interface()


MARKS = """
table ip m {{
    chain o {{ type route hook output priority mangle; ip daddr {peer} meta mark set 2; }}
    chain i {{ type filter hook prerouting priority mangle; ip saddr {peer} meta mark set 1; }}
}}
"""


@case("2.3-13_mark_of_each_direction_{flow}_{side}", [{**f, "side": s} for f in FLOWS[::2] for s in ("out", "in")])
def mark_of_each_direction(env, proto, fam, side):
    """Rules give each direction a mark of its own, by which its policy is chosen: the flow is latched, whoever begins."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    ipsec.up([env.bob])
    words = [
        ipsec.policy(env.alice, way).replace(" priority", f" mark {n} mask 0xff priority")
        for way, n in (("out", 2), ("in", 1))
    ]
    env.alice.ip(*[sa.add() for sa in ipsec.sas], *words)
    ipsec.identify()
    with ruleset(env.alice, MARKS.format(peer=env.bob.addr(fam))):
        first = ipsec if side == "out" else Ipsec(env.bob, env.alice, fam=fam)
        flow = first.flow(proto, before=ask_to_wait)
        flow.exchange()
        for sock in (flow.a, flow.b):
            is_state(sock, "ESTABLISHED", conflicts=[])


@case("2-17_auto_{flow}_xfrm_interface", rows(["tcp", "udp"], [4, 6], ["tunnel"], ["gcm128"]))
def xfrm_interface(env, proto, fam):
    """Route-based IPsec: the transformation is chosen inside an XFRM interface."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", if_id=7).up()
    ipsec.interface()
    try:
        flow = ipsec.flow(proto)
        flow.exchange()
        for sock in (flow.a, flow.b):
            is_latched(ipsec, flow, sock)
    finally:
        flow.close()
        ipsec.no_interface()


@case("2.3-9_table_agrees_with_option_{flow}", rows(["tcp", "udp"], [4, 6], ["tunnel"], ["cbc256"]))
def table(env, proto, fam):
    """The table of latches and the option say the same."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel").up()
    ipsec.identify()
    flow = ipsec.flow(proto)
    flow.exchange()
    for host, sock in ((env.alice, flow.a), (env.bob, flow.b)):
        got = info(sock)
        row = host.conns()[got.id]
        ksft_eq(host.nl.do("conn-get", id=got.id), row)
        size = 4 if fam == 4 else 16
        for name in ("reason", "disposition", "mode", "flags", "conflicts", "family", "proto", "local_port", "remote_port",
                     "outer_family", "peer", "local", "peer_id_type", "breaks", "in_drops", "out_drops"):  # fmt: skip
            default = "none" if name == "reason" else 0
            seen = row.get(name.replace("_", "-"), default)
            ksft_eq(seen, got.reason_name.lower() if name == "reason" else getattr(got, name), name)
        for name in ("local_addr", "remote_addr", "outer_local_addr", "outer_remote_addr"):
            ksft_eq(row[name.replace("_", "-")][:size], bytes(getattr(got, "_" + name))[:size], name)
        ksft_eq(row["state"], "established")
        ksft_eq([{k.replace("-", "_"): v for k, v in t.items()} for t in row["transforms"]], got.chain)
        ksft_eq((row["uid"], row["inode"]), (0, os.fstat(sock.fileno()).st_ino))


@case("2-13_identified_peer_{flow}", rows(["tcp", "udp"], [4, 6], ["transport"], ["gcm128"]))
def identified(env, proto, fam):
    """SAs bound to records: the option names both ends, the variable options give the IDs."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    ipsec.identify()
    flow = ipsec.flow(proto)
    flow.exchange()
    for host, sock in ((env.alice, flow.a), (env.bob, flow.b)):
        peer = ipsec.other(host)
        is_latched(
            ipsec, flow, sock,
            flags=L.LATCH_F_AUTO | L.LATCH_F_PEER_IDENTIFIED,
            peer=host.peer(peer.name), local=host.peer(host.name),
            peer_id_type=L.LATCH_ID_FQDN, local_id_type=L.LATCH_ID_FQDN, auth_method=L.LATCH_AUTH_MANUAL,
        )  # fmt: skip
        for option, name in ((L.IP_LATCH_PEER_ID, peer.name), (L.IP_LATCH_LOCAL_ID, host.name)):
            ksft_eq(sock.getsockopt(socket.SOL_IP if fam == 4 else socket.IPPROTO_IPV6, option, 256), name.encode())


@case("2-17_unlatched_sockets_say_none_{flow}", rows(["tcp", "udp"], [4, 6], ["transport"], ["gcm128"]))
def none(env, proto, fam):
    """Never an error on a plain socket: the state is NONE, all else is zero."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    socks = [env.alice.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)]
    flow = ipsec.flow(proto)
    flow.exchange()
    with Moves(env.alice):
        for sock in (*socks, flow.a, flow.b):
            got = is_state(sock, "NONE", "NONE", [])
            ksft_eq((got.size, got.id, got.n_transforms, got.peer), (L.LATCH_INFO_SIZE_VER1, 0, 0, 0))


@case("2.3-16_clear_first_packet_is_not_latched_{flow}", rows(["tcp"], [4, 6], ["transport"], ["gcm128"]))
def clear_first(env, fam):
    """A connection that began in clear goes on, with protection too, and says that it is not latched."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use")
    flow = ipsec.tcp()
    flow.exchange()
    ipsec.up()
    with Moves(env.alice, may=["LatchActive"]), Moves(env.bob, may=["LatchActive"]):
        flow.exchange()
    both_are(flow, "NONE")
    ipsec.flush()
    flow.exchange()


@case("5.2-1_first_protected_datagram_latches_{flow}", rows(["udp"], [4, 6], ["transport"], ["gcm128"]))
def clear_first_udp(env, fam):
    """A UDP socket whose first datagrams were clear is latched by the first protected one."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use")
    flow = ipsec.udp()
    both_are(flow, "NONE")
    ipsec.up()
    with Moves(env.alice, may=["LatchActive"], **one_more_latch()):
        flow.exchange()
    both_are(flow, "ESTABLISHED", "NONE", [])


@case("2-18_auto_off_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def auto_off(env, proto):
    """net.latch.auto=0: nothing is latched that does not ask; what asks is."""
    env.alice.sysctl("auto", 0)
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    is_state(flow.a, "NONE")
    is_state(flow.b, "ESTABLISHED")
    ipsec.flush()
    ipsec.up()
    asks = ipsec.flow(proto, before=ask_require)
    asks.exchange()
    is_state(asks.a, "ESTABLISHED")


def ask_require(sock):
    ask(sock, mode=L.LATCH_MODE_REQUIRE)


# --- listeners -----------------------------------------------------------------
@case("2.2-2_listener_{fam}", [{"fam": 4}, {"fam": 6}])
def listener(env, fam):
    """A listener has a latch of its own: a 3-tuple; its children have others."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    sock = ipsec.listen()
    got = is_state(sock, "LISTENER", "NONE", [])
    ksft_eq((got.local_port, got.remote_port, got.local_addr), (sock.getsockname()[1], 0, env.bob.addr(fam)))
    children = [ipsec.tcp(listener=sock) for _ in range(3)]
    ids = {is_state(flow.b, "ESTABLISHED").id for flow in children}
    ksft_eq(len(ids), 3)
    ksft_eq(got.id in ids, False)
    is_state(sock, "LISTENER")
    ksft_eq(env.bob.stat()["LatchListeners"], 1)


@case("2.3-2_child_is_latched_before_accept")
def before_accept(env):
    """The child's latch is there before the application accepts it."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    sock = env.alice.socket()
    with Moves(env.bob, **one_more_latch()):
        sock.connect(listener.getsockname())
        sock.send(b"early")
    is_state(env.bob.owns(listener.accept()[0]), "ESTABLISHED")


@case("2.2-2_listener_stays_when_children_break")
def listener_stays(env):
    """Policies go: the child breaks, the listener stays and has a clear child, unlatched."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    flow = ipsec.tcp(listener=listener)
    ipsec.flush()
    is_state(flow.b, "CLOSED")
    is_state(listener, "LISTENER")
    flow = ipsec.tcp(listener=listener)
    flow.exchange()
    is_state(flow.b, "NONE")


@case("2.3.1-2_second_syn_latches_the_new_sa")
def second_syn(env):
    """The SA of the first SYN is gone before the connection stands: the next SYN's is latched."""
    # the other end's own latch would not outlive its SA
    env.alice.sysctl("auto", 0)
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    # bob's answer to the first SYN cannot leave
    env.bob.ip(*[sa.delete() for sa in ipsec.sas if sa.src == env.bob.addr(4)])
    sock = env.alice.socket()
    sock.setblocking(False)
    ksft_eq(sock.connect_ex(listener.getsockname()), errno.EINPROGRESS)
    wait(lambda: env.bob.stat("xfrm_stat")["XfrmOutNoStates"], "the SYN to be answered")
    ipsec.flush([env.alice, env.bob])
    ipsec.suites = ["cbc256"]
    ipsec.up()
    wait(lambda: sock.getsockopt(socket.IPPROTO_TCP, 11, 1) == b"\x01", "the connection")
    child = env.bob.owns(listener.accept()[0])
    ksft_eq(is_state(child, "ESTABLISHED").chain[0]["encr"], 12)


# --- simultaneous open ------------------------------------------------------------
def cross_connect(env, ipsec):
    """Both ends connect; neither listens."""
    socks = []
    for host in (env.alice, env.bob):
        sock = host.socket(INET[ipsec.fam])
        sock.bind((ipsec.addr(host), 0))
        sock.setblocking(False)
        socks.append(sock)
    # The first SYNs are lost on the way, so that both ends are in SYN_SENT
    # when the next ones cross.
    env.unplug(env.bob)
    for x, y in (socks, socks[::-1]):
        ksft_eq(x.connect_ex(y.getsockname()), errno.EINPROGRESS)
    env.plug(env.bob)
    return socks


def established(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, 11, 1) == b"\x01"


@case("4-1_simultaneous_open_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def simultaneous(env, fam):
    """The SYNs cross: both ends are latched, one latch each."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    socks = cross_connect(env, ipsec)
    wait(lambda: all(established(s) for s in socks), "the connection")
    for sock in socks:
        is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_eq([h.stat()["LatchLatches"] for h in (env.alice, env.bob)], [1, 1])
    socks[0].send(b"hello")
    wait(lambda: readable(socks[1]), "the data")


def readable(sock):
    try:
        return sock.recv(10)
    except BlockingIOError:
        return b""


@case("4-1_simultaneous_open_with_other_demands_fails")
def simultaneous_differs(env):
    """One end demands what the SAs do not give: no connection comes about."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.bob.ip(*ipsec.policies(env.bob, "delete"))
    socks = []
    for host in (env.alice, env.bob):
        sock = host.socket()
        sock.bind((host.addr(4), 0))
        sock.setblocking(False)
        socks.append(sock)
    ask(socks[0], mode=L.LATCH_MODE_REQUIRE)
    with Moves(env.alice, at_least=["LatchInClear"], may=["LatchLatches", "LatchCreated"]):
        env.unplug(env.bob)
        for x, y in (socks, socks[::-1]):
            x.connect_ex(y.getsockname())
        env.plug(env.bob)
    ksft_ne(established(socks[0]), True)


if __name__ == "__main__":
    runner.main()
