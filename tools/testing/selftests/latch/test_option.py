#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The socket option as an interface: sizes, errors, privileges.  Contract of linux/latch.h.

Every rule of a request has a case, made from a request that is otherwise valid;
a refused request changes nothing.
"""

import contextlib
import ctypes
import errno
import mmap
import os
import pathlib
import socket
import struct
import subprocess

import runner
from expect import is_state
from flow import FLOWS
from ipsec import Ipsec, set_socket_policy
from ktap import DEBUG, case, ksft_eq, ksft_true, wait
from latchapi import IP_LATCH, L, LatchInfo, LatchReq, LatchSuite, ask, get_raw, info, latch_id, request, set_raw
from netns import INET
from user import as_nobody, in_user_namespace

HOSTS = ("alice", "bob")
SIZE = ctypes.sizeof(LatchReq)
PAGE = mmap.PAGESIZE


# --- malformed requests -----------------------------------------------------------
def edited(**fields):
    """The valid request, then one field changed without telling the mask."""
    req = request(mode=L.LATCH_MODE_AUTO, disposition=L.LATCH_DISP_RESET)
    for name, value in fields.items():
        if isinstance(value, tuple):
            getattr(req, name)[value[0]] = value[1]
        else:
            setattr(req, name, value)
    return bytes(req)


def with_id(ident, field="peer_id"):
    return bytes(request(**{field: ident}))


def tail(name):
    """An ID whose unused part is not zero."""
    ident = latch_id(L.LATCH_ID_FQDN, b"bob")
    ident.value[name] = 1
    return ident


def reserved(ident):
    ident.resv = 1
    return ident


def too_long():
    ident = latch_id(L.LATCH_ID_FQDN, b"b" * 252)
    ident.len = 253
    return ident


def suites(n, *entries):
    req = request(suites=[])
    req.n_suites = n
    for i, entry in enumerate(entries):
        req.suites[i] = LatchSuite(**entry)
    return bytes(req)


GCM = {"encr": 20, "encr_bits": 128, "icv_bits": 128}
VALID = edited()
FQDN = L.LATCH_ID_FQDN
MALFORMED = [
    ("size_0", "EINVAL", VALID, 0),
    ("size_1", "EINVAL", VALID, 1),
    ("size_ver0_minus_1", "EINVAL", VALID, SIZE - 1),
    ("size_negative", "EINVAL", VALID, -1),
    ("size_larger_tail_not_zero", "E2BIG", VALID + b"\0\0\0\1", None),
    ("size_page_tail_not_zero", "E2BIG", VALID.ljust(PAGE - 1, b"\0") + b"\1", None),
    ("size_more_than_a_page", "E2BIG", VALID.ljust(PAGE + 1, b"\0"), None),
    ("mask_next_bit", "EINVAL", edited(mask=L.LATCH_REQ_ALL + 1), None),
    ("mask_highest_bit", "EINVAL", edited(mask=1 << 31), None),
    ("own_policy_not_in_mask", "EINVAL", edited(own_policy=1), None),
    ("own_policy_out_of_range", "EINVAL", bytes(request(own_policy=4, mode=L.LATCH_MODE_REQUIRE)), None),
    ("offer_without_mode", "EINVAL", bytes(request(own_policy=2)), None),
    ("offer_with_auto", "EINVAL", bytes(request(own_policy=3, mode=L.LATCH_MODE_AUTO)), None),
    ("offer_with_off", "EINVAL", bytes(request(own_policy=2, mode=L.LATCH_MODE_OFF)), None),
    ("own_policy_with_off", "EINVAL", bytes(request(own_policy=1, mode=L.LATCH_MODE_OFF)), None),
    ("own_policy_with_bypass", "EINVAL", bytes(request(own_policy=1, mode=L.LATCH_MODE_BYPASS)), None),
    ("mode_out_of_range", "EINVAL", edited(mode=L.LATCH_MODE_BYPASS + 1), None),
    ("mode_255", "EINVAL", edited(mode=255), None),
    ("disposition_out_of_range", "EINVAL", edited(disposition=L.LATCH_DISP_UNREACH + 1), None),
    ("protection_out_of_range", "EINVAL", bytes(request(protection=8)), None),
    ("encap_out_of_range", "EINVAL", bytes(request(encap=L.LATCH_ENCAP_TUNNEL + 1)), None),
    # given, but the mask does not say so
    ("mode_not_in_mask", "EINVAL", bytes(edited(mask=L.LATCH_REQ_DISPOSITION, mode=1)), None),
    ("protection_not_in_mask", "EINVAL", edited(protection=1), None),
    ("encap_not_in_mask", "EINVAL", edited(encap=1), None),
    ("disposition_not_in_mask", "EINVAL", edited(mask=L.LATCH_REQ_MODE), None),
    ("key_bits_not_in_mask", "EINVAL", edited(min_key_bits=128), None),
    ("n_suites_not_in_mask", "EINVAL", edited(n_suites=1), None),
    ("suites_not_in_mask", "EINVAL", edited(suites=(0, LatchSuite(**GCM))), None),
    ("peer_not_in_mask", "EINVAL", edited(peer=1), None),
    ("peer_id_not_in_mask", "EINVAL", edited(peer_id=latch_id(FQDN, b"bob")), None),
    ("local_id_not_in_mask", "EINVAL", edited(local_id=latch_id(FQDN, b"bob")), None),
    # suites
    ("n_suites_9", "EINVAL", suites(9, *[GCM] * 8), None),
    ("suite_beyond_n_suites", "EINVAL", suites(1, GCM, GCM), None),
    ("suite_all_zero", "EINVAL", suites(2, GCM), None),
    # identities
    ("id_len_253", "EINVAL", with_id(too_long()), None),
    ("id_resv", "EINVAL", with_id(reserved(latch_id(FQDN, b"bob"))), None),
    ("id_tail_not_zero", "EINVAL", with_id(tail(3)), None),
    ("id_last_byte_not_zero", "EINVAL", with_id(tail(251)), None),
    ("id_type_unknown", "EINVAL", with_id(latch_id(255, b"bob")), None),
    ("id_ipv4_of_3_bytes", "EINVAL", with_id(latch_id(L.LATCH_ID_IPV4, b"\x0a\x09\x00")), None),
    ("id_ipv4_of_16_bytes", "EINVAL", with_id(latch_id(L.LATCH_ID_IPV4, bytes(16))), None),
    ("id_ipv6_of_4_bytes", "EINVAL", with_id(latch_id(L.LATCH_ID_IPV6, b"\x0a\x09\x00\x02")), None),
    ("local_id_ipv6_of_15_bytes", "EINVAL", with_id(latch_id(L.LATCH_ID_IPV6, bytes(15)), "local_id"), None),
    ("local_id_len_253", "EINVAL", with_id(too_long(), "local_id"), None),
    ("local_id_tail_not_zero", "EINVAL", with_id(tail(3), "local_id"), None),
    ("peer_and_peer_id", "EINVAL", bytes(request(peer=1, peer_id="bob")), None),
    ("peer_record_unknown", "ENOENT", bytes(request(peer=0x7FFFFFFF)), None),
]  # fmt: skip
MALFORMED = [dict(zip(("rule", "error", "data", "size"), row)) for row in MALFORMED]


@case("2-16_malformed_request_{rule}", MALFORMED)
def malformed(env, error, data, size):
    """Refused with its errno, at either level; the socket is what it was before."""
    for family in (socket.AF_INET, socket.AF_INET6):
        sock = env.alice.socket(family)
        ask(sock, disposition=L.LATCH_DISP_UNREACH)
        before = bytes(info(sock))
        ksft_eq(errno.errorcode.get(set_raw(sock, data, size), "0"), error)
        ksft_eq(bytes(info(sock)), before)


@case("2-16_malformed_request_bad_pointer")
def bad_pointer(env):
    """A pointer that leads nowhere."""
    sock = env.alice.socket()
    ksft_eq(set_raw(sock, VALID, pointer=ctypes.c_void_p(8)), errno.EFAULT)
    is_state(sock, "NONE")


GROWN = [{"size": SIZE + n, "what": what} for what, n in (("4_bytes", 4), ("to_a_page", PAGE - SIZE))]


@case("2-16_request_of_a_newer_program_{what}", GROWN)
def newer(env, size):
    """A longer structure is taken where what is not known is zero."""
    sock = env.alice.socket()
    ksft_eq(set_raw(sock, bytes(request(disposition=L.LATCH_DISP_WAIT)).ljust(size, b"\0")), 0)
    ksft_eq(info(sock).disposition, L.LATCH_DISP_WAIT)


ACCEPTED = [
    {"what": "nothing", "fields": {}},
    {"what": "protection", "fields": {"protection": 7}},
    {"what": "encap", "fields": {"encap": L.LATCH_ENCAP_TUNNEL}},
    {"what": "key_bits", "fields": {"min_key_bits": 65535}},
    {"what": "8_suites", "fields": {"suites": [GCM] * 8}},
    {"what": "id_of_252_bytes", "fields": {"peer_id": latch_id(FQDN, b"b" * 252)}},
    {"what": "id_ipv4", "fields": {"peer_id": latch_id(L.LATCH_ID_IPV4, bytes(4))}},
    {"what": "id_ipv6", "fields": {"local_id": latch_id(L.LATCH_ID_IPV6, bytes(16))}},
    {"what": "id_keyid", "fields": {"peer_id": latch_id(L.LATCH_ID_KEYID, b"\0\1\2")}},
]


@case("2-16_valid_request_{what}", ACCEPTED)
def accepted(env, fields):
    """The other side of the rules: what they leave is taken."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        sock = env.alice.socket(socket.AF_INET, kind)
        ksft_eq(set_raw(sock, bytes(request(**fields))), 0)
        # a later request replaces the earlier one
        ksft_eq(set_raw(sock, VALID), 0)


