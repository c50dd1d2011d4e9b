"""Packet filter: rules of nftables and iptables, sets, and who manages them.

Source: nft(8), iptables-save(8), ipset(8), by the process that may (see driftline_agent.firewall); /etc/ufw/ufw.conf,
/etc/default/ufw.
"""

import re
from dataclasses import dataclass, field

from driftline import late
from driftline.v1.facts_pb2 import Firewall, FirewallManager
from driftline_agent.errors import UnreadableError
from driftline_agent.firewall.client import generation_here
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_UFW, _UFW_DEFAULTS = "/etc/ufw/ufw.conf", "/etc/default/ufw"
_SETTING = late.pattern(r"""^\s*(\w+)=["']?(\w+)["']?\s*$""", re.M)
#: As ufw(8) calls them.
_POLICIES = {"ACCEPT": "allow", "DROP": "deny", "REJECT": "reject"}
_LISTS = ("chains", "sets", "managed_chains")


@dataclass(slots=True)
class _Kept:
    generation: bytes | None = None
    firewall: Firewall = field(default_factory=Firewall)
    failed: str = ""


def parse_ufw(settings: str, defaults: str) -> FirewallManager:
    """Return what ufw is set to."""
    found, policies = dict(_SETTING.findall(settings)), dict(_SETTING.findall(defaults))
    out = FirewallManager(name="ufw", enabled=found.get("ENABLED", "no").lower() == "yes")
    for field_name, name in (("incoming", "INPUT"), ("outgoing", "OUTPUT"), ("routed", "FORWARD")):
        setattr(out, f"{field_name}_policy", _POLICIES.get(policies.get(f"DEFAULT_{name}_POLICY", "").upper(), ""))
    return out


def _rules(host: Host) -> _Kept:
    """Return the rules, as they were read last where nothing has changed since.

    :raises UnreadableError: where nobody may see them.
    """
    kept: _Kept = host.kept.setdefault("firewall", _Kept())
    generation = host.firewall_generation()
    if generation is None or generation != kept.generation:
        said = host.firewall_rules()
        from driftline_agent.firewall import build  # parsers for all that may be said; most hosts say nothing

        ruleset, failed = build.merge(said)
        kept.firewall, kept.failed, kept.generation = build.build(ruleset), "; ".join(failed), generation
    return kept


def collect(host: Host) -> Reading:
    """Ask who may see the rules, and read what ufw is set to."""
    reading = Reading()
    firewall = reading.facts.network.firewall
    try:
        kept = _rules(host)
        failed = kept.failed
        if not failed:
            firewall.CopyFrom(kept.firewall)
    except UnreadableError as error:
        failed = str(error)
    if failed:
        for name in _LISTS:
            reading.unreadable[f"network.firewall.{name}"] = failed
    try:
        settings = host.read(_UFW)
        if settings is not None:
            firewall.managers.append(parse_ufw(settings, host.read(_UFW_DEFAULTS) or ""))
    except UnreadableError as error:
        reading.unreadable["network.firewall.managers"] = str(error)
        if failed:
            raise UnreadableError(failed) from error
    return reading


TOPIC = Topic(
    revision=1,
    fills=("network.firewall",),
    collect=collect,
    watches=("/etc/ufw", "/etc/default/ufw", "/etc/nftables.conf", "/etc/iptables", "/etc/firewalld"),
    events=frozenset({"firewall"}),
    tell=lambda host: generation_here() if host.live else None,
)
