"""What is offered over NFS. Source: /etc/exports, /etc/exports.d/*.exports (exports(5))."""

from driftline import late
from driftline.v1.facts_pb2 import NfsExport
from driftline_agent import mounts
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_FILE, _FOLDER = "/etc/exports", "/etc/exports.d"
_WORD = late.pattern(r'(?:"[^"\n]*"|\\.|[^\s"\\])+')
_CLIENT = late.pattern(r"([^()]*)(?:\(([^()]*)\))?\Z")


def parse_exports(text: str) -> list[NfsExport]:
    """Return the folders with those they are offered to, sorted; a client named twice has the options of both."""
    found: dict[str, dict[str, set[str]]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        words = _WORD.findall(line.partition("#")[0] if "#" in line else line)
        if not words or not words[0].startswith(("/", '"/')):
            continue
        clients = found.setdefault(mounts.unescape(words[0].replace('"', "")), {})
        defaults: set[str] = set()
        for word in words[1:]:
            client = _CLIENT.match(word)
            if word.startswith("-"):
                defaults = set(word[1:].split(","))
            elif client:
                clients.setdefault(client[1] or "*", set()).update(defaults, (client[2] or "").split(","))
        if not clients:
            clients["*"] = defaults
    out = []
    for path in sorted(found):
        export = NfsExport(path=path)
        for name in sorted(found[path]):
            export.clients.add(client=name, options=mounts.safe_options(found[path][name]))
        out.append(export)
    return out


def collect(host: Host) -> Reading:
    """Read the file and those beside it as one."""
    reading = Reading()
    texts = [host.read(_FILE) or ""]
    for name in host.names(_FOLDER):
        if name.endswith(".exports") and not name.startswith("."):
            texts.append(host.read(f"{_FOLDER}/{name}") or "")
    reading.facts.storage.exports.extend(parse_exports("\n".join(texts)))
    return reading


TOPIC = Topic(
    revision=1,
    fills=("storage.exports",),
    collect=collect,
    of_files=True,
    applies=lambda host: host.exists(_FILE) or host.exists(_FOLDER),
    watches=(_FILE, _FOLDER),
    watched_whole=True,
)
