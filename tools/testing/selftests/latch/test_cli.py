#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The latch command against the real kernel: text, JSON, exit codes.

What it prints for each field is shown by the command's own golden files.
"""

import json
import os
import signal
import subprocess
import tempfile

import runner
from expect import is_state
from ipsec import Ipsec
from ktap import case, ksft_eq, ksft_in, ksft_true, wait
from latchapi import L, TOOL, ask, ask_to_wait, info
from scenes import OffloadDevice
from user import as_nobody

HOSTS = ("alice", "bob")


def run_latch(host, *words, code=0):
    """Run the command; its standard output, or with an error its standard error."""
    done = host.run(TOOL, *words)
    ksft_eq(done.returncode, code, f"{words}: {done.stderr}")
    return done.stderr if code else done.stdout


def show_json(host, *words):
    """What the command prints with -json."""
    return json.loads(run_latch(host, "-json", *words))


@case("cli_peer_add_show_del")
def peer(env):
    """A record by words, in JSON with the specification's names; refusals exit with 2."""
    added = show_json(env.alice, "peer", "add", "fqdn", "bob", "auth", "psk")
    number = env.alice.nl.dump("peer-get")[0]["id"]
    ksft_in(str(number), json.dumps(added))
    row = show_json(env.alice, "peer", "show")[0]
    ksft_eq((row["id"], row["id-value"], row["refs"]), (number, "bob", 0))
    ksft_in("bob", run_latch(env.alice, "peer"))
    run_latch(env.alice, "peer", "del", str(number))
    ksft_eq(env.alice.nl.dump("peer-get"), [])
    ksft_in("No such", run_latch(env.alice, "peer", "del", str(number), code=2))


@case("cli_peer_add_with_files")
def peer_files(env):
    """Certificate, anchor and key come from files."""
    with tempfile.TemporaryDirectory() as where:
        words = []
        for name in ("cert", "anchor", "key"):
            with open(os.path.join(where, name), "wb") as f:
                f.write(name.encode() * 3)
            words += [name, os.path.join(where, name)]
        run_latch(env.alice, "peer", "add", "keyid", "0x00ff", *words)
    row = env.alice.nl.dump("peer-get")[0]
    ksft_eq(
        (row["id-value"], row["cert"], row["anchor"], row["key"]), (b"\0\xff", b"cert" * 3, b"anchor" * 3, b"key" * 3)
    )


@case("cli_binding_add_show_del")
def binding(env):
    """By reqid and by SA, as `ip xfrm` names them."""
    ipsec = Ipsec(env.alice, env.bob).up()
    bob = str(env.alice.peer("bob"))
    run_latch(env.alice, "binding", "add", "reqid", "7", "peer", bob)
    sa = ipsec.sas[0]
    words = ["dst", sa.dst, "proto", "esp", "spi", hex(sa.spi)]
    run_latch(env.alice, "binding", "add", *words, "peer", bob, "local", bob)
    ksft_eq(len(show_json(env.alice, "binding", "show")), 2)
    ksft_eq(env.alice.nl.do("binding-get", **sa.key())["peer"], int(bob))
    ksft_in("exist", run_latch(env.alice, "binding", "add", "reqid", "7", "peer", bob, code=2))
    ksft_in("bound", run_latch(env.alice, "peer", "del", bob, code=2) + "bound")
    run_latch(env.alice, "binding", "del", *words)
    run_latch(env.alice, "binding", "del", "reqid", "7", "peer", bob)
    ksft_eq(show_json(env.alice, "binding"), [])


