#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Peer records, bindings, and SAs whose owner is not known, not yet, or twice.

RFC 5660 2-5, 2-6, 2-23, 2.2-8, 2.6-1; the model of identities of linux/latch_netlink.h.
"""

import socket

import der
import runner
from expect import Moves, is_state
from flow import FLOWS
from ipsec import Ipsec
from ktap import SLOW, case, ksft_eq, ksft_true, wait
from latchapi import L, ask_to_wait, info

HOSTS = ("alice", "bob")

# Long enough for what a case does meanwhile, short enough to wait for.
SOON = 200 * SLOW


# --- records ------------------------------------------------------------------------
PARTS = {"cert": b"certificate", "anchor": b"anchor", "key": b"key"}


@case("2.6-1_record_is_interned")
def interned(env):
    """The same identity is one record; another method, certificate or key makes another one."""
    new = env.alice.nl
    full = {"id_type": L.LATCH_ID_DN, "id_value": b"\x30\x00", "auth": L.LATCH_AUTH_RSA, **PARTS}
    first = new.do("peer-new", **full)
    ksft_eq(new.do("peer-new", **full), first)
    ksft_eq({k: first[k.replace("_", "-")] for k in full}, full)
    ksft_eq(len(first["digest"]), 32)
    ksft_eq(new.do("peer-get", id=first["id"]), first)
    seen = {first["id"]: first["digest"]}
    for change in (
        {"id_type": L.LATCH_ID_GN}, {"id_value": b"\x30\x01"}, {"auth": L.LATCH_AUTH_PSK},
        {"cert": b"other"}, {"anchor": b"other"}, {"key": b"other"},
    ):  # fmt: skip
        other = new.do("peer-new", **{**full, **change})
        seen[other["id"]] = other["digest"]
    ksft_eq((len(seen), len(set(seen.values()))), (7, 7))
    ksft_eq({p["id"]: p["digest"] for p in new.dump("peer-get")}, seen)
    ksft_eq(env.alice.stat()["LatchPeers"], 7)


@case("2.6-1_record_number_is_not_used_again")
def number(env):
    """A deleted record's number stays free."""
    nl = env.alice.nl
    first = env.alice.peer("bob")
    nl.do("peer-del", id=first)
    ksft_eq(nl.error("peer-get", id=first)[0], "ENOENT")
    ksft_true(nl.do("peer-new", id_type=L.LATCH_ID_FQDN, id_value=b"bob", auth=L.LATCH_AUTH_MANUAL)["id"] > first)


