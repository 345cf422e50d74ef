#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Identities from strongSwan: certificates, rekeys, restarts, takeovers.

RFC 5660 2-5, 2-6, 2-7, 2-13 to 2-16, 2-21, 2-23, 2.2-6, 2.3-3, 2.3-4, 2.3.2, 6.3-1.
Without the module the same scenes leak: test_ike_leak.py.
"""

import errno
import functools
import signal
import socket
import time

import ktap
import latchapi
import runner
from expect import is_state, untouched
from flow import FLOWS, error_of
from ikenet import IkeNet
from ikescenes import (
    PRIVATE,
    StrongSwanTakeover,
    any_member,
    carry_data,
    connect,
    pair_behind_nat,
    remove_nat,
    restart_nat,
    trap_policies,
    trap_policies_between,
)
from ipsec import Ipsec
from ktap import ksft_eq, ksft_in, ksft_true, wait
from latchapi import L, ask, get_raw, info, latch_id, level_of, load, unload_when_idle
from radius import Radius
from test_offer import REQID, no_daemon_answers, offer, take_from_daemon
from test_pattern import ask_for_pattern
from vici import ViciError

IKE = True

# idle time costs nothing, and goes fast while the host reads
case = functools.partial(ktap.case, limit=600)


def setup():
    return IkeNet("alice", "bob", "mallory", plugin=True, plugins="eap-identity eap-mschapv2 eap-tls")


def check_proof(sock, cert, name=None, kind=L.LATCH_ID_FQDN, auth=L.LATCH_AUTH_ECDSA_256):
    """The latch of a socket stands, with all that a certificate proved of its peer (2-13)."""
    got = is_state(sock, "ESTABLISHED", conflicts=[])
    ksft_eq((got.peer_id_type, got.auth_method), (kind, auth))
    ksft_true(got.flags & L.LATCH_F_PEER_IDENTIFIED)
    want = {
        L.IP_LATCH_PEER_ID: (name or cert.name).encode() if not isinstance(name, bytes) else name,
        L.IP_LATCH_PEER_CERT: cert.der,
        L.IP_LATCH_PEER_ANCHOR: cert.issuer.der,
        L.IP_LATCH_PEER_KEY: cert.public,
    }
    for option, value in want.items():
        ksft_eq(option_of(sock, option), value, f"option {option}")
    return got


def option_of(sock, option):
    error, size, area = get_raw(sock, option, 8192, level_of(sock))
    ksft_eq(error, 0)
    return area[:size]


def check_both_proofs(env, flow):
    check_proof(flow.a, env.pki.cert("bob.example"))
    check_proof(flow.b, env.pki.cert("alice.example"))


# --- who is there --------------------------------------------------------------------
@case("2-5_sas_are_bound_from_the_first_packet_{flow}", FLOWS)
def bound(env, proto, fam):
    """A packet meets a trap policy: ACQUIRE, IKE, SAs, and the flow is latched to who proved what (2.3-4)."""
    ipsec = trap_policies(env, fam)
    env.wire.restart()
    flow = connect(ipsec, proto)
    check_both_proofs(env, flow)
    ksft_eq(env.wire.clear(flow), (0, 0))
    for host in (env.alice, env.bob):
        rows = host.nl.dump("binding-get")
        # two datagrams may start IKE from both ends at once
        ksft_in((len(rows), all(row.get("with-sa") for row in rows)), [(2, True), (4, True)])
        ksft_eq(all(p.get("with-bindings") for p in host.nl.dump("peer-get")), True)


# --- offers --------------------------------------------------------------------------
@case("3.1-1_offer_that_strongswan_answers_{flow}", FLOWS)
def offer_answered(env, proto, fam):
    """A trap without policies has the offer's reqid: charon makes the SAs, for the sockets that ask alone."""
    env.ike(env.bob).to(env.alice, fam=fam, start="none")
    env.ike(env.alice).to(env.bob, fam=fam, child={"policies": "no", "reqid": REQID})
    offer(env.alice, env.bob.addr(fam))
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    flow = take_from_daemon(env, ipsec, proto, peer_id="bob.example")
    check_both_proofs(env, flow)
    env.ike(env.alice).rekeyed("bob")
    carry_data(flow)
    untouched(flow)
    # charon has no policy that anybody else's flow could go by
    text = env.alice.run("ip", "xfrm", "policy").stdout
    ksft_eq([line for line in text.splitlines() if " dir " in line], [])


@case("2.3-5_offer_that_strongswan_cannot_answer")
def offer_unanswered(env):
    """charon answers by the reqid of a trap alone: a connection that has none makes no SAs of an ACQUIRE."""
    env.ike(env.bob).to(env.alice, start="none")
    env.ike(env.alice).to(env.bob, start="none", child={"reqid": REQID})
    offer(env.alice, env.bob.addr(4))
    said = f"trap not found, unable to acquire reqid {REQID}"
    no_daemon_answers(env, Ipsec(env.alice, env.bob), said)


# --- the RFC's example ------------------------------------------------------------------
EXAMPLE = [
    {**f, "who": who, "latching": hosts}
    for f in FLOWS for who, hosts in (("both", "alice bob"), ("only_a", "alice"), ("only_b", "bob"))
]  # fmt: skip


@case("2.3.2_ike_takeover_{flow}_{who}_latch", EXAMPLE)
def takeover(env, proto, fam, latching):
    """One CA for all, bob's address taken over: A's data stay A's where A latches, whatever B does."""
    for host in (env.alice, env.bob):
        if host.name not in latching:
            host.sysctl("auto", 0)
    ipsec = trap_policies(env, fam, any_member(env))
    flow = connect(ipsec, proto)
    is_state(flow.b, "ESTABLISHED" if "bob" in latching else "NONE")
    attack = StrongSwanTakeover(env, ipsec)
    attack.start()
    env.wire.restart()
    attack.authenticate()
    if "alice" not in latching:
        stolen = []
        flow.pump(lambda: stolen.extend(attack.stolen(flow)) or stolen, ways=((flow.a, flow.b),))
        attack.end()
        return
    if proto == "tcp":
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
        is_state(flow.a, "CLOSED", "PEER")
    else:
        is_state(flow.a, "BROKEN", "PEER", ["PEER"])
        flow.pump(lambda: info(flow.a).out_drops >= 3, ways=((flow.a, flow.b),))
    ksft_eq((attack.stolen(flow), attack.frames_seen(), env.wire.clear(flow)), ([], 0, (0, 0)))
    attack.end()


