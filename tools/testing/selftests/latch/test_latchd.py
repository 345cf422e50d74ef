#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""latchd(8): identities from IKE daemons that do not tell them themselves.

strongSwan without its plugin (VICI), libreswan without latch-updown (whack); latchd
late, slow, stopped, killed and started again, and fed with garbage.
RFC 5660 2-5, 2-6, 2-7, 2-21, 2-23, 2.3.2.
"""

import functools
import os
import random
import select
import signal
import socket
import struct
import subprocess

import ktap
import lswscenes
import runner
from daemon import Daemon
from expect import both_know_peers, is_state, knows_peer, untouched
from flow import FLOWS
from ikenet import IkeNet
from ikescenes import StrongSwanTakeover, any_member, carry_data, connect, trap_policies
from ipsec import Ipsec
from ktap import TOP, ksft_eq, ksft_true, wait
from latchapi import L, info
from vici import Vici

IKE = True

LATCHD = TOP / "tools/latchd/latchd"
case = functools.partial(ktap.case, limit=600)


class Latchd(Daemon):
    """latchd on a host."""

    def __init__(self, net, host):
        super().__init__(host, net.pki)
        self.net = net

    def start(self, **settings):
        daemon = self.net.daemons.get(self.host)
        sockets = {"vici-socket": "/none", "pluto-socket": "/none", "log": "debug"}
        if daemon:
            sockets["pluto-socket" if isinstance(daemon, lswscenes.Pluto) else "vici-socket"] = daemon.socket
        conf = {**sockets, **{k.replace("_", "-"): v for k, v in settings.items()}}
        (self.path / "conf").write_text("".join(f"{k} = {v}\n" for k, v in conf.items()), encoding="ascii")
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.settimeout(60)
        with told:
            told.bind(f"{self.path}/notify")
            self._spawn(LATCHD, "-c", self.path / "conf", env={"NOTIFY_SOCKET": f"{self.path}/notify"})
            ksft_eq(told.recv(100), b"READY=1")
        os.unlink(self.path / "notify")
        return self

    def says(self, text, times=1):
        wait(lambda: self.log().count(text) >= times, f"latchd to say {text!r}", 30)

    def forget(self):
        self.stop(signal.SIGCONT)
        self.stop()

    def stop(self, number=signal.SIGTERM):
        if number == signal.SIGCONT:
            if self.running:
                self.send(number)
            return
        super().stop(number)


class LatchdNet(IkeNet):
    """A latchd on each host, beside its IKE daemon."""

    def __init__(self, *names, **options):
        self.latchds = {}
        super().__init__(*names, **options)

    def latchd(self, host):
        if host not in self.latchds:
            self.latchds[host] = Latchd(self, host)
        return self.latchds[host]

    def reset(self):
        for daemon in self.latchds.values():
            daemon.forget()
            daemon.log_file.unlink(missing_ok=True)
            (daemon.path / "stdout").unlink(missing_ok=True)
        super().reset()
        for host in self.hosts:
            host.nl.do("manager-set", active=0)

    def close(self):
        for daemon in self.latchds.values():
            daemon.close()
        self.latchds.clear()
        super().close()


def setup():
    settings = "retransmit_tries = 3\nretransmit_timeout = 1\nretransmit_base = 1"
    net = LatchdNet("alice", "bob", "mallory", settings=settings)
    # from now on it comes from memory
    net.alice.run(LATCHD, "-t")
    return net


def all_sas_bound(host):
    """Every SA has its own binding, which goes with it."""
    rows = host.nl.dump("binding-get")
    return {r.get("spi") for r in rows} == lswscenes.spis_of(host) and all(r.get("with-sa") for r in rows)


KINDS = [{**f, "ike": ike} for f in FLOWS[:3] for ike in ("charon", "pluto")]


def connect_daemons(env, ike, fam=4, when="before", wait_ms=60000, **options):
    """Alice and bob have SAs; their latchds are started before them, or after."""
    hosts = (env.alice, env.bob)
    for host in hosts:
        host.sysctl("identity_wait_ms", wait_ms)
    if ike == "charon":
        for host in hosts:
            lswscenes.strongswan_at(env, host, plugin=False)
        ipsec = trap_policies(env, fam, **options)
    else:
        ipsec = lswscenes.trap_policy(env, fam, updown="%disabled", **options)
    if when == "before":
        for host in hosts:
            env.latchd(host).start()
    make_sas(env, ike)
    if when == "after":
        for host in hosts:
            env.latchd(host).start()
    return ipsec


def make_sas(env, ike):
    """Alice makes SAs with bob."""
    if ike == "charon":
        env.ike(env.alice).initiate("bob", timeout=120)
    else:
        lswscenes.initiate(env.daemons[env.alice], "bob")


def end_sas(env, ike):
    """Alice ends her SAs with bob."""
    if ike == "charon":
        env.ike(env.alice).terminate(ike="bob")
    else:
        env.daemons[env.alice].whack("--terminate", "--name", "bob")
    lswscenes.wait_for_no_sas(env.alice)


def wait_for_bindings(env):
    for host in (env.alice, env.bob):
        wait(lambda h=host: all_sas_bound(h), f"the SAs of {host.name} to be bound", 30)


def start_rekey(env, ike):
    """Begin a rekey; returns a function that is true when it is over."""
    if ike == "pluto":
        return lswscenes.rekey_child(env.daemons[env.alice], "bob")
    old = lswscenes.spis_of(env.alice)
    env.ike(env.alice).rekey(child="bob")
    return lambda: lswscenes.spis_of(env.alice) and not lswscenes.spis_of(env.alice) & old


# --- who is there --------------------------------------------------------------------
@case("2-5_latchd_binds_{ike}_{flow}", KINDS)
def binds(env, ike, proto, fam):
    """SAs are bound while they are pending, and go on to be after rekeys; all claims go with their SAs."""
    ipsec = connect_daemons(env, ike, fam)
    env.wire.restart()
    flow = connect(ipsec, proto)
    both_know_peers(flow)
    for _ in range(3):
        flow.pump(start_rekey(env, ike), deadline=60)
        carry_data(flow, 2000)
        wait_for_bindings(env)
    untouched(flow)
    both_know_peers(flow)
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-5_latchd_comes_late_{ike}", [{"ike": i} for i in ("charon", "pluto")])
def late(env, ike):
    """SAs that were there before it are asked for."""
    ipsec = connect_daemons(env, ike, when="after")
    wait_for_bindings(env)
    both_know_peers(connect(ipsec, "tcp"))


@case("2-5_latchd_waits_for_the_ike_daemon_{ike}", [{"ike": i} for i in ("charon", "pluto")])
def daemon_restarts(env, ike):
    """The daemon is stopped and started again: latchd finds it."""
    ipsec = connect_daemons(env, ike)
    flow = connect(ipsec, "tcp").ask_to_wait()
    daemon = env.daemons[env.alice]
    env.wire.restart()
    daemon.stop()
    wait(lambda: info(flow.a).state_name == "BROKEN", "the policies to go", 30)
    if ike == "charon":
        env.latchd(env.alice).says("connection lost")
    daemon.start()
    make_sas(env, ike)
    carry_data(flow, 2000)
    wait_for_bindings(env)
    both_know_peers(flow)
    flow.drained()
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-5_latchd_meets_the_module_anew")
def module_anew(env):
    """The module is taken out and loaded again: all is told again."""
    ipsec = connect_daemons(env, "charon")
    wait_for_bindings(env)
    for host in env.hosts:
        host.forget_module()
    subprocess.run(["rmmod", "ipsec_latch"], check=True)
    for host in (env.alice, env.bob):
        env.latchd(host).says("is not loaded")
    subprocess.run(["insmod", ktap.TOP / "build" / ktap.RELEASE / "ipsec_latch.ko"], check=True)
    wait_for_bindings(env)
    both_know_peers(connect(ipsec, "tcp"))


# --- latchd is not there, or not in time ----------------------------------------------------
TROUBLE = [{"ike": i, "what": w} for i in ("charon", "pluto") for w in ("stopped", "killed")]


@case("2-7_latchd_is_{what}_during_a_rekey_of_{ike}", TROUBLE)
def trouble(env, ike, what):
    """New SAs without a word of theirs: the flow is held, then breaks; it is whole again when latchd has spoken."""
    ipsec = connect_daemons(env, ike, wait_ms=3000)
    flow = connect(ipsec, "tcp").ask_to_wait()
    alice = env.latchd(env.alice)
    env.wire.restart()
    if what == "stopped":
        alice.send(signal.SIGSTOP)
    else:
        alice.kill()
    done = start_rekey(env, ike)
    flow.pump(lambda: info(flow.a).state_name == "BROKEN", deadline=60)
    is_state(flow.a, "BROKEN", "UNIDENTIFIED", ["UNIDENTIFIED"])
    if what == "stopped":
        alice.send(signal.SIGCONT)
    else:
        alice.start()
    wait(done, "the old SAs to go", 60)
    wait_for_bindings(env)
    carry_data(flow, 2000)
    both_know_peers(flow)
    flow.drained()
    ksft_eq(info(flow.a).breaks, 1)
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-5_latchd_is_{what}_during_the_set_up_of_{ike}", TROUBLE)
def trouble_at_first(env, ike, what):
    """Nobody says who it is: pending, then unidentified, which is nobody's; never the wrong one."""
    ipsec = connect_daemons(env, ike, when="never", wait_ms=3000)
    for host in (env.alice, env.bob):
        env.latchd(host).start()
    wait_for_bindings(env)
    end_sas(env, ike)
    alice = env.latchd(env.alice)
    if what == "stopped":
        alice.send(signal.SIGSTOP)
    else:
        alice.kill()
    make_sas(env, ike)
    ksft_eq(env.alice.nl.dump("binding-get"), [])
    flow = connect(ipsec, "tcp").ask_to_wait()
    ksft_eq(is_state(flow.a, "ESTABLISHED").peer_id_type, L.LATCH_ID_NONE)
    if what == "stopped":
        alice.send(signal.SIGCONT)
    else:
        alice.start()
    wait_for_bindings(env)
    knows_peer(connect(ipsec, "tcp").a, "bob.example")


