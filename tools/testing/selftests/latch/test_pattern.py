#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A demand for any peer whose name fits a pattern.  RFC 5660 2-16, 2.3-3, 2.3-15."""

import errno
import socket

import runner
from der import BMP, IA5, PRINTABLE, TELETEX, name
from expect import Moves, is_state
from flow import FLOWS, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_true, wait
from latchapi import L, ask, info, latch_id, request, set_raw
from test_require import connect_errno

HOSTS = ("alice", "bob")
FQDN, EMAIL, DN = L.LATCH_ID_FQDN, L.LATCH_ID_EMAIL, L.LATCH_ID_DN


def request_pattern(kind, text, **fields):
    """struct latch_req with a pattern."""
    text = text.encode("latin-1") if isinstance(text, str) else text
    req = request(peer_id=latch_id(kind, text), **fields)
    req.mask |= L.LATCH_REQ_PEER_PATTERN
    return req


def ask_for_pattern(sock, kind, text, **fields):
    ksft_eq(set_raw(sock, bytes(request_pattern(kind, text, **fields))), 0)


def known_as(host, kind, value, reqid=1, **parts):
    """The peer behind a reqid has this ID; returns its record's number."""
    peer = host.nl.do("peer-new", id_type=kind, id_value=value, auth=L.LATCH_AUTH_SIGNATURE, **parts)["id"]
    host.nl.do("binding-new", reqid=reqid, peer=peer)
    return peer


# --- requests ------------------------------------------------------------------------
NONE = [
    ("fqdn_star_alone", FQDN, "*"),
    ("fqdn_two_stars", FQDN, "*.*.example"),
    ("fqdn_star_inside", FQDN, "a.*.example"),
    ("fqdn_star_in_label", FQDN, "a*.example"),
    ("fqdn_empty_label", FQDN, "*..example"),
    ("fqdn_nothing_below", FQDN, "*."),
    ("fqdn_final_dot", FQDN, "*.db.example."),
    ("fqdn_with_nul", FQDN, "*.db\0.example"),
    ("fqdn_ends_with_nul", FQDN, "*.db.example\0"),
    ("email_without_domain", EMAIL, "*@"),
    ("email_without_local_part", EMAIL, "@db.example"),
    ("email_star_in_local_part", EMAIL, "b*@db.example"),
    ("email_two_ats", EMAIL, "*@a@db.example"),
    ("email_any_domain", EMAIL, "*@*"),
    ("dn_empty_component", DN, "CN=*,,O=Example"),
    ("dn_final_comma", DN, "CN=*,"),
    ("dn_no_value", DN, "CN="),
    ("dn_unknown_attribute", DN, "XYZ=*"),
    ("dn_trailing_junk", DN, "CN=*, O=Example, x"),
    ("dn_star_at_the_end", DN, "CN=a*"),
    ("dn_two_stars", DN, "CN=*a*"),
    ("dn_two_in_an_rdn", DN, "CN=a+O=b"),
    ("dn_bad_escape", DN, "CN=\\x"),
    ("dn_escaped_nul", DN, "CN=a\\00"),
    ("dn_as_der", DN, name("CN=bob")),
    ("ipv4", L.LATCH_ID_IPV4, "\x0a\x09\x00\x02"),
    ("ipv6", L.LATCH_ID_IPV6, bytes(16)),
    ("gn", L.LATCH_ID_GN, "*.db.example"),
    ("keyid", L.LATCH_ID_KEYID, "*"),
]
NONE = [dict(zip(("what", "kind", "text"), row)) for row in NONE]


@case("2-16_no_pattern_{what}", NONE)
def no_pattern(env, kind, text):
    """EINVAL, and the socket still wants what it wanted before."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.alice, FQDN, b"bob.db.example")
    sock = env.alice.socket()
    ask_for_pattern(sock, FQDN, "*.db.example", mode=L.LATCH_MODE_REQUIRE, disposition=L.LATCH_DISP_WAIT)
    before = bytes(info(sock))
    req = bytes(request_pattern(kind, text, mode=L.LATCH_MODE_AUTO, disposition=L.LATCH_DISP_RESET))
    ksft_eq(set_raw(sock, req), errno.EINVAL)
    ksft_eq(bytes(info(sock)), before)
    ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "0")
    got = is_state(sock, "ESTABLISHED")
    ksft_eq((got.mode, got.disposition), (L.LATCH_MODE_REQUIRE, L.LATCH_DISP_WAIT))


def without_id():
    req = request(mode=L.LATCH_MODE_AUTO)
    req.mask |= L.LATCH_REQ_PEER_PATTERN
    return req


def with_number():
    req = request(peer=1)
    req.mask |= L.LATCH_REQ_PEER_PATTERN
    return req


def local_only():
    req = request(local_id=latch_id(FQDN, b"*.db.example"))
    req.mask |= L.LATCH_REQ_PEER_PATTERN
    return req


def with_tail():
    req = request_pattern(FQDN, "*.db.example")
    req.peer_id.value[100] = ord("x")
    return req


def too_long():
    req = request_pattern(FQDN, "b" * 252)
    req.peer_id.len = 253
    return req


BITS = [{"what": f.__name__, "make": f} for f in (without_id, with_number, local_only, with_tail, too_long)]


@case("2-16_pattern_bit_{what}", BITS)
def pattern_bit(env, make):
    """The bit goes with a peer ID, and the rules for IDs hold for a pattern's text too."""
    sock = env.alice.socket()
    before = bytes(info(sock))
    ksft_eq(set_raw(sock, bytes(make())), errno.EINVAL)
    ksft_eq(bytes(info(sock)), before)