@case("2-16_request_is_readable")
def readable(env):
    """Mode and disposition in force can be read before there is a flow."""
    sock = env.alice.socket()
    ksft_eq((info(sock).mode, info(sock).disposition), (L.LATCH_MODE_AUTO, L.LATCH_DISP_DEFAULT))
    ask(sock, mode=L.LATCH_MODE_REQUIRE, disposition=L.LATCH_DISP_WAIT)
    ksft_eq((info(sock).mode, info(sock).disposition), (L.LATCH_MODE_REQUIRE, L.LATCH_DISP_WAIT))


# --- where and when --------------------------------------------------------------
ELSEWHERE = [
    {"what": "raw4", "args": (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)},
    {"what": "raw6", "args": (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)},
    {"what": "udplite", "args": (socket.AF_INET, socket.SOCK_DGRAM, 136)},
    {"what": "sctp", "args": (socket.AF_INET, socket.SOCK_STREAM, 132)},
]


@case("2-16_other_sockets_{what}", ELSEWHERE)
def elsewhere(env, args):
    """Sockets of other protocols: EOPNOTSUPP, set and get."""
    sock = env.alice.socket(*args)
    ksft_eq(set_raw(sock, VALID), errno.EOPNOTSUPP)
    ksft_eq(get_raw(sock, IP_LATCH, SIZE)[0], errno.EOPNOTSUPP)
    ksft_eq(get_raw(sock, L.IP_LATCH_PEER_ID, 256)[0], errno.EOPNOTSUPP)