def pending_packets(host):
    """Packets that waited for a word on their SA."""
    return sum(host.stat()[f"Latch{way}Pending"] for way in ("In", "Out"))


@case("2-7_latchd_is_slow_during_a_rekey_of_{ike}", [{"ike": i} for i in ("charon", "pluto")])
def slow(env, ike):
    """It speaks late, but in time: what would use the new SAs waits, then the flow goes on; it never broke."""
    ipsec = connect_daemons(env, ike)
    flow = connect(ipsec, "tcp")
    both_know_peers(flow)
    alice = env.latchd(env.alice)
    env.wire.restart()
    before = pending_packets(env.alice)
    alice.send(signal.SIGSTOP)
    done = start_rekey(env, ike)
    flow.pump(lambda: pending_packets(env.alice) >= before + 3, deadline=60)
    ksft_eq(info(flow.a).state_name, "ESTABLISHED")
    alice.send(signal.SIGCONT)
    flow.pump(done, deadline=60)
    wait_for_bindings(env)
    carry_data(flow, 2000)
    untouched(flow)
    both_know_peers(flow)
    ksft_eq(env.wire.clear(flow), (0, 0))


@case("2-5_latchd_is_slow_during_the_set_up_of_{ike}", [{"ike": i} for i in ("charon", "pluto")])
def slow_at_first(env, ike):
    """A connection begins under SAs that nobody told of yet: it waits, and is latched to the right one."""
    ipsec = connect_daemons(env, ike)
    wait_for_bindings(env)
    end_sas(env, ike)
    alice = env.latchd(env.alice)
    alice.send(signal.SIGSTOP)
    make_sas(env, ike)
    ksft_eq(env.alice.nl.dump("binding-get"), [])
    listener = ipsec.listen()
    sock = env.alice.socket(listener.family)
    sock.setblocking(False)
    before = pending_packets(env.alice)
    env.wire.restart()
    sock.connect_ex(listener.getsockname())
    wait(lambda: pending_packets(env.alice) >= before + 2, "packets that wait", 60)
    ksft_eq(is_state(sock, "NONE").peer, 0)
    alice.send(signal.SIGCONT)
    wait(lambda: info(sock).state_name == "ESTABLISHED", "the connection", 60)
    knows_peer(sock, "bob.example")