@case("2.6-1_record_in_use_stays")
def in_use(env):
    """EBUSY while a binding names the record; a latch keeps what it knows of its peer."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    bob = env.alice.peer("bob")
    ksft_eq(env.alice.nl.do("peer-get", id=bob)["refs"], 1)
    ksft_eq(env.alice.nl.error("peer-del", id=bob)[:2], ("EBUSY", "id"))
    env.alice.unbind("bob", "alice", reqid=1)
    ksft_eq(env.alice.nl.do("peer-get", id=bob)["refs"], 0)
    env.alice.nl.do("peer-del", id=bob)
    got = info(flow.a)
    ksft_eq((got.peer, got.peer_id_type), (bob, L.LATCH_ID_FQDN))
    ksft_eq(flow.a.getsockopt(socket.SOL_IP, L.IP_LATCH_PEER_ID, 100), b"bob")


KINDS = [
    {"kind": "ipv4", "type": L.LATCH_ID_IPV4, "value": b"\x0a\x09\0\x02"},
    {"kind": "fqdn", "type": L.LATCH_ID_FQDN, "value": b"bob.example.org"},
    {"kind": "email", "type": L.LATCH_ID_EMAIL, "value": b"bob@example.org"},
    {"kind": "ipv6", "type": L.LATCH_ID_IPV6, "value": bytes(15) + b"\1"},
    {"kind": "dn", "type": L.LATCH_ID_DN, "value": b"\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03bob"},
    {"kind": "gn", "type": L.LATCH_ID_GN, "value": b"\x82\x03bob"},
    {"kind": "keyid", "type": L.LATCH_ID_KEYID, "value": bytes(range(256))},
    {"kind": "null", "type": L.LATCH_ID_NULL, "value": b""},
    {"kind": "longest", "type": L.LATCH_ID_DN, "value": b"d" * 1024},
]


@case("2-13_identity_{kind}_is_told", KINDS)
def kinds(env, type, value):  # pylint: disable=redefined-builtin
    """Every kind of identity comes through record, latch and option as it is."""
    Ipsec(env.alice, env.bob).up()
    attrs = {"id_value": value} if value else {}
    peer = env.alice.nl.do("peer-new", id_type=type, auth=L.LATCH_AUTH_SIGNATURE, **attrs)
    env.alice.nl.do("binding-new", reqid=1, peer=peer["id"])
    flow = Ipsec(env.alice, env.bob).tcp()
    got = info(flow.a)
    ksft_eq((got.peer, got.peer_id_type, got.auth_method), (peer["id"], type, L.LATCH_AUTH_SIGNATURE))
    row = env.alice.conns()[got.id]
    ksft_eq((row["peer-id-type"], row.get("peer-id-value", b"")), (type, value))
    if value and len(value) <= 1024:
        ksft_eq(flow.a.getsockopt(socket.SOL_IP, L.IP_LATCH_PEER_ID, 1024), value)


# --- who counts as the same peer --------------------------------------------------
KEYS = [der.public_key(bytes([i]) * 32) for i in range(2)]
CA = der.name("CN=ca")
AUTHORITY = der.certificate(KEYS[0], CA)
SAME = [
    {"what": "renewed_certificate", "old": {"cert": b"1", "anchor": b"ca"}, "new": {"cert": b"2", "anchor": b"ca"},
     "reason": None},
    {"what": "renewed_certificate_and_key", "old": {"cert": b"1", "anchor": b"ca", "key": b"k1"},
     "new": {"cert": b"2", "anchor": b"ca", "key": b"k2"}, "reason": None},
    {"what": "other_anchor", "old": {"cert": b"1", "anchor": b"ca"}, "new": {"cert": b"1", "anchor": b"ca2"},
     "reason": "PEER"},
    {"what": "other_raw_key", "old": {"key": b"k1"}, "new": {"key": b"k2"}, "reason": "PEER"},
    {"what": "other_name", "old": {}, "new": {"id_value": b"mallory"}, "reason": "PEER"},
    {"what": "other_type", "old": {}, "new": {"id_type": L.LATCH_ID_KEYID}, "reason": "PEER"},
    {"what": "authority_issued_anew", "old": {"cert": b"1", "anchor": AUTHORITY},
     "new": {"cert": b"1", "anchor": der.certificate(KEYS[0], CA, serial=2)}, "reason": None},
    {"what": "authority_of_other_string_type", "old": {"cert": b"1", "anchor": AUTHORITY},
     "new": {"cert": b"1", "anchor": der.certificate(KEYS[0], der.name("CN=ca", tag=der.PRINTABLE))}, "reason": None},
    {"what": "authority_with_other_key", "old": {"cert": b"1", "anchor": AUTHORITY},
     "new": {"cert": b"1", "anchor": der.certificate(KEYS[1], CA)}, "reason": "PEER"},
    {"what": "authority_with_other_name", "old": {"cert": b"1", "anchor": AUTHORITY},
     "new": {"cert": b"1", "anchor": der.certificate(KEYS[0], der.name("CN=ca2"))}, "reason": "PEER"},
    {"what": "authority_that_is_no_certificate", "old": {"cert": b"1", "anchor": AUTHORITY},
     "new": {"cert": b"1", "anchor": AUTHORITY + b"\0"}, "reason": "PEER"},
    {"what": "other_kind_of_key", "old": {"cert": b"1", "auth": L.LATCH_AUTH_RSA},
     "new": {"cert": b"2", "auth": L.LATCH_AUTH_ECDSA_384}, "reason": None},
    {"what": "secret_instead_of_key", "old": {}, "new": {"auth": L.LATCH_AUTH_PSK}, "reason": "PEER"},
    {"what": "eap_instead_of_secret", "old": {"auth": L.LATCH_AUTH_PSK}, "new": {"auth": L.LATCH_AUTH_EAP},
     "reason": "PEER"},
    {"what": "unknown_instead_of_manual", "old": {"auth": L.LATCH_AUTH_MANUAL}, "new": {"auth": L.LATCH_AUTH_UNKNOWN},
     "reason": "PEER"},
    {"what": "name_in_upper_case", "old": {}, "new": {"id_value": b"BOB"}, "reason": None},
    {"what": "dn_of_other_string_type", "old": {"id_type": L.LATCH_ID_DN, "id_value": CA},
     "new": {"id_type": L.LATCH_ID_DN, "id_value": der.name("CN=ca", tag=der.PRINTABLE)}, "reason": None},
    {"what": "other_dn", "old": {"id_type": L.LATCH_ID_DN, "id_value": CA},
     "new": {"id_type": L.LATCH_ID_DN, "id_value": der.name("CN=cb")}, "reason": "PEER"},
]  # fmt: skip


@case("2-6_same_peer_{what}", SAME)
def same_peer(env, old, new, reason):
    """The peer is name, kind of proof and trust anchor (or raw key), not the record."""
    ipsec = Ipsec(env.alice, env.bob).up()
    base = {"id_type": L.LATCH_ID_FQDN, "id_value": b"bob", "auth": L.LATCH_AUTH_SIGNATURE}
    records = [env.alice.nl.do("peer-new", **{**base, **parts})["id"] for parts in (old, new)]
    for sa in ipsec.sas:
        env.alice.nl.do("binding-new", **sa.key(), peer=records[0])
    flow = ipsec.tcp(before=ask_to_wait)
    sas = ipsec.new_sas()
    for sa in sas:
        env.alice.nl.do("binding-new", **sa.key(), peer=records[1])
    env.alice.ip(*[sa.add() for sa in sas])
    if reason:
        is_state(flow.a, "BROKEN", reason, [reason])
    else:
        ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).peer, records[0])


# --- bindings ------------------------------------------------------------------------
@case("2-6_binding_before_the_sa")
def before_sa(env):
    """Who is told before the SA is there is known from its first packet on."""
    ipsec = Ipsec(env.alice, env.bob)
    ipsec.sas = ipsec.new_sas()
    for sa in ipsec.sas:
        env.alice.bind("bob", "alice", sa=sa)
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in ipsec.sas], *ipsec.policies(host))
    got = info(ipsec.tcp().a)
    ksft_eq((got.state_name, got.peer), ("ESTABLISHED", env.alice.peer("bob")))


@case("2-6_binding_by_sa_wins_over_reqid")
def sa_wins(env):
    """What is said of one SA is more exact than what is said of its reqid."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.alice.bind("everybody", reqid=1)
    for sa in ipsec.sas:
        env.alice.bind("bob", sa=sa)
    ksft_eq(info(ipsec.tcp().a).peer, env.alice.peer("bob"))