@case("cli_connection_show")
def connection(env):
    """The table of latches says what the option says."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    tcp, udp = ipsec.tcp(), ipsec.udp()
    rows = {r["id"]: r for r in show_json(env.alice, "connection", "show")}
    for flow in (tcp, udp):
        got = info(flow.a)
        row = rows[got.id]
        ksft_eq(row["state"].upper(), "ESTABLISHED")
        ksft_eq((row["local-addr"], row["local-port"]), (got.local_addr, got.local_port))
        ksft_eq((row["remote-addr"], row["remote-port"]), (got.remote_addr, got.remote_port))
        ksft_eq(row["proto"], flow.proto)
        ksft_in("bob", json.dumps(row))
        ksft_eq(len(row["transforms"]), 1)
    text = run_latch(env.alice, "connection")
    for word in ("ESTABLISHED", "bob", str(tcp.ports[0]), str(udp.ports[1])):
        ksft_in(word, text)


SELECTORS = [
    {"what": "id", "words": lambda f, _: [str(info(f.a).id)]},
    {"what": "proto", "words": lambda f, _: ["proto", "tcp"]},
    {"what": "sport", "words": lambda f, _: ["sport", str(f.ports[0])]},
    {"what": "dport", "words": lambda f, _: ["dport", str(f.ports[1])]},
    {"what": "sport_and_dst", "words": lambda f, _: ["sport", str(f.ports[0]), "dst", "10.9.0.0/24"]},
    {"what": "peer_and_proto", "words": lambda f, h: ["peer", str(h.peer("bob")), "proto", "tcp"]},
]


@case("cli_connection_selected_by_{what}", SELECTORS)
def selectors(env, words):
    """Selectors choose what is shown and what is closed."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    tcp, udp = ipsec.tcp(), ipsec.udp()
    chosen = words(tcp, env.alice)
    ksft_eq([r["id"] for r in show_json(env.alice, "connection", "show", *chosen)], [info(tcp.a).id])
    run_latch(env.alice, "connection", "close", *chosen)
    is_state(tcp.a, "CLOSED", "ADMIN")
    is_state(udp.a, "ESTABLISHED")


@case("cli_connection_flush")
def flush(env):
    """All latches, or those of a peer."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flows = [ipsec.tcp(), ipsec.udp()]
    run_latch(env.alice, "connection", "flush", "peer", str(env.alice.peer("alice")))
    for flow in flows:
        is_state(flow.a, "ESTABLISHED")
    run_latch(env.alice, "connection", "flush")
    for flow in flows:
        is_state(flow.a, "CLOSED", "ADMIN")


@case("cli_connection_own_policy_off")
def own_policy(env):
    """The flag, and the command that takes the policy away: from one, then from all."""
    ipsec = Ipsec(env.alice, env.bob).up()
    flows = [ipsec.tcp(before=lambda sock: ask(sock, own_policy=1)) for _ in range(3)]

    def having():
        return [c["id"] for c in show_json(env.alice, "connection") if "own-policy" in c["flags"]]

    wait(lambda: len(having()) == 3, "the policies")
    ksft_eq(show_json(env.alice, "stats")["LatchOwnPolicies"], 3)
    run_latch(env.alice, "connection", "own-policy", "off", str(info(flows[0].a).id))
    wait(lambda: len(having()) == 2, "a policy to go")
    run_latch(env.alice, "connection", "own-policy", "off", "sport", str(flows[1].ports[0]))
    wait(lambda: having() == [info(flows[2].a).id], "the policy to go")
    run_latch(env.alice, "connection", "own-policy", "off")
    wait(lambda: not having(), "all to go")
    ksft_in('"off"', run_latch(env.alice, "connection", "own-policy", code=1))


@case("cli_policy_add_list_del_flush")
def policy(env):
    """Offers by words, in their order; refusals exit with 2 and name the attribute."""
    words = ["dst", "10.9.0.2", "dport", "443", "proto", "tcp", "offer", "reqid", "5"]
    (first,) = show_json(env.alice, "policy", "add", *words)
    got = [first[k] for k in ("action", "remote", "remote-port", "tmpl-reqid")]
    ksft_eq(got, ["offer", "10.9.0.2/32", 443, 5])
    tunnel = ["mode", "tunnel", "tunnel-src", "10.9.0.1", "tunnel-dst", "10.9.0.2"]
    more = ["dst", "fd82::/64", "offer", "reqid", "6", *tunnel, "before", str(first["id"])]
    run_latch(env.alice, "policy", "add", *more)
    ksft_eq([row["remote"] for row in show_json(env.alice, "policy", "list")], ["fd82::/64", "10.9.0.2/32"])
    said = run_latch(env.alice, "-s", "policy", "show", str(first["id"]))
    ksft_in("offer reqid 5 sa esp mode transport taken 0", said)
    ksft_in("(attribute before)", run_latch(env.alice, "policy", "add", *words, "before", "99", code=2))
    ksft_in("(attribute local)", run_latch(env.alice, "policy", "add", *words, "src", "::1", code=2))
    run_latch(env.alice, "policy", "del", str(first["id"]))
    ksft_in("no such policy", run_latch(env.alice, "policy", "del", str(first["id"]), code=2))
    run_latch(env.alice, "policy", "flush")
    ksft_eq(show_json(env.alice, "policy"), [])


@case("cli_connection_show_of_a_broken_latch")
def broken(env):
    """State, reason and conflicts are named."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    ipsec.flush([env.alice])
    is_state(flow.a, "BROKEN")
    row = show_json(env.alice, "connection")[0]
    ksft_eq((row["state"].upper(), row["reason"], set(row["conflicts"])),
            ("BROKEN", "policy-out", {"policy-out", "policy-in"}))  # fmt: skip
    ksft_in("policy-out", run_latch(env.alice, "connection"))


