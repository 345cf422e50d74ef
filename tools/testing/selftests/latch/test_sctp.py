#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""SCTP: associations are latched as connections are.

RFC 5660 5.4-1, 2.2-1, 5.5-2, and what they take over from TCP: 2-8 to 2-17, 2.3-2, 2.3-17, 2.3-20.
"""

import ctypes
import errno
import os
import socket
import struct

import runner
import sctp
from expect import UNKNOWN, Moves, is_latched, is_state, one_more_latch
from flow import error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, times, wait
from latchapi import L, LatchInfo, ask, ask_to_wait, get_raw, info, level_of, libc, request, set_raw
from scenes import AddressTakeover
from sctp import Two, associate, client, listen

HOSTS = ("alice", "bob", "mallory")
FAMS = [{"fam": 4}, {"fam": 6}]

# What else moves when an association is reset.
GOING = ["LatchLatches", "LatchClosed", "LatchOutBroken", "LatchOutClosed", "LatchInClosed", "LatchInBroken"]


def setup():
    return sctp.SctpNet(*HOSTS)


def no_latches(host):
    wait(lambda: not host.stat()["LatchLatches"], "the latch to go")


# --- one path ---------------------------------------------------------------------
@case("5.4-1_auto_{mode}_sctp{fam}", [{**f, "mode": m} for f in FAMS for m in ("transport", "tunnel")])
def auto(env, fam, mode):
    """An association is latched at both ends, from INIT and COOKIE ECHO on, and goes with its association."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up()
    env.wire.restart()
    with Moves(env.alice, **one_more_latch()), Moves(env.bob, **one_more_latch()):
        flow = associate(ipsec)
        flow.exchange()
    for sock in (flow.a, flow.b):
        is_latched(ipsec, flow, sock, flags=UNKNOWN)
    flow.pump(flow.moved(20000))
    ksft_eq(env.wire.clear(flow), (0, 0))
    flow.close()
    for host in (env.alice, env.bob):
        no_latches(host)


@case("5.4-1_clear_association_is_not_latched_sctp{fam}", FAMS)
def clear(env, fam):
    """Where nothing protects an association, nothing changes."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    with Moves(env.alice), Moves(env.bob):
        flow = associate(ipsec)
        flow.exchange()
    ksft_eq([info(s).state_name for s in (flow.a, flow.b)], ["NONE", "NONE"])


@case("5.4-1_listed_as_sctp{fam}", FAMS)
def listed(env, fam):
    """The table of latches has the association's path; so have the events."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = associate(ipsec)
    for host, sock in ((env.alice, flow.a), (env.bob, flow.b)):
        rows = [c for c in host.conns().values() if c["proto"] == socket.IPPROTO_SCTP]
        ksft_eq([(c["id"], c["state"]) for c in rows], [(info(sock).id, "established")])
        ksft_eq(info(sock).flags & L.LATCH_F_PEER_IDENTIFIED, L.LATCH_F_PEER_IDENTIFIED)


@case("5.4-1_flush_of_policies_never_in_clear_sctp{fam}", FAMS)
def flushed(env, fam):
    """Policies and SAs are flushed: silence until they are back, then the association goes on."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec).ask_to_wait()
    flow.pump(flow.moved(4000))
    env.wire.restart()
    ipsec.flush()
    for sock in (flow.a, flow.b):
        is_state(sock, "BROKEN")
    flow.push()
    wait(lambda: env.alice.stat()["LatchOutBroken"] >= 2, "retransmissions")
    ipsec.up()
    for sock in (flow.a, flow.b):
        is_state(sock, "ESTABLISHED", conflicts=[])
    flow.pump(flow.moved(4000))
    ksft_eq(env.wire.clear(flow), (0, 0))
    ksft_eq([info(s).breaks for s in (flow.a, flow.b)], [1, 1])


@case("5.5-1_flush_of_policies_aborts_sctp{fam}", FAMS)
def reset(env, fam):
    """The disposition is reset: both ends get ECONNRESET, and nothing went out in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec)
    flow.exchange()
    env.wire.restart()
    with Moves(env.alice, LatchBroken=1, may=GOING), Moves(env.bob, LatchBroken=1, may=GOING):
        ipsec.flush()
        ksft_eq([error_of(s) for s in (flow.a, flow.b)], [errno.ECONNRESET] * 2)
    ksft_eq(env.wire.clear(flow), (0, 0))
    for host in (env.alice, env.bob):
        no_latches(host)


