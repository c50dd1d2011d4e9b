"""shadow(5) without its secrets: what kind of password each user has, and a seal that changes with it.

The seals are those of :mod:`driftline.sealed`, made here without protobuf, with a key that only the reader has: the
process that talks to the network has neither the hashes nor what could confirm a guess of one.
"""

import os
import sys

#: What stands for the field of a user who has no line: nothing matches it.
MISSING = "*"


def parse_shadow(text: str) -> dict[str, str]:
    """Return the password fields of a shadow(5) file, by user."""
    out: dict[str, str] = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= 2 and fields[0]:
            out.setdefault(fields[0], fields[1])
    return out


def parse_status(field: str) -> str:
    """Return what kind of password field this is: none, locked or set."""
    if not field:
        return "none"
    return "locked" if field[0] in "!*" else "set"


def seal_lines(content: bytes, key: bytes) -> bytes:
    """Return ``user:status:seal`` a line for a shadow(5) file; the line without a user is for those without a line."""
    sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]  # as in driftline_agent/main.py: 3 MiB less
    try:
        from hashlib import blake2b, sha256
    except (ImportError, AttributeError):  # a Python without digests of its own
        del sys.modules["_hashlib"]
        from hashlib import blake2b, sha256

    # RFC 2104 in three lines: importing hmac would bring OpenSSL back.
    padded = key.ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded) for pad in (0x36, 0x5C))
    prefix = f"sealed:{blake2b(key, digest_size=4, person=b'dl-key-id').hexdigest()}:"
    out: list[str] = []
    for user, field in {"": MISSING, **parse_shadow(content.decode("utf-8", "replace"))}.items():
        digest = sha256(outer + sha256(inner + field.encode()).digest()).hexdigest()
        out.append(f"{user}:{parse_status(field)}:{prefix + digest if field else ''}\n")
    return "".join(out).encode()


def parse_lines(content: bytes) -> dict[str, tuple[str, str]]:
    """Return status and seal by user, of :func:`seal_lines`."""
    out: dict[str, tuple[str, str]] = {}
    for line in content.decode("utf-8", "replace").splitlines():
        fields = line.split(":", 2)
        if len(fields) == 3:
            out[fields[0]] = (fields[1], fields[2])
    return out


def load_key(file: str) -> bytes:
    """Return the key of a file that only its owner can read; made at the first call.

    :raises OSError: where it can neither be read nor made.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        key = os.urandom(32)
        temporary = f"{file}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            os.write(descriptor, key)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, file)  # noqa: PTH104  # pathlib is not in this process
        return key
    try:
        key = os.read(descriptor, 33)
    finally:
        os.close(descriptor)
    if len(key) != 32:
        raise OSError(f"{file}: not a key of 32 bytes; remove it, and a new one is made")
    return key
