#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""IP_LATCH_ALERTS: a record of each change of a latch in the error queue of its socket.

RFC 5660 2.2-9, 2.3-2, 2.3-10, 2.3-15, 5.5-1.
"""

import errno
import fcntl
import os
import select
import signal
import socket

import runner
from expect import Moves, is_state
from flow import FLOWS, error_of
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_ge, ksft_ne, ksft_true, wait
from latchapi import L, alerts, ask, ask_alerts, get_raw, info, level_of, next_alert, set_raw
from netns import INET
from scenes import ruleset
from test_life import disconnect

HOSTS = ("alice", "bob", "mallory")
FAMS = [{"fam": 4}, {"fam": 6}]
MAPPED = [*FLOWS, {"flow": "tcp_mapped", "proto": "tcp", "fam": 4}, {"flow": "udp_mapped", "proto": "udp", "fam": 4}]


def quiet(sock):
    """Ask for records, and wait for the end of a conflict."""
    ask(sock, disposition=L.LATCH_DISP_WAIT)
    ask_alerts(sock)


def summary(records):
    """State, reason and errno of each."""
    return [(r.state_name, r.reason_name, errno.errorcode[r.errno]) for r in records]


def polled(sock):
    """What poll() says of a socket at once."""
    poll = select.poll()
    poll.register(sock, 0)
    return sum(events for _, events in poll.poll(0))


@case("2.3-10_record_of_each_change_{flow}", MAPPED)
def each_change(env, flow, proto, fam):
    """Established, broken, established again, closed: one record each, told once, with number, reason and address."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    f = ipsec.flow(proto, before=quiet, mapped="mapped" in flow)
    f.exchange()
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    is_state(f.a, "BROKEN", "POLICY_IN")
    env.alice.ip(ipsec.policy(env.alice, "in"))
    got = alerts(f.a)
    ksft_eq(
        summary(got),
        [("ESTABLISHED", "NONE", "ENOMSG"), ("BROKEN", "POLICY_IN", "ENOMSG"), ("ESTABLISHED", "POLICY_IN", "ENOMSG")],
    )
    now = info(f.a)
    for record in got:
        ksft_eq((record.id, record.peer, record.child), (now.id, now.peer, False))
        ksft_eq((record.local, record.remote), ((now.local_addr, f.ports[0]), (now.remote_addr, f.ports[1])))
        ksft_eq(record.name[:2], f.a.getpeername()[:2])
        ksft_eq(record.flags, L.LATCH_F_PEER_IDENTIFIED)
    ksft_eq([r.conflicts for r in got], [0, 1 << L.LATCH_REASON_POLICY_IN, 0])
    env.alice.nl.do("conn-close", id=now.id)
    ksft_eq(summary(alerts(f.a)), [("CLOSED", "ADMIN", "ECONNRESET" if proto == "tcp" else "ENOMSG")])
    ksft_eq((alerts(f.a), alerts(f.b)), ([], []))


@case("2.2-9_record_wakes_poll_{flow}", FLOWS)
def wakes(env, proto, fam):
    """EPOLLERR until the record is read; a break under "wait" is then not silent for who asks."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=quiet)
    flow.exchange()
    alerts(flow.a)
    with select.epoll() as epoll:
        epoll.register(flow.a, select.EPOLLET)
        ksft_eq(epoll.poll(0), [])
        env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
        ksft_eq(epoll.poll(10), [(flow.a.fileno(), select.EPOLLERR)])
    ksft_eq(summary(alerts(flow.a)), [("BROKEN", "POLICY_IN", "ENOMSG")])
    ksft_eq(polled(flow.a), 0)


DISPOSITIONS = [
    {**f, "word": word, "disposition": disposition, "error": error}
    for f in FLOWS
    for word, disposition, error in (
        ("reset", L.LATCH_DISP_RESET, errno.ECONNRESET),
        ("unreach", L.LATCH_DISP_UNREACH, errno.EHOSTUNREACH),
    )
]


@case("5.5-1_record_names_the_error_{word}_{flow}", DISPOSITIONS)
def names_error(env, proto, fam, disposition, error):
    """The record of the break has the errno that the socket gets, and is there before that."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=ask_alerts)
    flow.exchange()
    ask(flow.a, disposition=disposition)
    alerts(flow.a)
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    ksft_eq(error_of(flow.a), error)
    got = next_alert(flow.a)
    ksft_eq((got.state_name, got.reason_name, got.errno), ("BROKEN", "POLICY_IN", error))
    if proto == "tcp":
        is_state(flow.a, "CLOSED")
    rest = [("CLOSED", "POLICY_IN", "ENOMSG")] if proto == "tcp" else []
    ksft_eq(summary(alerts(flow.a)), rest)


