"""systemd units: unit files read directly, active states by one systemctl call where systemd runs.

A unit's files are read again only where one of them has another inode, size or time than before.

Source: systemd.unit(5), systemctl(1).
"""

import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from driftline.paths import keyed
from driftline.v1.facts_pb2 import Facts, Unit
from driftline_agent import ownership, raw, unit_presets, units
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.keys import collapse, pattern_of
from driftline_agent.topic import Reading, Topic
from driftline_agent.unit_settings import Sections, fill, parse_unit
from driftline_agent.units import Loaded

_STATES = ("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager")
#: systemd removes these and lets its generators write them anew at each daemon-reload.
_GENERATED = ("/run/systemd", *(folder for folder in units.LOAD_PATH if folder.startswith("/run/systemd/generator")))
#: How long after the last change they count as complete. Generators run at the same time, well under a second.
_SETTLED_S = 2.0
_SETTLED_NS = 2_000_000_000
#: Units that systemd is asked about at a time.
_MAX_ASKED = 100
#: Nobody writes a unit file of a MiB.
_MAX_BYTES = 1 << 20

#: Path, inode, size and times of a file; of one that is not there only the path.
Version = tuple[str | int, ...]


def generated_at(host: Host) -> tuple[tuple[int, int], ...]:
    """Return when the folders that generators write were last changed: inode and time, ns; of those that are there."""
    found = (host.stat(folder) for folder in _GENERATED)
    return tuple((status.st_ino, status.st_mtime_ns) for status in found if status is not None)


def active_states(host: Host) -> dict[str, tuple[str, str]] | None:
    """Return active and sub state by unit, or None where systemd does not run.

    :raises UnreadableError: where systemctl fails or does not answer within five seconds.
    """
    if not host.exists("/run/systemd/system"):
        return None
    return units.parse_states(host.run(*_STATES) or "")


@dataclass(slots=True)
class Kept:
    """What a unit's files said, in the agent's memory."""

    files: tuple[Version, ...]
    #: What follows from the files alone.
    unit: Unit
    #: Of its own file, without drop-ins; only [Install] counts.
    install: Sections
    empty: bool
    #: When one of the files was changed last, ns.
    changed: int
    #: Digest of the files' contents.
    raw: bytes


