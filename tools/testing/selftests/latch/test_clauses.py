#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Clauses of RFC 5660 that no other file is about, one by one.

RFC 5660 2-3, 2-22, 2-24, 2.2-3, 2.2-8, 2.3-1, 2.3-5, 2.3-8, 5.2-2, 5.5-1, 6.3-2.
"""

import errno
import socket

import forge
import runner
from expect import Moves, is_state
from flow import FLOWS, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, ask, ask_to_wait, info, watch
from netns import INET
from test_require import connect_errno

HOSTS = ("alice", "bob", "mallory")
FAMS = [{"fam": 4}, {"fam": 6}]
UDP = [f for f in FLOWS if f["proto"] == "udp"]
MODES = [{**f, "mode": m, "other": o} for f in FLOWS for m, o in (("transport", "tunnel"), ("tunnel", "transport"))]


def dump(host, what):
    """What ip(8) lists, without what changes by itself."""
    done = host.run("ip", "xfrm", what, "list")
    ksft_eq(done.returncode, 0, done.stderr)
    return done.stdout


@case("2-3_mode_{mode}_is_kept_{flow}", MODES)
def mode_is_kept(env, proto, fam, mode, other):
    """The mode is told, and SAs of the same peer in the other mode break the latch."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    flow = ipsec.flow(proto, before=ask_to_wait)
    flow.exchange()
    ksft_eq([t["mode"] for t in info(flow.a).chain], [{"transport": 0, "tunnel": 1}[mode]])
    new = [sa.but(mode=other) for sa in ipsec.new_sas()]
    env.alice.ip(*[sa.add() for sa in new])
    is_state(flow.a, "BROKEN", "MODE")
    env.alice.ip(*[sa.delete() for sa in new])
    is_state(flow.a, "ESTABLISHED", conflicts=[])


def socket_policies(host):
    """How many policies belong to sockets."""
    return dump(host, "policy").count("socket ")


@case("2-22_policy_of_a_socket_goes_with_it_{flow}", FLOWS)
def bypass_goes(env, proto, fam):
    """The policies that BYPASS makes are there while it is asked for, and as long as the socket."""
    sock = env.alice.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    ask(sock, mode=L.LATCH_MODE_BYPASS)
    ksft_eq(socket_policies(env.alice), 2)
    ask(sock, mode=L.LATCH_MODE_AUTO)
    wait(lambda: not socket_policies(env.alice), "the policies to go")
    ask(sock, mode=L.LATCH_MODE_BYPASS)
    ksft_eq(socket_policies(env.alice), 2)
    sock.close()
    wait(lambda: not socket_policies(env.alice), "the policies to go with the socket")


@case("2-24_latches_write_no_policy_{flow}", FLOWS)
def no_policy_written(env, proto, fam):
    """A latch is made, breaks, is restored and closed: policies and SAs are what they were."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    before = dump(env.alice, "policy"), [line for line in dump(env.alice, "state").splitlines() if "spi" in line]
    flow = ipsec.flow(proto, before=ask_to_wait)
    flow.exchange()
    hers = ipsec.new_sas()
    for sa in hers:
        env.alice.bind("mallory", "alice", sa=sa)
    env.alice.ip(*[sa.add() for sa in hers])
    is_state(flow.a, "BROKEN", "PEER")
    env.alice.ip(*[sa.delete() for sa in hers])
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    env.alice.nl.do("conn-close", id=info(flow.a).id)
    is_state(flow.a, "CLOSED", "ADMIN")
    after = dump(env.alice, "policy"), [line for line in dump(env.alice, "state").splitlines() if "spi" in line]
    ksft_eq(after, before)


@case("2.2-3_born_{state}_{flow}", [{**f, "state": s} for f in FLOWS for s in ("established", "broken")])
def born(env, proto, fam, state):
    """The first event of a connection's latch; then only between the two, and last to CLOSED."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    hers = ipsec.new_sas()
    for sa in hers:
        env.alice.bind("mallory", "alice", sa=sa)
    sock = env.alice.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    ask_to_wait(sock)
    sock.setblocking(False)
    server = ipsec.listen() if proto == "tcp" else env.bob.socket(INET[fam], socket.SOCK_DGRAM)
    if proto == "udp":
        server.bind((ipsec.addr(env.bob), 0))
    nl = watch(env.alice)
    if state == "broken":
        env.alice.ip(*[sa.add() for sa in hers])
    sock.connect_ex(server.getsockname()[:2])
    if proto == "udp":
        sock.send(b"x")
    wait(lambda: info(sock).state_name in ("ESTABLISHED", "BROKEN"), "the latch")
    if state == "established":
        env.alice.ip(*[sa.add() for sa in hers])
    is_state(sock, "BROKEN", "PEER")
    # the first packet took the newest SA, whosoever
    others = hers if info(sock).peer == env.alice.peer("bob") else ipsec.sas
    env.alice.ip(*[sa.delete() for sa in others])
    is_state(sock, "ESTABLISHED", conflicts=[])
    env.alice.nl.do("conn-close", id=info(sock).id)
    told = [(m["old-state"], m["state"]) for name, m in nl.events() if name == "conn-ntf"]
    way = [("none", "established"), ("established", "broken")] if state == "established" else [("none", "broken")]
    ksft_eq(told[: len(way) + 2], [*way, ("broken", "established"), ("established", "closed")])