@case("2.3.1-1_ike_impostor_is_not_heard_{flow}", FLOWS)
def not_heard(env, proto, fam):
    """What mallory sends into the flow under her own SA is dropped, even where she knows every number."""
    ipsec = trap_policies(env, fam, any_member(env))
    flow = connect(ipsec, proto).ask_to_wait()
    attack = StrongSwanTakeover(env, ipsec)
    attack.start()
    attack.authenticate()
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    flow.catch_up(flow.a)
    before = info(flow.a).in_drops
    for _ in range(3):
        attack.send(flow, b"mallory was here")
    wait(lambda: info(flow.a).in_drops == before + 3, "the drops")
    ksft_true(flow.silent(flow.a))
    attack.withdraw_sas()
    attack.end()
    wait(lambda: info(flow.a).state_name == "ESTABLISHED", "the end of the conflict")
    carry_data(flow)
    untouched(flow, (1, 0))


# --- selectors that would take another peer's connections -------------------------------------
def guest(env, fam, selectors, hers):
    """Mallory may have a tunnel to alice for what these selectors name; hers: what she asks for."""
    theirs = [env.alice.addr(fam)]
    child = {"local_ts": theirs, "remote_ts": selectors}
    env.ike(env.alice).to(env.mallory, fam=fam, mode="tunnel", start="none", child=child)
    child = {"local_ts": hers, "remote_ts": theirs}
    env.ike(env.mallory).to(env.alice, fam=fam, mode="tunnel", start="none", child=child)


def granted(env):
    """What alice's daemon has agreed to with mallory."""
    (kid,) = env.ike(env.alice).children("mallory")
    return sorted(ts.split("|")[0] for ts in kid["remote-ts"])


def host_selector(host, fam, more=""):
    return f"{host.addr(fam)}/{32 if fam == 4 else 128}{more}"


def link_of(fam):
    return ["10.9.0.0/24" if fam == 4 else "fd09::/64"]


@case("2.3-12_ike_selectors_of_a_peer_are_narrowed_{flow}", FLOWS)
def narrowed(env, proto, fam):
    """Mallory asks for her address and bob's, with whom a connection is latched: she gets hers, and it goes on."""
    flow = connect(trap_policies(env, fam), proto)
    hers = [host_selector(env.bob, fam), host_selector(env.mallory, fam)]
    guest(env, fam, link_of(fam), hers)
    env.ike(env.mallory).initiate("alice")
    ksft_eq(granted(env), hers[1:])
    carry_data(flow)
    untouched(flow)
    check_both_proofs(env, flow)
    # once more with a proposal of alice's own, which is as wide as her configuration
    env.ike(env.alice).rekeyed("mallory")
    ksft_eq(granted(env), hers[1:])
    carry_data(flow)
    untouched(flow)


@case("2.3-12_ike_selectors_are_narrowed_by_protocol_{flow}", FLOWS)
def narrowed_protocol(env, proto, fam):
    """Of bob's address she gets the protocol that nothing is latched for."""
    flow = connect(trap_policies(env, fam), proto)
    other = {"tcp": "udp", "udp": "tcp"}[proto]
    hers = [host_selector(env.bob, fam, f"[{p}]") for p in ("tcp", "udp")]
    guest(env, fam, hers, hers)
    env.ike(env.mallory).initiate("alice")
    ksft_eq(granted(env), [host_selector(env.bob, fam, f"[{other}]")])
    carry_data(flow)
    untouched(flow)


WIDE = [
    {**f, "what": what, "narrow": narrow, "more": more}
    for f in FLOWS
    for what, narrow, more in (("only_selector", "yes", False), ("not_asked_for", "no", True))
]


@case("2.3-12_ike_selectors_are_not_narrowed_{what}_{flow}", WIDE)
def not_narrowed(env, proto, fam, narrow, more):
    """Nothing would be left, or the administrator wants none: the latch breaks, and she gets what she asks for."""
    env.ike(env.alice).other(plugin={"narrow": narrow})
    flow = connect(trap_policies(env, fam), proto).ask_to_wait()
    hers = [host_selector(env.bob, fam)] + [host_selector(env.mallory, fam)] * more
    guest(env, fam, link_of(fam), hers)
    env.wire.restart()
    env.ike(env.mallory).initiate("alice")
    ksft_eq(granted(env), hers)
    wait(lambda: info(flow.a).state_name == "BROKEN", "the break")
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2.3-12_ike_selectors_of_nothing_latched_{fam}", [{"fam": 4}, {"fam": 6}])
def nothing_latched(env, fam):
    """A connection that is over, and one with mallory herself, take nothing from her."""
    flow = connect(trap_policies(env, fam), "udp")
    flow.close()
    wait(lambda: not env.alice.stat()["LatchLatches"], "the latch to go")
    hers = [host_selector(env.bob, fam), host_selector(env.mallory, fam)]
    guest(env, fam, link_of(fam), hers)
    env.ike(env.mallory).initiate("alice")
    ksft_eq(granted(env), hers)
    own = connect(Ipsec(env.alice, env.mallory, fam=fam), "udp")
    ksft_eq(info(own.a).peer_id_type, L.LATCH_ID_FQDN)
    env.ike(env.mallory).rekeyed("alice")
    ksft_eq(granted(env), hers)
    carry_data(own)
    untouched(own)


# --- a daemon stops ------------------------------------------------------------------
STOPS = [
    {**f, "who": who, "latching": hosts}
    for f in FLOWS[:2] for who, hosts in (("both", "alice bob"), ("only_a", "alice"), ("only_b", "bob"))
] + [{**f, "who": "both", "latching": "alice bob"} for f in FLOWS[2:]]  # fmt: skip


