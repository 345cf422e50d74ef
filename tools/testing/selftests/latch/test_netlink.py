#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The generic netlink family: refusals, closing by the administrator, notifications, privilege.

RFC 5660 2.2-4, 2.2-5, 2.2-9, 2.3-10, 2.3-20, 2.6-1, 6.2-1.
"""

import contextlib
import errno
import socket

import runner
from expect import Moves, is_state
from flow import FLOWS, error_of
from ipsec import Ipsec
from ktap import NlError, case, ksft_eq, ksft_in, ksft_true, wait
from latchapi import L, Netlink, ask, ask_to_wait, info
from user import as_nobody, in_user_namespace

HOSTS = ("alice", "bob", "mallory")

# --- refusals: errno, and the attribute that is to blame -----------------------------
FQDN = {"id_type": L.LATCH_ID_FQDN, "id_value": b"bob"}
SA = {"family": socket.AF_INET, "dst": b"\x0a\x09\0\1", "proto": 50, "spi": 0x1001}
NOBODY = 0x7FFFFFFF


def sa_key(**changes):
    """The key of an SA with something else, or (None) without something."""
    attrs = {**SA, "peer": 1, **changes}
    return {k: v for k, v in attrs.items() if v is not None}


REFUSED = [
    ("peer-new", "without_type", {"id_value": b"bob"}, "EINVAL", "id-type"),
    ("peer-new", "type_unknown", {"id_type": 255, "id_value": b"bob"}, "EINVAL", "id-type"),
    ("peer-new", "type_none", {"id_type": 0, "id_value": b"bob"}, "EINVAL", "id-type"),
    ("peer-new", "without_value", {"id_type": L.LATCH_ID_FQDN}, "EINVAL", "id-value"),
    ("peer-new", "empty_value", {"id_type": L.LATCH_ID_FQDN, "id_value": b""}, "EINVAL", "id-value"),
    ("peer-new", "long_value", {"id_type": L.LATCH_ID_DN, "id_value": b"d" * 1025}, "EINVAL", "id-value"),
    ("peer-new", "ipv4_of_5_bytes", {"id_type": L.LATCH_ID_IPV4, "id_value": bytes(5)}, "EINVAL", "id-value"),
    ("peer-new", "ipv6_of_4_bytes", {"id_type": L.LATCH_ID_IPV6, "id_value": bytes(4)}, "EINVAL", "id-value"),
    ("peer-new", "long_cert", {**FQDN, "cert": b"c" * 16385}, "EINVAL", "cert"),
    ("peer-new", "long_anchor", {**FQDN, "anchor": b"c" * 16385}, "EINVAL", "anchor"),
    ("peer-new", "long_key", {**FQDN, "key": b"c" * 16385}, "EINVAL", "key"),
    ("peer-new", "number_given", {**FQDN, "id": 7}, "EINVAL", "id"),
    ("peer-new", "digest_given", {**FQDN, "digest": bytes(32)}, "EINVAL", "digest"),
    ("peer-del", "without_number", {}, "EINVAL", "id"),
    ("peer-del", "number_unknown", {"id": NOBODY}, "ENOENT", "id"),
    ("peer-del", "number_0", {"id": 0}, "ENOENT", "id"),
    ("peer-get", "number_unknown", {"id": NOBODY}, "ENOENT", "id"),
    ("peer-get", "without_number", {}, "EINVAL", "id"),
    ("binding-new", "without_key", {"peer": 1}, "EINVAL", None),
    ("binding-new", "without_peer", sa_key(peer=None), "EINVAL", "peer"),
    ("binding-new", "peer_unknown", sa_key(peer=NOBODY), "ENOENT", "peer"),
    ("binding-new", "local_unknown", sa_key(local=NOBODY), "ENOENT", "local"),
    ("binding-new", "reqid_and_sa", sa_key(reqid=1), "EINVAL", None),
    ("binding-new", "reqid_0", {"reqid": 0, "peer": 1}, "EINVAL", "reqid"),
    ("binding-new", "without_dst", sa_key(dst=None), "EINVAL", "dst"),
    ("binding-new", "without_proto", sa_key(proto=None), "EINVAL", "proto"),
    ("binding-new", "without_spi", sa_key(spi=None), "EINVAL", "spi"),
    ("binding-new", "family_unknown", sa_key(family=99), "EINVAL", "family"),
    ("binding-new", "dst_of_5_bytes", sa_key(dst=bytes(5)), "EINVAL", "dst"),
    ("binding-new", "dst_of_other_family", sa_key(dst=bytes(16)), "EINVAL", None),
    ("binding-new", "proto_udp", sa_key(proto=17), "EINVAL", "proto"),
    ("binding-new", "natt_addr_of_5_bytes", sa_key(natt_addr=bytes(5)), "EINVAL", "natt-addr"),
    ("binding-new", "natt_addr_zero", sa_key(natt_addr=bytes(4)), "EINVAL", "natt-addr"),
    ("binding-new", "natt_addr_of_other_family", sa_key(natt_addr=b"\1" * 16), "EINVAL", "natt-addr"),
    ("binding-new", "ambiguous_given", sa_key(ambiguous=True), "EINVAL", "ambiguous"),
    ("binding-del", "not_there", sa_key(peer=None), "ENOENT", None),
    ("binding-del", "without_key", {"peer": 1}, "EINVAL", None),
    ("binding-del", "of_unknown_peer", {"reqid": 77, "peer": NOBODY}, "ENOENT", None),
    ("binding-get", "not_there", {"reqid": 78}, "ENOENT", None),
    ("binding-get", "without_key", {}, "EINVAL", None),
    ("conn-get", "number_unknown", {"id": NOBODY}, "ENOENT", "id"),
    ("conn-get", "without_number", {}, "EINVAL", "id"),
    ("conn-close", "number_unknown", {"id": NOBODY}, "ENOENT", "id"),
    ("conn-close", "without_number", {}, "EINVAL", "id"),
    ("conn-release", "number_unknown", {"id": NOBODY}, "ENOENT", "id"),
    ("conn-flush", "peer_unknown", {"peer": NOBODY}, "ENOENT", "peer"),
    ("manager-set", "active_2", {"active": 2}, "EINVAL", "active"),
    ("manager-set", "dead_peer_unknown", {"dead_peer": NOBODY}, "ENOENT", "dead-peer"),
]
REFUSED = [dict(zip(("command", "what", "attrs", "error", "blame"), row)) for row in REFUSED]


def dump_everything(host):
    """All that netlink shows of a host."""
    return [host.nl.dump(c) for c in ("peer-get", "binding-get", "conn-get")] + [host.nl.do("manager-set")]


@case("2.6-1_netlink_refuses_{command}_{what}", REFUSED)
def refused(env, command, attrs, error, blame):
    """errno, the attribute that is to blame, words; and nothing has changed."""
    host = env.alice
    ipsec = Ipsec(host, env.bob).up().identify()
    flow = ipsec.tcp()
    if attrs.get("peer") == 1:
        attrs = {**attrs, "peer": host.peer("bob")}
    before = dump_everything(host)
    got, attr, message = host.nl.error(command, **attrs)
    ksft_eq(got, error, message)
    ksft_true(attr or message, "a word about what is wrong")
    if blame:
        # what is missing may be told in words
        ksft_true(attr == blame or not attr and blame in message, f"bad attribute {attr}: {message}")
    ksft_eq(dump_everything(host), before)
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2.6-1_netlink_refuses_binding-new_twice_{key}", [{"key": "reqid"}, {"key": "sa"}])
def twice(env, key):
    """The same claim again is EEXIST."""
    ipsec = Ipsec(env.alice, env.bob)
    claim = {"reqid": 5} if key == "reqid" else ipsec.new_sas()[0].key()
    claim["peer"] = env.alice.peer("bob")
    env.alice.nl.do("binding-new", **claim)
    ksft_eq(env.alice.nl.error("binding-new", **claim)[0], "EEXIST")
    ksft_eq(len(env.alice.nl.dump("binding-get")), 1)


# --- closing by the administrator ------------------------------------------------------
CLOSES = [{**f, "how": how} for f in FLOWS for how in ("close", "flush", "flush_of_peer")]


def close_latch(host, how, flow):
    """By conn-close, or by conn-flush."""
    if how == "close":
        host.nl.do("conn-close", id=info(flow.a).id)
    elif how == "flush":
        host.nl.do("conn-flush")
    else:
        host.nl.do("conn-flush", peer=host.peer("bob"))


@case("2.3-20_closed_by_{how}_{flow}", CLOSES)
def closed(env, proto, fam, how):
    """TCP as if the peer had reset it; UDP drops all, in and out, until it is connected anew."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto)
    flow.exchange()
    close_latch(env.alice, how, flow)
    is_state(flow.a, "CLOSED", "ADMIN")
    if proto == "tcp":
        ksft_eq(error_of(flow.a), errno.ECONNRESET)
        wait(lambda: env.alice.stat()["LatchLatches"] == 0, "the latch to go")
        return
    with Moves(env.alice, LatchInClosed=1, LatchOutClosed=1):
        flow.b.send(b"in")
        flow.a.send(b"out")
    ksft_true(flow.silent(flow.a) and flow.silent(flow.b))
    row = env.alice.conns()[info(flow.a).id]
    ksft_eq((row["state"], row["reason"]), ("closed", "admin"))
    other = ipsec.udp(carry=False, both=False).b
    flow.a.connect(other.getsockname()[:2])
    flow.a.send(b"anew")
    ksft_eq(other.recvfrom(10)[0], b"anew")
    is_state(flow.a, "ESTABLISHED")