@case("2.3-10_record_of_what_was_put_off_{flow}", FLOWS)
def put_off(env, proto, fam):
    """One that says "pending" when it breaks, another one with the error when the time is over."""
    env.alice.sysctl("break_grace_ms", 150)
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=lambda s: (ask(s, disposition=L.LATCH_DISP_RESET), ask_alerts(s)))
    flow.exchange()
    alerts(flow.a)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    ksft_eq(error_of(flow.a), errno.ECONNRESET)
    got = alerts(flow.a)[:2]
    ksft_eq(summary(got), [("BROKEN", "POLICY_OUT", "ENOMSG"), ("BROKEN", "POLICY_OUT", "ECONNRESET")])
    ksft_eq([(r.old_state, r.flags & L.LATCH_F_PENDING) for r in got],
            [(L.LATCH_STATE_ESTABLISHED, L.LATCH_F_PENDING), (L.LATCH_STATE_BROKEN, 0)])  # fmt: skip


@case("2.3-10_record_of_a_peer_that_became_known_{flow}", FLOWS)
def identified(env, proto, fam):
    """The flow was latched without: one record when somebody says who it is."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto, before=quiet)
    flow.exchange()
    ksft_eq([r.flags for r in alerts(flow.a)], [L.LATCH_F_PEER_UNKNOWN])
    ipsec.identify()
    ipsec.rekey()
    flow.exchange()
    got = alerts(flow.a)
    ksft_eq([(r.state, r.old_state, r.flags) for r in got],
            [(L.LATCH_STATE_ESTABLISHED, L.LATCH_STATE_ESTABLISHED, L.LATCH_F_PEER_IDENTIFIED)])  # fmt: skip
    ksft_eq(got[0].peer, env.alice.peer("bob"))


@case("2.3-10_no_record_unless_asked_{flow}", FLOWS)
def not_asked(env, proto, fam):
    """Nothing changes for a program that does not ask, or has taken it back."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=quiet)
    flow.exchange()
    flow.ask_to_wait()
    ksft_eq(len(alerts(flow.a)), 1)
    ask_alerts(flow.a, 0)
    for host in (env.alice, env.bob):
        host.ip(ipsec.policy(host, "in", "delete"))
    is_state(flow.a, "BROKEN")
    is_state(flow.b, "BROKEN")
    ksft_eq((alerts(flow.a), alerts(flow.b)), ([], []))
    ksft_eq((polled(flow.a), polled(flow.b)), (0, 0))


