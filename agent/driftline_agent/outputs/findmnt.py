"""What is mounted. Source: findmnt(8): -J, -P, --raw, lists and trees."""

import json
import re
from collections.abc import Iterator
from typing import Any

from driftline import late
from driftline.v1.facts_pb2 import Facts, Filesystem
from driftline_agent import mounts
from driftline_agent.errors import UnreadableError
from driftline_agent.numbers import whole
from driftline_agent.output import Output

_PAIR = late.pattern(r'([A-Z][A-Z0-9_:-]{1,20})="([^"]*)"')
_TREE = late.pattern(r"^[\s│├└─|`-]*(?=/)")
_HEX = late.pattern(r"\\x([0-9a-fA-F]{2})")

Row = dict[str, str]


def nested(entries: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list and of their ``children``."""
    for entry in entries if isinstance(entries, list) and depth < 64 else []:
        if isinstance(entry, dict):
            yield entry
            yield from nested(entry.get("children"), depth + 1)


def unhex(text: str) -> str:
    r"""Return a text with ``\x20`` as what it stands for."""
    if "\\x" not in text:
        return text
    return _HEX.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1", "replace").decode("utf-8", "replace")


def _rows(text: str) -> Iterator[Row]:
    if text.lstrip().startswith("{"):
        try:
            told = json.loads(text)
            entries = told.get("filesystems") if isinstance(told, dict) else None
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"no output of findmnt in JSON: {type(error).__name__}") from error
        for entry in nested(entries):
            yield {
                key.upper(): str(value) for key, value in entry.items() if isinstance(value, (str, int)) and value != ""
            }
        return
    names: list[str] = []
    for line in text.splitlines():
        if len(line) > 8_192 or not line.strip():
            continue
        pairs = _PAIR.findall(line)
        if pairs:
            yield {key: unhex(value) for key, value in pairs}
        elif line.split()[0] == "TARGET":
            names = line.split()
        elif names:
            words = _TREE.sub("", line).split()
            if len(words) >= len(names):
                yield {name: unhex(word) for name, word in zip(names, words, strict=False)}


def parse(text: str) -> Facts:
    """Return every mount, pseudo filesystems too, sorted; the topmost of several on one point."""
    found: dict[str, Filesystem] = {}
    for row in _rows(text):
        point, kind, source = row.get("TARGET", ""), row.get("FSTYPE", ""), row.get("SOURCE", "")
        if not point.startswith("/"):
            continue
        part = re.fullmatch(r"(.*)\[(/.*)\]", source)  # a bind mount or a subvolume
        device = mounts.safe_device(part[1] if part else source)
        server, export = mounts.server_of(kind, device)
        size = whole(row.get("SIZE"), 1 << 62)
        found[point] = Filesystem(
            mount_point=point,
            device=device,
            type=kind,
            options=mounts.merged(row["OPTIONS"].split(","), []) if "OPTIONS" in row else [],
            size=size or None,
            server=server,
            export=export,
            root=part[2] if part else "",
            uuid=row.get("UUID", ""),
            label=row.get("LABEL", ""),
        )
    if text.strip() and not found:
        raise UnreadableError("no output of findmnt: no row with a TARGET")
    facts = Facts()
    facts.storage.filesystems.extend(found[point] for point in sorted(found))
    return facts


OUTPUT = Output(command="findmnt -J", parse=parse)
