#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""SAs come and go: the same peer's are taken, others break the latch, each with its reason.

RFC 5660 2-2 to 2-7, 2.1-3, 2.2-6, 2.2-10, 2-19.
"""

import socket
import struct

import runner
from expect import Moves, both_are, is_state
from flow import FLOWS
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, times
from latchapi import L, ask, ask_to_wait, info
from netns import INET

HOSTS = ("alice", "bob")


@case("2-7_rekey_100_times_{flow}", FLOWS, limit=120)
def rekeys(env, proto, fam):
    """A hundred rekeys under a transfer: no break, no byte lost, the parameters unchanged (2-19)."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto)
    before = [info(s) for s in (flow.a, flow.b)]
    env.wire.restart()
    # a segment may still be on its way when its old SA goes
    late = ["XfrmInNoStates"]
    with Moves(env.alice, may=late), Moves(env.bob, may=late):
        for _ in range(times(100)):
            flow.pump(flow.moved(300 if proto == "tcp" else 3))
            ipsec.rekey()
        flow.pump(flow.moved(300 if proto == "tcp" else 3))
    if proto == "tcp":
        flow.drained()
    ksft_eq(flow.lost, 0)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    for sock, old in zip((flow.a, flow.b), before):
        new = is_state(sock, "ESTABLISHED", "NONE", [])
        ksft_eq((new.breaks, new.id, new.chain, new.peer), (0, old.id, old.chain, old.peer))
        ksft_true(new.spi_in != old.spi_in and new.spi_out != old.spi_out, "the SPIs are those of the last rekey")


