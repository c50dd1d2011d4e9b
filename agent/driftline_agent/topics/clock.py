"""Who keeps the clock, from which sources, and whether it follows them now.

Source: chrony.conf(5), ntp.conf(5), ntpd.conf(5), timesyncd.conf(5), hwclock(8). The kernel's own answer, adjtimex(2),
is in no file, so the program that keeps the time is asked, at most every ten minutes.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from driftline.v1.facts_pb2 import TimeSource
from driftline_agent import dropins
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

#: Units and services to the program that they are; the first that is started at boot counts.
_CLIENTS = {
    "chrony.service": "chrony",
    "chronyd.service": "chrony",
    "ntpsec.service": "ntpsec",
    "ntp.service": "ntpd",
    "ntpd.service": "ntpd",
    "openntpd.service": "openntpd",
    "systemd-timesyncd.service": "timesyncd",
}
_SERVICES = {
    "chrony": "chrony",
    "chronyd": "chrony",
    "ntpsec": "ntpsec",
    "ntp": "ntpd",
    "ntpd": "ntpd",
    "openntpd": "openntpd",
}
#: Configuration of each, the first that is there counts.
_FILES = {
    "chrony": ("/etc/chrony/chrony.conf", "/etc/chrony.conf"),
    "ntpd": ("/etc/ntp.conf", "/etc/ntp/ntp.conf"),
    "ntpsec": ("/etc/ntpsec/ntp.conf", "/etc/ntp.conf"),
    "openntpd": ("/etc/openntpd/ntpd.conf", "/etc/ntpd.conf"),
}
_KINDS = {"server", "pool", "peer", "broadcast", "refclock", "servers", "sensor", "constraint"}
_NAMED = {"servers": "pool", "refclock": "reference clock", "constraint": ""}
_SYNCHRONIZED = "/run/systemd/timesync/synchronized"
EVERY_S = 600.0
_MAX_FILES, _MAX_SOURCES = 50, 500


@dataclass(slots=True)
class _Kept:
    at: float = 0.0
    client: str = ""
    synchronized: bool | None = None
    reason: str = ""


def client_of(host: Host) -> str:
    """Return the program that keeps the time, by what is started at boot; "" where there is none."""
    targets = {unit for pair in dropins.wanted(host).items() for unit in pair}
    for unit, client in _CLIENTS.items():
        if unit in targets:
            return client
    services = dropins.started(host)
    return next((client for name, client in _SERVICES.items() if name in services), "")


def parse_sources(text: str) -> Iterator[TimeSource]:
    """Yield what a configuration of chrony, ntpd or openntpd names; addresses of ntpd's clocks are 127.127.t.u."""
    for line in dropins.lines(text, "#!%;"):
        words = line.partition(" #")[0].split()
        if len(words) < 2 or words[0].lower() not in _KINDS:
            continue
        kind = _NAMED.get(words[0].lower(), words[0].lower())
        rest = [word for word in words[1:] if word not in ("-4", "-6")]
        if not kind or not rest:
            continue
        if kind == "reference clock" and len(rest) > 1:
            rest = [f"{rest[0]} {rest[1]}", *rest[2:]]
        if rest[0].startswith("127.127."):
            kind = "reference clock"
        yield TimeSource(address=rest[0], kind=kind, options=" ".join(rest[1:]))


def parse_timesyncd(texts: list[str]) -> Iterator[TimeSource]:
    """Yield what the configuration of systemd-timesyncd names, drop-ins after the file itself."""
    found = dropins.sections(texts, "Time")
    for name, kind in (("NTP", "server"), ("Servers", "server"), ("FallbackNTP", "fallback")):
        for value in found.get(name, []):
            for address in value.split():
                yield TimeSource(address=address, kind=kind)


def _included(host: Host, text: str) -> Iterator[str]:
    """Yield the texts that a configuration of chrony or ntpd includes, one level deep."""
    paths: list[str] = []
    for line in dropins.lines(text, "#!%;"):
        words = line.split()
        if len(words) < 2:
            continue
        if words[0] in ("confdir", "sourcedir"):
            end = ".conf" if words[0] == "confdir" else ".sources"
            # What DHCP clients write below /run changes with the lease.
            folders = [folder for folder in words[1:] if not folder.startswith("/run/")]
            paths += [f"{folder}/{name}" for folder in folders for name in host.names(folder) if name.endswith(end)]
        elif words[0] in ("include", "includefile") and "/" in words[1]:
            folder, _, pattern = words[1].rpartition("/")
            start, star, end = pattern.partition("*")
            names = host.names(folder) if star else [pattern]
            paths += [
                f"{folder}/{name}" for name in names if not star or (name.startswith(start) and name.endswith(end))
            ]
    for path in paths[:_MAX_FILES]:
        yield host.read(path) or ""


