#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A latch holds when policies and SAs go, and the flow goes on when they are back.

RFC 5660 2-10, 2-11, 2-20, 2.2-7 to 2.2-10, 2.3-13, 2.3-18, 5.5.
"""

import contextlib
import errno
import socket

import runner
from expect import Moves, both_are, is_state
from flow import FLOWS, error_of
from ipsec import Ipsec, set_socket_policy
from ktap import case, ksft_eq, ksft_ge, ksft_true, wait
from latchapi import L, ask, info

HOSTS = ("alice", "bob")

DISPOSITIONS = {
    "wait": (L.LATCH_DISP_WAIT, 0),
    "reset": (L.LATCH_DISP_RESET, errno.ECONNRESET),
    "unreach": (L.LATCH_DISP_UNREACH, errno.EHOSTUNREACH),
}
FLUSHES = [{**f, "disposition": d} for f in FLOWS for d in DISPOSITIONS]
GONE = ["POLICY_OUT", "POLICY_IN"]


def identified_ipsec(env, fam, **kwargs):
    """IPsec between alice and bob, whose SAs are bound to their names."""
    return Ipsec(env.alice, env.bob, fam=fam, **kwargs).up().identify()


def with_disposition(ipsec, proto, name):
    """A flow whose both ends have a disposition; the default is not asked for."""
    flow = ipsec.flow(proto)
    if name != {"tcp": "reset", "udp": "wait"}[proto]:
        for sock in (flow.a, flow.b):
            # the one request that is taken after the latch is there
            ask(sock, disposition=DISPOSITIONS[name][0])
    return flow


def amount(proto):
    """How much a flow carries in one go: bytes, or datagrams."""
    return 4000 if proto == "tcp" else 20


def silent_drops(flow, number=3):
    """Until both ends tried so often to send, and were kept from it."""
    return lambda: all(info(s).out_drops >= number for s in (flow.a, flow.b))


@case("2-10_flush_{flow}_{disposition}", FLUSHES)
def flush(env, proto, fam, disposition):
    """Policies and SAs flushed under a live transfer: not one byte in clear; put back: not one lost."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, proto, disposition)
    flow.pump(flow.moved(amount(proto)))
    env.wire.restart()
    ipsec.flush()
    error = DISPOSITIONS[disposition][1]
    if error:
        for sock in (flow.a, flow.b):
            ksft_eq(error_of(sock), error)
    if error and proto == "tcp":
        both_are(flow, "CLOSED", "POLICY_OUT")
    else:
        both_are(flow, "BROKEN", "POLICY_OUT", GONE)
        flow.pump(silent_drops(flow))
        both_are(flow, "BROKEN", "POLICY_OUT", GONE)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ipsec.up()
    if error and proto == "tcp":
        both_are(flow, "CLOSED", "POLICY_OUT")
        return
    both_are(flow, "ESTABLISHED", conflicts=[])
    flow.lost = 0
    flow.pump(flow.moved(amount(proto)))
    if proto == "tcp":
        flow.drained()
    for sock in (flow.a, flow.b):
        ksft_eq(info(sock).breaks, 1)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


@case("2.3-13_policy_flush_alone_{flow}", FLOWS)
def policies_only(env, proto, fam):
    """The SAs stay, the policies go: what the SAs could protect would go out in clear."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, proto, "wait")
    env.wire.restart()
    for host in (env.alice, env.bob):
        host.ip("xfrm policy flush")
    both_are(flow, "BROKEN", "POLICY_OUT", GONE)
    flow.pump(silent_drops(flow, 2))
    for host in (env.alice, env.bob):
        host.ip(*ipsec.policies(host))
    both_are(flow, "ESTABLISHED", conflicts=[])
    flow.pump(flow.moved(amount(proto)))
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


@case("2-10_flush_at_one_end_{flow}", FLOWS)
def one_end(env, proto, fam):
    """One end loses its policies and SAs: the other end's latch has no conflict and waits."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, proto, "wait")
    env.wire.restart()
    ipsec.flush([env.alice])
    flow.pump(lambda: info(flow.a).out_drops >= 2)
    is_state(flow.a, "BROKEN", "POLICY_OUT", GONE)
    ksft_eq(is_state(flow.b, "ESTABLISHED", "NONE", []).out_drops, 0)
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ipsec.flush([env.bob])
    ipsec.up()
    flow.pump(flow.moved(amount(proto)))


