#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Loading and unloading, with and without latches, under traffic.

RFC 5660 2-1 and the contract: unloading is refused while latches live.
"""

import errno
import os
import socket
import struct

import runner
from expect import is_state
from ipsec import Ipsec
from ktap import DEBUG, case, ksft_eq, ksft_true, times, wait
from latchapi import IP_LATCH, L, ask, ask_to_wait, get_raw, load, module_loaded, request, set_raw, unload, unload_when_idle
from netns import INET

HOSTS = ("alice", "bob")
ORDER = 9  # these leave the module out

TIMES = times(50) if DEBUG else 10


REFUSED = [{"proto": "tcp"}, {"proto": "udp"}]


@case("2-1_unload_is_refused_while_latched_{proto}", REFUSED)
def refused(env, proto):
    """While a latch lives the module stays, and the latch holds."""
    if not module_loaded():
        load(env)
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.flow(proto)
    ksft_true(unload() in (errno.EBUSY, errno.EAGAIN), "refused")
    ksft_true(module_loaded())
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case("2-1_unload_after_flush")
def after_flush(env):
    """`connection flush` makes it possible; listeners that asked for nothing are no obstacle."""
    if not module_loaded():
        load(env)
    ipsec = Ipsec(env.alice, env.bob).up()
    listener = ipsec.listen()
    flow = ipsec.tcp(listener=listener)
    for host in (env.alice, env.bob):
        host.nl.do("conn-flush")
    flow.close()
    unload_when_idle()
    ksft_true(not module_loaded())
    # the listener goes on without
    flow = ipsec.tcp(listener=listener)
    flow.exchange()


@case("5.1-1_request_before_listen_without_ipsec")
def request_then_listen(env):
    """Where nothing is watched, a request has the listener watched: its children know nothing of the module."""
    if not module_loaded():
        load(env)
    ksft_eq(env.bob.stat()["LatchActive"], 0)
    clear = Ipsec(env.alice, env.bob)
    listener = clear.listen(before=lambda sock: ask(sock, mode=L.LATCH_MODE_OFF))
    flows = [clear.tcp(listener=listener) for _ in range(3)]
    flows.pop().close()
    listener.close()
    wait(lambda: env.bob.stat()["LatchActive"] == 0, "the hooks to go")
    unload_when_idle()
    for flow in flows:
        flow.exchange()
        flow.close()


@case("2-12_without_module_the_option_is_unknown")
def unknown(env):
    """ENOPROTOOPT, and neither counters nor sysctls are left."""
    if module_loaded():
        unload_when_idle()
    sock = env.alice.socket()
    ksft_eq(get_raw(sock, IP_LATCH, 216)[0], errno.ENOPROTOOPT)
    ksft_eq(set_raw(sock, bytes(request(mode=0))), errno.ENOPROTOOPT)
    with env.alice:
        ksft_eq([os.path.exists(p) for p in ("/proc/net/latch_stat", "/proc/sys/net/latch")], [False, False])


OLDER = [
    {"what": "tcp4_transport", "fam": 4, "mode": "transport"},
    {"what": "tcp6_transport", "fam": 6, "mode": "transport"},
    {"what": "tcp4_tunnel", "fam": 4, "mode": "tunnel"},
    {"what": "tcp6_tunnel", "fam": 6, "mode": "tunnel"},
]


def is_adopted(sock):
    """Latched in the middle of its life, and says so."""
    ksft_true(is_state(sock, "ESTABLISHED", "NONE", []).flags & L.LATCH_F_ADOPTED, "adopted")


@case("2.3-2_connection_older_than_the_module_{what}", OLDER)
def older(env, fam, mode):
    """It is latched at its next protected segment; a clear one is not, and both go on."""
    if module_loaded():
        unload_when_idle()
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode).up()
    old, idle = ipsec.tcp(), ipsec.tcp()
    clear = Ipsec(env.alice, env.bob, fam=fam, mode="transport" if mode == "tunnel" else "tunnel").tcp()
    for flow in (old, idle, clear):
        flow.exchange()
    load(env)
    # whoever asks waits until the module has looked for connections
    for sock in (old.a, old.b):
        is_state(sock, "NONE")
    for flow in (old, clear):
        flow.exchange()
    is_adopted(old.a)
    is_adopted(old.b)
    is_state(clear.a, "NONE")
    is_state(idle.a, "NONE")
    idle.exchange()
    is_adopted(idle.a)
    old.ask_to_wait()
    env.wire.restart()
    ipsec.flush()
    old.a.send(b"x" * 100)
    is_state(old.a, "BROKEN")
    ksft_eq(env.wire.clear(old), (0, 0))


@case("2.3-2_adopt_0_leaves_connections_alone")
def adopt_off(env):
    """net.latch.adopt=0: a connection that has sent nothing since stays as it is; 1 looks again."""
    if module_loaded():
        unload_when_idle()
    flow = Ipsec(env.alice, env.bob).up().tcp()
    load(env)
    for host in (env.alice, env.bob):
        host.sysctl("adopt", 0)
    flow.exchange()
    is_state(flow.a, "NONE")
    env.alice.sysctl("adopt", 1)
    flow.exchange()
    is_adopted(flow.a)
    is_state(flow.b, "NONE")


@case("2-1_upgrade_under_traffic")
def upgrade(env):
    """Latches are let go, the module is replaced, connections go on and are latched again: not a byte is lost."""
    if not module_loaded():
        load(env)
    ipsec = Ipsec(env.alice, env.bob).up()
    flows = [ipsec.tcp() for _ in range(10)]
    for _ in range(3):
        for flow in flows:
            flow.pump(flow.moved(500))
            is_state(flow.a, "ESTABLISHED", "NONE", [])
        for host in (env.alice, env.bob):
            host.nl.do("conn-release")
        for flow in flows:
            is_state(flow.a, "NONE")
        unload_when_idle()
        for flow in flows:
            flow.pump(flow.moved(500))
        load(env)
    for flow in flows:
        flow.drained()
        flow.exchange()
        is_adopted(flow.a)
        is_adopted(flow.b)


@case("2.3-18_broken_is_not_released")
def broken_stays(env):
    """Nothing passes by this that did not before: a broken latch stays, the others go."""
    if not module_loaded():
        load(env)
    ipsec = Ipsec(env.alice, env.bob).up()
    good = ipsec.tcp()
    other = Ipsec(env.alice, env.bob, mode="tunnel", reqid=2).up()
    broken = other.tcp(before=ask_to_wait)
    env.alice.ip(other.policy(env.alice, "out", "delete"))
    number = is_state(broken.a, "BROKEN").id
    ksft_eq(env.alice.nl.error("conn-release", id=number)[0], "EBUSY")
    ksft_eq(env.alice.nl.error("conn-release")[0], "EBUSY")
    is_state(broken.a, "BROKEN")
    is_state(good.a, "NONE")
    good.exchange()


@case(f"2-1_load_and_unload_{TIMES}_times_under_traffic", limit=240)
def many_times(env):
    """In and out while protected and clear flows run that began before; none of them notices."""
    if module_loaded():
        unload_when_idle()
    ipsec = Ipsec(env.alice, env.bob).up()
    protected = ipsec.tcp()
    clear = Ipsec(env.alice, env.bob, mode="tunnel").tcp()
    for _ in range(TIMES):
        load(env)
        for flow in (protected, clear):
            flow.pump(flow.moved(500))
        ipsec.rekey()
        for host in (env.alice, env.bob):
            host.nl.do("conn-release")
        unload_when_idle()
        for flow in (protected, clear):
            flow.pump(flow.moved(500))
    protected.drained()
    clear.drained()


def start_opener(ipsec, listener):
    """A process that opens flows, protected ones, each time it is told to: (its number, where to tell)."""
    inside, out = os.pipe()
    pid = os.fork()
    if pid:
        os.close(inside)
        return pid, out
    os.close(out)
    addr = listener.getsockname()[:2]
    try:
        with ipsec.a:
            while os.read(inside, 1):
                for n in range(40):
                    with socket.socket(INET[ipsec.fam], (socket.SOCK_STREAM, socket.SOCK_DGRAM)[n % 2]) as sock:
                        sock.settimeout(0.2)
                        try:
                            # no TIME_WAIT
                            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            sock.connect(addr)
                            sock.send(b"x")
                            listener.accept()[0].close()
                        except OSError:
                            pass
    finally:
        os._exit(0)


def close_waiting(listener):
    """Close what waits for accept()."""
    try:
        while True:
            listener.accept()[0].close()
    except BlockingIOError:
        pass


def goes(listener):
    """Does the module go now?  It may say that it is in use; connections that nobody accepts hold it."""
    close_waiting(listener)
    error = unload()
    ksft_true(error in (0, errno.EAGAIN, errno.EBUSY), os.strerror(error))
    return not error


@case("2-1_unload_20_times_while_flows_open_{fam}", [{"fam": 4}, {"fam": 6}], limit=240)
def opening(env, fam):
    """The module goes, or says that it is in use, while new flows come: none is left with a module that is gone."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    listener = ipsec.listen()
    listener.setblocking(False)
    pid, tell = start_opener(ipsec, listener)
    try:
        for _ in range(20):
            if not module_loaded():
                load(env)
            os.write(tell, b"x")
            wait(lambda: goes(listener), "the module to go", 30)
    finally:
        os.close(tell)
        os.waitpid(pid, 0)
    close_waiting(listener)
    load(env)
    flow = ipsec.tcp(listener=listener)
    flow.exchange()
    is_state(flow.a, "ESTABLISHED", "NONE", [])


@case(f"2-1_load_latch_flush_unload_{TIMES}_times", limit=240)
def whole_lives(env):
    """Whole lives: load, latch, break, restore, close, unload."""
    if module_loaded():
        unload_when_idle()
    for _ in range(TIMES):
        load(env)
        ipsec = Ipsec(env.alice, env.bob).up().identify()
        flows = [ipsec.tcp(), ipsec.udp()]
        env.alice.ip("xfrm state flush")
        ipsec.flush()
        ipsec.up()
        for flow in flows:
            flow.close()
        for host in (env.alice, env.bob):
            host.nl.do("conn-flush")
            host.reset()
        unload_when_idle()
    ksft_true(not module_loaded())


if __name__ == "__main__":
    runner.main()
