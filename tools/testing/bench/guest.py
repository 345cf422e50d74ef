#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The part of the benchmark that runs in the virtual machine.

usage: guest.py GROUP GLOB...

Prints one JSON object a line: {"row": NAME, "value": NUMBER}, with what it was made
from, or {"side": NAME, "other": ALTERNATIVE, "value": NUMBER}.  Lines with # say how
far it is.
"""

import fnmatch
import json
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[2]
RELEASE = os.uname().release
MODULE = TOP / "build" / RELEASE / "ipsec_latch.ko"
OUT = TOP / "build/bench"
KEY = "0x0102030405060708090a0b0c0d0e0f1011121314"
CIPHERS = {
    "gcm": f"aead rfc4106(gcm(aes)) {KEY} 128",
    "null": 'enc ecb(cipher_null) "" auth digest_null ""',
}
NFT_OUT = "chain o { type filter hook postrouting priority 300; meta l4proto { tcp, udp } rt ipsec missing drop; };"


def run(*args, **kwargs):
    return subprocess.run([str(a) for a in args], check=True, text=True, **kwargs)


def output(*args):
    return run(*args, stdout=subprocess.PIPE).stdout


def ip(ns, *commands):
    run("ip", "-n", ns, "-batch", "-", input="".join(c + "\n" for c in commands))


def middle(values):
    """Mean of the middle half: what the housekeeping of the kernel adds is left out."""
    values = sorted(values)
    cut = len(values) // 4
    values = values[cut : len(values) - cut]
    return sum(values) / len(values)


def load_modules():
    """Before anybody waits for one: waiting time is free, so time-outs come at once."""
    names = "aesni_intel gcm seqiv echainiv authenc crypto_null esp4 xfrm_user veth cls_bpf sch_ingress dummy esp6"
    run("modprobe", "-a", *names.split())


def many_files():
    """As many open files as the load generators ask for."""
    for name in ("nr_open", "file-max"):
        Path(f"/proc/sys/fs/{name}").write_text("4000000")


# --- the module ------------------------------------------------------------------
class Module:
    """`with Module():` the module is there, and nothing of it after that."""

    def __enter__(self):
        run("insmod", MODULE)
        settle()
        return self

    def __exit__(self, *_):
        settle()
        for _ in range(100):
            if not subprocess.run(["rmmod", "ipsec_latch"], stderr=subprocess.DEVNULL, check=False).returncode:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("the module is still in use")
        settle()


def settle():
    """What was begun is done: grace periods, work queues."""
    time.sleep(0.5)


def stat(ns):
    text = output("ip", "netns", "exec", ns, "cat", "/proc/net/latch_stat")
    return {k: int(v) for k, v in (line.split() for line in text.splitlines())}


# --- two hosts -------------------------------------------------------------------
# network 9 is the link; 8 is behind the tunnel; 7 is in clear
def addr(net, host, family=4):
    return f"10.{net}.0.{host}" if family == 4 else f"fd00:{net}::{host}"


class Pair:
    """Two network namespaces and a link."""

    def __init__(self, a, b):
        self.names = a, b
        for name in self.names:
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "eth0", "netns", a, "type", "veth", "peer", "name", "eth0", "netns", b)
        for n, name in enumerate(self.names, 1):
            ip(
                name,
                f"link set eth0 addrgenmode none address 02:00:00:00:00:0{n}",
                "link set lo up",
                "link set eth0 up",
            )
            for family in (4, 6):
                self.address(name, n, family)

    @staticmethod
    def address(name, n, family):
        bits, link, nodad = (32, 24, "") if family == 4 else (128, 64, " nodad")
        other = addr(9, 3 - n, family)
        ip(
            name,
            f"addr add {addr(9, n, family)}/{link} dev eth0{nodad}",
            # an entry that ages would change what a packet costs
            f"neigh add {other} lladdr 02:00:00:00:00:0{3 - n} dev eth0 nud permanent",
            *(f"addr add {addr(net, n, family)}/{bits} dev lo{nodad}" for net in (7, 8)),
            *(f"route add {addr(net, 3 - n, family)}/{bits} via {other} src {addr(net, n, family)}" for net in (7, 8)),
        )

    def ipsec(self, cipher, mode, family=4):
        """SAs and policies of reqid 1, in place of those that are there."""
        net, bits = 9 if mode == "transport" else 8, 32 if family == 4 else 128
        for n, name in enumerate(self.names, 1):
            outer = {s: f"src {addr(9, s, family)} dst {addr(9, 3 - s, family)} proto esp" for s in (1, 2)}
            sas = [
                f"xfrm state add {outer[s]} spi 0x{s}00 reqid 1 mode {mode} {CIPHERS[cipher]} replay-window 32"
                for s in (1, 2)
            ]
            pols = [
                f"xfrm policy add src {addr(net, s, family)}/{bits} dst {addr(net, 3 - s, family)}/{bits}"
                f" dir {'out' if s == n else 'in'} tmpl {outer[s]} reqid 1 mode {mode}"
                for s in (1, 2)
            ]
            ip(name, "xfrm policy flush", "xfrm state flush", *sas, *pols)

    def ends(self, net, family=4):
        return [f"{name}/{addr(net, n, family)}" for n, name in enumerate(self.names, 1)]

    def nft(self, rules):
        """A ruleset on both; None takes it away."""
        for name in self.names:
            text = "flush ruleset\n" + (rules or "")
            run("ip", "netns", "exec", name, "nft", "-f", "-", input=text)


def link(a, b, net, family=(4, 6)):
    """A link between two namespaces, which is network `net`: (namespace, device) at both ends."""
    for n, (name, dev) in enumerate((a, b), 1):
        if n == 1:
            run("ip", "link", "add", dev, "netns", name, "type", "veth", "peer", "name", b[1], "netns", b[0])
        ip(name, f"link set {dev} addrgenmode none address 02:00:00:00:0{net}:0{n}", f"link set {dev} up")
    for n, (name, dev) in enumerate((a, b), 1):
        for f in family:
            size, nodad = (24, "") if f == 4 else (64, " nodad")
            ip(
                name,
                f"addr add {addr(net, n, f)}/{size} dev {dev}{nodad}",
                f"neigh add {addr(net, 3 - n, f)} lladdr 02:00:00:00:0{net}:0{3 - n} dev {dev} nud permanent",
            )


class Gateway:
    """Two hosts, and a gateway between them to which one of them, or each, has a tunnel.

    Network 1 is the link of the first host, 2 that of the second; 8 is what they are called by.
    """

    def __init__(self):
        self.names = "near", "gate", "far"
        for name in self.names:
            run("ip", "netns", "add", name)
            ip(name, "link set lo up")
        link(("near", "eth0"), ("gate", "eth1"), 1)
        link(("far", "eth0"), ("gate", "eth2"), 2)
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            run("ip", "netns", "exec", "gate", "sh", "-c", f"echo 1 > /proc/sys/net/{name}")
        for family, bits, nodad in ((4, 32, ""), (6, 128, " nodad")):
            for n, name in ((1, "near"), (2, "far")):
                ip(
                    name,
                    f"addr add {addr(8, n, family)}/{bits} dev lo{nodad}",
                    f"route add {addr(8, 3 - n, family)}/{bits} via {addr(n, 2, family)} src {addr(8, n, family)}",
                )
                ip("gate", f"route add {addr(8, n, family)}/{bits} via {addr(n, 1, family)}")

    def ipsec(self, cipher, sides, family):
        """SAs and policies of the tunnels to these hosts, 1 and 2, in place of those that are there."""
        bits = 32 if family == 4 else 128
        for name in self.names:
            ip(name, "xfrm policy flush", "xfrm state flush")
        for n in sides:
            host, gate = addr(n, 1, family), addr(n, 2, family)
            ways = {"up": f"src {host} dst {gate} proto esp", "down": f"src {gate} dst {host} proto esp"}
            sels = {
                "up": f"src {addr(8, n, family)}/{bits} dst {addr(8, 3 - n, family)}/{bits}",
                "down": f"src {addr(8, 3 - n, family)}/{bits} dst {addr(8, n, family)}/{bits}",
            }
            sas = [
                f"xfrm state add {way} spi 0x{n}0{i} reqid {n} mode tunnel {CIPHERS[cipher]} replay-window 32"
                for i, way in enumerate(ways.values())
            ]
            for name, dirs in ((self.names[2 * n - 2], ("out", "in")), ("gate", ("fwd", "out"))):
                pols = [
                    f"xfrm policy add {sels[w]} dir {d} tmpl {ways[w]} reqid {n} mode tunnel"
                    for w, d in zip(ways, dirs)
                ]
                ip(name, *sas, *pols)

    def ends(self, _, family=4):
        return [f"near/{addr(8, 1, family)}", f"far/{addr(8, 2, family)}"]


class Forwarding(Module):
    """The gateway latches what it forwards, and nobody else does."""

    def __enter__(self):
        super().__enter__()
        for name, setting, value in (("near", "auto", 0), ("far", "auto", 0), ("gate", "forward", 1)):
            self.set(name, setting, value)
        return self

    def __exit__(self, *_):
        created = stat("gate")["LatchCreated"]
        self.set("gate", "forward", 0)
        super().__exit__()
        if not created:
            raise RuntimeError("the gateway has latched nothing")

    @staticmethod
    def set(name, setting, value):
        run("ip", "netns", "exec", name, "sh", "-c", f"echo {value} > /proc/sys/net/latch/{setting}")


# --- traffic ----------------------------------------------------------------------
KINDS = {
    "stream": ("-w", 8, "-n", 16, "stream"),
    "rr": ("-w", 500, "-n", 20, "-u", 100, "rr"),
    "crr": ("-w", 1000, "-n", 4, "-u", 1000, "crr"),
}


class Traffic:
    """A kind of flow between two ends.  Gives instructions for a unit of it."""

    def __init__(self, pair, kind, net, *options, family=4):
        self.ends = pair.ends(net, family)
        self.kind = kind
        self.options = options

    def __call__(self, *options, latched=None):
        if self.kind == "crr":
            time.sleep(62)  # costs nothing: connections of the last time in TIME_WAIT go
        args = [*options, *self.options, *KINDS[self.kind], *self.ends]
        words = output(OUT / "flow", *args).split()
        if latched is not None and words[:2] != ["3" if latched else "0"] * 2:
            raise RuntimeError(f"latches of {self.kind} {self.ends}: states {words[:2]}")
        took = [int(w) for w in words[2:]]
        # what is not in every round is part of a connection's cost: no trimming
        return sum(took) / len(took) if self.kind == "crr" else middle(took)


# --- today's alternatives -----------------------------------------------------------
def nft_static():
    return (
        "table inet l { chain i { type filter hook input priority 300;"
        " meta l4proto { tcp, udp } ipsec in reqid != 1 drop; }; " + NFT_OUT + " }"
    )


def nft_set():
    def key(proto):
        return f"ip saddr . {proto} sport . ip daddr . {proto} dport"

    sets = "".join(
        f"set of_{p} {{ typeof {key(p)} . ipsec in reqid; size 1000000; flags dynamic; }};"
        f"set {p}_seen {{ typeof {key(p)}; size 1000000; flags dynamic; }};"
        for p in ("tcp", "udp")
    )
    return (
        f"table inet l {{ {sets} chain i {{ type filter hook input priority 300;"
        f" meta l4proto tcp tcp flags & syn == syn update @of_tcp {{ {key('tcp')} . ipsec in reqid }} accept;"
        f" meta l4proto tcp {key('tcp')} . ipsec in reqid != @of_tcp drop;"
        f" meta l4proto udp {key('udp')} . ipsec in reqid @of_udp accept;"
        f" meta l4proto udp {key('udp')} @udp_seen drop;"
        f" meta l4proto udp add @udp_seen {{ {key('udp')} }} add @of_udp {{ {key('udp')} . ipsec in reqid }} accept;"
        f" }}; {NFT_OUT} }}"
    )


def nft_mark():
    return (
        "table inet l { chain i { type filter hook input priority 300;"
        " meta l4proto { tcp, udp } ct state new ct mark set 1;"
        " meta l4proto { tcp, udp } ct mark 1 ipsec in reqid != 1 drop; }; " + NFT_OUT + " }"
    )


def nft_empty():
    return (
        "table inet l { chain i { type filter hook input priority 300; };"
        " chain o { type filter hook postrouting priority 300; }; }"
    )


class Alternatives:
    """What can be had without the module, each switched on and off again."""

    def __init__(self, pair, mode):
        self.pair, self.mode = pair, mode

    def each(self, traffic):
        """Pairs of a name and instructions."""
        yield from Nothing(self.pair).each(traffic)
        for name, rules in (("nft rule", nft_static()), ("nft set", nft_set()), ("ct mark", nft_mark())):
            self.pair.nft(rules)
            yield name, traffic()
            self.pair.nft(None)
        # beside those of the system, which stay for what has no socket
        yield "socket policy", traffic("-m", self.mode)
        # in transport mode a packet comes to tc as ESP, and not again
        if self.mode == "tunnel":
            for name in self.pair.names:
                run("tc", "-n", name, "qdisc", "add", "dev", "eth0", "clsact")
                run("tc", "-n", name, "filter", "add", "dev", "eth0", "ingress", "bpf", "da",
                    "obj", OUT / "bpf.o", "sec", "classifier")  # fmt: skip
            yield "tc-BPF", traffic()
            for name in self.pair.names:
                run("tc", "-n", name, "qdisc", "del", "dev", "eth0", "clsact")


class Nothing:
    """What netfilter takes to look at the same packets and do nothing."""

    def __init__(self, pair):
        self.pair = pair

    def each(self, traffic):
        self.pair.nft(nft_empty())
        yield "no rule", traffic()
        self.pair.nft(None)


# --- rows ---------------------------------------------------------------------------
def say(**what):
    print(json.dumps(what), flush=True)


def compare(traffic, name, latched, others=None, module=Module):
    """The ratio of with the module to without it: before, with, after, twice."""
    traffic()  # caches and tables of the kernel grow to what is needed
    base, ours = [traffic()], []
    for _ in range(2):
        with module():
            ours.append(traffic(latched=latched))
        base.append(traffic())
    mean = sum(base) / len(base)
    say(row=name, value=sum(ours) / len(ours) / mean, base=base, ours=ours)
    if others and os.environ.get("BENCH_OTHERS") != "0":
        for other, took in others.each(traffic):
            say(side=name, other=other, value=took / mean)


def compare_once(traffic, name, latched):
    """The same where it takes long: once without it, once with it."""
    base = traffic()
    with Module():
        ours = traffic(latched=latched)
    say(row=name, value=ours / base, base=[base], ours=[ours])


class Packets:
    """The packet path."""

    N_BESIDE = int(os.environ.get("BENCH_BESIDE", "10000"))

    def __init__(self):
        load_modules()
        many_files()
        self.pair = Pair("a", "b")
        self.bare = Pair("c", "d")
        self.gateway = Gateway()

    def rows(self):
        for kind, name in (("stream", "TCP stream"), ("rr", "UDP 64 bytes"), ("crr", "TCP connection")):
            yield f"{name}, no IPsec anywhere", lambda n, k=kind: self.none(n, k)
        for cipher, mode in (("gcm", "transport"), ("gcm", "tunnel"), ("null", "transport"), ("null", "tunnel")):
            for kind, name in (("stream", "TCP stream"), ("rr", "UDP 64 bytes"), ("crr", "TCP connection")):
                if kind == "stream" or (cipher, mode) == ("gcm", "transport"):
                    for family, end in ((4, ""), (6, ", IPv6")):
                        yield (
                            f"{name}, {cipher} {mode}{end}",
                            lambda n, c=cipher, m=mode, k=kind, f=family: self.latched(n, c, m, k, f),
                        )
                if kind == "stream":
                    yield self.crowded(cipher, mode, self.N_BESIDE)
        for kind, cipher, mode in (("stream", "gcm", "transport"), ("stream", "null", "tunnel"), ("crr", "gcm", "transport")):
            name = {"stream": "TCP stream", "crr": "TCP connection"}[kind]
            yield f"{name}, {cipher} {mode}, own policy", lambda n, k=kind, c=cipher, m=mode: self.own(n, c, m, k)
        for cipher in ("gcm", "null"):
            yield f"TCP stream, unlatched, {cipher} transport", lambda n, c=cipher: self.unlatched(n, c)
        yield "TCP stream, unlatched, in clear", self.clear
        for kind, name in (("stream", "TCP stream"), ("rr", "UDP 64 bytes"), ("crr", "TCP connection")):
            yield f"{name}, no IPsec", lambda n, k=kind: self.none(n, k)
        for cipher in ("gcm", "null"):
            for sides, what in (((1,), "gateway"), ((1, 2), "gateway between tunnels")):
                for family, end in ((4, ""), (6, ", IPv6")):
                    yield (
                        f"TCP stream, {what}, {cipher}{end}",
                        lambda n, c=cipher, s=sides, f=family: self.forwarded(n, c, s, f),
                    )

    def forwarded(self, name, cipher, sides, family):
        self.gateway.ipsec(cipher, sides, family)
        compare(Traffic(self.gateway, "stream", 8, family=family), name, False, module=Forwarding)

    def latched(self, name, cipher, mode, kind, family):
        self.pair.ipsec(cipher, mode, family)
        net = 9 if mode == "transport" else 8
        others = Alternatives(self.pair, mode) if family == 4 else None
        compare(Traffic(self.pair, kind, net, family=family), name, True, others)

    def own(self, name, cipher, mode, kind):
        """A flow with a policy of its own: both ends ask for it."""
        self.pair.ipsec(cipher, mode)
        compare(Traffic(self.pair, kind, 9 if mode == "transport" else 8, "-p"), name, True)

    def crowded(self, cipher, mode, n, measure=compare):
        """The row of a stream beside so many latched connections with the same peer."""

        def func(name):
            self.pair.ipsec(cipher, mode)
            measure(Traffic(self.pair, "stream", 9 if mode == "transport" else 8, "-t", n), name, True)

        return f"TCP stream, {cipher} {mode} beside {n:,} latched connections", func

    def beside(self):
        """Latched flows beside the one measured."""
        return [w for end in self.pair.ends(9) for w in ("-K", end)] + ["-k", 10]

    def unlatched(self, name, cipher):
        self.pair.ipsec(cipher, "transport")
        compare(Traffic(self.pair, "stream", 9, "-o", *self.beside()), name, None, Nothing(self.pair))

    def clear(self, name):
        self.pair.ipsec("gcm", "transport")
        compare(Traffic(self.pair, "stream", 7, *self.beside()), name, False)

    def none(self, name, kind):
        compare(Traffic(self.bare, kind, 9), name, False)


class Beside(Packets):
    """Ten times as many connections, in a machine that has the memory."""

    def rows(self):
        for cipher, mode in (("gcm", "transport"), ("null", "tunnel")):
            yield self.crowded(cipher, mode, 10 * self.N_BESIDE, compare_once)


class Many:
    """A namespace with many sockets (scale.c): commands go to it one by one."""

    def __init__(self, ns):
        self.child = subprocess.Popen([OUT / "scale", ns], stdin=-1, stdout=-1, text=True)

    def __call__(self, *words):
        """(instructions, what was counted)"""
        self.child.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.child.stdin.flush()
        took, counted = self.child.stdout.readline().split()
        print("#", *words, took, counted, file=sys.stderr, flush=True)
        return int(took), int(counted)

    def expect(self, count, *words):
        took, counted = self(*words)
        if counted != count:
            raise RuntimeError(f"{words}: {counted} instead of {count}")
        return took

    def close(self):
        self.child.stdin.close()
        self.child.wait()


def memory():
    """Bytes that the kernel uses, whatever for."""
    settle()
    Path("/proc/sys/vm/drop_caches").write_text("3")
    settle()
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    info = {w[0].rstrip(":"): int(w[1]) * 1024 for w in lines}
    parts = {k: info[k] for k in ("Slab", "VmallocUsed", "Percpu")}
    return sum(parts.values()), info["MemTotal"] - info["MemFree"], parts


class Scale:
    """A million latches."""

    OPS = 200

    def __init__(self):
        load_modules()
        many_files()
        self.n = int(os.environ.get("BENCH_LATCHES", "1000000"))
        self.broken = self.n // 10
        self.pair = Pair("a", "b")
        self.pair.ipsec("null", "transport")
        ip(
            "a",
            "link add dummy0 type dummy",
            "link set dummy0 up",
            "addr add 10.20.0.1/16 dev lo",
            "route add 10.21.0.0/16 dev dummy0 src 10.20.0.1",
            "route add 10.22.0.0/16 dev dummy0 src 10.20.0.1",
            "route add 10.24.0.0/14 dev dummy0 src 10.9.0.1",
        )
        self.a = Many("a")
        for net, gate, reqid in ((21, "10.24.0.1", 1000), (22, "10.25.0.1", 2000)):
            self.a("policy", 1, "10.20.0.0", f"10.{net}.0.0", 16, "10.9.0.1", gate, reqid)
            self.a("sa-add", 1, "10.9.0.1", gate, reqid, reqid)
        self.flow = Traffic(self.pair, "rr", 9)

    def rows(self):
        yield "scale", lambda _: self.measure()

    def ops(self):
        """Instructions of one SA added, rekeyed, deleted, and of both policies of a tunnel."""
        took = {}
        gates = "10.9.0.1", "10.26.0.1"
        nets = "10.20.0.0", "10.30.0.1", 32
        for name, words in (
            ("SA add", ("sa-add", self.OPS, *gates, 5000, 5000)),
            ("SA rekey", ("sa-rekey", self.OPS, *gates, 5000, 15000, 5000)),
            ("SA delete", ("sa-del", self.OPS, *gates, 15000)),
            ("policy add", ("policy", self.OPS, *nets, *gates, 5000)),
            ("policy delete", ("policy-del", self.OPS, *nets)),
        ):
            t = self.a(*words)[0] + self.a("sync")[0]
            took[name] = t / self.OPS
        return took

    def warm(self):
        self.ops()
        self.flow()
        return self.flow(), self.ops()

    def measure(self):
        without_few = self.warm()
        with Module():
            self.a("open", 0, 10, "10.20.0.1", "10.21.0.1", self.n)
            self.a("send", 0)
            self.a.expect(10, "latched", 0)
            with_few = self.warm()
            self.a("close", 0)
        self.a("open", 0, self.n - self.broken, "10.20.0.1", "10.21.0.1", self.n)
        self.a("open", 1, self.broken, "10.20.1.1", "10.22.0.1", self.n)
        self.a("send", 0)
        self.a("send", 1)
        without = self.warm()
        with Module():
            before = memory()
            self.a.expect(0, "send", 0)
            after = memory()
            slabs = Path("/proc/slabinfo").read_text()
            print("\n".join("# " + l for l in slabs.splitlines() if "latch" in l), file=sys.stderr)
            each = [(b - a) / (self.n - self.broken) for a, b in zip(before[:2], after[:2])]
            say(row="memory per latch", value=each[0], used=each[1], parts=[before[2], after[2]])
            self.a("reset", 1)
            self.a.expect(0, "send", 1)
            have = stat("a")["LatchLatches"]
            if have < self.n:
                raise RuntimeError(f"{have} latches")
            many = self.warm()
            share = [many[0] - without[0], with_few[0] - without_few[0]]
            say(row="packet cost, many latches", value=many[0] / with_few[0], ours=share,
                base=[without_few[0], without[0]])  # fmt: skip
            for op in many[1]:
                say(row=f"{op}, many latches", value=many[1][op] / with_few[1][op],
                    many=many[1][op], few=with_few[1][op], base=[without_few[1][op], without[1][op]])  # fmt: skip
            # not in the table: what each latch pays for an SA that went elsewhere
            anew, again = self.a("send", 1)[0], self.a("send", 1)[0]
            say(row="packet after an SA was deleted", value=(anew - again) / self.broken)
            took, listed = self.a("list")
            say(row="list by netlink", value=took / listed, listed=listed)
            took = self.a("sa-add", 1, "10.9.0.1", "10.25.0.1", 2001, 2000)[0]
            sync = self.a("sync")[0]
            broken = stat("a")["LatchBroken"]
            if broken != self.broken:
                raise RuntimeError(f"{broken} latches broken")
            self.a.expect(self.broken, "told", 1)
            say(row="break", value=(took + sync) / self.broken)
            self.a("close", 0)
            self.a("close", 1)


class Rekey:
    """Many SAs that are replaced under the latches on them, and their policies."""

    TUNNELS = "10.20.0.0", "10.21.0.1", 32, "10.9.0.1", "10.24.0.1", 1

    def __init__(self):
        load_modules()
        many_files()
        self.sas = int(os.environ.get("BENCH_SAS", "10000"))
        self.latches = 10 * self.sas
        run("ip", "netns", "add", "a")
        ip(
            "a",
            "link set lo up",
            "link add dummy0 type dummy",
            "link set dummy0 up",
            "addr add 10.9.0.1/32 dev lo",
            "addr add 10.20.0.1/16 dev lo",
            "route add 10.21.0.0/16 dev dummy0 src 10.20.0.1",
            "route add 10.24.0.0/14 dev dummy0 src 10.9.0.1",
        )
        self.a = Many("a")
        self.a("policy", self.sas, *self.TUNNELS)
        self.both("sa-add", 100000)

    def rows(self):
        yield "rekey", lambda _: self.measure()

    def both(self, op, *spis):
        """An operation on the SAs of both directions, until everything has followed."""
        reqid = () if op == "sa-del" else (1,)
        took = self.a(op, self.sas, "10.9.0.1", "10.24.0.1", *spis, *reqid)[0]
        self.a("inbound", 1)
        took += self.a(op, self.sas, "10.24.0.1", "10.9.0.1", *spis, *reqid)[0]
        self.a("inbound", 0)
        return took + self.a("sync")[0]

    def policies(self):
        """All policies set to what they are, as an IKE daemon does that rekeys."""
        return self.a("policy-set", self.sas, *self.TUNNELS)[0] + self.a("sync")[0]

    def measure(self):
        self.policies()
        plain = self.policies()
        self.both("sa-rekey", 100000, 200000)
        without = self.both("sa-rekey", 200000, 300000)
        with Module():
            self.a("bind", self.sas, 1)
            self.a("open", 0, self.latches, "10.20.0.1", "10.21.0.1", 10)
            self.a.expect(0, "send", 0)
            self.a("sync")
            self.a.expect(self.latches, "latched", 0)
            took = self.both("sa-rekey", 300000, 400000)
            self.a.expect(self.latches, "latched", 0)
            broken = stat("a")["LatchBroken"]
            if broken:
                raise RuntimeError(f"{broken} latches broken")
            self.a.expect(0, "send", 0)
            say(row="rekey", value=(took - without) / self.latches, total=took, base=without)
            took = self.policies()
            say(row="policies", value=took / plain, total=took, base=plain)
            self.a("close", 0)


class Demands:
    """Sockets to one server, each with a demand of its own: does the last one cost more than the first?"""

    STEP = 1000  # no table grows in the second and in the ninth of these

    def __init__(self):
        load_modules()
        many_files()
        run("ip", "netns", "add", "a")
        ip(
            "a",
            "link set lo up",
            "link add dummy0 type dummy",
            "link set dummy0 up",
            "addr add 10.9.0.1/32 dev lo",
            "addr add 10.20.0.1/16 dev lo",
            "route add 10.21.0.0/16 dev dummy0 src 10.20.0.1",
            "route add 10.24.0.0/14 dev dummy0 src 10.9.0.1",
        )
        self.a = Many("a")
        self.a("policy", 1, "10.20.0.0", "10.21.0.0", 16, "10.9.0.1", "10.24.0.1", 1)
        self.a("sa-add", 1, "10.9.0.1", "10.24.0.1", 100000, 1)

    def rows(self):
        yield "demands", lambda _: self.measure()

    def step(self, group, number):
        """Instructions to ask for suites of its own and to be latched, for each of so many sockets."""
        place = f"10.20.{group}.1"
        self.a("open", group, number, place, "10.21.0.1", number)
        took = self.a("demand", group)[0] + self.a.expect(0, "send", group)
        self.a("sync")
        self.a.expect(number, "latched", group)
        return took / number

    def measure(self):
        with Module():
            for group, number in enumerate((2, 1, 6, 1)):
                took = self.step(group, number * self.STEP)
                if group == 1:
                    first = took
            say(row="demands", value=took / first, first=first, last=took)
            for group in range(4):
                self.a("close", group)


class Cpus:
    """Two CPUs, a flow on each: does the module make them wait for one another?"""

    def __init__(self):
        load_modules()
        self.pairs = [Pair("a", "b"), Pair("c", "d")]
        for pair in self.pairs:
            pair.ipsec("null", "transport")

    def rows(self):
        yield "two CPUs", lambda _: self.measure()

    @staticmethod
    def flow(pair, cpu):
        traffic = Traffic(pair, "rr", 9)
        args = ["taskset", "-c", cpu, OUT / "flow", "-w", 500, "-n", 1, "-u", 2000, "rr", *traffic.ends]
        return subprocess.Popen([str(a) for a in args], stdout=-1, text=True)

    def scaling(self):
        """Time of two flows at once to that of one after the other; 1 is perfect."""
        alone = [self.took(self.flow(pair, cpu)) for cpu, pair in enumerate(self.pairs)]
        both = [self.flow(pair, cpu) for cpu, pair in enumerate(self.pairs)]
        return sum(self.took(child) for child in both) / sum(alone)

    @staticmethod
    def took(child):
        return int(child.communicate()[0].split()[2])

    def measure(self):
        self.scaling()
        without, ours = [], []
        for _ in range(7):
            without.append(self.scaling())
            with Module():
                ours.append(self.scaling())
        ratios = sorted(b / a for a, b in zip(without, ours))
        say(row="two CPUs", value=ratios[len(ratios) // 2], base=without, ours=ours)


class Profile:
    """The same as without the module and with it, between the marks of a profile."""

    def __init__(self):
        load_modules()

    def rows(self):
        for cipher in ("gcm", "null"):
            for mode in ("transport", "tunnel"):
                for kind in KINDS:
                    for family in (4, 6):
                        yield (
                            f"{kind} {cipher} {mode} {family}",
                            lambda _, k=kind, c=cipher, m=mode, f=family: self.flow(k, c, m, f),
                        )
            for sides, mode in (((1,), "one"), ((1, 2), "two")):
                for family in (4, 6):
                    yield (
                        f"gateway {cipher} {mode} {family}",
                        lambda _, c=cipher, s=sides, f=family: self.gateway(c, s, f),
                    )
        yield "scale", lambda _: self.scale()
        yield "rekey", lambda _: self.rekey()

    @staticmethod
    def symbols():
        Path(os.environ["RESULTS"], "kallsyms").write_text(Path("/proc/kallsyms").read_text())

    def flow(self, kind, cipher, mode, family):
        pair = Pair("a", "b")
        pair.ipsec(cipher, mode, family)
        traffic = Traffic(pair, kind, 9 if mode == "transport" else 8, family=family)
        traffic()
        traffic("-P")
        with Module():
            self.symbols()
            traffic("-P")
        words = KINDS[kind]
        say(units=words[words.index("-n") + 1] * (words[words.index("-u") + 1] if "-u" in words else 1))

    def gateway(self, cipher, sides, family):
        gateway = Gateway()
        gateway.ipsec(cipher, sides, family)
        traffic = Traffic(gateway, "stream", 8, family=family)
        traffic()
        traffic("-P")
        with Forwarding():
            self.symbols()
            traffic("-P")
        say(units=KINDS["stream"][KINDS["stream"].index("-n") + 1])

    def scale(self):
        """A break, and a list, of so many latches each."""
        many = Scale()
        a, n = many.a, many.broken
        with Module():
            self.symbols()
            a("reset", 1)
            a("open", 1, n, "10.20.0.1", "10.22.0.1", n)
            a("reset", 1)
            a("profile", 1)
            a("send", 1)
            a("profile", 0)
            a("profile", 1)
            a("list")
            a("profile", 0)
            a("profile", 1)
            a("sa-add", 1, "10.9.0.1", "10.25.0.1", 2001, 2000)
            a("sync")
            a("profile", 0)
            a("close", 1)
        say(units=n)

    def rekey(self):
        """Both directions of all SAs, without the module and with it."""
        r = Rekey()
        r.both("sa-rekey", 100000, 200000)
        r.a("profile", 1)
        r.both("sa-rekey", 200000, 300000)
        r.a("profile", 0)
        with Module():
            self.symbols()
            r.a("bind", r.sas, 1)
            r.a("open", 0, r.latches, "10.20.0.1", "10.21.0.1", 10)
            r.a("send", 0)
            r.a("sync")
            r.a("profile", 1)
            r.both("sa-rekey", 300000, 400000)
            r.a("profile", 0)
            r.a("close", 0)
        say(units=r.latches)


GROUPS = {"profile": Profile, "packets": Packets, "beside": Beside, "scale": Scale, "rekey": Rekey, "demands": Demands,
          "cpus": Cpus}  # fmt: skip


def main():
    globs = sys.argv[2:] or ["*"]
    group = GROUPS[sys.argv[1]]()
    for name, func in group.rows():
        if any(fnmatch.fnmatch(name.lower(), g.lower()) for g in globs):
            start = time.monotonic()
            func(name)
            print(f"# {name}: {time.monotonic() - start:.1f} s of the machine", file=sys.stderr, flush=True)


main()