@case("2-6_binding_with_mark")
def with_mark(env):
    """The mark is part of what names an SA."""
    ipsec = Ipsec(env.alice, env.bob).up()
    for sa in ipsec.sas:
        for mark, mask, name in ((0, 0, "bob"), (5, 0xFF, "mallory")):
            env.alice.nl.do("binding-new", **sa.key(), mark=mark, mark_mask=mask, peer=env.alice.peer(name))
            got = env.alice.nl.do("binding-get", **sa.key(), mark=mark, mark_mask=mask)
            ksft_eq(got["peer"], env.alice.peer(name))
    ksft_eq(len(env.alice.nl.dump("binding-get")), 4)
    ksft_eq(info(ipsec.tcp().a).peer, env.alice.peer("bob"))


@case("2-6_binding_survives_its_sa")
def survives(env):
    """Deleting an SA leaves what was said of it; only binding-del takes it back."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.alice.bind("bob", sa=ipsec.sas[0])
    ipsec.flush()
    ksft_eq(env.alice.nl.do("binding-get", **ipsec.sas[0].key())["peer"], env.alice.peer("bob"))
    env.alice.unbind("bob", sa=ipsec.sas[0])
    ksft_eq(env.alice.nl.error("binding-get", **ipsec.sas[0].key())[0], "ENOENT")
    ksft_eq(env.alice.stat()["LatchBindings"], 0)


@case("2.2-6_binding_taken_back_{flow}", FLOWS)
def taken_back(env, proto, fam):
    """Without its binding an SA is nobody's again, and its latch breaks until it is back."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=ask_to_wait)
    flow.exchange()
    env.alice.unbind("bob", "alice", reqid=1)
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])
    env.alice.bind("bob", "alice", reqid=1)
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