# --- who fits --------------------------------------------------------------------------
BOB = name("C=XX", "O=Example", "CN=bob")
FITS = [
    ("below", FQDN, b"bob.db.example", "*.db.example", True),
    ("far_below", FQDN, b"a.b.db.example", "*.db.example", True),
    ("other_case", FQDN, b"BOB.Db.Example", "*.dB.eXAMPLE", True),
    ("no_star", FQDN, b"Bob.example", "bob.Example", True),
    ("name_itself", FQDN, b"db.example", "*.db.example", False),
    ("no_label_boundary", FQDN, b"xdb.example", "*.db.example", False),
    ("other_tree", FQDN, b"bob.db.example.org", "*.db.example", False),
    ("nul_in_name", FQDN, b"evil.org\0.db.example", "*.db.example", False),
    ("pattern_as_name", FQDN, b"*.db.example", "*.db.example", False),
    ("fqdn_of_keyid", L.LATCH_ID_KEYID, b"bob.db.example", "*.db.example", False),
    ("mailbox", EMAIL, b"bob@db.example", "*@db.example", True),
    ("mailbox_below", EMAIL, b"bob@a.db.example", "*@*.db.example", True),
    ("this_mailbox", EMAIL, b"bob@DB.example", "bob@db.example", True),
    ("mailbox_other_case", EMAIL, b"BOB@db.example", "bob@db.example", False),
    ("mailbox_of_host_below", EMAIL, b"bob@a.db.example", "*@db.example", False),
    ("mailbox_of_host_itself", EMAIL, b"bob@db.example", "*@*.db.example", False),
    ("mailbox_in_mailbox", EMAIL, b"bob@evil@db.example", "*@db.example", False),
    ("mailbox_for_fqdn", FQDN, b"bob.db.example", "*@db.example", False),
    ("dn", DN, BOB, "C=xx, O=Example, CN=*", True),
    ("dn_in_other_order", DN, BOB, "CN=*, O=Example, C=XX", True),
    ("dn_all_stars", DN, BOB, "CN=*, O=*, C=*", True),
    ("dn_printable", DN, name("O=Example", "CN=bob", tag=PRINTABLE), "CN=bob, O=example", True),
    ("dn_teletex", DN, name("O=Example", "CN=bob", tag=TELETEX), "CN=bob, O=example", True),
    ("dn_ia5", DN, name("E=bob@db.example", tag=IA5), "E=*@db.example", True),
    ("dn_oid", DN, BOB, "2.5.4.6=XX, 2.5.4.10=Example, 2.5.4.3=*", True),
    ("dn_host", DN, name("CN=bob.db.example"), "CN=*.db.example", True),
    ("dn_escaped_comma", DN, name("O=Example, Inc.", "CN=bob"), "CN=*, O=Example\\, Inc.", True),
    ("dn_utf8", DN, name("CN=b\u00e4r"), "CN=b\\c3\\a4r", True),
    ("dn_chooses_well", DN, name("CN=a", "CN=b"), "CN=*, CN=a", True),
    ("dn_other_value", DN, BOB, "C=XX, O=Other, CN=*", False),
    ("dn_rdn_added", DN, name("C=XX", "O=Example", "OU=Guests", "CN=bob"), "C=XX, O=Example, CN=*", False),
    ("dn_rdn_missing", DN, name("O=Example", "CN=bob"), "C=XX, O=Example, CN=*", False),
    ("dn_rdn_twice", DN, name("C=XX", "O=Example", "O=Example", "CN=bob"), "C=XX, O=Example, CN=*", False),
    ("dn_two_in_an_rdn", DN, name(("O=Example", "CN=bob")), "O=Example, CN=*", False),
    ("dn_star_across_rdns", DN, name("O=Example", "CN=bob"), "O=*", False),
    ("dn_nul_in_value", DN, name("CN=evil\0.db.example"), "CN=*.db.example", False),
    ("dn_bmp", DN, name("CN=bob", tag=BMP), "CN=*", False),
    ("dn_not_der", DN, b"\x30\x80" + BOB[2:] + b"\0\0", "C=XX, O=Example, CN=*", False),
    ("dn_with_tail", DN, BOB + b"\0", "C=XX, O=Example, CN=*", False),
    ("dn_empty", DN, b"\x30\x00", "CN=*", False),
    ("dn_longest", DN, name("CN=" + "x" * 1000), "CN=*", True),
]
FITS = [dict(zip(("what", "kind", "value", "text", "met"), row)) for row in FITS]


