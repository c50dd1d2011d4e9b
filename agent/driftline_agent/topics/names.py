"""Names that this host knows by itself, and where it looks others up. Source: hosts(5), nsswitch.conf(5)."""

import re
from ipaddress import ip_address

from driftline import late
from driftline.v1.facts_pb2 import HostsEntry, NameService
from driftline_agent import dropins
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_WORD = late.pattern(r"\[[^\]]*\]|[^\s\[\]]+")
_MAX = 20_000


def parse_hosts(text: str) -> list[HostsEntry]:
    """Return the addresses with their names, sorted; a line without a valid address is skipped."""
    out: dict[str, dict[str, None]] = {}
    for line in dropins.lines(text, joined=False):
        words = line.partition("#")[0].split()
        try:
            address = str(ip_address(words[0].partition("%")[0])) if len(words) > 1 else ""
        except ValueError:
            continue
        if address:
            zone = words[0].partition("%")[2]
            out.setdefault(f"{address}%{zone}" if zone else address, {}).update(dict.fromkeys(words[1:]))
    return [HostsEntry(address=address, names=list(out[address])) for address in sorted(out)][:_MAX]


def parse_nsswitch(text: str) -> list[NameService]:
    """Return the databases with their sources, sorted."""
    out: dict[str, list[str]] = {}
    for line in dropins.lines(text, joined=False):
        database, colon, sources = line.partition("#")[0].partition(":")
        if colon and re.fullmatch(r"[\w-]+", database.strip()):
            out[database.strip()] = [
                "".join(word.split()) if word[0] != "[" else word for word in _WORD.findall(sources)
            ]
    return [NameService(database=name, sources=out[name]) for name in sorted(out)]


def collect(host: Host) -> Reading:
    """Read /etc/hosts and nsswitch.conf."""
    reading = Reading()
    reading.facts.os.hosts_entries.extend(parse_hosts(host.read("/etc/hosts") or ""))
    text = host.read("/etc/nsswitch.conf")
    if text is None:
        text = host.read("/usr/etc/nsswitch.conf")
    reading.facts.os.name_services.extend(parse_nsswitch(text or ""))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.hosts_entries", "os.name_services"),
    collect=collect,
    of_files=True,
    watches=("/etc/hosts", "/etc/nsswitch.conf"),
)
