# SPDX-License-Identifier: GPL-2.0
"""Certification authorities, and the certificates and keys that the IKE daemons use."""

import base64
import functools
import os
import subprocess
import tempfile
from pathlib import Path


def output(*args, **kwargs):
    """What a program says, which must succeed."""
    done = subprocess.run([str(a) for a in args], capture_output=True, check=False, **kwargs)
    if done.returncode:
        raise RuntimeError(f"{args}: status {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


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
        return unarmour(output("openssl", "pkey", "-in", self.key, "-pubout"))

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

    def anew(self, ca):
        """The same authority, by name and key, with another certificate."""
        again = Cert(self, ca.name + "-anew", None)
        again.key = ca.key
        self._req(
            again, ("-key", ca.key), f"/O=Latch/CN={ca.name}", "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign",
        )  # fmt: skip
        return again

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
        key = kind if isinstance(kind, tuple) else self.KINDS[kind]
        signer = ("-CA", issuer.pem, "-CAkey", issuer.key) if issuer else ()
        added = [word for e in extensions for word in ("-addext", e)]
        config = self.path / "openssl.cnf"
        if not config.exists():
            config.write_text("[req]\ndistinguished_name = dn\nstring_mask = utf8only\n[dn]\n", encoding="ascii")
        output(
            "openssl", "req", "-x509", "-config", config, "-nodes", "-days", 3650, "-subj", subject,
            *key, *signer, *added, "-keyout", cert.key, "-out", cert.pem,
        )  # fmt: skip

    def nss(self, where, *certs):
        """A database as libreswan reads it, with these certificates, their keys and their CAs."""
        os.makedirs(where, exist_ok=True)
        base = f"sql:{where}"
        output("certutil", "-N", "-d", base, "--empty-password")
        for cert in certs:
            p12 = self.path / f"{cert.name}.p12"
            output("openssl", "pkcs12", "-export", "-in", cert.pem, "-inkey", cert.key, "-name", cert.name, "-out", p12,
                "-passout", "pass:", "-certfile", cert.issuer.pem)  # fmt: skip
            output("pk12util", "-i", p12, "-d", base, "-W", "")
        for ca in {cert.issuer.name: cert.issuer for cert in certs}.values():
            output("certutil", "-A", "-d", base, "-n", ca.name, "-t", "CT,,", "-i", ca.pem, "-a")

    def close(self):
        self._dir.cleanup()
