#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Flows that a gateway forwards are latched (RFC 5660 2.5-1)."""

import errno
import socket
import struct
import time

import forge
import runner
from expect import Moves, one_more_latch
from flow import FLOWS, error_of
from gateway import GatewayNet, PoolAddress, Tunnel, ends, rows, side
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, load, unload, unload_when_idle, watch
from netns import INET

TCP = [f for f in FLOWS if f["proto"] == "tcp"]
UDP = [f for f in FLOWS if f["proto"] == "udp"]


def setup():
    return GatewayNet()


def gateway(env, fam, **kwargs):
    """A tunnel of alice's, whom the gateway knows, for what she exchanges with bob; flows are latched."""
    env.gate.sysctl("forward", 1)
    return Tunnel(env, env.alice, env.bob, fam=fam, **kwargs).up().identify()


def state_of(env, flow, sock):
    """(state, reason) of the latch of a socket's side; None there is none."""
    row = rows(env.gate).get(side(flow, sock))
    return row and (row["state"], row["reason"])


@case("2.5-1_forwarded_flow_is_latched_{flow}", FLOWS)
def latched(env, proto, fam):
    """One latch at the gateway, for the side that is protected, with its peer; none at the ends."""
    gateway(env, fam)
    events = watch(env.gate)
    with Moves(env.gate, **one_more_latch()), Moves(env.alice), Moves(env.bob):
        flow = ends(env, fam).flow(proto)
        flow.exchange()
    ((name, row),) = rows(env.gate).items()
    ksft_eq(name, side(flow, flow.a))
    ksft_eq((row["state"], row["peer"]), ("established", env.gate.peer("alice")))
    ksft_eq(row["flags"], L.LATCH_F_AUTO | L.LATCH_F_PEER_IDENTIFIED | L.LATCH_F_FORWARDED)
    ksft_true("inode" not in row and "uid" not in row, "no socket")
    told = [m for what, m in events.events() if what == "conn-ntf"]
    ksft_eq([(m["state"], m["flags"] & L.LATCH_F_FORWARDED) for m in told], [("established", L.LATCH_F_FORWARDED)])
    events.close()


@case("2.5-1_forwarded_flow_is_latched_from_the_clear_side_{flow}", FLOWS)
def latched_from_bob(env, proto, fam):
    """The host without protection begins: the latch is that of the other side all the same."""
    gateway(env, fam)
    pair = ends(env, fam)
    pair.a, pair.b = pair.b, pair.a
    with Moves(env.gate, **one_more_latch()):
        flow = pair.flow(proto)
        flow.exchange()
    ksft_eq(list(rows(env.gate)), [side(flow, flow.b)])
    ksft_eq(state_of(env, flow, flow.b), ("established", "none"))


@case("2.5-1_nothing_forwarded_is_latched_by_default_{flow}", FLOWS)
def off(env, proto, fam):
    """net.latch.forward is 0."""
    Tunnel(env, env.alice, env.bob, fam=fam).up().identify()
    ksft_eq(env.gate.sysctl("forward"), "0")
    with Moves(env.gate):
        ends(env, fam).flow(proto).exchange()


@case("2.5-1_forwarded_flow_without_ipsec_{flow}", FLOWS)
def unprotected(env, proto, fam):
    """A flow that no tunnel is for is passed on as ever."""
    env.gate.sysctl("forward", 1)
    Tunnel(env, env.mallory, env.bob, fam=fam).up().identify()
    with Moves(env.gate):
        ends(env, fam).flow(proto).exchange()


@case("2.5-1_pool_address_of_another_peer_{flow}", FLOWS)
def pool_address(env, proto, fam):
    """The address goes to another peer: the flow is BROKEN, and no byte of it gets there; it goes on afterwards."""
    tunnel = gateway(env, fam)
    env.gate.sysctl("disposition", "wait")
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    taker = PoolAddress(env, tunnel)
    taker.new.identify()
    taker.start()
    stolen = 0
    with Moves(env.gate, at_least=["LatchOutBroken"], LatchBroken=1):
        taker.take()
        ksft_eq(state_of(env, flow, flow.a)[0], "broken")

        def tried():
            nonlocal stolen
            stolen += taker.stolen(flow)
            return env.gate.conns()[number]["out-drops"] >= 3

        (number,) = env.gate.conns()
        flow.pump(tried, ways=((flow.b, flow.a),))
    ksft_eq(stolen + taker.stolen(flow), 0)
    with Moves(env.gate, may=["LatchOutBroken"], LatchRestored=1):
        taker.give_back()
        ksft_eq(state_of(env, flow, flow.a)[0], "established")
    flow.pump(flow.moved(1000 if proto == "tcp" else 10))
    taker.end()


