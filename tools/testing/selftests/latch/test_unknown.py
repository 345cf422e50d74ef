#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Flows whose peer nobody knows: net.latch.unidentified, and what becomes of them when somebody says.

RFC 5660 2-6, 2-7, 2-19, 2.2-6.
"""

import os

import runner
from expect import Moves, is_state, knows_peer, one_more_latch, untouched
from flow import FLOWS
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true
from latchapi import L, ask, ask_to_wait, info, watch

HOSTS = ("alice", "bob", "mallory")


def is_unknown(sock):
    """The latch stands, and says that it does not know its peer."""
    got = is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_eq(got.flags & (L.LATCH_F_PEER_UNKNOWN | L.LATCH_F_PEER_IDENTIFIED), L.LATCH_F_PEER_UNKNOWN)
    ksft_eq(got.peer, 0)


@case("2-6_unknown_peer_is_told_{flow}", FLOWS)
def told(env, proto, fam):
    """By a flag and a gauge; the gauge falls when the flow ends."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    with Moves(env.alice, LatchUnknown=1, may=["LatchActive"], **one_more_latch()):
        flow = ipsec.flow(proto)
        flow.exchange()
    is_unknown(flow.a)
    number = info(flow.a).id
    ksft_true(env.alice.conns()[number]["flags"] & L.LATCH_F_PEER_UNKNOWN)
    with Moves(env.alice, LatchUnknown=-1, LatchLatches=-1, LatchClosed=1):
        env.alice.nl.do("conn-release", id=number)


@case("2-7_unknown_peer_rekeys_{flow}_{mode}", [{**f, "mode": m} for f in FLOWS for m in ("transport", "tunnel")])
def rekeys(env, proto, fam, mode):
    """Any unidentified SA that policy selects and that protects as well carries on: 5 rekeys, one with the SAs away."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    # TCP may send again before the module hears of an SA that the kernel has already
    new = ["LatchInPending", "LatchOutPending"]
    with Moves(env.alice, may=new), Moves(env.bob, may=new):
        for _ in range(5):
            ipsec.rekey()
            flow.exchange()
    # the new SAs begin to count anew, each end at its own time
    away = ["XfrmInNoStates", "XfrmOutNoStates", "XfrmInStateSeqError", *new]
    with Moves(env.alice, may=away), Moves(env.bob, may=away):
        for host in (env.alice, env.bob):
            host.ip(*[sa.delete() for sa in ipsec.sas])
            host.ip(*[sa.add() for sa in ipsec.sas])
        flow.exchange()
    is_unknown(flow.a)
    is_unknown(flow.b)
    untouched(flow)


WEAKER = [
    {"what": "no_cipher", "suite": "null", "reason": "ENCR"},
    {"what": "shorter_key", "suite": "cbc128", "reason": "KEY_LEN"},
    {"what": "weaker_integrity", "suite": "cbc256-sha1", "reason": "INTEG"},
    {"what": "shorter_icv", "suite": "cbc256-96", "reason": "ICV"},
]


@case("2-10_unknown_peer_keeps_its_protection_{what}", WEAKER)
def weaker(env, suite, reason):
    """That nobody knows the peer is no reason to take less than was latched."""
    ipsec = Ipsec(env.alice, env.bob, suite="cbc256").up()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    env.alice.ip(*[sa.but(suite=suite).add() for sa in ipsec.new_sas()])
    ksft_true(reason in is_state(flow.a, "BROKEN").conflict_names)


@case("2-11_unknown_peer_hears_no_other_sa_{flow}", FLOWS)
def other_sa(env, proto, fam):
    """An SA that policy does not select for the flow is not its own, as good as it may be."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = ipsec.flow(proto)
    flow.exchange()
    other = Ipsec(env.alice, env.bob, fam=fam, reqid=77)
    other.sas = other.new_sas()
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in other.sas])
    env.bob.sysctl("auto", 0)
    env.bob.nl.do("conn-release")
    env.bob.ip(other.policy(env.bob, "out", "update"))
    with Moves(env.alice, at_least=["LatchInUnidentified"]):
        flow.b.send(b"under the other SA")
    ksft_true(flow.silent(flow.a))
    is_unknown(flow.a)