@case("2-20_missing_sas_are_no_conflict_{flow}", FLOWS)
def sas_only(env, proto, fam):
    """Only the SAs are flushed: that is packet loss, nothing breaks, nothing is told."""
    ipsec = identified_ipsec(env, fam)
    flow = ipsec.flow(proto)
    flow.pump(flow.moved(amount(proto)))
    env.wire.restart()
    for host in (env.alice, env.bob):
        host.ip("xfrm state flush")
    before = env.alice.stat("xfrm_stat")["XfrmOutNoStates"]
    flow.pump(lambda: env.alice.stat("xfrm_stat")["XfrmOutNoStates"] >= before + 2)
    both_are(flow, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ipsec.sas = ipsec.new_sas()
    for host in (env.alice, env.bob):
        host.ip("xfrm state flush", *[sa.add() for sa in ipsec.sas])
    both_are(flow, "ESTABLISHED", "NONE", [])
    flow.pump(flow.moved(amount(proto)))
    for sock in (flow.a, flow.b):
        ksft_eq(info(sock).out_drops, 0)


# --- one policy among others ---------------------------------------------------
def other_policy(ipsec, host, direction, words, verb="add", narrow=""):
    x, y = (host, ipsec.other(host)) if direction == "out" else (ipsec.other(host), host)
    return f"xfrm policy {verb} {ipsec.selector(x, y)} {narrow} dir {direction} {words}"


BYPASSES = [{**f, "direction": d, "reason": r} for f in FLOWS for d, r in (("out", "POLICY_OUT"), ("in", "POLICY_IN"))]


@case("2.3-13_bypass_policy_{direction}_{flow}", BYPASSES)
def bypass(env, proto, fam, direction, reason):
    """A policy that would let the flow pass in clear breaks it until it is gone."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, proto, "wait")
    env.wire.restart()
    with Moves(env.alice, LatchBroken=1):
        env.alice.ip(other_policy(ipsec, env.alice, direction, "action allow priority 1", narrow=f"proto {proto}"))
    is_state(flow.a, "BROKEN", reason, [reason])
    is_state(flow.b, "ESTABLISHED", "NONE", [])
    # 2.3.1-1: what comes under the right SA is dropped, too
    with Moves(env.alice, at_least=["LatchInBroken"], may=["LatchOutBroken"]):
        flow.pump(lambda: info(flow.a).in_drops >= 1, ways=((flow.b, flow.a),))
    with Moves(env.alice, LatchRestored=1, may=["LatchInBroken", "LatchOutBroken"]):
        env.alice.ip(other_policy(ipsec, env.alice, direction, "", "delete", f"proto {proto}"))
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.pump(flow.moved(amount(proto)))
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


TEMPLATES = [
    {"what": "tunnel", "mode": "tunnel", "suite": "gcm128", "reason": "MODE"},
    {"what": "ah", "mode": "transport", "suite": "ah", "reason": "PROTO"},
    {"what": "bundle", "mode": "transport", "suite": ("gcm128", "ah"), "reason": "PROTO"},
]


@case("2.2-7_policy_of_other_shape_{what}", TEMPLATES)
def shape(env, mode, suite, reason):
    """A policy that demands another mode or protocol breaks the latch before such an SA is there."""
    ipsec = identified_ipsec(env, 4)
    flow = with_disposition(ipsec, "tcp", "wait")
    other = Ipsec(env.alice, env.bob, mode=mode, suite=suite)
    words = f"priority 1 {other.templates(env.alice, env.bob)}"
    env.alice.ip(other_policy(ipsec, env.alice, "out", words, narrow="proto tcp"))
    is_state(flow.a, "BROKEN", reason, [reason])
    env.alice.ip(other_policy(ipsec, env.alice, "out", "", "delete", "proto tcp"))
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


HARMLESS = [
    {"what": "other_port", "narrow": "proto tcp dport 9", "words": "action allow priority 1"},
    {"what": "other_protocol", "narrow": "proto udp", "words": "action allow priority 1"},
    {"what": "lower_priority", "narrow": "proto tcp", "words": "action allow priority 1000"},
    {"what": "mark", "narrow": "proto tcp", "words": "mark 5 action allow priority 1"},
    {"what": "if_id", "narrow": "proto tcp", "words": "if_id 5 action allow priority 1"},
    {"what": "block", "narrow": "proto tcp", "words": "action block priority 1", "silent": True},
]


@case("2.2-7_policy_that_is_no_conflict_{what}", HARMLESS)
def harmless(env, narrow, words, silent=False):
    """Policies that do not decide about the flow, or that keep it silent, break nothing."""
    ipsec = identified_ipsec(env, 4)
    flow = ipsec.tcp()
    with Moves(env.alice):
        for direction in ("out", "in"):
            env.alice.ip(other_policy(ipsec, env.alice, direction, words, narrow=narrow))
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        if not silent:
            flow.exchange()
    if silent:
        with Moves(env.alice, at_least=["XfrmOutPolBlock"], may=["XfrmInPolBlock"]):
            flow.pump(lambda: env.alice.stat("xfrm_stat")["XfrmOutPolBlock"])
        for direction in ("out", "in"):
            env.alice.ip(other_policy(ipsec, env.alice, direction, "", "delete", narrow))
        flow.pump(flow.moved(2000))
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-20_blocking_default_policy_is_silence")
def default_block(env):
    """Where the default is to block, a flush leaves nothing that could leak: no conflict."""
    ipsec = identified_ipsec(env, 4)
    flow = ipsec.tcp()
    env.alice.ip("xfrm policy setdefault in block fwd block out block")
    try:
        env.alice.ip("xfrm policy flush")
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        env.alice.ip(*ipsec.policies(env.alice))
        flow.pump(flow.moved(2000))
    finally:
        env.alice.ip("xfrm policy setdefault in accept fwd accept out accept")


@contextlib.contextmanager
def default_policy(host, verb):
    """Another default policy in all directions while a block runs."""
    host.ip(f"xfrm policy setdefault in {verb} fwd {verb} out {verb}")
    try:
        yield
    finally:
        host.ip("xfrm policy setdefault in accept fwd accept out accept")


@case("2.2-7_pass_policy_where_the_default_is_to_block_{flow}", FLOWS)
def passed_by_policy(env, proto, fam):
    """The default is only for what no policy governs: one that lets a latched flow pass in clear is a conflict."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, proto, "wait")
    with default_policy(env.alice, "block"):
        env.alice.ip(other_policy(ipsec, env.alice, "out", "action allow priority 1", narrow=f"proto {proto}"))
        is_state(flow.a, "BROKEN", "POLICY_OUT", ["POLICY_OUT"])
        env.alice.ip(other_policy(ipsec, env.alice, "out", "", "delete", f"proto {proto}"))
        is_state(flow.a, "ESTABLISHED", conflicts=[])


@case("2.2-7_default_policy_changes_{flow}", FLOWS)
def default_changes(env, proto, fam):
    """No event tells of another default policy: the first packet that is dropped finds out, and so does who asks."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, proto, "wait")
    with default_policy(env.alice, "block"):
        env.alice.ip("xfrm policy flush")
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.pump(lambda: info(flow.a).conflicts, ways=((flow.a, flow.b),))
    is_state(flow.a, "BROKEN", "POLICY_OUT", GONE)
    with default_policy(env.alice, "block"):
        ksft_eq([c["state"] for c in env.alice.conns().values()], ["established"])


@case("2.2-10_restored_when_the_last_conflict_is_gone")
def last_conflict(env):
    """Two conflicts: the first to go changes nothing but the set."""
    ipsec = identified_ipsec(env, 4)
    flow = with_disposition(ipsec, "tcp", "wait")
    for direction in ("out", "in"):
        env.alice.ip(other_policy(ipsec, env.alice, direction, "action allow priority 1", narrow="proto tcp"))
    is_state(flow.a, "BROKEN", conflicts=GONE)
    env.alice.ip(other_policy(ipsec, env.alice, "out", "", "delete", "proto tcp"))
    is_state(flow.a, "BROKEN", conflicts=["POLICY_IN"])
    env.alice.ip(other_policy(ipsec, env.alice, "in", "", "delete", "proto tcp"))
    ksft_eq(is_state(flow.a, "ESTABLISHED", conflicts=[]).breaks, 1)
    flow.exchange()


@case("2-10_bypass_policy_of_the_socket_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def socket_policy(env, proto):
    """A policy that the application puts on its own latched socket leads to nothing in clear."""
    ipsec = identified_ipsec(env, 4)
    flow = with_disposition(ipsec, proto, "wait")
    env.wire.restart()
    with Moves(env.alice, at_least=["LatchOutClear"]):
        set_socket_policy(flow.a)
        flow.pump(lambda: info(flow.a).out_drops >= 2, ways=((flow.a, flow.b),))
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


# --- dispositions ------------------------------------------------------------------
@case("5.5-2_default_disposition_by_sysctl_{word}", [{"word": w} for w in DISPOSITIONS])
def default_disposition(env, word):
    """net.latch.disposition is for TCP connections that ask for none; UDP waits."""
    env.alice.sysctl("disposition", word)
    ipsec = identified_ipsec(env, 4)
    tcp, udp = ipsec.tcp(), ipsec.udp()
    number, error = DISPOSITIONS[word]
    ksft_eq((info(tcp.a).disposition, info(udp.a).disposition), (number, L.LATCH_DISP_WAIT))
    ipsec.flush([env.alice])
    ksft_eq(error_of(tcp.a) if error else tcp.silent(), error or True)
    is_state(tcp.a, "CLOSED" if error else "BROKEN", "POLICY_OUT")
    ksft_true(udp.silent())
    is_state(udp.a, "BROKEN", "POLICY_OUT")


@case("5.5-1_disposition_asked_for_beforehand_{word}", [{"word": w} for w in DISPOSITIONS])
def asked_before(env, word):
    """The application's own choice, made before connect(), wins over the default."""
    env.alice.sysctl("disposition", "unreach" if word == "reset" else "reset")
    ipsec = identified_ipsec(env, 4)
    number, error = DISPOSITIONS[word]
    flow = ipsec.tcp(before=lambda sock: ask(sock, disposition=number))
    ksft_eq(info(flow.a).disposition, number)
    ipsec.flush([env.alice])
    ksft_eq(error_of(flow.a) if error else flow.silent(), error or True)


@case("5.5-1_disposition_changes_while_broken")
def changed_while_broken(env):
    """Only the next break is treated by the new disposition; the state stays."""
    ipsec = identified_ipsec(env, 4)
    flow = with_disposition(ipsec, "tcp", "wait")
    ipsec.flush([env.alice])
    is_state(flow.a, "BROKEN", "POLICY_OUT", GONE)
    ask(flow.a, disposition=L.LATCH_DISP_RESET)
    is_state(flow.a, "BROKEN", "POLICY_OUT", GONE)
    ipsec.flush([env.bob])
    ipsec.up()
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    ipsec.flush([env.alice])
    ksft_eq(error_of(flow.a), errno.ECONNRESET)
    is_state(flow.a, "CLOSED", "POLICY_OUT")


@case("2.3-19_acknowledgements_are_not_lost_by_a_break_{fam}", [{"fam": 4}, {"fam": 6}])
def many_breaks(env, fam):
    """Ten breaks and restorations under a transfer: TCP sees loss and nothing else."""
    ipsec = identified_ipsec(env, fam)
    flow = with_disposition(ipsec, "tcp", "wait")
    env.wire.restart()
    for _ in range(10):
        flow.pump(flow.moved(1000))
        env.alice.ip("xfrm policy flush")
        is_state(flow.a, "BROKEN", "POLICY_OUT", GONE)
        flow.pump(lambda: True)
        env.alice.ip(*ipsec.policies(env.alice))
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.pump(flow.moved(1000))
    flow.drained()
    ksft_eq((info(flow.a).breaks, info(flow.b).breaks), (10, 0))
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


@case("2-10_close_while_broken_says_nothing_in_clear")
def close_while_broken(env):
    """The application closes a broken connection: neither FIN nor RST leaves in clear."""
    ipsec = identified_ipsec(env, 4)
    flow = with_disposition(ipsec, "tcp", "wait")
    flow.exchange()
    env.wire.restart()
    ipsec.flush()
    dropped = env.alice.stat()["LatchOutBroken"]
    flow.a.close()
    wait(lambda: env.alice.stat()["LatchOutBroken"] >= dropped + 2, "the FIN to be tried again")
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ksft_ge(env.alice.stat()["LatchLatches"], 1)
    # it cannot end by itself before its last retransmission
    env.alice.nl.do("conn-flush")
    wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latch to go with the connection")
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


if __name__ == "__main__":
    runner.main()
