"""Name resolution. Source: resolv.conf(5)."""

from driftline.v1.facts_pb2 import Resolver
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic


def parse_resolv_conf(text: str) -> Resolver:
    """Return the settings; of several ``search`` and ``domain`` lines the last one counts, options add up."""
    out = Resolver()
    search: list[str] = []
    options: set[str] = set()
    for line in text.splitlines():
        if line[:1] in "#;":
            continue
        words = line.split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            out.servers.append(words[1])
        elif words[0] == "search":
            search = words[1:]
        elif words[0] == "domain":
            search = words[1:2]
        elif words[0] == "options":
            options.update(words[1:])
    out.search.extend(search)
    out.options.extend(sorted(options))
    return out


def collect(host: Host) -> Reading:
    """Read /etc/resolv.conf."""
    reading = Reading()
    text = host.read("/etc/resolv.conf")
    if text is None:
        raise UnreadableError(
            "/etc/resolv.conf: links to a file that is not there; its daemon may not have written it yet"
        )
    reading.facts.network.resolver.CopyFrom(parse_resolv_conf(text))
    return reading


TOPIC = Topic(
    revision=2,
    fills=("network.resolver",),
    collect=collect,
    applies=lambda host: host.exists("/etc/resolv.conf"),
    watches=("/etc/resolv.conf",),
)
