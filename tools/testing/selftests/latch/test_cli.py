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
from latchapi import L, TOOL, ask_to_wait, info
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
