#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What happens without the module: every case here expects the leak.

So the scenes that the other files play with the module are known to be able
to fail, and the capture to see what it must.
"""

import forge
import runner
from flow import FLOWS, SECRET
from ipsec import Ipsec
from ktap import case, ksft_ge, ksft_true, wait
from scenes import AddressTakeover, FouPort, TimeWait

WITHOUT_MODULE = True
HOSTS = ("alice", "bob", "mallory")


@case("2-10_leak_without_module_flush_{flow}", FLOWS)
def flush(env, proto, fam):
    """Policies and SAs are flushed under a live transfer: it goes on in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    env.wire.restart()
    flow.pump(flow.moved(4000 if proto == "tcp" else 20))
    ksft_true(env.wire.clear(flow) == (0, 0), "clear text before the flush")
    ksft_ge(env.wire.protected(), 4)
    ipsec.flush()
    flow.pump(flow.moved(4000 if proto == "tcp" else 20))
    frames, size = env.wire.clear(flow)
    ksft_ge(frames, 4)
    ksft_ge(size, 4000)
    flow.close()


@case("2.2-6_leak_without_module_stranger_{flow}", FLOWS)
def stranger(env, proto, fam):
    """A third host with the peer's address gets the data of the live flow."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    attack = AddressTakeover(env, ipsec)
    attack.start()
    attack.add_sas()
    stolen = []

    def took():
        stolen.extend(attack.stolen(flow))
        return len(stolen) >= 2

    flow.pump(took, ways=((flow.a, flow.b),))
    ksft_true(any(SECRET in data for _, data in stolen), "the stranger read what was not meant for it")
    attack.end()


@case("2-11_leak_without_module_forged_data_{flow}", FLOWS)
def forged_data(env, proto, fam):
    """A clear datagram or in-window segment of a third host reaches the application."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = ipsec.flow(proto)
    if proto == "tcp":
        flow.exchange()
    env.mallory.frame(env.alice.mac, *forge.into(flow, forge.PSH | forge.ACK, b"forged"))
    flow.a.settimeout(10)
    ksft_true(flow.a.recv(100) == b"forged")


@case("6.5-1_leak_without_module_forged_rst_{flow}", [f for f in FLOWS if f["proto"] == "tcp"])
def forged_rst(env, fam):
    """A clear RST of a third host ends the protected connection."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = ipsec.tcp()
    flow.exchange()
    env.mallory.frame(env.alice.mac, *forge.into(flow, forge.RST))
    wait(lambda: is_over(flow.a), "the reset")


@case("2-11_leak_without_module_fragments_{flow}", [f for f in FLOWS if f["fam"] == 6])
def fragments(env, proto, fam):
    """Clear fragments, of which the first one does not say what protocol it is of, reach the application."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = ipsec.flow(proto)
    _, packet = forge.into(flow, forge.PSH | forge.ACK, b"forged")
    for part in forge.fragments(forge.within(packet, forge.DEST_OPTS, forge.DEST_OPTS), 8):
        env.mallory.frame(env.alice.mac, forge.ETHERTYPE[fam], part)
    flow.a.settimeout(10)
    ksft_true(flow.a.recv(100) == b"forged")


@case("2-11_leak_without_module_half_in_clear_{flow}", [f for f in FLOWS if f["proto"] == "udp"])
def half_in_clear(env, fam):
    """One fragment out of the tunnel and one in clear make a datagram, under a policy that demands protection."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode="tunnel", suite="null").up()
    flow = ipsec.udp(carry=False)
    sa = next(sa for sa in ipsec.sas if sa.dst == env.alice.addr(fam))
    first, second = forge.fragments(forge.into(flow, data=b"m" * 64)[1], 32)
    for packet in (forge.protect(first, sa.spi, 1, (sa.src, sa.dst)), second):
        env.mallory.frame(env.alice.mac, forge.ETHERTYPE[fam], packet)
    ksft_true(flow.a.recv(100) == b"m" * 64)


@case("2-11_leak_without_module_gue_{flow}", FLOWS)
def gue(env, proto, fam):
    """A clear datagram to a port of GUE brings a forgery to the application."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = ipsec.flow(proto)
    with FouPort(env, env.alice, fam, "gue", proto) as port:
        port.send_into(flow, b"forged")
        flow.a.settimeout(10)
        ksft_true(flow.a.recv(100) == b"forged")


@case("2-10_leak_without_module_rst_of_close_{flow}", [f for f in FLOWS if f["proto"] == "tcp"])
def rst_of_close(env, fam):
    """close() with unread data, after a flush, sends a RST in clear."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.tcp()
    flow.exchange()
    flow.b.send(b"unread")
    wait(lambda: not flow.silent(flow.a), "the data")
    env.wire.restart()
    ipsec.flush()
    flow.a.close()
    wait(lambda: env.wire.clear(flow)[0] >= 1, "the RST in clear")


@case("2-10_leak_without_module_time_wait_{fam}", [{"fam": 4}, {"fam": 6}])
def time_wait(env, fam):
    """TIME_WAIT answers in clear as soon as its policy is gone."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.tcp()
    over = TimeWait(flow, flow.a)
    env.alice.ip(ipsec.policy(env.alice, "out", "delete"))
    env.wire.restart()
    over.send_old_segment()
    wait(lambda: env.wire.clear(flow)[0] == 1, "the answer in clear")


def is_over(sock):
    """Did the connection end, in whatever way?"""
    try:
        sock.setblocking(False)
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


@case("2.3-13_leak_without_module_bypass_policy_{flow}", FLOWS)
def bypass(env, proto, fam):
    """A policy that lets the flow go unprotected takes its protection away."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, level="use").up()
    flow = ipsec.flow(proto)
    env.wire.restart()
    env.alice.ip(f"xfrm policy add {ipsec.selector(env.alice, env.bob)} proto {proto} dir out action allow priority 1")
    flow.pump(lambda: env.wire.clear(flow)[1] >= 105, ways=((flow.a, flow.b),))


@case("2.3-13_leak_without_module_bypass_policy_that_is_gone_udp4")
def stale_bypass(env):
    """A socket keeps the route that it found while there was a bypass policy."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flow = ipsec.udp()
    words = f"{ipsec.selector(env.alice, env.bob)} proto udp dir out"
    env.alice.ip(f"xfrm policy add {words} action allow priority 1")
    flow.a.send(b"clear")
    env.alice.ip(f"xfrm policy delete {words}")
    env.wire.restart()
    flow.a.send(b"still clear")
    ksft_true(env.wire.clear(flow) == (1, 11))


@case("2-7_leak_without_module_null_rekey_{flow}", FLOWS)
def null_rekey(env, proto, fam):
    """SAs without encryption replace the latched ones: the text can be read on the link."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam).up()
    flow = ipsec.flow(proto)
    env.wire.restart()
    ipsec.suites = ["null"]
    ipsec.rekey()
    flow.pump(flow.moved(2000 if proto == "tcp" else 10))
    env.wire.sync()
    ksft_true(any(SECRET in frame for frame, _ in env.wire.frames))


if __name__ == "__main__":
    runner.main()
