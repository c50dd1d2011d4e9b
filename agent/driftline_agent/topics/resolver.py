"""Name resolution. Source: resolv.conf(5), and what systemd-resolved and systemd-networkd keep below /run/systemd."""

from driftline.v1.facts_pb2 import LinkResolver, Resolver
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


#: Where systemd-resolved itself listens (systemd-resolved.service(8)).
_STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
_UPSTREAM = "/run/systemd/resolve/resolv.conf"
#: A file a link, named by its index: what networkd was told or leased, and what others told resolved.
_LINKS = ("/run/systemd/netif/links", "/run/systemd/resolve/netif")


def parse_link(text: str) -> LinkResolver:
    """Return name servers and domains of a link's state file: DNS or SERVERS, DOMAINS, ROUTE_DOMAINS."""
    out = LinkResolver()
    for line in text.splitlines():
        name, _, value = line.partition("=")
        words = value.strip().strip('"').split()
        if name in ("DNS", "SERVERS"):
            # 192.0.2.1:53%2#name: the server comes first, a port only with a name or another port
            out.servers.extend(word.partition("#")[0].partition("%")[0] for word in words)
        elif name == "DOMAINS":
            out.domains.extend(words)
        elif name == "ROUTE_DOMAINS":
            out.domains.extend(word if word.startswith("~") else f"~{word}" for word in words)
    return out


def _links(host: Host) -> list[LinkResolver]:
    found: dict[str, LinkResolver] = {}
    indexes: dict[str, str] = {}
    for folder in _LINKS:
        for index in host.names(folder):
            link = parse_link(host.read(f"{folder}/{index}") or "")
            if not link.servers and not link.domains:
                continue
            if not indexes:
                indexes = {
                    host.line(f"/sys/class/net/{name}/ifindex") or "": name for name in host.names("/sys/class/net")
                }
            if index in indexes:
                link.interface = indexes[index]
                found[link.interface] = link
    return [found[name] for name in sorted(found)]


def collect(host: Host) -> Reading:
    """Read /etc/resolv.conf."""
    reading = Reading()
    text = host.read("/etc/resolv.conf")
    if text is None:
        raise UnreadableError(
            "/etc/resolv.conf: links to a file that is not there; its daemon may not have written it yet"
        )
    resolver = parse_resolv_conf(text)
    if resolver.servers and _STUBS.issuperset(resolver.servers):
        upstream = reading.text("network.resolver.upstream_servers", lambda: host.read(_UPSTREAM))
        resolver.upstream_servers.extend(parse_resolv_conf(upstream).servers)
    try:
        resolver.links.extend(_links(host))
    except UnreadableError as error:
        reading.unreadable["network.resolver.links"] = str(error)
    reading.facts.network.resolver.CopyFrom(resolver)
    return reading


TOPIC = Topic(
    revision=3,
    fills=("network.resolver",),
    collect=collect,
    of_files=True,
    applies=lambda host: host.exists("/etc/resolv.conf"),
    watches=("/etc/resolv.conf", "/run/systemd/resolve", "/run/systemd/netif/links"),
)