@case("cli_stats")
def stats(env):
    """The counters, as /proc/net/latch_stat has them."""
    Ipsec(env.alice, env.bob).up().tcp()
    got = show_json(env.alice, "stats")
    ksft_eq({k: v for row in ([got] if isinstance(got, dict) else got) for k, v in row.items()}, env.alice.stat())
    ksft_in("LatchLatches", run_latch(env.alice, "stats"))


def status(host):
    """What `latch status` finds, and where; its exit status has to say how bad that is."""
    done = host.run(TOOL, "-json", "status")
    row = json.loads(done.stdout)
    levels = {"warning": 1, "broken": 2}
    ksft_eq(done.returncode, max([levels[f["level"]] for f in row["findings"]], default=0), done.stdout)
    ksft_eq(row["status"], done.returncode)
    return {f["finding"]: f["where"] for f in row["findings"]}


MODES = [{"mode": m, "fam": f} for m in ("transport", "tunnel") for f in (4, 6)]


@case("cli_status_has_nothing_to_say_{mode}_ipv{fam}", MODES)
def status_quiet(env, mode, fam):
    """Where all is well it says so on six lines, and counts what is there."""
    ipsec = Ipsec(env.alice, env.bob, fam=fam, mode=mode, reqid=5).up().identify()
    with ipsec.listen(env.alice):
        ipsec.tcp()
        ksft_eq(status(env.alice), {})
        text = run_latch(env.alice, "status").splitlines()
        row = show_json(env.alice, "status")
    ksft_eq((len(text), text[0], text[-1]), (6, "module active on", "nothing to do"))
    ksft_eq(row["module"], {"active": True})
    ksft_eq(row["latches"], {"connections": 1, "listeners": 1, "broken": 0, "unidentified": 0})
    ksft_eq(row["identities"], {"manager": False, "peers": 2, "by-sa": 0, "by-reqid": 1})
    ksft_eq(row["sas"], {"identified": 2, "awaited": 0, "unidentified": 0, "ambiguous": 0})
    ksft_eq(row["settings"]["max_peers"], env.alice.sysctl("max_peers"))


@case("cli_status_of_a_namespace_without_ipsec")
def status_empty(env):
    """Nothing to look at is nothing to do."""
    wait(lambda: not show_json(env.alice, "status")["module"]["active"], "the hooks to go")
    ksft_eq(status(env.alice), {})


