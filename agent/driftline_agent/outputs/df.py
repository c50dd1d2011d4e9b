"""Mounted filesystems with their sizes. Source: df(1) of coreutils and busybox; with any of -P, -T, -i, -k, -B."""

import re
from collections.abc import Iterator

from driftline import late
from driftline.v1.facts_pb2 import Facts, Filesystem
from driftline_agent import mounts
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output

_BLOCKS = late.pattern(r"(?<!\S)(\d{1,9})([KMGTPEkmgtpe]?)i?B?-(?:blocks|Blöcke|blocs|bloques)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50, "E": 1 << 60}
#: From the type on, or from the size on where there is no type: df -T, df -i write no other columns.
_ROW = late.pattern(
    r"\s*(?P<size>\d{1,20}|-)\s+(?P<used>-?\d+|-)\s+(?P<free>-?\d+|-)\s+(?P<share>-?\d+%|-)\s+(?P<point>/.*|-)$"
)
_HUMAN = late.pattern(
    r"\s*[\d.,]+[KMGTPE]?i?\s+[\d.,-]+[KMGTPE]?i?\s+[\d.,-]+[KMGTPE]?i?\s+(?:-?\d+%|-)\s+(?P<point>/.*)$"
)
_MAX_LINE = 8_192


def _lines(text: str) -> Iterator[str]:
    """Yield the rows; one whose device is long goes on in the next line."""
    waiting = ""
    for line in text.splitlines():
        if len(line) > _MAX_LINE or not line.strip():
            continue
        if waiting and line[0] in " \t":
            yield f"{waiting} {line}"
            waiting = ""
        elif len(line.split()) <= 2 and "%" not in line:
            waiting = line
        else:
            waiting = ""
            yield line


def _split(line: str, typed: bool) -> tuple[str, str, re.Match[str] | None]:
    """Return device, type and the match of the rest, which is looked for: a device may have blanks in its name."""
    words = re.finditer(r"\S+", line)
    for number, word in enumerate(words):
        if number >= (2 if typed else 1):
            found = _ROW.match(line, word.start()) or _HUMAN.match(line, word.start())
            if found:
                left = line[: word.start()].strip()
                device, _, kind = left.rpartition(" ") if typed else (left, "", "")
                return device.strip(), kind, found
        if number > 64:
            break
    return "", "", None


def parse(text: str) -> Facts:
    """Return every row, sorted by mount point. Rounded sizes (df -h) are left out: they would be wrong."""
    found: dict[str, Filesystem] = {}
    typed, unit, inodes = False, 0, False
    for line in _lines(text):
        if ("%" in line and not re.search(r"\d%", line)) or "apacity" in line:  # the heading
            names = line.split()
            typed, inodes = len(names) > 1 and names[1] in ("Type", "Typ"), "Inodes" in names or "Inode" in line
            blocks = _BLOCKS.search(line)
            unit = int(blocks[1]) * _UNITS[blocks[2].upper()] if blocks else 0
            continue
        device, kind, row = _split(line, typed)
        if row is None:
            continue
        point = row["point"]
        number = whole(row["size"], 1 << 62) if "size" in row.groupdict() else None
        server, export = mounts.server_of(kind, device) if kind else ("", "")
        out = found.setdefault(point, Filesystem(mount_point=point))
        out.device, out.type, out.server, out.export = mounts.safe_device(device), kind or out.type, server, export
        if number and inodes:
            out.inodes = number
        elif number and unit and number * unit < 1 << 62:
            out.size = number * unit
    if text.strip() and not found:
        raise UnreadableError("no output of df: no row of it could be read")
    facts = Facts()
    facts.storage.filesystems.extend(found[point] for point in sorted(found))
    return facts


OUTPUT = Output(command="df -P -T -k", parse=parse)
