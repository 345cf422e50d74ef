# SPDX-License-Identifier: GPL-2.0
"""strongSwan on a host, with or without the latch plugin."""

import os
import shutil
import signal
from pathlib import Path

from daemon import Daemon
from ktap import SLOW, TOP, wait
from vici import Vici, ViciError

PLUGIN = TOP / "build/charon-latch/libstrongswan-latch.so"
PLUGIN_DIR = Path("/usr/lib/ipsec/plugins")


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
        """Trust a certification authority, or another certificate as it is."""
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
        """Load a certificate of ours with its key and its CA, unless that was done."""
        for have, tell in ((("load-key", cert.private), self.key), (("load-cert", cert.issuer.der), None)):
            if not any(c == have[0] and m.get("data") == have[1] for c, m in self.loaded):
                tell(cert) if tell else self.trust(cert.issuer)

    def forget(self):
        """Make the daemon forget SAs, connections and secrets."""
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
        """Begin to make the SAs of a child, and do not wait."""
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
        """End a child or an IKE SA, and wait for the peer to agree."""
        self.vici.request("terminate", {"child": child, "ike": ike, "timeout": timeout * 1000 * SLOW})

    def terminate_all(self):
        """End all IKE SAs: tell the peers, and do not wait for them."""
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
        """Run swanctl, as an administrator does."""
        return self.host.run(
            "swanctl", *args, "--uri", f"unix://{self.socket}",
            env={**os.environ, "STRONGSWAN_CONF": str(self.path / "strongswan.conf"), "SWANCTL_DIR": str(self.path)},
        )  # fmt: skip
