#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A policy of the flow's own: the policy database changes, and the flow goes on as it was latched.

RFC 5660 2.3-14, 2.4-2, 2.1-1, 6.2-1.
"""

import errno
import socket
import struct

import runner
from expect import Moves, both_are, is_state, one_more_latch
from flow import FLOWS, Flow, disconnect, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, times, wait
from latchapi import L, ask, info, load, unload_when_idle, watch
from stuck import in_use

HOSTS = ("alice", "bob", "mallory")
MODES = [{**row, "mode": m} for row in FLOWS for m in ("transport", "tunnel")]


def has_own(sock):
    """Does the latch say that its flow has a policy of its own?"""
    return bool(info(sock).flags & L.LATCH_F_OWN_POLICY)


def gets_own(*socks):
    """Wait until they have: a worker gives it."""
    for sock in socks:
        wait(lambda sock=sock: has_own(sock), "a policy of its own", 10)


def ask_own(sock):
    ask(sock, own_policy=1)


def owned(flow):
    """Both ends of a flow ask for a policy of its own, and get it."""
    for sock in (flow.a, flow.b):
        ask_own(sock)
    gets_own(flow.a, flow.b)
    return flow


def socket_policies(host):
    """How many policies of sockets the host's kernel has."""
    return host.run("ip", "xfrm", "policy").stdout.count("socket ")


