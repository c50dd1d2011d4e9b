"""What inetd and xinetd start for a connection. Source: inetd.conf(5), xinetd.conf(5)."""

from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import InternetService
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded
from driftline_agent.redact import redact
from driftline_agent.topic import Reading, Topic

_INETD, _XINETD, _FOLDER = "/etc/inetd.conf", "/etc/xinetd.conf", "/etc/xinetd.d"
_MAX_TEXT = 1 << 20
#: update-inetd(8) turns a service off so.
_OFF = ("#<off># ", "#<off>#")
_ATTRIBUTE = late.pattern(r"(\w+)\s*([+-]?=)\s*(.*)")


def parse_inetd(text: str, file: str) -> Iterator[InternetService]:
    """Yield the services of an inetd.conf."""
    for raw in text.splitlines():
        line, enabled = raw.strip(), True
        for off in _OFF:
            if line.startswith(off):
                line, enabled = line.removeprefix(off).strip(), False
        fields = line.split(None, 6)
        if not line or line[0] == "#" or len(fields) < 6:
            continue
        out = InternetService(name=bounded(fields[0]), protocol=bounded(fields[2]), file=file, enabled=enabled)
        out.socket_type = bounded(fields[1])
        out.wait = fields[3].partition(".")[0].partition("/")[0] == "wait"
        out.user, out.program = bounded(fields[4]), bounded(fields[5], 500)
        out.arguments = bounded(redact(fields[6]), 1000) if len(fields) > 6 else ""
        yield out


def parse_xinetd(text: str, file: str) -> Iterator[InternetService]:
    """Yield the services of an xinetd.conf or of a file in its folder."""
    name = ""
    said: dict[str, list[str]] = {}
    inside = False
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        words = line.split()
        if words[0] == "service" and len(words) > 1:
            name, said = words[1], {}
            inside = len(words) > 2 and words[2] == "{"
        elif words[0] == "defaults":
            name, said = "", {}
        elif line == "{":
            inside = True
        elif line == "}":
            if name and inside:
                yield _xinetd_service(name, said, file)
            name, inside = "", False
        elif inside and (found := _ATTRIBUTE.fullmatch(line)) is not None:
            before = said.get(found[1], []) if found[2] == "+=" else []
            said[found[1]] = before + found[3].split()


def _xinetd_service(name: str, said: dict[str, list[str]], file: str) -> InternetService:
    def one(key: str) -> str:
        return bounded(" ".join(said.get(key, ())), 500)

    kind = one("socket_type")
    protocol = one("protocol") or {"stream": "tcp", "dgram": "udp"}.get(kind, "")
    shown = bounded(one("id") or name)
    out = InternetService(name=shown, protocol=protocol, file=file, enabled=one("disable").lower() != "yes")
    out.socket_type, out.user = kind, one("user")
    if "wait" in said:
        out.wait = one("wait").lower() == "yes"
    internal = "INTERNAL" in said.get("type", ())
    out.program = "internal" if internal else one("server")
    out.arguments = bounded(redact(" ".join(said.get("server_args", ()))), 1000)
    out.only_from.extend(sorted({bounded(word) for word in said.get("only_from", ())}))
    out.no_access.extend(sorted({bounded(word) for word in said.get("no_access", ())}))
    return out


def collect(host: Host) -> Reading:
    """Read the files of both."""
    reading = Reading()
    found: dict[tuple[str, str, str], InternetService] = {}
    files = [_INETD, _XINETD]
    try:
        files += [f"{_FOLDER}/{name}" for name in host.names(_FOLDER) if "." not in name and not name.endswith("~")]
        for file in files:
            text = (host.read(file) or "")[:_MAX_TEXT]
            parse = parse_inetd if file == _INETD else parse_xinetd
            for service in parse(text, bounded(file)):
                found.setdefault((service.name, service.protocol, service.file), service)
    except UnreadableError as error:
        reading.unreadable["services.internet_services"] = str(error)
        return reading
    reading.facts.services.internet_services.extend(found[key] for key in sorted(found))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("services.internet_services",),
    collect=collect,
    of_files=True,
    applies=lambda host: any(host.exists(path) for path in (_INETD, _XINETD, _FOLDER)),
    watches=(_INETD, _XINETD, _FOLDER),
    watched_whole=True,
)
