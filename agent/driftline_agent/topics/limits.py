"""Limits of login sessions. Source: limits.conf(5)."""

from collections.abc import Iterable

from driftline.v1.facts_pb2 import Limit
from driftline_agent import dropins
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_LIMITS, _FOLDERS = "/etc/security/limits.conf", ("/usr/lib/security/limits.d", "/etc/security/limits.d")
_TYPES = {"soft", "hard", "-"}
_MAX = 10_000


def parse_limits(texts: Iterable[str]) -> list[Limit]:
    """Return the limits of files in the order in which they are read, sorted; ``domain -`` means no limits."""
    out: dict[tuple[str, str, str], Limit] = {}
    for text in texts:
        for line in dropins.lines(text, joined=False):
            words = line.partition("#")[0].split()
            if len(words) == 4 and words[1] in _TYPES:
                out[words[0], words[1], words[2].lower()] = Limit(
                    domain=words[0], type=words[1], item=words[2].lower(), value=words[3]
                )
            elif len(words) == 2 and words[1] == "-":
                out[words[0], "-", "all"] = Limit(domain=words[0], type="-", item="all", value="unlimited")
    return [out[key] for key in sorted(out)][:_MAX]


def collect(host: Host) -> Reading:
    """Read limits.conf and limits.d."""
    reading = Reading()
    names = {name: f"{folder}/{name}" for folder in _FOLDERS for name in host.names(folder) if name.endswith(".conf")}
    main = host.read(_LIMITS)
    if main is None:
        main = host.read("/usr/lib/security/limits.conf")
    texts = [main or "", *(host.read(names[name]) or "" for name in sorted(names))]
    reading.facts.os.limits.extend(parse_limits(texts))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.limits",),
    collect=collect,
    of_files=True,
    watches=(_LIMITS, "/etc/security/limits.d"),
)