class Third:
    """One more SA, like one of the pair but for something."""

    def __init__(self, way, **changes):
        self.way, self.changes = way, changes

    def words(self, ipsec):
        sa = ipsec.sas[self.way].but(spi=0x9001, **self.changes)
        return [sa.add()], [sa.delete()]


class OfPeer(Third):
    """One more SA, like one of the pair but that it is another peer's."""

    def __init__(self, way, peer):
        super().__init__(way)
        self.peer = peer

    def words(self, ipsec):
        sa = ipsec.sas[self.way].but(spi=0x9001)
        ipsec.a.bind(self.peer, ipsec.a.name, sa=sa)
        return [sa.add()], [sa.delete()]


class Other(Third):
    """The SA itself, but for something."""

    def words(self, ipsec):
        old = ipsec.sas[self.way]
        new = old.but(**self.changes)
        return [old.delete(), new.add()], [new.delete(), old.add()]


class Policy:
    """One more policy."""

    def __init__(self, selector, more=""):
        self.selector, self.more = selector, more

    def words(self, ipsec):
        return [f"xfrm policy add {self.selector} {self.more}"], [f"xfrm policy delete {self.selector}"]


class Gone:
    """The policy of one direction is missing."""

    def __init__(self, direction):
        self.direction = direction

    def words(self, ipsec):
        verbs = ("delete", "add")
        return tuple([ipsec.policy(ipsec.a, self.direction, verb)] for verb in verbs)


class Device:
    """A VTI device."""

    def words(self, ipsec):
        a, b = ipsec.a.addr(4), ipsec.b.addr(4)
        return [f"link add vti7 type vti local {a} remote {b} key 7", "link set vti7 up"], ["link del vti7"]


FAR = "src 10.99.0.0/24 dst 10.98.0.0/24"
OUT, IN = 0, 1
TROUBLE = [
    {"what": "directions", "change": Other(OUT, suite="gcm256")},
    {"what": "directions", "how": "_esn", "change": Other(OUT, window=0, extra="replay-window 32 flag esn")},
    {"what": "suites", "how": "_in", "change": Third(IN, suite="gcm256")},
    {"what": "suites", "how": "_out", "change": Third(OUT, suite="cbc256")},
    {"what": "replay-window", "change": Third(IN, window=16)},
    {"what": "any-source", "change": Third(IN, src="0.0.0.0")},
    {"what": "shared-reqid", "change": Third(IN, src="10.9.0.3")},
    {"what": "peers", "change": OfPeer(OUT, "mallory")},
    {"what": "unidentified", "change": Third(IN, reqid=9)},
    {"what": "mark", "how": "_of_an_sa", "change": Third(IN, extra="mark 3 mask 0xff")},
    {"what": "mark", "how": "_of_a_policy", "change": Policy(f"{FAR} dir out mark 3 mask 0xff")},
    {"what": "sub-policy", "change": Policy(f"{FAR} dir out ptype sub", "tmpl proto esp reqid 6 mode transport")},
    {"what": "policy-device", "change": Policy(f"{FAR} dev eth0 dir out")},
    {"what": "level-use", "change": Policy(f"{FAR} dir out", "tmpl proto esp reqid 6 mode transport level use")},
    {"what": "one-way", "how": "_out", "change": Gone("in")},
    {"what": "one-way", "how": "_in", "change": Gone("out")},
    {"what": "vti", "change": Device()},
]


@case("cli_status_finds_{what}{how}", [{"how": "", **row} for row in TROUBLE])
def status_finds(env, what, change):
    """It finds that, and nothing else, as long as it is there, and says where."""
    env.alice.pin()
    ipsec = Ipsec(env.alice, env.bob, reqid=5).up().identify()
    ksft_eq(status(env.alice), {})
    do, undo = change.words(ipsec)
    env.alice.ip(*do)
    got = status(env.alice)
    ksft_eq((list(got), len(got[what])), ([what], 1), got)
    ksft_in("to do: ", env.alice.run(TOOL, "status").stdout)
    env.alice.ip(*undo)
    ksft_eq(status(env.alice), {})


