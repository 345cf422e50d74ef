#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""net.latch.break_grace_ms: what key managers take away for a moment resets nobody.

RFC 5660 2.2-7, 2.2-9, 2.2-10, 5.5-1.
"""

import errno

import runner
from expect import Moves, is_state, untouched
from flow import FLOWS, error_of
from ipsec import Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true, wait
from latchapi import L, ask, info, watch

HOSTS = ("alice", "bob", "mallory")

LONG = 60000
GOING = ("LatchOutBroken", "LatchInBroken", "LatchOutClear", "LatchInClear", "XfrmInNoPols", "XfrmInTmplMismatch")


def reset_on_break(sock):
    """The owner is to be told, by whatever transport."""
    ask(sock, disposition=L.LATCH_DISP_RESET)


def watched(env, fam, proto, grace):
    """(IPsec, a flow whose owner is to be told of breaks, after a while)."""
    env.alice.sysctl("break_grace_ms", grace)
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=reset_on_break)
    flow.exchange()
    return ipsec, flow


def is_put_off(sock, reason):
    """Broken, and nobody was told yet."""
    got = is_state(sock, "BROKEN", reason, [reason])
    ksft_true(got.flags & L.LATCH_F_PENDING, "pending")


GAPS = [{"gap": "out", "reason": "POLICY_OUT"}, {"gap": "in", "reason": "POLICY_IN"}]


@case("2.2-10_gap_of_policy_{gap}_{flow}", [{**f, **g} for f in FLOWS for g in GAPS])
def gap_of_policy(env, proto, fam, gap, reason):
    """Nothing passes while the policy is away, which an event says is pending; when it is back all goes on."""
    ipsec, flow = watched(env, fam, proto, LONG)
    nl = watch(env.alice)
    env.wire.restart()
    with Moves(env.alice, LatchBroken=1, LatchRestored=1, may=GOING):
        env.alice.ip(ipsec.policy(env.alice, gap, "delete"))
        is_put_off(flow.a, reason)
        flow.a.send(b"")
        env.alice.ip(ipsec.policy(env.alice, gap))
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    told = [m for name, m in nl.events() if name == "conn-ntf"]
    ksft_eq([(m["state"], bool(m["flags"] & L.LATCH_F_PENDING)) for m in told], [("broken", True), ("established", False)])
    flow.exchange()
    untouched(flow, (1, 0))
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("5.5-1_gap_that_lasts_{flow}", FLOWS)
def gap_that_lasts(env, proto, fam):
    """When the time is over the owner is told, and an event says so."""
    ipsec, flow = watched(env, fam, proto, 200)
    nl = watch(env.alice)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    told = []

    def over():
        told.extend((m["state"], bool(m["flags"] & L.LATCH_F_PENDING)) for name, m in nl.events() if name == "conn-ntf")
        return len(told) >= 2

    wait(over, "both events")
    ksft_eq(told[:2], [("broken", True), ("broken", False)])
    ksft_eq(error_of(flow.a), errno.ECONNRESET)
    is_state(flow.a, "CLOSED" if proto == "tcp" else "BROKEN", "POLICY_OUT")


@case("5.5-1_grace_0_is_no_grace_{flow}", FLOWS)
def no_grace(env, proto, fam):
    """With 0 the owner is told at once."""
    ipsec, flow = watched(env, fam, proto, 0)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    ksft_eq(error_of(flow.a), errno.ECONNRESET)


@case("5.5-1_other_conflicts_are_not_put_off_{flow}", FLOWS)
def at_once(env, proto, fam):
    """A stranger's SA in the middle of a gap: told at once, for its own reason."""
    ipsec, flow = watched(env, fam, proto, LONG)
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    is_put_off(flow.a, "POLICY_IN")
    hers = ipsec.new_sas()
    for sa in hers:
        env.alice.bind("mallory", "alice", sa=sa)
    env.alice.ip(*[sa.add() for sa in hers])
    ksft_eq(error_of(flow.a), errno.ECONNRESET)
    got = info(flow.a)
    ksft_eq((got.reason_name, got.flags & L.LATCH_F_PENDING), ("PEER", 0))


@case("5.5-1_dead_peer_is_not_put_off")
def dead_peer(env):
    """Nor is a peer that the key manager has given up."""
    ipsec, flow = watched(env, 4, "tcp", LONG)
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    env.alice.nl.do("manager-set", dead_peer=env.alice.peer("bob"))
    ksft_eq(error_of(flow.a), errno.ECONNRESET)