@case("2-7_sas_of_other_spi_after_a_flush_{flow}", FLOWS)
def replaced(env, proto, fam):
    """The SAs go, unrelated ones of the same peer and suite come: the channel survives."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto)
    for host in (env.alice, env.bob):
        host.ip("xfrm state flush")
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    ipsec.sas = ipsec.new_sas()
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in ipsec.sas])
    with Moves(env.alice):
        flow.exchange()
    both_are(flow, "ESTABLISHED", "NONE", [])


# What a rekey changes, and what the latch must say of it.  The latched suite is
# AES-CBC-256 with HMAC-SHA256-128 and a window of 32.
BAD = [
    {"what": "other_cipher", "change": {"suite": "ctr256"}, "reason": "ENCR"},
    {"what": "no_cipher", "change": {"suite": "null"}, "reason": "ENCR", "more": ["KEY_LEN"]},
    {"what": "shorter_key", "change": {"suite": "cbc128"}, "reason": "KEY_LEN"},
    {"what": "other_integrity", "change": {"suite": "cbc256-sha512"}, "reason": "INTEG"},
    {"what": "shorter_icv", "change": {"suite": "cbc256-96"}, "reason": "ICV"},
    {"what": "esn", "change": {"extra": "flag esn"}, "reason": "ESN"},
    {"what": "tunnel_mode", "change": {"mode": "tunnel"}, "reason": "MODE"},
    {"what": "ah", "change": {"suite": "ah"}, "reason": "PROTO"},
    {"what": "no_replay_window", "change": {"window": 0}, "reason": "REPLAY", "ways": ["in"]},
    {"what": "smaller_replay_window", "change": {"window": 16}, "reason": "REPLAY", "ways": ["in"]},
    {"what": "stranger", "claim": ("mallory", "alice"), "reason": "PEER"},
    {"what": "other_local_identity", "claim": ("bob", "alice2"), "reason": "LOCAL"},
]
BAD = [{"way": way, "change": {}, **row} for row in BAD for way in row.get("ways", ["in", "out"])]


def one_sa(ipsec, way, **change):
    """A new SA of one direction, seen from the first host."""
    src = ipsec.b if way == "in" else ipsec.a
    return next(sa for sa in ipsec.new_sas() if sa.src == src.addr(ipsec.fam)).but(**change)


@case("2.2-6_rekey_{what}_{way}", BAD)
def bad_rekey(env, way, change, reason, more=(), claim=None):
    """An SA that is not congruent breaks the latch when it comes; when it goes, all is well again."""
    ipsec = Ipsec(env.alice, env.bob, suite="cbc256").up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    chain = info(flow.a).chain
    sa = one_sa(ipsec, way, **change)
    if claim:
        env.alice.bind(*claim, sa=sa)
    # bob may acknowledge late what he has
    with Moves(env.alice, LatchBroken=1, may=["LatchInBroken"]):
        env.alice.ip(sa.add())
        is_state(flow.a, "BROKEN", reason)
    got = info(flow.a)
    ksft_true({reason} <= got.conflict_names <= {reason, *more}, got.conflict_names)
    ksft_eq(got.chain, chain, "latched parameters never change (2-19)")
    with Moves(env.alice, LatchRestored=1):
        env.alice.ip(sa.delete())
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    with Moves(env.alice):
        flow.exchange()


GOOD = [
    {"what": "same_suite", "change": {}, "way": "in"},
    {"what": "same_suite", "change": {}, "way": "out"},
    {"what": "larger_replay_window", "change": {"window": 64}, "way": "in"},
    {"what": "no_replay_window", "change": {"window": 0}, "way": "out"},
    {"what": "lifetimes", "change": {"extra": "limit packet-hard 1000000 limit time-hard 10000"}, "way": "out"},
]


@case("2-7_rekey_that_is_congruent_{what}_{way}", GOOD)
def good_rekey(env, way, change):
    """Not latched: SPI, keys, lifetimes, a larger window; of outbound SAs the window says nothing."""
    ipsec = Ipsec(env.alice, env.bob, suite="cbc256").up().identify()
    flow = ipsec.tcp()
    flow.exchange()
    sa = one_sa(ipsec, way, **change)
    with Moves(env.alice), Moves(env.bob):
        env.bob.ip(sa.but(window=32, extra="").add())
        env.alice.ip(sa.add())
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-7_unidentified_sa_is_pinned_{way}", [{"way": "in"}, {"way": "out"}])
def unidentified(env, way):
    """Without a binding an SA equals nothing else, not even its own successor."""
    env.alice.pin()
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    sa = one_sa(ipsec, way)
    env.alice.ip(sa.add())
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])
    env.alice.ip(sa.delete())
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


@case("2-7_unidentified_sa_put_back_is_another")
def put_back(env):
    """The very same words of `ip xfrm` again make another SA: whose it is, nobody knows."""
    env.alice.pin()
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    env.alice.ip(*[sa.delete() for sa in ipsec.sas])
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    env.alice.ip(*[sa.add() for sa in ipsec.sas])
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])


# --- more than one suite is good enough ------------------------------------------
FLOOR = [
    {"what": "same", "suite": "cbc128", "reason": None},
    {"what": "longer_key", "suite": "cbc256", "reason": None},
    {"what": "combined_mode", "suite": "gcm256", "reason": None},
    {"what": "stronger_integrity", "suite": "cbc256-sha512", "reason": None},
    {"what": "no_cipher", "suite": "null", "reason": "ENCR"},
    {"what": "weaker_integrity", "suite": "cbc256-sha1", "reason": "INTEG"},
    {"what": "shorter_icv", "suite": "cbc256-96", "reason": "ICV"},
]


@case("2.1-3_qop_floor_{what}", FLOOR)
def floor(env, suite, reason):
    """net.latch.qop=floor: what is no weaker is congruent, and the option says so."""
    for host in (env.alice, env.bob):
        host.sysctl("qop", "floor")
    ipsec = Ipsec(env.alice, env.bob, suite="cbc128").up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    ksft_true(info(flow.a).flags & L.LATCH_F_QOP_INDETERMINATE)
    sa = one_sa(ipsec, "in", suite=suite)
    env.alice.ip(sa.add())
    if reason:
        is_state(flow.a, "BROKEN", reason)
    else:
        is_state(flow.a, "ESTABLISHED", "NONE", [])


SETS = [
    {"what": "member", "suite": "gcm256", "reason": None},
    {"what": "stranger", "suite": "chacha", "reason": "ENCR"},
]


@case("2.1-3_set_of_suites_{what}", SETS)
def suites(env, suite, reason):
    """A set that the application asked for is latched: any member will do, nothing else."""
    ipsec = Ipsec(env.alice, env.bob, suite="cbc256").up().identify()
    wanted = [{"encr": 12, "encr_bits": 256, "integ": 12}, {"encr": 20}]
    flow = ipsec.tcp(before=lambda sock: ask(sock, suites=wanted, disposition=L.LATCH_DISP_WAIT))
    flow.exchange()
    ksft_true(info(flow.a).flags & L.LATCH_F_QOP_INDETERMINATE)
    env.alice.ip(one_sa(ipsec, "in", suite=suite).add())
    if reason:
        is_state(flow.a, "BROKEN", reason)
    else:
        is_state(flow.a, "ESTABLISHED", "NONE", [])


# --- an SA that is changed while it is in use ---------------------------------------------------
XFRM_MSG_NEWAE = 0x1E
XFRMA_REPLAY_ESN_VAL = 23
REQUEST_ACK_REPLACE = 0x105


def set_window(host, sa, fam, window):
    """XFRM_MSG_NEWAE, which ip(8) does not have: the replay state of an SA, empty, with this window."""
    src, dst = (socket.inet_pton(INET[fam], a).ljust(16, b"\0") for a in (sa.src, sa.dst))
    esn = struct.pack("=7I", 1, 0, 0, 0, 0, window, 0)
    body = dst + struct.pack(">I", sa.spi) + struct.pack("=HBx", INET[fam], socket.IPPROTO_ESP) + src
    body += struct.pack("=IIHH", 0, sa.reqid, 4 + len(esn), XFRMA_REPLAY_ESN_VAL) + esn
    with host, socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 6) as nl:
        nl.send(struct.pack("=IHHII", 16 + len(body), XFRM_MSG_NEWAE, REQUEST_ACK_REPLACE, 1, 0) + body)
        ksft_eq(struct.unpack("=i", nl.recv(4096)[16:20])[0], 0, "the kernel takes it")


@case("2-10_smaller_replay_window_of_an_sa_in_use_{flow}", FLOWS)
def window_set(env, proto, fam):
    """Whoever makes the window of a live SA smaller breaks the latch in that moment; the old window restores it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, extra="flag esn").up().identify()
    flow = ipsec.flow(proto, before=ask_to_wait)
    sa = next(sa for sa in ipsec.sas if sa.dst == env.alice.addr(fam))
    set_window(env.alice, sa, fam, 8)
    is_state(flow.a, "BROKEN", "REPLAY", ["REPLAY"])
    is_state(flow.b, "ESTABLISHED", "NONE", [])
    set_window(env.alice, sa, fam, 32)
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


if __name__ == "__main__":
    runner.main()
