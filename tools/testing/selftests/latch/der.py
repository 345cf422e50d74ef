# SPDX-License-Identifier: GPL-2.0
"""Names, keys and certificates in DER, as IKE carries them."""

UTF8, PRINTABLE, TELETEX, IA5, BMP = 12, 19, 20, 22, 30

OIDS = {
    "CN": b"\x55\x04\x03",
    "C": b"\x55\x04\x06",
    "O": b"\x55\x04\x0a",
    "OU": b"\x55\x04\x0b",
    "DC": b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19",
    "E": b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01",
}


def der(tag, *parts):
    """One element."""
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        length = bytes([size])
    else:
        encoded = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(encoded)]) + encoded
    return bytes([tag]) + length + body


def ava(text, tag=UTF8):
    """One attribute: "CN=bob"."""
    kind, value = text.split("=", 1)
    return der(0x30, der(6, OIDS[kind]), der(tag, value.encode("utf-16-be" if tag == BMP else "utf-8")))


def rdn(*texts, tag=UTF8):
    return der(0x31, *sorted(ava(text, tag) for text in texts))


def name(*texts, tag=UTF8):
    """A Name: a text for each RDN, or a tuple of them for one of several attributes."""
    return der(0x30, *[rdn(*([text] if isinstance(text, str) else text), tag=tag) for text in texts])


def public_key(raw):
    """SubjectPublicKeyInfo of an Ed25519 key (RFC 8410)."""
    return der(0x30, der(0x30, der(6, b"\x2b\x65\x70")), der(3, b"\0" + raw))


def certificate(key, subject=name("CN=bob"), serial=1):
    """A certificate with a signature of nobody."""
    alg = der(0x30, der(6, b"\x2b\x65\x70"))
    validity = der(0x30, der(0x17, b"260101000000Z"), der(0x17, b"360101000000Z"))
    usage = der(0x30, der(6, b"\x55\x1d\x0f"), der(4, der(3, b"\x07\x80")))
    signed = der(
        0x30, der(0xA0, der(2, b"\x02")), der(2, bytes([serial])), alg, name("CN=ca"), validity, subject, key,
        der(0xA3, der(0x30, usage)),
    )  # fmt: skip
    return der(0x30, signed, alg, der(3, bytes(65)))
