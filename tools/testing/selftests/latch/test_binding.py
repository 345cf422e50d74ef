#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Channel bindings: what both ends can compare.  RFC 5660 6.3-1, 6.4-1; latch-ike.rst.

The document is read, too: its example has to be what the kernel gives.
"""

import errno
import hashlib
import re
import socket

import runner
from der import BMP, PRINTABLE, certificate, name, public_key
from expect import is_state
from flow import FLOWS
from ipsec import Ipsec
from ktap import TOP, case, ksft_eq, ksft_ne, ksft_true
from latchapi import L, ask, ask_to_wait, get_raw, info

HOSTS = ("alice", "bob")
FQDN, DN, NULL = L.LATCH_ID_FQDN, L.LATCH_ID_DN, L.LATCH_ID_NULL
SIZE = L.LATCH_BINDING_SIZE
HALF = SIZE // 2
DOCUMENT = TOP / "Documentation/networking/latch-ike.rst"

# Public keys of RFC 8032 7.1, tests 1 to 3.
KEYS = [
    public_key(bytes.fromhex(raw))
    for raw in (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    )
]
ALICE = {"id_type": FQDN, "id_value": b"alice.example", "key": KEYS[0]}
BOB = {"id_type": FQDN, "id_value": b"bob.example", "key": KEYS[1]}


def add_record(host, **parts):
    return host.nl.do("peer-new", **{"auth": L.LATCH_AUTH_SIGNATURE, **parts})["id"]


def bind_ends(host, peer, local, reqid=1):
    """Say at one end who both ends are."""
    attrs = {"local": add_record(host, **local)} if local else {}
    host.nl.do("binding-new", reqid=reqid, peer=add_record(host, **peer), **attrs)


def identified_flow(env, alice, bob, proto="tcp", fam=4, **kwargs):
    """A flow whose ends both know who they are."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    bind_ends(env.alice, bob, alice)
    bind_ends(env.bob, alice, bob)
    return ipsec.flow(proto, **kwargs)


def get_binding(sock):
    return sock.getsockopt(socket.SOL_IP if sock.family == socket.AF_INET else socket.IPPROTO_IPV6,
                           L.IP_LATCH_BINDING, SIZE)  # fmt: skip


def binding_of_both(flow):
    """The same at both ends."""
    ksft_eq(get_binding(flow.a).hex(), get_binding(flow.b).hex())
    return get_binding(flow.a)


def binding_error(sock, size=SIZE):
    code, length, area = get_raw(sock, L.IP_LATCH_BINDING, size)
    if code:
        ksft_eq((length, set(area) <= {0xAA}), (size, True), "nothing is written")
    return errno.errorcode.get(code, "0")


# --- the form, written down once more -----------------------------------------------------
def sized(data):
    return len(data).to_bytes(2, "big") + data


def expected_binding(ends, keys):
    """The document in Python: ends are (type, canonical value), keys SubjectPublicKeyInfo."""
    plain = [bytes([kind]) + sized(value) for kind, value in ends]
    first = hashlib.sha256(b"ipsec-latch-names\0" + b"".join(sorted(plain))).digest()
    if None in keys:
        return first + bytes(HALF)
    keyed = [end + sized(hashlib.sha256(key).digest()) for end, key in zip(plain, keys)]
    return first + hashlib.sha256(b"ipsec-latch-keys\0" + b"".join(sorted(keyed))).digest()


def canonical_dn(*rdns):
    """Of (first of its RDN, tag, OID, value)."""
    return b"".join(bytes([first, tag]) + sized(oid) + sized(value) for first, tag, oid, value in rdns)


def documented_blocks():
    """The blocks of bytes of the example, by the words in front of them."""
    text = DOCUMENT.read_text(encoding="utf-8").split("Example of a channel binding")[1]
    blocks = re.findall(r"^([^\n]+)::\n\n((?:    [0-9a-f ]+\n)+)", text, re.M)
    return {words: bytes.fromhex(text) for words, text in blocks}


@case("6.4-1_binding_example_of_the_document_{flow}", FLOWS)
def example(env, proto, fam):
    """The ends of the document's example have the binding of the document's example."""
    doc = documented_blocks()
    alice = {"id_type": FQDN, "id_value": b"Alice.Example", "key": doc["The key of the first end"]}
    bob = {"id_type": DN, "id_value": doc["The name of the second end"], "key": doc["The key of the second end"]}
    got = binding_of_both(identified_flow(env, alice, bob, proto, fam))
    ksft_eq(got.hex(), doc["The binding"].hex())
    for half, words in enumerate(("The bytes of the names", "The bytes of names and keys")):
        ksft_eq(got[half * HALF :][:HALF].hex(), hashlib.sha256(doc[words]).hexdigest())


