"""Snaps in the output of ``snap list`` or ``snap info``."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique
from driftline_agent.packages.texts import size_of
from driftline_agent.packages.times import seconds_of
from driftline_agent.topics.snap import full_channel

#: A verified publisher is marked; so is a starred one. Without a terminal that takes Unicode, by * and **.
_MARKS = "*\N{CHECK MARK}\N{HEAVY CHECK MARK}✪"
_NAME = late.pattern(r"[a-z0-9][a-z0-9-]*(?:_[a-z0-9]+)?")
_INSTALLED = late.pattern(r"(\S+)\s+(?:\(([^)]+)\)\s+)?(\S+)?\s*(.*)")
_CONFINED = ("classic", "devmode", "jailmode")
_FIELD = late.pattern(r"^([a-z-]+):[ \t]*(.*)$", re.MULTILINE)


def _publisher(text: str) -> str:
    text = text.strip().rstrip(_MARKS).strip()
    return "" if text.strip("-\N{EN DASH}") == "" else text


def _confinement(notes: str) -> str:
    words = re.split(r"[,\s]+", notes)
    return next((word for word in _CONFINED if word in words), "")


def _of_list(line: str) -> Package | None:
    columns = line.split()
    # Before 2.34 there was no column for the channel.
    if len(columns) < 5 or not _NAME.fullmatch(columns[0]) or not re.fullmatch(r"x?\d+", columns[2]):
        return None
    notes = columns[-1]
    if "disabled" in notes.split(","):
        return None
    tracking = columns[3] if len(columns) > 5 else ""
    return Package(
        manager="snap",
        name=columns[0],
        version=columns[1],
        revision=columns[2],
        channel="" if tracking.strip("-") == "" else full_channel(tracking),
        vendor=_publisher(" ".join(columns[4:-1] if len(columns) > 5 else columns[3:-1])),
        confinement=_confinement(notes),
        held=True if "held" in notes.split(",") else None,
    )


def _of_info(text: str) -> Package | None:
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        fields.setdefault(name, value.strip())
    installed = _INSTALLED.fullmatch(fields.get("installed", ""))
    if not _NAME.fullmatch(fields.get("name", "")) or installed is None:
        return None
    version, revision, size, notes = installed.groups()
    tracking, license_ = fields.get("tracking", ""), fields.get("license", "")
    return Package(
        manager="snap",
        name=fields["name"],
        version=version,
        revision=revision or "",
        channel=full_channel(tracking),
        vendor=_publisher(fields.get("publisher", "")),
        license="" if license_ in ("unset", "unknown") else license_.strip("'\""),
        # snap counts in thousands (snapd's strutil/quantity)
        size=size_of(size or ""),
        installed_at=seconds_of(fields.get("refresh-date", "")),
        confinement=_confinement(notes),
    )


def parse(text: str) -> Facts:
    """Return the snaps that are installed.

    :raises UnreadableError: where no line tells of one.
    """
    if re.search(r"^name:", text, re.MULTILINE):
        # Of several snaps, each begins with its name.
        parts = re.split(r"^(?=name:)", text, flags=re.MULTILINE)[1:]
        found = [package for package in map(_of_info, parts) if package is not None]
        known = True
    else:
        lines = text.splitlines()
        known = any(line.split()[:3] == ["Name", "Version", "Rev"] for line in lines)
        found = [package for package in map(_of_list, lines) if package is not None]
    if not found and not known and text.strip():
        raise UnreadableError("snap: no line of snap list or snap info")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(command="snap list --color=never --unicode=never (or snap info --abs-time NAME)", parse=parse)