@case("5.5-1_break_before_accept_sctp{fam}", FAMS)
def reset_before_accept(env, fam):
    """An association that nobody has accepted yet is aborted, too."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = listen(ipsec)
    sock = client(ipsec)
    sock.connect(listener.getsockname()[:2])
    wait(lambda: env.bob.stat()["LatchLatches"] == 1, "the latch at the listener")
    ipsec.flush()
    ksft_eq(error_of(sock), errno.ECONNRESET)
    for host in (env.alice, env.bob):
        no_latches(host)


@case("5.4-1_rekey_sctp{fam}", FAMS)
def rekey(env, fam):
    """New SAs of the same peer carry the association on."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = associate(ipsec)
    env.wire.restart()
    for _ in range(3):
        flow.pump(flow.moved(4000))
        ipsec.rekey()
    flow.pump(flow.moved(4000))
    flow.drained()
    ksft_eq([info(s).breaks for s in (flow.a, flow.b)], [0, 0])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("5.4-1_stranger_sctp{fam}", FAMS)
def stranger(env, fam):
    """A third host takes the peer's address: broken when its SAs come, no byte to it, the owner is told."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    attack = AddressTakeover(env, ipsec)
    for sa in attack.sas:
        env.alice.bind("mallory", "alice", sa=sa)
    flow = associate(ipsec)
    flow.pump(flow.moved(2000))
    attack.start()
    env.wire.restart()
    with Moves(env.alice, LatchBroken=1, may=GOING):
        attack.add_sas()
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
    ksft_eq((attack.stolen(flow), attack.frames_seen(), env.wire.clear(flow)), ([], 0, (0, 0)))
    attack.end()


FORGED = [
    {**f, "what": name, "chunks": chunks}
    for f in FAMS
    for name, chunks in {
        "abort": (sctp.chunk(sctp.ABORT),),
        "shutdown": (sctp.chunk(sctp.SHUTDOWN, bytes(4)),),
        "heartbeat": (sctp.chunk(sctp.HEARTBEAT, b"\0\1\0\x08abcd"),),
        "bundle": (sctp.chunk(sctp.HEARTBEAT, b"\0\1\0\x08abcd"), sctp.chunk(sctp.ABORT)),
    }.items()
]


@case("5.4-1_forged_{what}_sctp{fam}", FORGED)
def forged(env, fam, chunks):
    """What a third host sends in clear, with the right tag, never gets to the association."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use", suite="null").up()
    env.wire.restart()
    flow = associate(ipsec)
    flow.exchange()
    vtag = sctp.tags(env, flow)[flow.a]
    with Moves(env.alice, LatchInClear=1):
        sctp.into(env, flow, vtag, *chunks)
    flow.exchange()
    ksft_eq(info(flow.a).in_drops, 1)


@case("5.4-1_forged_abort_with_t_bit_sctp{fam}", FAMS)
def forged_t_bit(env, fam):
    """An ABORT with the T bit carries the receiver's own tag."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use", suite="null").up()
    env.wire.restart()
    flow = associate(ipsec)
    flow.exchange()
    vtag = sctp.tags(env, flow)[flow.b]
    with Moves(env.alice, LatchInClear=1):
        sctp.into(env, flow, vtag, sctp.chunk(sctp.ABORT, flags=1))
    flow.exchange()


@case("5.4-1_forged_init_of_a_live_association_sctp{fam}", FAMS)
def forged_init(env, fam):
    """A clear INIT under the 5-tuple of an association does not restart it, nor does it get an answer."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = associate(ipsec)
    flow.exchange()
    env.wire.restart()
    with Moves(env.alice, LatchInClear=1):
        sctp.into(env, flow, 0, sctp.init())
    flow.exchange()
    ksft_eq(sctp.frames_of(env, sctp.INIT_ACK), 0)