@case("2.2-8_dead_peer_breaks_{flow}", FLOWS)
def dead_peer(env, proto, fam):
    """What a key manager's dead peer detection finds breaks its latches, and no SA restores them."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=ask_to_wait)
    flow.exchange()
    with Moves(env.alice, LatchBroken=1):
        env.alice.nl.do("manager-set", dead_peer=env.alice.peer("bob"))
        is_state(flow.a, "BROKEN", "DPD", ["DPD"])
        ipsec.rekey()
        is_state(flow.a, "BROKEN", "DPD", ["DPD"])


@case("2.3-1_listener_has_its_latch_and_demand_{fam}", FAMS)
def listener_latch(env, fam):
    """listen() makes it with what was asked for; a second one of the same 3-tuple is refused and changes nothing."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    with Moves(env.bob, LatchListeners=1, may=["LatchActive"]):
        listener = ipsec.listen(before=lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE))
        got = is_state(listener, "LISTENER")
    ksft_eq((got.mode, got.local_addr, got.local_port), (L.LATCH_MODE_REQUIRE, *listener.getsockname()[:2]))
    second = env.bob.socket(INET[fam])
    with Moves(env.bob):
        try:
            second.bind(listener.getsockname()[:2])
            second.listen()
            error = 0
        except OSError as e:
            error = e.errno
        ksft_eq(error, errno.EADDRINUSE)
        is_state(second, "NONE")
        is_state(listener, "LISTENER")
    with Moves(env.bob, LatchListeners=-1, LatchClosed=1):
        listener.close()


@case("2.3-5_larval_until_the_first_sa_{flow}", FLOWS)
def larval(env, proto, fam):
    """What is demanded waits in LARVAL, tells its owner when a packet fails, and is ESTABLISHED with the first SA."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    sock = env.alice.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    is_state(sock, "LARVAL")
    server = ipsec.listen() if proto == "tcp" else env.bob.socket(INET[fam], socket.SOCK_DGRAM)
    if proto == "udp":
        server.bind((ipsec.addr(env.bob), 0))
    with Moves(env.alice, LatchRefused=1, LatchOutLarval=1):
        ksft_eq(connect_errno(sock, server.getsockname()[:2]), "ENOKEY" if proto == "tcp" else "0")
        if proto == "udp":
            sock.send(b"x")
            ksft_eq(error_of(sock), errno.ENOKEY)
    is_state(sock, "LARVAL")
    ipsec.up()
    ksft_eq(connect_errno(sock, server.getsockname()[:2]), "0")
    if proto == "udp":
        sock.send(b"x")
    is_state(sock, "ESTABLISHED")


@case("2.3-8_flow_is_found_by_packet_socket_and_number_{flow}", FLOWS)
def found(env, proto, fam):
    """Of two flows of the same hosts each way finds the right one: a forged packet counts at its own."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flows = [ipsec.flow(proto), ipsec.flow(proto)]
    for flow in flows:
        flow.exchange()
    with Moves(env.alice, LatchInClear=1):
        env.mallory.frame(env.alice.mac, *forge.into(flows[1], forge.PSH | forge.ACK, b"forged"))
    ksft_eq([info(f.a).in_drops for f in flows], [0, 1])
    for flow in flows:
        number = info(flow.a).id
        ksft_eq(env.alice.nl.do("conn-get", id=number)["local-port"], flow.ports[0])
        ksft_eq(env.alice.conns()[number]["remote-port"], flow.ports[1])


ERRORS = {"default": (None, 0), "wait": (L.LATCH_DISP_WAIT, 0), "reset": (L.LATCH_DISP_RESET, errno.ECONNRESET),
          "unreach": (L.LATCH_DISP_UNREACH, errno.EHOSTUNREACH)}  # fmt: skip


def break_with(env, proto, fam, word):
    """A flow that breaks with a disposition; what its owner sees."""
    disposition, error = ERRORS[word]
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=lambda s: disposition is not None and ask(s, disposition=disposition))
    flow.exchange()
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    return flow, error


@case("5.2-2_udp_{word}_{flow}", [{**f, "word": w} for f in UDP for w in ERRORS])
def udp_breaks(env, proto, fam, word):
    """UDP waits unless an error was asked for, and goes on being broken after that."""
    flow, error = break_with(env, proto, fam, word)
    if error:
        ksft_eq(error_of(flow.a), error)
    is_state(flow.a, "BROKEN", "POLICY_IN")
    ksft_true(flow.silent())


@case("5.5-1_unreach_{flow}", FLOWS)
def unreach(env, proto, fam):
    """EHOSTUNREACH on the next call, by both transports, and once."""
    flow, error = break_with(env, proto, fam, "unreach")
    ksft_eq(error_of(flow.a), error)
    got = is_state(flow.a, "CLOSED" if proto == "tcp" else "BROKEN", "POLICY_IN")
    ksft_eq((got.disposition, got.breaks), (L.LATCH_DISP_UNREACH, 1))
    ksft_eq(flow.a.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)


@case("6.3-2_peers_of_connections_compare_{fam}", FAMS)
def peers_compare(env, fam):
    """Two connections to one address have the same peer's record, and one that somebody else answers another."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow="proto tcp").up()
    other = Ipsec(env.alice, env.bob, fam=fam, narrow="proto udp", reqid=2).up()
    env.alice.bind("bob", "alice", reqid=1)
    env.alice.bind("carol", "alice", reqid=2)
    flows = [ipsec.tcp(), ipsec.tcp(), other.udp()]
    for flow in flows:
        flow.exchange()
    ksft_eq([info(f.a).peer for f in flows], [env.alice.peer(n) for n in ("bob", "bob", "carol")])


if __name__ == "__main__":
    runner.main()
