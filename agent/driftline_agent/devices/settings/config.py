"""The agent's own word on devices: which, and which credential may be used where. See docs/devices.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from driftline_agent.errors import ConfigError, UnreadableError

if TYPE_CHECKING:
    from driftline_agent.devices.settings.references import VaultEntry

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class CredentialEntry:
    """A credential by name. What it is made of stands behind references that are followed when it is used."""

    name: str
    #: snmp.
    protocol: str
    #: Where it may be used; only this file can say so.
    prefixes: tuple[Network, ...]
    #: What the file says of it, references unfollowed.
    document: Mapping[str, object] = field(repr=False)

    def may_be_used_at(self, address: str) -> bool:
        """Tell whether it may be sent to an address. What is no address is none where it may be.

        ::ffff:192.0.2.1 counts as 192.0.2.1, because that is where it leads.
        """
        try:
            place = ip_address(address)
        except ValueError:
            return False
        if isinstance(place, IPv6Address) and place.ipv4_mapped is not None:
            place = place.ipv4_mapped
        return any(place in network for network in self.prefixes)


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """A device, or a prefix of which whatever answers is read."""

    network: Network
    #: Credentials in the order that they are tried in.
    credentials: tuple[str, ...]
    interval_s: int = 300
    port: int = 161
    context: str = ""
    #: Addresses and prefixes in it that are left alone.
    excluded: tuple[Network, ...] = ()

    @property
    def single(self) -> bool:
        """Whether it is one address."""
        return self.network.num_addresses == 1


@dataclass(frozen=True, slots=True)
class Discovery:
    """Prefixes that are looked through, and how."""

    prefixes: tuple[Network, ...]
    every_s: int = 3600
    #: Probes a second, over all.
    rate: int = 50
    #: TCP ports that are knocked at.
    ports: tuple[int, ...] = (22, 23, 80, 443, 8291)
    #: Credentials that SNMP is tried with, where each may be used.
    credentials: tuple[str, ...] = ()
    #: Addresses and prefixes in them that are left alone.
    excluded: tuple[Network, ...] = ()
    #: UDP port that SNMP is tried at.
    snmp_port: int = 161


@dataclass(frozen=True, slots=True)
class TrapPort:
    """Where traps and informs are heard."""

    address: str = "0.0.0.0"  # noqa: S104  # devices are on any interface
    port: int = 162


@dataclass(frozen=True, slots=True)
class Limits:
    """What polling may take."""

    #: Devices that are read at the same time.
    concurrent: int = 20
    #: Requests to one device at the same time, and a second.
    requests: int = 1
    requests_per_s: float = 100.0
    timeout_s: float = 2.0
    retries: int = 2
    #: What one poll of one device may take.
    poll_s: float = 120.0
    variables: int = 200_000


@dataclass(frozen=True, slots=True)
class DevicesConfig:
    """The file."""

    site: str
    credentials: Mapping[str, CredentialEntry]
    targets: tuple[TargetEntry, ...] = ()
    discovery: Discovery | None = None
    traps: TrapPort | None = None
    limits: Limits = field(default_factory=Limits)
    #: Take devices that the collector hands out, where a credential of this file may be used for them.
    takes_more: bool = True
    #: Where references of kind vault lead.
    vault: "VaultEntry | None" = None
    #: Folder of the operator's own profiles.
    profiles: Path | None = None
    #: Its name, for messages.
    file: str = "devices.yaml"


def load(path: Path) -> DevicesConfig:
    """Return what a file says of devices.

    :raises ConfigError: where it cannot be read or used, or others than its owner can read it; names the key, the
        value (never a secret) and the mend.
    """
    from driftline_agent.devices.settings import private

    try:
        from driftline_agent.devices.settings.reading_config import read
    except ModuleNotFoundError as error:
        raise ConfigError(f"devices {path}: {error.name} is not installed; pip install 'driftline[devices]'") from error
    try:
        text = private.read(path).decode()
    except UnreadableError as error:
        raise ConfigError(f"devices {error}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"devices {path}: is not UTF-8; save it as UTF-8") from None
    return read(text, str(path))


def take_profiles(config: DevicesConfig) -> list[str]:
    """Have the operator's own profiles used, and those alone besides the shipped ones; return their names.

    :raises ConfigError: where the folder or one of its files cannot be used; then it is as it was.
    """
    from driftline_agent.devices import profiles

    if config.profiles is None:
        profiles.forget_own()
        return []
    try:
        found = profiles.load_folder(config.profiles)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(
            f"{config.file}: profiles: {error.filename}: {reason}; let the agent's user read it"
        ) from None
    except ConfigError as error:
        raise ConfigError(f"{config.file}: {error}") from None
    profiles.forget_own()  # of those that were there before
    profiles.load_folder(config.profiles)
    return list(found)