@case("2.2-10_identity_that_comes_late_{flow}", FLOWS)
def late_identity(env, proto, fam):
    """An SA that is there before anybody says whose it is: pending, until somebody does."""
    env.alice.sysctl("break_grace_ms", LONG)
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    for sa in ipsec.sas:
        env.alice.bind("bob", "alice", sa=sa)
    flow = ipsec.flow(proto, before=reset_on_break)
    flow.exchange()
    new = ipsec.new_sas()
    with Moves(env.alice, LatchBroken=1, LatchRestored=1, LatchBindings=2, may=GOING):
        env.bob.ip(*[sa.add() for sa in new])
        env.alice.ip(*[sa.add() for sa in new])
        is_put_off(flow.a, "UNIDENTIFIED")
        for sa in new:
            env.alice.bind("bob", "alice", sa=sa)
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()
    untouched(flow, (1, 0))


TRAPS = [{**f, "mode": m} for f in FLOWS for m in ("transport", "tunnel")]


def trap(ipsec, host, verb="update"):
    """An outbound policy as libreswan puts it in place of a connection's: a template without addresses and reqid."""
    words = ipsec.policy(host, "out", verb)
    return f"{words[: words.index('tmpl')]} tmpl proto esp mode transport"


@case("2-20_trap_without_addresses_{flow}_{mode}", TRAPS)
def trapped(env, proto, fam, mode):
    """SAs and inbound policy are gone, a trap asks for new ones: silence, and no conflict until an SA fits the trap."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up()
    flow = ipsec.flow(proto, before=reset_on_break)
    flow.exchange()
    env.wire.restart()
    env.bob.sysctl("auto", 0)
    env.bob.nl.do("conn-release")
    with Moves(env.alice, at_least=["LatchInClear"], may=["XfrmOutNoStates", "LatchInAcquire", "XfrmAcquireError"]):
        env.alice.ip(
            trap(ipsec, env.alice), ipsec.policy(env.alice, "in", "delete"), *[sa.delete() for sa in ipsec.sas]
        )
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        flow.a.send(b"not in clear")
        env.bob.ip("xfrm policy flush")
        flow.b.send(b"in clear")
        wait(lambda: env.alice.stat()["LatchInClear"], "the datagram in clear")
    ksft_true(flow.silent(flow.a))
    ksft_eq(env.wire.clear(flow, flow.a), (0, 0))
    ask(flow.a, disposition=L.LATCH_DISP_WAIT)
    ends = [ipsec.addr(host) for host in (env.alice, env.bob)]
    out = ipsec.new_sas()[0].but(src=ends[0], dst=ends[1], mode="transport", reqid=0)
    env.alice.ip(out.add())
    is_state(flow.a, "BROKEN", None, ["POLICY_IN", *(["MODE"] if mode == "tunnel" else [])])


@case("2.3-13_trap_beside_a_bypass_{flow}", FLOWS)
def trap_and_bypass(env, proto, fam):
    """An inbound policy that lets clear text pass is a conflict beside a trap, too."""
    ipsec, flow = watched(env, fam, proto, LONG)
    env.alice.ip(trap(ipsec, env.alice))
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    words = ipsec.policy(env.alice, "in", "update")
    env.alice.ip(words[: words.index("tmpl")])
    is_put_off(flow.a, "POLICY_IN")


@case("2.3-6_socket_closed_in_a_gap_{flow}", FLOWS)
def closed(env, proto, fam):
    """What was put off is not told to nobody: nothing is left of the latch."""
    ipsec, flow = watched(env, fam, proto, LONG)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    is_put_off(flow.a, "POLICY_OUT")
    flow.a.close()
    if proto == "udp":
        wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latch to go")
    env.alice.nl.do("conn-flush")


@case("2.3-16_connect_in_a_gap")
def connect_in_a_gap(env):
    """A SYN that finds the policy of the other direction away: connect() waits, and succeeds when it is back."""
    env.bob.sysctl("break_grace_ms", LONG)
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    listener = ipsec.listen()
    out = ipsec.policy(env.bob, "out")
    env.bob.ip(ipsec.policy(env.bob, "out", "delete"))
    sock = env.alice.socket()
    sock.settimeout(20 * SLOW)
    sock.setblocking(False)
    sock.connect_ex(listener.getsockname())
    wait(lambda: any(c["state"] == "broken" for c in env.bob.conns().values()), "the half-open latch")
    env.bob.ip(out)
    wait(lambda: info(sock).state_name == "ESTABLISHED" and not sock.getsockopt(1, 4), "the handshake")
    listener.settimeout(20 * SLOW)
    env.bob.owns(listener.accept()[0])


if __name__ == "__main__":
    runner.main()
