"""Public keys of SSH: what a line of an authorized_keys file says. Source: sshd(8), AUTHORIZED_KEYS FILE FORMAT."""

import binascii
from collections.abc import Iterator
from typing import NamedTuple

from driftline_agent.redact import REDACTED, redact

_CURVES = {"nistp256": 256, "nistp384": 384, "nistp521": 521}
_MAX_TYPE = 64


class Key(NamedTuple):
    """A public key with what stands beside it."""

    type: str
    #: As ssh-keygen -l prints it.
    fingerprint: str
    #: 0 where its type does not tell.
    bits: int
    comment: str
    options: list[str]


def _strings(blob: bytes) -> Iterator[bytes]:
    position = 0
    while position + 4 <= len(blob):
        length = int.from_bytes(blob[position : position + 4], "big")
        position += 4
        if length > len(blob) - position:
            return
        yield blob[position : position + length]
        position += length


def _bits(kind: str, strings: list[bytes]) -> int:
    if "-cert-" in kind:
        return 0
    if "ed25519" in kind:
        return 256
    if kind == "ssh-rsa" and len(strings) >= 3:
        return int.from_bytes(strings[2], "big").bit_length()
    if kind == "ssh-dss" and len(strings) >= 2:
        return int.from_bytes(strings[1], "big").bit_length()
    if "ecdsa" in kind and len(strings) >= 2:
        return _CURVES.get(strings[1].decode("ascii", "replace"), 0)
    return 0


def _key_of(text: str, options: list[str]) -> Key | None:
    from hashlib import sha256

    words = text.split(None, 2)
    if len(words) < 2 or len(words[0]) > _MAX_TYPE or not words[0].isascii():
        return None
    try:
        blob = binascii.a2b_base64(words[1].encode("ascii", "strict"))
    except (binascii.Error, UnicodeEncodeError):
        return None
    strings = list(_strings(blob))
    if not strings or strings[0] != words[0].encode():
        return None
    digest = binascii.b2a_base64(sha256(blob).digest(), newline=False).decode().rstrip("=")
    comment = redact(words[2].strip()) if len(words) > 2 else ""
    return Key(words[0], f"SHA256:{digest}", _bits(words[0], strings), comment, options)


def _end_of_options(line: str) -> int:
    position, quoted = 0, False
    while position < len(line):
        character = line[position]
        if character == "\\" and line[position + 1 : position + 2] == '"':
            position += 1
        elif character == '"':
            quoted = not quoted
        elif character in " \t" and not quoted:
            break
        position += 1
    return position


def split_options(text: str) -> list[str]:
    """Return options one by one, without secrets: values of variables, and what looks like one in a command."""
    out: list[str] = []
    start = position = 0
    quoted = False
    while position <= len(text):
        character = text[position : position + 1]
        if character == "\\" and text[position + 1 : position + 2] == '"':
            position += 1
        elif character == '"':
            quoted = not quoted
        elif character == "" or (character == "," and not quoted):
            option = text[start:position].strip()
            if option:
                out.append(_without_secrets(option))
            start = position + 1
        position += 1
    return sorted(set(out))


def _without_secrets(option: str) -> str:
    name, equals, value = option.partition("=")
    if not equals:
        return name.lower()
    if name.lower() == "environment":
        variable = value.lstrip('"').partition("=")[0]
        return f'environment="{variable}={REDACTED}"'
    return f"{name.lower()}={redact(value)}"


def parse_line(line: str) -> Key | None:
    """Return the key of a line, None where there is none."""
    line = line.strip()
    if not line or line[0] == "#":
        return None
    key = _key_of(line, [])
    if key is not None:
        return key
    end = _end_of_options(line)
    return _key_of(line[end:], split_options(line[:end]))


def parse(text: str) -> list[Key]:
    """Return the keys of a file; of one that stands there twice the first, as sshd does."""
    out: dict[str, Key] = {}
    for line in text.replace("\0", "").splitlines():
        key = parse_line(line)
        if key is not None:
            out.setdefault(key.fingerprint, key)
    return list(out.values())