def late_latched_tcp(env):
    return Ipsec(env.alice, env.bob).up().tcp().a


def late_clear_tcp(env):
    return Ipsec(env.alice, env.bob).tcp().a


def late_connecting(env):
    sock = env.alice.socket()
    sock.setblocking(False)
    sock.connect_ex(("10.9.0.99", 9))
    return sock


def late_latched_udp(env):
    return Ipsec(env.alice, env.bob).up().udp().a


def late_unread(env):
    flow = Ipsec(env.alice, env.bob).udp(carry=False)
    flow.b.send(b"unread")
    flow.a.recv(1, socket.MSG_PEEK)
    return flow.a


LATE = [
    {"what": name.removeprefix("late_"), "make": func} for name, func in globals().items() if name.startswith("late_")
]


@case("2-16_request_too_late_{what}", LATE)
def late(env, make):
    """EBUSY once a flow is there, or unread data whose protection is not known any more."""
    sock = make(env)
    before = bytes(info(sock))
    ksft_eq(set_raw(sock, bytes(request(mode=L.LATCH_MODE_REQUIRE))), errno.EBUSY)
    ksft_eq(bytes(info(sock)), before)
    ksft_eq(set_raw(sock, bytes(request(disposition=L.LATCH_DISP_WAIT))), 0, "the disposition may always be set")
    ksft_eq(info(sock).disposition, L.LATCH_DISP_WAIT)


