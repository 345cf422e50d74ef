# SPDX-License-Identifier: GPL-2.0
"""Real IKE daemons on the hosts of latchlib, and the certificates they use.

    net = IkeNet("alice", "bob")        hosts with a PKI and a strongSwan each (started when first used)
    net.ike(net.alice).to(net.bob)      a connection with trap policies; see StrongSwan.to()

The daemons come from Debian's packages, which tools/testing/vm/fetch unpacks into
its cache: they are laid over /usr in a mount namespace of this process, so
nothing is installed and nothing is left over.
"""

import base64
import ctypes
import functools
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from ipsec import SA
from ktap import SLOW, TOP, ksft_pr, wait
from latchapi import libc, module_loaded
from netns import Net

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
PLUGIN = TOP / "build/charon-latch/libstrongswan-latch.so"
PLUGIN_DIR = Path("/usr/lib/ipsec/plugins")

# No udev here: what the daemons expect to be there already.
MODULES = ("bridge", "veth", "seqiv", "xfrm_user", "esp4", "esp6", "af_key", "ip_vti", "xfrm_algo", "tunnel4", "ipcomp")

# What libraries read again and again.  In the machine that counts instructions
# time runs away while the host is asked, so these are put into memory.
ASKED_FOR = [f"/etc/{n}" for n in ("protocols", "services", "nsswitch.conf", "hosts", "passwd", "group", "ld.so.cache")]


