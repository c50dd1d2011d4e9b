"""systemd timers: when what runs. Source: systemd.timer(5); systemctl list-timers where systemd runs.

systemd is asked again only when a timer was due since, or its units changed.
"""

import time
from dataclasses import dataclass

from driftline.paths import keyed
from driftline_agent import raw, units
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.outputs.list_timers import Runs, parse_json
from driftline_agent.topic import Reading, Topic
from driftline_agent.topics.units import generated_at
from driftline_agent.unit_settings import Sections, parse_unit, timer_of

_COMMAND = ("systemctl", "list-timers", "--all", "--no-pager", "--output=json")
#: A run ends, and the next one is known, some time after it was due.
_LATER_S = 60
_MOST_S = 6 * 3600
#: Larger files are cut; topic units says that they cannot be read.
_MAX_TEXT = 1 << 20


@dataclass(slots=True)
class _Kept:
    version: object = None
    until: float = 0.0
    runs: Runs | None = None


def runs_of(host: Host, version: object) -> Runs:
    """Return last and next run by timer; none where systemd does not run.

    :param version: of the units.
    :raises UnreadableError: where systemctl fails.
    """
    if not host.exists("/run/systemd/system"):
        return {}
    kept: _Kept = host.kept.setdefault("timers", _Kept())
    now = time.time()
    if kept.runs is None or kept.version != version or not kept.until - _MOST_S < now < kept.until:
        kept.runs = parse_json(host.run(*_COMMAND) or "")
        kept.version = version
        coming = [after for _, after in kept.runs.values() if after is not None and after > now]
        kept.until = min([now + _MOST_S, *(after + _LATER_S for after in coming)])
    return kept.runs


def collect(host: Host) -> Reading:
    """Read the timers on the load path, and when they run."""
    reading = Reading()
    loaded = units.load(host)
    found: list[str] = []
    inputs: dict[str, list[bytes]] = {}
    reading.raw = lambda _: {path: raw.mark(*said) for path, said in inputs.items()}
    timers = reading.facts.services.timers
    for name in sorted(name for name in loaded.folder if name.endswith(".timer")):
        if loaded.links.get(name) == "/dev/null" or units.enablement(loaded, name, {}, empty=False) == "alias":
            continue
        said: list[bytes] = []
        try:
            sections: Sections = {}
            for file in (f"{loaded.folder[name]}/{name}", *units.drop_ins_of(loaded, name)):
                text = (host.read(file) or "")[:_MAX_TEXT]
                found.append(text)
                said.append(text.encode())
                sections = parse_unit(text, sections)
        except UnreadableError as error:
            reading.unreadable["services.timers"] = str(error)
            continue
        timers.append(timer_of(name, sections))
        inputs[keyed("services.timers", name)] = said
    try:
        runs = runs_of(host, (hash(tuple(found)), generated_at(host)))
    except UnreadableError as error:
        for attribute in ("last_run_at", "next_run_at"):
            reading.unreadable[f"services.timers[*].{attribute}"] = str(error)
        return reading
    for timer in timers:
        before, after = runs.get(timer.name, (None, None))
        if before is not None:
            timer.last_run_at = before
        if after is not None:
            timer.next_run_at = after
    return reading


TOPIC = Topic(
    revision=1,
    fills=("services.timers",),
    collect=collect,
    applies=lambda host: host.exists("/usr/lib/systemd/system") or host.exists("/lib/systemd/system"),
    watches=(
        "/etc/systemd/system",
        "/usr/lib/systemd/system",
        "/lib/systemd/system",
        "/usr/local/lib/systemd/system",
    ),
    watched_whole=True,
)