@case("2.3-3_pattern_{what}", FITS)
def fits(env, kind, value, text, met):
    """Latched where the peer's ID fits, else EKEYREJECTED, and nothing is sent."""
    ipsec = Ipsec(env.alice, env.bob).up()
    peer = known_as(env.alice, kind, value)
    sock = env.alice.socket()
    ask_for_pattern(sock, EMAIL if "@" in text and "=" not in text else DN if "=" in text else FQDN, text)
    if met:
        ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "0")
        ksft_eq(is_state(sock, "ESTABLISHED", "NONE", []).peer, peer)
        return
    # a slow machine may send the SYN again before its owner is told
    with Moves(env.alice, at_least=["LatchOutPeer", "LatchRefused"]):
        ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "EKEYREJECTED")


@case("2.3-3_pattern_{flow}", FLOWS)
def each_flow(env, proto, fam):
    """TCP and UDP, IPv4 and IPv6: the same demand."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    known_as(env.alice, FQDN, b"bob.db.example")

    def before(sock):
        ask_for_pattern(sock, FQDN, "*.db.example", mode=L.LATCH_MODE_REQUIRE)

    flow = ipsec.flow(proto, before=before)
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    flow.pump(flow.moved(1000 if proto == "tcp" else 10))


@case("2-16_pattern_udp_refused")
def udp_refused(env):
    """The datagram is not sent, the next call says why; nothing that comes in is delivered."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.alice, FQDN, b"mallory.example")
    flow = ipsec.udp(before=lambda s: ask_for_pattern(s, FQDN, "*.db.example", mode=L.LATCH_MODE_REQUIRE), carry=False)
    with Moves(env.alice, LatchOutPeer=1, LatchInPeer=1, LatchRefused=1):
        flow.a.send(b"out")
        flow.b.send(b"in")
    ksft_eq(error_of(flow.a), errno.EKEYREJECTED)
    ksft_true(flow.silent(flow.a) and flow.silent(flow.b))


@case("2-16_pattern_is_not_an_exact_id")
def exact(env):
    """Without the bit the same text is an ID, which only that ID equals, in upper or lower case."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.alice, FQDN, b"bob.db.example")
    listener = ipsec.listen()
    sock = env.alice.socket()
    ask(sock, peer_id="*.db.example")
    ksft_eq(connect_errno(sock, listener.getsockname()), "EKEYREJECTED")
    sock = env.alice.socket()
    ask(sock, peer_id="BOB.db.example")
    ksft_eq(connect_errno(sock, listener.getsockname()), "0")


@case("2-16_pattern_with_other_demands")
def together(env):
    """A pattern is one demand of several, and all have to be met."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.alice, FQDN, b"bob.db.example")
    listener = ipsec.listen()
    for fields, error in (({"min_key_bits": 128}, "0"), ({"min_key_bits": 256}, "EKEYREJECTED"),
                          ({"local_id": "alice"}, "EKEYREJECTED")):  # fmt: skip
        sock = env.alice.socket()
        ask_for_pattern(sock, FQDN, "*.db.example", **fields)
        ksft_eq(connect_errno(sock, listener.getsockname()), error)


