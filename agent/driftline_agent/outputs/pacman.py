"""Packages in the output of ``pacman -Qi`` or ``pacman -Q``."""

import re

from driftline import late
from driftline.v1.facts_pb2 import Facts, Package
from driftline_agent.errors import UnreadableError
from driftline_agent.output import Output
from driftline_agent.packages.kept import unique
from driftline_agent.packages.texts import blocks, size_of
from driftline_agent.packages.times import seconds_of

_LINE = late.pattern(r"([a-z0-9@_+][A-Za-z0-9@._+-]*) ((?:\d+:)?[^\s:-]+-\d[\d.]*)(?: \[ignored\])?")
_NONE = ("None", "Unknown Packager")


def _of_block(fields: dict[str, str]) -> Package:
    reason = fields.get("install reason", "")
    packager, groups = fields.get("packager", ""), fields.get("groups", "")
    return Package(
        manager="pacman",
        name=fields.get("name", ""),
        architecture=fields.get("architecture", ""),
        version=fields.get("version", ""),
        vendor="" if packager in _NONE else packager,
        size=size_of(fields.get("installed size", "")),
        installed_at=seconds_of(fields.get("install date", "")),
        license=" AND ".join(re.split(r"  +", fields.get("licenses", "").replace("None", ""))),
        section="" if groups in _NONE else ",".join(groups.split()),
        automatic=None if not reason else reason.startswith("Installed as a dependency"),
    )


def parse(text: str) -> Facts:
    """Return the packages.

    :raises UnreadableError: where no line tells of one.
    """
    found: list[Package] = []
    if re.search(r"^Name +: ", text, re.MULTILINE):
        found = [_of_block(fields) for fields in blocks(text) if fields.get("name") and fields.get("version")]
    else:
        for line in text.splitlines():
            parts = _LINE.fullmatch(line.strip())
            if parts is not None:
                held = True if line.rstrip().endswith("]") else None
                found.append(Package(manager="pacman", name=parts[1], version=parts[2], held=held))
    if not found and text.strip():
        raise UnreadableError("pacman: no line of pacman -Q or -Qi")
    facts = Facts()
    facts.software.packages.extend(unique(found))
    return facts


OUTPUT = Output(command="pacman -Qi (or -Q), LC_ALL=C", parse=parse)