@case("cli_status_leaves_out_{what}", [
    {"what": "a_policy_that_may_wait_for_its_sas", "words": f"{FAR} dir out tmpl proto esp reqid 6 mode transport"},
    {"what": "optional_ipcomp", "words": f"{FAR} dir out tmpl proto comp reqid 6 mode transport level use"},
    {"what": "forwarded_packets", "words": f"{FAR} dir fwd tmpl proto esp reqid 5 mode transport level use"},
    {"what": "a_policy_that_blocks", "words": f"{FAR} dir in action block"},
])  # fmt: skip
def status_leaves_out(env, words):
    """What need not be wrong is no finding."""
    Ipsec(env.alice, env.bob, reqid=5).up().identify()
    env.alice.ip(f"xfrm policy add {words}")
    ksft_eq(status(env.alice), {})


@case("cli_status_does_not_take_an_outbound_window_for_a_finding")
def status_window_out(env):
    """The replay window of an outbound SA does not count, nor does a reserved SPI."""
    ipsec = Ipsec(env.alice, env.bob, reqid=5).up().identify()
    env.alice.ip(Third(OUT, window=16).words(ipsec)[0][0])
    env.alice.ip(f"xfrm state allocspi src {env.bob.addr(4)} dst {env.alice.addr(4)} proto esp mode transport reqid 9")
    ksft_eq(status(env.alice), {})


@case("cli_status_finds_offload")
def status_offload(env):
    """An SA that a device decrypts."""
    ipsec = Ipsec(env.alice, env.bob, reqid=5).up().identify()
    with OffloadDevice(env.alice) as device:
        env.alice.ip(device.sa(ipsec.sas[IN].but(spi=0x9001)).add())
        ksft_eq(list(status(env.alice)), ["offload"])
        device.down()
        ksft_eq(status(env.alice), {})


@case("cli_status_foretells_a_break")
def status_foretells(env):
    """What it warns of does happen: a flow under SAs of two suites is broken, and both are found."""
    ipsec = Ipsec(env.alice, env.bob, reqid=5).up().identify()
    flow = ipsec.tcp(before=ask_to_wait)
    do, undo = Third(IN, suite="gcm256").words(ipsec)
    env.alice.ip(*do)
    is_state(flow.a, "BROKEN")
    got = status(env.alice)
    ksft_eq((sorted(got), got["latches"][0].split(":")[0]), (["latches", "suites"], "key-len"), got)
    env.alice.ip(*undo)
    is_state(flow.a, "ESTABLISHED")
    ksft_eq(status(env.alice), {})


@case("cli_status_finds_who_is_behind_the_sas")
def status_owners(env):
    """Nobody, one peer, several peers, or somebody whom the key manager may still name."""
    ipsec = Ipsec(env.alice, env.bob, reqid=5).up()
    alice = env.alice
    # while only protection is latched, this breaks nothing
    ksft_eq(status(alice), {})
    alice.pin()
    got = status(alice)
    ksft_eq(list(got), ["unidentified"])
    ksft_in("no key manager is active", got["unidentified"][0])
    ipsec.identify([alice])
    ksft_eq(status(alice), {})
    alice.bind("mallory", reqid=5)
    ksft_eq((list(status(alice)), len(status(alice)["ambiguous"])), (["ambiguous"], 2))
    alice.unbind("mallory", reqid=5)
    alice.bind("bob", reqid=6)
    alice.bind("mallory", reqid=6)
    ksft_eq(status(alice), {"ambiguous-binding": ["reqid 6"]})
    alice.unbind("mallory", reqid=6)
    alice.bind("mallory", sa=ipsec.sas[IN])
    ksft_eq(status(alice), {})
    ksft_eq(show_json(alice, "status")["identities"]["by-sa"], 1)
    alice.unbind("mallory", sa=ipsec.sas[IN])
    alice.unbind("bob", "alice", reqid=5)
    alice.nl.do("manager-set", active=1)
    try:
        ipsec.rekey()
        alice.sysctl("identity_wait_ms", 60000)
        ksft_eq(status(alice), {})
        ksft_eq(show_json(alice, "status")["sas"]["awaited"], 2)
        alice.sysctl("identity_wait_ms", 0)
        got = wait(lambda: status(alice), "the SAs to be older than a second")
        ksft_in("the key manager has not claimed them", got["unidentified"][0])
    finally:
        alice.nl.do("manager-set", active=0)