@dataclass(slots=True)
class Files:
    """The files of one unit as they are now."""

    versions: list[Version] = field(default_factory=list)
    #: Files closed to other users.
    closed: set[str] = field(default_factory=set)
    changed: int = 0

    def add(self, host: Host, path: str) -> None:
        """Look at one more."""
        found = host.stat(path)
        if found is None:
            self.versions.append((path,))
            return
        self.versions.append((path, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
        self.changed = max(self.changed, found.st_ctime_ns)
        if not found.st_mode & stat.S_IROTH:
            self.closed.add(path)


def read_files(host: Host, loaded: Loaded, name: str) -> Kept:
    """Return what a unit's files say, from memory where they are as they were.

    :raises UnreadableError: where one of them cannot be read.
    """
    kept: dict[str, Kept] = host.kept.setdefault("units", {})
    path = f"{loaded.folder[name]}/{name}"
    target = loaded.links.get(name)
    masked = target == "/dev/null"
    files = Files()
    drop_ins = [] if masked else units.drop_ins_of(loaded, name)
    for file in drop_ins if masked else (path, *drop_ins):
        files.add(host, file)
    versions = (*files.versions, (target or "",))
    known = kept.get(path)
    if known is not None and known.files == versions:
        return known
    unit = Unit(name=name, path=path)
    install: Sections = {}
    content = None if masked else host.read_bytes(path)
    contents = [(target or "").encode(), content or b""]
    if content is not None and len(content) > _MAX_BYTES:
        raise UnreadableError(f"{path}: larger than {_MAX_BYTES} bytes")
    if not masked:
        own = parse_unit((content or b"").decode("utf-8", "replace"))
        install = {key: values for key, values in own.items() if key[0] == "Install"}
        if content is not None and not _untold(path, files.closed):
            unit.digest = sha256(content).hexdigest()
        for file in drop_ins:
            said = host.read_bytes(file) or b""
            if len(said) > _MAX_BYTES:
                raise UnreadableError(f"{file}: larger than {_MAX_BYTES} bytes")
            contents += [file.encode(), said]
            own = parse_unit(said.decode("utf-8", "replace"), own)
            digest = "" if _untold(file, files.closed) else sha256(said).hexdigest()
            unit.drop_in_files.add(path=file, digest=digest)
        unit.drop_ins.extend(drop_ins)
        unit.drop_in_files.sort(key=lambda drop_in: drop_in.path)
        fill(unit, own)
    out = Kept(versions, unit, install, content is not None and not content.strip(), files.changed, raw.mark(*contents))
    if not 0 <= time.time_ns() - files.changed < _SETTLED_NS:
        kept[path] = out
    return out


def _untold(path: str, closed: set[str]) -> bool:
    """Tell whether a file's digest is not told of: it is closed to others, or a generator wrote it."""
    return path in closed or path.startswith("/run/systemd/generator")


def collect(host: Host) -> Reading:
    """Read every unit on the load path.

    :raises BusyError: while systemd's generators are at work.
    """
    before = generated_at(host)
    if host.live and any(0 <= time.time() - changed / 1e9 < _SETTLED_S for _, changed in before):
        raise BusyError("/run/systemd/generator: written anew just now")
    reading = Reading()
    loaded = units.load(host)
    said: dict[str, str] | None = None
    try:
        presets = unit_presets.read(host)
        kept_presets: tuple[unit_presets.Presets, dict[str, str]] = host.kept.get("units.presets", ((), {}))
        said = kept_presets[1] if kept_presets[0] == presets else {}
        host.kept["units.presets"] = (presets, said)
    except UnreadableError as error:
        reading.unreadable["services.units[*].preset"] = str(error)
    changed: dict[str, int] = {}
    marks: dict[str, bytes] = {}
    reading.raw = lambda facts: raw_of(facts, marks, loaded)
    for name in sorted(loaded.folder):
        unit = reading.facts.services.units.add()
        try:
            kept = read_files(host, loaded, name)
        except UnreadableError as error:
            reading.unreadable[pattern_of("services.units", name)] = str(error)
            unit.name, unit.path = name, f"{loaded.folder[name]}/{name}"
        else:
            unit.CopyFrom(kept.unit)
            unit.enablement = units.enablement(loaded, name, kept.install, kept.empty)
            if said is not None and unit_presets.means_something(unit.enablement):
                if name not in said:
                    said[name] = unit_presets.preset_of(presets, name)
                unit.preset = said[name]
            changed[name] = kept.changed
            # Of links only the names count, and which presets there are is a matter of files.
            marks[name] = kept.raw
        if name in loaded.wanted_by:
            unit.wanted_by.extend(sorted(loaded.wanted_by[name]))
        if name in loaded.instances:
            unit.instances.extend(sorted(loaded.instances[name]))
    collapse(reading.unreadable, "services.units")
    _add_states(host, reading, changed)
    _add_packages(host, reading)
    if generated_at(host) != before:
        raise BusyError("/run/systemd/generator: written anew while it was read")
    return reading


def raw_of(facts: Facts, marks: Mapping[str, bytes], loaded: Loaded) -> dict[str, bytes]:
    """Return what each unit's files and the links to it say, by path."""
    found: dict[str, bytes] = {}
    for name, content in marks.items():
        links = sorted((*loaded.wanted_by.get(name, ()), "", *loaded.instances.get(name, ())))
        found[keyed("services.units", name)] = raw.mark(content, *(link.encode() for link in links))
    return raw.complete(facts, found, b"")


def _add_states(host: Host, reading: Reading, changed: dict[str, int]) -> None:
    """Add what systemd says of the units.

    :param changed: when each unit's files were changed last, ns.
    """
    try:
        states = active_states(host)
        if states is None:
            return
        loaded_at = max((at for _, at in generated_at(host)), default=0)
        due = needs_reload(host, [name for name, at in changed.items() if name in states and at > loaded_at])
    except UnreadableError as error:
        for name in ("active_state", "sub_state", "needs_daemon_reload"):
            reading.unreadable[f"services.units[*].{name}"] = str(error)
        return
    for unit in reading.facts.services.units:
        if unit.name in states:
            unit.active_state, unit.sub_state = states[unit.name]
            unit.needs_daemon_reload = unit.name in due


def needs_reload(host: Host, names: Iterable[str]) -> set[str]:
    """Return which of some units systemd would load anew.

    :param names: those whose files were changed since it loaded any; mostly none, and then nobody is asked.
    :raises UnreadableError: where systemctl fails.
    """
    asked = [name for name in names if "@." not in name][:_MAX_ASKED]
    if not asked:
        return set()
    said = host.run("systemctl", "show", "--no-pager", "--property=Id,NeedDaemonReload", "--", *asked) or ""
    out: set[str] = set()
    for block in said.split("\n\n"):
        found = dict(line.partition("=")[::2] for line in block.splitlines())
        if found.get("NeedDaemonReload") == "yes":
            out.add(found.get("Id", ""))
    return out


def _add_packages(host: Host, reading: Reading) -> None:
    found = reading.facts.services.units
    try:
        packages = ownership.owners(host, [unit.path for unit in found if not unit.path.startswith("/run/")])
    except UnreadableError as error:
        reading.unreadable["services.units[*].package"] = str(error)
        return
    for unit in found:
        unit.package = packages.get(unit.path, "")


TOPIC = Topic(
    revision=5,
    fills=("services.units",),
    collect=collect,
    applies=lambda host: host.exists("/usr/lib/systemd/system") or host.exists("/lib/systemd/system"),
    watches=(
        "/etc/systemd",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system-preset",
        "/lib/systemd/system-preset",
        ownership.FOLDER,
    ),
    watched_whole=True,  # what generators write below /run follows from files in /etc
)
