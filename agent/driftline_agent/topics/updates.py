"""Updates that wait: packages of which the repositories have a newer version.

Source: ``apt-get -s upgrade``, pacman(8), apk(8), /var/lib/update-notifier/updates-available.

What apt knows lies in lists of some 50 MB, and to compute this takes it 0.5 to 4 s of CPU. So it is asked in the
background, only by an agent that runs on, and only when its lists or what is installed have changed since; an inventory
tells what is known then. The package manager needs no right for it and changes nothing.
"""

import re
import threading
from dataclasses import dataclass, field

from driftline import late
from driftline.v1.facts_pb2 import PendingUpdate, Updates
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.topic import Reading, Topic

_NOTE = "/var/lib/update-notifier/updates-available"
_APT = ("apt-get", "-s", "-q", "-o", "Debug::NoLocking=true", "upgrade", "--with-new-pkgs")
_PACMAN, _APK = ("pacman", "-Qu"), ("apk", "version", "-v", "-l", "<")
_INSTALL = late.pattern(
    r"Inst (?P<name>\S+)(?: \[(?P<old>[^\]]*)\])?"
    r" \((?P<version>\S+) (?P<origin>.*?)(?: \[(?P<architecture>[\w-]+)\])?\)"
)
_COUNT = late.pattern(r"(\d+) (?:\w+ )?(?:updates?|packages?) can be (?:applied|installed|updated)", re.IGNORECASE)
_SECURITY = late.pattern(
    r"(\d+) of these updates (?:is a|are) (?:standard )?security updates?|(\d+) updates? (?:is a|are) security",
    re.IGNORECASE,
)
_SECURE = late.pattern(r"security", re.IGNORECASE)
_MAX, _TIMEOUT_S = 10_000, 120.0
#: By what each manager's answer gets stale, and the mark that it is there.
_SOURCES = {
    _APT: ("/var/lib/apt/lists", "/var/lib/dpkg/status", "/etc/apt/preferences", "/etc/apt/preferences.d"),
    _PACMAN: ("/var/lib/pacman/sync", "/var/lib/pacman/local"),
    _APK: ("/var/cache/apk", "/lib/apk/db/installed"),
}


def parse_apt(text: str) -> Updates:
    """Return what ``apt-get -s upgrade`` would install."""
    found: dict[tuple[str, str], PendingUpdate] = {}
    for line in text.splitlines():
        match = _INSTALL.match(line)
        if match is None or match["old"] is None:  # a new package that an update needs is none itself
            continue
        architecture, origin = match["architecture"] or "", match["origin"].strip()
        update = PendingUpdate(
            name=match["name"].partition(":")[0],
            architecture=architecture,
            version=match["version"],
            origin=origin.partition(", ")[0],
        )
        if _SECURE.search(origin):
            update.security = True
        found[update.name, architecture] = update
    packages = [found[key] for key in sorted(found)][:_MAX]
    return Updates(available=len(packages), security=sum(one.security for one in packages), packages=packages)


def parse_pacman(text: str) -> Updates:
    """Return what ``pacman -Qu`` prints: ``openssl 3.2.0-1 -> 3.2.1-1``, with [ignored] where it is held."""
    found = {words[0]: words[3] for line in text.splitlines() if len(words := line.split()) == 4 and words[2] == "->"}
    packages = [PendingUpdate(name=name, version=found[name]) for name in sorted(found)][:_MAX]
    return Updates(available=len(packages), packages=packages)


def parse_apk(text: str) -> Updates:
    """Return what ``apk version -v -l '<'`` prints: ``musl-1.2.4-r2 < 1.2.4_git20230717-r4``."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = re.match(r"(\S+)-\d[^-\s]*-r\d+\s+<\s+(\S+)", line)
        if match:
            found[match[1]] = match[2]
    packages = [PendingUpdate(name=name, version=found[name]) for name in sorted(found)][:_MAX]
    return Updates(available=len(packages), packages=packages)


def parse_note(text: str) -> Updates | None:
    """Return what update-notifier wrote for people: ``12 updates can be applied immediately.``; None where nothing."""
    count, security = _COUNT.search(text[:5000]), _SECURITY.search(text[:5000])
    if count is None:
        return None
    out = Updates(available=min(int(count[1]), 1 << 30))
    out.security = min(int(security[1] or security[2]), 1 << 30) if security else 0
    return out


_PARSERS = {_APT: parse_apt, _PACMAN: parse_pacman, _APK: parse_apk}


@dataclass(slots=True)
class _Kept:
    readings: int = 0
    asked: tuple[int, ...] = ()
    known: Updates | None = None
    reason: str = ""
    asking: bool = False
    #: Grows with each answer.
    answers: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def _ask(host: Host, kept: _Kept, command: tuple[str, ...]) -> None:
    known: Updates | None = None
    try:
        said = host.run(*command, timeout=_TIMEOUT_S)
        known, reason = None if said is None else _PARSERS[command](said), ""
    except UnreadableError as error:
        reason = str(error)
    with kept.lock:
        kept.known, kept.reason, kept.asking = known, reason, False
        kept.answers += 1


def _times(host: Host, paths: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(found.st_mtime_ns if (found := host.stat(path)) is not None else 0 for path in paths)


def _known(host: Host, command: tuple[str, ...]) -> tuple[Updates | None, str]:
    """Return what is known now; see to it that the next reading knows more."""
    kept: _Kept = host.kept.setdefault("updates", _Kept())
    kept.readings += 1
    times = _times(host, _SOURCES[command])
    with kept.lock:
        wanted = kept.asked != times and not kept.asking and (kept.readings > 1 or not host.live)
        if wanted:
            kept.asked, kept.asking = times, True
    if wanted and host.live:
        threading.Thread(target=_ask, args=(host, kept, command), name="updates", daemon=True).start()
    elif wanted:
        _ask(host, kept, command)
    with kept.lock:
        if kept.known is None and not kept.reason:
            return None, f"{command[0]}: asked in the background, from the second inventory on"
        return kept.known, kept.reason


def tell(host: Host) -> int:
    """Return how often the package manager has answered."""
    kept: _Kept | None = host.kept.get("updates")
    return kept.answers if kept is not None else 0


def manager(host: Host) -> tuple[str, ...] | None:
    """Return the question to the package manager that is there; None where it is none that is asked."""
    return next((command for command, paths in _SOURCES.items() if host.exists(paths[1])), None)


def collect(host: Host) -> Reading:
    """Read update-notifier's file, and what the package manager said last."""
    reading = Reading()
    command = manager(host)
    note = parse_note(host.read(_NOTE) or "")
    known, reason = (None, "") if command is None else _known(host, command)
    if known is not None:
        reading.facts.os.updates.CopyFrom(known)
    elif note is not None:
        reading.facts.os.updates.CopyFrom(note)
        reading.unreadable["os.updates.packages"] = reason
    elif reason:
        reading.unreadable["os.updates"] = reason
    return reading


TOPIC = Topic(
    revision=1,
    fills=("os.updates",),
    collect=collect,
    applies=lambda host: manager(host) is not None or host.exists(_NOTE),
    watches=(_NOTE,),
    tell=tell,
)