@case("2-21_ike_daemon_stops_{flow}_{who}_latch", STOPS)
def stops(env, proto, fam, latching):
    """The service is stopped under a live connection: what latches sends nothing, and goes on when it is back."""
    for host in (env.alice, env.bob):
        if host.name not in latching:
            host.sysctl("auto", 0)
        host.sysctl("disposition", "wait")
    ipsec = trap_policies(env, fam, answer="none")
    flow = connect(ipsec, proto)
    env.wire.restart()
    carry_data(flow, 4000)
    env.ike(env.alice).stop(signal.SIGTERM)
    latched = {s for s, name in ((flow.a, "alice"), (flow.b, "bob")) if name in latching}
    for sock in latched:
        wait(lambda s=sock: info(s).state_name == "BROKEN", "the policies to go")
        is_state(sock, "BROKEN", None, ["POLICY_OUT", "POLICY_IN"])
    flow.pump(lambda: all(info(s).out_drops >= 3 for s in latched))
    for sock in latched:
        ksft_eq(env.wire.clear(flow, sock), (0, 0))
    env.ike(env.alice).start()
    if latching != "alice bob":
        # the other end may have had an answer in clear, and be ended by it
        return
    carry_data(flow, 4000)
    flow.lost = 0
    untouched(flow, (1, 1))
    check_both_proofs(env, flow)
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-21_ike_daemon_stops_and_the_application_is_told")
def told(env):
    """The default for TCP: ECONNRESET at both ends, and nothing in clear."""
    flow = connect(trap_policies(env, answer="none"), "tcp")
    env.wire.restart()
    env.ike(env.alice).stop(signal.SIGTERM)
    for sock in (flow.a, flow.b):
        ksft_eq(error_of(sock), errno.ECONNRESET)
    ksft_eq(env.wire.clear(flow), (0, 0))


CRASHES = [{**f, "moment": m} for f in FLOWS[:2] for m in ("traffic", "rekey", "ike_rekey", "reauth")]


@case("2-21_ike_daemon_is_killed_{flow}_during_{moment}", CRASHES)
def crashes(env, proto, fam, moment):
    """Killed and started again, in the middle of something: the flow survives with its identity."""
    ipsec = trap_policies(env, fam, dpd_delay=2)
    flow = connect(ipsec, proto).ask_to_wait()
    alice = env.ike(env.alice)
    env.wire.restart()
    if moment == "rekey":
        alice.rekey(child="bob")
    elif moment != "traffic":
        alice.rekey(ike="bob", reauth=moment == "reauth")
    alice.kill()
    if moment == "traffic":
        # the kernel goes on alone
        carry_data(flow)
    alice.start()
    alice.initiate("bob")
    carry_data(flow, 4000)
    for sock in (flow.a, flow.b):
        is_state(sock, "ESTABLISHED", conflicts=[])
    check_both_proofs(env, flow)
    if proto == "tcp":
        flow.drained()
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-5_ike_daemon_is_killed_during_set_up_{when}_ms", [{"when": n} for n in (0, 20, 40, 60, 80, 100, 150, 200)])
def killed_early(env, when):
    """At any moment of the set-up: the flow waits, or is latched to the right one."""
    ipsec = trap_policies(env)
    alice = env.ike(env.alice)
    listener = ipsec.listen()
    sock = env.alice.socket(listener.family)
    sock.setblocking(False)
    sock.connect_ex(listener.getsockname())
    env.wire.restart()
    end = time.monotonic() + when / 1000
    wait(lambda: time.monotonic() >= end, "the moment")
    alice.kill()
    is_state(sock, "ESTABLISHED" if info(sock).peer else "NONE")
    alice.start()
    alice.initiate("bob")
    wait(lambda: info(sock).state_name == "ESTABLISHED", "the connection", 30)
    check_proof(sock, env.pki.cert("bob.example"))


# --- rekeys ------------------------------------------------------------------------------
KINDS = ("child", "child_by_peer", "ike", "ike_by_peer", "reauth", "make_before_break")
REKEYS = [{**f, "what": w} for f in FLOWS for w in KINDS]


@case("2-7_{what}_{flow}", REKEYS)
def rekeys(env, proto, fam, what):
    """Rekeys and reauthentication under traffic: no break, nothing lost."""
    alice, bob = env.ike(env.alice), env.ike(env.bob)
    if what == "make_before_break":
        for daemon in (alice, bob):
            daemon.other(settings=daemon.settings + "\nmake_before_break = yes")
    ipsec = trap_policies(env, fam)
    flow = connect(ipsec, proto)
    flow.lost = 0
    env.wire.restart()
    before = [info(s) for s in (flow.a, flow.b)]
    stats = [env.alice.stat(), env.bob.stat()]
    by, name = (bob, "alice") if what.endswith("by_peer") else (alice, "bob")
    for _ in range(3):
        old = {k["spi-in"] for k in by.children()} | {i["initiator-spi"] for i in by.ikes()}
        if what.startswith("child"):
            by.rekey(child=name)
        else:
            by.rekey(ike=name, reauth=not what.startswith("ike"))

        def done(old=old):
            spis, ikes = {k["spi-in"] for k in by.children()}, {i["initiator-spi"] for i in by.ikes()}
            return spis and ikes and not (spis if what.startswith("child") else ikes) & old

        flow.pump(done, deadline=30)
        carry_data(flow, 4000)
    untouched(flow)
    check_both_proofs(env, flow)
    ksft_eq(env.wire.clear(flow), (0, 0))
    ksft_eq([info(s).id for s in (flow.a, flow.b)], [b.id for b in before])
    ksft_eq([info(s).peer for s in (flow.a, flow.b)], [b.peer for b in before])
    moved = [{k: v - old[k] for k, v in h.stat().items() if v != old[k]} for h, old in zip((env.alice, env.bob), stats)]
    drops = [(info(s).in_drops, info(s).out_drops) for s in (flow.a, flow.b)]
    if what.startswith("reauth"):
        # a packet on its way while its SA went, each time: there is nobody any more to say whose that was
        ksft_eq([out for _, out in drops], [0, 0], moved)
        ksft_true(all(n <= 3 for n, _ in drops), moved)
        ksft_eq(sum(m.get("LatchInPending", 0) for m in moved), sum(n for n, _ in drops), moved)
    else:
        ksft_eq(drops, [(0, 0), (0, 0)], moved)
    if proto == "udp" and what.startswith(("child", "ike")):
        ksft_eq(flow.lost, 0)


