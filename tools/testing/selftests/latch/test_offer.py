#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Optional protection: a socket takes what the administrator offers where policy would bypass.

RFC 5660 2.1-1, 2.1-2, 2.3-4, 2.3-5, 2.3-16, 3.1-1 to 3.1-3, 6.2-1. With IKE daemons: test_strongswan.py and
test_libreswan.py.
"""

import contextlib
import errno
import socket
import struct

import runner
from expect import Moves, is_state
from flow import FLOWS, Flow, disconnect
from ikescenes import carry_data
from ipsec import Ipsec, set_socket_policy
from ktap import SLOW, case, ksft_eq, ksft_in, ksft_true, wait
from latchapi import L, ask, info, level_of, load, request, set_raw, unload_when_idle, watch
from netns import INET
from test_ownpol import error_of_send, has_own, socket_policies
from test_require import FAMS, KeyManager, connect_errno, frames_of
from user import as_nobody, in_user_namespace

HOSTS = ("alice", "bob", "mallory")
MODES = [{**row, "mode": m} for row in FLOWS for m in ("transport", "tunnel")]
REQID = 5
KEEP, OFFER = L.LATCH_OWN_POLICY_KEEP, L.LATCH_OWN_POLICY_OFFER
MAX_POLICIES = 256  # LATCH_MAX_POLICIES


# --- what is offered, and what the kernel asks for ----------------------------------------------
def raw(addr):
    """The bytes of an address."""
    return socket.inet_pton(socket.AF_INET6 if ":" in addr else socket.AF_INET, addr)


def offer(host, remote, **attrs):
    """An administrator's offer, in transport mode by default; returns what the kernel made of it."""
    attrs = {"tmpl_reqid": REQID, **attrs}
    for name in ("local", "tmpl_local", "tmpl_remote"):
        if isinstance(attrs.get(name), str):
            attrs[name] = raw(attrs[name])
    return host.nl.do("policy-new", action="offer", remote=raw(remote), **attrs)


def offer_to(ipsec, **attrs):
    """Offer to sockets of the first host what protects them to the second."""
    if ipsec.mode == "tunnel":
        ends = {"tmpl_local": ipsec.a.addr(ipsec.outer), "tmpl_remote": ipsec.b.addr(ipsec.outer)}
        attrs = {"tmpl_mode": 1, **ends, **attrs}
    return offer(ipsec.a, ipsec.addr(ipsec.b), **attrs)


def taken(host):
    """How often each offer was taken, in their order."""
    return [row["taken"] for row in host.nl.dump("policy-get")]


class Acquires(KeyManager):
    """What the kernel asks key managers for; it asks for one SA of a reqid between two addresses at a time."""

    def __init__(self, host):
        super().__init__(host)
        host.ip("xfrm state flush")

    def next(self, deadline=10):
        """(source, destination, source port, destination port, protocol, reqid, mode, masks) of an ACQUIRE."""
        message = []

        def heard():
            try:
                message.append(self.sock.recv(65536))
            except BlockingIOError:
                return False
            return True

        wait(heard, "an ACQUIRE", deadline)
        sel, tmpl = message[0][56:112], message[0][16 + 280 :]
        dport, dmask, sport, smask, family, dlen, slen, proto = struct.unpack_from(">HHHH2sBBB", sel, 32)
        family = struct.unpack("=H", family)[0]
        size = 4 if family == socket.AF_INET else 16
        dst, src = (socket.inet_ntop(family, sel[at : at + size]) for at in (0, 16))
        length, kind = struct.unpack_from("=HH", tmpl)
        ksft_eq((kind, length >= 64), (5, True), "XFRMA_TMPL")
        reqid, mode = struct.unpack_from("=IB", tmpl, 4 + 44)
        ksft_eq((dmask, smask, dlen, slen), (0xFFFF, 0xFFFF, size * 8, size * 8), "no wider than the flow")
        return src, dst, sport, dport, proto, reqid, {0: "transport", 1: "tunnel"}[mode]


@contextlib.contextmanager
def acquires_expire(host, seconds):
    """How long the kernel, and so a socket that has taken an offer, waits for SAs."""

    def write(value):
        with host, open("/proc/sys/net/core/xfrm_acq_expires", "w", encoding="ascii") as f:
            f.write(f"{value}\n")

    write(seconds)
    try:
        yield
    finally:
        write(30)


# --- who takes it -------------------------------------------------------------------------------
def ask_offer(sock, more=0, **fields):
    ask(sock, mode=L.LATCH_MODE_REQUIRE, own_policy=OFFER | more, **fields)