@case("5.4-1_forged_init_that_names_the_peer_sctp{fam}", FAMS)
def forged_name(env, fam):
    """A clear INIT from elsewhere that names the peer's address, by which SCTP finds the association, has no answer."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = associate(ipsec)
    flow.exchange()
    env.wire.restart()
    with Moves(env.alice, LatchInClear=1):
        sctp.into(env, flow, 0, sctp.init(env.bob.addr(fam)), src=env.mallory.addr(fam))
    flow.exchange()
    ksft_eq(sctp.frames_of(env, sctp.INIT_ACK, sctp.ABORT), 0)


# --- what a socket asks for -------------------------------------------------------
@case("2-8_require_connect_without_protection_sctp{fam}", FAMS)
def connect_clear(env, fam):
    """connect() whose INIT would leave in clear fails at once, and not a frame is on the link."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    listener = listen(ipsec)
    sock = client(ipsec, lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE))
    env.wire.restart()
    with Moves(env.alice, LatchOutLarval=1, LatchRefused=1):
        with ksft_raises(errno.ECONNREFUSED):
            sock.connect(listener.getsockname()[:2])
    ksft_eq(sctp.frames_of(env), 0)
    ksft_eq(info(sock).reason_name, "LARVAL")


class ksft_raises:
    """The block fails with this errno."""

    def __init__(self, number):
        self.number = number

    def __enter__(self):
        return self

    def __exit__(self, _kind, value, _trace):
        got = value.errno if isinstance(value, OSError) else value
        ksft_eq(got, self.number)
        return isinstance(value, OSError)


@case("2-8_require_connect_with_protection_sctp{fam}", FAMS)
def connect_protected(env, fam):
    """It connects where there is protection, and is not automatic then."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec, sock=client(ipsec, lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE)))
    flow.exchange()
    got = is_state(flow.a, "ESTABLISHED")
    ksft_eq((got.mode, got.flags & L.LATCH_F_AUTO), (L.LATCH_MODE_REQUIRE, 0))


@case("2-9_require_listener_never_answers_clear_init_sctp{fam}", FAMS)
def listen_clear(env, fam):
    """A listener that demands a channel does not answer an INIT in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    listener = listen(ipsec, lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE))
    ksft_eq(info(listener).state_name, "LISTENER")
    sock = client(ipsec)
    sock.setblocking(False)
    env.wire.restart()
    with Moves(env.bob, at_least=["LatchInLarval"]):
        sock.connect_ex(listener.getsockname()[:2])
        wait(lambda: sctp.frames_of(env, sctp.INIT) >= 2, "a second INIT")
    ksft_eq(sctp.frames_of(env, sctp.INIT_ACK, sctp.ABORT), 0)
    sock.close()


