"""systemd unit files: what is on the load path, how it is enabled, what it says.

Source: systemd.unit(5) (load path, drop-ins, [Install]), systemctl(1) list-unit-files (names of enablement).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from driftline.v1.facts_pb2 import Unit
from driftline_agent.host import Host
from driftline_agent.redact import redact

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


def is_unit(name: str) -> bool:
    """Tell whether a file name is a unit's."""
    stem, _, kind = name.rpartition(".")
    return bool(stem) and kind in TYPES


def load(host: Host, load_path: Iterable[str] = LOAD_PATH) -> Loaded:
    """Read the folders of the load path: names and links, no file's content."""
    out = Loaded()
    merged = host.resolve("/lib/systemd/system") == host.resolve("/usr/lib/systemd/system")
    for folder in load_path:
        if folder.startswith("/lib/") and merged:
            continue
        for entry in sorted(host.entries(folder), key=lambda entry: entry.name):
            name = entry.name
            if name.endswith(".d"):
                for file in host.names(f"{folder}/{name}"):
                    if file.endswith(".conf"):
                        out.drop_ins[name[:-2]].setdefault(file, f"{folder}/{name}/{file}")
            elif name.endswith(_LINK_FOLDERS):
                for link in host.names(f"{folder}/{name}"):
                    if is_unit(link):
                        _enable(host, out, folder, f"{folder}/{name}/{link}", link)
            elif is_unit(name):
                target = host.link(f"{folder}/{name}") if entry.is_symlink() else None
                if name not in out.folder:
                    out.folder[name] = folder
                    if target is not None:
                        out.links[name] = target
                if target is not None and target.rpartition("/")[2] != name and target != "/dev/null":
                    out.enabled[folder].add(target.rpartition("/")[2])
    return out


def _enable(host: Host, out: Loaded, folder: str, path: str, name: str) -> None:
    target = host.link(path)
    out.enabled[folder].add(name)
    if target is not None and target != "/dev/null":
        out.enabled[folder].add(target.rpartition("/")[2])


Sections = dict[tuple[str, str], list[str]]


def parse_unit(text: str, before: Sections | None = None) -> Sections:
    """Return a unit file's values by section and name; an empty value takes back those before it.

    :param before: values of the files that this one is a drop-in to.
    """
    out: Sections = {key: list(values) for key, values in (before or {}).items()}
    section = ""
    pending = ""
    for raw in text.splitlines():
        line = pending + raw.strip()
        pending = ""
        if not line or line[0] in "#;":
            continue
        if line.endswith("\\"):
            pending = line[:-1].rstrip() + " "
            continue
        if line[0] == "[" and line[-1] == "]":
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if equals:
            key = (section, name.rstrip())
            value = value.strip()
            if value:
                out.setdefault(key, []).append(value)
            else:
                out[key] = []
    return out


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
        found.update(loaded.drop_ins.get(owner, {}))
    return [found[file] for file in sorted(found)]


def build(loaded: Loaded, name: str, text: str | None, drop_ins: dict[str, str]) -> Unit:
    """Return one unit.

    :param text: its file's content; None where it has none (masked, or a dangling link).
    :param drop_ins: contents of its drop-in files by path.
    """
    own = parse_unit(text) if text else {}
    merged = own
    for drop_in in drop_ins.values():
        merged = parse_unit(drop_in, merged)
    target = loaded.links.get(name)
    state = enablement(loaded, name, own, empty=text is not None and not text.strip())
    out = Unit(name=name, enablement=state, path=f"{loaded.folder[name]}/{name}")
    if target == "/dev/null":
        return out
    description = merged.get(("Unit", "Description"))
    out.description = description[-1] if description else ""
    # Some units carry a password or a token here; that one is not reported, whatever it costs in exactness.
    out.exec_start.extend(redact(line) for line in merged.get(("Service", "ExecStart"), []))
    user = merged.get(("Service", "User"))
    out.user = user[-1] if user else ""
    out.drop_ins.extend(drop_ins)
    return out


def parse_states(text: str) -> dict[str, tuple[str, str]]:
    """Return active and sub state by unit name, of ``systemctl list-units --plain --no-legend``."""
    out: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        words = line.split(None, 4)
        if len(words) >= 4:
            out[words[0]] = (words[2], words[3])
    return out