def scene(env, fam=4, mode="transport", **kwargs):
    """Bob's policies protect what is between him and alice; she has none, and nobody has an SA."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode, reqid=REQID, **kwargs)
    env.bob.ip(*ipsec.policies(env.bob))
    return ipsec


def make_sas(ipsec, hosts=None):
    """SAs as a key manager makes them of an ACQUIRE, and no policies."""
    ipsec.sas = ipsec.new_sas()
    for host in hosts or (ipsec.b, ipsec.a):
        host.ip(*[sa.add() for sa in ipsec.sas])


def client(ipsec, proto="tcp", before=ask_offer, mapped=False):
    """A socket of the first host that takes offers."""
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    sock = ipsec.a.socket(INET[6] if mapped else INET[ipsec.fam], kind)
    sock.bind((ipsec.sock_addr(ipsec.a, mapped), 0))
    if before:
        before(sock)
    return sock


def server(ipsec, proto, sock, mapped=False):
    """Who it connects to: a listener, or a connected UDP socket."""
    if proto == "tcp":
        return ipsec.listen(mapped=mapped)
    peer = ipsec.b.socket(INET[6] if mapped else INET[ipsec.fam], socket.SOCK_DGRAM)
    peer.bind((ipsec.sock_addr(ipsec.b, mapped), 0))
    peer.connect(sock.getsockname()[:2])
    return peer


def begin(sock, proto, peer):
    """The first packet, which nobody is to see."""
    sock.setblocking(False)
    ksft_in(sock.connect_ex(peer.getsockname()[:2]), (0, errno.EINPROGRESS))
    if proto == "udp":
        sock.send(b"never seen")


def flow_of(ipsec, proto, sock, peer):
    """The flow, once its SAs are there."""
    if proto == "udp":
        wait(lambda: not error_of_send(sock), "a datagram that is sent", 10)
        peer.settimeout(10 * SLOW)
        ksft_eq(peer.recv(100), b"x")
        return Flow(ipsec, proto, sock, peer)
    peer.settimeout(20 * SLOW)
    child = ipsec.b.owns(peer.accept()[0])
    wait(lambda: connected(sock), "connect()")
    return Flow(ipsec, proto, sock, child)


def connected(sock):
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def five(ipsec, proto, sock, peer):
    """The 5-tuple as an ACQUIRE has it."""
    numbers = {"tcp": 6, "udp": 17}
    return (ipsec.addr(ipsec.a), ipsec.addr(ipsec.b), sock.getsockname()[1], peer.getsockname()[1], numbers[proto])


def take(env, ipsec, proto="tcp", before=ask_offer, mapped=False):
    """A flow that takes an offer, from its first packet; what the kernel asks for is checked."""
    manager = Acquires(env.alice)
    sock = client(ipsec, proto, before, mapped)
    peer = server(ipsec, proto, sock, mapped)
    env.wire.restart()
    begin(sock, proto, peer)
    ksft_eq(manager.next(), (*five(ipsec, proto, sock, peer), REQID, ipsec.mode))
    is_state(sock, "LARVAL", "NONE")
    ksft_true(has_own(sock), "it has the policy before there is an SA")
    ksft_eq(frames_of(env, sock.getsockname()[1]), 0)
    make_sas(ipsec)
    flow = flow_of(ipsec, proto, sock, peer)
    flow.exchange()
    is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0), "(frames, bytes) in clear")
    return flow


def take_from_daemon(env, ipsec, proto, **fields):
    """A flow that takes an offer, and a daemon answers; returns it when data has passed in both directions."""
    manager = Acquires(env.alice)
    sock = client(ipsec, proto, lambda sock: ask_offer(sock, **fields))
    peer = server(ipsec, proto, sock)
    asked = (*five(ipsec, proto, sock, peer), REQID, ipsec.mode)
    env.wire.restart()
    begin(sock, proto, peer)
    ksft_eq(manager.next(), asked)
    if proto == "tcp":
        flow = flow_of(ipsec, proto, sock, peer)
    else:
        flow = Flow(ipsec, proto, sock, peer)
        flow.tolerated = (errno.EAGAIN,)
        flow.reach()
    carry_data(flow)
    ksft_true(has_own(sock))
    ksft_eq((env.wire.clear(flow), taken(env.alice)), ((0, 0), [1]))
    return flow


def no_daemon_answers(env, ipsec, said):
    """An offer that the daemon cannot serve: ENOKEY when the ACQUIRE expires, the reason, and what the daemon says."""
    with acquires_expire(env.alice, 5):
        sock, _ = refused(env, ipsec, "tcp", "NO_SA")
    ksft_in(said, env.daemons[env.alice].log())
    sock.close()


# --- what it is for -----------------------------------------------------------------------------
@case("3.1-1_offer_is_taken_{mode}_{flow}", MODES)
def offered(env, proto, fam, mode):
    """No policy, but an offer: the kernel asks for SAs of the exact 5-tuple, and not a byte leaves in clear (2.3-4)."""
    ipsec = scene(env, fam, mode)
    offer_to(ipsec)
    flow = take(env, ipsec, proto)
    ksft_true(has_own(flow.a) and not has_own(flow.b))
    ksft_eq((taken(env.alice), socket_policies(env.alice), env.alice.stat()["LatchOwnPolicies"]), ([1], 2, 1))
    ksft_eq((info(flow.a).mode, info(flow.a).flags & L.LATCH_F_UNEXPLAINED), (L.LATCH_MODE_REQUIRE, 0))
    # whoever has not asked goes in clear, as before: bob's kernel drops that
    other = client(ipsec, proto, before=None)
    peer = server(ipsec, proto, other)
    env.wire.restart()
    begin(other, proto, peer)
    wait(lambda: frames_of(env, other.getsockname()[1]), "a packet in clear")


@case("3.1-1_offer_and_ipv4_on_an_ipv6_socket_{proto}", [{"proto": "tcp"}, {"proto": "udp"}])
def mapped_flow(env, proto):
    """The flow is IPv4 whatever the socket is."""
    ipsec = scene(env)
    offer_to(ipsec)
    take(env, ipsec, proto, mapped=True)


@case("3.1-1_offer_of_a_tunnel_of_the_other_family_{flow}", FLOWS)
def other_family(env, proto, fam):
    """IPv4 within IPv6, and the other way round."""
    ipsec = scene(env, fam, "tunnel", outer=10 - fam, extra="flag af-unspec")
    offer_to(ipsec)
    take(env, ipsec, proto)


@case("3.1-1_offer_of_ah_{flow}", FLOWS)
def offer_ah(env, proto, fam):
    """The offer says AH."""
    ipsec = scene(env, fam, suite="ah")
    offer_to(ipsec, tmpl_proto=51)
    take(env, ipsec, proto)


@case("3.1-1_sas_are_there_already_{flow}", FLOWS)
def no_acquire(env, proto, fam):
    """SAs of the offer's reqid are there: nobody is asked, and the next packet goes under them."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    make_sas(ipsec)
    manager = KeyManager(env.alice)
    sock = client(ipsec, proto)
    peer = server(ipsec, proto, sock)
    env.wire.restart()
    begin(sock, proto, peer)
    if proto == "udp":
        wait(lambda: has_own(sock), "the policy")
    flow = flow_of(ipsec, proto, sock, peer)
    flow.exchange()
    is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_eq((env.wire.clear(flow), manager.asked()), ((0, 0), False))