HOW = [{"how": how} for how in ("reqid", "sas", "out_only", "in_only")]


def claim(host, ipsec, peer, how):
    """Say whose an Ipsec's SAs are."""
    if how == "reqid":
        host.bind(peer, host.name, reqid=ipsec.reqid)
        return
    for sa in ipsec.sas:
        inbound = sa.dst == host.addr(ipsec.outer)
        if how == "sas" or inbound == (how == "in_only"):
            host.bind(peer, host.name, sa=sa)


@case("2-19_unknown_peer_becomes_known_{flow}_by_{how}", [{**f, **h} for f in FLOWS for h in HOW])
def becomes_known(env, proto, fam, how):
    """The first identity that comes is the peer's, once, with an event; nothing breaks, nothing is lost."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    nl = watch(env.alice)
    with Moves(env.alice, LatchIdentified=1, LatchUnknown=-1, may=["LatchPeers", "LatchBindings"]):
        claim(env.alice, ipsec, "bob", how)
        flow.exchange()
    told = [m for name, m in nl.events() if name == "conn-ntf"]
    ksft_eq([(m["old-state"], m["state"], m["peer"]) for m in told],
            [("established", "established", env.alice.peer("bob"))])  # fmt: skip
    knows_peer(flow.a, "bob", auth=L.LATCH_AUTH_MANUAL)
    untouched(flow)


@case("2.2-6_peer_known_late_is_known_for_good_{flow}", FLOWS)
def known_for_good(env, proto, fam):
    """From then on it is a full latch: SAs without identity, or of somebody else, break it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto).ask_to_wait()
    flow.exchange()
    claim(env.alice, ipsec, "bob", "sas")
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    old, ipsec.sas = ipsec.sas, ipsec.new_sas()
    env.alice.ip(*[sa.add() for sa in ipsec.sas])
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])
    claim(env.alice, ipsec, "bob", "sas")
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    env.bob.ip(*[sa.add() for sa in ipsec.sas])
    for host in (env.alice, env.bob):
        host.ip(*[sa.delete() for sa in old])
    flow.exchange()
    hers = ipsec.new_sas()
    for sa in hers:
        env.alice.bind("mallory", "alice", sa=sa)
    env.alice.ip(*[sa.add() for sa in hers])
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])


@case("2-19_first_identified_sa_is_adopted_{flow}", FLOWS)
def adopts(env, proto, fam):
    """A rekey whose SAs are claimed tells who the peer is; the old SAs may go on beside them."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    old, ipsec.sas = ipsec.sas, ipsec.new_sas()
    claim(env.alice, ipsec, "bob", "sas")
    with Moves(env.alice, LatchIdentified=1):
        for host in (env.alice, env.bob):
            host.ip(*[sa.add() for sa in ipsec.sas])
        flow.exchange()
    for host in (env.alice, env.bob):
        host.ip(*[sa.delete() for sa in old])
    flow.exchange()
    knows_peer(flow.a, "bob", auth=L.LATCH_AUTH_MANUAL)
    untouched(flow)


@case("2.2-6_two_identities_for_an_unknown_peer")
def two_identities(env):
    """SAs of two peers that could carry the flow: one of them is a stranger."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    for sa, peer in zip(ipsec.sas, ("bob", "mallory")):
        env.alice.bind(peer, "alice", sa=sa)
    ksft_true("PEER" in is_state(flow.a, "BROKEN").conflict_names)