@case("2-21_latchd_and_{ike}_are_{what}_together", TROUBLE)
def both_restart(env, ike, what):
    """Neither is there for a while: the latch keeps its peer, and is whole when both are back."""
    ipsec = connect_daemons(env, ike)
    flow = connect(ipsec, "tcp").ask_to_wait()
    both_know_peers(flow)
    peer = info(flow.a).peer_id_type
    alice, daemon = env.latchd(env.alice), env.daemons[env.alice]
    env.wire.restart()
    number = signal.SIGTERM if what == "stopped" else signal.SIGKILL
    alice.stop(number)
    daemon.stop(number)
    if what == "stopped":
        wait(lambda: info(flow.a).state_name == "BROKEN", "the policies to go", 30)
    else:
        # the kernel goes on alone; what is left over goes, as the service does it at a start
        carry_data(flow, 2000)
        env.alice.ip("xfrm policy flush", "xfrm state flush")
    ksft_eq(info(flow.a).peer_id_type, peer)
    alice.start()
    daemon.start()
    make_sas(env, ike)
    carry_data(flow, 2000)
    wait_for_bindings(env)
    both_know_peers(flow)
    flow.drained()
    ksft_eq(env.wire.clear(flow), (0, 0))


# --- garbage ---------------------------------------------------------------------------------
class Liar:
    """What says that it is charon, at its control socket."""

    def __init__(self, host, path):
        self.host, self.path = host, path
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.bind(str(path))
        self._sock.listen(8)

    def _packet(self, link):
        data = b""
        while len(data) < 4 or len(data) < 4 + struct.unpack_from(">I", data)[0]:
            more = link.recv(4 + struct.unpack_from(">I", data)[0] - len(data) if len(data) >= 4 else 4 - len(data))
            if not more:
                return None
            data += more
        return data[4:]

    def answer(self, *packets):
        """Answer one connection as charon does, up to the list of SAs, and send these then; wait until it is closed."""
        ksft_true(select.select([self._sock], [], [], 60 * ktap.SLOW)[0], "latchd comes again")
        link = self._sock.accept()[0]
        with link:
            link.settimeout(60 * ktap.SLOW)
            while True:
                asked = self._packet(link)
                if asked[0] != Vici.REGISTER:
                    break
                link.sendall(self.framed(bytes([Vici.CONFIRM])))
            ksft_eq(asked[2:], b"list-conns")
            link.sendall(self.event(Vici.pack({"bob": {"remote-1": {"class": "public key"}}}), b"list-conn") + END)
            ksft_eq(self._packet(link)[2:], b"list-sas")
            try:
                for packet in packets:
                    link.sendall(packet)
                link.shutdown(socket.SHUT_WR)
                while link.recv(4096):
                    pass
            except (BrokenPipeError, ConnectionResetError):
                # it had enough
                pass

    @staticmethod
    def framed(packet):
        return struct.pack(">I", len(packet)) + packet

    @classmethod
    def event(cls, body, name=b"list-sa"):
        return cls.framed(bytes([Vici.EVENT, len(name)]) + name + body)

    def close(self):
        self._sock.close()
        os.unlink(self.path)


