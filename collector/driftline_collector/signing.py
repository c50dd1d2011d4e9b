"""The key that signs heads of the audit trail, and the last head that was signed: both outside the database.

Below the data directory::

    audit/                   0700
        head.key             Ed25519 key, PEM (0600); made at the first start
        head.json            the last head signed with it (0600)

Who can write the database, but not these files, cannot have a trail signed that does not continue the last head.
"""

import json
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from driftline_cmdb.audit import heads, signing
from driftline_cmdb.audit.signing import Head, PublicKey
from driftline_cmdb.database import Database
from driftline_collector.errors import AuthorityError
from driftline_collector.files import sync_directory, write_atomically


class Signer:
    """Signs heads with this collector's key."""

    def __init__(self, data: Path) -> None:
        """Read the key, or make it where there is none.

        :raises AuthorityError: where it is damaged, cannot be written, or can be read by others.
        """
        self._home = data / "audit"
        self._key = _read_or_make(self._home)

    @property
    def key(self) -> PublicKey:
        """The public half of the key."""
        return signing.public(self._key)

    def last(self) -> Head | None:
        """Return the last head that was signed with this key; None before the first.

        :raises AuthorityError: where the file is damaged.
        """
        path = self._home / "head.json"
        if not path.exists():
            return None
        try:
            value = json.loads(path.read_bytes())
            head = Head(
                value["position"],
                bytes.fromhex(value["chain"]),
                value["at_ms"],
                value["key_id"],
                bytes.fromhex(value["signature"]),
            )
            good = self.key.signed(head) or head.key_id != self.key.id
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AuthorityError(f"{path}: is damaged: {error}; restore it from a backup") from error
        if not good:
            raise AuthorityError(f"{path}: was changed: its signature is not {self.key.id}'s; restore it from a backup")
        return head

    def sign(self, database: Database, now_ms: int) -> Head | heads.Broken | None:
        """Sign the trail's end where that is due; None where it is not."""
        last = self.last()
        with database.read() as session:
            if not heads.due(session, last, now_ms):
                return None
        head = heads.sign(database, self._key, last, now_ms)
        if isinstance(head, Head):
            value = {
                "position": head.position,
                "chain": head.chain.hex(),
                "at_ms": head.at_ms,
                "key_id": head.key_id,
                "signature": head.signature.hex(),
            }
            write_atomically(self._home / "head.json", json.dumps(value).encode() + b"\n")
        with database.write() as session:
            heads.note(session, self.key.id, None if isinstance(head, Head) else head, now_ms)
        return head


def _read_or_make(home: Path) -> Ed25519PrivateKey:
    path = home / "head.key"
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise AuthorityError(f"{path}: others can read this key; chmod 600 it")
            key = serialization.load_pem_private_key(file.read(), password=None)
    except OSError as error:
        raise AuthorityError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise AuthorityError(f"{path}: is damaged: {error}; restore it from a backup") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise AuthorityError(f"{path}: is no Ed25519 key; restore it from a backup")
    return key


def _make(path: Path) -> None:
    """Write a new key; where another process does so at this moment, its key stays."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".head.")  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(name)
        except FileExistsError:
            return
    finally:
        Path(name).unlink()
    sync_directory(path.parent)