@case("2.5-1_flush_at_the_gateway_{flow}", FLOWS)
def flush(env, proto, fam):
    """Policies and SAs are flushed at the gateway: nothing of the flow goes to or from the protected side in clear."""
    tunnel = gateway(env, fam, level="use")
    env.gate.sysctl("disposition", "wait")
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    env.wire.restart()
    with Moves(env.gate, at_least=["LatchOutBroken"], may=["LatchInBroken"], LatchBroken=1):
        tunnel.flush([env.gate])
        ksft_eq(state_of(env, flow, flow.a)[0], "broken")
        (number,) = env.gate.conns()
        flow.pump(lambda: env.gate.conns()[number]["out-drops"] >= 3, ways=((flow.b, flow.a),))
    ksft_eq(env.clear(flow, env.alice), (0, 0))


# --- whose packets pass ------------------------------------------------------------------------
@case("2.5-1_tunnel_to_tunnel_has_two_latches_{flow}", FLOWS)
def both_sides(env, proto, fam):
    """Both ends have tunnels: each side has a latch with its own peer, and the break of one leaves the other alone."""
    tunnel = gateway(env, fam)
    Tunnel(env, env.bob, env.alice, fam=fam, reqid=3).up().identify()
    env.gate.sysctl("disposition", "wait")
    with Moves(env.gate, LatchLatches=2, LatchCreated=2):
        flow = ends(env, fam).flow(proto)
        flow.exchange()
    ksft_eq(
        {name: (row["state"], row["peer"]) for name, row in rows(env.gate).items()},
        {
            side(flow, flow.a): ("established", env.gate.peer("alice")),
            side(flow, flow.b): ("established", env.gate.peer("bob")),
        },
    )
    taker = PoolAddress(env, tunnel)
    taker.new.identify()
    taker.start()
    with Moves(env.gate, at_least=["LatchOutBroken"], LatchBroken=1):
        taker.take()
        number = rows(env.gate)[side(flow, flow.a)]["id"]
        flow.pump(lambda: env.gate.conns()[number]["out-drops"] >= 3, ways=((flow.b, flow.a),))
    ksft_eq(taker.stolen(flow), 0)
    ksft_eq([state_of(env, flow, s)[0] for s in (flow.a, flow.b)], ["broken", "established"])
    taker.give_back()
    flow.pump(flow.moved(1000 if proto == "tcp" else 10))
    taker.end()


@case("2.2-6_new_owner_of_a_pool_address_sends_into_the_flow_{flow}", FLOWS)
def new_owner_sends(env, proto, fam):
    """Its tunnel is in order, but nothing that comes out of it gets to the other end, and nobody is told anything."""
    tunnel = gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    (number,) = env.gate.conns()
    taker = PoolAddress(env, tunnel, suite="null")
    taker.new.identify()
    taker.start()
    taker.take()
    with Moves(env.gate, LatchInBroken=2):
        for n, flags in enumerate((forge.PSH | forge.ACK, forge.SYN), 1):
            taker.send(forge.into(flow, flags, b"forged", sock=flow.b)[1], n)
    ksft_true(flow.silent(flow.b))
    ksft_eq(list(env.gate.conns()), [number])
    taker.end()


@case("2-11_clear_packet_into_a_forwarded_flow_{flow}", FLOWS)
def in_clear(env, proto, fam):
    """Clear text that the kernel would take passes neither from the protected side nor to it."""
    gateway(env, fam, level="use")
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    with Moves(env.gate, LatchInClear=3):
        for _ in range(3):
            env.mallory.frame(env.gate.mac, *forge.into(flow, forge.PSH | forge.ACK, b"forged", sock=flow.b))
    ksft_true(flow.silent(flow.b))
    ksft_eq(state_of(env, flow, flow.a), ("established", "none"))
    flow.exchange()