SETTINGS = [
    {"what": "auto", "name": "auto", "value": 0, "finding": "auto"},
    {"what": "max_peers", "name": "max_peers", "value": 2, "finding": "limit"},
    {"what": "max_latches", "name": "max_latches", "value": 0, "finding": "limit"},
]


@case("cli_status_finds_the_setting_{what}", SETTINGS)
def status_settings(env, name, value, finding):
    """Settings that keep connections from being latched."""
    Ipsec(env.alice, env.bob, reqid=5).up().identify()
    env.alice.sysctl(name, value)
    ksft_eq(list(status(env.alice)), [finding])


@case("cli_status_unprivileged")
def status_unprivileged(env):
    """Who may not see the SAs cannot tell, and says so with status 3."""
    done = as_nobody(
        env.alice, lambda: subprocess.run([TOOL, "-json", "status"], capture_output=True, text=True, check=False)
    )
    ksft_eq((done.returncode, done.stdout), (3, ""))
    ksft_in("ermi", done.stderr)


@case("cli_manager")
def manager(env):
    """Shows and changes whether a key manager is at work."""
    run_latch(env.alice, "manager", "set", "active", "on")
    ksft_eq(env.alice.nl.do("manager-set"), {"active": 1})
    run_latch(env.alice, "manager", "set", "active", "off")
    ksft_eq(env.alice.nl.do("manager-set"), {"active": 0})
    run_latch(env.alice, "manager")