@case("2-9_require_listener_with_protection_sctp{fam}", FAMS)
def listen_protected(env, fam):
    """Its associations inherit the demand (2.3-15)."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec, listener=listen(ipsec, lambda s: ask(s, mode=L.LATCH_MODE_REQUIRE)))
    flow.exchange()
    got = is_state(flow.b, "ESTABLISHED")
    ksft_eq((got.mode, got.flags & L.LATCH_F_AUTO), (L.LATCH_MODE_REQUIRE, 0))


PEERS = [
    {**f, "end": end, "peer": peer, "what": what}
    for f in FAMS
    for end in ("client", "listener")
    for peer, what in (("bob.example" if end == "client" else "alice.example", "right"), ("mallory.example", "wrong"))
]


@case("2-16_{end}_demands_the_{what}_peer_sctp{fam}", PEERS)
def demand_peer(env, fam, end, peer, what):
    """Only the peer that a socket names gets an association."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    for host, other in ((env.alice, "bob.example"), (env.bob, "alice.example")):
        host.bind(other, reqid=ipsec.reqid)

    def demand(sock):
        ask(sock, mode=L.LATCH_MODE_REQUIRE, peer_id=peer)

    listener = listen(ipsec, demand if end == "listener" else None)
    sock = client(ipsec, demand if end == "client" else None)
    if what == "right":
        flow = associate(ipsec, listener, sock)
        flow.exchange()
        return
    counter = (env.alice, "LatchOutPeer") if end == "client" else (env.bob, "LatchInPeer")
    sock.setblocking(False)
    sock.connect_ex(listener.getsockname()[:2])
    wait(lambda: counter[0].stat()[counter[1]] >= 1, "the refusal")
    ksft_eq(env.bob.stat()["LatchLatches"], 0)
    sock.close()


@case("2-16_request_of_an_associated_socket_sctp{fam}", FAMS)
def too_late(env, fam):
    """EBUSY, for what came before cannot be checked any more; a disposition may be set at any time."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec)
    req = bytes(request(mode=L.LATCH_MODE_REQUIRE))
    ksft_eq([set_raw(s, req) for s in (flow.a, flow.b)], [errno.EBUSY] * 2)
    ask_to_wait(flow.b)
    ksft_eq(info(flow.b).disposition, L.LATCH_DISP_WAIT)


@case("2-16_what_sctp_has_not_sctp{fam}", FAMS)
def not_for_sctp(env, fam):
    """Own policies, bypass, tags, destinations and records of changes are not for SCTP: EOPNOTSUPP."""
    sock = env.alice.socket(socket.AF_INET if fam == 4 else socket.AF_INET6, socket.SOCK_STREAM, sctp.SCTP)
    for req in (request(mode=L.LATCH_MODE_BYPASS), request(own_policy=1)):
        ksft_eq(set_raw(sock, bytes(req)), errno.EOPNOTSUPP)
    ksft_eq(set_raw(sock, (1).to_bytes(4, "little"), option=L.IP_LATCH_ALERTS), errno.EOPNOTSUPP)
    # a raw socket of the same protocol is none of SCTP
    raw = env.alice.socket(socket.AF_INET if fam == 4 else socket.AF_INET6, socket.SOCK_RAW, sctp.SCTP)
    ksft_eq(set_raw(raw, bytes(request(mode=L.LATCH_MODE_REQUIRE))), errno.EOPNOTSUPP)
    ksft_eq(get_raw(raw, L.IP_LATCH, 500)[0], errno.EOPNOTSUPP)


@case("5.4-1_raw_socket_begins_no_association_sctp{fam}", FAMS)
def raw_init(env, fam):
    """An INIT that a raw socket sends under the 5-tuple of an association does not let go of its latch."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec).ask_to_wait()
    flow.exchange()
    before = info(flow.a).id
    raw = env.alice.socket(socket.AF_INET if fam == 4 else socket.AF_INET6, socket.SOCK_RAW, sctp.SCTP)
    raw.bind((env.alice.addr(fam), 0))
    raw.sendto(sctp.packet(*flow.ports, 0, sctp.init()), (env.bob.addr(fam), 0))
    ksft_eq((info(flow.a).id, info(flow.a).state_name), (before, "ESTABLISHED"))
    flow.exchange()