@case("2.2-5_flush_of_one_peer_leaves_others")
def flush_one(env):
    """conn-flush with a peer's record closes the latches of that peer alone."""
    pairs = [(Ipsec(env.alice, h, reqid=n).up().identify(), h) for n, h in ((1, env.bob), (2, env.mallory))]
    flows = [ipsec.tcp() for ipsec, _ in pairs]
    env.alice.nl.do("conn-flush", peer=env.alice.peer("mallory"))
    is_state(flows[0].a, "ESTABLISHED", "NONE", [])
    is_state(flows[1].a, "CLOSED", "ADMIN")
    ksft_eq(error_of(flows[1].a), errno.ECONNRESET)
    flows[0].exchange()


@case("2.2-5_broken_latch_is_closed")
def close_broken(env):
    """What is broken can be closed, too."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    ipsec.flush([env.alice])
    is_state(flow.a, "BROKEN")
    env.alice.nl.do("conn-close", id=info(flow.a).id)
    is_state(flow.a, "CLOSED", "ADMIN")
    ksft_eq(error_of(flow.a), errno.ECONNRESET)


@case("2.2-4_closed_stays_closed")
def stays_closed(env):
    """No event brings a closed latch back; closing it again changes nothing."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.udp()
    number = info(flow.a).id
    env.alice.nl.do("conn-close", id=number)
    ipsec.flush()
    ipsec.up()
    is_state(flow.a, "CLOSED", "ADMIN")
    env.alice.nl.do("conn-flush")
    is_state(flow.a, "CLOSED", "ADMIN")
    ksft_eq(list(env.alice.conns()), [number])


