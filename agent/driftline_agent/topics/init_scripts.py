"""Services of the init systems other than systemd: System V's scripts, OpenRC's, runit's.

Source: insserv(8) and chkconfig(8) (links /etc/rc?.d/S20name), LSB init script headers, openrc(8), runsvdir(8).
"""

import re
import stat
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256

from driftline import late
from driftline.paths import keyed
from driftline.v1.facts_pb2 import Facts, InitScript
from driftline_agent import ownership, raw
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import bounded, collapse, pattern_of
from driftline_agent.reader.listing import Entry
from driftline_agent.topic import Reading, Topic

_SCRIPTS = "/etc/init.d"
_LEVELS = ("0", "1", "2", "3", "4", "5", "6", "S")
#: Where the links are: Debian, Red Hat, SUSE.
_LINKS = ("/etc/rc{}.d", "/etc/rc.d/rc{}.d", "/etc/init.d/rc{}.d")
_OPENRC, _STARTED = "/etc/runlevels", "/run/openrc/started"
_RUNIT = ("/etc/service", "/var/service", "/etc/runit/runsvdir/current", "/service")
_LINK = late.pattern(r"([SK])\d\d(.+)")
#: Not services: what the tools themselves put there.
_NO_SERVICE = frozenset({"README", "skeleton", "functions", "rc", "rcS", "functions.sh", "boot.local", "after.local"})
_LEFT = (".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmsave", ".rpmnew", ".depend.boot", ".depend.start", "~")
_DESCRIPTION = late.pattern(r"^description=(['\"]?)(.*?)\1\s*$", re.MULTILINE)
_MAX = 1000


def parse_header(text: str) -> dict[str, str]:
    """Return the LSB header of a script by name, in lower case."""
    out: dict[str, str] = {}
    inside = False
    for line in text.splitlines()[:200]:
        bare = line.rstrip()
        if bare.startswith("### BEGIN INIT INFO"):
            inside = True
        elif bare.startswith("### END INIT INFO"):
            break
        elif inside and bare.startswith("#"):
            name, colon, value = bare[1:].partition(":")
            if colon and " " not in name.strip():
                out.setdefault(name.strip().lower(), value.strip())
    return out


def levels(host: Host) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the runlevels that start, and that stop, each script of System V."""
    starts: dict[str, set[str]] = defaultdict(set)
    stops: dict[str, set[str]] = defaultdict(set)
    for level in _LEVELS:
        for pattern in _LINKS:
            for name in host.names(pattern.format(level)):
                found = _LINK.fullmatch(name)
                if found is not None:
                    (starts if found[1] == "S" else stops)[found[2]].add(level)
    return starts, stops


def openrc_levels(host: Host) -> dict[str, set[str]]:
    """Return the runlevels of OpenRC that start each script."""
    out: dict[str, set[str]] = defaultdict(set)
    for level in host.names(_OPENRC):
        for name in host.names(f"{_OPENRC}/{level}"):
            out[name].add(level)
    return out


def build(name: str, text: str, openrc: bool) -> InitScript:
    """Return what a script says of itself."""
    header = parse_header(text)
    out = InitScript(system="openrc" if openrc else "sysv", name=bounded(name))
    out.description = bounded(header.get("short-description", ""), 500)
    found = _DESCRIPTION.search(text) if openrc else None
    if found is not None:
        out.description = bounded(found[2], 500)
    out.default_start.extend(sorted(set(header.get("default-start", "").split())))
    out.default_stop.extend(sorted(set(header.get("default-stop", "").split())))
    return out


def scripts(host: Host, reading: Reading) -> Iterable[InitScript]:
    """Yield the scripts of /etc/init.d with the runlevels that they are in."""
    starts, stops = levels(host)
    of_openrc, running = openrc_levels(host), set(host.names(_STARTED))
    for entry in host.folder(_SCRIPTS)[0][:_MAX]:
        name = entry[0]
        if not stat.S_ISREG(entry[1]) or name in _NO_SERVICE or name[0] == "." or name.endswith(_LEFT):
            continue
        path = f"{_SCRIPTS}/{name}"
        try:
            out = script(host, path, entry)
        except UnreadableError as error:
            system = "openrc" if of_openrc else "sysv"
            reading.unreadable[pattern_of("services.init_scripts", system, bounded(name))] = str(error)
            continue
        if out.system == "openrc":
            out.starts_in.extend(sorted(of_openrc.get(name, ())))
            out.started = name in running
        else:
            out.starts_in.extend(sorted(starts.get(name, ())))
            out.stops_in.extend(sorted(stops.get(name, ())))
        yield out


def script(host: Host, path: str, entry: Entry) -> InitScript:
    """Return what a script says, from memory where it is as it was.

    :raises UnreadableError: where it cannot be read.
    """
    kept: dict[str, tuple[object, InitScript]] = host.kept.setdefault("init_scripts", {})
    known = kept.get(path)
    if known is None or known[0] != entry[1:8]:
        content = host.read_bytes(path) or b""
        text = content[: 1 << 16].decode("utf-8", "replace")
        found = build(entry[0], text, "openrc-run" in text.partition("\n")[0] or "runscript" in text.partition("\n")[0])
        found.path = bounded(path, 500)
        if entry[1] & stat.S_IROTH:
            found.digest = sha256(content).hexdigest()
        known = kept[path] = (entry[1:8], found)
    out = InitScript()
    out.CopyFrom(known[1])
    return out


def supervised(host: Host) -> Iterable[InitScript]:
    """Yield the services that runit starts."""
    seen: set[str] = set()
    for folder in _RUNIT:
        for entry in host.entries(folder):
            path = f"{folder}/{entry.name}"
            if entry.name in seen or entry.name[0] == "." or not host.exists(f"{path}/run"):
                continue
            seen.add(entry.name)
            out = InitScript(system="runit", name=bounded(entry.name), path=bounded(host.link(path) or path, 500))
            if not host.exists(f"{path}/down"):
                out.starts_in.append(folder)
            found = host.stat(f"{path}/run")
            if found is not None and found.st_mode & stat.S_IROTH:
                out.digest = sha256(host.read_bytes(f"{path}/run") or b"").hexdigest()
            yield out


def collect(host: Host) -> Reading:
    """Read the scripts, their links, and runit's folders."""
    reading = Reading()
    found = {(out.system, out.name): out for out in [*scripts(host, reading), *supervised(host)]}
    collapse(reading.unreadable, "services.init_scripts")
    try:
        packages = ownership.owners(host, [out.path for out in found.values() if out.path])
    except UnreadableError as error:
        reading.unreadable["services.init_scripts[*].package"] = str(error)
        packages = {}
    for key in sorted(found):
        found[key].package = packages.get(found[key].path, "")
        reading.facts.services.init_scripts.append(found[key])
    reading.raw = raw_of
    return reading


def raw_of(facts: Facts) -> dict[str, bytes]:
    """Return the digest of each script with the names of the links to it, by path."""
    return {
        keyed("services.init_scripts", one.system, one.name): raw.mark(
            one.digest.encode(), *map(str.encode, (*one.starts_in, "", *one.stops_in))
        )
        for one in facts.services.init_scripts
    }


TOPIC = Topic(
    revision=1,
    fills=("services.init_scripts",),
    collect=collect,
    applies=lambda host: any(host.exists(path) for path in (_SCRIPTS, *_RUNIT)),
    watches=(
        _SCRIPTS,
        *(_LINKS[0].format(level) for level in _LEVELS),
        "/etc/rc.d",
        _OPENRC,
        *_RUNIT[:3],
        ownership.FOLDER,
    ),
)