def sources_of(host: Host, client: str) -> list[TimeSource]:
    """Return the sources that the configuration names, sorted; of two with one name the later counts."""
    found: dict[tuple[str, str], TimeSource] = {}
    if client == "timesyncd":
        base = "/systemd/timesyncd.conf"
        main = next((text for prefix in dropins.PREFIXES if (text := host.read(prefix + base)) is not None), "")
        texts = [main, *(host.read(path) or "" for path in dropins.files(host, "systemd/timesyncd.conf.d"))]
        sources = parse_timesyncd(texts)
    else:
        text = next((text for path in _FILES.get(client, ()) if (text := host.read(path)) is not None), "")
        sources = (source for one in (text, *_included(host, text)) for source in parse_sources(one))
    for source in sources:
        found[source.address, source.kind] = source
    return [found[key] for key in sorted(found)][:_MAX_SOURCES]


def parse_tracking(text: str) -> bool | None:
    """Return whether chrony follows a source, from ``chronyc -c tracking``: its last field is the leap status."""
    fields = text.strip().split(",")
    return fields[-1] != "Not synchronised" if len(fields) > 10 else None


def parse_variables(text: str) -> bool | None:
    """Return whether ntpd follows a source, from ``ntpq -c rv``: its first line names the synchronisation."""
    return None if "leap_" not in text else "leap_alarm" not in text and "sync_unspec" not in text


def parse_ntpctl(text: str) -> bool | None:
    """Return whether openntpd has set the clock, from ``ntpctl -s status``."""
    return None if "clock" not in text else "clock synced" in text


_QUESTIONS = {
    "chrony": (("chronyc", "-c", "tracking"), parse_tracking),
    "ntpd": (("ntpq", "-c", "rv"), parse_variables),
    "ntpsec": (("ntpq", "-c", "rv"), parse_variables),
    "openntpd": (("ntpctl", "-s", "status"), parse_ntpctl),
}


def _ask_now_and_then(host: Host, client: str) -> _Kept:
    kept: _Kept = host.kept.setdefault("clock", _Kept())
    now = time.monotonic()
    if kept.at and kept.client == client and now - kept.at < EVERY_S:
        return kept
    kept.at, kept.client, kept.synchronized, kept.reason = now, client, None, ""
    command, parse = _QUESTIONS[client]
    try:
        said = host.run(*command)
        kept.synchronized = None if said is None else parse(said)
    except UnreadableError as error:
        kept.reason = str(error)
    return kept


def parse_adjtime(text: str) -> bool | None:
    """Return whether the hardware clock has the local time: the third line of /etc/adjtime."""
    words = text.splitlines()[2:3]
    return {"LOCAL": True, "UTC": False}.get(words[0].strip()) if words else None


def collect(host: Host) -> Reading:
    """Read who keeps the clock, its configuration, and what it says."""
    reading = Reading()
    clock = reading.facts.os.clock
    clock.client = client_of(host)
    clock.sources.extend(sources_of(host, clock.client))
    local = parse_adjtime(host.read("/etc/adjtime") or "")
    if local is not None:
        clock.rtc_in_local_time = local
    if clock.client == "timesyncd":
        clock.synchronized = host.exists(_SYNCHRONIZED)
    elif clock.client:
        kept = _ask_now_and_then(host, clock.client)
        if kept.reason:
            reading.unreadable["os.clock.synchronized"] = kept.reason
        elif kept.synchronized is not None:
            clock.synchronized = kept.synchronized
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.clock",),
    collect=collect,
    of_files=True,
    watches=(
        "/etc/adjtime",
        "/etc/chrony",
        "/etc/chrony.conf",
        "/etc/ntp.conf",
        "/etc/ntp",
        "/etc/ntpsec",
        "/etc/ntpd.conf",
        "/etc/openntpd",
        "/etc/systemd/timesyncd.conf",
        "/etc/systemd/timesyncd.conf.d",
        "/etc/systemd/system",
        "/run/systemd/timesync",
    ),
)
