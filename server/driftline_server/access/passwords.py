"""Passwords: Argon2id with the library's defaults (RFC 9106, low-memory choice: 64 MiB, three passes)."""

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from driftline_cmdb.errors import Invalid

#: Characters.
MINIMUM = 12
MAXIMUM = 1024

_hasher = PasswordHasher()
# Each hash takes 64 MiB: a burst of logins must not take the machine's memory
_slots = threading.BoundedSemaphore(4)
_nobody = _hasher.hash(secrets.token_urlsafe(32))


def hash_of(password: str) -> str:
    """Return the encoded hash of a password.

    :raises Invalid: where it is too short or too long.
    """
    if not MINIMUM <= len(password) <= MAXIMUM:
        raise Invalid(f"password: {len(password)} characters; {MINIMUM} to {MAXIMUM} are needed")
    with _slots:
        return _hasher.hash(password)


def fits(encoded: str | None, password: str) -> bool:
    """Tell whether a password is the one that was hashed.

    :param encoded: None for a name that does not exist; takes as long as for one that does.
    """
    with _slots:
        try:
            _hasher.verify(encoded or _nobody, password[:MAXIMUM])
        except (VerificationError, InvalidHashError):
            return False
    return encoded is not None


def generate() -> str:
    """Return a new random password, 120 bits, in groups that can be typed."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(6)) for _ in range(4))
