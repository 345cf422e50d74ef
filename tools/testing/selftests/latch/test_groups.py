#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Latches that are judged together, policies among many, a 5-tuple that comes again.

RFC 5660 2-1, 2-7, 2-8, 2.2-6, 2.2-7, 2.2-10, 2.3-11, 2.3-13, 5.2-1.
"""

import errno
import random
import socket

import runner
from expect import Moves, both_are, is_state
from flow import FLOWS, Flow, error_of
from ipsec import Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true, times, wait
from latchapi import L, ask, ask_to_wait, info
from netns import HOST_BITS, INET

HOSTS = ("alice", "bob")
FAMS = [{"fam": 4}, {"fam": 6}]
MODES = [{**f, "mode": m} for f in FLOWS for m in ("transport", "tunnel")]
WAYS = [{**f, "way": w} for f in FLOWS for w in ("in", "out")]

# What TCP sends by itself while its latch is broken: acknowledgements that come
# late, and all that is not acknowledged.
DROPS = ["LatchInBroken", "LatchOutBroken"]
# A segment that took its route while the policy was there: TCP keeps the route until one is lost.
LATE = [*DROPS, "LatchOutClear"]


def identified_ipsec(env, fam, **kwargs):
    """IPsec between alice and bob, whose SAs are bound to their names."""
    return Ipsec(env.alice, env.bob, fam=fam, **kwargs).up().identify()


def amount(proto):
    """How much a flow carries before it counts as working: bytes, or datagrams."""
    return 300 if proto == "tcp" else 1


def sa_of_mallory(ipsec, way, **change):
    """An SA in alice's direction `way` that is bound to mallory, before anybody adds it (2.3-12)."""
    src = ipsec.a if way == "out" else ipsec.b
    sa = next(sa for sa in ipsec.new_sas() if sa.src == src.addr(ipsec.fam)).but(**change)
    ipsec.a.bind("mallory", ipsec.a.name, sa=sa)
    return sa