@case("2.3-9_dump_of_many")
def many(env):
    """A table that fills many messages comes whole."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sink = env.bob.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind((ipsec.addr(env.bob), 0))
    numbers = set()
    for _ in range(300):
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(sink.getsockname())
        sock.send(b"x")
        numbers.add(info(sock).id)
    rows = env.alice.nl.dump("conn-get")
    ksft_eq((len(rows), {r["id"] for r in rows}), (300, numbers))


@case("2.3-9_dump_with_holes")
def holes(env):
    """What is gone is not listed and not found by its number; the others are, in their order."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    sink = env.bob.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind((ipsec.addr(env.bob), 0))
    socks = {}
    for _ in range(300):
        sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(sink.getsockname())
        sock.send(b"x")
        socks[info(sock).id] = sock
    numbers = list(socks)
    ksft_eq(numbers, sorted(numbers))
    # some of each hundred, then all in the middle
    for gone in ([n for n in numbers if n % 7 == 3], numbers[100:200], numbers[-1:]):
        for number in gone:
            if number in socks:
                socks.pop(number).close()
        wait(lambda: env.alice.stat()["LatchLatches"] == len(socks), "the latches to go")
        ksft_eq([r["id"] for r in env.alice.nl.dump("conn-get")], list(socks))
        ksft_eq(env.alice.nl.error("conn-get", id=gone[0])[0], "ENOENT")
    for number in socks:
        ksft_eq(env.alice.nl.do("conn-get", id=number)["id"], number)
    # numbers are not given twice
    sock = env.alice.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(sink.getsockname())
    sock.send(b"x")
    ksft_true(info(sock).id > numbers[-1])


