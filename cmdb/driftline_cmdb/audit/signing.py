"""Keys and signatures of heads: Ed25519 (RFC 8032). Pure; needs `cryptography` only."""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: Stands before what is signed, so that a head's signature is none of anything else.
_CONTEXT = b"driftline audit head v1\0"


@dataclass(frozen=True, slots=True)
class Head:
    """The last sealed entry's position and chain hash at a time, signed."""

    position: int
    chain: bytes
    at_ms: int
    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of heads."""

    #: 32 bytes, as RFC 8032 encodes it.
    raw: bytes

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of its SHA-256."""
        return sha256(self.raw).hexdigest()[:16]

    def __str__(self) -> str:
        return f"{self.id}={b64encode(self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``ID=BASE64``.

        :raises ValueError: where it is none, or the id is not the key's.
        """
        name, _, encoded = text.strip().partition("=")
        try:
            key = cls(b64decode(encoded, validate=True))
        except ValueError:
            key = cls(b"")
        if len(key.raw) != 32:
            raise ValueError(f'"{text.strip()[:80]}" is not ID=BASE64 with 32 bytes, as driftline-collector key prints')
        if key.id != name:
            raise ValueError(f'"{name}" is not the id of this key, which is {key.id}: name or key was changed')
        return key

    def signed(self, head: Head) -> bool:
        """Tell whether this key signed a head."""
        if head.key_id != self.id:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(
                head.signature, _message(head.position, head.chain, head.at_ms)
            )
        except (InvalidSignature, OverflowError):  # a position or time that no head has
            return False
        return True


def public(key: Ed25519PrivateKey) -> PublicKey:
    """Return the public half of a key."""
    return PublicKey(key.public_key().public_bytes_raw())


def sign(key: Ed25519PrivateKey, position: int, chain: bytes, at_ms: int) -> Head:
    """Return a signed head."""
    return Head(position, chain, at_ms, public(key).id, key.sign(_message(position, chain, at_ms)))


def _message(position: int, chain: bytes, at_ms: int) -> bytes:
    """Return what is signed: the context, position and time as 8 bytes each (big endian), and the chain hash."""
    return _CONTEXT + position.to_bytes(8, "big") + at_ms.to_bytes(8, "big") + chain