@case("2.3-10_record_that_finds_no_room_{flow}", FLOWS)
def no_room(env, proto, fam):
    """The receive buffer bounds them: what is lost is counted, and the next record says so."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    flow = ipsec.flow(proto, before=quiet)
    flow.exchange()
    alerts(flow.a)
    flow.a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    lost = env.alice.stat()["LatchAlertsLost"]
    rounds = 0
    while env.alice.stat()["LatchAlertsLost"] == lost and rounds < 100:
        env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
        is_state(flow.a, "BROKEN")
        env.alice.ip(ipsec.policy(env.alice, "in"))
        is_state(flow.a, "ESTABLISHED")
        rounds += 1
    missing = env.alice.stat()["LatchAlertsLost"] - lost
    ksft_ge(missing, 1)
    got = alerts(flow.a)
    ksft_eq(len(got) + missing, 2 * rounds)
    ksft_true(not any(r.flags & L.LATCH_F_ALERTS_LOST for r in got))
    env.alice.ip(ipsec.policy(env.alice, "in", "delete"))
    env.alice.ip(ipsec.policy(env.alice, "in"))
    ksft_eq([r.flags & L.LATCH_F_ALERTS_LOST for r in alerts(flow.a)], [L.LATCH_F_ALERTS_LOST, 0])


@case("2.3-10_record_of_a_flow_that_comes_later_{flow}", FLOWS)
def later_flow(env, proto, fam):
    """The wish of a socket that has no latch is kept, also for the connection after the next."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam)
    sock = env.alice.socket(INET[fam], socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    ask_alerts(sock)
    ksft_eq(sock.getsockopt(level_of(sock), L.IP_LATCH_ALERTS), 1)
    ipsec.up()
    numbers = set()
    for _ in range(2):
        if proto == "tcp":
            listener = ipsec.listen()
            sock.connect(listener.getsockname()[:2])
            child = env.bob.owns(listener.accept()[0])
            child.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            wait(lambda: alerts_seen(sock, numbers), "the record")
            child.close()
            ksft_eq(error_of(sock), errno.ECONNRESET)
            ksft_eq(summary(alerts(sock)), [("CLOSED", "RELEASED", "ENOMSG")])
            disconnect(sock)
            sock.setblocking(True)
        else:
            peer = env.bob.socket(INET[fam], socket.SOCK_DGRAM)
            peer.bind((ipsec.addr(env.bob), 0))
            sock.connect(peer.getsockname()[:2])
            sock.send(b"x")
            wait(lambda: alerts_seen(sock, numbers), "the record")
    ksft_eq(len(numbers), 2)


def alerts_seen(sock, numbers):
    """Add the numbers of latches that were established; are there any?"""
    new = {r.id for r in alerts(sock) if r.state_name == "ESTABLISHED"}
    numbers |= new
    return new


# --- listeners ------------------------------------------------------------------------------
CHILDREN = [{"flow": f"tcp{fam}{m}", "fam": fam, "mapped": bool(m)} for fam, m in ((4, ""), (6, ""), (4, "_mapped"))]


@case("2.3-2_listener_has_a_record_of_its_child_{flow}", CHILDREN)
def child_latched(env, fam, mapped):
    """One, with the number of the child's latch and the address that accept() gives; children inherit the wish."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = ipsec.listen(mapped=mapped, before=quiet)
    flow = ipsec.tcp(listener=listener, mapped=mapped)
    flow.exchange()
    (got,) = alerts(listener)
    now = info(flow.b)
    ksft_eq((got.child, got.state_name, got.id, got.peer), (True, "ESTABLISHED", now.id, now.peer))
    ksft_eq(got.name[:2], flow.b.getpeername()[:2])
    ksft_eq(alerts(flow.b), [])
    env.bob.ip(ipsec.policy(env.bob, "in", "delete"))
    is_state(flow.b, "BROKEN")
    ksft_eq(summary(alerts(flow.b)), [("BROKEN", "POLICY_IN", "ENOMSG")])
    ksft_eq(alerts(listener), [])


@case("2.3-15_listener_has_a_record_of_a_child_without_latch_{flow}", CHILDREN)
def child_unlatched(env, fam, mapped):
    """Where the connection came in clear, with IPsec in the namespace or without."""
    for up in (False, True):
        ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow="proto udp")
        if up:
            ipsec.up()
        listener = ipsec.listen(mapped=mapped, before=ask_alerts)
        flow = ipsec.tcp(listener=listener, mapped=mapped)
        flow.exchange()
        (got,) = alerts(listener)
        ksft_eq((got.child, got.state_name, got.id), (True, "NONE", 0))
        ksft_eq(got.name[:2], flow.b.getpeername()[:2])
        ksft_eq((got.local[1], got.remote[1]), flow.ports[::-1])


@case("2.3-15_listener_has_a_record_of_a_broken_child_{flow}", CHILDREN)
def child_broken(env, fam, mapped):
    """A SYN over conflicting SAs: its latch is born BROKEN, and the listener's owner hears of it once."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up().identify()
    listener = ipsec.listen(mapped=mapped, before=quiet)
    hers = ipsec.new_sas()
    for sa in hers:
        env.bob.bind("mallory", "bob", sa=sa)
    env.bob.ip(*[sa.add() for sa in hers])
    sock = env.alice.socket(INET[fam])
    sock.setblocking(False)
    with Moves(env.bob, LatchLatches=1, LatchBroken=1, at_least=["LatchInBroken"]):
        ksft_eq(sock.connect_ex((ipsec.addr(env.bob), listener.getsockname()[1])), errno.EINPROGRESS)
    (got,) = alerts(listener)
    ksft_eq((got.child, got.state_name, got.reason_name), (True, "BROKEN", "PEER"))
    ksft_eq(got.name[1], sock.getsockname()[1])


@case("2.3-15_no_record_of_a_syn_in_clear_{fam}", FAMS)
def only_syn(env, fam):
    """Somebody who only sends SYNs makes no record: the listener's owner hears of connections."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, narrow="proto udp").up()
    listener = ipsec.listen(before=ask_alerts)
    rule = f"tcp dport {listener.getsockname()[1]} tcp flags & (syn | ack) == ack drop;"
    chain = f"chain c {{\n type filter hook output priority 0; {rule}\n }}"
    with ruleset(env.alice, f"table inet t {{\n {chain}\n}}\n"):
        sock = env.alice.socket(INET[fam])
        sock.connect(listener.getsockname()[:2])
        ksft_eq(alerts(listener), [])
    sock.send(b"x")
    wait(lambda: len(alerts(listener)) == 1, "the record of the connection")


@case("2.2-9_listener_is_signalled")
def signalled(env):
    """poll() of a listener never says EPOLLERR, whatever is in its queue; SIGIO comes all the same."""
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen(before=ask_alerts)
    seen = []
    old = signal.signal(signal.SIGIO, lambda *_: seen.append(1))
    try:
        fcntl.fcntl(listener, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(listener, fcntl.F_SETFL, fcntl.fcntl(listener, fcntl.F_GETFL) | os.O_ASYNC)
        env.bob.nl.do("conn-close", id=info(listener).id)
        wait(lambda: seen, "SIGIO")
    finally:
        signal.signal(signal.SIGIO, old)
    ksft_eq(polled(listener) & select.POLLERR, 0)
    ksft_eq(summary(alerts(listener)), [("CLOSED", "ADMIN", "ENOMSG")])


# --- the option -------------------------------------------------------------------------------
WRONG = [
    {"what": "short", "data": b"\1\0\0", "error": errno.EINVAL},
    {"what": "two", "data": b"\2\0\0\0", "error": errno.EINVAL},
    {"what": "negative", "data": b"\xff\xff\xff\xff", "error": errno.EINVAL},
]


@case("2.3-10_alerts_option_refuses_{what}", WRONG)
def refused(env, data, error):
    """An error, and nothing changes."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        sock = env.alice.socket(kind=kind)
        ksft_eq(set_raw(sock, data, option=L.IP_LATCH_ALERTS), error)
        ksft_eq(get_raw(sock, L.IP_LATCH_ALERTS, 4), (0, 4, bytes(4)))
        ask_alerts(sock)
        ksft_eq(set_raw(sock, data, option=L.IP_LATCH_ALERTS), error)
        ksft_eq(get_raw(sock, L.IP_LATCH_ALERTS, 4), (0, 4, b"\1\0\0\0"))


@case("2.3-10_alerts_option_of_other_sockets_and_sizes")
def other_sockets(env):
    """EOPNOTSUPP where there are no latches, EINVAL where the value has no room, EFAULT at a bad pointer."""
    raw = env.alice.socket(kind=socket.SOCK_RAW, proto=17)
    ksft_eq(set_raw(raw, b"\1\0\0\0", option=L.IP_LATCH_ALERTS), errno.EOPNOTSUPP)
    ksft_eq(get_raw(raw, L.IP_LATCH_ALERTS, 4)[0], errno.EOPNOTSUPP)
    sock = env.alice.socket()
    ksft_eq(get_raw(sock, L.IP_LATCH_ALERTS, 3)[0], errno.EINVAL)
    ksft_eq(set_raw(sock, b"\1\0\0\0", option=L.IP_LATCH_ALERTS, pointer=1), errno.EFAULT)
    ksft_eq(get_raw(sock, L.IP_LATCH_ALERTS, 4), (0, 4, bytes(4)))
    # what lies between is another option's, or nobody's
    ksft_ne(set_raw(sock, b"\1\0\0\0", option=L.IP_LATCH_LAST + 1), 0)


if __name__ == "__main__":
    runner.main()