@case("2-16_request_on_a_listener")
def on_listener(env):
    """A listener takes requests, for its children to come."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    ksft_eq(set_raw(listener, bytes(request(mode=L.LATCH_MODE_REQUIRE, disposition=L.LATCH_DISP_WAIT))), 0)
    flow = ipsec.tcp(listener=listener)
    got = is_state(flow.b, "ESTABLISHED")
    ksft_eq((got.mode, got.disposition, got.flags & L.LATCH_F_AUTO), (L.LATCH_MODE_REQUIRE, L.LATCH_DISP_WAIT, 0))


# --- reading ------------------------------------------------------------------------
INFO = ctypes.sizeof(LatchInfo)
SIZES = [{"size": s} for s in (4, 5, 24, 100, INFO - 1, INFO, INFO + 1, 4096)]


@case("2-12_read_{size}_bytes", SIZES)
def read_size(env, size):
    """As much as fits is copied, the length says how much, the first field how much there is."""
    sock = Ipsec(env.alice, env.bob).up().tcp().a
    whole = bytes(info(sock))
    error, length, data = get_raw(sock, IP_LATCH, size)
    ksft_eq((error, length), (0, min(size, INFO)))
    ksft_eq(data[:length], whole[:length])
    ksft_eq(set(data[length:]) <= {0xAA}, True, "bytes behind the length are not touched")
    ksft_eq(struct.unpack("I", data[:4])[0], INFO)


SHORT = [{"size": s} for s in (0, 1, 3, -1)]


@case("2-12_read_{size}_bytes_is_refused", SHORT)
def read_short(env, size):
    """Too small for the first field."""
    ksft_eq(get_raw(env.alice.socket(), IP_LATCH, size)[0], errno.EINVAL)


@case("2-12_read_to_a_bad_pointer")
def read_badly(env):
    ksft_eq(get_raw(env.alice.socket(), IP_LATCH, SIZE, buffer=False)[0], errno.EFAULT)


VARIABLE = [
    {"what": "peer_id", "option": L.IP_LATCH_PEER_ID, "value": b"bob"},
    {"what": "local_id", "option": L.IP_LATCH_LOCAL_ID, "value": b"alice"},
    {"what": "peer_cert", "option": L.IP_LATCH_PEER_CERT, "value": b"c" * 16384},
    {"what": "peer_anchor", "option": L.IP_LATCH_PEER_ANCHOR, "value": b"a" * 1500},
    {"what": "peer_key", "option": L.IP_LATCH_PEER_KEY, "value": b"k" * 91},
]


def known_peer(env, **parts):
    """Alice knows bob's certificate, anchor and key."""
    ipsec = Ipsec(env.alice, env.bob).up()
    got = env.alice.nl.do("peer-new", id_type=FQDN, id_value=b"bob", auth=L.LATCH_AUTH_SIGNATURE, **parts)
    env.alice.nl.do("binding-new", reqid=1, peer=got["id"], local=env.alice.peer("alice"))
    return ipsec.tcp()


