"""systemd units: unit files read directly, active states by one systemctl call where systemd runs.

Source: systemd.unit(5), systemctl(1).
"""

import time

from driftline_agent import ownership, units
from driftline_agent.errors import BusyError, UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_STATES = ("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager")
#: systemd removes these and lets its generators write them anew at each daemon-reload.
_GENERATED = ("/run/systemd", *(folder for folder in units.LOAD_PATH if folder.startswith("/run/systemd/generator")))
#: How long after the last change they count as complete. Generators run at the same time, well under a second.
_SETTLED_S = 2.0


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


#: What is not known of a unit whose files cannot be read.
_IN_FILES = ("description", "enablement", "exec_start", "user", "drop_ins")


def collect(host: Host) -> Reading:
    """Read every unit on the load path.

    :raises BusyError: while systemd's generators are at work.
    """
    before = generated_at(host)
    if host.live and any(0 <= time.time() - changed / 1e9 < _SETTLED_S for _, changed in before):
        raise BusyError("/run/systemd/generator: written anew just now")
    reading = Reading()
    loaded = units.load(host)
    states: dict[str, tuple[str, str]] = {}
    try:
        states = active_states(host) or {}
    except UnreadableError as error:
        for name in ("active_state", "sub_state"):
            reading.unreadable[f"services.units[*].{name}"] = str(error)
    for name in sorted(loaded.folder):
        path = f"{loaded.folder[name]}/{name}"
        target = loaded.links.get(name)
        try:
            text = None if target == "/dev/null" else host.read(path)
            drop_ins = {file: host.read(file) or "" for file in units.drop_ins_of(loaded, name)}
        except UnreadableError as error:
            for field in _IN_FILES:
                reading.unreadable[f"services.units[{name}].{field}"] = str(error)
            text, drop_ins = None, {}
        unit = units.build(loaded, name, text, drop_ins)
        if f"services.units[{name}].enablement" in reading.unreadable:
            unit.ClearField("enablement")  # without the [Install] section it would be guessed
        if name in states:
            unit.active_state, unit.sub_state = states[name]
        reading.facts.services.units.append(unit)
    _add_packages(host, reading)
    if generated_at(host) != before:
        raise BusyError("/run/systemd/generator: written anew while it was read")
    return reading


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
    revision=4,
    fills=("services.units",),
    collect=collect,
    applies=lambda host: host.exists("/usr/lib/systemd/system") or host.exists("/lib/systemd/system"),
    watches=(
        "/etc/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/usr/local/lib/systemd/system",
        ownership.FOLDER,
    ),
    watched_whole=True,  # what generators write below /run follows from files in /etc
)