@case("3.1-1_two_sockets_take_an_offer_at_once_{flow}", FLOWS)
def at_once(env, proto, fam):
    """The kernel asks for one SA, and both flows go under it."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    pairs = []
    for _ in range(2):
        sock = client(ipsec, proto)
        pairs.append((sock, server(ipsec, proto, sock)))
        begin(sock, proto, pairs[-1][1])
    manager.next()
    wait(lambda: socket_policies(env.alice) == 4, "the policies")
    make_sas(ipsec)
    for sock, peer in pairs:
        flow_of(ipsec, proto, sock, peer).exchange()
        is_state(sock, "ESTABLISHED", "NONE", [])
    ksft_eq(taken(env.alice), [2])


def narrow_sas(ipsec, asked):
    """SAs for the 5-tuple of an ACQUIRE and for nothing else."""
    here, there, sport, dport, number = asked[:5]
    name = {6: "tcp", 17: "udp"}[number]
    out = f"sel src {here} dst {there} proto {name} sport {sport} dport {dport}"
    back = f"sel src {there} dst {here} proto {name} sport {dport} dport {sport}"
    for host in (ipsec.b, ipsec.a):
        host.ip(*[sa.but(extra=out if sa.src == here else back).add() for sa in ipsec.sas])


@case("2.1-1_narrow_sas_for_each_socket_{flow}", FLOWS)
def narrow_each(env, proto, fam):
    """The kernel asks for an SA of exactly each socket's 5-tuple; where it gets that, each flow has its own SAs."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    flows = []
    for _ in range(2):
        sock = client(ipsec, proto)
        peer = server(ipsec, proto, sock)
        begin(sock, proto, peer)
        asked = manager.next()
        ksft_eq(asked[:5], five(ipsec, proto, sock, peer))
        ipsec.sas = ipsec.new_sas()
        narrow_sas(ipsec, asked)
        flows.append(flow_of(ipsec, proto, sock, peer))
        for flow in flows:
            flow.exchange()
            is_state(flow.a, "ESTABLISHED", "NONE", [])
        ksft_eq(info(sock).spi_out, ipsec.sas[0].spi)
    ksft_true(info(flows[0].a).spi_out != info(flows[1].a).spi_out)


@case("2.1-2_request_for_a_suite_in_a_narrow_sa_{flow}", FLOWS)
def narrow(env, proto, fam):
    """A socket asks for one suite and takes an offer: the SA is asked for its 5-tuple alone, and has that suite."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    suite = {"encr": 20, "encr_bits": 128}
    flow = take(env, ipsec, proto, before=lambda sock: ask_offer(sock, suites=[suite]))
    (only,) = info(flow.a).chain
    ksft_eq((only["encr"], only["encr_bits"]), (20, 128))


@case("2.1-2_sa_of_another_suite_is_refused_tcp{fam}", FAMS)
def other_suite(env, fam):
    """The SA that comes of the offer does not give what the socket asked for: EKEYREJECTED."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    sock = client(ipsec, before=lambda sock: ask_offer(sock, suites=[{"encr": 28}]))
    peer = server(ipsec, "tcp", sock)
    begin(sock, "tcp", peer)
    manager.next()
    make_sas(ipsec)
    wait(lambda: info(sock).reason_name == "REQUEST", "the refusal", 20)
    wait(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.EKEYREJECTED, "the error")