X, O, CN = b"\x55\x04\x06", b"\x55\x04\x0a", b"\x55\x04\x03"  # noqa: E741
EMAIL, KEYID = L.LATCH_ID_EMAIL, L.LATCH_ID_KEYID
FORMS = [
    ("fqdn", FQDN, b"Bob.Example", b"bob.example"),
    ("email", EMAIL, b"Bob@Example", b"Bob@Example"),
    ("keyid", KEYID, bytes(range(256)), bytes(range(256))),
    ("ipv4", L.LATCH_ID_IPV4, b"\x0a\x09\0\x02", b"\x0a\x09\0\x02"),
    ("ipv6", L.LATCH_ID_IPV6, bytes(15) + b"\2", bytes(15) + b"\2"),
    ("gn", L.LATCH_ID_GN, b"\x82\x03Bob", b"\x82\x03Bob"),
    ("dn", DN, name("C=XX", "CN=Bob"), canonical_dn((1, 12, X, b"XX"), (1, 12, CN, b"Bob"))),
    ("dn_printable", DN, name("CN=Bob", tag=PRINTABLE), canonical_dn((1, 12, CN, b"Bob"))),
    ("dn_bmp", DN, name("CN=B", tag=BMP), canonical_dn((1, 30, CN, b"\0B"))),
    ("dn_two_in_an_rdn", DN, name(("CN=b", "O=c")), canonical_dn((1, 12, CN, b"b"), (0, 12, O, b"c"))),
    ("dn_longest", DN, name("CN=" + "x" * 1000), canonical_dn((1, 12, CN, b"x" * 1000))),
]
FORMS = [dict(zip(("what", "kind", "value", "form"), row)) for row in FORMS]


@case("6.4-1_binding_of_{what}", FORMS)
def each_form(env, kind, value, form):
    """Every kind of identity has one form, whatever end it is at."""
    got = binding_of_both(identified_flow(env, ALICE, {"id_type": kind, "id_value": value, "key": KEYS[1]}))
    ksft_eq(got.hex(), expected_binding([(FQDN, b"alice.example"), (kind, form)], KEYS[:2]).hex())


@case("6.4-1_binding_of_other_string_type")
def string_type(env):
    """A name whose string type is another one at the other end is the same name."""
    ipsec = Ipsec(env.alice, env.bob).up()
    bind_ends(env.alice, {**BOB, "id_type": DN, "id_value": name("CN=bob")}, ALICE)
    bob = {**BOB, "id_type": DN, "id_value": name("CN=bob", tag=19)}
    bind_ends(env.bob, {**ALICE, "id_value": b"ALICE.example"}, bob)
    binding_of_both(ipsec.tcp())


# --- what makes a difference -------------------------------------------------------------------
OTHERS = [
    {"what": "other_peer", "bob": {**BOB, "id_value": b"mallory.example"}, "names": False, "keys": False},
    {"what": "other_type", "bob": {**BOB, "id_type": KEYID}, "names": False, "keys": False},
    {"what": "other_key", "bob": {**BOB, "key": KEYS[2]}, "names": True, "keys": False},
    {"what": "other_anchor", "bob": {**BOB, "anchor": b"another CA"}, "names": True, "keys": True},
    {"what": "other_method", "bob": {**BOB, "auth": L.LATCH_AUTH_ECDSA_256}, "names": True, "keys": True},
    {"what": "keys_exchanged", "alice": {**ALICE, "key": KEYS[1]}, "bob": {**BOB, "key": KEYS[0]},
     "names": True, "keys": False},
]  # fmt: skip


@case("6.4-1_binding_{what}", OTHERS)
def others(env, bob, names, keys, alice=None):
    """Another name is seen in both halves, another key in the second one."""
    got = binding_of_both(identified_flow(env, alice or ALICE, bob))
    base = expected_binding([(FQDN, b"alice.example"), (FQDN, b"bob.example")], KEYS[:2])
    ksft_eq((got[:HALF] == base[:HALF], got[HALF:] == base[HALF:]), (names, keys))
    ksft_ne(got[HALF:], bytes(HALF))


@case("6.4-1_binding_man_in_the_middle")
def middle(env):
    """Two ends that each take somebody else for the other have different bindings."""
    ipsec = Ipsec(env.alice, env.bob).up()
    mallory = {**BOB, "id_value": b"mallory.example", "key": KEYS[2]}
    bind_ends(env.alice, mallory, ALICE)
    bind_ends(env.bob, mallory, BOB)
    flow = ipsec.tcp()
    first, second = get_binding(flow.a), get_binding(flow.b)
    ksft_ne(first[:HALF], second[:HALF])
    ksft_ne(first[HALF:], second[HALF:])