@case("2-16_pattern_is_replaced_before_connect")
def replaced(env):
    """The last request counts as a whole: pattern after ID, ID after pattern, nothing after all."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.alice, FQDN, b"bob.db.example")
    listener = ipsec.listen()
    sock = env.alice.socket()
    ask(sock, peer_id="mallory")
    ask_for_pattern(sock, FQDN, "*.db.example")
    ksft_eq(connect_errno(sock, listener.getsockname()), "0")
    sock = env.alice.socket()
    ask_for_pattern(sock, FQDN, "*.db.example")
    ask(sock, peer_id="mallory")
    ksft_eq(connect_errno(sock, listener.getsockname()), "EKEYREJECTED")
    sock = env.alice.socket()
    ask_for_pattern(sock, FQDN, "*.other.example")
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    ksft_eq(connect_errno(sock, listener.getsockname()), "0")


@case("2.3-3_pattern_of_unidentified_sa")
def unidentified(env):
    """Who is not known fits no pattern."""
    ipsec = Ipsec(env.alice, env.bob).up()
    sock = env.alice.socket()
    ask_for_pattern(sock, DN, "CN=*")
    ksft_eq(connect_errno(sock, ipsec.listen().getsockname()), "EKEYREJECTED")


@case("2.3-3_pattern_of_pending_identity")
def pending(env):
    """While the identity is awaited the SYN is lost; then it is judged by the name."""
    env.alice.sysctl("identity_wait_ms", 60000)
    env.alice.nl.do("manager-set", active=1)
    try:
        ipsec = Ipsec(env.alice, env.bob).up()
        sock = env.alice.socket()
        sock.setblocking(False)
        ask_for_pattern(sock, FQDN, "*.db.example", mode=L.LATCH_MODE_REQUIRE)
        listener = ipsec.listen()
        with Moves(env.alice, at_least=["LatchOutPending"], may=["LatchRefused"]):
            sock.connect_ex(listener.getsockname())
        is_state(sock, "LARVAL")
        known_as(env.alice, FQDN, b"bob.db.example")
        wait(lambda: info(sock).state_name == "ESTABLISHED", "the SYN that is sent again")
    finally:
        env.alice.nl.do("manager-set", active=0)


@case("2-6_pattern_does_not_loosen_the_latch")
def latched_to_one(env):
    """Latched is the peer that came first: another one that fits as well breaks it."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.alice, FQDN, b"bob.db.example")
    flow = ipsec.tcp(before=lambda s: ask_for_pattern(s, FQDN, "*.db.example", disposition=L.LATCH_DISP_WAIT))
    sas = ipsec.new_sas()
    other = env.alice.peer("carol.db.example")
    for sa in sas:
        env.alice.nl.do("binding-new", **sa.key(), peer=other)
    env.alice.ip(*[sa.add() for sa in sas])
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    env.alice.ip(*[sa.delete() for sa in sas])
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    flow.exchange()


@case("2-7_pattern_and_rekey")
def rekeyed(env):
    """SAs of the same peer go on, as with any demand."""
    ipsec = Ipsec(env.alice, env.bob).up().identify([env.bob])
    known_as(env.alice, DN, BOB)
    flow = ipsec.tcp(before=lambda s: ask_for_pattern(s, DN, "CN=*, O=Example, C=XX"))
    flow.exchange()
    ipsec.rekey()
    flow.pump(flow.moved(1000))
    ksft_eq(is_state(flow.a, "ESTABLISHED", "NONE", []).breaks, 0)


# --- listeners -----------------------------------------------------------------------------
KNOCKS = [
    {"what": "who_fits", "value": b"alice.db.example", "met": True},
    {"what": "who_does_not", "value": b"alice.example", "met": False},
]


@case("2.3-15_listener_pattern_{what}", KNOCKS)
def listener(env, value, met):
    """A listener's pattern holds for whoever connects; others get no answer."""
    ipsec = Ipsec(env.alice, env.bob).up()
    known_as(env.bob, FQDN, value)
    server = ipsec.listen(before=lambda s: ask_for_pattern(s, FQDN, "*.db.example", mode=L.LATCH_MODE_REQUIRE))
    if met:
        flow = ipsec.tcp(listener=server)
        flow.exchange()
        is_state(flow.b, "ESTABLISHED")
        return
    sock = env.alice.socket()
    sock.setblocking(False)
    with Moves(env.bob, at_least=["LatchInPeer", "LatchRefused"]):
        sock.connect_ex(server.getsockname())
    ksft_eq(sock.getsockopt(socket.IPPROTO_TCP, 11, 1), b"\x02", "still SYN_SENT")


@case("2.3-15_listener_pattern_for_several_peers")
def several(env):
    """One listener, one pattern: each of its connections is latched to its own peer."""
    transport = Ipsec(env.alice, env.bob).up()
    tunnel = Ipsec(env.alice, env.bob, mode="tunnel", reqid=2).up()
    names = (b"a.db.example", b"b.db.example")
    peers = [known_as(env.bob, FQDN, value, reqid=n) for n, value in enumerate(names, 1)]
    server = env.bob.socket()
    ask_for_pattern(server, FQDN, "*.db.example", mode=L.LATCH_MODE_REQUIRE)
    server.bind(("0.0.0.0", 0))
    server.listen(8)
    port = server.getsockname()[1]
    for ipsec, peer in zip((transport, tunnel), peers):
        sock = env.alice.socket()
        sock.bind((ipsec.addr(env.alice), 0))
        ksft_eq(connect_errno(sock, (ipsec.addr(env.bob), port)), "0")
        child = env.bob.owns(server.accept()[0])
        ksft_eq(is_state(child, "ESTABLISHED", "NONE", []).peer, peer)


if __name__ == "__main__":
    runner.main()
