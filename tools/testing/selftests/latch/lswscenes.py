# SPDX-License-Identifier: GPL-2.0
"""Scenes with libreswan, played with the module and without it."""

import functools
import re

import ikescenes
from ipsec import Ipsec
from ktap import TOP, wait
from latchapi import module_loaded
from libreswan import Libreswan
from strongswan import StrongSwan

BINARY = TOP / "tools/latchd/latch-updown"
# The link needs no routes of its own, and the ordinary updown is a shell script whose many programs come from the
# host: while they do, the clock of a machine that counts instructions leaps.
UPDOWN = f'"{BINARY} true"'

# All that bob's certificate says of him, beside its subject.
BOB = "DNS:bob.example,email:bob@example.org,IP:10.9.0.2,IP:fd09::2"


class Pluto(Libreswan):
    """Has taken its configuration when it is started: it loads it by itself, too, a little later."""

    def start(self, *options):
        super().start(*options)
        wait(lambda: not self._children(), "pluto's own addconn", 60)
        return self

    def _children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as f:
            return f.read().split()


@functools.cache
def read_updown_ahead(host):
    """Run the updown program once, so that its files are in memory; it binds nothing for it is not told of SAs."""
    host.run("sh", "-c", f"{BINARY} true")


def pluto_at(env, host, updown=UPDOWN, setup=""):
    """The libreswan of a host; the caller tells it its connections and starts it."""
    read_updown_ahead(env.sw)
    env.pki.cert("bob.example", names=BOB)
    daemon = env.daemons.get(host)
    if not isinstance(daemon, Pluto):
        if daemon:
            daemon.close()
        daemon = env.daemons[host] = Pluto(host, env.pki)
    daemon.updown, daemon.setup, daemon.secrets = updown, setup, ""
    # without a certificate of its own in the database, one that is made later would not get there
    daemon.certs = daemon.certs or [env.pki.cert(host.name + ".example")]
    return daemon


def strongswan_at(env, host, **options):
    """Replace the daemon of a host by a strongSwan; returns it."""
    daemon = env.daemons.get(host)
    if not isinstance(daemon, StrongSwan) or any(getattr(daemon, k) != v for k, v in options.items()):
        if daemon:
            daemon.close()
        daemon = env.daemons[host] = StrongSwan(host, env.pki, **options)
    return daemon


def trap_policy(env, fam=4, mode="transport", updown=UPDOWN, start="ondemand", **options):
    """Give alice a trap policy for bob, who waits; returns what opens flows between them."""
    alice, bob = pluto_at(env, env.alice, updown), pluto_at(env, env.bob, updown)
    alice.to(env.bob, fam=fam, mode=mode, start=start, **options)
    bob.to(env.alice, fam=fam, mode=mode, start="add", **options)
    bob.start()
    alice.start()
    return Ipsec(env.alice, env.bob, fam=fam, mode=mode)


def initiate(daemon, name):
    """Make the SAs of a connection.

    While something comes from the host, the clock of the machine may leap, and an attempt take too long; pluto makes
    another one then.
    """
    said = daemon.initiate(name)
    if "established Child SA" not in said:
        wait(lambda: "(established Child SA)" in daemon.status(), f"SAs after this: {said}", 30)


def connect_pair(env, proto, fam=4, **options):
    """Connect alice and bob, and open a flow between them; latch-updown gets the time that it needs here."""
    if module_loaded():
        for host in (env.alice, env.bob):
            host.sysctl("identity_wait_ms", 60000)
    ipsec = trap_policy(env, fam, **options)
    initiate(env.daemons[env.alice], "bob")
    return ikescenes.connect(ipsec, proto)


def set_up_mesh(env, fam=4, updown=UPDOWN, **options):
    """Alice accepts whoever has a certificate of the CA, and bob makes SAs with her."""
    alice, bob = pluto_at(env, env.alice, updown), pluto_at(env, env.bob, updown)
    alice.to("%any", "mesh", fam=fam, start="add", hostaddrfamily=f"ipv{fam}", **options).start()
    bob.to(env.alice, fam=fam, start="add").start()
    initiate(bob, "alice")
    return Ipsec(env.alice, env.bob, fam=fam)


def spis_of(host):
    """SPIs of the SAs of a host, other than those that are only asked for or reserved."""
    sas = re.split(r"^(?=src )", host.run("ip", "xfrm", "state").stdout, flags=re.M)
    return {int(re.search(r"spi 0x([0-9a-f]+)", sa)[1], 16) for sa in sas if re.search(r"^\s(aead|auth|enc)", sa, re.M)}


class LibreswanTakeover(ikescenes.StrongSwanTakeover):
    """Mallory at bob's address, with a pluto of her own and her own certificate."""

    def __init__(self, net, ipsec, updown=UPDOWN):  # pylint: disable=super-init-not-called
        self.net, self.ipsec = net, ipsec
        self.me, self.victim, self.peer = net.mallory, ipsec.a, ipsec.b
        self.pluto = pluto_at(net, self.me, updown)
        self._raw = None

    def authenticate(self):
        fam = self.ipsec.fam
        self.pluto.to(self.victim, fam=fam, start="add", left=self.peer.addr(fam)).start()
        initiate(self.pluto, self.victim.name)

    @property
    def sas(self):
        return [ikescenes.Spi(spi) for spi in spis_of(self.me)]

    def withdraw_sas(self):
        self.pluto.whack("--terminate", "--name", self.victim.name)


def rekey_child(daemon, name):
    """Rekey the child of a connection; returns a function that is true when the old SAs are gone."""
    old = spis_of(daemon.host)
    daemon.whack("--rekey-ipsec", "--name", name)
    return lambda: spis_of(daemon.host) and not spis_of(daemon.host) & old


def wait_for_no_sas(host, what="SAs"):
    """Wait until all SAs of a host are gone."""
    return wait(lambda: not spis_of(host), f"the {what} of {host.name} to go", 30)