@case("2.3-3_sas_of_a_forwarded_flow_are_replaced_{flow}", FLOWS)
def rekey(env, proto, fam):
    """New SAs of the same peer: nothing is lost, and nothing breaks."""
    tunnel = gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    with Moves(env.gate):
        for _ in range(3):
            tunnel.rekey()
            flow.exchange()
    (row,) = rows(env.gate).values()
    ksft_eq((row["state"], row["breaks"], row["in-drops"], row["out-drops"]), ("established", 0, 0, 0))


@case("2.5-1_other_protocols_are_latched_by_address_{fam}", [{"fam": 4}, {"fam": 6}])
def echo(env, fam):
    """A ping through the gateway: one latch for the two addresses, and none of its packets passes in clear."""
    tunnel = gateway(env, fam, level="use")
    ping = ("ping", "-c2", "-i0.2", "-W5", "-I", env.alice.inner(fam), env.bob.inner(fam))
    with Moves(env.gate, **one_more_latch()):
        ksft_eq(env.alice.run(*ping).returncode, 0)
    ((name, row),) = rows(env.gate).items()
    ksft_eq((name, row["proto"]), ((env.bob.inner(fam), 0, env.alice.inner(fam), 0), 1 if fam == 4 else 58))
    with Moves(env.gate, LatchBroken=1, LatchInBroken=1):
        tunnel.flush()
        ksft_eq(env.alice.run("ping", "-c1", "-W1", *ping[4:]).returncode, 1)


UNIDENTIFIED = [{**f, "what": w} for f in FLOWS for w in ("none", "refused")]


@case("2.5-1_unidentified_forwarded_flow_is_{what}_{flow}", UNIDENTIFIED)
def unidentified(env, proto, fam, what):
    """Nobody has said whose the SAs are: with `none` it goes on without a latch, with `refuse` it does not begin."""
    env.gate.sysctl("forward", 1)
    env.gate.sysctl("unidentified", "none" if what == "none" else "refuse")
    Tunnel(env, env.alice, env.bob, fam=fam).up()
    pair = ends(env, fam)
    if what == "none":
        with Moves(env.gate):
            pair.flow(proto).exchange()
        return
    sock = env.alice.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((env.alice.inner(fam), 0))
    with Moves(env.gate, at_least=["LatchInNoBinding"]):
        sock.connect_ex((env.bob.inner(fam), 7))
        if proto == "udp":
            sock.send(b"whose?")
    ksft_eq(env.gate.conns(), {})


# --- what the ends hear ------------------------------------------------------------------------
@case("5.5-1_forwarded_flow_that_is_closed_resets_both_ends_{flow}", TCP)
def closed(env, proto, fam):
    """An administrator closes it at the gateway: both ends get a reset, the one behind the tunnel through that."""
    gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    (number,) = env.gate.conns()
    env.wire.restart()
    with Moves(env.gate, at_least=["LatchInClosed"], may=["LatchOutClosed"], LatchClosed=1):
        env.gate.nl.do("conn-close", id=number)
        flow.a.setblocking(False)
        flow.a.send(b"after the end")
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
        ksft_eq(error_of(flow.b), errno.ECONNRESET)
    ksft_eq(env.clear(flow, env.alice), (0, 0))
    ksft_eq(state_of(env, flow, flow.a), ("closed", "admin"))


@case("5.5-1_broken_forwarded_flow_is_reset_at_the_other_end_{flow}", TCP)
def reset_other(env, proto, fam):
    """The end in clear text gets a reset at its next segment; whoever has the address by then gets nothing."""
    tunnel = gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    taker = PoolAddress(env, tunnel)
    taker.new.identify()
    taker.start()
    with Moves(env.gate, at_least=["LatchOutBroken"], LatchBroken=1):
        taker.take()
        flow.b.setblocking(False)
        flow.b.send(b"to whoever")
        ksft_eq(error_of(flow.b), errno.ECONNRESET)
    ksft_eq(taker.stolen(flow), 0)
    taker.end()


@case("5.5-1_broken_forwarded_flow_is_unreachable_{flow}", UDP)
def unreachable(env, proto, fam):
    """The sender of a datagram hears that it is prohibited; not with `wait`, and nobody behind the tunnel."""
    tunnel = gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    taker = PoolAddress(env, tunnel)
    taker.new.identify()
    taker.start()
    old = env.gate.sysctl("disposition", "wait")
    with Moves(env.gate, LatchBroken=1, LatchOutBroken=3):
        taker.take()
        for _ in range(3):
            flow.b.send(b"to whoever")
    ksft_true(flow.silent(flow.b))
    env.gate.sysctl("disposition", old)
    with Moves(env.gate, LatchOutBroken=1):
        flow.b.send(b"to whoever")
        ksft_eq(error_of(flow.b), errno.EHOSTUNREACH if fam == 4 else errno.EACCES)
    ksft_eq(taker.stolen(flow), 0)
    taker.end()