# --- what it leaves as it is --------------------------------------------------------------------
@case("3.1-1_policy_comes_before_offers_{flow}", FLOWS)
def policy_first(env, proto, fam):
    """Where the policy database protects, nothing is taken from an offer."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    offer_to(ipsec)
    flow = ipsec.flow(proto, before=ask_offer)
    flow.exchange()
    got = is_state(flow.a, "ESTABLISHED", "NONE", [])
    ksft_eq((got.mode, taken(env.alice), socket_policies(env.alice)), (L.LATCH_MODE_REQUIRE, [0], 0))


@case("3.1-1_policy_and_a_policy_of_its_own_{flow}", FLOWS)
def keep_too(env, proto, fam):
    """Who asks for both gets a policy of the flow's own of what policy protects it by."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    offer_to(ipsec)
    flow = ipsec.flow(proto, before=lambda sock: ask_offer(sock, KEEP))
    wait(lambda: has_own(flow.a), "the policy")
    ksft_eq(taken(env.alice), [0])
    env.alice.ip("xfrm policy flush")
    flow.exchange()


@case("3.1-1_policy_is_back_before_the_first_packet_udp{fam}", FAMS)
def stale_route(env, fam):
    """A socket has a route in clear, and the policy for that goes: no offer is taken, policy protects the flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    offer_to(ipsec)
    bypass = f"{ipsec.selector(env.alice, env.bob)} proto udp dir out"
    env.alice.ip(f"xfrm policy add {bypass} priority 1 action allow")
    sock = client(ipsec, "udp")
    peer = server(ipsec, "udp", sock)
    sock.setblocking(False)
    sock.connect(peer.getsockname()[:2])
    env.alice.ip(f"xfrm policy delete {bypass}")
    env.wire.restart()
    with Moves(env.alice, LatchOutLarval=1):
        sock.send(b"never seen")
    flow = flow_of(ipsec, "udp", sock, peer)
    flow.exchange()
    ksft_eq((env.wire.clear(flow), taken(env.alice), socket_policies(env.alice)), ((0, 0), [0], 0))


IN = [
    {"what": "protects", "words": "tmpl proto esp reqid 9 mode transport"},
    {"what": "blocks", "words": "action block"},
    {"what": "blocks_by_default", "words": ""},
]


@case("3.1-1_inbound_policy_{what}_{flow}", [{**i, **f} for i in IN for f in FLOWS])
def no_weaker(env, what, words, proto, fam):
    """Policy says something of what comes in: an offer does not weaken that, and the demand fails."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    if words:
        env.alice.ip(f"xfrm policy add {ipsec.selector(env.bob, env.alice)} dir in {words}")
    else:
        env.alice.ip("xfrm policy setdefault in block")
    try:
        make_sas(ipsec)
        refused(env, ipsec, proto)
        ksft_eq((taken(env.alice), socket_policies(env.alice)), ([0], 0))
    finally:
        env.alice.ip("xfrm policy setdefault in accept")


@case("3.1-1_application_has_a_policy_of_its_own_tcp")
def applications_own(env):
    """What an application has set on its socket stays, and no offer is taken."""
    ipsec = scene(env)
    offer_to(ipsec)
    sock = client(ipsec)
    set_socket_policy(sock)
    peer = server(ipsec, "tcp", sock)
    ksft_eq(connect_errno(sock, peer.getsockname()[:2]), "ENOKEY")
    ksft_eq((taken(env.alice), socket_policies(env.alice)), ([0], 1))


def refused(env, ipsec, proto, reason="LARVAL"):
    """The demand fails: the socket gets ENOKEY, soon, and nothing left.  Returns it, and the flow's 5-tuple."""
    sock = client(ipsec, proto)
    peer = server(ipsec, proto, sock)
    flow = five(ipsec, proto, sock, peer)
    env.wire.restart()
    if proto == "tcp":
        ksft_eq(connect_errno(sock, peer.getsockname()[:2]), "ENOKEY")
    else:
        begin(sock, proto, peer)
        wait(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ENOKEY, "ENOKEY")
    is_state(sock, "LARVAL", reason)
    ksft_true(not has_own(sock))
    ksft_eq(frames_of(env, flow[2]), 0)
    return sock, flow


@case("2.3-16_nothing_is_offered_{flow}", FLOWS)
def none_offered(env, proto, fam):
    """No offer: the demand fails as it does for who asks for none."""
    ipsec = scene(env, fam)
    manager = KeyManager(env.alice)
    with Moves(env.alice, at_least=["LatchOutLarval", "LatchRefused"], may=["LatchActive"], LatchLatches=1):
        refused(env, ipsec, proto)
    ksft_eq(manager.asked(), False)


MISSES = [
    {"what": "another_protocol", "attrs": lambda s: {"proto": {"tcp": 17, "udp": 6}[s]}},
    {"what": "another_remote_port", "attrs": lambda s: {"remote_port": 1}},
    {"what": "another_local_port", "attrs": lambda s: {"local_port": 1}},
    {"what": "another_local_address", "attrs": lambda s: {"local": "10.9.0.7"}},
    {"what": "another_remote_address", "attrs": lambda s: {"remote": "10.9.0.7"}},
    {"what": "another_prefix", "attrs": lambda s: {"remote": "10.9.1.0", "remote_len": 24}},
    {"what": "another_family", "attrs": lambda s: {"remote": "::", "remote_len": 0}},
]


