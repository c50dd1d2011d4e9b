"""Facts that this host's administrator adds: files and programs in folders of root's. Off unless configured.

The habits of facter (/etc/facter/facts.d: .txt, .json, .yaml, programs) and of Ansible (/etc/ansible/facts.d: .fact)
are understood. Only what root owns, nobody else can write, and is no link, is read or run. Programs run as the agent's
own user, one after the other, each for some seconds at most, and at most every ten minutes.
"""

import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from driftline.v1.facts_pb2 import CustomFact, CustomState
from driftline_agent import customfacts
from driftline_agent.customfacts import MAX_FACTS, CustomError, Value
from driftline_agent.errors import UnreadableError
from driftline_agent.host import Host
from driftline_agent.reader.listing import Entry
from driftline_agent.topic import Reading, Topic

_FORMATS: dict[str, Callable[[str], Any]] = {
    ".json": customfacts.from_json,
    ".txt": customfacts.from_lines,
    ".yaml": customfacts.from_yaml,
    ".yml": customfacts.from_yaml,
}
_STATE = ".state"
_MAX_BYTES, _MAX_FILES = 256 << 10, 100
#: Seconds that one program, and all of them, may take; seconds after which they are run again.
_TIMEOUT_S, _ALL_S, EVERY_S = 5.0, 20.0, 600.0
#: Names of copies that editors and package managers leave.
_COPIES = ("~", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".dpkg-bak", ".rpmnew", ".rpmsave", ".bak", ".swp")


@dataclass(slots=True)
class _Run:
    entry: Entry
    at: float
    said: str


@dataclass(slots=True)
class _Kept:
    runs: dict[str, _Run] = field(default_factory=dict)


def untrusted(path: str, entry: Entry | None, folder: bool) -> str | None:
    """Return why something is not used, None where it is: root owns it, nobody else can write it, it is no link."""
    if entry is None:
        return f"{path}: not there"
    mode, user = entry[1], entry[2]
    if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
        return f"{path}: no {'folder' if folder else 'plain file'}; links are not followed"
    if user != 0:
        return f"{path}: owned by user {user}; it must be owned by root"
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path}: others than root can write it; chmod go-w"
    return None


def _folder_untrusted(host: Host, folder: str) -> str | None:
    parts = folder.strip("/").split("/")
    for count in range(1, len(parts) + 1):
        path = "/" + "/".join(parts[:count])
        why = untrusted(path, host.entry(path), folder=True)
        if why:
            return why
    return None


def _text(host: Host, path: str, entry: Entry) -> str:
    if entry[5] > _MAX_BYTES:
        raise CustomError(f"{path}: larger than {_MAX_BYTES} bytes")
    return host.read(path) or ""


def _run(host: Host, path: str, entry: Entry, end: float, kept: _Kept, after: dict[str, _Run]) -> str:
    """Return what a program prints, or printed some minutes ago where it is still the same program."""
    known = kept.runs.get(path)
    now = time.monotonic()
    if known is not None and known.entry == entry and now - known.at < EVERY_S:
        after[path] = known
        return known.said
    if not host.live:
        return host.read(f"/.commands/{path.replace('/', '_')}") or ""
    if now > end:
        raise CustomError(f"{path}: not run, those before it took all of {_ALL_S:g} s")
    from driftline_agent import programs

    said = programs.run_bounded(host.real(path), timeout=_TIMEOUT_S, most=_MAX_BYTES)
    after[path] = _Run(entry, now, said)
    return said


def _values(host: Host, path: str, entry: Entry, end: float, kept: _Kept, after: dict[str, _Run]) -> dict[str, Value]:
    """Return the facts of one file; a file of an unknown kind has none."""
    name = path.rpartition("/")[2]
    stem, dot, kind = name.rpartition(".")
    if entry[1] & stat.S_IXUSR:
        said: Any = customfacts.from_output(_run(host, path, entry, end, kept, after))
    elif dot + kind in _FORMATS:
        said = _FORMATS[dot + kind](_text(host, path, entry))
    elif kind == "fact":
        text = _text(host, path, entry)
        said = customfacts.from_json(text) if text.lstrip()[:1] == "{" else customfacts.from_ini(text)
    else:
        return {}
    if kind == "fact":
        said = {(stem or name).removesuffix(_STATE): said}
    if not isinstance(said, dict):
        raise CustomError("no names; the outermost must be a mapping")
    return dict(customfacts.flatten(said))


def _fill(message: CustomFact | CustomState, value: Value) -> None:
    if isinstance(value, bool):
        message.truth = value
    elif isinstance(value, int):
        message.number = value
    elif isinstance(value, float):
        message.decimal = repr(value)
    else:
        message.text = value


def collect(host: Host) -> Reading:
    """Read every file and run every program of the folders; what cannot be used is said and leaves the rest alone."""
    kept: _Kept = host.kept.setdefault("custom", _Kept())
    after: dict[str, _Run] = {}
    end = time.monotonic() + _ALL_S
    reasons: list[str] = []
    facts: dict[str, CustomFact] = {}
    states: dict[str, CustomState] = {}
    for folder in host.choices.custom_folders:
        folder = folder.rstrip("/")  # the same folder
        if not host.exists(folder):
            continue
        why = _folder_untrusted(host, folder)
        if why:
            reasons.append(why)
            continue
        entries, _ = host.folder(folder)
        for entry in entries[:_MAX_FILES]:
            path = f"{folder}/{entry[0]}"
            if entry[0].startswith(".") or entry[0].endswith(_COPIES) or stat.S_ISDIR(entry[1]):
                continue
            why = untrusted(path, entry, folder=False)
            if why:
                reasons.append(why)
                continue
            try:
                values = _values(host, path, entry, end, kept, after)
            except (CustomError, UnreadableError) as error:
                reasons.append(str(error) if path in str(error) else f"{path}: {error}")
                continue
            _add(path, values, facts, states, reasons)
        if len(entries) > _MAX_FILES:
            reasons.append(f"{folder}: more than {_MAX_FILES} files")
    kept.runs = after
    reading = Reading()
    custom = reading.facts.custom
    custom.facts.extend(facts[name] for name in sorted(facts))
    custom.states.extend(states[name] for name in sorted(states))
    if reasons:
        for path in ("custom.facts", "custom.states"):
            reading.unreadable[path] = "; ".join(reasons)
    return reading


def _add(
    path: str,
    values: dict[str, Value],
    facts: dict[str, CustomFact],
    states: dict[str, CustomState],
    reasons: list[str],
) -> None:
    """Take in one file's facts; the first file that has a name keeps it."""
    name = path.rpartition("/")[2]
    is_state = name.endswith(_STATE) or name.rpartition(".")[0].endswith(_STATE)
    for fact, value in values.items():
        if fact in facts or fact in states:
            other = facts[fact].source if fact in facts else states[fact].source
            reasons.append(f'{path}: "{fact}" stands in {other} too')
        elif len(facts) + len(states) >= MAX_FACTS:
            reasons.append(f"{path}: more than {MAX_FACTS} facts; the rest is left out")
            return
        elif is_state:
            states[fact] = CustomState(name=fact, source=path)
            _fill(states[fact], value)
        else:
            facts[fact] = CustomFact(name=fact, source=path)
            _fill(facts[fact], value)


TOPIC = Topic(
    revision=1,
    fills=("custom.facts", "custom.states"),
    collect=collect,
    applies=lambda host: bool(host.choices.custom_folders),
    watches_of=lambda host: host.choices.custom_folders,
)