@case("2.2-6_ambiguous_is_nobody_for_an_unknown_peer")
def ambiguous(env):
    """Claimed for two: not adopted, and nothing passes."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    # two claims at one moment, as far as the latch sees
    for sa in ipsec.new_sas():
        env.alice.bind("bob", "alice", sa=sa)
        env.alice.bind("mallory", "alice", sa=sa)
        env.alice.ip(sa.add())
    is_state(flow.a, "BROKEN", "AMBIGUOUS", ["AMBIGUOUS"])
    ksft_eq(info(flow.a).peer, 0)


@case("2-19_pinned_peer_becomes_known_{flow}_by_{how}", [{**f, **h} for f in FLOWS for h in HOW[:2]])
def pinned_becomes_known(env, proto, fam, how):
    """A claim for the very SAs that a latch is pinned to says who it was all along."""
    env.alice.pin()
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    flow.exchange()
    ksft_eq(info(flow.a).flags & L.LATCH_F_PEER_UNKNOWN, 0)
    with Moves(env.alice, LatchIdentified=1, LatchUnknown=-1, may=["LatchPeers", "LatchBindings"]):
        claim(env.alice, ipsec, "bob", how)
        flow.exchange()
    knows_peer(flow.a, "bob", auth=L.LATCH_AUTH_MANUAL)
    untouched(flow)


ASKED = [
    {"what": "require", "fields": {"mode": L.LATCH_MODE_REQUIRE}},
    {"what": "suites", "fields": {"suites": [{"encr": 20, "encr_bits": 128}]}},
    {"what": "protection", "fields": {"protection": L.LATCH_PROT_CONF}},
    {"what": "key_bits", "fields": {"min_key_bits": 128}},
    {"what": "encap", "fields": {"encap": L.LATCH_ENCAP_TRANSPORT}},
]


@case("2-6_who_asks_for_{what}_is_given_no_guess", ASKED)
def asked(env, fields):
    """A socket that asks for anything is latched to its very SAs, whatever the sysctl says."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=lambda sock: ask(sock, disposition=L.LATCH_DISP_WAIT, **fields))
    flow.exchange()
    ksft_eq(is_state(flow.a, "ESTABLISHED").flags & L.LATCH_F_PEER_UNKNOWN, 0)
    env.alice.ip(*[sa.add() for sa in ipsec.new_sas()])
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])


@case("2-6_disposition_asks_for_nothing")
def disposition_only(env):
    """What is to happen on a break is no demand."""
    flow = Ipsec(env.alice, env.bob).up().tcp(before=ask_to_wait)
    is_unknown(flow.a)


@case("2-6_unidentified_none_{flow}", FLOWS)
def none(env, proto, fam):
    """net.latch.unidentified=none: such a flow has no latch, an identified one has."""
    for host in (env.alice, env.bob):
        host.sysctl("unidentified", "none")
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    with Moves(env.alice, may=["LatchActive"]), Moves(env.bob, may=["LatchActive", "LatchListeners", "LatchClosed"]):
        flow = ipsec.flow(proto)
        flow.exchange()
    is_state(flow.a, "NONE")
    is_state(flow.b, "NONE")
    flow.close()
    ipsec.identify()
    flow = ipsec.flow(proto)
    knows_peer(flow.a, "bob", auth=L.LATCH_AUTH_MANUAL)


@case("2-6_unidentified_none_but_asked_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def none_but_asked(env, proto):
    """Who demands a channel gets one."""
    env.alice.sysctl("unidentified", "none")
    flow = Ipsec(env.alice, env.bob).up().flow(proto, before=lambda sock: ask(sock, mode=L.LATCH_MODE_REQUIRE))
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-12_unknown_peer_is_logged_once")
def logged(env):
    """One line in the kernel's log for each namespace, however many flows there are."""
    with open("/dev/kmsg", encoding="utf-8", errors="replace") as log:
        os.set_blocking(log.fileno(), False)
        os.lseek(log.fileno(), 0, os.SEEK_END)
        number = os.stat(f"/proc/{env.mallory.pid}/ns/net").st_ino
        ipsec = Ipsec(env.mallory, env.bob).up()
        for _ in range(3):
            ipsec.tcp().exchange()
        lines = []
        try:
            while True:
                lines.append(os.read(log.fileno(), 8192).decode())
        except BlockingIOError:
            pass
    ksft_eq(sum("latch: " in line and f"(netns {number})" in line for line in lines), 1, lines)


if __name__ == "__main__":
    runner.main()
