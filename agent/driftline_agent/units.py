"""systemd unit files: what is on the load path and how it is enabled. What they say is in unit_settings.py.

Source: systemd.unit(5) (load path, drop-ins, [Install]), systemctl(1) list-unit-files (names of enablement).
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from driftline_agent.host import Host
from driftline_agent.unit_settings import Sections

#: systemd.unit(5) table 1, first wins, without /run/systemd/transient: those units come and go with every login and
#: every systemd-run, and nobody decides on them. /lib is /usr/lib on merged systems and is read only where it is not.
LOAD_PATH = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
)
TYPES = frozenset(
    ["service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "scope", "device"]
)
_RULES = frozenset({"WantedBy", "RequiredBy", "UpheldBy", "Alias"})
_LINK_FOLDERS = (".wants", ".requires", ".upholds")
#: A folder that was changed so short a time ago may be changed again without another time on it.
_SETTLED_NS = 2_000_000_000

#: A name and, where it is a symbolic link, its target.
Named = tuple[str, str | None]


@dataclass(slots=True)
class Loaded:
    """What stands on the load path."""

    #: Unit name to the folder of the load path whose file or link is in force.
    folder: dict[str, str] = field(default_factory=dict)
    #: Unit name to the target of its link, where it is one.
    links: dict[str, str] = field(default_factory=dict)
    #: Folder to the units that its links enable.
    enabled: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: Unit name (or type) to its drop-in files by file name, those in force.
    drop_ins: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    #: Unit name to the units whose start brings it.
    wanted_by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    #: Template's name to its enabled instances.
    instances: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def is_unit(name: str) -> bool:
    """Tell whether a file name is a unit's."""
    stem, _, kind = name.rpartition(".")
    return bool(stem) and kind in TYPES


def template_of(name: str) -> tuple[str, str]:
    """Return a unit's template and instance: getty@.service and tty1; or its name and nothing."""
    stem, _, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return (f"{prefix}@.{kind}", instance) if at and instance else (name, "")


def listing(host: Host, folder: str) -> list[Named]:
    """Return what stands in a folder, sorted by name; read again only where it has another time than before."""
    kept: dict[str, tuple[tuple[int, int], list[Named]]] = host.kept.setdefault("units.folders", {})
    found = host.stat(folder)
    if found is None:
        return []
    version = (found.st_ino, found.st_mtime_ns)
    known = kept.get(folder)
    if known is not None and known[0] == version:
        return known[1]
    out = [
        (entry.name, host.link(f"{folder}/{entry.name}") if entry.is_symlink() else None)
        for entry in host.entries(folder)
    ]
    out.sort()
    if not 0 <= time.time_ns() - found.st_mtime_ns < _SETTLED_NS:
        kept[folder] = (version, out)
    return out


def load(host: Host, load_path: Iterable[str] = LOAD_PATH) -> Loaded:
    """Read the folders of the load path: names and links, no file's content."""
    out = Loaded()
    merged = host.resolve("/lib/systemd/system") == host.resolve("/usr/lib/systemd/system")
    for folder in load_path:
        if folder.startswith("/lib/") and merged:
            continue
        for name, target in listing(host, folder):
            if name.endswith(".d"):
                for file, _ in listing(host, f"{folder}/{name}"):
                    if file.endswith(".conf"):
                        out.drop_ins[name[:-2]].setdefault(file, f"{folder}/{name}/{file}")
            elif name.endswith(_LINK_FOLDERS):
                for link, leads_to in listing(host, f"{folder}/{name}"):
                    if is_unit(link):
                        _enable(out, folder, name.rpartition(".")[0], link, leads_to)
            elif is_unit(name):
                if name not in out.folder:
                    out.folder[name] = folder
                    if target is not None:
                        out.links[name] = target
                if target is not None and target.rpartition("/")[2] != name and target != "/dev/null":
                    out.enabled[folder].add(target.rpartition("/")[2])
    return out


def _enable(out: Loaded, folder: str, by: str, name: str, target: str | None) -> None:
    names = {name}
    if target is not None and target != "/dev/null":
        names.add(target.rpartition("/")[2])
    out.enabled[folder].update(names)
    if folder.startswith("/run/systemd/generator"):
        return  # follows from other files, and may name a device that has another name after the next boot
    template, instance = template_of(name)
    if instance:
        out.instances[template].add(instance)
    for each in names:
        out.wanted_by[each].add(by)


def enablement(loaded: Loaded, name: str, sections: Sections, empty: bool) -> str:
    """Return what ``systemctl list-unit-files`` says of a unit.

    :param empty: the unit file has no content, which masks it.
    """
    folder = loaded.folder[name]
    target = loaded.links.get(name)
    if target == "/dev/null" or (empty and target is None):
        return "masked-runtime" if folder.startswith("/run/") else "masked"
    if folder.startswith("/run/systemd/generator"):
        return "generated"
    if target is not None and target.rpartition("/")[2] != name:
        return "alias"
    anywhere = [at for at, names in loaded.enabled.items() if name in names]
    if any(at.startswith("/etc/") for at in anywhere):
        return "enabled"
    if any(at.startswith("/run/") for at in anywhere):
        return "enabled-runtime"
    instance = "@" in name and not name.rpartition(".")[0].endswith("@")
    if anywhere and instance:
        return "static"
    if target is not None and folder.startswith(("/etc/", "/run/")):
        return "linked" if folder.startswith("/etc/") else "linked-runtime"
    if anywhere and not any(at.startswith(("/usr/", "/lib/")) for at in anywhere):
        return "enabled"
    if any(section == "Install" and key in _RULES and values for (section, key), values in sections.items()):
        return "disabled"
    return "indirect" if sections.get(("Install", "Also")) else "static"


def drop_ins_of(loaded: Loaded, name: str) -> list[str]:
    """Return the drop-in files in force for a unit, in the order they apply (by file name)."""
    stem, _, kind = name.rpartition(".")
    owners = [kind]
    parts = stem.split("-")
    owners += [f"{'-'.join(parts[:count])}-.{kind}" for count in range(1, len(parts))]
    if "@" in stem and not stem.endswith("@"):
        owners.append(f"{stem.partition('@')[0]}@.{kind}")
    owners.append(name)
    found: dict[str, str] = {}
    for owner in owners:
        if owner in loaded.drop_ins:
            found.update(loaded.drop_ins[owner])
    return [found[file] for file in sorted(found)]


def parse_states(text: str) -> dict[str, tuple[str, str]]:
    """Return active and sub state by unit name, of ``systemctl list-units --plain --no-legend``."""
    out: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        words = line.split(None, 4)
        if len(words) >= 4:
            out[words[0]] = (words[2], words[3])
    return out