# --- notifications -----------------------------------------------------------------------
def transitions(nl):
    """(old state, state, reason) of what happened to connections."""
    return [(m["old-state"], m["state"], m.get("reason", "none")) for name, m in nl.events() if name == "conn-ntf"]


@case("2.3-10_notifications_{flow}", FLOWS)
def notifications(env, proto, fam):
    """Every move of a latch is told, once and in order, with its reason."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    nl = Netlink(env.alice)
    nl.subscribe()
    flow = ipsec.flow(proto, before=ask_to_wait)
    number = info(flow.a).id
    env.alice.ip("xfrm policy flush")
    is_state(flow.a, "BROKEN")
    env.alice.ip(*ipsec.policies(env.alice))
    is_state(flow.a, "ESTABLISHED")
    flow.close()
    told = []
    wait(lambda: told.extend(nl.events()) or any(m.get("state") == "closed" for _, m in told), "the last event")
    moves = [(m["old-state"], m["state"]) for name, m in told if name == "conn-ntf"]
    ksft_eq(moves, [("none", "established"), ("established", "broken"), ("broken", "established"),
                    ("established", "closed")])  # fmt: skip
    ksft_eq({m["id"] for name, m in told if name == "conn-ntf"}, {number})
    broken = next(m for _, m in told if m.get("state") == "broken")
    ksft_eq((broken["reason"], broken["peer"]), ("policy-out", env.alice.peer("bob")))
    # its owner's UID is told to the end, be it in TIME_WAIT
    ksft_eq((told[-1][1]["reason"], told[-1][1]["uid"]), ("released", 0))
    nl.close()


@case("2.3-2_listener_is_told_of_its_child")
def child_told(env):
    """The latch of a child is told when the SYN makes it, before accept()."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    nl = Netlink(env.bob)
    nl.subscribe()
    sock = env.alice.socket()
    sock.connect(listener.getsockname())
    ksft_in(("none", "established", "none"), wait(lambda: transitions(nl), "an event"))
    nl.close()


@case("2-13_list_of_records_of_{size}_bytes", [{"size": n} for n in (4096, 16384)])
def large_records(env, size):
    """Records with large certificates are listed to whoever reads for the first time, and so is what follows."""
    small = [env.alice.nl.do("peer-new", id_type=L.LATCH_ID_FQDN, id_value=name)["id"] for name in (b"a", b"c")]
    parts = {name: bytes([n]) * size for n, name in enumerate(("cert", "anchor", "key"))}
    large = env.alice.nl.do("peer-new", id_type=L.LATCH_ID_FQDN, id_value=b"b", **parts)["id"]
    small += [env.alice.nl.do("peer-new", id_type=L.LATCH_ID_FQDN, id_value=b"d")["id"]]
    nl = Netlink(env.alice)
    listed = {record["id"]: record for record in nl.dump("peer-get")}
    nl.close()
    ksft_eq(set(listed), {*small, large})
    ksft_eq({name: listed[large][name] for name in parts}, parts)


@case("2.3-10_notifications_of_records")
def record_told(env):
    """A new record is told, an old one asked for again is not."""
    nl = Netlink(env.alice)
    nl.subscribe()
    number = env.alice.nl.do("peer-new", **FQDN)["id"]
    env.alice.nl.do("peer-new", **FQDN)
    told = nl.events()
    ksft_eq([(name, m["id"], m["id-value"]) for name, m in told], [("peer-ntf", number, b"bob")])
    nl.close()


@case("2.3-10_notifications_stay_in_their_namespace")
def not_elsewhere(env):
    """Another namespace is told nothing."""
    nl = Netlink(env.mallory)
    nl.subscribe()
    Ipsec(env.alice, env.bob).up().identify().tcp().close()
    ksft_eq(nl.events(), [])
    nl.close()