@case("2-5_reauth_with_the_authority_issued_anew_{flow}", FLOWS[::3])
def anew(env, proto, fam):
    """A certification authority gives itself another certificate, with its name and key: peers stay the same."""
    ipsec = trap_policies(env, fam)
    flow = connect(ipsec, proto)
    old = env.pki.ca()
    new = env.pki.anew(old)
    ksft_true(new.der != old.der and new.public == old.public and new.subject == old.subject)
    for ike in (env.ike(env.alice), env.ike(env.bob)):
        ike.loaded = [(c, {**m, "data": new.der} if m.get("data") == old.der else m) for c, m in ike.loaded]
        ike.vici.request("clear-creds")
        for command, message in ike.loaded:
            if command != "load-conn":
                ike.vici.request(command, message)
    before = {ike["initiator-spi"] for ike in env.ike(env.alice).ikes()}
    env.ike(env.alice).rekey(ike="bob", reauth=True)
    flow.pump(lambda: {i["initiator-spi"] for i in env.ike(env.alice).ikes()} - before, deadline=30)
    carry_data(flow, 4000)
    untouched(flow)
    for host in (env.alice, env.bob):
        ksft_in(new.der, [p.get("anchor") for p in host.nl.dump("peer-get")])


# --- a peer that does not answer -----------------------------------------------------
@case("2-23_ike_dead_peer_{flow}", FLOWS)
def dead(env, proto, fam):
    """Dead peer detection breaks the latches of that peer for good; a new flow with it is another matter."""
    for host in (env.alice, env.bob):
        env.ike(host).other(settings="retransmit_tries = 4\nretransmit_timeout = 1\nretransmit_base = 1")
    ipsec = trap_policies(env, fam, dpd_delay=2, child={"dpd_action": "clear"})
    flow = connect(ipsec, proto)
    other = connect(trap_policies_between(env, env.alice, env.mallory, fam), proto)
    env.unplug(env.bob)
    for sock in (flow.a, flow.b):
        wait(lambda s=sock: info(s).reason_name == "DPD", "the daemon to find its peer dead", 60)
    env.plug(env.bob)
    new = connect(ipsec, proto)
    for sock in (flow.a, flow.b):
        is_state(sock, "CLOSED" if proto == "tcp" else "BROKEN", "DPD")
        if proto == "tcp":
            ksft_eq(error_of(sock), errno.ECONNRESET)
    check_both_proofs(env, new)
    carry_data(other)
    check_proof(other.a, env.pki.cert("mallory.example"))


@case("2-23_ike_dead_device_of_a_user_with_two")
def dead_device(env):
    """Two devices with one user's EAP identity: the user is dead when the second one does not answer, too."""
    server, first, second = env.alice, env.bob, env.mallory
    env.ike(server).other(settings="retransmit_tries = 4\nretransmit_timeout = 1\nretransmit_base = 1")
    flows = []
    for device in (first, second):
        ours = {"auth": "eap-mschapv2", "id": device.name + ".example", "eap_id": "user.example"}
        for ike in (env.ike(server), env.ike(device)):
            ike.shared("a password", "user.example", kind="EAP")
        env.ike(server).to(device, start="none", remote={**ours, "eap_id": "%any"}, dpd_delay=2, unique="never")
        env.ike(device).trust(env.pki.ca())
        env.ike(device).to(server, local=ours)
        flows.append(connect(Ipsec(device, server), "tcp").ask_to_wait())
    for flow in flows:
        ksft_eq(option_of(flow.b, L.IP_LATCH_PEER_ID), b"user.example")
    ksft_eq(len(env.ike(server).ikes()), 2)
    env.unplug(first)
    wait(lambda: len(env.ike(server).ikes()) == 1, "the server to find the first device dead", 60)
    carry_data(flows[1])
    untouched(flows[1])
    env.unplug(second)
    wait(lambda: info(flows[1].b).reason_name == "DPD", "the server to find the second one dead", 60)
    for device in (first, second):
        env.plug(device)


# --- where the packets go ------------------------------------------------------------
@case("2-15_ike_tunnel_{flow}", FLOWS)
def tunnel(env, proto, fam):
    """Tunnel mode: inner and outer addresses, and no policy but the tunnel's."""
    ipsec = trap_policies(env, fam, mode="tunnel")
    flow = connect(ipsec, proto)
    check_both_proofs(env, flow)
    for sock, me, peer in ((flow.a, env.alice, env.bob), (flow.b, env.bob, env.alice)):
        got = info(sock)
        ksft_eq((got.local_addr, got.remote_addr), (me.inner(fam), peer.inner(fam)))
        ksft_eq((got.outer_local_addr, got.outer_remote_addr), (me.addr(fam), peer.addr(fam)))
        ksft_eq([t["mode"] for t in got.chain], [1])
    env.ike(env.alice).rekeyed("bob")
    carry_data(flow)
    untouched(flow)


NATTED = [{**f, "mode": m} for f in FLOWS[::2] for m in ("tunnel", "transport") if f["proto"] == "tcp" or m == "tunnel"]


@case("2-14_ike_nat_{mode}_{flow}", NATTED)
def nat(env, proto, mode):
    """Through a NAT: private and public addresses and the ports of ESP in UDP, at both ends."""
    ipsec = pair_behind_nat(env, mode)
    try:
        flow = connect(ipsec, proto)
        check_both_proofs(env, flow)
        ports = [int(env.ike(h).ikes()[0]["remote-port"]) for h in (env.alice, env.bob)]
        seen = [
            (got.outer_local_addr, got.outer_remote_addr, got.natt_local_port, got.natt_remote_port,
             bool(got.flags & L.LATCH_F_NATT)) for got in (info(flow.a), info(flow.b))
        ]  # fmt: skip
        ksft_eq(seen[0], (PRIVATE, env.bob.addr(4), 4500, ports[0], True))
        ksft_eq(seen[1], (env.bob.addr(4), env.mallory.addr(4), 4500, ports[1], True))
        told = [info(sock).natt_remote_addr for sock in (flow.a, flow.b)]
        ksft_eq(told, ["0.0.0.0", PRIVATE if mode == "transport" else "0.0.0.0"])
        env.ike(env.alice).rekeyed("bob")
        carry_data(flow)
        untouched(flow)
        ksft_eq([info(sock).natt_remote_addr for sock in (flow.a, flow.b)], told)
    finally:
        remove_nat(env)


@case("2-14_ike_nat_mapping_changes_{flow}", FLOWS[::2])
def nat_moves(env, proto):
    """The NAT forgets and takes another port: the SAs move, the latch stays.

    Bob has no trap policy, and none at all while charon moves the SAs: his end waits.
    """
    ipsec = pair_behind_nat(env, "tunnel")
    try:
        flow = connect(ipsec, proto).ask_to_wait()
        flow.tolerated = (errno.EPERM,)
        old = info(flow.b)
        restart_nat(env.mallory, "20000-20010")
        flow.pump(lambda: info(flow.b).natt_remote_port != old.natt_remote_port)
        carry_data(flow)
        untouched(flow, (0, 1))
        ksft_eq(info(flow.b).peer, old.peer)
    finally:
        remove_nat(env)