END = Liar.framed(bytes([Vici.RESPONSE]))


def sas_of_charon(ipsec, changes=None, child=None):
    """What charon says of the SAs of alice and bob, with other fields instead."""
    out, back = (sa.spi for sa in ipsec.sas)
    return Vici.pack({"bob": {
        "uniqueid": "1", "version": "2", "state": "ESTABLISHED", "local-host": ipsec.a.addr(4), "local-port": "500",
        "local-id": "alice.example", "remote-host": ipsec.b.addr(4), "remote-port": "500", "remote-id": "bob.example",
        **(changes or {}),
        "child-sas": {"bob-1": {
            "name": "bob", "uniqueid": "1", "reqid": "1", "state": "INSTALLED", "mode": "TRANSPORT", "protocol": "ESP",
            "spi-in": f"{back:08x}", "spi-out": f"{out:08x}", **(child or {}),
        }},
    }})  # fmt: skip


def garbage_packets(ipsec):
    """Lists of packets, none of which is to bind anything."""
    good, dice = sas_of_charon(ipsec), random.Random(1)
    for name in ("", "%any", "bob.example\n", "bob.example\0.evil", "bob\x1b[2J", "x" * 2000, "x" * 65000, b"\xff\xfe"):
        yield Liar.event(sas_of_charon(ipsec, {"remote-id": name})), END
    for field in ("uniqueid", "local-host", "remote-host"):
        for text in ("", "-1", "999999999999999999999", "10.9.0.1/24\n", "x" * 65000):
            yield Liar.event(sas_of_charon(ipsec, {field: text})), END
    for text in ("", "0", "-1", "0x1001", "zzzzzzzz", "1" * 100):
        yield Liar.event(sas_of_charon(ipsec, None, {"spi-in": text, "spi-out": text})), END
    yield Liar.event(sas_of_charon(ipsec, None, {"protocol": "TCP"})), END
    # never ended, or with two names for one
    yield (Liar.event(good),)
    yield Liar.event(good), Liar.event(sas_of_charon(ipsec, {"remote-id": "eve.example"})), END
    yield Liar.event(good), Liar.event(good[:-1]), END
    for size in range(0, len(good), 7):
        yield Liar.event(good[:size]), END
    for head in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 600 << 10):
        yield (struct.pack(">I", head) + good,)
    for _ in range(100):
        junk = dice.randbytes(dice.randrange(1, 300))
        yield Liar.event(junk), END
        yield Liar.framed(junk), END


