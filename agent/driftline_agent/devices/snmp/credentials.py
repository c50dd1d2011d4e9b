"""How an agent proves to a device who it is. No representation of these has the secret in it."""

from dataclasses import dataclass, field
from enum import StrEnum


class Auth(StrEnum):
    """Authentication protocols of the user-based security model: RFC 3414 and RFC 7860."""

    MD5 = "MD5"
    SHA1 = "SHA"
    SHA224 = "SHA-224"
    SHA256 = "SHA-256"
    SHA384 = "SHA-384"
    SHA512 = "SHA-512"


class Privacy(StrEnum):
    """Privacy protocols: RFC 3414, RFC 3826, and drafts that devices follow.

    AES-192 and AES-256 need longer keys than some digests give. AES192 and AES256 extend them as
    draft-blumenthal-aes-usm-04 does (net-snmp, and most), AES192C and AES256C as draft-reeder-snmpv3-usm-3desede-00
    does (Cisco and others), which TRIPLE_DES does too.
    """

    DES = "DES"
    TRIPLE_DES = "3DES"
    AES128 = "AES"
    AES192 = "AES192"
    AES256 = "AES256"
    AES192C = "AES192C"
    AES256C = "AES256C"


@dataclass(frozen=True, slots=True)
class Community:
    """SNMPv1 (version 1) or SNMPv2c (version 2)."""

    version: int
    community: str = field(repr=False)

    def __post_init__(self) -> None:
        if self.version not in (1, 2):
            raise ValueError(f"a community is for version 1 or 2, not {self.version}")


@dataclass(frozen=True, slots=True)
class User:
    """A user of SNMPv3: without `auth` noAuthNoPriv, without `privacy` authNoPriv."""

    name: str
    auth: Auth | None = None
    auth_passphrase: str = field(default="", repr=False)
    privacy: Privacy | None = None
    privacy_passphrase: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.privacy and not self.auth:
            raise ValueError(f"user {self.name}: privacy needs an authentication protocol (RFC 3414 section 1.4.2)")
        for wanted, secret, word in (
            (self.auth, self.auth_passphrase, "authentication"),
            (self.privacy, self.privacy_passphrase, "privacy"),
        ):
            if wanted and len(secret.encode()) < 8:
                raise ValueError(
                    f"user {self.name}: an {word} passphrase has at least 8 characters (RFC 3414 section 11.2)"
                )


Credential = Community | User