MOVES = [
    {**f, "to": to, "way": "" if to != "ipv6" else "to_ipv6_", "answer": a}
    for to in ("10.9.0.11", "ipv6") for f in FLOWS[::2] for a in ("trap", "none")
]  # fmt: skip


@case("2-21_ike_mobike_{way}{flow}_{answer}", MOVES)
def mobike(env, proto, to, answer):
    """The address goes, the SAs move to another one, the latch stays with what it was latched to.

    Without a trap policy charon takes the policy away for a moment, so that end waits.
    """
    addrs = [env.alice.addr(4)]
    if to == "ipv6":
        to = env.alice.addr(6)
    else:
        addrs.append(to)
        env.alice.ip(f"addr add {to}/32 dev eth0")
        env.bob.ip(f"neigh replace {to} lladdr {env.alice.mac.hex(':')} dev eth0 nud permanent")
        # charon tries all paths, and takes the one that is answered first: this is to be the only one
        env.bob.ip(f"addr del {env.bob.addr(6)}/64 dev eth0")
    env.ike(env.bob).to(env.alice, mode="tunnel", start=answer, mobike=True, remote_addrs=addrs)
    env.ike(env.alice).to(env.bob, mode="tunnel", mobike=True, local_addrs=addrs)
    flow = connect(Ipsec(env.alice, env.bob, mode="tunnel"), proto)
    if answer == "none":
        flow.ask_to_wait()
    before = [info(s) for s in (flow.a, flow.b)]
    env.wire.restart()
    # until charon has another one, the kernel has no address for the tunnel; then charon forbids
    flow.tolerated = (errno.ENETUNREACH, errno.EPERM)
    env.alice.ip(f"addr del {env.alice.addr(4)}/24 dev eth0")
    flow.pump(lambda: info(flow.a).outer_local_addr == info(flow.b).outer_remote_addr == to)
    carry_data(flow)
    untouched(flow, (0, 0 if answer == "trap" else 1))
    check_both_proofs(env, flow)
    ksft_eq([(info(s).id, info(s).peer) for s in (flow.a, flow.b)], [(b.id, b.peer) for b in before])
    ksft_eq(env.wire.clear(flow), (0, 0))
    # routes went with the address
    env.renew()


# --- who is who: kinds of identity and of proof -----------------------------------------
HOSTILE = b"\0\n\r\x1b[2J\"',{}=\xff\xfe%s"
WAYS = [
    {"kind": "fqdn", "way": {}},
    {"kind": "email", "way": {"san": "email:{0}@mail.example", "id": "{0}@mail.example", "type": L.LATCH_ID_EMAIL}},
    {"kind": "ipv4", "way": {"san": "IP:{1}", "id": "{1}", "type": L.LATCH_ID_IPV4}},
    {"kind": "ipv6", "way": {"san": "IP:{2}", "id": "{2}", "type": L.LATCH_ID_IPV6}},
    {"kind": "dn", "way": {"san": "", "id": "O=Latch, CN={0}.dn", "type": L.LATCH_ID_DN}},
    {"kind": "rsa", "way": {"cert": "rsa", "auth": L.LATCH_AUTH_RSA}},
    {"kind": "ed25519", "way": {"cert": "ed25519", "auth": L.LATCH_AUTH_SIGNATURE}},
    {"kind": "rawkey", "way": {"proof": "pubkeys"}},
    {"kind": "psk", "way": {"proof": "psk", "auth": L.LATCH_AUTH_PSK}},
    {"kind": "psk_keyid", "way": {"proof": "psk", "auth": L.LATCH_AUTH_PSK, "id": "@#{3}", "type": L.LATCH_ID_KEYID}},
    {"kind": "psk_hostile_fqdn", "way": {"proof": "psk", "auth": L.LATCH_AUTH_PSK, "id": "{{2}}:#{5}"}},
    {"kind": "psk_hostile_email", "way": {"proof": "psk", "auth": L.LATCH_AUTH_PSK, "id": "{{3}}:#{5}",
                                          "type": L.LATCH_ID_EMAIL}},
    {"kind": "psk_longest", "way": {"proof": "psk", "auth": L.LATCH_AUTH_PSK, "id": "{4}", "type": L.LATCH_ID_EMAIL}},
    {"kind": "eap_mschapv2", "way": {"proof": "eap-mschapv2", "auth": L.LATCH_AUTH_EAP}},
    {"kind": "eap_tls", "way": {"proof": "eap-tls", "auth": L.LATCH_AUTH_EAP}},
]