@case("cli_monitor")
def monitor(env):
    """One JSON object for each event, as it comes; SIGTERM ends it well."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    with env.alice, tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([TOOL, "-json", "monitor"], stdout=out, text=True)

        def lines():
            out.seek(0)
            return [json.loads(line) for line in out.read().splitlines() if line.endswith("}")]

        # until it hears, records are made for it
        wait(
            lambda: env.alice.nl.do("peer-new", id_type=L.LATCH_ID_KEYID, id_value=os.urandom(8)) and lines(), "monitor"
        )
        flow = ipsec.tcp()
        number = info(flow.a).id
        wait(lambda: any(e.get("id") == number or number in e.values() for e in lines()) or str(number) in str(lines()),
             "the event")  # fmt: skip
        child.send_signal(signal.SIGTERM)
        ksft_eq(child.wait(20), 0)


@case("cli_peer_of_a_process")
def peer_of(env):
    """By process, descriptor and address."""
    ipsec = Ipsec(env.alice, env.bob).up().identify()
    tcp, udp = ipsec.tcp(), ipsec.udp()
    rows = {r["fd"]: r for r in show_json(env.alice, "peer-of", str(os.getpid()))}
    for flow in (tcp, udp):
        fd = flow.a.fileno()
        ksft_eq((rows[fd]["id"], rows[fd]["peer-id-value"]), (info(flow.a).id, "bob"))
        ksft_eq([r["id"] for r in show_json(env.alice, "peer-of", str(os.getpid()), str(fd))], [info(flow.a).id])
        end = f"{info(flow.a).remote_addr}:{flow.ports[1]}"
        ksft_in(info(flow.a).id, [r["id"] for r in show_json(env.alice, "peer-of", end)])
    # bob's end is a socket of another namespace
    said = run_latch(env.alice, "peer-of", str(os.getpid()), str(tcp.b.fileno()), code=2)
    ksft_in(f"descriptor \"{tcp.b.fileno()}\"", said)


@case("cli_names_of_peers")
def names(env):
    """A distinguished name comes back as it was given, and names its peer."""
    ipsec = Ipsec(env.alice, env.bob).up()
    added = show_json(env.alice, "peer", "add", "dn", "CN=bob,O=Example\\, Inc")[0]
    ksft_eq(added["id-value"], "CN=bob,O=Example\\, Inc")
    ksft_eq(env.alice.nl.do("peer-get", id=added["id"])["id-value"].hex(),
            "302531153013060355040a0c0c4578616d706c652c20496e63310c300a06035504030c03626f62")  # fmt: skip
    run_latch(env.alice, "binding", "add", "reqid", "1", "peer", "cn=bob, o=Example\\, Inc")
    flow = ipsec.tcp()
    rows = show_json(env.alice, "connection", "show", "peer", "CN=bob,O=Example\\2C Inc")
    ksft_eq([r["id"] for r in rows], [info(flow.a).id])
    ksft_eq(rows[0]["peer-id-value"], "CN=bob,O=Example\\, Inc")
    run_latch(env.alice, "peer", "add", "fqdn", "twin", "auth", "psk")
    run_latch(env.alice, "peer", "add", "fqdn", "twin")
    ksft_in("auth psk", run_latch(env.alice, "binding", "add", "reqid", "2", "peer", "twin", code=1))
    ksft_eq([b["reqid"] for b in env.alice.nl.dump("binding-get")], [1])


@case("cli_stats_openmetrics")
def openmetrics(env):
    """Each line of /proc/net/latch_stat has its sample, and none is of unknown type."""
    with env.alice:
        values = [int(line.split()[1]) for line in open("/proc/net/latch_stat", encoding="ascii")]
    lines = run_latch(env.alice, "stats", "--openmetrics").splitlines()
    ksft_eq([int(line.split()[1]) for line in lines if not line.startswith("#")], values)
    ksft_eq(sum(line.startswith("# TYPE") for line in lines), sum(line.startswith("# HELP") for line in lines))
    ksft_eq(lines[-1], "# EOF")


@case("cli_batch")
def batch(env):
    """Many commands on one socket; the line that fails is named."""
    lines = "".join(f"peer add fqdn host{n}\n" for n in range(5)) + "peer del 999999\npeer add fqdn never\n"
    done = env.alice.run(TOOL, "-b", "-", input=lines)
    ksft_eq(done.returncode, 2)
    ksft_in("6", done.stderr)
    ksft_eq(len(env.alice.nl.dump("peer-get")), 5)


USAGE = [
    {"what": "unknown_object", "words": ["nonsense"]},
    {"what": "unknown_command", "words": ["peer", "nonsense"]},
    {"what": "unknown_word", "words": ["connection", "show", "nonsense", "1"]},
    {"what": "value_missing", "words": ["binding", "add", "reqid"]},
    {"what": "value_out_of_range", "words": ["connection", "show", "sport", "65536"]},
    {"what": "no_words", "words": []},
]


@case("cli_usage_{what}", USAGE)
def usage(env, words):
    """Exit code 1, a word on standard error, nothing on standard output, nothing sent."""
    done = env.alice.run(TOOL, *words)
    ksft_eq((done.returncode, done.stdout), (1, ""))
    ksft_true(done.stderr)


@case("cli_unprivileged")
def unprivileged(env):
    """Exit code 2 and the kernel's words."""
    done = as_nobody(env.alice, lambda: subprocess.run([TOOL, "peer"], capture_output=True, text=True, check=False))
    ksft_eq(done.returncode, 2)
    ksft_in("ermi", done.stderr + done.stdout)


if __name__ == "__main__":
    runner.main()
