"""Credentials and Vault in the agent's own file of devices: read, checked, and not followed."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from driftline_agent.devices.settings.document import Place, shown
from driftline_agent.devices.settings.references import (
    Plain,
    Reference,
    VaultEntry,
    VaultKey,
    absolute_path,
    path_in_vault,
    read_reference,
)
from driftline_agent.devices.snmp.credentials import Auth, Privacy

_VERSIONS = {"1": 1, "2c": 2, "3": 3}
_V3 = ("user", "auth", "auth_passphrase", "privacy", "privacy_passphrase")
#: RFC 3414 section 11.2.
_PASSPHRASE = 8


@dataclass(frozen=True, slots=True)
class CommunityRecipe:
    """A community of SNMPv1 (version 1) or SNMPv2c (version 2), unfollowed."""

    version: int
    community: Reference

    @property
    def words(self) -> str:
        """What it is, for people."""
        return "SNMPv1, community in clear" if self.version == 1 else "SNMPv2c, community in clear"

    @property
    def references(self) -> dict[str, Reference]:
        """What is followed for it, by the names in the file."""
        return {"community": self.community}


@dataclass(frozen=True, slots=True)
class UserRecipe:
    """A user of SNMPv3, unfollowed."""

    user: str
    auth: Auth | None = None
    auth_passphrase: Reference | None = None
    privacy: Privacy | None = None
    privacy_passphrase: Reference | None = None

    @property
    def words(self) -> str:
        """What it is, for people."""
        level = "authPriv" if self.privacy else "authNoPriv" if self.auth else "noAuthNoPriv"
        protocols = "".join(f", {protocol}" for protocol in (self.auth, self.privacy) if protocol)
        return f"SNMPv3 {level}, user {self.user}{protocols}"

    @property
    def references(self) -> dict[str, Reference]:
        """What is followed for it, by the names in the file."""
        named = {"auth_passphrase": self.auth_passphrase, "privacy_passphrase": self.privacy_passphrase}
        return {name: reference for name, reference in named.items() if reference is not None}


Recipe = CommunityRecipe | UserRecipe


def read_credential(place: Place) -> Recipe:
    """Return what a credential is made of.

    :raises ConfigError: naming the key.
    """
    found = place.mapping(("protocol", "version", "community", *_V3, "prefixes"))
    if "protocol" in found:
        found["protocol"].choice(("snmp",))
    version = _need(place, found, "version", "1, 2c or 3")
    number = next((number for text, number in _VERSIONS.items() if shown(version.value) in (text, f'"{text}"')), None)
    if number is None:
        raise version.fail(f"there is no version {shown(version.value)} of SNMP; there are 1, 2c, 3")
    strangers = [name for name in (_V3 if number < 3 else ("community",)) if name in found]
    if strangers:
        raise found[strangers[0]].fail(f"is not for version {version.value}; leave it out, or change the version")
    if number < 3:
        return CommunityRecipe(number, read_reference(_need(place, found, "community", "a text or a reference")))
    return _user(place, found)


def _user(place: Place, found: dict[str, Place]) -> UserRecipe:
    user = _need(place, found, "user", "the user's name").text()
    auth = Auth(found["auth"].choice(tuple(Auth))) if "auth" in found else None
    privacy = Privacy(found["privacy"].choice(tuple(Privacy))) if "privacy" in found else None
    if privacy and not auth:
        raise found["privacy"].fail("needs auth too (RFC 3414 section 1.4.2); add it")
    return UserRecipe(user, auth, _passphrase(place, found, "auth"), privacy, _passphrase(place, found, "privacy"))


def _passphrase(place: Place, found: dict[str, Place], protocol: str) -> Reference | None:
    name = f"{protocol}_passphrase"
    if protocol not in found:
        if name in found:
            raise found[name].fail(f"is there without {protocol}; name the protocol, or leave it out")
        return None
    reference = read_reference(_need(place, found, name, "a text or a reference"))
    if isinstance(reference, Plain) and len(reference.secret.encode()) < _PASSPHRASE:
        raise found[name].fail(f"is shorter than {_PASSPHRASE} characters (RFC 3414 section 11.2)")
    return reference


def _need(place: Place, found: dict[str, Place], name: str, what: str) -> Place:
    if name not in found:
        raise place.fail(f"has no {name}; add {name}: {what}")
    return found[name]


def leads_to_vault(recipe: Recipe) -> bool:
    """Whether Vault is needed for a credential."""
    return any(isinstance(reference, VaultKey) for reference in recipe.references.values())


def read_vault(place: Place) -> VaultEntry:
    """Return how Vault is reached.

    :raises ConfigError: naming the key.
    """
    found = place.mapping(("address", "token", "app_role", "namespace", "mount", "ca_file", "kv"))
    address = _need(place, found, "address", "https://vault.example.org:8200")
    try:
        parts = urlsplit(address.text())
        usable = parts.scheme == "https" and parts.hostname and parts.port != 0 and parts.path in ("", "/")
        usable = usable and not (parts.query or parts.fragment or "@" in parts.netloc or " " in parts.netloc)
    except ValueError:  # of urlsplit: a bracket or a port that is none; or no text at all
        usable = False
    if not usable:
        raise address.fail("is not where Vault can be reached over TLS; write it like https://vault.example.org:8200")
    if ("token" in found) == ("app_role" in found):
        raise place.fail("needs either token or app_role; add one of them")
    role: dict[str, Place] = {}
    if "app_role" in found:
        role = found["app_role"].mapping(("role_id", "secret_id", "mount"))
        for name in ("role_id", "secret_id"):
            _need(found["app_role"], role, name, "a text or a reference")
    return VaultEntry(
        address=f"https://{parts.netloc}",
        token=read_reference(found["token"], in_vault=False) if "token" in found else None,
        role_id=read_reference(role["role_id"], in_vault=False) if role else None,
        secret_id=read_reference(role["secret_id"], in_vault=False) if role else None,
        role_mount=path_in_vault(role["mount"]) if "mount" in role else "approle",
        namespace=path_in_vault(found["namespace"]) if "namespace" in found else "",
        mount=path_in_vault(found["mount"]) if "mount" in found else "secret",
        kv=found["kv"].whole(1, 2) if "kv" in found else 2,
        ca_file=absolute_path(found["ca_file"]) if "ca_file" in found else None,
    )