class Way:
    """How one host proves who it is, and what of it the other one must see."""

    def __init__(self, env, host, kind, san="DNS:{0}.example", id="{0}.example", type=L.LATCH_ID_FQDN, cert="ecdsa",
                 auth=L.LATCH_AUTH_ECDSA_256, proof="pubkey"):  # fmt: skip  # pylint: disable=redefined-builtin
        hostile = HOSTILE + host.name.encode()
        # of names with a NUL charon says that none is equal to itself
        text = hostile.replace(b"\0", b"")
        # the longest that charon reads
        longest = f"{host.name:x<498}@mail.example"
        words = (host.name, host.addr(4), host.addr(6), hostile.hex(), longest, text.hex())
        self.id, self.type, self.auth, self.proof = id.format(*words), type, auth, proof
        self.cert = None
        if proof in ("pubkey", "pubkeys", "eap-tls"):
            self.cert = env.pki.cert(f"{host.name}.{kind}", kind=cert, names=san.format(*words))
        self.value = {
            L.LATCH_ID_IPV4: socket.inet_pton(socket.AF_INET, words[1]),
            L.LATCH_ID_IPV6: socket.inet_pton(socket.AF_INET6, words[2]),
            L.LATCH_ID_KEYID: hostile,
        }.get(type, text if "{5}" in id else self.id.encode())
        if type == L.LATCH_ID_DN:
            # strongSwan would make other types of string of a text
            self.value, self.id = self.cert.subject, "asn1dn:#" + self.cert.subject.hex()

    def tell(self, daemon, other):
        """Credentials of ours, and what the other one has to have."""
        if self.proof in ("pubkey", "eap-tls"):
            daemon.identity(self.cert)
            other.trust(self.cert.issuer)
        elif self.proof == "pubkeys":
            daemon.key(self.cert)
        elif self.proof == "psk":
            for d in (daemon, other):
                # of an owner's name vici takes 255 bytes
                d.shared("a secret of two", *([self.id] if len(self.id) < 256 else []))
        else:
            for d in (daemon, other):
                d.shared("a password", self.id, kind="EAP")

    def section(self, ours):
        """For local= where it is ours, for remote= where it is the other's."""
        section = {"auth": "pubkey" if self.proof == "pubkeys" else self.proof, "id": self.id}
        if self.proof == "pubkeys":
            section["pubkeys"] = [self.cert.public]
        elif self.proof in ("pubkey", "eap-tls") and ours:
            section["certs"] = [self.cert.der]
        if self.proof.startswith("eap"):
            section["eap_id"] = self.id
        return section

    def seen(self, sock):
        """All that the other one must be told of us."""
        got = is_state(sock, "ESTABLISHED", "NONE", [])
        ksft_eq((got.peer_id_type, got.auth_method), (self.type, self.auth))
        ksft_eq(option_of(sock, L.IP_LATCH_PEER_ID), self.value)
        public = {L.IP_LATCH_PEER_KEY: self.cert.public} if self.cert else {}
        if self.cert and self.proof != "pubkeys":
            public.update({L.IP_LATCH_PEER_CERT: self.cert.der, L.IP_LATCH_PEER_ANCHOR: self.cert.issuer.der})
        for option in (L.IP_LATCH_PEER_CERT, L.IP_LATCH_PEER_ANCHOR, L.IP_LATCH_PEER_KEY):
            want = (0, public[option]) if option in public else (errno.ENODATA, b"")
            error, size, area = get_raw(sock, option, 8192, level_of(sock))
            ksft_eq((error, b"" if error else area[:size]), want, f"option {option}")


def meet_by(env, kind, way, **conn):
    """Alice has a trap for bob; returns how they prove who they are. conn: more for both connections."""
    alice = Way(env, env.alice, kind, **way)
    # who uses EAP proves himself to one who shows a certificate
    bob = Way(env, env.bob, "fqdn") if alice.proof.startswith("eap") else Way(env, env.bob, kind, **way)
    ike_a, ike_b = env.ike(env.alice), env.ike(env.bob)
    alice.tell(ike_a, ike_b)
    bob.tell(ike_b, ike_a)
    ike_b.to(env.alice, start="none", local=bob.section(True), remote=alice.section(False), **conn)
    ike_a.to(env.bob, local=alice.section(True), remote=bob.section(False), **conn)
    return alice, bob


@case("2-13_ike_identity_{kind}", WAYS)
def identities(env, kind, way):
    """Every kind of ID and of proof: the latch tells it as IKE carried it, at both ends."""
    alice, bob = meet_by(env, kind, way)
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    bob.seen(flow.a)
    alice.seen(flow.b)
    ksft_eq(option_of(flow.a, L.IP_LATCH_LOCAL_ID), alice.value)
    shown = env.bob.run(str(latchapi.TOOL), "connection", "show").stdout
    ksft_true(all(c.isprintable() or c in "\n\t" for c in shown), repr(shown))
    ksft_eq(shown.count("\nconnection "), 0, shown)
    env.ike(env.alice).rekeyed("bob")
    carry_data(flow)
    untouched(flow)


def long_subject(name, size):
    """A distinguished name whose DER has so many bytes (at least 1000)."""
    # 4 bytes around it, and 11 around each value of up to 64
    left = size - 4 - (11 + len("Latch")) - (11 + len(name))
    units = []
    while left:
        here = 75 if left > 150 else left // 2 if left > 75 else left
        units.append("u" * (here - 11))
        left -= here
    return "/O=Latch" + "".join(f"/OU={u}" for u in units) + f"/CN={name}"


@case("2-13_ike_identity_dn_of_{size}_bytes", [{"size": n} for n in (1024, 1025, 24000)])
def long_names(env, size):
    """Up to what the module keeps; what is longer is nobody, and gets no SAs where identities are required."""
    ikes = [env.ike(host) for host in (env.alice, env.bob)]
    certs = []
    for ike in ikes:
        ike.other(settings="max_packet = 65535")
        name = f"{ike.host.name}.{size}"
        certs.append(env.pki.cert(name, names="", subject=long_subject(name, size)))
        ksft_eq(len(certs[-1].subject), size)
        ike.identity(certs[-1])
    for ike, cert, peer in zip(ikes, certs, (env.bob, env.alice)):
        # in a configuration charon reads 511 bytes of text, so that the certificate has to say it
        ours = {"auth": "pubkey", "certs": [cert.der], "id": None}
        ike.to(peer, start="none", local=ours, remote=any_member(env))
    ikes[0].initiate("bob")
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    if size <= 1024:
        for sock, cert in ((flow.a, certs[1]), (flow.b, certs[0])):
            check_proof(sock, cert, cert.subject, L.LATCH_ID_DN)
        return
    for sock, ike in ((flow.a, ikes[0]), (flow.b, ikes[1])):
        got = is_state(sock, "ESTABLISHED", "NONE")
        ksft_eq((got.peer, got.peer_id_type, got.flags & L.LATCH_F_PEER_IDENTIFIED), (0, L.LATCH_ID_NONE, 0))
        ksft_eq((ike.host.nl.dump("binding-get"), ike.host.nl.dump("peer-get")), ([], []))
        ksft_true("cannot be bound" in ike.log(), "the reason is in the log")
    flow.close()
    ikes[0].terminate(ike="bob")
    ikes[1].other(plugin={"require": "yes"})
    try:
        ikes[0].initiate("bob")
        ksft_true(False, "installed")
    except ViciError:
        pass
    ksft_eq(ikes[1].children(), [])


@case("2-13_ike_identity_with_nul_is_refused")
def nul(env):
    """A name that ends early for some is no name for charon: no SAs."""
    way = Way(env, env.alice, "nul", proof="psk", id="{{2}}:#" + b"alice.example\0.evil".hex())
    alice, bob = env.ike(env.alice), env.ike(env.bob)
    way.tell(alice, bob)
    bob.to(env.alice, start="none", local={"auth": "psk", "id": "bob.example"}, remote=way.section(False))
    alice.to(env.bob, start="none", local=way.section(True), remote={"auth": "psk", "id": "bob.example"})
    try:
        alice.initiate("bob")
        ksft_true(False, "installed")
    except ViciError:
        pass
    ksft_eq((bob.children(), env.bob.nl.dump("peer-get")), ([], []))