@case("2-6_latchd_binds_nothing_of_garbage_from_charon")
def lies(env):
    """What comes from the socket is cut, mixed up, contradictory or random: no claim, and latchd lives."""
    env.alice.sysctl("identity_wait_ms", 60000)
    ipsec = Ipsec(env.alice, env.bob).up()
    latchd = env.latchd(env.alice)
    liar = Liar(env.alice, latchd.path / "liar")
    try:
        latchd.start(vici_socket=liar.path)
        for packets in garbage_packets(ipsec):
            liar.answer(*packets)
            rows = env.alice.nl.dump("binding-get")
            ksft_eq(rows, [], f"after {packets!r:.300}")
            if rows:
                return
        ksft_true(latchd.running)
        ksft_true(all(c.isprintable() or c == "\n" for c in latchd.log()), "its log can be read")
        # the same in order is believed
        liar.answer(Liar.event(sas_of_charon(ipsec)), END)
        rows = env.alice.nl.dump("binding-get")
        ksft_eq({r["spi"] for r in rows}, {sa.spi for sa in ipsec.sas})
        ksft_eq(env.alice.nl.do("peer-get", id=rows[0]["peer"])["id-value"], b"bob.example")
    finally:
        liar.close()


# --- EAP ---------------------------------------------------------------------------------
EAP = [
    {"what": "name_in_ike", "id": "user.example", "conf": {}, "named": False},
    {"what": "other_name", "id": "bob.example", "conf": {}, "named": False},
    {"what": "trusted_name_in_ike", "id": "user.example", "conf": {"eap_outer": "yes"}, "named": True},
    {"what": "trusted_other_name", "id": "bob.example", "conf": {"eap_outer": "yes"}, "named": True},
]


@case("2-6_latchd_{what}_of_eap", EAP)
def eap(env, id, conf, named):  # pylint: disable=redefined-builtin
    """VICI does not tell the method: a name of EAP is the peer's where the administrator says so, and else nobody's."""
    for host in (env.alice, env.bob):
        lswscenes.strongswan_at(env, host, plugin=False)
    server, client = env.ike(env.alice), env.ike(env.bob)
    ours = {"auth": "eap-md5", "id": id, "eap_id": "user.example"}
    for ike in (server, client):
        ike.other(plugins="eap-identity eap-md5")
        ike.shared("a password", "user.example", kind="EAP")
    server.to(env.bob, start="none", remote={**ours, "id": "%any", "eap_id": "%any"})
    client.trust(env.pki.ca())
    client.to(env.alice, start="none", local=ours)
    env.latchd(env.alice).start(**conf)
    client.initiate("alice")
    flow = connect(Ipsec(env.bob, env.alice), "tcp")
    got = is_state(flow.b, "ESTABLISHED", "NONE", [])
    ksft_eq(bool(got.peer), named)
    ksft_eq([p["id-value"] for p in env.alice.nl.dump("peer-get") if p["id-value"] != b"alice.example"],
            [b"user.example"] if named else [])  # fmt: skip


# --- another peer, a dead peer -----------------------------------------------------------
@case("2.3.2_latchd_takeover_{flow}", FLOWS[:3])
def takeover(env, proto, fam):
    """One CA for all, bob's address taken over: mallory's SAs are hers."""
    for host in env.hosts:
        lswscenes.strongswan_at(env, host, plugin=False)
    ipsec = trap_policies(env, fam, any_member(env))
    for host in (env.alice, env.bob):
        env.latchd(host).start()
    make_sas(env, "charon")
    flow = connect(ipsec, proto).ask_to_wait()
    both_know_peers(flow)
    attack = StrongSwanTakeover(env, ipsec)
    attack.start()
    env.wire.restart()
    attack.authenticate()
    wait(lambda: info(flow.a).state_name == "BROKEN", "the conflict", 30)
    wait(lambda: info(flow.a).conflict_names == {"PEER"}, "mallory to be known", 30)
    flow.pump(lambda: info(flow.a).out_drops >= 3, ways=((flow.a, flow.b),), deadline=60)
    ksft_eq((attack.stolen(flow), attack.frames_seen(), env.wire.clear(flow)), ([], 0, (0, 0)))
    attack.end()


