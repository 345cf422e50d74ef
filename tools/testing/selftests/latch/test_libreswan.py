#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Identities from libreswan, by latch-updown(8): rekeys, restarts, takeovers, kinds of identity.

RFC 5660 2-5, 2-6, 2-7, 2-13, 2-14, 2-21, 2.3-3, 2.3.2, 2.6-1, 6.3-1.
Without the module the same scenes leak: test_libreswan_leak.py. libreswan without
latch-updown: test_latchd.py.
"""

import base64
import errno
import functools
import hashlib
import os
import signal
import socket

import ktap
import runner
from expect import both_know_peers, is_state, knows_peer, untouched
from flow import FLOWS, SECRET, error_of
from ikenet import IkeNet
from ikescenes import PRIVATE, BehindNat, carry_data, connect, remove_nat, set_up_nat
from ipsec import Ipsec
from ktap import ksft_eq, ksft_true, wait
from latchapi import L, ask, info, level_of, load, unload_when_idle
from lswscenes import (
    BINARY,
    LibreswanTakeover,
    connect_pair,
    initiate,
    pluto_at,
    rekey_child,
    set_up_mesh,
    strongswan_at,
    trap_policy,
    wait_for_no_sas,
)
from netns import INET
from pki import output
from test_offer import REQID, no_daemon_answers, offer, take_from_daemon
from vici import ViciError

IKE = True

case = functools.partial(ktap.case, limit=600)


def setup():
    return IkeNet("alice", "bob", "mallory")


def script(env, name, text):
    """A program of the case."""
    path = env.pki.path / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="ascii")
    path.chmod(0o755)
    return path


# --- who is there --------------------------------------------------------------------
@case("2-5_pluto_sas_are_bound_{flow}", FLOWS)
def bound(env, proto, fam):
    """A packet meets a trap policy, pluto makes SAs, and the flow is latched to the peer (2.3-4)."""
    ipsec = trap_policy(env, fam)
    env.wire.restart()
    try:
        flow = connect(ipsec, proto)
    except TimeoutError:
        # the clock leapt, see initiate()
        flow = connect(ipsec, proto)
    both_know_peers(flow)
    ksft_eq(env.wire.clear(flow), (0, 0))
    for host in (env.alice, env.bob):
        rows = host.nl.dump("binding-get")
        ksft_eq([(row.get("reqid", 0) > 0x3FFF, row.get("with-sa")) for row in rows], [(True, True)])
        ksft_true(all(p.get("with-bindings") for p in host.nl.dump("peer-get")))


# --- offers --------------------------------------------------------------------------
def connection_for_offers(env, **options):
    """Alice's connection has the offer's reqid, bob waits; returns what opens flows between them."""
    alice, bob = pluto_at(env, env.alice), pluto_at(env, env.bob)
    alice.to(env.bob, reqid=str(REQID), **options)
    bob.to(env.alice, start="add")
    bob.start()
    alice.start()
    offer(env.alice, env.bob.addr(4))
    return Ipsec(env.alice, env.bob)


@case("3.1-1_offer_that_libreswan_answers_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def offer_answered(env, proto):
    """A connection on demand whose policies have a mark that nobody else's flow has: pluto makes the SAs."""
    ipsec = connection_for_offers(env, mark="5/0xffffffff")
    take_from_daemon(env, ipsec, proto)


@case("2.3-5_offer_that_libreswan_cannot_answer")
def offer_unanswered(env):
    """pluto answers for connections on demand alone."""
    ipsec = connection_for_offers(env, start="add")
    no_daemon_answers(env, ipsec, "no routed template covers this pair")


@case("2-5_pluto_with_its_ordinary_updown")
def ordinary(env):
    """Ours ends in libreswan's own."""
    both_know_peers(connect_pair(env, "tcp", updown=BINARY))
    ksft_true("up-host output" not in env.daemons[env.alice].log())


@case("2-5_pluto_tunnel_is_bound_{flow}", FLOWS[:1] + FLOWS[2:3])
def tunnel(env, proto, fam):
    """Tunnel mode, between networks."""
    both_know_peers(connect_pair(env, proto, fam, mode="tunnel"))