@case("3.1-1_offer_is_for_{what}_{proto}", [{**m, "proto": p} for m in MISSES for p in ("tcp", "udp")])
def misses(env, what, attrs, proto):
    """An offer that is not for the flow is not taken."""
    ipsec = scene(env)
    attrs = {"remote": ipsec.addr(env.bob), **attrs(proto)}
    offer(env.alice, attrs.pop("remote"), **attrs)
    refused(env, ipsec, proto)
    ksft_eq(taken(env.alice), [0])


@case("3.1-1_offer_in_all_its_parts_{flow}", FLOWS)
def matches(env, proto, fam):
    """Protocol, prefixes and ports of an offer are those of the flow."""
    ipsec = scene(env, fam)

    def before(sock):
        ask_offer(sock)
        # bits beyond the prefix say nothing
        offer(env.alice, ipsec.addr(env.bob), remote_len=24 if fam == 4 else 64, local=ipsec.addr(env.alice),
              local_port=sock.getsockname()[1], proto={"tcp": 6, "udp": 17}[proto])  # fmt: skip

    take(env, ipsec, proto, before=before)
    ksft_eq(taken(env.alice), [1])


@case("3.1-1_first_offer_is_taken_{flow}", FLOWS)
def order(env, proto, fam):
    """Of several offers the first one that fits is taken; a new one is the last, or comes before another one."""
    ipsec = scene(env, fam)
    last = offer_to(ipsec, tmpl_reqid=8)["id"]
    offer_to(ipsec, tmpl_reqid=9)
    first = offer_to(ipsec, before=last)["id"]
    offer_to(ipsec, tmpl_reqid=7, remote_port=1, before=first)
    ksft_eq([row["tmpl-reqid"] for row in env.alice.nl.dump("policy-get")], [7, REQID, 8, 9])
    take(env, ipsec, proto)
    ksft_eq(taken(env.alice), [0, 1, 0, 0])


@case("3.1-1_offers_of_another_namespace_tcp")
def other_namespace(env):
    """An offer is for sockets of its namespace alone."""
    ipsec = scene(env)
    offer(env.mallory, ipsec.addr(env.bob))
    ksft_eq([len(h.nl.dump("policy-get")) for h in env.hosts], [0, 0, 1])
    refused(env, ipsec, "tcp")


@case("3.1-1_asking_needs_no_privilege_tcp")
def unprivileged(env):
    """Anybody may ask for what is offered; to offer takes CAP_NET_ADMIN."""
    ipsec = scene(env)
    offer_to(ipsec)
    sock = client(ipsec, before=None)
    ksft_eq(as_nobody(env.alice, lambda: set_raw(sock, bytes(request(mode=1, own_policy=OFFER)))), 0)

    def every():
        known = {"action": "offer", "remote": raw("10.9.0.2"), "tmpl_reqid": 1}
        commands = {"policy-new": known, "policy-del": {"id": 1}, "policy-get": {"id": 1}, "policy-flush": {}}
        return [env.alice.nl.error(c, **attrs)[0] for c, attrs in commands.items()]

    ksft_eq(set(as_nobody(env.alice, every)), {"EPERM"})
    ksft_eq(set(in_user_namespace(env.alice, every, own_net=False)), {"EPERM"})
    ksft_eq(len(env.alice.nl.dump("policy-get")), 1)


# --- who may not ask ----------------------------------------------------------------------------
@case("3.1-1_listener_takes_no_offer_tcp{fam}", FAMS)
def listener(env, fam):
    """Who listens cannot ask, and who asked and then listens goes by the policy database, as its children do."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, reqid=REQID).up()
    plain = ipsec.listen()
    with Moves(env.bob):
        ksft_eq(set_raw(plain, bytes(request(mode=L.LATCH_MODE_REQUIRE, own_policy=OFFER))), errno.EOPNOTSUPP)
    offer(env.bob, ipsec.addr(env.alice))
    flow = ipsec.tcp(listener=ipsec.listen(before=ask_offer))
    flow.exchange()
    is_state(flow.b, "ESTABLISHED", "NONE", [])
    ksft_eq((taken(env.bob), socket_policies(env.bob)), ([0], 0))
    flow.ask_to_wait()
    env.bob.ip("xfrm policy flush")
    is_state(flow.b, "BROKEN")
    # nor do they take one for what would leave in clear
    flow.push()
    ksft_eq((taken(env.bob), socket_policies(env.bob)), ([0], 0))


# --- nobody answers -----------------------------------------------------------------------------
@case("2.3-5_no_sa_comes_for_an_offer_{flow}", FLOWS)
def no_sa(env, proto, fam):
    """Nobody answers: the socket hears ENOKEY when the ACQUIRE expires, and why; nothing left, and no policy stays."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    with acquires_expire(env.alice, 2):
        _, flow = refused(env, ipsec, proto, "NO_SA")
        ksft_eq(manager.next(), (*flow, REQID, "transport"))
        ksft_eq((socket_policies(env.alice), env.alice.stat()["LatchOwnPolicies"]), (0, 0))
        (conn,) = env.alice.conns().values()
        ksft_eq((conn["state"], conn["reason"]), ("larval", "no-sa"))