@case("2-13_read_{what}", VARIABLE)
def variable(env, what, option, value):
    """The whole value or ENOSPC; asked with a size of 0, the size that is needed."""
    del what
    flow = known_peer(env, cert=b"c" * 16384, anchor=b"a" * 1500, key=b"k" * 91)
    size = len(value)
    ksft_eq(get_raw(flow.a, option, size), (0, size, value))
    error, length, data = get_raw(flow.a, option, size + 10)
    ksft_eq((error, length, data[:size]), (0, size, value))
    ksft_eq(get_raw(flow.a, option, 0)[:2], (0, size))
    for small in (size - 1, 1):
        error, _, data = get_raw(flow.a, option, small)
        ksft_eq(error, errno.ENOSPC)
        ksft_true(set(data) <= {0xAA}, "nothing is copied that is not whole")


@case("2-13_read_{what}_of_unlatched_socket", VARIABLE)
def variable_unlatched(env, option):
    """ENOTCONN: there is no peer yet."""
    ksft_eq(get_raw(env.alice.socket(), option, 256)[0], errno.ENOTCONN)


@case("2-13_read_{what}_that_is_not_there", VARIABLE)
def variable_absent(env, what, option):
    """ENODATA: the peer is not identified, or its record has no such thing."""
    ksft_eq(get_raw(Ipsec(env.alice, env.bob).up().tcp().a, option, 256)[0], errno.ENODATA)
    if what in ("peer_id", "local_id"):
        return
    Ipsec(env.alice, env.bob).flush()
    ksft_eq(get_raw(known_peer(env).a, option, 256)[0], errno.ENODATA)


@case("2-12_numbers_beside_ours_are_not_ours")
def beside(env):
    """The options before and after are nobody's."""
    sock = env.alice.socket()
    for option in (IP_LATCH - 1, L.IP_LATCH_LAST + 1):
        ksft_eq(get_raw(sock, option, SIZE)[0], errno.ENOPROTOOPT)
        ksft_eq(set_raw(sock, VALID, option=option), errno.ENOPROTOOPT)
    for option in set(range(IP_LATCH + 1, L.IP_LATCH_LAST + 1)) - {L.IP_LATCH_TAG, L.IP_LATCH_ALERTS}:
        ksft_true(set_raw(sock, VALID, option=option) in (errno.ENOPROTOOPT, errno.EOPNOTSUPP), "read-only")


# --- privilege ------------------------------------------------------------------------
RAISES = [{"what": r["what"], "fields": r["fields"]} for r in ACCEPTED] + [
    {"what": "require", "fields": {"mode": L.LATCH_MODE_REQUIRE}},
    {"what": "disposition", "fields": {"disposition": L.LATCH_DISP_WAIT}},
]


@case("2-16_unprivileged_may_ask_for_{what}", RAISES)
def may_raise(env, fields):
    """Any user may ask for more."""
    ksft_eq(as_nobody(env.alice, lambda: set_raw(socket.socket(), bytes(request(**fields)))), 0)


LOWER = [{"what": "off", "mode": L.LATCH_MODE_OFF}, {"what": "bypass", "mode": L.LATCH_MODE_BYPASS}]


@case("3.1-2_unprivileged_may_not_ask_for_{what}", LOWER)
def may_not_lower(env, mode):
    """Less than policy gives needs CAP_NET_ADMIN in the namespace's own user namespace."""

    def attempt():
        sock = socket.socket()
        before = bytes(info(sock))
        return set_raw(sock, bytes(request(mode=mode))), bytes(info(sock)) == before

    ksft_eq(as_nobody(env.alice, attempt), (errno.EPERM, True))
    # root of a user namespace of its own is nobody here ...
    ksft_eq(in_user_namespace(env.alice, attempt, own_net=False), (errno.EPERM, True))
    # ... and root at home
    ksft_eq(in_user_namespace(env.alice, attempt, own_net=True)[0], 0)
    ksft_eq(set_raw(env.alice.socket(), bytes(request(mode=mode))), 0)


@case("3.1-2_policy_set_after_bypass_stays")
def policy_stays(env):
    """A policy that somebody has set with privilege after BYPASS is not taken away by whoever asks for AUTO."""
    sock = env.alice.socket()

    def auto():
        return set_raw(sock, bytes(request(mode=L.LATCH_MODE_AUTO)))

    ask(sock, mode=L.LATCH_MODE_BYPASS)
    set_socket_policy(sock, direction=1, action=1)
    ksft_eq(as_nobody(env.alice, auto), errno.EPERM)
    ksft_eq(info(sock).mode, L.LATCH_MODE_BYPASS)
    ksft_eq(auto(), 0)
    # what BYPASS itself has set goes
    ask(sock, mode=L.LATCH_MODE_BYPASS)
    ksft_eq(as_nobody(env.alice, auto), 0)