@case("6.5-1_icmp_error_about_a_forwarded_flow_{flow}", UDP)
def icmp_error(env, proto, fam):
    """Under what is latched it passes; in clear neither one that seems to be from the protected side nor one to it."""
    gateway(env, fam, level="use")
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    a, b = (s.getsockname()[:2] for s in (flow.a, flow.b))
    quoted = forge.ip(b[0], a[0], 17, forge.udp(b[0], a[0], b[1], a[1], b"quoted"))
    with Moves(env.gate, LatchInIcmp=1):
        env.mallory.frame(env.gate.mac, forge.ETHERTYPE[fam], forge.unreachable(a[0], b[0], quoted))
    ksft_true(flow.silent(flow.b))
    quoted = forge.ip(a[0], b[0], 17, forge.udp(a[0], b[0], a[1], b[1], b"quoted"))
    with Moves(env.gate, LatchOutIcmp=1):
        router = env.mallory.inner(fam)
        env.mallory.frame(env.gate.mac, forge.ETHERTYPE[fam], forge.unreachable(router, a[0], quoted))
    ksft_true(flow.silent(flow.a))
    flow.b.close()
    with Moves(env.gate):
        flow.a.send(b"nobody is there")
        ksft_eq(error_of(flow.a), errno.ECONNREFUSED)


# --- how long a latch lives ---------------------------------------------------------------------
@case("2.3-6_silent_forwarded_flow_is_forgotten_{flow}", FLOWS)
def idle(env, proto, fam):
    """As long as packets come the latch stays; some time after the last one it goes."""
    gateway(env, fam)
    for name in ("forward_timeout_s", "forward_tcp_timeout_s"):
        env.gate.sysctl(name, 5)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    (number,) = env.gate.conns()
    end = time.monotonic() + 12
    while time.monotonic() < end:
        time.sleep(1)
        flow.exchange()
    ksft_eq(list(env.gate.conns()), [number])
    with Moves(env.gate, LatchLatches=-1, LatchClosed=1):
        wait(lambda: not rows(env.gate), "the latch to go", 30)


@case("2.3-6_forwarded_connection_is_over_{flow}", TCP)
def over(env, proto, fam):
    """Both ends close it: the latch goes long before that of a connection that is only silent."""
    gateway(env, fam)
    env.gate.sysctl("forward_timeout_s", 2)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    silent = ends(env, fam).flow(proto)
    silent.exchange()
    for sock in (flow.a, flow.b):
        sock.shutdown(socket.SHUT_WR)
    wait(lambda: side(flow, flow.a) not in rows(env.gate), "the latch to go")
    ksft_eq(state_of(env, silent, silent.a), ("established", "none"))


@case("2.3-6_forwarded_connection_begins_anew_{flow}", TCP)
def anew(env, proto, fam):
    """A connection of the same addresses and ports after a reset is latched anew, with whoever begins it."""
    tunnel = gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    before = rows(env.gate)
    name = side(flow, flow.a)
    again = tunnel.a.socket(INET[fam])
    again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    flow.a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    address, to = flow.a.getsockname()[:2], flow.b.getsockname()[:2]
    flow.a.close()
    ksft_eq(error_of(flow.b), errno.ECONNRESET)
    flow.b.close()
    server = ends(env, fam).listen(env.bob, port=to[1])
    with Moves(env.gate, LatchCreated=1, LatchClosed=1):
        again.bind(address)
        again.connect(server.getsockname()[:2])
    after = rows(env.gate)
    ksft_eq(list(after), [name])
    ksft_true(after[name]["id"] != before[name]["id"], "another latch")