@case("2.3-5_socket_goes_on_after_no_sa_came_{flow}", FLOWS)
def again(env, proto, fam):
    """The socket keeps its demand: it asks again, and is protected once somebody answers."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    with acquires_expire(env.alice, 1):
        sock, _ = refused(env, ipsec, proto, "NO_SA")
    make_sas(ipsec)
    peer = server(ipsec, proto, sock)
    env.wire.restart()
    begin(sock, proto, peer)
    if proto == "udp":
        wait(lambda: has_own(sock), "the policy")
    flow = flow_of(ipsec, proto, sock, peer)
    flow.exchange()
    is_state(sock, "ESTABLISHED", "NO_SA", [])
    ksft_eq((env.wire.clear(flow), taken(env.alice)), ((0, 0), [2]))


@case("2.3-5_socket_connects_elsewhere_meanwhile_udp{fam}", FAMS)
def elsewhere(env, fam):
    """A UDP socket is connected anew while it waits: what is asked for now is the new flow."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    sock = client(ipsec, "udp")
    for _ in range(2):
        peer = server(ipsec, "udp", sock)
        begin(sock, "udp", peer)
        asked = five(ipsec, "udp", sock, peer)
        wait(lambda: str(asked[3]) in env.alice.run("ip", "xfrm", "policy").stdout, "the policy")
        # what was asked for before is forgotten, and each packet has the kernel ask again
        env.alice.ip("xfrm state flush")
        error_of_send(sock)
        wait(lambda: manager.next()[:5] == asked, "the ACQUIRE")
    make_sas(ipsec)
    flow_of(ipsec, "udp", sock, peer).exchange()
    ksft_eq(socket_policies(env.alice), 2)


@case("2.3-5_peers_clear_text_while_larval_is_dropped_udp{fam}", FAMS)
def clear_in(env, fam):
    """While a socket waits nothing in clear comes in."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, reqid=REQID)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    sock = client(ipsec, "udp")
    peer = server(ipsec, "udp", sock)
    begin(sock, "udp", peer)
    manager.next()
    before = env.alice.stat()["LatchInLarval"]
    peer.send(b"in clear")
    wait(lambda: env.alice.stat()["LatchInLarval"] > before, "the clear text")
    ksft_eq(error_of_recv(sock), errno.EAGAIN)
    is_state(sock, "LARVAL", "NONE")


def error_of_recv(sock):
    try:
        sock.recv(100)
    except OSError as e:
        return e.errno
    return 0


# --- how it ends --------------------------------------------------------------------------------
def waiting(env, ipsec, proto):
    """A socket that has taken an offer, and waits for SAs."""
    manager = Acquires(env.alice)
    sock = client(ipsec, proto)
    peer = server(ipsec, proto, sock)
    begin(sock, proto, peer)
    ksft_eq(manager.next(), (*five(ipsec, proto, sock, peer), REQID, ipsec.mode))
    ksft_eq(socket_policies(env.alice), 2)
    return sock


@case("3.1-3_policy_of_an_offer_goes_with_the_socket_{when}_{flow}",
      [{"when": w, **f} for w in ("waiting", "latched") for f in FLOWS])  # fmt: skip
def gone(env, when, proto, fam):
    """The socket is closed, before or after it got SAs: nothing is left."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    sock = waiting(env, ipsec, proto) if when == "waiting" else take(env, ipsec, proto).a
    sock.close()
    wait(lambda: not socket_policies(env.alice), "the policy to go")
    wait(lambda: not env.alice.stat()["LatchLatches"], "the latch to go")
    ksft_eq(env.alice.stat()["LatchOwnPolicies"], 0)


@case("3.1-3_disconnected_while_it_waits_tcp{fam}", FAMS)
def disconnected(env, fam):
    """A socket gives up and connects again at once, from the same port."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    sock = waiting(env, ipsec, "tcp")
    disconnect(sock)
    ksft_eq((socket_policies(env.alice), env.alice.stat()["LatchOwnPolicies"]), (0, 0))
    peer = server(ipsec, "tcp", sock)
    make_sas(ipsec)
    begin(sock, "tcp", peer)
    flow_of(ipsec, "tcp", sock, peer).exchange()


@case("3.1-3_offer_has_both_directions_{flow}", FLOWS)
def both_directions(env, proto, fam):
    """The policies are of the exact 5-tuple, one for each direction, with the offer's template."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    manager = Acquires(env.alice)
    sock = client(ipsec, proto)
    begin(sock, proto, server(ipsec, proto, sock))
    here, there, sport, dport, number = manager.next()[:5]
    text = " ".join(env.alice.run("ip", "xfrm", "policy").stdout.split())
    bits = 32 if fam == 4 else 128
    name = {6: "tcp", 17: "udp"}[number]
    for x, y, xport, yport, way in ((here, there, sport, dport, "out"), (there, here, dport, sport, "in")):
        ksft_in(f"src {x}/{bits} dst {y}/{bits} proto {name} sport {xport} dport {yport} socket {way} ", text)
    ksft_eq(text.count(f"proto esp reqid {REQID} mode transport"), 2)