@case("6.4-1_binding_man_in_the_middle_of_the_same_name")
def same_name(env):
    """With the name of the right one and a key of his own he is seen in the second half only."""
    ipsec = Ipsec(env.alice, env.bob).up()
    bind_ends(env.alice, {**BOB, "key": KEYS[2]}, ALICE)
    bind_ends(env.bob, {**ALICE, "key": KEYS[2]}, BOB)
    flow = ipsec.tcp()
    ksft_eq(get_binding(flow.a)[:HALF].hex(), get_binding(flow.b)[:HALF].hex())
    ksft_ne(get_binding(flow.a)[HALF:], get_binding(flow.b)[HALF:])


# --- where the key comes from --------------------------------------------------------------------
def without(parts, **more):
    return {**{k: v for k, v in parts.items() if k != "key"}, **more}


SOURCES = [
    ("from_the_certificate", without(BOB, cert=certificate(KEYS[1])), KEYS[1]),
    ("beside_another_certificate", {**BOB, "cert": certificate(KEYS[2])}, KEYS[1]),
    ("not_known", without(BOB), None),
    ("not_in_bad_certificate", without(BOB, cert=certificate(KEYS[1])[:-1]), None),
    ("not_in_no_certificate", without(BOB, cert=b"certificate"), None),
]
SOURCES = [dict(zip(("what", "bob", "key"), row)) for row in SOURCES]


@case("6.4-1_binding_key_{what}", SOURCES)
def sources(env, bob, key):
    """The record's key, else that of its certificate, else zeros in the second half."""
    got = binding_of_both(identified_flow(env, ALICE, bob))
    ksft_eq(got.hex(), expected_binding([(FQDN, b"alice.example"), (FQDN, b"bob.example")], [KEYS[0], key]).hex())
    swapped = binding_of_both(known_again(env, bob))
    ksft_eq(swapped.hex(), got.hex())


def known_again(env, bob):
    """The same ends the other way round: who connects makes no difference."""
    for host in (env.alice, env.bob):
        for claim in host.nl.dump("binding-get"):
            host.nl.do("binding-del", reqid=claim["reqid"], peer=claim["peer"], local=claim["local"])
    bind_ends(env.alice, ALICE, bob)
    bind_ends(env.bob, bob, ALICE)
    return Ipsec(env.alice, env.bob).tcp()


@case("6.4-1_binding_with_psk")
def with_psk(env):
    """Shared secrets leave names only."""
    ends = (without(end, auth=L.LATCH_AUTH_PSK) for end in (ALICE, BOB))
    got = binding_of_both(identified_flow(env, *ends))
    ksft_eq((got[:HALF] != bytes(HALF), got[HALF:]), (True, bytes(HALF)))


# --- when there is none ----------------------------------------------------------------------------
@case("6.4-1_binding_of_no_flow")
def no_flow(env):
    """ENOTCONN: unlatched, in clear, larval, listening."""
    sock = env.alice.socket()
    ksft_eq(binding_error(sock), "ENOTCONN")
    ask(sock, mode=L.LATCH_MODE_REQUIRE)
    ksft_eq((info(sock).state_name, binding_error(sock)), ("LARVAL", "ENOTCONN"))
    flow = Ipsec(env.alice, env.bob).tcp()
    ksft_eq((binding_error(flow.a), binding_error(flow.b)), ("ENOTCONN", "ENOTCONN"))
    flow.close()
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    ask(listener, mode=L.LATCH_MODE_REQUIRE)
    ksft_eq((info(listener).state_name, binding_error(listener)), ("LISTENER", "ENOTCONN"))


@case("6.3-1_binding_shows_that_the_other_end_is_latched")
def other_end(env):
    """An end that is not latched has no binding to show."""
    flow = identified_flow(env, ALICE, BOB, before=lambda s: ask(s, mode=L.LATCH_MODE_OFF))
    ksft_eq((info(flow.a).state_name, binding_error(flow.a)), ("NONE", "ENOTCONN"))
    ksft_eq((binding_error(flow.b), len(get_binding(flow.b))), ("0", SIZE))


NOBODY = [
    {"what": "unidentified", "peer": None},
    {"what": "unknown_local", "peer": BOB, "local": None},
    {"what": "id_null", "peer": {"id_type": NULL, "key": KEYS[1]}},
    {"what": "local_id_null", "peer": BOB, "local": {"id_type": NULL, "key": KEYS[0]}},
    {"what": "auth_null", "peer": {**BOB, "auth": L.LATCH_AUTH_NULL}},
    {"what": "local_auth_null", "peer": BOB, "local": {**ALICE, "auth": L.LATCH_AUTH_NULL}},
    {"what": "dn_not_der", "peer": {**BOB, "id_type": DN, "id_value": b"CN=bob"}},
    {"what": "dn_empty", "peer": {**BOB, "id_type": DN, "id_value": b"\x30\x00"}},
    {"what": "local_dn_not_der", "peer": BOB, "local": {**ALICE, "id_type": DN, "id_value": name("CN=a") + b"\0"}},
]