# --- what EAP proves -----------------------------------------------------------------------
EAP = [
    {"what": "md5", "auth": "eap-md5", "outer": "no", "named": True},
    {"what": "md5_without_eap_id", "auth": "eap-md5", "outer": "no", "named": True, "eap_id": None},
    {"what": "ttls", "auth": "eap-ttls", "outer": "no", "named": False},
    {"what": "ttls_trusted", "auth": "eap-ttls", "outer": "yes", "named": True},
    {"what": "radius", "auth": "eap-radius", "outer": "no", "named": False},
    {"what": "radius_without_eap_id", "auth": "eap-radius", "outer": "no", "named": False, "eap_id": None},
    {"what": "radius_for_another_connection", "auth": "eap-md5", "outer": "no", "named": False, "other": "eap-radius"},
    {"what": "radius_trusted", "auth": "eap-radius", "outer": "yes", "named": True},
]
EAP_RADIUS = f"plugins {{ eap-radius {{ server = 127.0.0.1\nsecret = {Radius.SECRET.decode()!r} }} }}".replace("'", '"')


@case("2-6_ike_eap_name_{what}", EAP)
def eap_names(env, auth, outer, named, eap_id="%any", other=None):
    """A name is the peer's where charon's own method proved it, or an option says that the AAA server did."""
    server, client = env.alice, env.bob
    radius = Radius(server).start()
    ours = {"auth": "eap", "id": "bob.example", "eap_id": "user.example" if eap_id else None}
    for host in (server, client):
        env.ike(host).other(plugins="eap-identity eap-md5 eap-ttls eap-radius", settings=EAP_RADIUS,
                            plugin={"eap_outer": outer})  # fmt: skip
        env.ike(host).shared("a password", ours["eap_id"] or ours["id"], kind="EAP")
    remote = {"auth": auth, "id": "%any", "eap_id": eap_id}
    env.ike(server).to(client, start="none", remote=remote)
    if other:
        env.ike(server).to(client, name="other", start="none", remote={**remote, "auth": other})
    env.ike(client).trust(env.pki.ca())
    env.ike(client).to(server, start="none", local=ours)
    env.ike(client).initiate(server.name)
    ksft_eq(radius.names, [(ours["eap_id"] or ours["id"]).encode()] if auth == "eap-radius" else [])
    radius.close()
    flow = connect(Ipsec(client, server), "tcp")
    got = is_state(flow.b, "ESTABLISHED", "NONE", [])
    ksft_eq(bool(got.peer and got.flags & L.LATCH_F_PEER_IDENTIFIED), named)
    ksft_eq(len(server.nl.dump("binding-get")), 2 if named else 0)
    if named:
        ksft_eq(option_of(flow.b, L.IP_LATCH_PEER_ID), (ours["eap_id"] or ours["id"]).encode())
        ksft_eq(got.auth_method, L.LATCH_AUTH_EAP)
    check_proof(flow.a, env.pki.cert("alice.example"))


# --- IKEv1 -------------------------------------------------------------------------------
IKEV1 = {"version": 1, "proposals": ["aes128-sha256-ecp256"]}
V1_KINDS = [{"kind": w["kind"], "way": w["way"]} for w in WAYS if w["kind"] in ("fqdn", "rsa", "psk")]


@case("2-13_ikev1_{kind}", V1_KINDS)
def ikev1(env, kind, way):
    """Main mode: SAs are bound at both ends, or not installed; quick mode rekeys and a new main mode go on."""
    for host in (env.alice, env.bob):
        env.ike(host).other(plugin={"require": "yes"})
    alice, bob = meet_by(env, f"v1_{kind}", way, **IKEV1)
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    bob.seen(flow.a)
    alice.seen(flow.b)
    ksft_eq(option_of(flow.a, L.IP_LATCH_LOCAL_ID), alice.value)
    env.ike(env.alice).rekeyed("bob")
    carry_data(flow)
    old = {ike["initiator-spi"] for ike in env.ike(env.alice).ikes()}
    env.ike(env.alice).rekey(ike="bob", reauth=True)
    flow.pump(lambda: {ike["initiator-spi"] for ike in env.ike(env.alice).ikes()} - old, deadline=30)
    env.ike(env.bob).rekeyed("alice")
    carry_data(flow)
    untouched(flow)


@case("2-6_ikev1_secret_of_a_group_proves_nobody")
def ikev1_group(env):
    """With XAuth a group has one secret and one ID: who has both is not identified."""
    alice, bob = env.ike(env.alice), env.ike(env.bob)
    for ike in (alice, bob):
        ike.other(plugins="xauth-generic")
        ike.shared("a secret of many", "group.example", "bob.example")
        ike.shared("a password", "alice", kind="XAUTH")
    group, gate = {"auth": "psk", "id": "group.example"}, {"auth": "psk", "id": "bob.example"}
    user = {"auth": "xauth-generic", "xauth_id": "alice"}
    bob.to(env.alice, start="none", local=gate, remote=group, **IKEV1, **{"remote-2": {"auth": "xauth-generic"}})
    alice.to(env.bob, start="none", local=group, remote=gate, **IKEV1, **{"local-2": user})
    alice.initiate("bob")
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    got = is_state(flow.b, "ESTABLISHED", "NONE", [])
    ksft_eq((got.peer, got.flags & L.LATCH_F_PEER_IDENTIFIED), (0, 0))
    ksft_eq((env.bob.nl.dump("binding-get"), env.bob.nl.dump("peer-get")), ([], []))
    ksft_eq(option_of(flow.a, L.IP_LATCH_PEER_ID), b"bob.example")


# --- channel binding -------------------------------------------------------------------------
KEYED = {"fqdn": True, "dn": True, "rawkey": True, "psk": False, "eap_mschapv2": False}