@case("3.1-3_offer_is_taken_back_{flow}", FLOWS)
def taken_back(env, proto, fam):
    """Who took an offer keeps what it has; the next one finds none."""
    ipsec = scene(env, fam)
    number = offer_to(ipsec)["id"]
    flow = take(env, ipsec, proto)
    env.alice.nl.do("policy-del", id=number)
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    refused(env, ipsec, proto)


@case("6.2-1_policy_of_an_offer_is_taken_away_{when}_{flow}",
      [{"when": w, **f} for w in ("waiting", "latched") for f in FLOWS])  # fmt: skip
def administrator(env, when, proto, fam):
    """An administrator takes it away: a flow breaks, and who waits is refused with its next packet."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    if when == "latched":
        flow = take(env, ipsec, proto).ask_to_wait()
        env.alice.nl.do("conn-own-policy-off", id=info(flow.a).id)
        wait(lambda: not has_own(flow.a), "the policy to go")
        is_state(flow.a, "BROKEN", "POLICY_OUT")
        env.wire.restart()
        flow.tolerated = (errno.EAGAIN, errno.EPERM)
        flow.push()
        ksft_eq(env.wire.clear(flow), (0, 0))
        return
    sock = waiting(env, ipsec, proto)
    env.wire.restart()
    env.alice.nl.do("conn-own-policy-off")
    wait(lambda: not socket_policies(env.alice), "the policy to go")
    if proto == "udp":
        sock.send(b"never seen")
    wait(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ENOKEY, "ENOKEY", 20)
    ksft_eq(frames_of(env, sock.getsockname()[1]), 0)


@case("6.2-1_application_asks_for_no_policy_any_more_{flow}", FLOWS)
def asks_not(env, proto, fam):
    """The socket itself lets go of the policy: the flow breaks, it does not go on in clear."""
    ipsec = scene(env, fam)
    offer_to(ipsec)
    flow = take(env, ipsec, proto).ask_to_wait()
    ask(flow.a, own_policy=KEEP)
    flow.exchange()
    ksft_true(has_own(flow.a))
    ask(flow.a, own_policy=0)
    wait(lambda: not has_own(flow.a), "the policy to go")
    is_state(flow.a, "BROKEN", "POLICY_OUT")


@case("6.2-1_policy_of_an_offer_is_an_event_tcp")
def event(env):
    """Administrators hear that a socket has taken an offer, and what became of it."""
    ipsec = scene(env)
    offer_to(ipsec)
    nl = watch(env.alice)
    try:
        flow = take(env, ipsec)
        got = [(msg["old-state"], msg["state"], bool(msg["flags"] & L.LATCH_F_OWN_POLICY), msg["id"])
               for name, msg in nl.events() if name == "conn-ntf"]  # fmt: skip
        number = info(flow.a).id
        ksft_eq(got, [("larval", "larval", True, number), ("larval", "established", True, number)])
    finally:
        nl.close()


@case("2.2-6_stranger_under_an_offer_{flow}", FLOWS)
def stranger(env, proto, fam):
    """An SA of another peer that the kernel could take by the offer's policy breaks the latch."""
    ipsec = scene(env, fam).identify()
    offer_to(ipsec)
    flow = take(env, ipsec, proto).ask_to_wait()
    bad = ipsec.new_sas()[0]
    env.alice.bind("mallory", "alice", sa=bad)
    env.alice.ip(bad.add())
    is_state(flow.a, "BROKEN", "PEER", ["PEER"])
    env.alice.ip(bad.delete())
    is_state(flow.a, "ESTABLISHED", "PEER", [])
    flow.exchange()


@case("2-7_rekeys_under_an_offer_{mode}_{flow}", MODES)
def rekeys(env, proto, fam, mode):
    """The flow goes on under new SAs."""
    ipsec = scene(env, fam, mode).identify()
    offer_to(ipsec)
    flow = take(env, ipsec, proto)
    env.wire.restart()
    for _ in range(3):
        ipsec.rekey()
        flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("3.1-3_module_goes_with_offers")
def module_goes(env):
    """Offers do not keep the module, and go with it."""
    ipsec = scene(env)
    offer_to(ipsec)
    try:
        for host in env.hosts:
            host.forget_module()
        unload_when_idle()
    finally:
        load(env)
    ksft_eq(env.alice.nl.dump("policy-get"), [])