def start_flow(ipsec, proto, to):
    """Alice begins a flow to this address and does not wait for an answer; returns its socket."""
    sock = ipsec.a.socket(INET[ipsec.fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    ask_to_wait(sock)
    sock.bind((ipsec.addr(ipsec.a), 0))
    sock.setblocking(False)
    sock.connect_ex(to)
    if proto == "udp":
        sock.send(b"first")
    return sock


def shared_listener(ipsec, proto):
    """Arguments of Ipsec.flow() with which many TCP connections have one listener."""
    return {"listener": ipsec.listen()} if proto == "tcp" else {}


# --- one verdict for all -----------------------------------------------------------
def check_dropped(env, proto, flows):
    """Both ends of each flow send; alice drops everything, and nothing arrives."""
    # a segment is sent again and again, a datagram once
    with Moves(env.alice, **({"at_least": DROPS} if proto == "tcp" else dict.fromkeys(DROPS, len(flows)))):
        for flow in flows:
            flow.pump(lambda: True)
    for flow in flows:
        wait(lambda f=flow: info(f.a).in_drops and info(f.a).out_drops, "its drops")
        ksft_true(flow.silent(flow.a) and flow.silent(flow.b))


def check_restored(proto, flows):
    """Each flow goes on after one break at alice's end, and nothing is lost."""
    for flow in flows:
        ksft_eq(is_state(flow.a, "ESTABLISHED", conflicts=[]).breaks, 1)
        flow.pump(flow.moved(amount(proto)))
        ksft_eq(is_state(flow.b, "ESTABLISHED", "NONE", []).breaks, 0)
        if proto == "tcp":
            flow.drained()


@case("2.2-6_hundred_flows_break_at_once_{flow}_{mode}", MODES, limit=120)
def hundred_flows(env, proto, fam, mode):
    """One SA breaks a hundred flows, its end restores them (2.2-10); what begins meanwhile is broken, too (2.3-11)."""
    ipsec = identified_ipsec(env, fam, mode=mode)
    server = shared_listener(ipsec, proto)
    number = times(100)
    flows = [ipsec.flow(proto, before=ask_to_wait, **server) for _ in range(number)]
    for flow in flows:
        flow.pump(flow.moved(amount(proto)))
    first, second = sa_of_mallory(ipsec, "in"), sa_of_mallory(ipsec, "out")
    with Moves(env.alice, may=DROPS, LatchBroken=number):
        env.alice.ip(first.add())
    # one conflict for another: none is restored in between
    with Moves(env.alice, may=DROPS):
        env.alice.ip(second.add(), first.delete())
    for flow in flows:
        is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    check_dropped(env, proto, flows)
    late = start_flow(ipsec, proto, server.get("listener", flows[0].b).getsockname()[:2])
    is_state(late, "BROKEN", "PEER", ["PEER"])
    late.close()
    # on two CPUs a segment may be overtaken by more than the replay window
    with Moves(env.alice, may=[*DROPS, "LatchLatches", "LatchClosed", "XfrmInStateSeqError"], LatchRestored=number):
        env.alice.ip(second.delete())
    check_restored(proto, flows)


@case("2.2-10_narrow_conflict_within_a_group_{way}_{flow}", WAYS)
def narrow_conflict(env, proto, fam, way):
    """An SA for one port breaks the flow to that port; one for all breaks both, whatever comes and goes first."""
    ipsec = identified_ipsec(env, fam)
    one, two = (ipsec.flow(proto, before=ask_to_wait) for _ in range(2))
    port = "dport" if way == "out" else "sport"
    for_one = sa_of_mallory(ipsec, way, extra=f"sel proto {proto} {port} {one.ports[1]}")
    for_all = sa_of_mallory(ipsec, way)

    def are_states(first, second):
        for flow, state in ((one, first), (two, second)):
            is_state(flow.a, state, *(["PEER", ["PEER"]] if state == "BROKEN" else [None, []]))
            is_state(flow.b, "ESTABLISHED", "NONE", [])
        if second == "ESTABLISHED":
            two.pump(two.moved(amount(proto)))
        if first == "ESTABLISHED":
            one.pump(one.moved(amount(proto)))
        else:
            drops = info(one.a).out_drops
            one.pump(lambda: info(one.a).out_drops > drops, ways=((one.a, one.b),))

    def change_sa(command, first, second, **moves):
        # a late acknowledgement may leave under the SA before its latch is told: dropped by itself (2.4-1)
        with Moves(env.alice, may=[*DROPS, "LatchOutPeer"], **moves):
            env.alice.ip(command)
        are_states(first, second)

    are_states("ESTABLISHED", "ESTABLISHED")
    change_sa(for_one.add(), "BROKEN", "ESTABLISHED", LatchBroken=1)
    # what begins now belongs to one of the two kinds
    if proto == "tcp":
        for flow in (one, two):
            ipsec.listen(port=flow.ports[1])
    new = [start_flow(ipsec, proto, (ipsec.addr(env.bob), flow.ports[1])) for flow in (one, two)]
    is_state(new[0], "BROKEN", "PEER", ["PEER"])
    is_state(new[1], "ESTABLISHED", conflicts=[])
    for sock in new:
        sock.close()
    wait(lambda: env.alice.stat()["LatchLatches"] == 2, "the new flows to go")
    change_sa(for_one.delete(), "ESTABLISHED", "ESTABLISHED", LatchRestored=1)

    change_sa(for_one.add(), "BROKEN", "ESTABLISHED", LatchBroken=1)
    change_sa(for_all.add(), "BROKEN", "BROKEN", LatchBroken=1)
    change_sa(for_one.delete(), "BROKEN", "BROKEN")
    change_sa(for_all.delete(), "ESTABLISHED", "ESTABLISHED", LatchRestored=2)

    change_sa(for_all.add(), "BROKEN", "BROKEN", LatchBroken=2)
    change_sa(for_one.add(), "BROKEN", "BROKEN")
    change_sa(for_all.delete(), "BROKEN", "ESTABLISHED", LatchRestored=1)
    change_sa(for_one.delete(), "ESTABLISHED", "ESTABLISHED", LatchRestored=1)


# --- one policy among many ---------------------------------------------------------
class Policies:
    """Policies that alice has beside the one that governs the flow (priority 100)."""

    def __init__(self, ipsec, proto, way):
        self.ipsec, self.proto, self.way = ipsec, proto, way
        self.bits = HOST_BITS[ipsec.fam]

    def words(self, near, far, narrow=""):
        """A selector: what it says of alice's address, and of the other one."""
        src, dst = (near, far) if self.way == "out" else (far, near)
        return f"src {src} dst {dst} {narrow} dir {self.way}"

    def net(self, host, bits):
        """A prefix of a host's address, written with all of it."""
        return f"{self.ipsec.addr(host)}/{bits}"

    def elsewhere(self, number, bits):
        return f"172.16.{number}.1/{bits}" if self.ipsec.fam == 4 else f"fd77:{number:x}::1/{bits}"

    def covering(self, near_bits, far_bits):
        return self.words(self.net(self.ipsec.a, near_bits), self.net(self.ipsec.b, far_bits))

    def many(self):
        """Forty policies, of which none governs the flow: (selector, priority)."""
        a, step = self.ipsec.a, self.bits // 32
        port = "sport" if self.way == "in" else "dport"
        whole = [self.net(h, self.bits) for h in (a, self.ipsec.b)]
        return [
            # better, but for other hosts: prefixes of all lengths, and of the flow's own
            *[(self.words(self.net(a, n * step), self.elsewhere(n, (n + 3) * step)), n) for n in range(14, 30)],
            *[(self.words(whole[0], self.elsewhere(n, self.bits)), n) for n in range(60, 67)],
            # better, but for other ports
            (self.words(*whole, f"proto {self.proto} {port} 9"), 10),
            # worse, and for the flow
            *[(self.covering(n * step, (40 - n) * step), 200 - n) for n in range(12, 28)],
        ]

    def of_all_lengths(self):
        """Ninety-six better ones for other hosts, no two with prefixes of the same lengths."""
        a, step = self.ipsec.a, self.bits // 32
        return [
            (self.words(self.net(a, n * step), self.elsewhere(m, m * step)), 3 * n - i)
            for n in range(1, 33)
            for i, m in enumerate((20, 24, 28))
        ]

    def add(self, policies, **how):
        self.ipsec.a.ip(*[f"xfrm policy add {w} action allow priority {p}" for w, p in policies], **how)

    def delete(self, policies, **how):
        self.ipsec.a.ip(*[f"xfrm policy delete {w}" for w, _ in policies], **how)


def check_governed(env, ipsec, flow, policies, others):
    """Show that the policy which the kernel takes governs a latch, whatever else is there."""
    reason = "POLICY_OUT" if policies.way == "out" else "POLICY_IN"
    flow.pump(flow.moved(amount(flow.proto)))
    with Moves(env.alice):
        policies.add(others)
        both_are(flow, "ESTABLISHED", "NONE", [])
        flow.pump(flow.moved(amount(flow.proto)))
    # another class of prefixes; of equals the older one counts
    step = policies.bits // 32
    covering = policies.covering(23 * step, 29 * step)
    for priority in (150, 100):
        with Moves(env.alice):
            policies.add([(covering, priority)])
            both_are(flow, "ESTABLISHED", "NONE", [])
            flow.pump(flow.moved(amount(flow.proto)))
            policies.delete([(covering, priority)])
            both_are(flow, "ESTABLISHED", "NONE", [])
    for priority in (50, 99):
        with Moves(env.alice, LatchBroken=1, may=LATE):
            policies.add([(covering, priority)])
        is_state(flow.a, "BROKEN", reason, [reason])
        with Moves(env.alice, LatchRestored=1, may=LATE):
            policies.delete([(covering, priority)])
        both_are(flow, "ESTABLISHED", conflicts=[])
        flow.pump(flow.moved(amount(flow.proto)))
    with Moves(env.alice, may=LATE):
        policies.delete(others)
        both_are(flow, "ESTABLISHED", conflicts=[])
        flow.pump(flow.moved(amount(flow.proto)))
    ksft_eq(is_state(flow.a, "ESTABLISHED").spi_out, ipsec.sas[0].spi)


@case("2.3-13_policy_among_forty_{way}_{flow}", WAYS)
def policy_among_forty(env, proto, fam, way):
    """Forty policies change nothing; one that bypasses the flow breaks it where the kernel would take it (2.2-7)."""
    ipsec = identified_ipsec(env, fam)
    policies = Policies(ipsec, proto, way)
    others = policies.many()
    ksft_eq(len(others), 40)
    check_governed(env, ipsec, ipsec.flow(proto, before=ask_to_wait), policies, others)


@case("2.3-13_policy_among_prefixes_of_all_lengths_{way}_{flow}", WAYS)
def policy_among_lengths(env, proto, fam, way):
    """More kinds of prefixes than are told apart, all before the policy that governs the flow."""
    ipsec = identified_ipsec(env, fam)
    policies = Policies(ipsec, proto, way)
    others = policies.of_all_lengths()
    ksft_eq(sorted(p for _, p in others), list(range(1, 97)))
    check_governed(env, ipsec, ipsec.flow(proto, before=ask_to_wait), policies, others)


GROUPED = [{**w, "beside": b} for w in WAYS for b in ("alone", "among_many")]


@case("2.3-13_policy_for_one_of_a_group_{beside}_{way}_{flow}", GROUPED)
def one_of_a_group(env, proto, fam, way, beside):
    """A policy takes one flow from the one that governs three: whichever it is, that one breaks, no other (2.2-7)."""
    ipsec = identified_ipsec(env, fam)
    policies = Policies(ipsec, proto, way)
    reason = "POLICY_OUT" if way == "out" else "POLICY_IN"
    others = policies.of_all_lengths() if beside == "among_many" else []
    server = shared_listener(ipsec, proto)
    flows = [ipsec.flow(proto, before=ask_to_wait, **server) for _ in range(3)]
    for flow in flows:
        flow.pump(flow.moved(amount(proto)))
    whole = [policies.net(h, policies.bits) for h in (env.alice, env.bob)]
    for one in flows:
        sport, dport = one.ports if way == "out" else reversed(one.ports)
        narrow = (policies.words(*whole, f"proto {proto} sport {sport} dport {dport}"), 99)
        with Moves(env.alice, LatchBroken=1, may=DROPS):
            policies.add([*others, narrow])
        for flow in flows:
            if flow is one:
                is_state(flow.a, "BROKEN", reason, [reason])
            else:
                both_are(flow, "ESTABLISHED", conflicts=[])
        with Moves(env.alice, LatchRestored=1, may=LATE):
            policies.delete([narrow, *others])
        for flow in flows:
            both_are(flow, "ESTABLISHED", conflicts=[])
            flow.pump(flow.moved(amount(proto)))


@case("2.3-13_policy_of_a_group_replaced_{flow}_{mode}", MODES)
def policies_replaced(env, proto, fam, mode):
    """The policies of fifty flows are set anew, as they are and otherwise: none breaks, new ones are as the others."""
    ipsec = identified_ipsec(env, fam, mode=mode)
    server = shared_listener(ipsec, proto)
    flows = [ipsec.flow(proto, before=ask_to_wait, **server) for _ in range(times(50))]
    stranger = sa_of_mallory(ipsec, "in")
    with Moves(env.alice, LatchLatches=2, LatchCreated=2), Moves(env.bob, LatchLatches=2, LatchCreated=2):
        for ipsec.priority in (100, 90):
            env.alice.ip(*ipsec.policies(env.alice, "update"))
            flows.append(ipsec.flow(proto, before=ask_to_wait, **server))
            for flow in flows:
                flow.exchange()
                both_are(flow, "ESTABLISHED", "NONE", [])
    # they are all in one group again: one SA breaks them
    with Moves(env.alice, may=DROPS, LatchBroken=len(flows)):
        env.alice.ip(stranger.add())


@case("2.2-9_policies_change_faster_than_they_are_read_{way}_{fam}", [{**f, "way": w} for f in FAMS for w in ("in", "out")])
def fast_changes(env, fam, way):
    """A thousand policies, then one that bypasses the flow: its owner is told, though nobody asks."""
    ipsec = identified_ipsec(env, fam)
    policies = Policies(ipsec, "tcp", way)
    flow = ipsec.tcp()
    ask(flow.a, disposition=L.LATCH_DISP_RESET)
    whole = [policies.net(h, policies.bits) for h in (env.alice, env.bob)]
    more = [
        (policies.words(whole[0], policies.elsewhere(n % 250, policies.bits), f"proto tcp dport {n}"), 1)
        for n in range(1, times(1000) + 1)
    ]
    policies.add(more, settled=False)
    policies.delete(more, settled=False)
    policies.add([*more, (policies.words(*whole, "proto tcp"), 2)], settled=False)
    ksft_eq(error_of(flow.a), errno.ECONNRESET)


# --- the same 5-tuple again ----------------------------------------------------------
def udp_sock(ipsec, host, port=0):
    """A UDP socket of a host, bound to the address that IPsec protects."""
    sock = host.socket(INET[ipsec.fam], socket.SOCK_DGRAM)
    sock.settimeout(10 * SLOW)
    sock.bind((ipsec.addr(host), port))
    return sock


AGAIN = [{**f, "mode": m, "ends": e} for f in FAMS for m in ("transport", "tunnel") for e in ("one_end", "both_ends")]


@case("5.2-1_same_udp_flow_opened_again_{ends}_{mode}{fam}", AGAIN)
def udp_flow_opened_again(env, fam, mode, ends):
    """A socket is closed, another takes its 5-tuple at once: nothing is lost, the latch is its own."""
    ipsec = identified_ipsec(env, fam, mode=mode)
    flow = ipsec.udp()
    latches = [info(s).id for s in (flow.a, flow.b)]
    moves = dict.fromkeys(("LatchCreated", "LatchClosed"), times(50))
    with Moves(env.alice, **moves), Moves(env.bob, **(moves if ends == "both_ends" else {})):
        for _ in range(times(50)):
            old = flow
            old.a.close()
            a, b = udp_sock(ipsec, env.alice, old.ports[0]), old.b
            if ends == "both_ends":
                old.b.close()
                b = udp_sock(ipsec, env.bob, old.ports[1])
                b.connect(a.getsockname()[:2])
            a.connect(b.getsockname()[:2])
            flow = Flow(ipsec, "udp", a, b)
            ksft_eq(flow.ports, old.ports)
            flow.exchange()
            new = [is_state(s, "ESTABLISHED", "NONE", []).id for s in (a, b)]
            ksft_true(new[0] > latches[0], "a number is never used again")
            ksft_eq(new[1] > latches[1], ends == "both_ends")
            latches = new


@case("2-8_same_udp_flow_with_a_demand_{fam}", FAMS)
def udp_flow_with_a_demand(env, fam):
    """The closed socket's latch is not that of the next one, which asks for another peer: nothing passes (2-9)."""
    ipsec = identified_ipsec(env, fam)
    for _ in range(10):
        flow = ipsec.udp()
        flow.a.close()
        sock = udp_sock(ipsec, env.alice, flow.ports[0])
        ask(sock, mode=L.LATCH_MODE_REQUIRE, peer_id="mallory")
        sock.connect(flow.b.getsockname()[:2])
        env.wire.restart()
        with Moves(env.alice, LatchOutPeer=1, LatchRefused=1, may=["LatchLatches", "LatchClosed", "LatchActive"]):
            sock.send(b"out")
        ksft_eq(error_of(sock), errno.EKEYREJECTED)
        ksft_eq((env.wire.protected(), env.wire.clear(flow)), (0, (0, 0)))
        with Moves(env.alice, LatchInPeer=1, may=["LatchLatches", "LatchRefused"]):
            flow.b.send(b"in")
        ksft_true(flow.silent(flow.b))
        sock.setblocking(False)
        try:
            ksft_eq(sock.recv(10), "nothing")
        except OSError as e:
            ksft_true(e.errno in (errno.EAGAIN, errno.EKEYREJECTED), e)
        sock.close()
        flow.b.close()


# --- many flows through many SAs --------------------------------------------------------
@case("2-7_rekey_back_and_forth_{flow}_{mode}", MODES, limit=120)
def rekey_back_and_forth(env, proto, fam, mode):
    """Two pairs of SAs take turns under twenty flows, to which one comes each time: no break, nothing lost."""
    ipsec = identified_ipsec(env, fam, mode=mode)
    server = shared_listener(ipsec, proto)
    flows = [ipsec.flow(proto, **server) for _ in range(times(20))]
    pairs = [ipsec.sas, ipsec.new_sas()]
    # a segment may still be on its way when its old SA goes
    moves = {"LatchLatches": 10, "LatchCreated": 10, "may": ["XfrmInNoStates"]}
    with Moves(env.alice, **moves), Moves(env.bob, **moves):
        for _ in range(10):
            pairs.reverse()
            for host in (env.bob, env.alice):
                host.ip(*[sa.add() for sa in pairs[0]])
            for flow in flows:
                flow.exchange()
            for host in (env.alice, env.bob):
                host.ip(*[sa.delete() for sa in pairs[1]])
            flows.append(ipsec.flow(proto, **server))
            for flow in flows:
                flow.exchange()
    for flow in flows:
        for sock in (flow.a, flow.b):
            ksft_eq(is_state(sock, "ESTABLISHED", "NONE", []).breaks, 0)


@case("2-1_three_hundred_flows_in_any_order_{flow}", FLOWS, limit=120)
def three_hundred_flows(env, proto, fam):
    """Each of three hundred flows finds its own latch at both ends, in whatever order they send."""
    ipsec = identified_ipsec(env, fam)
    server = shared_listener(ipsec, proto)
    flows = [ipsec.flow(proto, **server) for _ in range(times(300))]
    order = random.Random(5660)
    with Moves(env.alice), Moves(env.bob):
        for _ in range(3):
            order.shuffle(flows)
            for flow in flows:
                flow.exchange()
    for sock in server.values():
        sock.close()
    for host, end in ((env.alice, "a"), (env.bob, "b")):
        ksft_eq(set(host.conns()), {info(getattr(flow, end)).id for flow in flows})


if __name__ == "__main__":
    runner.main()