@case("2-5_pluto_sas_are_pending_until_updown")
def pending(env):
    """SAs are there, and nobody said whose: what would use them waits, however long updown takes."""
    ipsec = trap_policy(env)
    pipe = env.pki.path / "pipe"
    os.mkfifo(pipe)
    # route comes before SAs, up after them
    slow = script(env, "slow", f'case $PLUTO_VERB in up-*) read x < {pipe};; esac\nexec {BINARY} true')
    env.alice.sysctl("identity_wait_ms", 60000)
    alice = env.daemons[env.alice]
    alice.stop()
    alice.updown = slow
    alice.conns["bob"]["leftupdown"] = slow
    alice.start()
    listener = ipsec.listen()
    sock = env.alice.socket(listener.family)
    sock.setblocking(False)
    env.wire.restart()
    sock.connect_ex(listener.getsockname())
    wait(lambda: env.alice.stat()["LatchOutPending"] + env.alice.stat()["LatchInPending"] >= 2, "packets that wait", 60)
    ksft_eq(is_state(sock, "NONE").peer, 0)
    ksft_eq(env.alice.nl.dump("binding-get"), [])
    pipe.write_text("\n", encoding="ascii")
    wait(lambda: info(sock).state_name == "ESTABLISHED", "the connection", 60)
    knows_peer(sock, "bob.example")
    pipe.unlink()


# --- rekeys ------------------------------------------------------------------------------
REKEYS = [{**f, "who": w} for f in FLOWS[:3] for w in ("alice", "bob")]


@case("2-7_pluto_rekeys_{flow}_by_{who}", REKEYS)
def rekeys(env, proto, fam, who):
    """SAs are replaced under traffic: known from their first packet, no break, nothing lost."""
    flow = connect_pair(env, proto, fam)
    daemon = env.daemons[getattr(env, who)]
    name = "bob" if who == "alice" else "alice"
    env.wire.restart()
    flow.lost = 0
    before = [info(s) for s in (flow.a, flow.b)]
    pending_before = [h.stat()[f"Latch{d}Pending"] for h in (env.alice, env.bob) for d in ("In", "Out")]
    for _ in range(3):
        flow.pump(rekey_child(daemon, name), deadline=60)
        carry_data(flow, 4000)
    untouched(flow)
    both_know_peers(flow)
    ksft_eq(env.wire.clear(flow), (0, 0))
    ksft_eq([info(s).id for s in (flow.a, flow.b)], [b.id for b in before])
    ksft_eq([h.stat()[f"Latch{d}Pending"] for h in (env.alice, env.bob) for d in ("In", "Out")], pending_before)
    if proto == "udp":
        ksft_eq(flow.lost, 0)


# --- the daemon stops ------------------------------------------------------------------
@case("2-21_pluto_stops_{flow}", FLOWS[:3])
def stops(env, proto, fam):
    """The service is stopped under a live connection: nothing in clear, and on it goes when it is back."""
    flow = connect_pair(env, proto, fam).ask_to_wait()
    env.wire.restart()
    carry_data(flow, 4000)
    alice = env.daemons[env.alice]
    alice.stop(signal.SIGTERM)
    wait(lambda: info(flow.a).state_name == "BROKEN", "the policies to go", 30)
    # bob's pluto puts a trap in place of its policy, so that nothing leaves him anyway
    wait_for_no_sas(env.bob)
    is_state(flow.b, "ESTABLISHED", conflicts=[])
    flow.pump(lambda: info(flow.a).out_drops >= 3, deadline=60)
    ksft_eq(env.wire.clear(flow), (0, 0))
    alice.start()
    initiate(alice, "bob")
    carry_data(flow, 4000)
    flow.lost = 0
    for sock in (flow.a, flow.b):
        is_state(sock, "ESTABLISHED", conflicts=[])
    both_know_peers(flow)
    if proto == "tcp":
        flow.drained()
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-21_pluto_stops_and_the_application_is_told")
def told(env):
    """The default for TCP: ECONNRESET at the end without policies, none behind bob's trap, and nothing in clear."""
    flow = connect_pair(env, "tcp")
    env.wire.restart()
    env.daemons[env.alice].stop(signal.SIGTERM)
    ksft_eq(error_of(flow.a, 30), errno.ECONNRESET)
    is_state(flow.b, "ESTABLISHED", conflicts=[])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-21_pluto_is_killed_{flow}", FLOWS[:2])
def killed(env, proto, fam):
    """As a crash does: the kernel goes on alone, and the next pluto's SAs are the same peer's."""
    flow = connect_pair(env, proto, fam).ask_to_wait()
    alice = env.daemons[env.alice]
    env.wire.restart()
    alice.kill()
    carry_data(flow, 4000)
    untouched(flow)
    # as the service does it at a start: what is left over goes
    env.alice.ip("xfrm policy flush", "xfrm state flush")
    alice.start()
    initiate(alice, "bob")
    carry_data(flow, 4000)
    both_know_peers(flow)
    ksft_eq(env.wire.clear(flow), (0, 0))


