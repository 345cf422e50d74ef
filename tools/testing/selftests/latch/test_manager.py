#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What key managers need of bindings: they go with their SAs, and nobody's is taken over.

RFC 5660 2-5, 2-6, 2-21; with-sa, with-bindings, exclusive and replace of the netlink family.
"""

import runner
from expect import is_state
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, ask_to_wait, info

HOSTS = ("alice", "bob")

BY = [{"key": "sa"}, {"key": "reqid"}]


def record(env, name="bob", **more):
    attrs = {"id_type": L.LATCH_ID_FQDN, "id_value": name.encode(), "auth": L.LATCH_AUTH_ECDSA_256, **more}
    return env.alice.nl.do("peer-new", **attrs)["id"]


def numbers(env):
    return {p["id"] for p in env.alice.nl.dump("peer-get")}


def keys(ipsec, key):
    """What a binding by SA or by reqid names, for both directions."""
    return [sa.key() for sa in ipsec.sas] if key == "sa" else [{"reqid": ipsec.reqid}]


def claim(env, keys_, peer, **more):
    for key in keys_:
        env.alice.nl.do("binding-new", peer=peer, **key, **more)


def bindings(env):
    return len(env.alice.nl.dump("binding-get"))


@case("2-6_binding_goes_with_its_{key}", BY)
def with_sa(env, key):
    """Deleted, flushed or replaced: with the (last) SA goes what was said of it, and the record too."""
    for end in (
        lambda ipsec: env.alice.ip(*[sa.delete() for sa in ipsec.sas]),
        lambda ipsec: env.alice.ip("xfrm state flush"),
    ):
        ipsec = Ipsec(env.alice, env.bob).up()
        bob = record(env, with_bindings=True)
        claim(env, keys(ipsec, key), bob, with_sa=True)
        ksft_true(env.alice.nl.do("peer-get", id=bob)["with-bindings"])
        ksft_true(all(b["with-sa"] for b in env.alice.nl.dump("binding-get")))
        end(ipsec)
        wait(lambda: not bindings(env), "the bindings to go")
        wait(lambda: bob not in numbers(env), "the record to go")
        ipsec.flush()


@case("2-6_binding_before_its_{key}", BY)
def before_sa(env, key):
    """Said before the SA is there it waits for it, and goes with it."""
    ipsec = Ipsec(env.alice, env.bob)
    ipsec.sas = ipsec.new_sas()
    named = keys(ipsec, key)
    claim(env, named, record(env, with_bindings=True), with_sa=True)
    env.alice.ip("xfrm state flush")
    ksft_eq(bindings(env), len(named))
    env.alice.ip(*[sa.add() for sa in ipsec.sas])
    env.alice.nl.dump("conn-get")
    ksft_eq(bindings(env), len(named))
    env.alice.ip(*[sa.delete() for sa in ipsec.sas])
    wait(lambda: not bindings(env), "the bindings to go")


@case("2-6_claim_whose_sa_never_comes", limit=120)
def never_comes(env):
    """A key manager that dies between a claim and its SA leaves nothing: a minute, and it is gone."""
    ipsec = Ipsec(env.alice, env.bob)
    ipsec.sas = ipsec.new_sas()
    claim(env, keys(ipsec, "sa") + keys(ipsec, "reqid"), record(env, with_bindings=True), with_sa=True)
    ksft_eq(bindings(env), 3)
    wait(lambda: not bindings(env), "the claims to go", 90)
    wait(lambda: not numbers(env), "the record to go")
    ksft_eq(env.alice.stat()["LatchPeers"], 0)


@case("2-7_binding_of_a_reqid_outlasts_a_rekey")
def reqid_rekey(env):
    """It goes with the last SA of the reqid, not with the first."""
    ipsec = Ipsec(env.alice, env.bob).up().identify([env.bob])
    claim(env, keys(ipsec, "reqid"), record(env, with_bindings=True), with_sa=True)
    flow = ipsec.tcp()
    for _ in range(3):
        ipsec.rekey()
        flow.exchange()
    ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).breaks, 0)
    ksft_eq(bindings(env), 1)


@case("2-6_next_sa_of_the_same_{key}_is_nobodys", BY)
def stale(env, key):
    """An SA that takes the place of one that went does not inherit its peer."""
    ipsec = Ipsec(env.alice, env.bob).up()
    claim(env, keys(ipsec, key), record(env, with_bindings=True), with_sa=True)
    flow = ipsec.tcp(before=ask_to_wait)
    ksft_eq(info(flow.a).peer_id_type, L.LATCH_ID_FQDN)
    # in one batch: no time in between for anybody to tidy up
    env.alice.ip(*[sa.delete() for sa in ipsec.sas], *[sa.add() for sa in ipsec.sas])
    wait(lambda: info(flow.a).state_name == "BROKEN", "the conflict with an SA that is nobody's")
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])


@case("2-6_updated_{key}_keeps_its_binding", BY)
def updated(env, key):
    """UPDSA is the same SA."""
    ipsec = Ipsec(env.alice, env.bob).up()
    named = keys(ipsec, key)
    claim(env, named, record(env, with_bindings=True), with_sa=True)
    flow = ipsec.tcp()
    env.alice.ip(*[sa.add().replace("state add", "state update") for sa in ipsec.sas])
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    ksft_eq(bindings(env), len(named))


@case("2-6_exclusive_claim_of_{key}", BY)
def exclusive(env, key):
    """Whoever has it keeps it; the same again is no error and no second claim."""
    ipsec = Ipsec(env.alice, env.bob).up()
    bob, mallory = record(env), record(env, "mallory")
    named = keys(ipsec, key)
    for _ in range(2):
        claim(env, named, bob, exclusive=True, with_sa=True)
    flow = ipsec.tcp()
    for one in named:
        error = env.alice.nl.error("binding-new", exclusive=True, peer=mallory, **one)
        ksft_eq(error, ("EEXIST", "", "claimed for somebody else"))
    ksft_eq([b["peer"] for b in env.alice.nl.dump("binding-get")], [bob] * len(named))
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-6_exclusive_claim_after_a_renewed_certificate")
def renewed(env):
    """Another certificate of the same ID and anchor is not somebody else."""
    ipsec = Ipsec(env.alice, env.bob).up()
    old = record(env, anchor=b"ca", cert=b"old")
    new = record(env, anchor=b"ca", cert=b"new")
    claim(env, keys(ipsec, "reqid"), old, exclusive=True)
    claim(env, keys(ipsec, "reqid"), new, exclusive=True)
    ksft_true(not any(b.get("ambiguous") for b in env.alice.nl.dump("binding-get")))
    ipsec.tcp().exchange()


@case("2-6_claim_that_stays_{key}", BY)
def stays(env, key):
    """A claim without with-sa has the binding stay; only replace undoes that."""
    ipsec = Ipsec(env.alice, env.bob).up()
    bob = record(env)
    named = keys(ipsec, key)
    claim(env, named, bob, exclusive=True, with_sa=True)
    claim(env, named, bob, exclusive=True)
    claim(env, named, bob, exclusive=True, with_sa=True)
    env.alice.ip(*[sa.delete() for sa in ipsec.sas], *[sa.add() for sa in ipsec.sas])
    ksft_eq(bindings(env), len(named))
    claim(env, named, bob, exclusive=True, replace=True, with_sa=True)
    env.alice.ip(*[sa.delete() for sa in ipsec.sas])
    wait(lambda: not bindings(env), "the bindings to go")


@case("2.6-1_record_asked_for_by_hand_stays")
def by_hand(env):
    """A record that somebody made without with-bindings is not a key manager's to lose."""
    ipsec = Ipsec(env.alice, env.bob).up()
    bob = record(env, with_bindings=True)
    ksft_eq(record(env), bob)
    claim(env, keys(ipsec, "reqid"), bob, with_sa=True)
    env.alice.ip("xfrm state flush")
    wait(lambda: not bindings(env), "the binding to go")
    ksft_eq(env.alice.nl.do("peer-get", id=bob).get("with-bindings"), None)