@case("2.5-1_no_room_for_the_latch_of_a_forwarded_flow_{flow}", FLOWS)
def no_room(env, proto, fam):
    """With max_latches reached a flow that would be latched does not begin."""
    gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    env.gate.sysctl("max_latches", 1)
    pair = ends(env, fam)
    if proto == "tcp":
        server = pair.listen()
        sock = pair.a.socket(INET[fam])
        sock.bind((pair.addr(pair.a), 0))
        sock.setblocking(False)
        with Moves(env.gate, at_least=["LatchInLimit"]):
            sock.connect_ex(server.getsockname()[:2])
            before = env.gate.stat()["LatchInLimit"]
            wait(lambda: env.gate.stat()["LatchInLimit"] > before + 1, "two attempts")
    else:
        more = pair.udp(carry=False)
        with Moves(env.gate, LatchInLimit=2):
            more.a.send(b"one")
            more.a.send(b"two")
        ksft_true(more.silent(more.b))
    flow.exchange()


@case("2.5-1_one_peer_leaves_room_for_others_{flow}", UDP)
def share(env, proto, fam):
    """One peer's flows that nobody answers take half of the room; others' begin, and those that are answered."""
    gateway(env, fam)
    Tunnel(env, env.mallory, env.bob, fam=fam, reqid=3).up().identify()
    env.gate.sysctl("max_latches", 8)
    pair = ends(env, fam)
    flows = [pair.udp(carry=False) for _ in range(6)]
    # 8 are free, so up to 4; 7, 3; 6, 3; 5, 2: the fourth finds no room
    with Moves(env.gate, LatchLatches=3, LatchCreated=3, LatchInLimit=3):
        for flow in flows:
            flow.a.send(b"to nobody")
    with Moves(env.gate, **one_more_latch()):
        Ipsec(env.mallory, env.bob, fam=fam, mode="tunnel").udp()
    with Moves(env.gate):
        for flow in flows[:3]:
            flow.b.recv(100)
            flow.exchange()
    # 4 are free: up to 2; 3, 1
    with Moves(env.gate, LatchLatches=1, LatchCreated=1, LatchInLimit=2):
        for flow in flows[3:]:
            flow.a.send(b"to nobody")


BEFORE = [{**f, "how": how} for f in TCP for how in ("adopted", "not_adopted")]


@case("2.5-1_connection_from_before_is_{how}_{flow}", BEFORE)
def adopt(env, proto, fam, how):
    """A connection that was there before net.latch.forward was set is latched at its next segment, or never."""
    Tunnel(env, env.alice, env.bob, fam=fam).up().identify()
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    env.gate.sysctl("adopt", int(how == "adopted"))
    env.gate.sysctl("forward", 1)
    if how == "not_adopted":
        with Moves(env.gate):
            flow.exchange()
        return
    with Moves(env.gate, **one_more_latch()):
        flow.exchange()
    (row,) = rows(env.gate).values()
    ksft_eq(row["flags"], L.LATCH_F_AUTO | L.LATCH_F_PEER_IDENTIFIED | L.LATCH_F_FORWARDED | L.LATCH_F_ADOPTED)


@case("2.5-1_forwarding_is_latched_no_more_{flow}", FLOWS)
def switched_off(env, proto, fam):
    """net.latch.forward is 0 again: the latches go, the flows go on."""
    gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    with Moves(env.gate, LatchLatches=-1, LatchClosed=1):
        env.gate.sysctl("forward", 0)
        ksft_eq(env.gate.conns(), {})
        flow.exchange()


@case("2.2-5_module_goes_after_a_flush_of_forwarded_flows_{flow}", FLOWS)
def flushed(env, proto, fam):
    """While one is latched the module stays; when all are closed it can go."""
    gateway(env, fam)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    ksft_eq(unload(), errno.EWOULDBLOCK)
    env.gate.nl.do("conn-flush")
    with Moves(env.gate, LatchInClosed=1):
        flow.a.send(b"closed")
    unload_when_idle()
    load(env)
    env.set_up()


@case("6.2-1_forwarded_flow_is_released_{flow}", FLOWS)
def released(env, proto, fam):
    """An administrator lets its latch go: the next protected packet makes another one, TCP's where adopt is set."""
    gateway(env, fam)
    env.gate.sysctl("adopt", 0)
    flow = ends(env, fam).flow(proto)
    flow.exchange()
    with Moves(env.gate, LatchLatches=-1, LatchClosed=1):
        env.gate.nl.do("conn-release")
    with Moves(env.gate, **({} if proto == "tcp" else one_more_latch())):
        flow.exchange()


if __name__ == "__main__":
    runner.main()