# --- another peer ------------------------------------------------------------------------
@case("2.3.2_pluto_takeover_{flow}", FLOWS[:3])
def takeover(env, proto, fam):
    """Bob's instance is gone, mallory has his address and a certificate: of alice's flow she gets nothing."""
    ipsec = set_up_mesh(env, fam)
    flow = connect(ipsec, proto).ask_to_wait()
    knows_peer(flow.a, dn("bob.example"), L.LATCH_ID_DN)
    knows_peer(flow.b, "alice.example")
    env.wire.restart()
    env.daemons[env.bob].whack("--terminate", "--name", "alice")
    wait_for_no_sas(env.alice)
    attack = LibreswanTakeover(env, ipsec)
    attack.start()
    attack.authenticate()
    names = [p["id-value"] for p in env.alice.nl.dump("peer-get") if p["id-type"] == L.LATCH_ID_DN]
    ksft_eq(names, [dn("mallory.example")])
    ksft_true("PEER" in is_state(flow.a, "BROKEN").conflict_names)
    drops = info(flow.a).out_drops
    flow.pump(lambda: info(flow.a).out_drops >= drops + 3, ways=((flow.a, flow.b),), deadline=60)
    ksft_eq((attack.stolen(flow), attack.frames_seen(), env.wire.clear(flow)), ([], 0, (0, 0)))
    flow.catch_up(flow.a)
    drops = info(flow.a).in_drops
    for _ in range(3):
        attack.send(flow, b"mallory was here")
    wait(lambda: info(flow.a).in_drops == drops + 3, "the drops")
    ksft_true(flow.silent(flow.a))
    attack.withdraw_sas()
    attack.end()


@case("2.3.2_pluto_reqid_of_two_peers")
def two_peers(env):
    """All instances have the reqid that the administrator gave: the second peer is refused while the first is there."""
    ipsec = set_up_mesh(env, reqid=100)
    flow = connect(ipsec, "tcp")
    mallory = pluto_at(env, env.mallory).to(env.alice, start="add").start()
    said = mallory.initiate("alice")
    ksft_true("established Child SA" not in said, said)
    wait(lambda: "belongs to another peer" in env.daemons[env.alice].log(), "alice to say why")
    carry_data(flow)
    untouched(flow)
    ksft_eq(len(env.alice.nl.dump("binding-get")), 1)
    mallory.stop()
    # now it is free
    flow.close()
    env.daemons[env.bob].stop()
    env.daemons[env.alice].whack("--terminate", "--name", "mesh")
    wait_for_no_sas(env.alice)
    initiate(mallory.start(), "alice")
    rows = env.alice.nl.dump("binding-get")
    ksft_eq([(r["reqid"], env.alice.nl.do("peer-get", id=r["peer"])["id-value"]) for r in rows],
            [(100, dn("mallory.example"))])  # fmt: skip


# --- kinds of identity --------------------------------------------------------------------
def tlv(tag, content):
    return bytes([tag, len(content)]) + content


def dn(name, org=b"Latch"):
    """O=..., CN=... as latch-updown makes it of text: PrintableString."""
    parts = ((b"\x55\x04\x0a", org), (b"\x55\x04\x03", name.encode()))
    return tlv(0x30, b"".join(tlv(0x31, tlv(0x30, tlv(6, oid) + tlv(0x13, v))) for oid, v in parts))


KINDS = [
    {"kind": "fqdn", "theirs": "@bob.example", "type": L.LATCH_ID_FQDN, "value": b"bob.example"},
    {"kind": "email", "theirs": "bob@example.org", "type": L.LATCH_ID_EMAIL, "value": b"bob@example.org"},
    {"kind": "ipv4", "theirs": "10.9.0.2", "type": L.LATCH_ID_IPV4, "value": b"\x0a\x09\0\x02"},
    {"kind": "ipv6", "theirs": "fd09::2", "type": L.LATCH_ID_IPV6, "value": b"\xfd\x09" + bytes(13) + b"\x02", "fam": 6},
    {"kind": "dn", "theirs": '"O=Latch, CN=bob.example"', "type": L.LATCH_ID_DN, "value": dn("bob.example")},
    {"kind": "fromcert", "theirs": "%fromcert", "type": L.LATCH_ID_DN, "value": dn("bob.example")},
    {"kind": "keyid", "theirs": '"@#00ff626f62"', "type": L.LATCH_ID_KEYID, "value": b"\x00\xffbob", "psk": True},
    {"kind": "keyid_text", "theirs": '"@[bob]"', "type": L.LATCH_ID_KEYID, "value": b"bob", "psk": True},
    {"kind": "fqdn_psk", "theirs": "@bob", "type": L.LATCH_ID_FQDN, "value": b"bob", "psk": True},
]