def own_mounts():
    """What is mounted from now on is seen by this process and its children alone."""
    if libc.unshare(CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", "", MS_REC | MS_PRIVATE)


def mount(what, where, kind="", flags=0, options=""):
    if libc.mount(str(what).encode(), str(where).encode(), kind.encode() or None, flags, options.encode() or None):
        raise OSError(ctypes.get_errno(), f"mount {what} {where}")


def packages(name):
    """The directory with the unpacked packages of a daemon."""
    path = os.environ.get(f"LATCH_{name.upper()}")
    if not path:
        path = subprocess.check_output([TOP / "tools/testing/vm/fetch", name], text=True).strip()
    return Path(path) / "usr"


@functools.cache
def install():
    """Lay the daemons over /usr."""
    own_mounts()
    subprocess.run(["modprobe", "-q", "-a", *MODULES], check=False)
    layers = [packages("strongswan"), packages("libreswan"), "/usr"]
    mount("tmpfs", "/mnt", "tmpfs")
    for d in ("upper", "work", "modules"):
        os.mkdir(f"/mnt/{d}")
    mount("/usr/lib/modules", "/mnt/modules", flags=MS_BIND | MS_REC)
    lower = ":".join(str(layer) for layer in layers)
    mount("overlay", "/usr", "overlay", 0, f"lowerdir={lower},upperdir=/mnt/upper,workdir=/mnt/work")
    # the overlay does not show what is mounted below /usr
    mount("/mnt/modules", "/usr/lib/modules", flags=MS_BIND | MS_REC)
    for path in ASKED_FOR:
        if os.path.exists(path):
            there = Path("/mnt") / Path(path).name
            there.write_bytes(Path(path).read_bytes())
            mount(there, os.path.realpath(path), flags=MS_BIND)


def run(*args, **kwargs):
    """A program that must succeed; returns what it said."""
    done = subprocess.run([str(a) for a in args], capture_output=True, check=False, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{args}: status {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


# --- certificates -----------------------------------------------------------------
def unarmour(pem):
    """The first block of a PEM file as DER."""
    lines = pem.decode().split("-----BEGIN", 1)[1].splitlines()[1:]
    return base64.b64decode("".join(lines[: next(n for n, x in enumerate(lines) if x.startswith("-----END"))]))


class Cert:
    """A certificate with its private key, in files and in memory."""

    def __init__(self, pki, name, issuer):
        self.name, self.issuer = name, issuer
        self.pem, self.key = pki.path / f"{name}.pem", pki.path / f"{name}.key"

    @functools.cached_property
    def der(self):
        return unarmour(self.pem.read_bytes())

    @functools.cached_property
    def private(self):
        """The private key, PEM."""
        return self.key.read_bytes()

    @functools.cached_property
    def public(self):
        """SubjectPublicKeyInfo, DER."""
        return unarmour(run("openssl", "pkey", "-in", self.key, "-pubout"))

    @functools.cached_property
    def subject(self):
        """The distinguished name, DER."""
        return _subject(self.der)


def _tlv(der, at):
    """(start of the content, end) of the DER object at an offset."""
    size, start = der[at + 1], at + 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(der[at + 2 : start], "big")
    return start, start + size


def _subject(der):
    """The subject of a certificate: the field after version, serial, algorithm, issuer, validity."""
    at = _tlv(der, _tlv(der, 0)[0])[0]
    for _ in range(5):
        at = _tlv(der, at)[1]
    return der[at : _tlv(der, at)[1]]


class Pki:
    """Certification authorities and what they certify, made when first asked for."""

    KINDS = {
        "ecdsa": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "rsa": ("-newkey", "rsa:2048"),
        "ed25519": ("-newkey", "ed25519"),
    }

    def __init__(self):
        self._dir = tempfile.TemporaryDirectory(prefix="latch-pki-")
        self.path = Path(self._dir.name)
        self._certs = {}

    def ca(self, name="ca", kind="ecdsa"):
        if name not in self._certs:
            self._certs[name] = Cert(self, name, None)
            self._req(
                self._certs[name], kind, f"/O=Latch/CN={name}", "basicConstraints=critical,CA:TRUE",
                "keyUsage=critical,keyCertSign,cRLSign",
            )  # fmt: skip
        return self._certs[name]

    def cert(self, name, ca="ca", kind="ecdsa", names=None, subject=None):
        """names: subjectAltName as OpenSSL writes it, DNS:NAME by default; "" for none."""
        if name not in self._certs:
            issuer = self.ca(ca)
            self._certs[name] = Cert(self, name, issuer)
            san = f"DNS:{name}" if names is None else names
            self._req(
                self._certs[name], kind, subject or f"/O=Latch/CN={name}", "basicConstraints=critical,CA:FALSE",
                "keyUsage=digitalSignature", "extendedKeyUsage=serverAuth,clientAuth",
                *([f"subjectAltName={san}"] if san else []), issuer=issuer,
            )  # fmt: skip
        return self._certs[name]

    def _req(self, cert, kind, subject, *extensions, issuer=None):
        signer = ("-CA", issuer.pem, "-CAkey", issuer.key) if issuer else ()
        added = [word for e in extensions for word in ("-addext", e)]
        config = self.path / "openssl.cnf"
        if not config.exists():
            config.write_text("[req]\ndistinguished_name = dn\nstring_mask = utf8only\n[dn]\n", encoding="ascii")
        run("openssl", "req", "-x509", "-config", config, "-nodes", "-days", 3650, "-subj", subject, *self.KINDS[kind],
            *signer, *added, "-keyout", cert.key, "-out", cert.pem)  # fmt: skip

    def nss(self, where, *certs):
        """A database as libreswan reads it, with these certificates, their keys and their CAs."""
        os.makedirs(where, exist_ok=True)
        base = f"sql:{where}"
        run("certutil", "-N", "-d", base, "--empty-password")
        for cert in certs:
            p12 = self.path / f"{cert.name}.p12"
            run("openssl", "pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-name", cert.name, "-out", p12,
                "-passout", "pass:", "-certfile", cert.issuer.pem)  # fmt: skip
            run("pk12util", "-i", p12, "-d", base, "-W", "")
        for ca in {cert.issuer.name: cert.issuer for cert in certs}.values():
            run("certutil", "-A", "-d", base, "-n", ca.name, "-t", "CT,,", "-i", ca.pem, "-a")

    def close(self):
        self._dir.cleanup()


# --- the control protocol of strongSwan (vici) -----------------------------------
class ViciError(Exception):
    """The daemon said no."""


class Vici:
    """One connection to charon's control socket.  Messages are dictionaries."""

    REQUEST, RESPONSE, UNKNOWN, REGISTER, _, CONFIRM, EVENT_UNKNOWN, EVENT = range(8)
    SECTION, END, VALUE, LIST, ITEM, LIST_END = range(1, 7)

    def __init__(self, path):
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(60 * SLOW)
        self._sock.connect(str(path))
        self._events, self._streams = [], set()

    # messages
    @classmethod
    def pack(cls, message):
        out = b""
        for name, value in message.items():
            key = bytes([len(name)]) + name.encode()
            if isinstance(value, dict):
                out += bytes([cls.SECTION]) + key + cls.pack(value) + bytes([cls.END])
            elif isinstance(value, (list, tuple)):
                items = b"".join(bytes([cls.ITEM]) + cls._value(v) for v in value)
                out += bytes([cls.LIST]) + key + items + bytes([cls.LIST_END])
            elif value is not None:
                out += bytes([cls.VALUE]) + key + cls._value(value)
        return out

    @staticmethod
    def _value(value):
        if isinstance(value, bool):
            value = "yes" if value else "no"
        raw = value if isinstance(value, bytes) else str(value).encode()
        return struct.pack(">H", len(raw)) + raw

    @classmethod
    def unpack(cls, raw):
        stack, at = [{}], 0

        def take():
            nonlocal at
            size = struct.unpack_from(">H", raw, at)[0]
            at += 2 + size
            data = raw[at - size : at]
            try:
                return data.decode()
            except UnicodeDecodeError:
                return data

        while at < len(raw):
            kind, at = raw[at], at + 1
            if kind in (cls.SECTION, cls.VALUE, cls.LIST):
                name, at = raw[at + 1 : at + 1 + raw[at]].decode(), at + 1 + raw[at]
            if kind == cls.SECTION:
                stack.append(stack[-1].setdefault(name, {}))
            elif kind == cls.END:
                stack.pop()
            elif kind == cls.VALUE:
                stack[-1][name] = take()
            elif kind == cls.LIST:
                items = stack[-1].setdefault(name, [])
            elif kind == cls.ITEM:
                items.append(take())
        return stack[0]

    # packets
    def _send(self, kind, name, message=None):
        packet = bytes([kind, len(name)]) + name.encode() + self.pack(message or {})
        self._sock.sendall(struct.pack(">I", len(packet)) + packet)

    def _exact(self, size):
        data = b""
        while len(data) < size:
            more = self._sock.recv(size - len(data))
            if not more:
                raise ConnectionResetError("charon closed its control socket")
            data += more
        return data

    def _receive(self):
        packet = self._exact(struct.unpack(">I", self._exact(4))[0])
        if packet[0] != self.EVENT:
            return packet[0], "", self.unpack(packet[1:])
        end = 2 + packet[1]
        return packet[0], packet[2:end].decode(), self.unpack(packet[end:])

    def request(self, command, message=None, event=None):
        """The answer; with event= the list of those events that came before it."""
        if event and event not in self._streams:
            self.register(event)
            self._streams.add(event)
        self._send(self.REQUEST, command, message)
        rows = []
        while True:
            kind, name, body = self._receive()
            if kind == self.EVENT:
                (rows if name == event else self._events).append(body if name == event else (name, body))
                continue
            if kind != self.RESPONSE:
                raise ViciError(f"{command}: not known")
            if body.get("success", "yes") != "yes":
                raise ViciError(f"{command}: {body.get('errmsg', 'failed')}")
            return rows if event else body

    def register(self, *events):
        for event in events:
            self._send(self.REGISTER, event)
            while True:
                kind, name, body = self._receive()
                if kind != self.EVENT:
                    break
                self._events.append((name, body))
            if kind != self.CONFIRM:
                raise ViciError(f"event {event}: not known")

    def events(self):
        """What came in so far: list of (name, message)."""
        while select.select([self._sock], [], [], 0)[0]:
            self._events.append(self._receive()[1:])
        got, self._events = self._events, []
        return got

    def close(self):
        self._sock.close()


# --- daemons --------------------------------------------------------------------------
class Daemon:
    """A process in the network namespace of a host, with a directory and a log."""

    _in_memory = set()

    def __init__(self, host, pki):
        install()
        self.host, self.pki = host, pki
        self._dir = tempfile.TemporaryDirectory(prefix=f"latch-{type(self).__name__.lower()}-{host.name}-")
        self.path = Path(self._dir.name)
        self.log_file = self.path / "log"
        self._process = None

    @property
    def pid(self):
        return self._process.pid if self._process else 0

    @property
    def running(self):
        return self._process is not None and self._process.poll() is None

    def _spawn(self, *args, env=None, preexec=None):
        # with a time zone they look at /etc/localtime for every line of log
        env = {**os.environ, "TZ": "UTC0", **(env or {})}
        with self.host, open(self.path / "stdout", "ab") as out:
            self._process = subprocess.Popen(  # pylint: disable=consider-using-with,subprocess-popen-preexec-fn
                [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, preexec_fn=preexec,
            )  # fmt: skip

    def _read_ahead(self):
        """Read what the daemon may have to read from the host later: there, time stands still for it."""
        with open(f"/proc/{self.pid}/maps", encoding="ascii") as maps:
            paths = {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/") > 1}
        for path in paths - Daemon._in_memory:
            if os.path.isfile(path):
                Path(path).read_bytes()
        Daemon._in_memory |= paths

    def _up(self, path):
        """A control socket is there and answers."""

        def answers():
            if self._process.poll() is not None:
                raise RuntimeError(f"{self.host.name}: the daemon ended: {self.log()[-2000:]}")
            with socket.socket(socket.AF_UNIX) as sock:
                return path.is_socket() and sock.connect_ex(str(path)) == 0

        wait(answers, f"{path.name} of {self.host.name}", 60)
        self._read_ahead()

    def log(self):
        """Everything that the daemon said."""
        files = [self.path / "stdout", self.log_file]
        return "".join(f.read_text(errors="replace") for f in files if f.exists())

    def send(self, number):
        """Send a signal and do not wait."""
        self._process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """End the daemon as a service manager does (SIGTERM), or as a crash (SIGKILL)."""
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(number)
        try:
            self._process.wait(60 * SLOW)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._process = None

    def kill(self):
        """As a crash does."""
        self.stop(signal.SIGKILL)

    def close(self):
        self.kill()
        self._dir.cleanup()


class StrongSwan(Daemon):
    """charon-systemd on a host.  Connections, keys and certificates go in through vici.

    plugin:   load the latch plugin (build/charon-latch); its settings as a dictionary, or True
    plugins:  more of strongSwan's own
    settings: more lines for the section charon-systemd of strongswan.conf
    """

    PLUGINS = "random nonce openssl pem pkcs1 pkcs8 x509 pubkey constraints kdf kernel-netlink socket-default vici"
    EVENTS = ("ike-updown", "child-updown", "ike-rekey", "child-rekey", "ike-update")
    IKE = "aes128gcm16-prfsha256-ecp256"
    ESP = "aes128gcm16-ecp256"

    def __init__(self, host, pki, plugin=False, plugins="", settings=""):
        super().__init__(host, pki)
        self.plugin, self.plugins, self.settings = plugin, plugins, settings
        self._usual = (plugin, plugins, settings)
        self.loaded = []  # what a restarted daemon is told again
        self._vici = self._watch = None

    # the process
    @property
    def socket(self):
        return self.path / "vici"

    def _conf(self):
        plugin = ""
        if self.plugin:
            options = self.plugin if isinstance(self.plugin, dict) else {}
            plugin = "latch { load = yes\n" + "".join(f"{k} = {v}\n" for k, v in options.items()) + "}"
        return f"""charon-systemd {{
  load = {self.PLUGINS} {self.plugins} {"latch" if self.plugin else ""}
  filelog {{ log {{ path = {self.log_file}
    default = 1
    knl = 2
    flush_line = yes
    time_format = %s
    time_add_ms = yes }} }}
  {self.settings}
  plugins {{
    vici {{ socket = unix://{self.socket} }}
    {plugin}
  }}
}}
"""

    def start(self):
        """Start the daemon, and tell it again what a daemon before it was told."""
        if self.plugin and not (PLUGIN_DIR / PLUGIN.name).exists():
            shutil.copy(PLUGIN, PLUGIN_DIR)
        (self.path / "strongswan.conf").write_text(self._conf(), encoding="ascii")
        self.socket.unlink(missing_ok=True)
        self._spawn("/usr/sbin/charon-systemd", env={"STRONGSWAN_CONF": str(self.path / "strongswan.conf")})
        self._up(self.socket)
        for command, message in self.loaded:
            self.vici.request(command, message)
        return self

    @property
    def vici(self):
        if self._vici is None:
            if not self.running:
                self.start()
            self._vici = Vici(self.socket)
        return self._vici

    def stop(self, number=signal.SIGTERM):
        for link in (self._vici, self._watch):
            if link:
                link.close()
        self._vici = self._watch = None
        super().stop(number)

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        return self.start()

    def other(self, **settings):
        """Run with another plugin=, plugins= or settings= until the end of the case."""
        self.stop()
        for name, value in settings.items():
            setattr(self, name, value)
        return self.start()

    # what it is told
    def load(self, command, message):
        self.vici.request(command, message)
        self.loaded.append((command, message))

    def trust(self, cert):
        """A certification authority (or another certificate that is taken as it is)."""
        flag = "NONE" if cert.issuer else "CA"
        self.load("load-cert", {"type": "X509", "flag": flag, "data": cert.der})

    def key(self, cert):
        self.load("load-key", {"type": "any", "data": cert.private})

    def shared(self, secret, *owners, kind="IKE"):
        self.load("load-shared", {"type": kind, "data": secret, "owners": owners})

    def connection(self, name, message):
        """A connection as in swanctl.conf, but certificates and keys as data."""
        self.load("load-conn", {name: message})

    def to(self, peer, name=None, cert=None, fam=4, mode="transport", start="trap", local=None, remote=None,
           child=None, **conn):  # fmt: skip
        """A connection to a host, with certificates where local= and remote= say nothing else.

        cert:   our certificate (the host's own by default)
        local, remote: dictionaries over what is by default
                {"auth": "pubkey", "certs": [ours], "id": our FQDN} and {"auth": "pubkey", "id": the peer's}
        start:  trap | none | start
        child:  more for the child, of the same name as the connection
        conn:   more for the connection
        """
        name = name or peer.name
        ours = {"auth": "pubkey", "id": self.host.name + ".example"}
        if local is None or "auth" not in local:
            cert = cert or self.pki.cert(self.host.name + ".example")
            self.identity(cert)
            ours["certs"] = [cert.der]
        theirs = {"auth": "pubkey", "id": peer.name + ".example"}
        kid = {"mode": mode, "start_action": start, "esp_proposals": [self.ESP]}
        if mode == "tunnel":
            kid.update(local_ts=[self.host.inner_net(fam)], remote_ts=[peer.inner_net(fam)])
        self.connection(name, {
            "version": 2, "mobike": False, "proposals": [self.IKE],
            "local_addrs": [self.host.addr(fam)], "remote_addrs": [peer.addr(fam)],
            "local": {**ours, **(local or {})}, "remote": {**theirs, **(remote or {})},
            "children": {name: {**kid, **(child or {})}}, **conn,
        })  # fmt: skip
        return self

    def identity(self, cert):
        """A certificate of ours, its key and its CA; once."""
        for have, tell in ((("load-key", cert.private), self.key), (("load-cert", cert.issuer.der), None)):
            if not any(c == have[0] and m.get("data") == have[1] for c, m in self.loaded):
                tell(cert) if tell else self.trust(cert.issuer)

    def forget(self):
        """No SAs, no connections, no secrets any more."""
        if self._process and not self.running:
            raise RuntimeError(f"{self.host.name}: charon ended by itself: {self.log()[-2000:]}")
        self.terminate_all()
        for name in {n for command, m in self.loaded if command == "load-conn" for n in m}:
            self.vici.request("unload-conn", {"name": name})
        self.vici.request("clear-creds")
        self.loaded.clear()
        if (self.plugin, self.plugins, self.settings) != self._usual:
            self.stop()
            self.plugin, self.plugins, self.settings = self._usual

    # what it does
    def initiate(self, child, timeout=30):
        """Make the SAs of a child and wait for them."""
        self.vici.request("initiate", {"child": child, "timeout": timeout * 1000 * SLOW, "init-limits": "no"})

    def initiate_now(self, child):
        """Begin, and do not wait."""
        self.vici.request("initiate", {"child": child, "timeout": -1})

    def rekey(self, child=None, ike=None, reauth=False):
        self.vici.request("rekey", {"child": child, "ike": ike, "reauth": reauth or None})

    def rekeyed(self, child):
        """Rekey a child and wait until there is only a new one."""
        old = {kid["spi-in"] for kid in self.children(child)}
        self.rekey(child=child)

        def new():
            spis = {kid["spi-in"] for kid in self.children(child)}
            return spis and not spis & old

        wait(new, f"{child} to be rekeyed", 30)

    def terminate(self, child=None, ike=None, timeout=30):
        """Wait for the peer to agree."""
        self.vici.request("terminate", {"child": child, "ike": ike, "timeout": timeout * 1000 * SLOW})

    def terminate_all(self):
        """Tell the peers, and do not wait for them."""
        for name in {name for sa in self.sas() for name in sa}:
            try:
                self.vici.request("terminate", {"ike": name, "force": True})
            except ViciError:
                pass

    def sas(self):
        """All IKE SAs: list of {name: {..., "child-sas": {...}}}."""
        return self.vici.request("list-sas", event="list-sa")

    def ikes(self, name=None, state="ESTABLISHED"):
        """IKE SAs in a state."""
        found = [(n, body) for sa in self.sas() for n, body in sa.items()]
        return [body for n, body in found if name in (None, n) and body["state"] == state]

    def children(self, name=None, state="INSTALLED"):
        """Child SAs in a state."""
        kids = [kid for sa in self.sas() for body in sa.values() for kid in body.get("child-sas", {}).values()]
        return [kid for kid in kids if name in (None, kid["name"]) and kid["state"] == state]

    def watch(self):
        """From now on events() tells what happens."""
        self._watch = Vici(self.socket)
        self._watch.register(*self.EVENTS)

    def events(self):
        return self._watch.events()

    def swanctl(self, *args):
        """The command, as an administrator uses it."""
        return self.host.run(
            "swanctl", *args, "--uri", f"unix://{self.socket}",
            env={**os.environ, "STRONGSWAN_CONF": str(self.path / "strongswan.conf"), "SWANCTL_DIR": str(self.path)},
        )  # fmt: skip


class Libreswan(Daemon):
    """pluto on a host, in a mount namespace of its own: its paths cannot all be told."""

    EXEC = "/usr/libexec/ipsec"
    OURS = {"run": "/run/pluto", "nss": "/var/lib/ipsec/nss", "ipsec.d": "/etc/ipsec.d"}

    def __init__(self, host, pki, updown=None, setup=""):
        super().__init__(host, pki)
        self.updown, self.setup = updown, setup
        self.conns, self.secrets, self.certs = {}, "", []
        for place in self.OURS:
            (self.path / place).mkdir()

    @property
    def socket(self):
        return self.path / "run/pluto.ctl"

    def _mounts(self):
        # between fork and exec: no locks, no logging
        own_mounts()
        for place, there in self.OURS.items():
            os.makedirs(there, exist_ok=True)
            mount(self.path / place, there, flags=MS_BIND)

    def _write(self):
        text = f"config setup\n\tnssdir={self.path}/nss\n\tipsecdir={self.path}/ipsec.d\n"
        text += "".join(f"\t{line}\n" for line in self.setup.splitlines())
        for name, options in self.conns.items():
            text += f"\nconn {name}\n" + "".join(f"\t{k}={v}\n" for k, v in options.items())
        (self.path / "ipsec.conf").write_text(text, encoding="utf-8")
        (self.path / "ipsec.secrets").write_text(self.secrets, encoding="utf-8")

    def start(self, *options):
        if not (self.path / "nss/cert9.db").exists():
            self.pki.nss(self.path / "nss", *self.certs)
        self._write()
        self.socket.unlink(missing_ok=True)
        self._spawn(
            f"{self.EXEC}/pluto", "--config", self.path / "ipsec.conf", "--secretsfile", self.path / "ipsec.secrets",
            "--nssdir", self.path / "nss", "--nofork", "--logfile", self.log_file, *options, preexec=self._mounts,
        )  # fmt: skip
        self._up(self.socket)
        wait(lambda: "listening for IKE messages" in self.log() or self.whack("--listen"), "pluto to listen", 60)
        self.add()
        return self

    def restart(self, number=signal.SIGTERM):
        self.stop(number)
        return self.start()

    def stop(self, number=signal.SIGTERM):
        super().stop(number)
        for name in ("pluto.ctl", "pluto.pid"):
            (self.path / "run" / name).unlink(missing_ok=True)

    def run(self, *args):
        """A program in pluto's namespaces."""
        with open(f"/proc/{self.pid}/ns/mnt", "rb") as mounts:

            def enter():
                if libc.setns(mounts.fileno(), CLONE_NEWNS):
                    raise OSError(ctypes.get_errno(), "setns")

            return self.host.run(*[str(a) for a in args], preexec_fn=enter)

    def whack(self, *args):
        """What whack said."""
        done = self.run(f"{self.EXEC}/whack", *args)
        return done.stdout + done.stderr

    def add(self, *names):
        """Load connections from the configuration (all by default), and do what their auto= says."""
        self._write()
        if names or self.conns:
            done = self.run(
                f"{self.EXEC}/addconn", "--config", self.path / "ipsec.conf", "--ctlsocket", "/run/pluto/pluto.ctl",
                *(names or ["--autoall"]),
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"addconn: {done.stdout} {done.stderr}")

    def to(self, peer, name=None, cert=None, fam=4, mode="transport", start="ondemand", **options):
        """A connection to a host (a host of latchlib, or "%any"); options as in ipsec.conf, `_` for `-`."""
        cert = cert or self.pki.cert(self.host.name + ".example")
        if cert not in self.certs:
            self.certs.append(cert)
        name = name or (peer if isinstance(peer, str) else peer.name).strip("%")
        conn = {
            "ikev2": "insist", "authby": "ecdsa", "type": mode, "auto": start,
            "left": self.host.addr(fam), "leftid": f"@{self.host.name}.example", "leftcert": cert.name,
            "right": peer if isinstance(peer, str) else peer.addr(fam), "rightca": "%same",
            "rightid": "%fromcert" if isinstance(peer, str) else f"@{peer.name}.example",
            "ike": "aes_gcm128-sha2;dh19", "esp": "aes_gcm128",
        }  # fmt: skip
        if mode == "tunnel":
            conn.update(leftsubnet=self.host.inner_net(fam), rightsubnet=peer.inner_net(fam))
        if self.updown:
            conn["leftupdown"] = self.updown
        conn.update({k.replace("_", "-"): v for k, v in options.items()})
        self.conns[name] = conn
        if self.running:
            self.add(name)
        return self

    def initiate(self, name):
        return self.whack("--initiate", "--name", name)

    def status(self):
        return self.whack("--status")

    def forget(self):
        """Stop, and know of no connections any more."""
        self.stop()
        self.conns.clear()


# --- a net of hosts with daemons ------------------------------------------------------
class IkeNet(Net):
    """Hosts on one link with a daemon each; daemons and certificates live as long as the net."""

    GONE = ("LatchBindings", "LatchPeers")

    def __init__(self, *names, plugin=False, plugins="", settings=""):
        install()
        self.pki = Pki()
        self.daemons = {}
        self._options = {"plugin": plugin, "plugins": plugins, "settings": settings}
        super().__init__(*names)
        # the kernel loads what an SA needs now, and not when time matters
        self.sw.ip(SA("10.0.0.1", "10.0.0.2", 0x1000).add(), "xfrm state flush")

    def ike(self, host):
        """The strongSwan of a host."""
        if host not in self.daemons:
            self.daemons[host] = StrongSwan(host, self.pki, **self._options)
        return self.daemons[host]

    def reset(self):
        """After a case: the daemons run and know of nothing, and nothing in the kernel is left of them."""
        if sys.exc_info()[0]:
            # wherever it stopped, nothing of it is to reach the next one
            self._tell()
            self.renew()
            return
        try:
            for host in self.hosts:
                host.close_sockets()
            for daemon in self.daemons.values():
                daemon.forget()
            for host in self.hosts:
                # what daemons left that were killed
                host.ip("xfrm policy flush", "xfrm state flush")
                # a claim that a killed daemon made for an SA that never came: after a minute
                wait(lambda h=host: not any(h.stat().get(k) for k in self.GONE), "bindings and records to go", 70)
        except BaseException:
            self.renew()
            raise
        super().reset()

    def _tell(self):
        """The case failed: what the daemons said last, and what the kernel holds."""
        for host, daemon in self.daemons.items():
            if module_loaded():
                ksft_pr(f"{host.name}: bindings {host.nl.dump('binding-get')}")
                ksft_pr(f"{host.name}: latches {host.nl.dump('conn-get')}")
            for name in ("latch_stat", "xfrm_stat"):
                ksft_pr(f"{host.name}: {name} { {k: v for k, v in host.stat(name).items() if v} }")
            for line in (host.run("ip", "xfrm", "policy").stdout + daemon.log()).splitlines()[-60:]:
                ksft_pr(f"{host.name}: {line}")

    def close(self):
        for daemon in self.daemons.values():
            daemon.close()
        self.daemons.clear()
        super().close()

    def renew(self):
        options, names = self._options, [h.name for h in self.hosts]
        self.close()
        self.pki.close()
        self.__init__(*names, **options)