@case("2.2-9_break_under_a_full_listener")
def deaf(env):
    """Nobody reads the notifications: latches break and recover all the same."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    nl = Netlink(env.alice)
    nl.ynl.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    nl.subscribe()
    flow = ipsec.tcp(before=ask_to_wait)
    for _ in range(20):
        env.alice.ip("xfrm policy flush")
        is_state(flow.a, "BROKEN")
        env.alice.ip(*ipsec.policies(env.alice))
        is_state(flow.a, "ESTABLISHED")
    flow.exchange()
    nl.close()


# --- privilege --------------------------------------------------------------------------------
REQUESTS = [
    {"command": "peer-new", "attrs": FQDN},
    {"command": "peer-del", "attrs": {"id": 1}},
    {"command": "peer-get", "attrs": {"id": 1}},
    {"command": "peer-get", "attrs": None},
    {"command": "binding-new", "attrs": {"reqid": 1, "peer": 1}},
    {"command": "binding-del", "attrs": {"reqid": 1}},
    {"command": "binding-get", "attrs": {"reqid": 1}},
    {"command": "binding-get", "attrs": None},
    {"command": "conn-get", "attrs": {"id": 1}},
    {"command": "conn-get", "attrs": None},
    {"command": "conn-close", "attrs": {"id": 1}},
    {"command": "conn-flush", "attrs": {}},
    {"command": "manager-set", "attrs": {}},
    {"command": "manager-set", "attrs": {"active": 1}},
]
REQUESTS = [{**r, "what": "dump" if r["attrs"] is None else "_".join(["do", *r["attrs"]])} for r in REQUESTS]


class Here:
    """The namespace that the caller is in."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def result(command, attrs):
    nl = Netlink(Here())
    try:
        nl.dump(command) if attrs is None else nl.do(command, **attrs)
    except NlError as e:
        return errno.errorcode[e.error]
    return "0"


@case("2-16_unprivileged_netlink_{command}_{what}", REQUESTS)
def unprivileged(env, command, attrs):
    """EPERM without CAP_NET_ADMIN over the namespace, and nothing has changed."""
    Ipsec(env.alice, env.bob).up().identify().tcp()
    before = dump_everything(env.alice)
    ksft_eq(as_nobody(env.alice, lambda: result(command, attrs)), "EPERM")
    ksft_eq(in_user_namespace(env.alice, lambda: result(command, attrs), own_net=False), "EPERM")
    ksft_eq(dump_everything(env.alice), before)


@case("2-16_root_of_a_user_namespace_rules_its_own")
def own_namespace(env):
    """In its own network namespace root of a user namespace may do all this."""
    env.alice.nl.dump("peer-get")  # so that the child need not read the specification

    def requests():
        nl = Netlink(Here())
        number = nl.do("peer-new", **FQDN)["id"]
        nl.do("binding-new", reqid=1, peer=number)
        nl.do("manager-set", active=1)
        return len(nl.dump("peer-get")), len(nl.dump("binding-get")), nl.dump("conn-get")

    ksft_eq(in_user_namespace(env.alice, requests, own_net=True), (1, 1, []))
    ksft_eq(env.alice.nl.dump("peer-get"), [])


@case("2-16_uid_as_the_reader_calls_it")
def uids(env):
    """Who owns a latch is said in the reader's user namespace."""
    env.alice.nl.dump("conn-get")  # the family is known before privilege goes

    def look():
        sock = socket.socket()
        ask(sock, mode=L.LATCH_MODE_REQUIRE)
        return [c["uid"] for c in Netlink(contextlib.nullcontext()).dump("conn-get")]

    ksft_eq(in_user_namespace(env.alice, look, own_net=True, uid=1234), [0])


@case("2-16_unprivileged_may_not_hear_notifications")
def may_not_hear(env):
    """The events tell of everybody's connections: they are for administrators."""
    env.alice.nl.dump("peer-get")

    def subscribe():
        try:
            Netlink(Here()).subscribe()
        except OSError as e:
            return errno.errorcode[e.errno]
        return "0"

    ksft_eq(as_nobody(env.alice, subscribe), "EPERM")


if __name__ == "__main__":
    runner.main()