@case("2-13_pluto_identity_{kind}", KINDS)
def kinds(env, theirs, type, value, fam=4, psk=False):  # pylint: disable=redefined-builtin
    """Every kind of identity that pluto has comes through."""
    alice, bob = pluto_at(env, env.alice), pluto_at(env, env.bob)
    alice.to(env.bob, fam=fam, start="add", rightid=theirs)
    bob.to(env.alice, fam=fam, start="add", leftid=theirs)
    for daemon in (alice, bob) if psk else ():
        daemon.secrets = ': PSK "a secret that is long enough for pluto"\n'
        conn = next(iter(daemon.conns.values()))
        conn["authby"] = "secret"
        for word in ("leftcert", "rightca"):
            del conn[word]
    bob.start()
    alice.start()
    initiate(alice, "bob")
    flow = connect(Ipsec(env.alice, env.bob, fam=fam), "tcp")
    knows_peer(flow.a, value, type)
    knows_peer(flow.b, "alice.example")


def keep_keys(conn):
    """No certificates in a connection."""
    for word in ("leftcert", "rightca"):
        del conn[word]


def modulus(cert):
    """Of an RSA key."""
    said = output("openssl", "rsa", "-in", cert.key, "-noout", "-modulus").decode()
    return bytes.fromhex(said.strip().removeprefix("Modulus="))


@case("2-13_pluto_identity_rawkey")
def raw_keys(env):
    """RSA keys that each was told of, without certificates."""
    certs = [env.pki.cert(f"{h.name}.raw", kind="rsa") for h in (env.alice, env.bob)]
    numbers = [modulus(c) for c in certs]
    for host, peer, cert, mine, other in (
        (env.alice, env.bob, certs[0], *numbers), (env.bob, env.alice, certs[1], *numbers[::-1])
    ):  # fmt: skip
        # another one, whose database gets the key
        pluto_at(env, host).close()
        del env.daemons[host]
        daemon = pluto_at(env, host)
        daemon.to(peer, cert=cert, start="add", authby="rsa-sha2", leftsendcert="never",
                  leftckaid=hashlib.sha1(mine).hexdigest(),
                  rightrsasigkey="0s" + base64.b64encode(b"\3\1\0\1" + other).decode())  # fmt: skip
        keep_keys(daemon.conns[peer.name])
        daemon.start()
    initiate(env.daemons[env.alice], "bob")
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    both_know_peers(flow)


ODD = [
    {"kind": "honest", "type": L.LATCH_ID_FQDN, "value": b"bob.example"},
    {"kind": "newline", "type": L.LATCH_ID_FQDN, "value": b"bob.example\nPLUTO_PEER_ID=@eve.example"},
    {"kind": "nul", "type": L.LATCH_ID_FQDN, "value": b"bob.example\0.eve.example"},
    {"kind": "quotes", "type": L.LATCH_ID_FQDN, "value": b"bob.example' PLUTO_PEER_ID='@eve.example"},
    {"kind": "keyid_in_a_name", "type": L.LATCH_ID_FQDN, "value": b"#0x626f62"},
    {"kind": "name_in_mail", "type": L.LATCH_ID_EMAIL, "value": b"@eve.example"},
    {"kind": "controls_in_mail", "type": L.LATCH_ID_EMAIL, "value": b"bob@example\r\n\x1b[2J"},
    {"kind": "newline_in_dn", "type": L.LATCH_ID_DN, "value": dn("bob.example\nO=x")},
    {"kind": "nul_in_dn", "type": L.LATCH_ID_DN, "value": dn("bob.example\0.eve")},
    {"kind": "short_address", "type": L.LATCH_ID_IPV4, "value": b"\x0a\x09"},
    # the longest that charon can be told to send
    {"kind": "253_bytes", "type": L.LATCH_ID_FQDN, "value": b"b" * 253},
]


