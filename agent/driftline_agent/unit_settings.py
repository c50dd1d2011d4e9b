"""What systemd's unit files say: syntax, drop-ins, and the settings that have a name among the facts.

Source: systemd.syntax(7), systemd.unit(5), systemd.service(5), systemd.exec(5), systemd.socket(5), systemd.timer(5).
"""

from driftline.v1.facts_pb2 import Timer, Unit
from driftline_agent.redact import redact

#: Values by section and name.
Sections = dict[tuple[str, str], list[str]]

#: Settings of one section of which an empty one takes back all of its kind.
_KINDS = {
    "Socket": ("Listen",),
    "Timer": ("OnCalendar", "OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec"),
}
_SCHEDULES = (*_KINDS["Timer"], "OnClockChange", "OnTimezoneChange")
_COMMANDS = {
    "exec_start": "ExecStart",
    "exec_start_pre": "ExecStartPre",
    "exec_start_post": "ExecStartPost",
    "exec_stop": "ExecStop",
    "exec_stop_post": "ExecStopPost",
    "exec_reload": "ExecReload",
}
_TEXTS = {
    "type": "Type",
    "restart": "Restart",
    "user": "User",
    "group": "Group",
    "working_directory": "WorkingDirectory",
}
_LISTS = {
    "environment_files": "EnvironmentFile",
    "capability_bounding_set": "CapabilityBoundingSet",
    "ambient_capabilities": "AmbientCapabilities",
}
_FLAGS = {"dynamic_user": "DynamicUser", "no_new_privileges": "NoNewPrivileges"}
#: Sections that start programs, after systemd.exec(5).
_STARTERS = {"service": "Service", "socket": "Socket", "mount": "Mount", "swap": "Swap"}
_TRUE, _FALSE = frozenset({"1", "yes", "y", "true", "t", "on"}), frozenset({"0", "no", "n", "false", "f", "off"})


def parse_unit(text: str, before: Sections | None = None) -> Sections:
    """Return a unit file's values by section and name; an empty value takes back those before it.

    :param before: values of the files that this one is a drop-in to.
    """
    out: Sections = {key: list(values) for key, values in (before or {}).items()}
    section = ""
    pending = ""
    for raw in text.splitlines():
        line = pending + raw.strip()
        if pending and raw.lstrip()[:1] in ("#", ";"):
            continue  # a comment between the parts of a continued line
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
            name, value = name.rstrip(), value.strip()
            if value:
                out.setdefault((section, name), []).append(value)
            elif name.startswith(_KINDS.get(section, ())):
                for key in [key for key in out if key[0] == section and key[1].startswith(_KINDS[section])]:
                    out[key] = []
            else:
                out[section, name] = []
    return out


def parse_flag(values: list[str] | None) -> bool | None:
    """Return the boolean that the last of some values is; None where there is none, or it is no boolean."""
    word = values[-1].lower() if values else ""
    return True if word in _TRUE else False if word in _FALSE else None


def last(sections: Sections, section: str, name: str) -> str:
    """Return the value that counts of a setting that has one; empty where it is not set."""
    values = sections.get((section, name))
    return values[-1] if values else ""


def fill(out: Unit, sections: Sections) -> None:
    """Put what a unit says into its facts.

    :param sections: of its file and its drop-ins, merged.
    """
    out.description = last(sections, "Unit", "Description")
    kind = out.name.rpartition(".")[2]
    starter = _STARTERS.get(kind, "Service")
    for field, name in _COMMANDS.items():
        # Some units carry a password or a token here; that one is not reported, whatever it costs in exactness.
        getattr(out, field).extend(redact(line) for line in sections.get((starter, name), ()))
    for field, name in _TEXTS.items():
        setattr(out, field, last(sections, starter, name))
    for field, name in _LISTS.items():
        getattr(out, field).extend(sections.get((starter, name), ()))
    for field, name in _FLAGS.items():
        flag = parse_flag(sections.get((starter, name)))
        if flag is not None:
            setattr(out, field, flag)
    out.root = last(sections, starter, "RootDirectory") or last(sections, starter, "RootImage")
    if kind == "socket":
        listens = {
            f"{name} {value}"
            for (section, name), values in sections.items()
            if section == "Socket" and name.startswith("Listen")
            for value in values
        }
        out.listen.extend(sorted(listens))
    out.activates = last(sections, kind.capitalize(), "Unit") or last(sections, "Socket", "Service")


def timer_of(name: str, sections: Sections) -> Timer:
    """Return a timer's facts, without its runs."""
    said = sections.get
    out = Timer(name=name, activates=last(sections, "Timer", "Unit") or f"{name.removesuffix('.timer')}.service")
    out.schedules.extend(sorted({f"{key}={value}" for key in _SCHEDULES for value in said(("Timer", key), ())}))
    out.randomized_delay = last(sections, "Timer", "RandomizedDelaySec")
    out.accuracy = last(sections, "Timer", "AccuracySec")
    for field, key in (("persistent", "Persistent"), ("wakes", "WakeSystem")):
        flag = parse_flag(said(("Timer", key)))
        if flag is not None:
            setattr(out, field, flag)
    return out