@contextlib.contextmanager
def without_xfrm_user():
    """While a block runs, the kernel's own interface for policies is not there, unless it is built in (debug kernel)."""
    if not pathlib.Path("/sys/module/xfrm_user/initstate").exists():
        ksft_true(DEBUG, "xfrm_user is loaded")
        yield
        return
    subprocess.run(["rmmod", "xfrm_user"], check=True)
    try:
        yield
    finally:
        subprocess.run(["modprobe", "xfrm_user"], check=True)


def bypass_policies(host):
    """How many policies of sockets the host's kernel has."""
    return host.run("ip", "xfrm", "policy").stdout.count("socket ")


@case("3.1-2_bypass_without_xfrm_user_{flow}", FLOWS)
def bypass_alone(env, proto, fam):
    """Clear text in spite of policy needs no module besides this one; it goes with the request, or with the socket."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()

    def bypass(sock):
        ask(sock, mode=L.LATCH_MODE_BYPASS)

    with without_xfrm_user():
        if proto == "tcp":
            flow = ipsec.tcp(before=bypass, listener=ipsec.listen(before=bypass))
        else:
            flow = ipsec.udp(before=bypass, carry=False)
            bypass(flow.b)
        env.wire.restart()
        flow.exchange()
        ksft_true(env.wire.clear(flow)[1], "in clear")
        other = env.alice.socket(INET[fam])
        bypass(other)
        ask(other, mode=L.LATCH_MODE_AUTO)
        ksft_eq(info(other).mode, L.LATCH_MODE_AUTO)
    # of the flow's end alone
    ksft_eq(bypass_policies(env.alice), 2)
    flow.close()
    wait(lambda: not bypass_policies(env.alice), "the policies to go with the socket")


@case("2-16_errno_of_a_policy_is_the_key_managers")
def policy_errno(env):
    """What xfrm_user says of a socket's policy reaches the program: the option is not for this family."""
    sock = env.alice.socket(socket.AF_INET6)
    ksft_eq(set_raw(sock, bytes(168), level=socket.SOL_IP, option=17), errno.EOPNOTSUPP)


@case("2-18_mode_off_is_never_latched_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def off(env, proto):
    """With CAP_NET_ADMIN a socket can be left alone."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.flow(proto, before=lambda sock: ask(sock, mode=L.LATCH_MODE_OFF))
    flow.exchange()
    is_state(flow.a, "NONE")
    is_state(flow.b, "ESTABLISHED")
    ipsec.flush([env.alice])
    ksft_true(flow.silent(flow.a))


@case("2-12_unprivileged_reads_its_latch")
def nobody_reads(env):
    """The option tells an unprivileged owner everything."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    listener = ipsec.listen()

    def connect():
        sock = socket.create_connection(listener.getsockname())
        got = info(sock)
        return got.state_name, got.peer, get_raw(sock, L.IP_LATCH_PEER_ID, 100)

    ksft_eq(as_nobody(env.alice, connect), ("ESTABLISHED", env.alice.peer("bob"), (0, 3, b"bob".ljust(100, b"\xaa"))))


@case("2-1_socket_passed_to_another_namespace")
def passed(env):
    """A socket belongs to the namespace it was made in, wherever the program is."""
    flow = Ipsec(env.alice, env.bob).up().tcp()
    here = bytes(info(flow.a))
    with env.bob:
        ksft_eq(bytes(info(flow.a)), here)
    twin = env.alice.owns(socket.socket(fileno=os.dup(flow.a.fileno())))
    flow.a.close()
    is_state(twin, "ESTABLISHED")
    ksft_eq(env.alice.stat()["LatchLatches"], 1)


if __name__ == "__main__":
    runner.main()