# --- administrators, and the module ----------------------------------------------
@case("2.3-20_flush_of_latches_sctp{fam}", FAMS)
def admin_flush(env, fam):
    """`connection flush` aborts associations."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec)
    flow.exchange()
    for host in (env.alice, env.bob):
        host.nl.do("conn-flush")
    ksft_eq([error_of(s) for s in (flow.a, flow.b)], [errno.ECONNRESET] * 2)
    for host in (env.alice, env.bob):
        no_latches(host)


@case("2-1_unload_is_refused_while_latched_sctp{fam}", FAMS)
def refused(env, fam):
    """While a latch of SCTP lives, its module stays; the other one is in use by it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = associate(ipsec)
    ksft_true(sctp.unload() in (errno.EBUSY, errno.EAGAIN), "refused")
    ksft_true(os.path.isdir("/sys/module/ipsec_latch_sctp"))
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.3-17_next_association_of_a_5-tuple_sctp{fam}", FAMS)
def again(env, fam):
    """The 5-tuple of an association that is over is good for the next one, of another peer, too."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = listen(ipsec)
    flow = associate(ipsec, listener)
    port = flow.ports[0]
    flow.close()
    for host in (env.alice, env.bob):
        no_latches(host)
    ipsec.flush()
    for host, peer in ((env.alice, "bob"), (env.bob, "alice")):
        host.unbind(peer, host.name, reqid=ipsec.reqid)
    ipsec.reqid = 2
    ipsec.up()
    for host in (env.alice, env.bob):
        host.bind("somebody", reqid=2)
    flow = associate(ipsec, listener, client(ipsec, port=port))
    flow.exchange()
    ksft_eq(info(flow.a).peer, env.alice.peer("somebody"))


# --- several paths ----------------------------------------------------------------
BOTH = [(1, "established"), (2, "established")]


@case("5.4-1_two_paths_sctp{fam}", FAMS)
def two_paths(env, fam):
    """Each path of an association gets a latch of its own, once it has proved the same peer."""
    two = Two(env, fam).identify()
    env.wire.restart()
    flow = two.associate()
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "both paths")
    flow.pump(flow.moved(4000))
    ksft_eq(sctp.frames_of(env), 0)
    flow.close()
    for host in (env.alice, env.bob):
        no_latches(host)


@case("5.4-1_path_failover_when_a_link_is_cut_sctp{fam}", FAMS)
def cut(env, fam):
    """The first link is cut: the association goes on by the second one, protected."""
    two = Two(env, fam).identify()
    flow = two.associate()
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "both paths")
    env.wire.restart()
    env.cut(env.bob)
    flow.pump(flow.moved(4000), 30)
    env.mend(env.bob)
    ksft_eq(sctp.frames_of(env), 0)
    ksft_eq([info(s).breaks for s in (flow.a, flow.b)], [0, 0])


@case("5.5-2_path_failover_on_a_break_sctp{fam}", FAMS)
def broken_path(env, fam):
    """The latch of the first path breaks: that one is out of use, and the second one carries the data."""
    two = Two(env, fam).identify()
    flow = two.associate()
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "both paths")
    env.wire.restart()
    for host in (env.alice, env.bob):
        host.ip(*[two.first.policy(host, way, "delete") for way in ("out", "in")])
        wait(lambda h=host: two.paths(h) == [(1, "broken"), (2, "established")], "the break")
    flow.pump(flow.moved(4000), 30)
    ksft_eq(sctp.frames_of(env), 0)
    two.first.up()
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "the end of the conflict")
    flow.pump(flow.moved(4000), 30)


@case("5.5-2_break_of_all_paths_aborts_sctp{fam}", FAMS)
def all_broken(env, fam):
    """No path is left: the association is aborted."""
    two = Two(env, fam).identify()
    flow = two.associate()
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "both paths")
    env.wire.restart()
    two.first.flush()
    ksft_eq([error_of(s) for s in (flow.a, flow.b)], [errno.ECONNRESET] * 2)
    ksft_eq(sctp.frames_of(env), 0)


@case("5.5-2_reset_of_one_path_where_asked_sctp{fam}", FAMS)
def asked_reset(env, fam):
    """A socket that asks for reset loses its association with the first path that breaks."""
    two = Two(env, fam).identify()
    flow = two.associate(lambda s: ask(s, disposition=L.LATCH_DISP_RESET))
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "both paths")
    env.alice.ip(*[two.first.policy(env.alice, way, "delete") for way in ("out", "in")])
    ksft_eq(error_of(flow.a), errno.ECONNRESET)


@case("5.4-1_takeover_of_one_address_sctp{fam}", FAMS)
def one_address(env, fam):
    """A third host takes one address of the peer: that path breaks, the other one goes on, not a byte is read."""
    two = Two(env, fam).identify()
    attack = AddressTakeover(env, two.first)
    for sa in attack.sas:
        env.alice.bind("mallory", "alice", sa=sa)
    flow = two.associate()
    wait(lambda: two.paths(env.alice) == BOTH, "both paths")
    flow.pump(flow.moved(2000))
    attack.start()
    env.wire.restart()
    attack.add_sas()
    wait(lambda: two.paths(env.alice) == [(1, "broken"), (2, "established")], "the break")
    flow.pump(flow.moved(4000), 30)
    ksft_eq((attack.stolen(flow), attack.frames_seen(), sctp.frames_of(env)), ([], 0, 0))
    attack.end()


@case("5.4-1_rekey_of_two_paths_sctp{fam}", FAMS)
def rekey_both(env, fam):
    """New SAs of both paths carry the association on."""
    two = Two(env, fam).identify()
    flow = two.associate()
    for host in (env.alice, env.bob):
        wait(lambda h=host: two.paths(h) == BOTH, "both paths")
    env.wire.restart()
    for ipsec in (two.first, two.second):
        ipsec.rekey()
        flow.pump(flow.moved(4000))
    ksft_eq([two.paths(h) for h in (env.alice, env.bob)], [BOTH] * 2)
    ksft_eq(sctp.frames_of(env), 0)


@case("5.4-1_path_of_another_peer_sctp{fam}", FAMS)
def other_peer(env, fam):
    """A path behind which is another peer carries nothing; the association goes on by the first one."""
    two = Two(env, fam).identify("mallory")
    flow = two.associate()
    wait(lambda: env.alice.stat()["LatchOutPeer"] >= 2, "heartbeats that are dropped")
    flow.pump(flow.moved(4000))
    ksft_eq(two.paths(env.alice), BOTH[:1])


@case("5.4-1_path_in_clear_sctp{fam}", FAMS)
def clear_path(env, fam):
    """A path that nothing protects carries nothing, not even a heartbeat."""
    two = Two(env, fam, clear=True).identify()
    env.wire.restart()
    flow = two.associate()
    for host in (env.alice, env.bob):
        wait(lambda h=host: h.stat()["LatchOutClear"] >= 2, "heartbeats that are dropped")
    flow.pump(flow.moved(4000))
    ksft_eq(sctp.frames_of(env), 0)
    ksft_eq([two.paths(h) for h in (env.alice, env.bob)], [BOTH[:1]] * 2)


@case("5.4-1_path_of_nobody_known_sctp{fam}", FAMS)
def unknown_path(env, fam):
    """Where nobody says who the peer is, a further path cannot prove that it leads to the same one."""
    two = Two(env, fam)
    flow = two.associate()
    wait(lambda: env.alice.stat()["LatchOutUnidentified"] >= 2, "heartbeats that are dropped")
    flow.pump(flow.moved(4000))
    ksft_eq(two.paths(env.alice), BOTH[:1])


@case("5.4-1_address_added_later_{what}_sctp{fam}", [{**f, "what": w} for f in FAMS for w in ("right", "wrong")])
def asconf(env, fam, what):
    """An address that ASCONF adds is a path only if the same peer is behind it."""
    for host in (env.alice, env.bob):
        for name in ("addip_enable", "addip_noauth_enable"):
            host.sysctl_of(f"net/sctp/{name}", 1)
    two = Two(env, fam).identify("bob" if what == "right" else "mallory")
    flow = two.associate(both=False)
    flow.exchange()
    env.wire.restart()
    sctp.bindx(flow.b, sctp.Second(env.bob).addr(fam))
    sctp.bindx(flow.a, sctp.Second(env.alice).addr(fam))
    if what == "right":
        wait(lambda: (2, "established") in two.paths(env.alice), "the second path")
    else:
        wait(lambda: env.alice.stat()["LatchOutPeer"] >= 2, "heartbeats that are dropped")
        ksft_eq([p for p in two.paths(env.alice) if p[0] == 2], [])
    flow.pump(flow.moved(4000))
    ksft_eq(sctp.frames_of(env), 0)


# --- one socket, many associations ------------------------------------------------
def many(env, fam, number):
    """(the second host's one-to-many socket, sockets of the first host that are associated with it)."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    server = env.bob.socket(socket.AF_INET if fam == 4 else socket.AF_INET6, socket.SOCK_SEQPACKET, sctp.SCTP)
    server.setsockopt(sctp.SCTP, sctp.RCVINFO, 1)
    server.bind((env.bob.addr(fam), 0))
    server.listen(1)
    server.settimeout(10)
    socks = [client(ipsec) for _ in range(number)]
    for sock in socks:
        sock.connect(server.getsockname()[:2])
    return ipsec, server, socks


def number_of(server, sock):
    """The number of the association that the next message of a socket comes by."""
    sock.send(b"who am I?")
    _, control, _, _ = server.recvmsg(100, 200)
    (rcvinfo,) = (data for level, kind, data in control if (level, kind) == (sctp.SCTP, 3))
    return struct.unpack_from("=i", rcvinfo, 24)[0]


def info_of(server, number):
    """getsockopt(IP_LATCH_ASSOC): (errno, struct latch_info)"""
    area = ctypes.create_string_buffer(struct.pack("=i", number), ctypes.sizeof(LatchInfo))
    size = ctypes.c_int(len(area))
    done = libc.getsockopt(server.fileno(), level_of(server), L.IP_LATCH_ASSOC, area, ctypes.byref(size))
    return ctypes.get_errno() if done else 0, LatchInfo.from_buffer_copy(area)


@case("5.4-1_inquiry_by_association_sctp{fam}", FAMS)
def by_number(env, fam):
    """A socket with several associations asks about each by its number."""
    _, server, socks = many(env, fam, 3)
    for sock in socks:
        error, got = info_of(server, number_of(server, sock))
        ksft_eq((error, got.state_name, got.remote_port), (0, "ESTABLISHED", sock.getsockname()[1]))
        ksft_eq(got.peer, env.bob.peer("alice"))
    ksft_eq(info_of(server, 2**31 - 1)[0], errno.ENOENT)
    tcp = env.bob.socket()
    ksft_eq(info_of(tcp, 1)[0], errno.EOPNOTSUPP)


@case("5.4-1_a_thousand_associations_sctp{fam}", FAMS, limit=180)
def thousand(env, fam):
    """As many associations of one socket: each is latched, a flush breaks all, nothing is in clear."""
    number = times(1000)
    ipsec, server, socks = many(env, fam, number)
    wait(lambda: env.bob.stat()["LatchLatches"] == number, "the latches", 30)
    env.wire.restart()
    ipsec.flush()
    wait(lambda: env.bob.stat()["LatchBroken"] >= number, "the breaks", 30)
    for sock in socks[:10]:
        ksft_eq(error_of(sock), errno.ECONNRESET)
    for host in (env.alice, env.bob):
        wait(lambda h=host: not h.stat()["LatchLatches"], "the latches to go", 30)
    ksft_eq(sctp.frames_of(env), 0)
    server.close()


if __name__ == "__main__":
    runner.main()
