"""Prefixes that are looked through, in the agent's own file of devices: how large they may be, how long that takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from driftline_agent.devices.settings.config import CredentialEntry, Discovery, Network
from driftline_agent.devices.settings.document import Place

#: The shortest prefix that is looked through, by version of IP: 65,536 addresses.
_SHORTEST = {4: 16, 6: 112}
_MOST_PREFIXES, _MOST_PORTS, _HIGHEST_RATE = 64, 32, 200
_KEYS = ("prefixes", "except", "every", "rate", "ports", "credentials", "snmp_port")


def sweepable(place: Place) -> Network:
    """Return a prefix that is small enough to be looked through.

    :raises ConfigError: where it is not.
    """
    network = place.network()
    shortest = _SHORTEST[network.version]
    if network.prefixlen < shortest:
        raise place.fail(f"{network} is too large to look through; write /{shortest} or longer, or several prefixes")
    return network


def excluded(place: Place, within: Sequence[Network]) -> tuple[Network, ...]:
    """Return what is left alone, which must be of the prefixes that are looked through."""
    out = []
    for item in place.items():
        network = item.network()
        if not any(network.version == prefix.version and network.overlaps(prefix) for prefix in within):
            raise item.fail(f"{item.value} is not in {', '.join(map(str, within))}; leave it out")
        out.append(network)
    return tuple(out)


def chosen(place: Place, credentials: Mapping[str, CredentialEntry]) -> tuple[str, ...]:
    """Return names of credentials, each once, in the order that they are tried in."""
    names = [item.choice(credentials) for item in place.some()]
    for at, name in enumerate(names):
        if name in names[:at]:
            raise place.fail(f'"{name}" stands twice; keep one of them')
    return tuple(names)


def discovery(place: Place, credentials: Mapping[str, CredentialEntry]) -> Discovery:
    """Return which prefixes are looked through, and how.

    :raises ConfigError: naming the key; also where one pass takes longer than the time to the next.
    """
    found = place.mapping(_KEYS)
    if "prefixes" not in found:
        raise place.fail("has no prefixes; add what may be looked through: prefixes: [192.0.2.0/24]")
    prefixes = tuple(map(sweepable, found["prefixes"].some()))
    if len(prefixes) > _MOST_PREFIXES:
        raise found["prefixes"].fail(f"has {len(prefixes)} prefixes; write up to {_MOST_PREFIXES}")
    values: dict[str, Any] = {}
    if "except" in found:
        values["excluded"] = excluded(found["except"], prefixes)
    if "every" in found:
        values["every_s"] = int(found["every"].seconds(60, 7 * 86400))
    if "rate" in found:
        values["rate"] = found["rate"].whole(1, _HIGHEST_RATE)
    if "ports" in found:
        values["ports"] = tuple(dict.fromkeys(item.whole(1, 65535) for item in found["ports"].items()))
        if len(values["ports"]) > _MOST_PORTS:
            raise found["ports"].fail(f"has {len(values['ports'])} ports; write up to {_MOST_PORTS}")
    if "credentials" in found:
        values["credentials"] = chosen(found["credentials"], credentials)
    if "snmp_port" in found:
        values["snmp_port"] = found["snmp_port"].whole(1, 65535)
    out = Discovery(prefixes, **values)
    takes_s = duration_s(out)
    if takes_s > out.every_s:
        raise place.fail(
            f"one pass takes {takes_s / 60:.0f} min at a rate of {out.rate} probes a second, longer than every:"
            f" {out.every_s / 60:.0f} min; write a longer every, a higher rate (up to {_HIGHEST_RATE}), fewer ports or"
            " smaller prefixes"
        )
    return out


def duration_s(discovery: Discovery) -> float:
    """Return how long one pass takes where nobody answers, s: a probe for ICMP, each port and each credential."""
    addresses = sum(prefix.num_addresses for prefix in discovery.prefixes)
    return addresses * (1 + len(discovery.ports) + len(discovery.credentials)) / discovery.rate