AMBIGUOUS = [{"key": "reqid"}, {"key": "sa"}]


@case("2.2-6_ambiguous_{key}", AMBIGUOUS)
def ambiguous(env, key):
    """Claimed for two peers: nobody has it, latches on it break, until one claim is taken back."""
    ipsec = Ipsec(env.alice, env.bob).up()
    claims = [{"reqid": 1}] if key == "reqid" else [{"sa": sa} for sa in ipsec.sas]
    for claim in claims:
        env.alice.bind("bob", "alice", **claim)
    flow = ipsec.tcp(before=ask_to_wait)
    flow.exchange()
    for claim in claims:
        env.alice.bind("mallory", "alice", **claim)
    is_state(flow.a, "BROKEN", "AMBIGUOUS", ["AMBIGUOUS"])
    ksft_true(any(b.get("ambiguous") for b in env.alice.nl.dump("binding-get")))
    with Moves(env.alice, at_least=["LatchInBroken"], may=["LatchOutBroken"]):
        flow.pump(lambda: info(flow.a).in_drops, ways=((flow.b, flow.a),))
    for claim in claims:
        env.alice.unbind("mallory", "alice", **claim)
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.pump(flow.moved(1000))


@case("2.2-6_ambiguous_sa_is_not_latched")
def ambiguous_first(env):
    """No latch on what is claimed twice; no packet either."""
    ipsec = Ipsec(env.alice, env.bob).up()
    env.alice.bind("bob", reqid=1)
    env.alice.bind("mallory", reqid=1)
    flow = ipsec.udp(carry=False)
    with Moves(env.alice, LatchInAmbiguous=1, LatchOutAmbiguous=1, LatchRefused=1):
        flow.a.send(b"out")
        flow.b.send(b"in")
    ksft_true(flow.silent(flow.a) and flow.silent(flow.b))
    is_state(flow.a, "NONE")


@case("2-6_two_records_of_one_peer_are_not_ambiguous")
def two_records(env):
    """A renewed certificate claimed beside the old one is still the same peer."""
    ipsec = Ipsec(env.alice, env.bob).up()
    base = {"id_type": L.LATCH_ID_FQDN, "id_value": b"bob", "auth": L.LATCH_AUTH_RSA, "anchor": b"ca"}
    for cert in (b"old", b"new"):
        env.alice.nl.do("binding-new", reqid=1, peer=env.alice.nl.do("peer-new", **base, cert=cert)["id"])
    is_state(ipsec.tcp().a, "ESTABLISHED", "NONE", [])