# --- requests that make no sense ----------------------------------------------------------------
GOOD = {"action": "offer", "remote": raw("10.9.0.2"), "tmpl_reqid": 1}
TUNNEL = {"tmpl_mode": 1, "tmpl_local": raw("10.9.0.1"), "tmpl_remote": raw("10.9.0.2")}
BAD = [
    ("no_action", {"action": None}, "EINVAL", "action", ""),
    ("unknown_action", {"action": 2}, "ERANGE", "action", "out of range"),
    ("no_remote", {"remote": None}, "EINVAL", "remote", ""),
    ("short_remote", {"remote": b"123"}, "EINVAL", "remote", "4 or 16 bytes"),
    ("short_local", {"local": b""}, "EINVAL", "local", "4 or 16 bytes"),
    ("two_families", {"local": raw("::1")}, "EINVAL", "local", "do not fit"),
    ("long_prefix", {"remote_len": 33}, "EINVAL", "remote-len", "longer"),
    ("length_alone", {"local_len": 8}, "EINVAL", "local-len", "without its address"),
    ("icmp", {"proto": 1}, "EINVAL", "proto", "neither TCP nor UDP"),
    ("ipcomp", {"tmpl_proto": 108}, "EINVAL", "tmpl-proto", "neither ESP nor AH"),
    ("beet", {"tmpl_mode": 4}, "EINVAL", "tmpl-mode", "neither transport nor tunnel"),
    ("no_reqid", {"tmpl_reqid": None}, "EINVAL", "tmpl-reqid", ""),
    ("reqid_0", {"tmpl_reqid": 0}, "EINVAL", "tmpl-reqid", "reqid 0"),
    ("ends_of_transport", {**TUNNEL, "tmpl_mode": 0}, "EINVAL", "tmpl-local", "only a tunnel"),
    ("remote_end_of_transport", {"tmpl_remote": raw("::1")}, "EINVAL", "tmpl-remote", "only a tunnel"),
    ("tunnel_without_ends", {"tmpl_mode": 1}, "EINVAL", "", "missing"),
    ("tunnel_of_two_families", {**TUNNEL, "tmpl_remote": raw("::1")}, "EINVAL", "tmpl-remote", "do not fit"),
    ("short_end", {**TUNNEL, "tmpl_local": b"1"}, "EINVAL", "tmpl-local", "4 or 16 bytes"),
    ("end_is_no_address", {**TUNNEL, "tmpl_local": raw("0.0.0.0")}, "EINVAL", "", "no address"),
    ("before_none", {"before": 7}, "ENOENT", "before", "no such policy"),
]


@case("6.2-1_offer_is_refused_{what}", [dict(zip(("what", "attrs", "error", "attr", "text"), b)) for b in BAD])
def bad_offer(env, what, attrs, error, attr, text):
    """A bad attribute is named, and nothing is changed."""
    attrs = {k: v for k, v in {**GOOD, **attrs}.items() if v is not None}
    got = env.alice.nl.error("policy-new", **attrs)
    ksft_eq(got[0], error)
    if attr:
        ksft_in(got[1], (attr, ""), "the attribute")
    ksft_in(text, got[2])
    ksft_eq(env.alice.nl.dump("policy-get"), [])


@case("6.2-1_offers_are_listed")
def listed(env):
    """What is listed is what was offered; numbers are not used again."""
    nl = env.alice.nl
    first = offer(env.alice, "10.9.0.2", remote_len=24, proto=6, remote_port=443)
    want = {"action": "offer", "proto": 6, "remote": raw("10.9.0.0"), "remote-len": 24, "remote-port": 443,
            "tmpl-proto": 50, "tmpl-mode": 0, "tmpl-reqid": REQID, "taken": 0}  # fmt: skip
    ksft_eq({k: v for k, v in first.items() if k != "id"}, want)
    ksft_eq(nl.do("policy-get", id=first["id"]), first)
    ends = {"tmpl_mode": 1, "tmpl_local": "fd09::1", "tmpl_remote": "fd09::2"}
    second = offer(env.alice, "fd82::", remote_len=64, local="fd81::1", local_port=1, tmpl_proto=51, **ends)
    ksft_eq((second["local"], second["local-len"], second["tmpl-remote"]), (raw("fd81::1"), 128, raw("fd09::2")))
    ksft_eq(nl.dump("policy-get"), [first, second])
    for command in ("policy-del", "policy-get"):
        ksft_eq(nl.error(command, id=99), ("ENOENT", "id", "no such policy"))
        ksft_eq(nl.error(command)[0], "EINVAL")
    nl.do("policy-del", id=second["id"])
    nl.do("policy-flush", action="offer")
    ksft_eq(nl.dump("policy-get"), [])
    ksft_true(offer(env.alice, "10.9.0.2")["id"] > second["id"])


@case("6.2-1_number_of_offers_is_limited")
def limit(env):
    """One more than there may be is refused."""
    for number in range(MAX_POLICIES):
        offer(env.alice, "10.9.0.2", remote_port=number + 1)
    known = {"action": "offer", "remote": raw("10.9.0.2"), "tmpl_reqid": 1}
    ksft_eq(env.alice.nl.error("policy-new", **known), ("EDQUOT", "", "too many policies"))
    got = env.alice.nl.dump("policy-get")
    ksft_eq([row["remote-port"] for row in got], list(range(1, MAX_POLICIES + 1)))
    env.alice.nl.do("policy-del", id=got[0]["id"])
    offer(env.alice, "10.9.0.2")


if __name__ == "__main__":
    runner.main()