@case("2-13_pluto_odd_identity_{kind}", ODD)
def odd(env, type, value):  # pylint: disable=redefined-builtin
    """Whoever has the secret of a group may say anything of itself, in any bytes: it is nobody, and not connected."""
    alice = pluto_at(env, env.alice)
    alice.secrets = ': PSK "a secret that is long enough for pluto"\n'
    alice.to("%any", "any", start="add", authby="secret")
    keep_keys(alice.conns["any"])
    del alice.conns["any"]["rightid"]
    before = len(alice.log())
    alice.start()
    bob = strongswan_at(env, env.bob)
    bob.other(settings="retransmit_tries = 1\nretransmit_timeout = 1")
    bob.shared("a secret that is long enough for pluto")
    name = f"{{{type}}}:#{value.hex()}"
    bob.to(env.alice, start="none", local={"auth": "psk", "id": name}, remote={"auth": "psk"})
    try:
        bob.initiate("alice")
    except ViciError:
        pass
    said = alice.log()[before:]
    ksft_true("stays unidentified" in said or "AUTHENTICATION_FAILED" in said or "INVALID" in said, said)
    wait_for_no_sas(env.alice)
    ksft_eq((alice.running, env.alice.nl.dump("binding-get"), env.alice.nl.dump("peer-get")), (True, [], []))
    # pluto itself writes names as they are
    ksft_true(all(line.isprintable() for line in said.split("\n") if "latch-updown" in line), "its lines can be read")


NOBODY = [
    {"what": "anonymous", "more": {"authby": "null", "leftid": "%null", "rightid": "%null"}, "why": "no authenticated identity"},
    {"what": "not_in_the_certificate", "more": {"require_id_on_certificate": "no"}, "why": "require-id-on-certificate"},
]


@case("2-6_pluto_peer_is_{what}", NOBODY)
def nobody(env, more, why):
    """Who cannot be told is not connected (the default), and unidentified where the administrator takes that."""
    alice, bob = pluto_at(env, env.alice), pluto_at(env, env.bob, "%disabled")
    for daemon, peer in ((alice, env.bob), (bob, env.alice)):
        daemon.to(peer, start="add", **more)
        if "authby" in more:
            for word in ("leftcert", "rightca"):
                daemon.conns[peer.name].pop(word)
    bob.start()
    alice.start()
    said = alice.initiate("bob")
    ksft_true("established Child SA" not in said, said)
    ksft_true(why in alice.log(), "the reason is in the log")
    wait_for_no_sas(env.alice)
    ksft_eq(env.alice.nl.dump("binding-get"), [])
    alice.stop()
    # who was refused is not told, and keeps its half
    bob.restart()
    conf = env.pki.path / "latchd.conf"
    conf.write_text("require = no\n", encoding="ascii")
    alice.conns["bob"]["leftupdown"] = f'"{BINARY} -c {conf} true"'
    alice.start()
    initiate(alice, "bob")
    flow = connect(Ipsec(env.alice, env.bob), "tcp")
    ksft_eq(info(flow.a).peer_id_type, L.LATCH_ID_NONE)


@case("2-5_pluto_no_sa_without_the_module_where_required")
def module_required(env):
    """require = yes, the default: no connection comes up that the module does not hear of; with the module it does."""
    unload_when_idle()
    try:
        alice, bob = pluto_at(env, env.alice), pluto_at(env, env.bob, "%disabled")
        alice.to(env.bob, start="add")
        bob.to(env.alice, start="add").start()
        alice.start()
        said = alice.initiate("bob")
        ksft_true("established Child SA" not in said, said)
        wait_for_no_sas(env.alice)
    finally:
        load(env)
    bob.restart()
    initiate(alice, "bob")
    knows_peer(connect(Ipsec(env.alice, env.bob), "tcp").a, "bob.example")


@case("2-5_pluto_updown_is_killed")
def updown_killed(env):
    """In the middle of the set-up: the connection does not come up, nothing is left of it."""
    alice, bob = pluto_at(env, env.alice), pluto_at(env, env.bob)
    alice.updown = script(env, "dies", f'case $PLUTO_VERB in up-*) kill -9 $$;; esac\nexec {BINARY} true')
    alice.to(env.bob, start="add")
    bob.to(env.alice, start="add").start()
    alice.start()
    said = alice.initiate("bob")
    ksft_true("established Child SA" not in said, said)
    wait_for_no_sas(env.alice)
    ksft_eq(env.alice.nl.dump("binding-get"), [])


