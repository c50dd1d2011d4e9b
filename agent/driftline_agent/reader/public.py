"""The certificates in a file, and nothing else of it: what is public even where the file is closed or has a key too.

Source: RFC 7468 (PEM). Whatever stands outside of certificates' own lines is dropped here, in the reader, before it
could reach the agent.
"""

import re

_BEGIN, _END = b"-----BEGIN ", b"-----END "
_LABELS = (b"CERTIFICATE-----", b"X509 CERTIFICATE-----", b"TRUSTED CERTIFICATE-----")
#: No certificate is larger, in PEM.
MAX_CERTIFICATE = 64 << 10
MAX_CERTIFICATES = 2_000
#: Names of files that hold private keys, and are not opened.
_KEYS = re.compile(r"(?:^|[._-])(?:priv(?:ate)?|privkey\d*|keys?\d*)(?:[._-]|$)|key\d*\.(?:pem|der)$")


def key_by_name(name: str) -> bool:
    """Tell whether a file holds a private key, by its name alone."""
    return _KEYS.search(name.lower()) is not None


def certificates(data: bytes) -> list[bytes]:
    """Return the certificates of a PEM file, each from its first line to its last; a whole DER file is one."""
    if data[:2] == b"\x30\x82" and data[4:5] == b"\x30":
        # A private key begins with a number (PKCS #1, PKCS #8), a certificate with a sequence.
        return [data] if len(data) <= MAX_CERTIFICATE else []
    out: list[bytes] = []
    place = data.find(_BEGIN)
    while place >= 0 and len(out) < MAX_CERTIFICATES:
        label = place + len(_BEGIN)
        following = data.find(_BEGIN, label)
        if data.startswith(_LABELS, label):
            end = data.find(_END, label, following if following >= 0 else len(data))
            line = data.find(b"-----", end + len(_END)) if end >= 0 else -1
            if line >= 0 and line - place <= MAX_CERTIFICATE:
                out.append(data[place : line + 5])
        place = following
    return out


def only(data: bytes) -> bytes:
    """Return what of a file is certificates."""
    return b"\n".join(certificates(data))