@case("6.3-1_ike_channel_binding_{kind}", [{**w, "keyed": KEYED[w["kind"]]} for w in WAYS if w["kind"] in KEYED])
def channel(env, kind, way, keyed):
    """Both ends read the same, over a rekey; its second half says that keys were proved. Another peer has another."""
    meet_by(env, kind, way)
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    binding = option_of(flow.a, L.IP_LATCH_BINDING)
    ksft_eq((len(binding), binding[:32] != bytes(32), binding[32:] != bytes(32)), (64, True, keyed))
    other = connect(trap_policies_between(env, env.alice, env.mallory), "tcp")
    env.ike(env.alice).rekeyed("bob")
    carry_data(flow)
    ksft_eq([option_of(s, L.IP_LATCH_BINDING) for s in (flow.a, flow.b)], [binding] * 2)
    ksft_eq(option_of(other.a, L.IP_LATCH_BINDING), option_of(other.b, L.IP_LATCH_BINDING))
    ksft_true(option_of(other.a, L.IP_LATCH_BINDING)[:32] != binding[:32])


# --- demands -----------------------------------------------------------------------------------
DEMANDS = [
    {"what": "exact", "fields": {"peer_id": "bob.example"}, "met": True},
    {"what": "other_name", "fields": {"peer_id": "eve.example"}, "met": False},
    {"what": "other_type", "fields": {"peer_id": latch_id(L.LATCH_ID_EMAIL, b"bob.example")}, "met": False},
    {"what": "local", "fields": {"local_id": "alice.example"}, "met": True},
    {"what": "other_local", "fields": {"local_id": "alicia.example"}, "met": False},
]
DEMANDS = [{**d, "mode": m} for d in DEMANDS for m in ("auto", "require")]


def try_connect(sock, listener):
    """What connect() says, with the time that IKE takes."""
    sock.settimeout(60)
    try:
        sock.connect(listener.getsockname())
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    return "0"


@case("2.3-3_ike_{mode}_demand_{what}", DEMANDS)
def demands(env, mode, fields, met):
    """connect() starts IKE; to a host that proves another identity than demanded it fails with EKEYREJECTED."""
    ipsec = trap_policies(env)
    listener = ipsec.listen()
    sock = env.alice.socket(listener.family)
    ask(sock, mode=getattr(L, f"LATCH_MODE_{mode.upper()}"), **fields)
    env.wire.restart()
    ksft_eq(try_connect(sock, listener), "0" if met else "EKEYREJECTED")
    if met:
        check_proof(sock, env.pki.cert("bob.example"))
    else:
        ksft_eq(env.wire.protected(), 0)


PATTERNS = [
    {"what": "fqdn", "kind": "fqdn", "text": "*.example", "met": True},
    {"what": "other_fqdn", "kind": "fqdn", "text": "*.db.example", "met": False},
    {"what": "email", "kind": "email", "text": "*@mail.example", "met": True},
    {"what": "other_email", "kind": "email", "text": "*@db.example", "met": False},
    {"what": "dn", "kind": "dn", "text": "CN=*, O=Latch", "met": True},
    {"what": "other_dn", "kind": "dn", "text": "CN=*, O=Other", "met": False},
]


@case("2-16_ike_demand_by_pattern_{what}", PATTERNS)
def patterns(env, kind, text, met):
    """The same by pattern, of what a certificate proved."""
    _, bob = meet_by(env, kind, next(w["way"] for w in WAYS if w["kind"] == kind))
    sock = env.alice.socket()
    ask_for_pattern(sock, bob.type, text, mode=L.LATCH_MODE_REQUIRE)
    env.wire.restart()
    ksft_eq(try_connect(sock, Ipsec(env.alice, env.bob).listen()), "0" if met else "EKEYREJECTED")
    if met:
        bob.seen(sock)
    else:
        ksft_eq(env.wire.protected(), 0)


# --- the module comes and goes ---------------------------------------------------------------
@case("2-21_ike_module_comes_after_the_sas")
def module_late(env):
    """The daemon tells a module that is loaded later whose the SAs are that stand; rekeys go on without it."""
    unload_when_idle()
    ipsec = trap_policies(env)
    listener = ipsec.listen()
    old = ipsec.tcp(listener=listener)
    carry_data(old)
    load(env)
    for host in (env.alice, env.bob):
        wait(lambda h=host: h.stat()["LatchBindings"] == 2, "the SAs to be bound")
    new = ipsec.tcp(listener=listener)
    check_both_proofs(env, new)
    # it has sent nothing since
    is_state(old.a, "NONE", "NONE", [])
    env.ike(env.alice).rekeyed("bob")
    for flow in (old, new):
        carry_data(flow)
    check_both_proofs(env, old)
    untouched(new)
    new.close()
    for host in (env.alice, env.bob):
        host.nl.do("conn-release")
    unload_when_idle()
    env.ike(env.alice).rekeyed("bob")
    carry_data(old)
    load(env)
    for host in (env.alice, env.bob):
        wait(lambda h=host: h.stat()["LatchBindings"] == 2, "the SAs to be bound")


MARKS = [
    {"what": "none", "child": {}},
    {"what": "policies", "child": {"mark_in": "0x2a", "mark_out": "0x2b/0xff"}},
    {"what": "all", "child": {"mark_in": "0x2a", "mark_out": "0x2b/0xff", "mark_in_sa": "yes"}},
]


def keys_of_bindings(host):
    rows = host.nl.dump("binding-get")
    return sorted((r["spi"], r.get("mark", 0), r.get("mark-mask", 0)) for r in rows)


@case("2-21_ike_module_comes_after_sas_with_marks_on_{what}", MARKS)
def module_late_marks(env, child):
    """It is told of an SA under the mark that the SA has: the same as for one that comes after the module."""
    trap_policies(env, answer="none", child=child)
    env.ike(env.alice).initiate("bob")
    hosts = (env.alice, env.bob)
    before = [keys_of_bindings(host) for host in hosts]
    ksft_eq([len(keys) for keys in before], [2, 2])
    unload_when_idle()
    load(env)
    for host, keys in zip(hosts, before):
        wait(lambda h=host: h.stat()["LatchBindings"] == 2, "the SAs to be bound")
        ksft_eq(keys_of_bindings(host), keys)


@case("2-5_ike_no_sa_without_the_module_where_required")
def module_required(env):
    """plugins.latch.require: nothing is installed that is not bound."""
    unload_when_idle()
    try:
        env.ike(env.alice).other(plugin={"require": "yes"})
        trap_policies(env)
        try:
            env.ike(env.alice).initiate("bob")
            ksft_true(False, "installed")
        except ViciError:
            pass
        ksft_eq(env.ike(env.alice).children(), [])
    finally:
        load(env)
    env.ike(env.alice).initiate("bob")
    check_both_proofs(env, connect(Ipsec(env.alice, env.bob), "tcp"))


if __name__ == "__main__":
    runner.main()
