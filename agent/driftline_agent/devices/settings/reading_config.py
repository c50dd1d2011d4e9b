"""The agent's own file of devices: YAML, read strictly. Its reference is docs/devices.md."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Any

from driftline_agent.devices.settings import document
from driftline_agent.devices.settings.config import (
    CredentialEntry,
    DevicesConfig,
    Limits,
    Network,
    TargetEntry,
    TrapPort,
)
from driftline_agent.devices.settings.document import Place, shown
from driftline_agent.devices.settings.reading_credentials import leads_to_vault, read_credential, read_vault
from driftline_agent.devices.settings.reading_prefixes import chosen, discovery, excluded, sweepable

_KEYS = ("site", "credentials", "devices", "discover", "traps", "limits", "vault", "takes_handed_out", "profiles")
_TARGET = ("address", "prefix", "credential", "credentials", "interval", "port", "context", "except")
#: Bounds of limits: numbers, and spans in seconds.
_WHOLE = {"concurrent": (1, 1000), "requests": (1, 20), "retries": (0, 10), "variables": (100, 10_000_000)}
_SPANS = {"timeout": (0.1, 60.0), "poll": (1.0, 3600.0)}
_MOST_CREDENTIALS, _MOST_TARGETS = 100, 20_000


def read(text: str, file: str) -> DevicesConfig:
    """Return what a YAML text says.

    :param file: its name, for messages.
    :raises ConfigError: naming the key, the value and the mend.
    """
    root = document.parse(text, file)
    if root.value is None:
        raise root.fail("is empty; it needs at least a site and credentials, see docs/devices.md")
    found = root.mapping(_KEYS)
    for name, what in (("site", "the name of this site"), ("credentials", "one or more, by names of your choice")):
        if name not in found:
            raise root.fail(f"has no {name}; add {name}: {what}")
    vault = read_vault(found["vault"]) if "vault" in found else None
    credentials = _credentials(found["credentials"], vault is not None)
    return DevicesConfig(
        site=found["site"].name(),
        credentials=MappingProxyType(credentials),
        targets=_targets(found["devices"], credentials) if "devices" in found else (),
        discovery=discovery(found["discover"], credentials) if "discover" in found else None,
        traps=_traps(found["traps"]) if "traps" in found else None,
        limits=_limits(found["limits"]) if "limits" in found else Limits(),
        takes_more=found["takes_handed_out"].flag() if "takes_handed_out" in found else True,
        vault=vault,
        profiles=_folder(found["profiles"]) if "profiles" in found else None,
        file=file,
    )


def _folder(place: Place) -> Path:
    path = Path(place.text())
    if not path.is_absolute():
        raise place.fail(f"{shown(place.value)} is not a whole path; write it like /etc/driftline/profiles")
    return path


def _credentials(place: Place, vault: bool) -> dict[str, CredentialEntry]:
    named = place.named("a mapping of credentials by names of your choice")
    if not named or len(named) > _MOST_CREDENTIALS:
        raise place.fail(f"has {len(named)} credentials; write 1 to {_MOST_CREDENTIALS}")
    out: dict[str, CredentialEntry] = {}
    for name, entry in named.items():
        Place(place.file, place.path, name).name()
        recipe = read_credential(entry)
        if leads_to_vault(recipe) and not vault:
            raise entry.fail("leads to Vault, and the file has no vault; add vault: {address: ..., token: ...}")
        found = entry.named("a credential")
        if "prefixes" not in found:
            raise entry.fail("has no prefixes; add where it may be used: prefixes: [192.0.2.0/24]")
        prefixes = found["prefixes"].networks()
        out[name] = CredentialEntry(name, "snmp", prefixes, MappingProxyType(dict(entry.value)))
    return out


def _targets(place: Place, credentials: Mapping[str, CredentialEntry]) -> tuple[TargetEntry, ...]:
    items = place.items()
    if len(items) > _MOST_TARGETS:
        raise place.fail(f"has {len(items)} entries; write up to {_MOST_TARGETS}, or prefixes instead of addresses")
    out: list[TargetEntry] = []
    seen: dict[tuple[object, int, str], str] = {}
    for item in items:
        target = _target(item, credentials)
        earlier = seen.setdefault((target.network, target.port, target.context), item.path)
        if earlier != item.path:
            raise item.fail(f"{_words(target)} stands in {earlier} too; keep one of them")
        out.append(target)
    return tuple(out)


def _target(place: Place, credentials: Mapping[str, CredentialEntry]) -> TargetEntry:
    found = place.mapping(_TARGET)
    if ("address" in found) == ("prefix" in found):
        raise place.fail("needs either address or prefix; write address: 192.0.2.1 or prefix: 192.0.2.0/24")
    if ("credential" in found) == ("credentials" in found):
        raise place.fail(f"needs either credential or credentials; there are {', '.join(credentials)}")
    if "address" in found:
        where = found["address"]
        network = where.network()
        if network.num_addresses != 1 or "/" in where.value:
            raise where.fail(f"{shown(where.value)} is not one address; write prefix: {network}")
        if "except" in found:
            raise found["except"].fail("is for a prefix; leave it out")
    else:
        where = found["prefix"]
        network = sweepable(where)
    names = (
        (found["credential"].choice(credentials),)
        if "credential" in found
        else chosen(found["credentials"], credentials)
    )
    if not any(network.overlaps(prefix) for name in names for prefix in _same(credentials[name], network.version)):
        reach = "; ".join(f"{name}: {', '.join(map(str, credentials[name].prefixes))}" for name in names)
        raise where.fail(
            f"{where.value} is outside of the prefixes where its credentials may be used ({reach}); widen those, or"
            " name another credential"
        )
    values: dict[str, Any] = {}
    if "interval" in found:
        values["interval_s"] = int(found["interval"].seconds(10, 86400))
    if "port" in found:
        values["port"] = found["port"].whole(1, 65535)
    if "context" in found:
        values["context"] = found["context"].text()
    if "except" in found:
        values["excluded"] = excluded(found["except"], (network,))
    target = TargetEntry(network, names, **values)
    if target.context and all(str(credentials[name].document.get("version")) != "3" for name in names):
        raise found["context"].fail("is for SNMPv3, and none of the credentials is; leave it out")
    return target


def _same(credential: CredentialEntry, version: int) -> list[Network]:
    return [prefix for prefix in credential.prefixes if prefix.version == version]


def _words(target: TargetEntry) -> str:
    place = str(target.network.network_address) if target.single else str(target.network)
    return f"{place}, port {target.port},"


def _traps(place: Place) -> TrapPort:
    found = place.mapping(("listen",))
    if "listen" not in found:
        return TrapPort()
    text = found["listen"].text()
    host, _, port = text.rpartition(":")
    try:
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            raise ValueError
        address = str(ip_address(host.removeprefix("[").removesuffix("]")))
        number = int(port)
        if not port.isascii() or not 1 <= number <= 65535:
            raise ValueError
    except ValueError as error:
        raise found["listen"].fail(
            f'{shown(text)} is not an address and a port; write it like "0.0.0.0:162" or "[::]:162"'
        ) from error
    return TrapPort(address, number)


def _limits(place: Place) -> Limits:
    found = place.mapping((*_WHOLE, "requests_per_s", *_SPANS))
    values: dict[str, Any] = {name: found[name].whole(*bounds) for name, bounds in _WHOLE.items() if name in found}
    values |= {f"{name}_s": found[name].seconds(*bounds) for name, bounds in _SPANS.items() if name in found}
    if "requests_per_s" in found:
        values["requests_per_s"] = found["requests_per_s"].decimal(0.1, 10_000)
    return Limits(**values)
