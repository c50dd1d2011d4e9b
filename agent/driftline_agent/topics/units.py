"""systemd units: unit files read directly, active states by one systemctl call where systemd runs.

Source: systemd.unit(5), systemctl(1).
"""

from driftline_agent import units
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_STATES = ("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--no-pager")


def active_states(host: Host) -> dict[str, tuple[str, str]] | None:
    """Return active and sub state by unit, or None where systemd does not run.

    :raises UnreadableError: where systemctl fails or does not answer within five seconds.
    """
    if not host.live or not host.exists("/run/systemd/system"):
        return None
    import subprocess

    try:
        done = subprocess.run(_STATES, capture_output=True, text=True, timeout=5, check=True, env={"LC_ALL": "C"})
    except (OSError, subprocess.SubprocessError) as error:
        raise UnreadableError(f"systemctl list-units: {error}") from error
    return units.parse_states(done.stdout)


#: What is not known of a unit whose files cannot be read.
_IN_FILES = ("description", "enablement", "exec_start", "user", "drop_ins")


def collect(host: Host) -> Reading:
    """Read every unit on the load path."""
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
    return reading


TOPIC = Topic(
    revision=2,
    fills=("services.units",),
    collect=collect,
    applies=lambda host: host.exists("/usr/lib/systemd/system") or host.exists("/lib/systemd/system"),
    watches=("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system"),
    watched_whole=True,  # what generators write below /run follows from files in /etc
)