@case("2-6_latch_keeps_what_it_knows_of_a_record_that_went")
def kept(env):
    """The identity of a live flow outlasts all SAs: daemons restart (2-21)."""
    ipsec = Ipsec(env.alice, env.bob).up().identify([env.bob])
    claim(env, keys(ipsec, "sa"), record(env, with_bindings=True, cert=b"first"), with_sa=True)
    flow = ipsec.tcp()
    env.alice.ip("xfrm state flush")
    wait(lambda: not bindings(env), "the bindings to go")
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    ksft_eq(flow.a.getsockopt(0, L.IP_LATCH_PEER_ID, 100), b"bob")
    ipsec.sas = ipsec.new_sas()
    claim(env, keys(ipsec, "sa"), record(env, with_bindings=True, cert=b"second"), with_sa=True)
    for host in (env.bob, env.alice):
        host.ip(*[sa.add() for sa in ipsec.sas])
    flow.pump(flow.moved(1000))
    ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).breaks, 0)


@case("2-6_many_bindings_come_and_go")
def many(env):
    """300 SAs claimed and flushed: nothing is left, and max_peers is not a matter of time."""
    env.alice.sysctl("max_peers", 20)
    for lap in range(30):
        bob = record(env, f"peer{lap}", with_bindings=True)
        for i in range(10):
            key = {"dst": bytes([10, 9, 0, 2]), "proto": 50, "spi": 0x5000 + lap * 16 + i}
            claim(env, [key], bob, with_sa=True)
            env.alice.ip(
                f"xfrm state add src 10.9.0.1 dst 10.9.0.2 proto esp spi {key['spi']:#x} reqid 77 "
                f"mode transport auth 'hmac(sha256)' 0x{'11' * 32} enc 'cipher_null' ''"
            )
        env.alice.ip("xfrm state flush")
        wait(lambda: not bindings(env), "the bindings to go")
        wait(lambda: bob not in numbers(env), "the record to go")


if __name__ == "__main__":
    runner.main()