# --- a NAT ---------------------------------------------------------------------------------
@case("2-14_pluto_nat_{flow}", FLOWS[::2])
def nat(env, proto):
    """Through a NAT: private and public addresses and the ports of ESP in UDP, at both ends."""
    set_up_nat(env)
    try:
        public = env.mallory.addr(4)
        bob = pluto_at(env, env.bob).to(env.alice, mode="tunnel", start="add", right=public)
        alice = pluto_at(env, env.alice).to(env.bob, mode="tunnel", start="add", left=PRIVATE)
        bob.start()
        alice.start()
        initiate(alice, "bob")
        flow = connect(BehindNat(env.alice, env.bob, mode="tunnel"), proto)
        both_know_peers(flow)
        seen = [
            (got.outer_local_addr, got.outer_remote_addr, got.natt_local_port, bool(got.flags & L.LATCH_F_NATT))
            for got in (info(flow.a), info(flow.b))
        ]
        ksft_eq(seen, [(PRIVATE, env.bob.addr(4), 4500, True), (env.bob.addr(4), public, 4500, True)])
        ksft_eq(info(flow.a).natt_remote_port, 4500)
        flow.pump(rekey_child(alice, "bob"), deadline=60)
        carry_data(flow)
        untouched(flow)
    finally:
        remove_nat(env)


# --- traps ---------------------------------------------------------------------------------
@case("2.3-3_pluto_trap_takes_clear_text_unless_required_{flow}", [FLOWS[0], FLOWS[2]])
def trap(env, proto):
    """auto=ondemand has an outbound policy only: who comes in clear is heard, unless the socket demands protection."""
    alice = pluto_at(env, env.alice).to(env.bob)
    alice.start()
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    for demand in (False, True):
        server = env.alice.socket(INET[4], kind)
        if demand:
            ask(server, mode=L.LATCH_MODE_REQUIRE)
        server.bind((env.alice.addr(4), 0))
        client = env.bob.socket(INET[4], kind)
        client.setblocking(False)
        refused = env.alice.stat()["LatchInLarval"]
        if proto == "tcp":
            server.listen()
            client.connect_ex(server.getsockname())
            if demand:
                wait(lambda n=refused: env.alice.stat()["LatchInLarval"] > n, "the SYN to be refused")
                ksft_eq(requests(env.alice, server), 0)
            else:
                # the answer meets the trap, so it is no connection
                wait(lambda s=server: requests(env.alice, s) == 1, "the SYN to be taken")
        else:
            client.sendto(SECRET, server.getsockname())
            server.settimeout(10)
            if demand:
                wait(lambda n=refused: env.alice.stat()["LatchInLarval"] > n, "the datagram to be refused")
                server.setblocking(False)
                ksft_eq(error_of_recv(server), errno.EAGAIN)
            else:
                ksft_eq(server.recv(1000), SECRET)


def error_of_recv(sock):
    try:
        sock.recv(1000)
    except OSError as e:
        return e.errno
    return 0


def requests(host, listener):
    """Handshakes that a listener began to answer."""
    port = listener.getsockname()[1]
    with host, open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "03" for row in rows)


# --- with strongSwan -------------------------------------------------------------------------
@case("2-5_pluto_and_strongswan_{flow}_{first}_first", [{**f, "first": w} for f in FLOWS[:3] for w in ("alice", "bob")])
def mixed(env, proto, fam, first):
    """Alice has strongSwan with its plugin, bob libreswan: each knows the other, also after rekeys."""
    alice = strongswan_at(env, env.alice, plugin=True)
    alice.to(env.bob, fam=fam, start="none")
    bob = pluto_at(env, env.bob).to(env.alice, fam=fam, start="add").start()
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    if first == "bob":
        initiate(bob, "alice")
    else:
        alice.initiate("bob", timeout=120)
    flow = connect(ipsec, proto)
    knows_peer(flow.a, "bob.example", auth=info(flow.a).auth_method)
    knows_peer(flow.b, "alice.example")
    # of keys only one of them tells (6.3-1)
    ends = [s.getsockopt(level_of(s), L.IP_LATCH_BINDING, 64) for s in (flow.a, flow.b)]
    ksft_eq((ends[0][:32], ends[1][32:]), (ends[1][:32], bytes(32)))
    flow.pump(rekey_child(bob, "alice"), deadline=60)
    carry_data(flow, 4000)
    alice.rekey(child="bob")
    carry_data(flow, 4000)
    untouched(flow)
    knows_peer(flow.b, "alice.example")


if __name__ == "__main__":
    runner.main()