def goes_on(env, flow, reason="NONE"):
    """Data passes in both directions, protected, and not a byte in clear; reason: of the last break."""
    env.wire.restart()
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", reason, [])
    is_state(flow.b, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    ksft_true(env.wire.protected(), "protected")


def flush_policies(env):
    for host in (env.alice, env.bob):
        host.ip("xfrm policy flush")


def silent_in_clear(env, flow):
    """Nothing of the flow leaves, whatever is sent."""
    env.wire.restart()
    flow.tolerated = (errno.EAGAIN, errno.EPERM)
    for _ in range(3):
        flow.push()
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


def connected(ipsec, proto, here, there):
    """The two sockets of a flow, each prepared before it sends anything."""
    if proto == "tcp":
        flow = ipsec.tcp(before=here, listener=ipsec.listen(before=there))
    else:
        flow = ipsec.udp(before=here, carry=False)
        there(flow.b)
    return flow.a, flow.b


# --- what it is for --------------------------------------------------------------------------
@case("2.3-14_flow_outlives_policies_{mode}_{flow}", MODES)
def outlives(env, proto, fam, mode):
    """All policies go at both ends: no conflict, and the flow goes on under what was latched."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    flow = owned(ipsec.flow(proto))
    ksft_eq([h.stat()["LatchOwnPolicies"] for h in (env.alice, env.bob)], [1, 1])
    ksft_eq([socket_policies(h) for h in (env.alice, env.bob)], [2, 2])
    with Moves(env.alice), Moves(env.bob):
        flush_policies(env)
        goes_on(env, flow)


@case("2.3-14_without_it_the_flow_breaks_{flow}", FLOWS)
def breaks(env, proto, fam):
    """The same without the request: the latches break."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto).ask_to_wait()
    flush_policies(env)
    both_are(flow, "BROKEN", "POLICY_OUT")


ADVERSE = [
    {"what": "bypass", "words": "action allow"},
    {"what": "block", "words": "action block"},
]


@case("2.3-14_before_a_policy_of_{what}_{flow}", [{**a, **f} for a in ADVERSE for f in FLOWS])
def overrides(env, what, words, proto, fam):
    """A policy that comes before all others, in both directions, does not govern the flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = owned(ipsec.flow(proto))
    for host in (env.alice, env.bob):
        for way in ("out", "in"):
            x, y = (host, ipsec.other(host)) if way == "out" else (ipsec.other(host), host)
            host.ip(f"xfrm policy add {ipsec.selector(x, y)} proto {proto} dir {way} {words} priority 1")
    goes_on(env, flow)


@case("2.4-2_rekeys_without_policies_{mode}_{flow}", MODES)
def rekeys(env, proto, fam, mode):
    """New SAs are taken for the flow, though no policy is left that leads to them."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    flow = owned(ipsec.flow(proto))
    flush_policies(env)
    env.wire.restart()
    for _ in range(times(10)):
        flow.pump(flow.moved(300 if proto == "tcp" else 3))
        ipsec.rekey()
    flow.pump(flow.moved(300 if proto == "tcp" else 3))
    both_are(flow, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2.4-2_stranger_of_another_reqid_{flow}", FLOWS)
def stranger(env, proto, fam):
    """Policy leads to the SAs of another peer at the same address: the flow keeps those that are congruent."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = owned(ipsec.flow(proto))
    # one that has none shows what this would have been
    other = ipsec.flow(proto).ask_to_wait()
    env.alice.bind("mallory", "alice", reqid=2)
    env.bob.bind("mallory", "bob", reqid=2)
    Ipsec(env.alice, env.bob, fam=fam, reqid=2, priority=1, narrow=f"proto {proto}").up()
    both_are(other, "BROKEN", "PEER")
    before = info(flow.a).spi_out
    goes_on(env, flow)
    ksft_eq(info(flow.a).spi_out, before, "the SA is the one it was")


@case("2.2-6_sa_that_its_policy_could_choose_{flow}", FLOWS)
def conflict(env, proto, fam):
    """An SA of the same reqid that is not congruent is a conflict still, and nothing passes."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = owned(ipsec.flow(proto)).ask_to_wait()
    flush_policies(env)
    bad = ipsec.new_sas()[0]
    env.alice.bind("mallory", "alice", sa=bad)
    env.alice.ip(bad.add())
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    ksft_true(has_own(flow.a), "it keeps its policy")
    env.alice.ip(bad.delete())
    goes_on(env, flow, "PEER")


@case("2.3-14_no_sa_is_silence_{mode}_{flow}", MODES)
def no_sa(env, proto, fam, mode):
    """All SAs and policies go: nothing leaves. New SAs come, and the flow goes on without policies."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up().identify()
    flow = owned(ipsec.flow(proto))
    ipsec.flush()
    silent_in_clear(env, flow)
    both_are(flow, "ESTABLISHED", "NONE", [])
    env.wire.restart()
    if proto == "udp":
        # the kernel's own word to a socket whose policy finds no SA
        ksft_eq(error_of_send(flow.a), errno.EAGAIN)
    ipsec.sas = ipsec.new_sas()
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in ipsec.sas])
    flow.pump(flow.moved(300 if proto == "tcp" else 3))
    both_are(flow, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0))


def error_of_send(sock):
    """The errno of a datagram that is not sent."""
    try:
        sock.send(b"x")
    except OSError as e:
        return e.errno
    return 0


@case("2.3-14_peers_clear_text_is_dropped_{flow}", FLOWS)
def clear_text(env, proto, fam):
    """The peer has lost policies and the module's protection: what it sends in clear does not come in."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = Flow(ipsec, proto, *connected(ipsec, proto, ask_own, off))
    flow.exchange()
    gets_own(flow.a)
    flush_policies(env)
    before = env.alice.stat()["LatchInClear"]
    flow.b.send(b"in clear")
    wait(lambda: env.alice.stat()["LatchInClear"] > before, "the clear text")
    ksft_true(flow.silent(flow.a))
    is_state(flow.a, "ESTABLISHED", "NONE", [])


def off(sock):
    ask(sock, mode=L.LATCH_MODE_OFF)


# --- who gets it -----------------------------------------------------------------------------
@case("2.3-14_asked_before_connect_{flow}", FLOWS)
def before_connect(env, proto, fam):
    """A request is remembered until the flow is latched."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto, before=ask_own)
    gets_own(flow.a)
    ksft_true(not has_own(flow.b), "who has not asked has none")
    env.alice.ip("xfrm policy flush")
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.3-14_children_of_a_listener_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def children(env, fam):
    """A listener asks: each connection gets one of its own, the listener none."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = ipsec.listen(before=ask_own)
    flows = [ipsec.tcp(listener=listener) for _ in range(3)]
    gets_own(*[f.b for f in flows])
    ksft_true(not has_own(listener))
    ksft_eq(env.bob.stat()["LatchOwnPolicies"], 3)
    ksft_eq(socket_policies(env.bob), 6)
    env.bob.ip("xfrm policy flush")
    for flow in flows:
        flow.exchange()
        is_state(flow.b, "ESTABLISHED", "NONE", [])


@case("2.3-14_ipv4_on_an_ipv6_socket_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def mapped(env, proto):
    """The flow is IPv4 whatever the socket is."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = owned(ipsec.flow(proto, mapped=True))
    flush_policies(env)
    goes_on(env, flow)


@case("2.3-14_tunnel_of_the_other_family_{flow}", FLOWS)
def other_family(env, proto, fam):
    """IPv4 within IPv6, and the other way round."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", outer=10 - fam, extra="flag af-unspec").up()
    flow = owned(ipsec.flow(proto))
    flush_policies(env)
    goes_on(env, flow)


@case("2.3-14_sysctl_all_{flow}", FLOWS)
def sysctl_all(env, proto, fam):
    """net.latch.own_policy=all: who has asked for nothing gets one, flows that are there, too; who has refused, none."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    old = ipsec.flow(proto)
    env.alice.sysctl("own_policy", "all")
    gets_own(old.a)
    refused = ipsec.flow(proto, before=lambda sock: ask(sock, own_policy=0))
    flow = ipsec.flow(proto)
    gets_own(flow.a)
    ksft_true(not has_own(refused.a))
    # taken back for the one flow
    ask(flow.a, own_policy=0)
    wait(lambda: not has_own(flow.a), "the policy to go")
    env.alice.sysctl("own_policy", "no")
    last = ipsec.flow(proto)
    last.exchange()
    ksft_true(not has_own(last.a) and has_own(old.a), "those that have one keep it")
    ksft_eq(env.alice.stat()["LatchOwnPolicies"], 1)


@case("2.3-14_sysctl_lasting_{flow}", FLOWS)
def sysctl_lasting(env, proto, fam):
    """net.latch.own_policy=lasting: after own_policy_after_ms; who asks need not wait."""
    env.alice.sysctl("own_policy", "lasting")
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    other = ipsec.flow(proto, before=ask_own)
    gets_own(other.a)
    ksft_true(not has_own(flow.a), "a minute is not over")
    env.alice.sysctl("own_policy_after_ms", 10)
    gets_own(flow.a)
    gets_own(ipsec.flow(proto).a)


@case("2.3-14_application_has_its_own_tcp")
def applications_own(env):
    """A policy that the application has set stays, and the flow gets no other one."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp(before=lambda sock: [app_policy(sock, d) for d in (0, 1)])
    ask_own(flow.a)
    ask_own(flow.b)
    gets_own(flow.b)
    flow.exchange()
    ksft_true(not has_own(flow.a))
    stat = env.alice.stat()
    ksft_eq((stat["LatchOwnPolicies"], stat["LatchOwnPolicyFailed"], socket_policies(env.alice)), (0, 0, 2))
    env.alice.nl.do("conn-own-policy-off")
    ksft_eq(socket_policies(env.alice), 2)


@case("2.3-13_application_gives_a_policy_later_{proto}", [{"proto": p} for p in ("tcp", "udp")])
def application_later(env, proto):
    """A policy that the application sets under a latch governs the flow from then on, until it is cleared."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow, other = (ipsec.flow(proto).ask_to_wait() for _ in range(2))
    for direction in (0, 1):
        app_policy(flow.a, direction)
    env.alice.ip("xfrm policy flush")
    # the other flow has the same verdict until then: when it is told, the worker has looked at both
    is_state(other.a, "BROKEN", "POLICY_OUT")
    goes_on(env, flow)
    flow.a.setsockopt(socket.SOL_IP, 17, None, 0)
    env.alice.ip("xfrm policy add src 192.0.2.77 dst 192.0.2.78 dir out action allow")
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    silent_in_clear(env, flow)


@case("2.3-13_application_clears_what_was_made_for_the_latch")
def application_clears(env):
    """What is made for the latch is a socket's policy like any other: without it the database governs the flow."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.tcp().ask_to_wait()
    ask_own(flow.a)
    gets_own(flow.a)
    env.alice.ip("xfrm policy flush")
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    flow.a.setsockopt(socket.SOL_IP, 17, None, 0)
    env.alice.ip("xfrm policy add src 192.0.2.77 dst 192.0.2.78 dir out action allow")
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    silent_in_clear(env, flow)


def app_policy(sock, direction):
    """IP_XFRM_POLICY: ESP in transport mode, reqid 1."""
    never = 2**64 - 1
    selector = (bytes(40) + struct.pack("=HBBBxxxiI", socket.AF_INET, 0, 0, 0, 0, 0)).ljust(56, b"\0")
    limits = struct.pack("=8Q", *[never] * 4, *[0] * 4) + bytes(32)
    tmpl = bytes(20) + struct.pack("=BxxxHxx", 50, socket.AF_INET) + bytes(16)
    tmpl += struct.pack("=IBBBxIII", 1, 0, 0, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    policy = selector + limits + struct.pack("=IIBBBBxxxx", 0, 0, direction, 0, 0, 0) + tmpl
    sock.setsockopt(socket.SOL_IP, 17, policy)


@case("2.3-14_mark_of_the_socket_{flow}", FLOWS)
def mark(env, proto, fam):
    """Policies and SAs with a mark: it has the same, and is there only for the socket that has it."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    ipsec.sas = ipsec.new_sas()
    for host in (env.alice, env.bob):
        out, back = ipsec.policy(host, "out"), ipsec.policy(host, "in")
        host.ip(out.replace(" priority", " mark 5 mask 0xff priority"), back)
        mine = host.addr(fam)
        host.ip(*[(sa.but(extra="mark 5 mask 0xff") if sa.src == mine else sa).add() for sa in ipsec.sas])

    def marked(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 5)

    flow = Flow(ipsec, proto, *connected(ipsec, proto, marked, marked))
    flow.exchange()
    owned(flow)
    flush_policies(env)
    goes_on(env, flow)
    # the kernel passes over it where the socket has another mark, and nothing leaves in clear
    flow.a.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 6)
    env.wire.restart()
    with Moves(env.alice, at_least=["LatchOutClear"], may=["XfrmInNoPols"]):
        flow.push()
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")


# --- how it ends -----------------------------------------------------------------------------
@case("6.2-1_off_for_one_{flow}", FLOWS)
def off_one(env, proto, fam):
    """An administrator takes it away from one: the policy database governs that flow again, and it gets no other."""
    env.alice.sysctl("own_policy", "all")
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow, other = (ipsec.flow(proto).ask_to_wait() for _ in range(2))
    gets_own(flow.a, other.a)
    env.alice.nl.do("conn-own-policy-off", id=info(flow.a).id)
    wait(lambda: not has_own(flow.a), "the policy to go")
    ksft_eq((env.alice.stat()["LatchOwnPolicies"], socket_policies(env.alice)), (1, 2))
    ask_own(flow.a)
    goes_on(env, flow)
    ksft_true(not has_own(flow.a))
    env.alice.ip("xfrm policy flush")
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    silent_in_clear(env, flow)
    is_state(other.a, "ESTABLISHED", "NONE", [])
    other.exchange()


@case("6.2-1_off_without_policies_is_a_break_{flow}", FLOWS)
def off_adverse(env, proto, fam):
    """Without it the flow would go on in clear: it breaks instead, and is not let go."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = owned(ipsec.flow(proto)).ask_to_wait()
    flush_policies(env)
    ksft_eq(env.alice.nl.error("conn-release", id=info(flow.a).id)[0], "EBUSY")
    is_state(flow.a, "BROKEN", "POLICY_OUT")
    env.bob.nl.do("conn-own-policy-off")
    wait(lambda: not has_own(flow.b), "the policy to go")
    is_state(flow.b, "BROKEN", "POLICY_OUT")
    silent_in_clear(env, flow)
    for host in (env.alice, env.bob):
        host.ip(*ipsec.policies(host))
    flow.pump(flow.moved(300 if proto == "tcp" else 3))
    both_are(flow, "ESTABLISHED")
    ksft_eq(env.alice.nl.error("conn-own-policy-off", id=2**40)[0], "ENOENT")


@case("6.2-1_release_while_the_socket_is_in_use_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def release_in_use(env, fam):
    """The policy cannot go then: the refusal says so, and the release works when the socket is free."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = owned(ipsec.tcp())
    number = info(flow.a).id
    with in_use(flow.a):
        for attrs in ({"id": number}, {}):
            said = env.alice.nl.error("conn-release", **attrs)
            ksft_eq((said[0], said[2]), ("EBUSY", "in use, with a policy of its own: release it again"))
    wait(lambda: not has_own(flow.a), "the policy to go")
    env.alice.nl.do("conn-release")
    ksft_eq(env.alice.conns(), {})


@case("2.3-14_gone_with_the_latch_{way}_{proto}",
      [{"way": w, "proto": p} for w in ("close", "release", "disconnect", "flush") for p in ("tcp", "udp")])  # fmt: skip
def gone(env, way, proto):
    """Whatever ends the latch: the socket keeps nothing of it."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = owned(ipsec.flow(proto))
    ksft_eq(socket_policies(env.alice), 2)
    if way == "close":
        flow.a.close()
    elif way == "release":
        env.alice.nl.do("conn-release")
    elif way == "flush":
        env.alice.nl.do("conn-flush")
    else:
        disconnect(flow.a)
        info(flow.a)
    wait(lambda: not socket_policies(env.alice), "the policy to go")
    ksft_eq(env.alice.stat()["LatchOwnPolicies"], 0)
    if way == "release":
        flow.exchange()


@case("2.3-14_next_connection_of_the_socket_tcp{fam}", [{"fam": 4}, {"fam": 6}])
def next_connection(env, fam):
    """A socket connects again, and then listens: each connection has its own, and children inherit none."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.tcp(before=ask_own)
    gets_own(flow.a)
    sock = flow.a
    disconnect(sock)
    server = ipsec.listen()
    sock.connect(server.getsockname()[:2])
    child = env.bob.owns(server.accept()[0])
    gets_own(sock)
    ksft_eq((env.alice.stat()["LatchOwnPolicies"], socket_policies(env.alice)), (1, 2))
    Flow(ipsec, "tcp", sock, child).exchange()
    disconnect(sock)
    sock.bind((ipsec.addr(env.alice), 0))
    sock.listen(8)
    ksft_eq(socket_policies(env.alice), 0)


@case("2.3-14_end_of_the_connection_without_policies_{way}_tcp{fam}",
      [{"way": w, "fam": f} for w in ("fin", "reset") for f in (4, 6)])  # fmt: skip
def end(env, way, fam):
    """FIN, TIME_WAIT's answers and RST leave protected or not at all."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = owned(ipsec.tcp())
    flush_policies(env)
    env.wire.restart()
    if way == "fin":
        flow.a.close()
        flow.b.settimeout(10)
        ksft_eq(flow.b.recv(1), b"")
        flow.b.close()
        # TIME_WAIT has no socket, so the policy database sends its answer in clear: dropped
        wait(lambda: env.alice.stat()["LatchOutClear"], "the last ACK")
        ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
        for host in (env.alice, env.bob):
            host.ip(*ipsec.policies(host))
    else:
        flow.a.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        flow.a.close()
        ksft_eq(error_of(flow.b), errno.ECONNRESET)
        ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    for host in (env.alice, env.bob):
        wait(lambda h=host: not h.stat()["LatchLatches"], "the latches to go")
    ksft_eq(socket_policies(env.alice), 0)


@case("2.3-14_module_goes_tcp")
def module_goes(env):
    """Latches are closed and the module is unloaded while sockets are open that had policies of its making."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow, kept = owned(ipsec.tcp()), owned(ipsec.udp())
    try:
        for host in (env.alice, env.bob):
            host.nl.do("conn-release", id=info(kept.a if host is env.alice else kept.b).id)
            host.nl.do("conn-flush")
            host.forget_module()
        unload_when_idle()
        ksft_eq([socket_policies(h) for h in (env.alice, env.bob)], [0, 0])
        flow.close()
        kept.close()
    finally:
        load(env)


@case("2.3-9_own_policy_is_a_flag_tcp")
def listed(env):
    """conn-get has the flag, and each attribute as before."""
    ipsec = Ipsec(env.alice, env.bob).up()
    with Moves(env.alice, **one_more_latch(LatchOwnPolicies=1)):
        flow = ipsec.tcp(before=ask_own)
        gets_own(flow.a)
    (conn,) = env.alice.conns().values()
    ksft_true(conn["flags"] & L.LATCH_F_OWN_POLICY)


@case("6.2-1_own_policy_is_an_event_tcp")
def event(env):
    """Administrators hear that a flow has got a policy of its own, and that it has it no more."""
    flow = Ipsec(env.alice, env.bob).up().tcp()
    flow.exchange()
    nl = watch(env.alice)
    try:
        for given in (1, 0):
            ask(flow.a, own_policy=given)
            wait(lambda given=given: has_own(flow.a) == bool(given), "the worker")
            got = [(name, bool(msg["flags"] & L.LATCH_F_OWN_POLICY), msg["id"]) for name, msg in nl.events()]
            ksft_eq(got, [("conn-ntf", bool(given), info(flow.a).id)])
    finally:
        nl.close()


if __name__ == "__main__":
    runner.main()