@case("2-23_latchd_tells_of_dead_peers")
def dead(env):
    """charon gets no answers any more: the latches of that peer break for good."""
    ipsec = connect_daemons(env, "charon", dpd_delay=2)
    flow = connect(ipsec, "tcp").ask_to_wait()
    env.unplug(env.bob)
    wait(lambda: "DPD" in info(flow.a).conflict_names, "the death", 60)
    is_state(flow.a, "BROKEN")
    env.plug(env.bob)
    make_sas(env, "charon")
    wait_for_bindings(env)
    ksft_true("DPD" in is_state(flow.a, "BROKEN").conflict_names)


@case("2-23_latchd_tells_of_no_{what}", [{"what": w} for w in ("delete", "forced_end", "dead_peer_where_not_wanted")])
def not_dead(env, what):
    """What else ends an IKE SA is no death."""
    ipsec = connect_daemons(env, "charon", dpd_delay=2 if what.startswith("dead") else 0)
    if what.startswith("dead"):
        for host in (env.alice, env.bob):
            env.latchd(host).stop()
            env.latchd(host).start(dead_peer="no")
    flow = connect(ipsec, "tcp").ask_to_wait()
    both_know_peers(flow)
    alice = env.ike(env.alice)
    if what == "delete":
        alice.terminate(ike="bob")
    elif what == "forced_end":
        alice.vici.request("terminate", {"ike": "bob", "force": True, "timeout": -1})
    else:
        env.unplug(env.bob)
    # charon is not asked again and again: what it finds out by itself waits for that
    lswscenes.wait_for_no_sas(env.alice)
    if what.startswith("dead"):
        env.plug(env.bob)
    elif what == "forced_end":
        # bob has not heard of it
        env.ike(env.bob).terminate_all()
        lswscenes.wait_for_no_sas(env.bob)
    # who is told of these SAs was told of the end before
    make_sas(env, "charon")
    wait(lambda: all_sas_bound(env.alice), "the new SAs to be bound", 60)
    ksft_true("DPD" not in info(flow.a).conflict_names)
    ksft_true("is dead" not in env.latchd(env.alice).log())
    if what.startswith("dead"):
        return
    carry_data(flow, 2000)
    both_know_peers(flow)


@case("2-6_latchd_leaves_to_the_plugin_what_it_bound")
def beside_plugin(env):
    """Both at work: the plugin is first, and latchd sees that."""
    for host in (env.alice, env.bob):
        lswscenes.strongswan_at(env, host, plugin=True)
    ipsec = trap_policies(env)
    for host in (env.alice, env.bob):
        env.latchd(host).start()
    make_sas(env, "charon")
    flow = connect(ipsec, "tcp")
    ksft_true(info(flow.a).auth_method != L.LATCH_AUTH_UNKNOWN)
    for _ in range(2):
        flow.pump(start_rekey(env, "charon"), deadline=60)
        carry_data(flow, 2000)
    untouched(flow)
    ksft_eq({r.get("ambiguous", False) for r in env.alice.nl.dump("binding-get")}, {False})
    ksft_true(info(flow.a).auth_method != L.LATCH_AUTH_UNKNOWN)


@case("2-5_latchd_asks_nothing_that_the_kernel_complains_of")
def no_complaints(env):
    """latchd reads the SAD when it starts, and the kernel has nothing to say about how it asks."""
    with open("/dev/kmsg", "rb", buffering=0) as kernel:
        os.set_blocking(kernel.fileno(), False)
        os.lseek(kernel.fileno(), 0, os.SEEK_END)
        Latchd(env, env.alice).start().close()
        said = []
        while line := kernel.read(8192):
            said.append(line.decode(errors="replace"))
    ksft_eq([line for line in said if "netlink" in line], [])


@case("2-5_latchd_log_has_no_keys")
def no_keys(env):
    """Nor does its memory end in a core file; keys pass through it."""
    connect_daemons(env, "charon")
    wait_for_bindings(env)
    keys = {w for w in env.alice.run("ip", "xfrm", "state").stdout.split() if w.startswith("0x") and len(w) > 20}
    ksft_true(keys)
    log = env.latchd(env.alice).log()
    ksft_true(not any(k[2:] in log for k in keys))
    with open(f"/proc/{env.latchd(env.alice).pid}/status", encoding="ascii") as f:
        ksft_true("CoreDumping:\t0" in f.read())


if __name__ == "__main__":
    runner.main()
