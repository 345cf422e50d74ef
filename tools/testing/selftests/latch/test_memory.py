#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Memory runs out while latching: dropped, counted, never passed.  Debug kernel only.

RFC 5660 2-8, 2-9, 2-11; the promise: unknown is never trusted.
"""

import contextlib
import errno
import socket

import runner
from expect import Moves, is_state
from flow import FLOWS
from ipsec import Ipsec
from ktap import DEBUG, case, ksft_eq, ksft_true, wait
from latchapi import L, ask_to_wait, info, request, set_raw

HOSTS = ("alice", "bob")
CASES = []

FAILSLAB = "/sys/kernel/debug/failslab/"
CACHE = "/sys/kernel/slab/latch/failslab"
STEP = 64  # bytes: less than what is worth allocating
MOST = 200  # steps that one call may be found to need


def write_file(path, value):
    with open(path, "w", encoding="ascii") as f:
        f.write(str(value))


def failslab(**settings):
    """What shall fail from now on."""
    base = {"cache-filter": "N", "task-filter": "N", "ignore-gfp-wait": "N", "verbose": 0, "interval": 1, "space": 0,
            "require-start": 0, "require-end": hex(2**64 - 1), "probability": 100}  # fmt: skip
    for name, value in {**base, **{k.replace("_", "-"): v for k, v in settings.items()}}.items():
        write_file(FAILSLAB + name, value)


def nothing_fails():
    write_file(FAILSLAB + "times", 0)
    write_file(FAILSLAB + "probability", 0)


@contextlib.contextmanager
def no_latches():
    """Every allocation of a latch fails, in whatever context."""
    write_file(CACHE, 1)
    failslab(cache_filter="Y", times=-1)
    try:
        yield
    finally:
        nothing_fails()
        write_file(CACHE, 0)


def module_text():
    """First and last address of the module's code."""
    with open("/proc/modules", encoding="ascii") as f:
        size, start = next((int(w[1]), int(w[5], 16)) for w in map(str.split, f) if w[0] == "ipsec_latch")
    return start, start + size


@contextlib.contextmanager
def one_fails(after):
    """After so many bytes one allocation made by the module fails, in whatever context.

    Yields a list that says in the end whether it came to that.
    """
    start, end = module_text()
    failslab(require_start=hex(start), require_end=hex(end), space=after, times=1)
    used = []
    try:
        yield used
    finally:
        with open(FAILSLAB + "times", encoding="ascii") as f:
            used.append(int(f.read()) == 0)
        nothing_fails()


def active_open(env, proto, fam):
    """No memory for the latch of an outgoing flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = ipsec.listen()
    sink = ipsec.udp(carry=False)
    sock = env.alice.socket(listener.family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
    sock.setblocking(False)
    env.wire.restart()
    with no_latches(), Moves(env.alice, at_least=["LatchOutNoMem"], may=["LatchRefused"]):
        if proto == "tcp":
            sock.connect_ex(listener.getsockname()[:2])
        else:
            sock.connect(sink.b.getsockname()[:2])
            sock.send(b"x")
    ksft_eq(env.wire.protected(), 0)
    ksft_eq(env.alice.stat()["LatchLatches"], 0)
    if proto == "tcp":
        wait(lambda: info(sock).state_name == "ESTABLISHED", "the SYN that is sent again")
    else:
        sock.send(b"x")
        is_state(sock, "ESTABLISHED")


def passive_open(env, proto, fam):
    """No memory for the latch of an incoming flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    env.bob.sysctl("auto", 0)  # only alice needs memory
    if proto == "tcp":
        listener = ipsec.listen(env.alice)
        sock = env.bob.socket(listener.family)
        sock.setblocking(False)
        with no_latches(), Moves(env.alice, at_least=["LatchInNoMem"], may=["LatchRefused"]):
            sock.connect_ex(listener.getsockname()[:2])
        ksft_eq(sock.getsockopt(socket.IPPROTO_TCP, 11, 1), b"\x02", "still SYN_SENT")
        wait(lambda: sock.getsockopt(socket.IPPROTO_TCP, 11, 1) == b"\x01", "the connection")
        is_state(env.alice.owns(listener.accept()[0]), "ESTABLISHED")
        return
    flow = ipsec.udp(carry=False)
    with no_latches(), Moves(env.alice, LatchInNoMem=1, may=["LatchRefused"]):
        flow.b.send(b"x")
    ksft_true(flow.silent(flow.a))
    flow.exchange()
    is_state(flow.a, "ESTABLISHED")


def setsockopt_fails(env):
    """setsockopt(): ENOMEM, and the demand is not half there."""
    for number in range(MOST):
        sock = env.alice.socket()
        data = bytes(request(mode=L.LATCH_MODE_REQUIRE, peer_id="bob"))
        with one_fails(number * STEP) as used:
            error = set_raw(sock, data)
        ksft_true(error in (0, errno.ENOMEM, errno.ENOBUFS), error)
        if error:
            ksft_eq(info(sock).mode, L.LATCH_MODE_AUTO)
        sock.close()
        if not used[0]:
            ksft_true(number, "not one allocation failed")
            return
    ksft_true(False, "it never ended")


def every_allocation(env, proto, fam):
    """Each allocation of the first packet's way fails once: latched or lost, never passed unlatched."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = ipsec.listen()
    sink = ipsec.udp(carry=False)
    for number in range(MOST):
        sock = env.alice.socket(listener.family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM)
        if proto == "tcp":
            # UDP waits without being asked, and so has no latch before its first packet
            ask_to_wait(sock)
        sock.setblocking(False)
        target = listener.getsockname()[:2] if proto == "tcp" else sink.b.getsockname()[:2]
        with one_fails(number * STEP) as used, contextlib.suppress(OSError, MemoryError):
            sock.connect_ex(target)
            if proto == "udp":
                sock.send(b"x")
        got = info(sock)
        connected = proto == "tcp" and sock.getsockopt(socket.IPPROTO_TCP, 11, 1) == b"\x01"
        ksft_true(got.state_name in ("NONE", "ESTABLISHED"), got.state_name)
        ksft_true(got.state_name == "ESTABLISHED" or not connected, "connected, but not latched")
        sock.close()
        if not used[0]:
            ksft_true(number, "not one allocation failed")
            return
    ksft_true(False, "it never ended")


if DEBUG:
    case("2-8_no_memory_for_an_outgoing_flow_{flow}", FLOWS)(active_open)
    case("2-9_no_memory_for_an_incoming_flow_{flow}", FLOWS)(passive_open)
    case("2-16_no_memory_for_a_request")(setsockopt_fails)
    case("2-8_every_allocation_fails_once_{flow}", FLOWS, limit=120)(every_allocation)


if __name__ == "__main__":
    runner.main()