# --- no identity -----------------------------------------------------------------------
@case("2-6_unidentified_refuse_{flow}", FLOWS)
def refuse(env, proto, fam):
    """net.latch.unidentified=refuse: nothing passes under SAs that nobody is bound to."""
    env.alice.sysctl("unidentified", "refuse")
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = ipsec.listen()
    if proto == "tcp":
        sock = env.alice.socket(listener.family)
        sock.setblocking(False)
        with Moves(env.alice, at_least=["LatchOutNoBinding"], may=["LatchRefused"]):
            sock.connect_ex(listener.getsockname()[:2])
    else:
        flow = ipsec.udp(carry=False)
        sock = flow.a
        with Moves(env.alice, LatchOutNoBinding=1, LatchInNoBinding=1, may=["LatchRefused"]):
            flow.a.send(b"out")
            flow.b.send(b"in")
        ksft_true(flow.silent(flow.a) and flow.silent(flow.b))
    is_state(sock, "NONE")
    ipsec.identify([env.alice])
    if proto == "tcp":
        wait(lambda: info(sock).state_name == "ESTABLISHED", "the SYN that is sent again")
    else:
        flow.exchange()
        is_state(sock, "ESTABLISHED")


@case("2-6_unidentified_refuse_does_not_touch_clear_flows")
def refuse_clear(env):
    """Flows without IPsec have no identity and need none."""
    env.alice.sysctl("unidentified", "refuse")
    Ipsec(env.alice, env.bob, narrow="proto udp").up()
    flow = Ipsec(env.alice, env.bob).tcp()
    flow.exchange()
    is_state(flow.a, "NONE")


# --- a key manager is at work -------------------------------------------------------------
def start_manager(env, wait_ms=60000):
    """From now on an SA without identity waits for it."""
    env.alice.sysctl("identity_wait_ms", wait_ms)
    env.alice.nl.do("manager-set", active=1)


def stop_manager(env):
    """From now on nobody waits for an identity."""
    env.alice.nl.do("manager-set", active=0)


@case("2-20_pending_identity_is_loss_{flow}", FLOWS)
def pending(env, proto, fam):
    """A new SA whose peer is not known yet: flows see loss, then the name, then go on."""
    start_manager(env)
    try:
        ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
        if proto == "tcp":
            listener = ipsec.listen()
            sock = env.alice.socket(listener.family)
            sock.setblocking(False)
            with Moves(env.alice, at_least=["LatchOutPending"], may=["LatchRefused"]):
                sock.connect_ex(listener.getsockname()[:2])
        else:
            flow = ipsec.udp(carry=False)
            sock = flow.a
            with Moves(env.alice, LatchOutPending=1, LatchInPending=1, LatchRefused=1):
                flow.a.send(b"out")
                flow.b.send(b"in")
            ksft_true(flow.silent(flow.a) and flow.silent(flow.b))
        is_state(sock, "NONE")
        ipsec.identify([env.alice])
        if proto == "tcp":
            wait(lambda: info(sock).state_name == "ESTABLISHED", "the SYN that is sent again")
        else:
            flow.exchange()
        ksft_eq(is_state(sock, "ESTABLISHED", "NONE", []).peer, env.alice.peer("bob"))
    finally:
        stop_manager(env)


@case("2-7_rekey_with_pending_identity_{flow}", FLOWS)
def pending_rekey(env, proto, fam):
    """A rekey whose binding comes a little later costs no break, and nothing passes unjudged."""
    start_manager(env)
    try:
        ipsec = Ipsec(env.alice, env.bob, fam=fam).identify([env.bob])
        ipsec.sas = ipsec.new_sas()
        for sa in ipsec.sas:
            env.alice.bind("bob", "alice", sa=sa)
        for host in (env.alice, env.bob):
            host.ip(*[sa.add() for sa in ipsec.sas], *ipsec.policies(host))
        flow = ipsec.flow(proto)
        flow.pump(flow.moved(1000 if proto == "tcp" else 10))
        ipsec.rekey()
        with Moves(env.alice, at_least=["LatchOutPending"], may=["LatchInPending"]):
            flow.pump(lambda: info(flow.a).out_drops)
        is_state(flow.a, "ESTABLISHED", "NONE", [])
        for sa in ipsec.sas:
            env.alice.bind("bob", "alice", sa=sa)
        flow.pump(flow.moved(1000 if proto == "tcp" else 10))
        if proto == "tcp":
            flow.drained()
        ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).breaks, 0)
    finally:
        stop_manager(env)


