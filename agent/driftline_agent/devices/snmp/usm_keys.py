"""Keys, digests and ciphers of the user-based security model. Nothing here talks, and nothing here is logged."""

import hashlib
import hmac
import os
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from driftline_agent.devices.snmp.credentials import Auth, Privacy, User

try:  # where it is since cryptography 47
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

#: Hash and bytes of the truncated digest: RFC 3414 sections 6 and 7, RFC 7860 section 4.
_AUTH = {
    Auth.MD5: ("md5", 12),
    Auth.SHA1: ("sha1", 12),
    Auth.SHA224: ("sha224", 16),
    Auth.SHA256: ("sha256", 24),
    Auth.SHA384: ("sha384", 32),
    Auth.SHA512: ("sha512", 48),
}
_KEY_BYTES = {
    Privacy.DES: 16,
    Privacy.AES128: 16,
    Privacy.AES192: 24,
    Privacy.AES192C: 24,
    Privacy.AES256: 32,
    Privacy.AES256C: 32,
}
PRIVACY = frozenset(_KEY_BYTES)


@lru_cache(256)
def _master(name: str, passphrase: bytes) -> bytes:
    """Password to key: the passphrase repeated to a mebibyte, hashed (RFC 3414 section A.2)."""
    whole, part = divmod(1 << 20, len(passphrase))
    return hashlib.new(name, passphrase * whole + passphrase[:part], usedforsecurity=False).digest()


def _localized(name: str, master: bytes, engine_id: bytes) -> bytes:
    """RFC 3414 section 2.6."""
    return hashlib.new(name, master + engine_id + master, usedforsecurity=False).digest()


def _extended(name: str, key: bytes, size: int, engine_id: bytes, cisco: bool) -> bytes:
    """Make a key long enough: by hashing what there is (Blumenthal), or by taking it as a passphrase again (Reeder)."""
    last = key
    while len(key) < size:
        if cisco:
            last = _localized(name, _master(name, last), engine_id)
            key += last
        else:
            key += hashlib.new(name, key, usedforsecurity=False).digest()
    return key[:size]


@dataclass(frozen=True, slots=True)
class Keys:
    """A user's keys for one engine."""

    auth: Auth | None = None
    auth_key: bytes = field(default=b"", repr=False)
    privacy: Privacy | None = None
    privacy_key: bytes = field(default=b"", repr=False)

    @property
    def digest_size(self) -> int:
        """Bytes of msgAuthenticationParameters."""
        return _AUTH[self.auth][1] if self.auth else 0

    def digest(self, message: bytes) -> bytes:
        """Return the digest of a whole message whose own digest is zeros."""
        if self.auth is None:
            return b""
        name, size = _AUTH[self.auth]
        return hmac.digest(self.auth_key, message, name)[:size]

    def encrypt(self, content: bytes, boots: int, time: int) -> tuple[bytes, bytes]:
        """Return the encrypted scopedPDU and msgPrivacyParameters."""
        if self.privacy is Privacy.DES:
            salt = boots.to_bytes(4) + os.urandom(4)  # RFC 3414 section 8.1.1.1: unlike the ones before
            encryptor = self._cipher(salt, boots, time).encryptor()
            return encryptor.update(content + bytes(-len(content) % 8)) + encryptor.finalize(), salt
        salt = os.urandom(8)  # RFC 3826 section 3.1.2.1
        encryptor = self._cipher(salt, boots, time).encryptor()
        return encryptor.update(content) + encryptor.finalize(), salt

    def decrypt(self, content: bytes, salt: bytes, boots: int, time: int) -> bytes:
        """Return the scopedPDU; with a wrong key it is noise.

        :raises ValueError: where sizes are wrong.
        """
        if len(salt) != 8:
            raise ValueError("privacy parameters that are not 8 bytes")
        decryptor = self._cipher(salt, boots, time).decryptor()
        return decryptor.update(content) + decryptor.finalize()

    def _cipher(self, salt: bytes, boots: int, time: int) -> Cipher[CBC] | Cipher[CFB]:
        if self.privacy is Privacy.DES:
            key, before = self.privacy_key[:8], self.privacy_key[8:]
            vector = bytes(a ^ b for a, b in zip(before, salt, strict=True))
            return Cipher(TripleDES(key * 3), CBC(vector))  # thrice the same key is DES
        vector = (boots & 0xFFFFFFFF).to_bytes(4) + (time & 0xFFFFFFFF).to_bytes(4) + salt
        return Cipher(AES(self.privacy_key), CFB(vector))


def keys_of(user: User, engine_id: bytes) -> Keys:
    """Return a user's keys for an engine. The hash of a passphrase takes some milliseconds and is remembered."""
    if user.auth is None:
        return Keys()
    name = _AUTH[user.auth][0]
    auth_key = _localized(name, _master(name, user.auth_passphrase.encode()), engine_id)
    if user.privacy is None:
        return Keys(user.auth, auth_key)
    size = _KEY_BYTES[user.privacy]
    key = _localized(name, _master(name, user.privacy_passphrase.encode()), engine_id)
    cisco = user.privacy in (Privacy.AES192C, Privacy.AES256C)
    return Keys(user.auth, auth_key, user.privacy, _extended(name, key, size, engine_id, cisco))