@case("6.4-1_binding_of_{what}_end", NOBODY)
def nobody(env, peer, local=ALICE):
    """ENODATA: an end that nobody is proved to be at."""
    ipsec = Ipsec(env.alice, env.bob).up()
    if peer:
        bind_ends(env.alice, peer, local)
    flow = ipsec.tcp()
    is_state(flow.a, "ESTABLISHED")
    for size in (SIZE, 0):
        ksft_eq(binding_error(flow.a, size), "ENODATA")


@case("6.4-1_binding_of_broken_flow_{flow}", FLOWS)
def broken(env, proto, fam):
    """EKEYREJECTED while there is a conflict; the same binding as before when it is gone."""
    flow = identified_flow(env, ALICE, BOB, proto, fam, before=ask_to_wait)
    flow.exchange()
    before = binding_of_both(flow)
    sas = flow.ipsec.new_sas()
    for sa in sas:
        env.alice.bind("mallory", sa=sa)
    env.alice.ip(*[sa.add() for sa in sas])
    is_state(flow.a, "BROKEN", "PEER")
    for size in (SIZE, 0):
        ksft_eq(binding_error(flow.a, size), "EKEYREJECTED")
    # what is latched can still be read
    ksft_eq(get_raw(flow.a, L.IP_LATCH_PEER_ID, 100)[0], 0)
    env.alice.ip(*[sa.delete() for sa in sas])
    is_state(flow.a, "ESTABLISHED", conflicts=[])
    ksft_eq(binding_of_both(flow).hex(), before.hex())


@case("6.4-1_binding_of_closed_flow")
def closed(env):
    """ENOTCONN after an administrator's close."""
    flow = identified_flow(env, ALICE, BOB)
    env.alice.nl.do("conn-close", id=info(flow.a).id)
    is_state(flow.a, "CLOSED")
    ksft_eq(binding_error(flow.a), "ENOTCONN")


@case("6.4-1_binding_stays_for_the_life_of_the_flow")
def stays(env):
    """A rekey, and a renewed certificate with a new key, leave the binding as it was."""
    alice, bob = ({**without(x), "anchor": b"ca"} for x in (ALICE, BOB))
    flow = identified_flow(env, *({**x, "cert": certificate(k)} for x, k in ((alice, KEYS[0]), (bob, KEYS[1]))))
    before = binding_of_both(flow)
    ksft_ne(before[HALF:], bytes(HALF))
    renewed = {**bob, "cert": certificate(KEYS[2])}
    flow.ipsec.sas, old = flow.ipsec.new_sas(), flow.ipsec.sas
    for host, peer, local in ((env.alice, renewed, alice), (env.bob, alice, renewed)):
        for sa in flow.ipsec.sas:
            attrs = {"peer": add_record(host, **peer), "local": add_record(host, **local)}
            host.nl.do("binding-new", **sa.key(), **attrs)
        host.ip(*[sa.add() for sa in flow.ipsec.sas])
    for host in (env.alice, env.bob):
        host.ip(*[sa.delete() for sa in old])
    flow.pump(flow.moved(1000))
    for sock in (flow.a, flow.b):
        ksft_eq(is_state(sock, "ESTABLISHED", "NONE", []).breaks, 0)
    ksft_eq(binding_of_both(flow).hex(), before.hex())


# --- as an option -------------------------------------------------------------------------------------
@case("6.4-1_binding_sizes")
def sizes(env):
    """The whole or ENOSPC; asked with a size of 0, the size."""
    sock = identified_flow(env, ALICE, BOB).a
    whole = get_binding(sock)
    ksft_eq(get_raw(sock, L.IP_LATCH_BINDING, 0)[:2], (0, SIZE))
    for size in (SIZE, SIZE + 1, 4096):
        code, length, area = get_raw(sock, L.IP_LATCH_BINDING, size)
        ksft_eq((code, length, area[:SIZE]), (0, SIZE, whole))
        ksft_true(set(area[SIZE:]) <= {0xAA}, "bytes behind it are not touched")
    for size in (SIZE - 1, HALF, 1):
        ksft_eq(binding_error(sock, size), "ENOSPC")
    ksft_eq(get_raw(sock, L.IP_LATCH_BINDING, -1)[0], errno.EINVAL)
    ksft_eq(get_raw(sock, L.IP_LATCH_BINDING, SIZE, buffer=False)[0], errno.EFAULT)


if __name__ == "__main__":
    runner.main()