@case("2-20_identity_does_not_come_in_time")
def overdue(env):
    """After net.latch.identity_wait_ms the SA is an unidentified one: a latch on a name breaks."""
    ipsec = Ipsec(env.alice, env.bob)
    ipsec.sas = ipsec.new_sas()
    for sa in ipsec.sas:
        env.alice.bind("bob", "alice", sa=sa)
    for host in (env.alice, env.bob):
        host.ip(*[sa.add() for sa in ipsec.sas], *ipsec.policies(host))
    flow = ipsec.tcp(before=ask_to_wait)
    start_manager(env, SOON)
    try:
        sas = ipsec.new_sas()
        env.alice.ip(*[sa.add() for sa in sas])
        wait(lambda: info(flow.a).state_name == "BROKEN", "the end of the wait")
        is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])
        for sa in sas:
            env.alice.bind("bob", "alice", sa=sa)
        is_state(flow.a, "ESTABLISHED", conflicts=[])
    finally:
        stop_manager(env)


@case("2-17_identity_does_not_come_at_all")
def never(env):
    """A flow that waited in vain latches the SA as an unidentified one."""
    start_manager(env, SOON)
    try:
        ipsec = Ipsec(env.alice, env.bob).up()
        with Moves(env.alice, at_least=["LatchOutPending"], may=["LatchLatches", "LatchCreated", "LatchRefused"]):
            flow = ipsec.tcp()
        ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).peer, 0)
    finally:
        stop_manager(env)


@case("2-6_sas_older_than_the_manager_do_not_wait")
def older(env):
    """What was there before the key manager came is judged as before."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.tcp()
    start_manager(env)
    try:
        flow.exchange()
        is_state(flow.a, "ESTABLISHED", "NONE", [])
    finally:
        stop_manager(env)


@case("2-21_manager_that_died_is_still_registered")
def dead_manager(env):
    """Whether one is at work is kept by the kernel, not by the manager's process."""
    start_manager(env)
    try:
        env.alice.close_netlink()
        ksft_eq(env.alice.nl.do("manager-set"), {"active": 1})
        ksft_eq(env.alice.nl.do("manager-set", active=1), {"active": 1})
        ksft_eq(env.alice.nl.do("manager-set", active=0), {"active": 0})
        ksft_eq(env.alice.nl.do("manager-set"), {"active": 0})
    finally:
        stop_manager(env)


# --- dead peers -----------------------------------------------------------------------------
@case("2-23_dead_peer_{flow}", FLOWS)
def dead_peer(env, proto, fam):
    """DPD breaks the peer's latches for good, whatever SAs come; other peers' latches stay."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=ask_to_wait)
    tunnel = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", reqid=2).up()
    env.alice.bind("bob2", "alice", reqid=2)
    other = tunnel.flow(proto)
    with Moves(env.alice, LatchBroken=1):
        env.alice.nl.do("manager-set", dead_peer=env.alice.peer("bob"))
        is_state(flow.a, "BROKEN", "DPD", ["DPD"])
    is_state(other.a, "ESTABLISHED", "NONE", [])
    with Moves(env.alice, at_least=["LatchOutBroken"]):
        flow.a.send(b"to a dead peer")
    ipsec.rekey()
    is_state(flow.a, "BROKEN", "DPD", ["DPD"])
    other.exchange()


@case("2-23_new_flows_of_a_peer_that_came_back")
def back_again(env):
    """A peer found dead may come back: its new connections are latched as ever."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.tcp()
    env.alice.nl.do("manager-set", dead_peer=env.alice.peer("bob"))
    is_state(flow.a, "CLOSED", "DPD")
    ipsec.flush()
    ipsec.up()
    new = ipsec.tcp()
    new.exchange()
    is_state(new.a, "ESTABLISHED", "NONE", [])


if __name__ == "__main__":
    runner.main()
