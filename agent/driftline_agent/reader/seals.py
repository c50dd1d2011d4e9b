"""Seals and digests without OpenSSL: what the reader says of something instead of the thing itself.

The seals are those of :mod:`driftline.sealed`, made here without protobuf, with a key that only the reader has.
"""

import errno
import os
import sys
from collections.abc import Callable

#: Larger files get no digest.
MAX_DIGESTED = 4 << 20
_CHUNK = 1 << 16


def without_openssl() -> None:
    """Import hashlib in a way that it does without OpenSSL, where this Python can."""
    sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]  # as in driftline_agent/main.py: 3 MiB less
    try:
        import hashlib
    except (ImportError, AttributeError):  # a Python without digests of its own
        del sys.modules["_hashlib"]
        import hashlib  # noqa: F401


def sealer(key: bytes) -> Callable[[str], str]:
    """Return what seals values with a key."""
    without_openssl()
    from hashlib import blake2b, sha256

    # RFC 2104 in three lines: importing hmac would bring OpenSSL back.
    padded = key.ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in padded) for pad in (0x36, 0x5C))
    prefix = f"sealed:{blake2b(key, digest_size=4, person=b'dl-key-id').hexdigest()}:"
    return lambda value: prefix + sha256(outer + sha256(inner + value.encode()).digest()).hexdigest()


def digest(descriptor: int) -> str:
    """Return the SHA-256 of an open regular file's content, hexadecimal.

    :raises OSError: EFBIG where it is too large, EAGAIN where it changed while it was read.
    """
    without_openssl()
    from hashlib import sha256

    before = os.fstat(descriptor)
    if before.st_size > MAX_DIGESTED:
        raise OSError(errno.EFBIG, f"larger than {MAX_DIGESTED} bytes, which is too large for a digest")
    out, total = sha256(), 0
    while data := os.read(descriptor, _CHUNK):
        out.update(data)
        total += len(data)
        if total > MAX_DIGESTED:
            break
    after = os.fstat(descriptor)
    if total != before.st_size or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise OSError(errno.EAGAIN, "changed while it was read")
    return out.hexdigest()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a content, hexadecimal."""
    without_openssl()
    from hashlib import sha256

    return sha256(content).hexdigest()


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
